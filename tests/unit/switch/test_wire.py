"""Strict decoding. That every wrong field is refused is tests/acceptance; here, what the errors say."""

import msgspec
import pytest
from msgspec import NODEFAULT, UNSET

from switch import wire
from switch.problems import ProblemError
from switch.wire import CHANNELS, LABELS, NEW_WALLET, TRANSFER, TRANSFER_BATCH, WALLET_KINDS, decode
from tests.steps import done_at_once

WALLET = b'"00003000-0f18-86a7-a655-811d7f69def9"'
GOOD = b'{"payer":%s,"payee":%s,"amount":5,"currency":"EUR"' % (WALLET, WALLET)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (GOOD, "malformed_json", None),
        (GOOD + b',"amount":6}', "invalid_field", "amount"),
        (GOOD + b',"\\u0061mount":6}', "invalid_field", "amount"),
        (GOOD + b',"hue":1}', "invalid_field", "hue"),
        (GOOD + b',"context":{"hue":1}}', "invalid_field", "context.hue"),
        (GOOD + b',"context":{"country":"d"}}', "invalid_field", "context.country"),
        (GOOD + b',"metadata":{"a":1}}', "invalid_field", "metadata[...]"),
        (b"{}", "invalid_field", "payer"),
        (b"[]", "invalid_field", ""),
    ],
)
def test_errors_name_the_field(body: bytes, code: str, field: str | None) -> None:
    with pytest.raises(ProblemError) as problem:
        decode(TRANSFER, body)
    assert problem.value.code == code
    assert [error.field for error in problem.value.errors] == ([] if field is None else [field])


def test_a_batch_names_the_row() -> None:
    with pytest.raises(ProblemError) as problem:
        done_at_once(TRANSFER_BATCH.decode(b'{"transfers":[' + GOOD + b',"idempotency_key":"a","amount":true}]}'))
    assert problem.value.errors[0].field == "transfers[0].amount"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b'{"transfers":[]}', "invalid_field", "transfers"),
        (b'{"transfers":{}}', "invalid_field", "transfers"),
        (b'{"transfers":[1]}', "invalid_field", "transfers[0]"),
        (b'{"transfers":[' + b"1," * 1_000_000 + b"1]}", "invalid_field", "transfers[0]"),
        (b'{"transfers":[ ' + GOOD + b',"idempotency_key":"]},{["} , {"a":[{}]}]}', "invalid_field", "transfers[1].a"),
        (
            b'{"transfers":[{"payer":' + b"[],".join([b"["] * 100) + b"1" + b"]" * 100 + b"}]}",
            "invalid_field",
            "transfers[0].payer",
        ),
        (b"{}", "invalid_field", "transfers"),
        (b'{"transfers":[' + (GOOD + b',"idempotency_key":"a"},') * 10_000 + b"{}]}", "invalid_field", "transfers"),
        (b'{"transfers":[{},{"a":1}]', "malformed_json", None),
        (b'{"transfers":[{"payer":"\xff"}]}', "malformed_json", None),
        (b'{"transfers":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "malformed_json", None),
    ],
)
def test_a_list_that_is_none_is_refused_with_its_place(body: bytes, code: str, field: str | None) -> None:
    with pytest.raises(ProblemError) as problem:
        done_at_once(TRANSFER_BATCH.decode(body))
    assert problem.value.code == code
    assert [error.field for error in problem.value.errors] == ([] if field is None else [field])


def test_what_the_client_sent_is_not_given_back_at_length() -> None:
    with pytest.raises(ProblemError) as problem:
        decode(TRANSFER, GOOD + b',"' + b"x" * 100_000 + b'":1}')
    assert len(problem.value.errors[0].field) < 300


def test_good_bodies_pass() -> None:
    assert decode(TRANSFER, GOOD + b"}").amount == 5
    assert decode(NEW_WALLET, b'{"currency":"EUR","kind":"user","attributes":{"a":1.5,"b":null}}').kind == "user"


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**40])
def test_a_number_beyond_64_bits_is_no_attribute(number: int) -> None:
    with pytest.raises(ProblemError) as problem:
        decode(NEW_WALLET, b'{"currency":"EUR","kind":"user","attributes":{"a":%d}}' % number)
    assert problem.value.code == "invalid_field"


def test_names_of_enums_on_the_wire() -> None:
    assert LABELS["cash_in"] == 2
    assert CHANNELS["pos"] == 3
    assert "suspense" not in WALLET_KINDS


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (GOOD + b',"metadata":{"a":"x","b":"y","a":"z"}}', "a"),
        (GOOD + b',"metadata":{"a":"x","\\u0061":"z"}}', "a"),
        (GOOD + b',"context":{"country":"DE","country":"FR"}}', "country"),
        (GOOD + b',"context":{"country":"DE"},"context":{"country":"FR"}}', "context"),
        (b'{"transfers":[' + GOOD + b',"idempotency_key":"a","payee":%s}]}' % WALLET, "payee"),
        (
            b'{"transfers":[' + GOOD + b',"idempotency_key":"a"}],"transfers":[' + GOOD + b',"idempotency_key":"b"}]}',
            "transfers",
        ),
        (b'{"linked":true,"transfers":[' + GOOD + b',"idempotency_key":"a:"}],"linked":false}', "linked"),
    ],
)
def test_a_repeated_field_is_found_wherever_it_stands(body: bytes, field: str) -> None:
    with pytest.raises(ProblemError) as problem:
        if b'"transfers"' in body:
            done_at_once(TRANSFER_BATCH.decode(body))
        decode(TRANSFER, body)
    assert [(error.field, error.message) for error in problem.value.errors] == [
        (field, "the field is given more than once")
    ]


@pytest.mark.parametrize(
    "more",
    [
        b"",
        b',"context":{"ip":"2001:db8::1","country":"DE"}',
        b',"reference":"a: b, c: d","metadata":{"a:b":"::","c":""}',
        b',"context":{},"metadata":{}',
    ],
)
def test_colons_inside_values_are_no_repetition(more: bytes) -> None:
    assert decode(TRANSFER, GOOD + more + b"}").amount == 5


def test_an_absent_field_is_unset_in_every_type_that_is_read() -> None:
    """The count of members rests on this: a default of another value would be counted without standing in the body."""
    types = [each for each in vars(wire).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    assert len(types) > 5
    for each in types:
        assert all(field.default is NODEFAULT or field.default is UNSET for field in msgspec.structs.fields(each)), (
            each.__name__
        )
        assert all(field.default_factory is NODEFAULT for field in msgspec.structs.fields(each)), each.__name__
