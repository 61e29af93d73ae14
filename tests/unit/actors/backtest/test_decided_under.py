"""Which revision an attempt was decided with follows from what blocks keep, however often it changes and where pieces end."""

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.backtest.decided_under import DecidedUnder
from actors.records.layout import FLAG_FALLBACK, FLAG_SCORED, RECORD, Kind, Records
from rules.decisions.controls import Controls, kept_bits

MADE = [1_000 * number for number in range(1, 70_001)]


def attempts(revisions: list[int | None]) -> tuple[Records, NDArray[np.int64], NDArray[np.int64]]:
    """Records, addresses and bits of attempts that were decided with revisions; None: by the fallback."""
    records = np.zeros(len(revisions), RECORD)
    records["kind"] = Kind.TRANSFER
    records["flags"] = [FLAG_SCORED if each is not None else FLAG_SCORED | FLAG_FALLBACK for each in revisions]
    records["record_time"] = [MADE[(each or 1) - 1] + 5 for each in revisions]
    bits = np.array([kept_bits(each or 0) for each in revisions], np.int64)
    return records, 256 + np.arange(len(revisions), dtype=np.int64), bits


@pytest.mark.parametrize("cut", range(9))
def test_pieces_may_end_anywhere(cut: int) -> None:
    revisions = [0, 0, 2, 2, 1, 2, None, 65_537, 65_538]
    records, addresses, bits = attempts(revisions)
    under = DecidedUnder(Controls(70_000, {}, {}), MADE)
    for part in (slice(0, cut), slice(cut, None)):
        under.take(records[part], addresses[part], bits[part])
    assert under.of(addresses).tolist() == [0, 0, 2, 2, 1, 2, 2, 65_537, 65_538]
    assert under.of(addresses[::3]).tolist() == [0, 2, 2]


def test_without_any_change_nothing_is_looked_at() -> None:
    records, addresses, bits = attempts([0, None, 0])
    under = DecidedUnder()
    under.take(records, addresses, bits)
    assert under.of(addresses).tolist() == [0, 0, 0]
