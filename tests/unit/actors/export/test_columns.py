"""What each column says of each kind of record, and null where a record says nothing."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from actors.export.columns import LEFT_OUT, Columns
from actors.records.addresses import record_address, wallet_address
from actors.records.credit_layout import SCORE, InquiryResult, OrderState
from actors.records.ids import encode_wallet, transfer_id
from actors.records.layout import (
    ACCOUNT,
    FLAG_FALLBACK,
    FLAG_FINAL,
    FLAG_IMPORTED,
    FLAG_LINKED,
    FLAG_REMOTE,
    FLAG_REVIEW,
    FLAG_SCORED,
    FLAG_SUSPENSE,
    GRANTED,
    ORDER_STATE,
    RECORD,
    RESULT_OF_INQUIRY,
    SCENARIO,
    Kind,
    Records,
    WalletStatus,
)
from actors.records.secret import Secret
from rules.vocabulary.encodings import Channel
from tests.journal_rows import NOON, record

SECRET = Secret.of(bytes(range(16)))
PAYER, PAYEE = wallet_address(1, 5), wallet_address(1, 6)
COLUMNS = Columns(SECRET)
NOON_TIME = datetime(2026, 11, 24, 12, tzinfo=UTC)
FULL = {
    "payer": PAYER,
    "payee": PAYEE,
    "amount": 5,
    "payer_posted": 10,
    "payee_posted": 20,
    "payer_held": 3,
    "caller": 2,
    "label": 1,
}


def rows(*records: Records) -> list[dict[str, Any]]:
    joined = np.concatenate(records)
    addresses = record_address(1, 7, 0) + np.arange(len(joined))
    values: list[dict[str, Any]] = COLUMNS.table(joined, addresses, np.zeros(len(joined), np.int64)).to_pylist()
    return values


def stated(row: Records) -> dict[str, Any]:
    """What is not null and not false."""
    return {name: value for name, value in rows(row)[0].items() if value is not None and value is not False}


def common(name: str, code: str = "ok") -> dict[str, Any]:
    address = record_address(1, 7, 0)
    return {
        "address": address,
        "id": uuid.UUID(transfer_id(SECRET, NOON, address)),
        "record": name,
        "code": code,
        "record_time": NOON_TIME,
        "effective_time": NOON_TIME,
        "currency": "EUR",
    }


def wallet(address: int) -> uuid.UUID:
    return uuid.UUID(encode_wallet(SECRET, address))


MONEY = {"payer": wallet(PAYER), "payee": wallet(PAYEE), "amount": 5, "caller": 2, "kind": "payment"}
AFTER = {"payer_posted": 10, "payer_held": 3}


def test_a_scored_payment_is_whole() -> None:
    row = record(
        Kind.TRANSFER,
        **FULL,
        flags=FLAG_SCORED,
        points=-7,
        reasons=5,
        pack=1,
        channel=Channel.POS,
        country=133,
        device=9,
    )
    decision = {"decision": "approve", "points": -7, "reasons": 5, "pack": 1}
    context = {"channel": "pos", "country": "DE", "device": 9}
    assert stated(row) == {**common("transfer"), **MONEY, **AFTER, "payee_posted": 20, **decision, **context}


def test_a_payee_on_another_shard_has_no_balance_here() -> None:
    assert stated(record(Kind.TRANSFER, **FULL, flags=FLAG_REMOTE)) == {
        **common("transfer"), **MONEY, **AFTER, "remote": True,
    }  # fmt: skip


def test_a_declined_payment_moved_nothing() -> None:
    assert stated(record(Kind.TRANSFER, **FULL, code=121)) == {
        **common("transfer", "insufficient_funds"), **MONEY,
    }  # fmt: skip


def test_a_hold_has_an_expiry() -> None:
    expiry = {"expiry": datetime(2026, 11, 24, 12, 0, 1, tzinfo=UTC)}
    row = record(Kind.HOLD, **FULL, expiry=NOON + 1_000)
    assert stated(row) == {**common("hold"), **MONEY, **AFTER, **expiry}


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_payment_in_review_says_whether_a_hold_was_asked_for(seconds: int) -> None:
    times = {"expiry": datetime(2026, 11, 24, 12, 0, 1, tzinfo=UTC)}
    asked = {"held_for": seconds} if seconds else {}
    row = record(Kind.HOLD, **FULL, expiry=NOON + 1_000, payee_lag=seconds, flags=FLAG_REVIEW)
    assert stated(row) == {**common("hold"), **MONEY, **AFTER, **times, **asked, "review": True}


@pytest.mark.parametrize("kind", [Kind.CAPTURE, Kind.VOID, Kind.EXPIRY, Kind.REFUND])
def test_what_becomes_of_a_transfer_refers_to_it(kind: Kind) -> None:
    target = record_address(1, 3, 2)
    moved = {"payee_posted": 20} if kind in (Kind.CAPTURE, Kind.REFUND) else {}
    row = record(kind, **FULL, reference=target, flags=FLAG_FINAL)
    assert stated(row) == {
        **common(kind.name.lower()), **MONEY, **AFTER, **moved, "reference": target, "final": True,
    }  # fmt: skip


def test_a_leg_refers_to_a_movement_of_another_shard() -> None:
    origin = record_address(0, 3, 2)
    row = record(Kind.LEG, **FULL, reference=origin, decision=Kind.CAPTURE, flags=FLAG_SUSPENSE)
    moved = {"payee_posted": 20, "reference": origin, "movement": "capture"}
    assert stated(row) == {**common("leg"), **MONEY, **moved, "suspense": True}


def test_wallet_records_name_a_wallet_and_no_money() -> None:
    opened = record(Kind.WALLET_OPENED, payee=PAYEE, label=2, decision=3, amount=-500, caller=2)
    own = {"wallet": wallet(PAYEE), "caller": 2, "wallet_kind": "merchant"}
    assert stated(opened) == {
        **common("wallet_opened"), **own, "tier": 3, "floor": -500,
    }  # fmt: skip
    frozen = record(Kind.WALLET_STATUS, payee=PAYEE, label=2, channel=WalletStatus.FROZEN, caller=2)
    assert stated(frozen) == {**common("wallet_status"), **own, "wallet_status": "frozen"}
    tier = record(Kind.WALLET_TIER, payee=PAYEE, label=2, decision=0, caller=2)
    assert stated(tier) == {**common("wallet_tier"), **own, "tier": 0}


def test_a_profile_says_what_a_shard_knew_of_a_payee_elsewhere() -> None:
    fields = {"payee": PAYEE, "label": 2, "decision": 3, "channel": WalletStatus.FROZEN, "effective_time": NOON - 5}
    own = {"wallet": wallet(PAYEE), "wallet_kind": "merchant", "tier": 3, "wallet_status": "frozen"}
    opened = {"effective_time": NOON_TIME - timedelta(milliseconds=5)}
    assert stated(record(Kind.PROFILE, **fields)) == {**common("profile"), **own, **opened}


def test_what_the_features_saw_is_told_where_there_were_features() -> None:
    records = np.concatenate([record(Kind.TRANSFER, **FULL), record(Kind.LEG, **FULL)])
    table = COLUMNS.table(records, np.arange(2), np.array([77, 0]))
    assert table["seen"].to_pylist() == [77, None]


def test_every_flag_has_its_column() -> None:
    names = {
        "remote": FLAG_REMOTE,
        "suspense": FLAG_SUSPENSE,
        "imported": FLAG_IMPORTED,
        "fallback": FLAG_FALLBACK,
        "final": FLAG_FINAL,
        "linked": FLAG_LINKED,
    }
    for name, flag in names.items():
        (row,) = rows(record(Kind.TRANSFER, **FULL, flags=flag))
        assert [other for other in names if row[other]] == [name]


def test_types_are_real_and_the_same_for_every_page() -> None:
    schema = COLUMNS.schema
    assert schema.field("id").type == pa.uuid()
    assert schema.field("amount").type == pa.int64()
    assert schema.field("record_time").type == pa.timestamp("ms", tz="UTC")
    for name in (
        "record",
        "code",
        "currency",
        "kind",
        "channel",
        "country",
        "decision",
        "wallet_kind",
        "wallet_status",
    ):
        assert pa.types.is_dictionary(schema.field(name).type)
        assert schema.field(name).type.value_type == pa.string()
    kinds = [kind for kind in Kind if kind not in LEFT_OUT]
    for some in ([Kind.TRANSFER], kinds):
        table = COLUMNS.table(
            np.concatenate([record(kind) for kind in some]), np.arange(len(some)), np.arange(len(some))
        )
        assert table.schema == schema


def test_mixed_pages_say_the_same_as_single_records() -> None:
    chance = np.random.default_rng(5)
    records = np.zeros(200, RECORD)
    records["kind"] = chance.choice([int(kind) for kind in Kind if kind not in LEFT_OUT], 200)
    records["record_time"], records["currency"] = NOON, chance.choice([978, 840, 1], 200)
    for name in ("payer", "payee", "amount", "reference", "payer_posted", "payee_posted", "device", "points"):
        records[name] = chance.integers(0, 3, 200)
    records["flags"], records["code"] = chance.integers(0, 512, 200), chance.choice([0, 110, 121], 200)
    addresses, seen = record_address(1, 7, 0) + np.arange(200), chance.integers(0, 3, 200)
    together = COLUMNS.table(records, addresses, seen).to_pylist()
    alone = [
        COLUMNS.table(records[i : i + 1], addresses[i : i + 1], seen[i : i + 1]).to_pylist()[0] for i in range(200)
    ]
    assert together == alone


def test_a_credit_record_says_what_it_is_about_and_nothing_that_is_no_payments() -> None:
    of = {"payer": PAYER, "payee": PAYEE, ACCOUNT: 7, SCENARIO: 3, "reference": 99, "expiry": NOON}
    order = stated(record(Kind.ORDER_PAID, **of, amount=70, **{ORDER_STATE: OrderState.PAID, "label": 1}))
    expected = {
        **common("order_paid"),
        "payer": wallet(PAYER),
        "payee": wallet(PAYEE),
        "amount": 70,
        "reference": 99,
        "expiry": NOON_TIME,
        "account": 7,
        "scenario": 3,
        "order_state": "paid",
    }
    assert order == expected
    inquiry = stated(record(Kind.INQUIRY, **{**of, "payer": 0}, **{RESULT_OF_INQUIRY: InquiryResult.NO, GRANTED: 0}))
    assert inquiry["result"] == "no" and "payer" not in inquiry and "payee" not in inquiry


def test_a_score_says_its_subtotals_and_keeps_its_bytes_to_itself() -> None:
    row = record(Kind.SCORE, payer=PAYER, currency=0)
    score = row.view(SCORE)
    score["score"], score["band"], score["card"], score["run"] = 640, 2, 4, 9
    score["subtotals"], score["gaps"] = (100, 120, 140, 130, 150), (5, 4, 3, 2)
    shown = stated(row)
    parts = {"history": 100, "behaviour": 120, "ability": 140, "identity": 130, "relations": 150}
    assert {name: shown[name] for name in parts} == parts
    assert (shown["score"], shown["band"], shown["card"], shown["run"]) == (640, 2, 4, 9)
    assert "amount" not in shown and "payer_posted" not in shown and "account" not in shown
