"""Repeats: the same body gives the original result, a linked group only as a whole; whole columns say what one row at a time says."""

from typing import Any

import numpy as np
import pytest

from actors.records.codes import Code
from actors.records.layout import (
    FIELDS,
    FLAG_CONTINUES,
    FLAG_IMPORTED,
    FLAG_LINKED,
    FLAG_REVIEW,
    RECORD,
    REQUEST,
    REQUEST_ANSWER,
    RESULT,
    Kind,
)
from actors.shard.batch import Batch
from actors.shard.idempotency import LINKED, SAME, differences, repeated_results
from actors.shard.intake import whole
from actors.shard.messages import Submit
from tests.oracle.oracle_replies import fill_replay

ALONE = np.zeros(1, np.bool_)
CONTINUES = np.ones(1, np.bool_)
MADE = (
    Kind.WALLET_OPENED,
    Kind.WALLET_STATUS,
    Kind.WALLET_TIER,
    Kind.TRANSFER,
    Kind.HOLD,
    Kind.CAPTURE,
    Kind.VOID,
    Kind.REFUND,
    Kind.APPROVAL,
)
FLAGS = FLAG_IMPORTED | FLAG_LINKED | FLAG_CONTINUES | FLAG_REVIEW


def _batch(flags: list[int]) -> Batch:
    rows = np.zeros(len(flags), REQUEST)
    rows["flags"] = flags
    return Batch(0, [whole(Submit(ref=1, rows=rows, details={}))], 1)


def _pairs(count: int, chance: np.random.Generator) -> tuple[Any, Any, Any]:
    """Records, the requests they were made of but for some columns of some rows, and which requests continue a group."""
    records = np.frombuffer(bytearray(chance.bytes(count * RECORD.itemsize)), RECORD)
    records["kind"] = chance.choice([int(kind) for kind in MADE], count)
    records["flags"] = chance.choice(2048, count) & chance.choice([0, FLAGS], count)
    records["code"] = chance.choice([0, 0, int(Code.DECLINED)], count)
    records["record_time"] = chance.integers(1, 2**40, count)
    records["expiry"] = records["record_time"] + chance.integers(0, 3, count) * 1_000 + chance.integers(0, 2, count)
    records["payee_lag"] = chance.integers(0, 2, count)
    rows = np.zeros(count, REQUEST)
    kind, flags = records["kind"], records["flags"]
    waits = (kind == Kind.HOLD) & (flags & FLAG_REVIEW != 0)
    rows["op"] = np.where(waits & (records["payee_lag"] == 0), int(Kind.TRANSFER), kind)
    for name in ("payer", "payee", "amount", "currency", "label", "channel", "country", "device", "digest"):
        rows[name] = records[name]
    rows["after"] = records["reference"]
    rows["tier"] = records["decision"]
    rows["kind"] = np.where(kind == Kind.WALLET_STATUS, records["channel"], records["label"])
    rows["expires_in_s"] = np.where(waits, records["payee_lag"], (records["expiry"] - records["record_time"]) // 1_000)
    rows["effective_time"] = np.where(flags & FLAG_IMPORTED != 0, records["effective_time"], 0)
    answers = np.isin(kind, (Kind.CAPTURE, Kind.VOID, Kind.APPROVAL, Kind.REFUND)) & (flags & FLAG_REVIEW != 0)
    rows["flags"] = np.where(answers, REQUEST_ANSWER, flags & FLAG_LINKED)
    continues = flags & FLAG_CONTINUES != 0
    for name in REQUEST.names or ():
        changed = chance.random(count) < 0.03
        rows[name][changed] = chance.integers(0, 127, int(changed.sum()))
    return rows, records, continues ^ (chance.random(count) < 0.03)


@pytest.mark.parametrize("seed", range(5))
def test_whole_columns_say_of_every_row_what_the_plain_form_says(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows, records, continues = _pairs(4_000, chance)
    addresses = chance.integers(1, 2**60, len(rows))
    shown = repeated_results(rows, records, addresses, continues)
    expected = np.zeros(len(rows), RESULT)
    for i in range(len(rows)):
        one = slice(i, i + 1)
        fill_replay(expected[one], rows[one], records[one], int(addresses[i]), continues=bool(continues[i]))
    wrong = np.flatnonzero(shown != expected)
    assert not len(wrong), (shown[wrong[:3]], expected[wrong[:3]], rows[wrong[:3]], records[wrong[:3]])
    assert set(shown["field"].tolist()) == set(range(len(FIELDS))), "every field differs first somewhere"
    assert {int(Code.IN_REVIEW), int(Code.DECLINED), 0} <= set(shown["code"].tolist())


def test_where_a_row_of_a_repeated_group_differs_no_row_of_it_is_a_repeat() -> None:
    batch = _batch([0, FLAG_LINKED, 0, FLAG_LINKED, 0])
    batch.results["replayed"] = (1, 1, 0, 1, 1)
    batch.results["address"] = (7, 8, 0, 9, 10)
    batch.results["code"][2] = Code.IDEMPOTENCY_MISMATCH
    batch.repeat_as_a_whole()
    assert batch.results["code"].tolist() == [0, Code.IDEMPOTENCY_MISMATCH, Code.IDEMPOTENCY_MISMATCH, 0, 0]
    assert batch.results["replayed"].tolist() == [1, 0, 0, 1, 1]
    assert batch.results["address"].tolist() == [7, 0, 0, 9, 10]
    assert FIELDS[batch.results["field"][1]] == "linked"


def test_the_first_or_the_last_rows_of_a_group_alone_differ_from_their_records() -> None:
    row, record = np.zeros(1, REQUEST), np.zeros(1, RECORD)
    row["op"] = record["kind"] = Kind.TRANSFER
    record["flags"] = FLAG_LINKED
    assert differences(row, record, ALONE) == LINKED
    record["flags"] = FLAG_CONTINUES
    assert differences(row, record, ALONE) == LINKED
    assert differences(row, record, CONTINUES) == SAME


def test_a_capture_repeated_in_one_call_is_a_repeat_whatever_its_record_time() -> None:
    row, record = np.zeros(1, REQUEST), np.zeros(1, RECORD)
    row["op"] = record["kind"] = Kind.CAPTURE
    record["effective_time"] = record["record_time"] = 5
    assert differences(row, record, ALONE) == SAME
