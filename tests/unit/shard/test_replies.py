"""Repeats: the same body gives the original result, a linked group only as a whole."""

import numpy as np

from actors.ledger.codes import Code
from actors.ledger.layout import FIELDS, FLAG_CONTINUES, FLAG_LINKED, RECORD, REQUEST, Kind
from actors.shard.batch import Batch
from actors.shard.messages import Submit
from actors.shard.replies import difference


def _batch(flags: list[int]) -> Batch:
    rows = np.zeros(len(flags), REQUEST)
    rows["flags"] = flags
    return Batch(0, [Submit(ref=1, rows=rows, details={})], 1)


def test_where_a_row_of_a_repeated_group_differs_no_row_of_it_is_a_replay() -> None:
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
    assert difference(row, record, False) == "linked"
    record["flags"] = FLAG_CONTINUES
    assert difference(row, record, False) == "linked"
    assert difference(row, record, True) is None


def test_a_capture_repeated_in_one_call_is_a_replay_whatever_its_record_time() -> None:
    row, record = np.zeros(1, REQUEST), np.zeros(1, RECORD)
    row["op"] = record["kind"] = Kind.CAPTURE
    record["effective_time"] = record["record_time"] = 5
    assert difference(row, record, False) is None
