"""Bodies are strict: lengths, ranges and characters are bounded, nothing unknown is taken, names stand for their numbers."""

from typing import Any, get_args

import msgspec
import pytest

from actors.records.layout import AMOUNT_MAX
from actors.stores.scopes import SCOPES
from rules.vocabulary.encodings import WalletKind
from switch.http.schema import (
    CHANNELS,
    LABELS,
    WALLET_KINDS,
    Bill,
    Context,
    KeyedTransfer,
    NewOrder,
    NewWallet,
    Scope,
    TransferLookup,
    Wire,
    check_ip,
    named,
)
from switch.problems.table import ProblemError

ID = "00003000-0f18-86a7-a655-811d7f69def9"
PAYMENT = {"payer": ID, "payee": ID, "amount": 1, "currency": "EUR", "idempotency_key": "k"}
WALLET = {"currency": "EUR", "kind": "user"}
ORDER = {
    "receipt": ID, "kind": "pay_later", "cap": 1, "currency": "EUR", "payee": ID, "number": "A1", "introduction": "Shoes",
}  # fmt: skip


def takes(kind: type[Wire], body: dict[str, Any]) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(body), type=kind)
    except msgspec.ValidationError:
        return False
    return True


LINE = {"name": "bed", "amount": 1}
TOO_MANY = {str(number): 0 for number in range(51)}


@pytest.mark.parametrize(
    ("kind", "base", "field", "right", "wrong"),
    [
        (KeyedTransfer, PAYMENT, "amount", [1, AMOUNT_MAX], [0, -1, AMOUNT_MAX + 1, 1.0, "1", True, None]),
        (KeyedTransfer, PAYMENT, "payer", [ID], ["", ID[1:], f"{ID}0", 1, None]),
        (KeyedTransfer, PAYMENT, "currency", ["EUR"], ["EU", "EURO", ""]),
        (KeyedTransfer, PAYMENT, "idempotency_key", ["k", "a b", "~" * 255], ["", "x" * 256, "é", "a\n", "\t"]),
        (KeyedTransfer, PAYMENT, "reference", ["x" * 256, "é 😀"], ["", "x" * 257, "a\nb", "a\0", "\x1b[0m", "\x85"]),
        (KeyedTransfer, PAYMENT, "metadata", [{}, {"a": "b\n"}, {"é" * 40: ""}], [{"": "b"}, {"a" * 41: ""}, {"a": 1}, {"a": "\0"}]),
        (KeyedTransfer, PAYMENT, "expires_in", [1], [0, -1, 10**9, 1.5]),
        (KeyedTransfer, PAYMENT, "hold", [True, False], [1, "true"]),
        (KeyedTransfer, PAYMENT, "context", [{}, {"country": "DE"}], [{"country": "de"}, {"country": "DEU"}, {"device": ""}, {"x": 1}]),
        (KeyedTransfer, PAYMENT, "amout", [], [1]),
        (NewWallet, WALLET, "floor", [0, -AMOUNT_MAX], [1, -AMOUNT_MAX - 1]),
        (NewWallet, WALLET, "tier", [0, 255], [-1, 256]),
        (NewWallet, WALLET, "owner", ["x" * 255, "é"], ["", "x" * 256, "a\r"]),
        (NewWallet, WALLET, "attributes", [{"a": None, "b": 2**63 - 1, "c": 0.5}], [{"a": 2**63}, {"a": []}, TOO_MANY]),
        (NewOrder, ORDER, "number", ["x" * 64], ["", "x" * 65, "a\nb"]),
        (NewOrder, ORDER, "introduction", ["a\tb\nc", "x" * 500], ["", "x" * 501, "a\x07"]),
        (Bill, {"items": []}, "items", [[LINE]], [[{**LINE, "name": ""}], [{**LINE, "amount": 0}], [LINE] * 101]),
        (TransferLookup, {}, "transfers", [[{"id": ID}], [{}] * 100], [[], [{}] * 101]),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_a_field_takes_what_is_documented_and_nothing_else(
    kind: type[Wire], base: dict[str, Any], field: str, right: list[Any], wrong: list[Any]
) -> None:
    for value in right:
        assert takes(kind, {**base, field: value}), value
    for value in wrong:
        assert not takes(kind, {**base, field: value}), value


def test_a_key_can_be_asked_for_with_every_scope_that_there_is() -> None:
    assert get_args(Scope) == SCOPES


def test_names_are_those_of_the_enums_and_suspense_wallets_are_not_made() -> None:
    assert "suspense" not in WALLET_KINDS and set(WALLET_KINDS.values()) == set(WalletKind) - {WalletKind.SUSPENSE}
    assert named(LABELS, "payment", 0, "kind") == LABELS["payment"]
    assert named(CHANNELS, msgspec.UNSET, 7, "channel") == 7


@pytest.mark.parametrize("value", ["", "Payment", "x" * 10_000, "\x1b[0m"])
def test_a_name_that_stands_for_nothing_is_refused_with_those_that_do(value: str) -> None:
    with pytest.raises(ProblemError) as refused:
        named(LABELS, value, 0, "transfers[3].kind")
    (error,) = refused.value.errors
    assert error.field == "transfers[3].kind" and "payment" in error.message
    assert len(error.message) < 400 and "\x1b" not in error.message


ZONES = ["fe80::1%eth0", "fe80::1%\x1b]0;x\n\0", "fe80::1%" + "x" * 500, "::1%"]


@pytest.mark.parametrize(
    "text", ["192.0.2.1", "0000:0000:0000:0000:0000:ffff:192.168.100.228", "::1", "2001:db8::7", "::ffff:192.0.2.1"]
)
def test_addresses_of_both_sorts_are_taken(text: str) -> None:
    check_ip(text, "ip")


@pytest.mark.parametrize(
    "text", ["", "192.0.2", "192.0.2.256", "192.0.2.01", "localhost", "::1/64", " ::1", "1", *ZONES]
)
def test_what_is_no_address_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(ProblemError) as refused:
        check_ip(text, "context.ip")
    assert refused.value.errors[0].field == "context.ip"


def test_a_context_of_nothing_is_equal_to_an_empty_one() -> None:
    assert msgspec.json.decode(b"{}", type=Context) == Context() and msgspec.json.encode(Context()) == b"{}"
