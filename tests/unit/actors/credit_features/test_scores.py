"""Whose score counts for others: the last one, while nothing has deleted or erased it."""

import numpy as np
import pytest

from actors.credit_features.scores import SCORE_EVENT, published
from actors.records.credit_layout import Resolution
from actors.records.layout import Kind

SCORED = [(1, 10, 0, 600, Kind.SCORE, 0), (2, 11, 0, 700, Kind.SCORE, 0)]
AGAIN = (1, 30, 0, 640, Kind.SCORE, 0)
ERASED = (1, 20, 0, 0, Kind.DATA_ERASED, 0)
Row = tuple[int, ...]


def disputed(entry: int, resolution: Resolution) -> list[Row]:
    return [(1, 20, entry, 0, Kind.DISPUTE_OPENED, 0), (1, 21, 20, 0, Kind.DISPUTE_RESOLVED, resolution)]


@pytest.mark.parametrize(
    ("after", "left"),
    [
        ([], 600),
        ([ERASED], 0),
        ([ERASED, AGAIN], 640),
        (disputed(10, Resolution.DELETED), 0),
        (disputed(10, Resolution.KEPT), 600),
        (disputed(10, Resolution.CORRECTED), 600),
        (disputed(9, Resolution.DELETED), 600),
        ([*disputed(10, Resolution.DELETED), AGAIN], 640),
        ([disputed(10, Resolution.DELETED)[0], AGAIN, disputed(10, Resolution.DELETED)[1]], 640),
        ([disputed(10, Resolution.DELETED)[1]], 600),
    ],
)
def test_a_score_that_was_deleted_or_erased_counts_for_nobody(after: list[Row], left: int) -> None:
    found = published(np.array([*SCORED, *after], SCORE_EVENT))
    assert dict(zip(found.wallets.tolist(), found.scores.tolist(), strict=True)) == {1: left, 2: 700}
