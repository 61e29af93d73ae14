"""Rows: the packed bytes are REQUEST fields, and digests do not depend on how a body was written."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actors.records.addresses import record_address
from actors.records.ids import key_bytes, key_words, transfer_id
from actors.records.layout import REQUEST, Kind, WalletStatus
from actors.records.secret import Secret
from models.hashing import splitmix64, splitmix64s
from rules.vocabulary.encodings import Channel, Label, WalletKind, country_number, country_text, device_number
from switch.gateway.encode import (
    Details,
    after_address,
    body_digest,
    details_bytes,
    details_of,
    status_row,
    tier_row,
    transfer_row,
    wallet_row,
)
from switch.http.call import Caller
from switch.http.schema import Context, NewWallet, Transfer

SECRET = Secret.of(bytes(range(16)))
KEY = key_bytes("a key")


def fields(row: bytes) -> dict[str, int]:
    (record,) = np.frombuffer(row, REQUEST)
    return {name: record[name].item() for name in record.dtype.names if name != "spare"}


def test_every_field_of_a_transfer_lands_in_its_column() -> None:
    address = record_address(1, 2, 3)
    transfer = Transfer(
        payer="",
        payee="",
        amount=7,
        currency="EUR",
        after=transfer_id(SECRET, 1_700_000_000_000, address),
        kind="payment",
        reference="r",
        metadata={"b": "2", "a": "1"},
        context=Context(channel="pos", device="d", country="DE", ip="::1"),
    )
    row, details = transfer_row(transfer, 11, 12, after_address(SECRET, transfer), KEY, Caller(13, 14))
    hi, lo = key_words(KEY)
    assert fields(row) == {
        "op": Kind.TRANSFER,
        "flags": 0,
        "label": Label.PAYMENT,
        "channel": Channel.POS,
        "kind": 0,
        "tier": 0,
        "currency": 978,
        "caller": 13,
        "device": device_number("d"),
        "payer": 11,
        "payee": 12,
        "amount": 7,
        "key_hi": hi,
        "key_lo": lo,
        "digest": body_digest(details, address),
        "after": address,
        "effective_time": 14,
        "deferred_at": 0,
        "country": 4 * 32 + 5,
        "expires_in_s": 0,
    }
    assert details_of(details) == Details(reference="r", metadata={"a": "1", "b": "2"}, device="d", ip="::1")


def test_a_bare_transfer_has_no_details_and_no_digest() -> None:
    row, details = transfer_row(Transfer(payer="", payee="", amount=1, currency="XTS"), 1, 2, 0, KEY, Caller(1))
    assert details is None
    assert fields(row)["digest"] == 0


def test_wallet_rows_carry_what_the_ledger_reads() -> None:
    body = NewWallet(currency="JPY", kind="merchant", floor=-5, tier=3)
    opened = fields(wallet_row(body, WalletKind.MERCHANT, 0, KEY, b"\1" * 16, Caller(9, 8)))
    expected = {"op": Kind.WALLET_OPENED, "kind": WalletKind.MERCHANT, "tier": 3, "currency": 392, "caller": 9}
    assert expected.items() <= opened.items()
    assert (opened["amount"], opened["payee"], opened["effective_time"]) == (-5, 0, 8)
    frozen = fields(status_row(70_000, WalletStatus.FROZEN, KEY, Caller(9)))
    assert (frozen["op"], frozen["payee"], frozen["kind"]) == (Kind.WALLET_STATUS, 70_000, WalletStatus.FROZEN)
    tier = fields(tier_row(70_000, 200, KEY, Caller(9)))
    assert (tier["op"], tier["payee"], tier["tier"]) == (Kind.WALLET_TIER, 70_000, 200)


@given(st.dictionaries(st.text(), st.text()))
def test_the_order_of_metadata_does_not_matter(metadata: dict[str, str]) -> None:
    backwards = dict(reversed(metadata.items()))
    assert details_bytes("r", metadata, None, None) == details_bytes("r", backwards, None, None)


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1))
def test_splitmix_is_the_same_for_one_and_for_many(values: list[int]) -> None:
    with np.errstate(over="ignore"):
        assert splitmix64s(np.array(values, np.int64)).tolist() == [splitmix64(value) for value in values]


def test_splitmix_matches_its_published_first_output() -> None:
    assert splitmix64(0) == 0xE220A8397B1DCDAF


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2))
def test_countries_are_packed_and_unpacked(country: str) -> None:
    assert 0 < country_number(country) < 1 << 16
    assert country_text(country_number(country)) == country


@given(st.text(min_size=1))
def test_a_device_is_never_the_number_that_stands_for_none(device: str) -> None:
    assert 0 < device_number(device) < 1 << 32
