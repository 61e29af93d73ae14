"""Strict decoding. That every wrong field is refused is tests/acceptance; here, what the errors say."""

from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT, UNSET

from switch.http import schema
from switch.http.decoding import (
    NEW_WALLET,
    PACK_BACKTEST,
    PACK_TEXT,
    ROW_BYTES_MAX,
    TRANSFER,
    TRANSFER_BATCH,
    WALLET_BATCH,
    WALLET_PATCH,
    decode,
    decode_long,
)
from switch.http.names import NAMES_MAX
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


MANY = {
    "one name again and again": b'"a":"",' * 140_000,
    "other names": b"".join(b'"%x":"",' % number for number in range(80_000)),
}
TOO_MANY = f"there are more than {NAMES_MAX:,} names in it"


def refused(work: Any) -> tuple[str | None, str]:
    with pytest.raises(ProblemError) as problem:
        work()
    (error,) = problem.value.errors
    return error.field, error.message


@pytest.mark.parametrize("names", MANY.values(), ids=MANY)
def test_what_has_more_names_than_anything_that_is_right_is_refused_before_it_is_decoded(names: bytes) -> None:
    many = b"{" + names + b'"z":""}'
    row = GOOD + b',"idempotency_key":"a","metadata":' + many + b"}"
    assert len(row) < ROW_BYTES_MAX
    assert refused(lambda: decode(TRANSFER, GOOD + b',"metadata":' + many + b"}")) == ("", TOO_MANY)
    assert refused(lambda: to_end(TRANSFER_BATCH.decode(b'{"transfers":[' + row + b"]}"))) == ("transfers[0]", TOO_MANY)
    wallets = b'{"wallets":[{"currency":"EUR","kind":"user","attributes":' + many + b"}]}"
    assert refused(lambda: to_end(WALLET_BATCH.decode(wallets))) == ("wallets[0]", TOO_MANY)
    for files in (many, many + b',"files":{}'):
        pack = b'{"text":"a: b","files":' + files + b"}"
        assert refused(lambda pack=pack: to_end(decode_long(PACK_TEXT, pack))) == ("", TOO_MANY)
        assert refused(lambda pack=pack: to_end(PACK_BACKTEST.decode(pack))) == ("", TOO_MANY)


def test_a_row_is_no_longer_than_a_body_of_its_own_may_be_and_long_ones_are_decoded_in_steps_of_their_own() -> None:
    expected = ("transfers[1]", f"it has more than {ROW_BYTES_MAX:,} bytes")
    first = GOOD + b',"idempotency_key":"a"}'
    for filling in (b" " * ROW_BYTES_MAX, b',"reference":"' + b"x" * ROW_BYTES_MAX + b'"', b',"a":""' * 200_000):
        row = GOOD + filling + b',"idempotency_key":"b"}'
        batch = b'{"transfers":[' + first + b"," + row + b"]}"
        assert refused(lambda batch=batch: to_end(TRANSFER_BATCH.decode(batch))) == expected
    long = GOOD + b" " * 900_000 + b',"idempotency_key":"b"}'
    steps = TRANSFER_BATCH.decode(b'{"transfers":[' + b",".join([long] * 8) + b"]}")
    assert sum(1 for _ in steps) >= 8


def test_texts_full_of_colons_and_a_hundred_thousand_labels_are_taken() -> None:
    full = {f"{number:02}" + ":" * 38: ":" * 500 for number in range(50)}
    wallet = msgspec.json.encode({"currency": "EUR", "kind": "user", "attributes": full, "metadata": full})
    assert wallet.count(b":") > NAMES_MAX and decode(NEW_WALLET, wallet).metadata == full
    assert len(to_end(WALLET_BATCH.decode(b'{"wallets":[' + wallet + b"," + wallet + b"]}"))[1]) == 2
    label = {"label": True, "wallet": "00003000-0f18-86a7-a655-811d7f69def9", "idempotency_key": "a"}
    asked = {"text": "a: b\n" * 40_000, "files": {"a.txt": ":" * 100_000}, "labels": [label] * 100_000}
    body, labels = to_end(PACK_BACKTEST.decode(msgspec.json.encode(asked)))
    assert (body.files, len(labels)) == (asked["files"], 100_000)
    assert to_end(decode_long(PACK_TEXT, msgspec.json.encode({"text": asked["text"]}))).text == asked["text"]


def test_a_name_that_stands_twice_beside_long_texts_is_refused() -> None:
    twice = b'{"text":"a: b","files":{"a":"x:","a":"y"}}'
    assert refused(lambda: to_end(decode_long(PACK_TEXT, twice))) == ("a", "the field is given more than once")
    assert refused(lambda: to_end(PACK_BACKTEST.decode(twice))) == ("a", "the field is given more than once")


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
