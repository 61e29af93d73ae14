"""Whether answers are as /openapi.json says: status, media type, headers and body.

`tests.front_door` asks of every answer that a test gets.

The document leaves answers open, so that readers take fields that come later. Here they are closed: a field that it does not name is found.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import msgspec

from switch.reference.openapi import described

_PART = re.compile(r"\\\{\w+\\\}")
JSON_MEDIA = ("application/json", "application/problem+json")
NO_ROUTE = {"not_found", "method_not_allowed", "malformed_request", "expectation_failed", "not_ready"}
"""Problems of paths that need no key, and of those that are not there."""


@functools.cache
def closed_document() -> dict[str, Any]:
    """The document, its answers closed."""
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(described()))
    for schema in document["components"]["schemas"].values():
        schema.setdefault("additionalProperties", False)
    return document


@functools.cache
def _operations() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Paths as patterns, those without parameters first, and their operations by method."""
    paths = sorted(closed_document()["paths"].items(), key=lambda item: item[0].count("{"))
    return [(re.compile(_PART.sub("[^/]+", re.escape(path))), operations) for path, operations in paths]


@functools.cache
def operation_of(method: str, path: str) -> dict[str, Any] | None:
    """What the document says of a request; None when there is no such call."""
    for pattern, operations in _operations():
        if pattern.fullmatch(path) and method.lower() in operations:
            operation: dict[str, Any] = operations[method.lower()]
            return operation
    return None


@functools.cache
def _validator(schema: str) -> Any:
    whole = {**msgspec.json.decode(schema), "components": closed_document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def wrong_with(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """What of an answer the document does not say; None when it is as documented."""
    operation = operation_of(method, path.partition("?")[0])
    media = headers.get("Content-Type", "").partition(";")[0]
    if operation is None:
        known = media == "application/problem+json" and msgspec.json.decode(body)["code"] in NO_ROUTE
        return None if known or path.startswith("/problems/") else "no such call"
    response = operation["responses"].get(str(status))
    if response is None:
        return f"status {status} is not documented"
    if "$ref" in response:
        response = closed_document()["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if media not in response["content"]:
        return f"media type {media} is not documented"
    absent = [name for name in response.get("headers", ()) if status >= 400 and name not in headers]
    if absent:
        return f"headers {absent} are missing"
    schema = response["content"][media].get("schema")
    if media not in JSON_MEDIA or schema is None:
        return None
    error = next(_validator(msgspec.json.encode(schema).decode()).iter_errors(msgspec.json.decode(body)), None)
    return None if error is None else f"{error.message} at {'/'.join(map(str, error.instance_path))}"
