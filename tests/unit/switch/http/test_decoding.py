"""Strict decoding. That every wrong field is refused is tests/acceptance; here, what the errors say."""

from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT, UNSET

from switch.http import schema
from switch.http.decoding import NEW_WALLET, TRANSFER, TRANSFER_BATCH, WALLET_PATCH, decode
from switch.http.schema import CHANNELS, LABELS, WALLET_KINDS, Context, WalletPatch
from switch.problems.table import ProblemError
from tests.steps import to_end

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
        (GOOD + b',"metadata":{"a":1}}', "invalid_field", "metadata.a"),
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
        to_end(TRANSFER_BATCH.decode(b'{"transfers":[' + GOOD + b',"idempotency_key":"a","amount":true}]}'))
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
        to_end(TRANSFER_BATCH.decode(body))
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
            to_end(TRANSFER_BATCH.decode(body))
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
    types = [each for each in vars(schema).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    assert len(types) > 5
    for each in types:
        assert all(field.default is NODEFAULT or field.default is UNSET for field in msgspec.structs.fields(each)), (
            each.__name__
        )
        assert all(field.default_factory is NODEFAULT for field in msgspec.structs.fields(each)), each.__name__


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        (b'"amount":"5"', "amount", 'expected a whole number, got "5"'),
        (b'"amount":0', "amount", "expected at least 1, got 0"),
        (b'"metadata":{"good":"x","bad":5}', "metadata.bad", "expected a text, got 5"),
        (
            b'"metadata":{"%s":"x"}' % (b"k" * 41),
            f"metadata.{'k' * 41}",
            f'expected at most 40 characters, got "{"k" * 41}"',
        ),
        (b'"context":{"country":"uk"}', "context.country", 'expected two capital letters, like DE, got "uk"'),
        (b'"context":7', "context", "expected an object, got 7"),
        (b'"reference":""', "reference", 'expected at least 1 characters, got ""'),
    ],
)
def test_errors_say_what_was_there_and_what_is_possible(fields: bytes, field: str, message: str) -> None:
    with pytest.raises(ProblemError) as problem:
        decode(TRANSFER, b"{" + fields + b"}")
    assert [(error.field, error.message) for error in problem.value.errors] == [(field, message)]


def test_an_unknown_field_is_told_its_neighbour_and_all_there_are() -> None:
    with pytest.raises(ProblemError) as problem:
        decode(TRANSFER, b'{"context":{"cuntry":"DE"}}')
    (error,) = problem.value.errors
    assert error.message == "the field is not known, country is near; there are channel, device, country, ip"


NAMES = [b"", b"a.b", b"[3]", b"a`b", b"a`", b"...", b"\\u0000"]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_that_a_caller_invents_confuses_the_explanation(name: bytes) -> None:
    for body in (b'{"%s":1}', b'{"context":{"%s":1}}', b'{"metadata":{"%s":1}}', b'{"metadata":{"%s":"\\u0001"}}'):
        with pytest.raises(ProblemError) as problem:
            decode(TRANSFER, body % name)
        assert problem.value.code == "invalid_field"


@pytest.mark.parametrize("character", ["\x00", "\x01", "\n", "\x1b", "\x7f", "\x85"])
@pytest.mark.parametrize("where", ["reference", "context.device", "metadata.k", "external_id", "owner"])
def test_control_characters_are_refused_in_every_text(character: str, where: str) -> None:
    text = f"a{character}b"
    name, _, inner = where.partition(".")
    value = {inner: text} if inner else text
    of_wallet = name in ("external_id", "owner")
    decoder: Any = NEW_WALLET if of_wallet else TRANSFER
    body = msgspec.json.encode({**(ANY_WALLET if of_wallet else ANY), name: value})
    if (character, name) == ("\n", "metadata"):  # the one that may have several lines
        assert decode(TRANSFER, body).metadata == value
        return
    with pytest.raises(ProblemError) as problem:
        decode(decoder, body)
    assert [error.field for error in problem.value.errors] == [where]


ANY = {"payer": WALLET.decode().strip('"'), "payee": WALLET.decode().strip('"'), "amount": 5, "currency": "EUR"}
ANY_WALLET = {"currency": "EUR", "kind": "user"}


@pytest.mark.parametrize("name", ["after", "kind", "reference", "metadata", "context", "hold", "expires_in"])
def test_null_for_a_field_that_may_be_left_out_is_as_if_it_were(name: str) -> None:
    assert decode(TRANSFER, msgspec.json.encode({**ANY, name: None})) == decode(TRANSFER, msgspec.json.encode(ANY))


@pytest.mark.parametrize("name", ["payer", "payee", "amount", "currency"])
def test_null_for_a_field_that_is_needed_is_refused(name: str) -> None:
    with pytest.raises(ProblemError) as problem:
        decode(TRANSFER, msgspec.json.encode({**ANY, name: None}))
    assert problem.value.errors[0].field == name


def test_null_within_context_in_rows_of_batches_and_for_wallets() -> None:
    nulls = dict.fromkeys(("channel", "device", "country", "ip"))
    assert decode(TRANSFER, msgspec.json.encode({**ANY, "context": nulls})).context == Context()
    row = {**ANY, "idempotency_key": "k", "hold": None, "effective_at": None}
    _, (decoded,) = to_end(TRANSFER_BATCH.decode(msgspec.json.encode({"transfers": [row], "linked": None})))
    assert decoded.hold is UNSET
    wallet = decode(NEW_WALLET, b'{"currency":"EUR","kind":"user","owner":null,"attributes":{"a":null}}')
    assert (wallet.owner, wallet.attributes) == (UNSET, {"a": None})
    assert decode(WALLET_PATCH, b'{"owner":null,"tier":null}') == WalletPatch(owner=None)


@pytest.mark.parametrize(
    ("body", "stated"),
    [
        (b'{"reference":"a\xff"}', "byte 0xff at position 15"),
        (b'{"reference":"a\\ud800b"}', "\\ud800, at position 15"),
        (b'{"reference":"a\\udc00"}', "\\udc00, at position 15"),
        (b'{"reference":"\\ud83d\\ude00\\ud83d"}', "\\ud83d, at position 26"),
        (b"", "empty"),
    ],
)
def test_what_is_no_text_is_named_with_its_place(body: bytes, stated: str) -> None:
    with pytest.raises(ProblemError) as problem:
        decode(TRANSFER, body)
    assert problem.value.code == "malformed_json" and stated in str(problem.value.detail)
