"""The OpenAPI document is valid, says all that the table of routes says, and its examples are what calls take."""

import hashlib
import re
from importlib.resources import files
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from openapi_spec_validator import validate

from models.scorecard import Scorecard
from rules.language.document import read_pack
from switch.api.app import OPEN_ROUTES, ROUTES
from switch.http import schema
from switch.http.body_errors import EXPLAINED_BYTES_MAX
from switch.http.decoding import TRANSFER_BATCH, WALLET_BATCH, Listed, decode
from switch.problems.table import PROBLEMS
from switch.reference.examples import EXAMPLES
from switch.reference.json_schema import components, name_of
from switch.reference.openapi import PARAMETERS, document

DOCUMENT = msgspec.json.decode(document())
RAPIDOC_SHA256 = "b083f080f1727f019ccf551228392e0fc39a0be450ba19bca451ea31d6be2ec9"
"""Of dist/rapidoc-min.js.gz in the npm package rapidoc 9.3.8, whose integrity is
sha512-eCYEbr1Xr8OJZvVCw8SXl9zBCRoLJbhNGuG5IZTHq/RWAOq/O4MafUCuFEyZHsrhLrlUcGZMa64pyhpib8fQKQ==."""


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    kind, name = node["$ref"].split("/")[2:]
    found: dict[str, Any] = DOCUMENT["components"][kind][name]
    return found


def test_the_document_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    validate(DOCUMENT)


def test_versions_are_matched_and_told_only_where_a_call_looks_at_them() -> None:
    for path, calls in DOCUMENT["paths"].items():
        for method, call in calls.items():
            headers = {each["name"] for each in call.get("parameters", ()) if each.get("in") == "header"}
            stated = any("ETag" in answer.get("headers", {}) for answer in call["responses"].values())
            kept = path in {f"/v1/{each}/{{name}}" for each in ("rule-packs", "scorecards", "scenarios")}
            assert ("If-Match" in headers) == (kept and method == "put"), (method, path)
            assert stated == (kept and method in ("get", "put")), (method, path)
    assert "201" not in DOCUMENT["paths"]["/v1/lists/{name}/entries/{value}"]["put"]["responses"]
    assert "201" in DOCUMENT["paths"]["/v1/lists/{name}"]["put"]["responses"]


def test_every_route_is_there_with_its_scopes_parameters_and_problems() -> None:
    seen = 0
    for route in ROUTES:
        choice = re.search(r"\{\w+:([^}]*)\}", route.path)
        for word in choice[1].split("|") if choice else [""]:
            path = route.path.replace(choice[0], word) if choice else route.path
            operation = DOCUMENT["paths"][path][route.method.lower()]
            assert {each["key"][0] for each in operation["security"]} == route.scopes
            parameters = {(each["in"], each["name"]): each for each in operation["parameters"]}
            assert {name for place, name in parameters if place == "query"} == set(route.query)
            assert {
                name for (place, name), each in parameters.items() if place == "query" and each.get("required")
            } == set(route.needed)
            assert (("header", "Idempotency-Key") in parameters) == (
                route.problems >= {"idempotency_mismatch", "invalid_idempotency_key"}
            )
            assert (("header", "Shardpay-Time") in parameters) == ("invalid_shardpay_time" in route.problems)
            codes = [
                code
                for answer in map(_resolved, operation["responses"].values())
                for content in answer["content"].values()
                for code in content.get("schema", {}).get("properties", {}).get("code", {}).get("enum", ())
            ]
            assert sorted(codes) == sorted(route.all_problems)
            for status, answer in operation["responses"].items():
                content = _resolved(answer)["content"].get("application/problem+json")
                assert content is None or all(
                    str(PROBLEMS[code].status) == status for code in content["schema"]["properties"]["code"]["enum"]
                )
            assert ("requestBody" in operation) == bool(route.bodies)
            seen += 1
    assert sum(map(len, DOCUMENT["paths"].values())) == seen + len(OPEN_ROUTES)
    assert set(PARAMETERS) == {name for route in ROUTES for name in route.query}


def test_nothing_of_other_pages_is_linked() -> None:
    assert not re.findall(r"\]\([^)]*\)", document())


def _types() -> set[Any]:
    bodies = {body for route in ROUTES for body in route.bodies}
    return {body for body in bodies if isinstance(body, type)}


def test_every_body_has_an_example() -> None:
    assert set(EXAMPLES) == _types()


@pytest.mark.parametrize("body", EXAMPLES, ids=name_of)
def test_an_example_is_what_its_call_takes(body: Any) -> None:
    example = msgspec.json.encode(EXAMPLES[body])
    whole = {"$ref": f"#/components/schemas/{name_of(body)}", "components": {"schemas": components([body])}}
    assert jsonschema_rs.Draft202012Validator(whole, validate_formats=True).is_valid(msgspec.json.decode(example))
    listed: dict[Any, Listed[Any, Any]] = {schema.TransferBatch: TRANSFER_BATCH, schema.WalletBatch: WALLET_BATCH}
    if body in listed:
        steps = listed[body].decode(example)
        with pytest.raises(StopIteration) as ended:
            while True:
                next(steps)
        assert ended.value.value[1]
    else:
        decode(msgspec.json.Decoder(body), example)
    assert len(example) < EXPLAINED_BYTES_MAX


def test_the_examples_of_documents_check() -> None:
    read_pack(EXAMPLES[schema.PackText]["text"])
    assert msgspec.convert(EXAMPLES[Scorecard], Scorecard).best == 560


# What schemas refuse is what calls refuse, where a schema can say it.

TRANSFER = EXAMPLES[schema.Transfer]
REFUSED = [
    {"amount": 0},
    {"amount": 1.5},
    {"currency": "EURO"},
    {"kind": "gift"},
    {"reference": "two\nlines"},
    {"reference": "ends in a new line\n"},
    {"reference": ""},
    {"metadata": {"": "x"}},
    {"metadata": {"a": 1}},
    {"context": {"country": "de"}},
    {"context": {"channel": "pigeon"}},
    {"unknown": 1},
    {"expires_in": 0},
]


@pytest.mark.parametrize("change", REFUSED, ids=str)
def test_a_schema_refuses_what_its_call_refuses(change: dict[str, Any]) -> None:
    whole = {"$ref": "#/components/schemas/Transfer", "components": DOCUMENT["components"]}
    assert not jsonschema_rs.Draft202012Validator(whole, validate_formats=True).is_valid({**TRANSFER, **change})


# The page.


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = (files("switch.api") / "static" / "docs.html").read_text(encoding="utf-8")
    loaded = re.findall(r'(?:src|href|spec-url)="([^"]*)"', page)
    assert "/openapi.json" in loaded
    assert all(each.startswith("/") or each == "data:," for each in loaded)
    assert 'load-fonts="false"' in page


def test_the_script_of_the_page_is_the_one_that_was_published() -> None:
    static = files("switch.api") / "static"
    assert hashlib.sha256((static / "rapidoc-min.js.gz").read_bytes()).hexdigest() == RAPIDOC_SHA256
    assert "MIT License" in (static / "rapidoc.LICENSE.txt").read_text(encoding="utf-8")
