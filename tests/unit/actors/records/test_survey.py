"""A survey says of rows together what is said of each alone, and of each what whoever looks closer finds."""

import numpy as np
import pytest

from actors.records.blocks import is_indexed, is_suspended, referring
from actors.records.layout import (
    FLAG_LINKED,
    FLAG_PAYEE_ANCHOR,
    FLAG_PAYER_ANCHOR,
    FLAG_REVIEW,
    RECORD,
    REQUEST,
    Kind,
    Records,
    Requests,
)
from actors.records.survey import (
    ANCHORED,
    CREDIT,
    LAGGING,
    LINKED,
    OPEN_GROUP,
    OPENINGS,
    REFERRING,
    REVIEWED,
    SEVERAL,
    SUSPENDED,
    survey_records,
    survey_requests,
)


def records_of_all_sorts() -> Records:
    """Each kind with each flag, and with a code or a lag or neither."""
    flags = [0, *(1 << bit for bit in range(11))]
    sorts = [(0, 0, 0), (110, 0, 0), (0, 1, 0), (0, 0, 1)]
    rows = [(kind, flag, *sort) for kind in Kind for flag in flags for sort in sorts]
    records = np.zeros(len(rows), RECORD)
    names = ("kind", "flags", "code", "payer_lag", "payee_lag")
    for name, column in zip(names, zip(*rows, strict=True), strict=True):
        records[name] = column
    return records


def bits_of(records: Records) -> list[int]:
    """By what the parts of `seal` choose."""
    refers = np.zeros(len(records), np.bool_)
    refers[referring(records)] = True
    chosen = {
        REFERRING: refers,
        ANCHORED: records["flags"] & (FLAG_PAYER_ANCHOR | FLAG_PAYEE_ANCHOR) != 0,
        REVIEWED: records["flags"] & FLAG_REVIEW != 0,
        SUSPENDED: is_suspended(records),
        LAGGING: (records["payer_lag"] != 0) | (records["payee_lag"] != 0),
        CREDIT: is_indexed(records),
    }
    bits = np.zeros(len(records), np.int64)
    for bit, which in chosen.items():
        bits[which] |= bit
    return [int(each) for each in bits]


def test_a_bit_stands_for_the_records_that_are_looked_up() -> None:
    records = records_of_all_sorts()
    expected = bits_of(records)
    assert [survey_records(records[i : i + 1]) for i in range(len(records))] == expected
    assert set(expected) > {0, REFERRING, ANCHORED, REVIEWED, SUSPENDED, LAGGING, CREDIT}


@pytest.mark.parametrize("seed", range(20))
def test_a_run_of_records_has_the_bits_of_all(seed: int) -> None:
    chance = np.random.default_rng(seed)
    records = records_of_all_sorts()
    run = records[chance.integers(0, len(records), chance.integers(0, 4))]
    assert survey_records(run) == np.bitwise_or.reduce(np.array(bits_of(run), np.int64))


def requests(*rows: tuple[int, int, int]) -> Requests:
    """By caller, op and flags."""
    made = np.zeros(len(rows), REQUEST)
    for name, column in zip(("caller", "op", "flags"), zip(*rows, strict=True), strict=True):
        made[name] = column
    return made


@pytest.mark.parametrize(
    ("rows", "caller", "found"),
    [
        ([(7, Kind.TRANSFER, 0)], 7, 0),
        ([(2**32 - 1, Kind.HOLD, 0)] * 2, 2**32 - 1, 0),
        ([(7, Kind.TRANSFER, 0), (8, Kind.TRANSFER, 0)], SEVERAL, 0),
        ([(7, Kind.TRANSFER, 0), (8, Kind.TRANSFER, 0), (7, Kind.TRANSFER, 0)], SEVERAL, 0),
        ([(7, Kind.TRANSFER, 0), (7, Kind.WALLET_OPENED, 0), (7, Kind.REFUND, 0)], 7, OPENINGS),
        ([(7, Kind.TRANSFER, FLAG_LINKED), (7, Kind.TRANSFER, 0)], 7, LINKED),
        ([(7, Kind.TRANSFER, 0), (7, Kind.TRANSFER, FLAG_LINKED)], 7, LINKED | OPEN_GROUP),
        ([(7, Kind.CAPTURE, 255 - FLAG_LINKED)], 7, 0),
    ],
)
def test_requests(rows: list[tuple[int, int, int]], caller: int, found: int) -> None:
    assert survey_requests(requests(*rows)) == (caller, found)
