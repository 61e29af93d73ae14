"""Types as JSON Schema accept what their decoders accept: bounds, nulls, what may be absent, and nothing unknown in a body."""

from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec
import pytest
from msgspec import Meta, Raw

from switch.http.schema import NewWallet, PackMode, Transfer
from switch.reference.json_schema import components, schema_of

DEFINED = components([NewWallet, PackMode, Transfer])
ID = "00003000-0f18-86a7-a655-811d7f69def9"
PAYMENT = {"payer": ID, "payee": ID, "amount": 1, "currency": "EUR"}
WALLET = {"currency": "EUR", "kind": "user"}


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str, {"type": "string"}),
        (int | None, {"type": ["integer", "null"]}),
        (Raw, {}),
        (Any, {}),
        (Literal["a", "b"], {"enum": ["a", "b"]}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Annotated[int, Meta(ge=1, lt=9)], {"type": "integer", "minimum": 1, "exclusiveMaximum": 9}),
        (Annotated[str, Meta(min_length=36, max_length=36)], {"type": "string", "format": "uuid"}),
        (
            Annotated[str, Meta(max_length=5, pattern=r"^[^\x00]*\Z")],
            {"type": "string", "maxLength": 5, "pattern": r"^[^\u0000]*$"},
        ),
        (Annotated[list[str], Meta(min_length=1)], {"type": "array", "items": {"type": "string"}, "minItems": 1}),
        (Annotated[str, Meta(max_length=5)] | None, {"type": ["string", "null"], "maxLength": 5}),
    ],
)
def test_a_type_has_its_schema(annotation: Any, schema: dict[str, Any]) -> None:
    found = {name: value for name, value in schema_of(annotation).items() if value is not None}
    assert found == schema


def accepts(name: str, value: Any) -> bool:
    document = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": DEFINED}}
    return bool(jsonschema_rs.validator_for(document).is_valid(value))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Transfer, PAYMENT),
        (Transfer, {**PAYMENT, "amount": 0}),
        (Transfer, {**PAYMENT, "amount": 2**53}),
        (Transfer, {**PAYMENT, "amount": "1"}),
        (Transfer, {**PAYMENT, "amout": 1}),
        (Transfer, {"payer": ID}),
        (Transfer, {**PAYMENT, "currency": "EURO"}),
        (Transfer, {**PAYMENT, "reference": ""}),
        (Transfer, {**PAYMENT, "reference": "a\nb"}),
        (Transfer, {**PAYMENT, "context": {"country": "de"}}),
        (Transfer, {**PAYMENT, "metadata": {"a" * 41: "x"}}),
        (NewWallet, WALLET),
        (NewWallet, {**WALLET, "floor": 1}),
        (NewWallet, {**WALLET, "tier": 256}),
        (NewWallet, {**WALLET, "attributes": {"a": [1]}}),
        (NewWallet, {**WALLET, "attributes": {"a": None, "b": 1.5}}),
        (PackMode, {"mode": "live"}),
        (PackMode, {"mode": "dead"}),
        (PackMode, {"mode": "challenger", "share": 0}),
    ],
)
def test_a_schema_accepts_what_the_front_door_does(kind: type[msgspec.Struct], value: Any) -> None:
    try:
        msgspec.convert(value, kind)
        right = True
    except msgspec.ValidationError:
        right = False
    assert accepts(kind.__name__, value) is right


def test_fields_are_described_and_types_that_they_name_are_there() -> None:
    assert DEFINED["Transfer"]["properties"]["payer"]["description"] and "Context" in DEFINED
    assert DEFINED["Transfer"]["required"] == ["payer", "payee", "amount", "currency"]
    assert DEFINED["Transfer"]["additionalProperties"] is False
