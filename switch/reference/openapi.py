"""The OpenAPI 3.1 document, from the routes and the types of bodies and answers.

`python -m switch.reference` writes it where a front door serves it, as /openapi.json; a test compares.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final, get_args

import msgspec

from actors.records.layout import AMOUNT_MAX, ReviewStatus
from actors.stores.admin_log import Outcome
from actors.stores.webhook_endpoints import DeliveryState
from switch.api.account_statements import FORMATS
from switch.api.app import OPEN_ROUTES, ROUTES
from switch.api.reviews import ASSIGNED
from switch.api.route import KEY_NEEDED, OpenRoute, Route
from switch.http.access import Access
from switch.http.call import PAGE_DEFAULT, PAGE_MAX
from switch.http.schema import DEVICE_CHARACTERS_MAX, KEY_CHARACTERS_MAX, Capture, Empty, Refund
from switch.http.server import JSON, PROBLEM
from switch.problems.table import PROBLEMS, Problem
from switch.reference.examples import EXAMPLES
from switch.reference.http_calls import CREATED, NOTES, query_meaning
from switch.reference.http_fields import without_links
from switch.reference.json_schema import Schema, components, reference, schema_of
from switch.reference.schema import named_in
from switch.views.entry_filter import WORDS

KEY_SCHEME: Final = "key"
_CHOICE: Final = re.compile(r"\{\w+:([^}]*)\}")
_PART: Final = re.compile(r"\{(\w+)\}")
_UUID: Final = {"type": "string", "format": "uuid"}
_TIME: Final = {"type": "string", "format": "date-time"}
_AMOUNT: Final = {"type": "integer", "minimum": 0, "maximum": AMOUNT_MAX}
_DOCUMENT_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 64}
_TEXT: Final = {"type": "string", "minLength": 1}
PARAMETERS: Final[dict[str, Schema]] = {
    "account": _TEXT,
    "after": _TEXT,
    "amount_max": _AMOUNT,
    "amount_min": _AMOUNT,
    "all": {"type": "boolean", "default": False},
    "assigned": {"enum": list(ASSIGNED)},
    "assignee": _TEXT,
    "at": _TIME,
    "balances": {"type": "boolean", "default": False},
    "call": _TEXT,
    "counterparty": _UUID,
    **{name: {"enum": list(words)} for name, words in WORDS.items()},
    "due_before": _TIME,
    "event": _UUID,
    "external_id": _TEXT,
    "format": {"enum": list(FORMATS), "default": FORMATS[0]},
    "events": _TEXT,
    "from": _TIME,
    "idempotency_key": {**_TEXT, "maxLength": KEY_CHARACTERS_MAX},
    "limit": {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT},
    "metadata": {"type": "string", "pattern": "^[^:]+:"},
    "number": _TEXT,
    "outcome": {"enum": list(get_args(Outcome))},
    "owner": _TEXT,
    "reference": _TEXT,
    "resource": _TEXT,
    "since": _TIME,
    "state": {"enum": [state.name.lower() for state in DeliveryState]},
    "status": {"enum": [status.name.lower() for status in ReviewStatus], "default": "open"},
    "to": _TIME,
    "types": _TEXT,
    "until": _TIME,
    "version": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "wallet": _UUID,
}
"""Parameters of queries: what they take."""
_IN_PATH: Final[dict[str, tuple[Schema, str]]] = {
    "id": (_UUID, "Id."),
    "delivery": (_UUID, "Id of the delivery."),
    "receipt": (_UUID, "Id of the decision."),
    "name": (_DOCUMENT_NAME, "Name of the document."),
    "rule": (_DOCUMENT_NAME, "The rule's id."),
    "value": (
        {**_TEXT, "maxLength": DEVICE_CHARACTERS_MAX},
        "A wallet's id, a device's name or a country, as the list's type says.",
    ),
    "wallet": (_UUID, "The wallet's id."),
    "code": ({"enum": list(PROBLEMS)}, "Code of the problem."),
}
_OPTIONAL: Final = (Empty, Capture, Refund)
"""Bodies that may be left out."""
_VERSIONED: Final = frozenset(
    route.path for route in ROUTES if route.method == "PUT" and "version_conflict" in route.problems
)
"""Paths of documents of which each change is a version."""
_INTRODUCTION: Final = """\
Amounts are integers in minor units. Ids are UUIDs that the switch assigns. Times are RFC 3339 in UTC. Unknown fields are an error; null for
a field that may be left out is as if it were not there; in a PATCH, it clears a field that may be null. Lists answer `{data, has_more,
next}`; `?after=NEXT` is the next page. Errors are `application/problem+json`; after a 429, a 503 or a lost answer send the same request
with the same `Idempotency-Key` again."""


def document() -> str:
    """The document as text: a line for each call, type and shared answer, so that changes can be read."""
    return _lines(described(), 0, 3) + "\n"


def _lines(value: Any, depth: int, deepest: int) -> str:
    if depth == deepest or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inside = ",\n".join(
        f"{' ' * (depth + 1)}{json.dumps(name)}: {_lines(each, depth + 1, deepest)}" for name, each in value.items()
    )
    return f"{{\n{inside}\n{' ' * depth}}}"


def described() -> dict[str, Any]:
    """The document."""
    shared = _Shared()
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for route in ROUTES:
        for path, word in _paths(route.path):
            paths[path][route.method.lower()] = _operation(route, path, word, shared)
    for each in OPEN_ROUTES:
        paths[each.path]["get"] = _open_operation(each, shared)
    bodies = [body for route in ROUTES for body in route.bodies if _is_struct(body)]
    called = [*(each.path for each in ROUTES), *(each.path for each in OPEN_ROUTES)]
    answered = [*(each.answer for each in ROUTES), *(each.answer for each in OPEN_ROUTES)]
    answers = [struct for each in answered for struct in named_in(each)]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Shardpay",
            "version": version("shardpay"),
            "description": _INTRODUCTION.replace("\n", " "),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The switch that this document comes from."}],
        "tags": [{"name": tag} for tag in dict.fromkeys(map(_tag, called))],
        "paths": dict(paths),
        "components": {
            "schemas": components([*bodies, *answers, Problem]),
            "responses": shared.responses,
            "headers": _HEADERS,
            "securitySchemes": {
                KEY_SCHEME: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `shardpay keys create`. The scopes beside a call are those of which the key needs one.",
                }
            },
        },
    }


_HEADERS: Final = {
    "Idempotent-Replayed": {
        "description": "The answer of the first request with this key: nothing new happened.",
        "schema": {"enum": ["true"]},
    },
    "ETag": {"description": "The version, for `If-Match`.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "WWW-Authenticate": {"description": "How to say who asks.", "schema": {"type": "string"}},
}


def _paths(path: str) -> Iterator[tuple[str, str]]:
    """A path for each of the words that a part of it may be, and the word."""
    choice = _CHOICE.search(path)
    if choice is None:
        yield path, ""
        return
    for word in choice[1].split("|"):
        yield path.replace(choice[0], word), word


def _tag(path: str) -> str:
    parts = path.split("/")
    return "switch" if parts[1] != "v1" else "credit" if "credit" in parts or parts[2] == "scores" else parts[2]


def _operation(route: Route, path: str, word: str, shared: "_Shared") -> dict[str, Any]:
    bound = "may not call it" if route.access is Access.REFUSED else route.access.value
    notes = without_links(NOTES.get((route.method, route.path), ""))
    name = f"{route.handler.__name__}{f'_{word}' if word else ''}".replace("-", "_")
    operation: dict[str, Any] = {
        "operationId": name,
        "tags": [_tag(path)],
        "summary": route.summary,
        "description": f"{notes}\n\nA bound account: {bound}.".strip(),
        "security": [{KEY_SCHEME: [scope]} for scope in sorted(route.scopes)],
        "parameters": [*_of_path(path), *_of_query(route), *_of_headers(route)],
        "responses": dict(sorted((_answers(route) | shared.problems(route.all_problems)).items())),
    }
    if route.bodies:
        operation["requestBody"] = _body(route)
    return operation


def _open_operation(route: OpenRoute, shared: "_Shared") -> dict[str, Any]:
    content = {JSON: {"schema": reference(route.answer)}} if _is_struct(route.answer) else {_media(route.answer): {}}
    return {
        "operationId": f"get_{re.sub('[^a-z]+', '_', route.path.strip('/'))}".rstrip("_"),
        "tags": [_tag(route.path)],
        "summary": without_links(route.summary),
        "security": [],
        "parameters": list(_of_path(route.path)),
        "responses": {"200": {"description": "OK", "content": content}, **shared.problems(route.problems)},
    }


def _is_struct(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, msgspec.Struct)


def _media(content_type: str) -> str:
    return content_type.partition(";")[0]


def _of_path(path: str) -> Iterator[dict[str, Any]]:
    for name in _PART.findall(path):
        schema, text = _IN_PATH[name]
        yield {"name": name, "in": "path", "required": True, "description": text, "schema": schema}


def _of_query(route: Route) -> Iterator[dict[str, Any]]:
    for name in route.query:
        text = query_meaning(route.path, name)
        parameter = {"name": name, "in": "query", "description": text, "schema": PARAMETERS[name]}
        yield parameter | ({"required": True} if name in route.needed else {})


def _of_headers(route: Route) -> Iterator[dict[str, Any]]:
    if route.keyed:
        text = "The same key with the same body gets the first answer again."
        schema = {"type": "string", "minLength": 1, "maxLength": KEY_CHARACTERS_MAX}
        parameter = {"name": "Idempotency-Key", "in": "header", "description": text, "schema": schema}
        yield parameter | ({"required": True} if route.problems >= KEY_NEEDED else {})
    if "invalid_shardpay_time" in route.problems:
        text = "The effective time of a historical payment; needs the scope `import`."
        yield {"name": "Shardpay-Time", "in": "header", "description": text, "schema": _TIME}
    if _versioned(route) and route.method == "PUT":
        for name, text in (
            ("If-Match", "The version to replace, as its ETag."),
            ("If-None-Match", "`*`: only when there is none of this name."),
        ):
            yield {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}


def _body(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for body in route.bodies:
        if not _is_struct(body):
            content[body] = {"schema": {"type": "string"}} if body.endswith("yaml") else {}
            continue
        content[JSON] = {"schema": reference(body)}
        if body in EXAMPLES:
            content[JSON]["example"] = EXAMPLES[body]
    return {"required": route.bodies[0] not in _OPTIONAL, "content": content}


def _answers(route: Route) -> dict[str, Any]:
    content: dict[str, Any] = {
        media: {"schema": {"type": "string"}} if "text/" in media else {} for media in route.media
    }
    if JSON in content:
        content[JSON] = {"schema": schema_of(route.answer)}
    names = [name for name, is_sent in (("Idempotent-Replayed", route.keyed), ("ETag", _versioned(route))) if is_sent]
    headers = {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}} if names else {}
    created = (route.method, route.path) in CREATED
    makes = route.method == "PUT" and route.path.endswith("/{name}")
    statuses = ("200", "201") if makes else ("201",) if created else ("200",)
    words = {"200": "OK", "201": "Created"}
    return {status: {"description": words[status], "content": content, **headers} for status in statuses}


def _versioned(route: Route) -> bool:
    """Whether it is about a document of which each change is a version."""
    return route.path in _VERSIONED


class _Shared:
    """Problems by status, each answer once: most calls can end in the same ways. `responses`: by name."""

    def __init__(self) -> None:
        self.responses: dict[str, Any] = {}
        self._names: dict[tuple[str, ...], str] = {}

    def problems(self, codes: Iterable[str]) -> dict[str, Any]:
        """References by status to what a call with these codes can end with."""
        by_status: dict[int, list[str]] = defaultdict(list)
        for code in sorted(codes):
            by_status[PROBLEMS[code].status].append(code)
        return {
            str(status): {"$ref": f"#/components/responses/{self._name(status, some)}"}
            for status, some in sorted(by_status.items())
        }

    def _name(self, status: int, codes: list[str]) -> str:
        key = tuple(codes)
        if key not in self._names:
            number = sum(name.startswith(f"Problem{status}") for name in self.responses) + 1
            self._names[key] = f"Problem{status}_{number}"
            self.responses[self._names[key]] = _problem(status, codes)
        return self._names[key]


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    schema = {**reference(Problem), "properties": {"code": {"enum": codes}, "status": {"const": status}}}
    named = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}.get(status, ())
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in named}
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "content": {PROBLEM: {"schema": schema}}}
    return answer | ({"headers": headers} if headers else {})
