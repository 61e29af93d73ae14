"""Counts are those of plain loops over rows, also when they come in several turns."""

from collections import Counter
from typing import Any

import numpy as np

from models.counting import Counts, count_scores
from models.evaluation import NONE, Scores

BANDS, REASONS, WORST, STEP = 3, 5, 300, 10


def test_rows_are_counted_by_cause_score_band_and_reason() -> None:
    rng = np.random.default_rng(5)
    rows = 400
    named = rng.integers(0, 5, rows)
    reasons = np.array([[rng.integers(0, REASONS) if at < count else NONE for count in named] for at in range(4)])
    gaps = np.where(reasons == NONE, 0, rng.integers(1, 90, (4, rows)))
    causes, bands = rng.integers(0, 3, rows).astype(np.int16), rng.integers(0, BANDS, rows).astype(np.int16)
    totals = rng.integers(WORST, WORST + 100, rows).astype(np.int32)
    reasons, gaps = reasons.astype(np.int16), gaps.astype(np.int32)
    nothing = np.empty((0, rows), np.int32), np.zeros(0, np.int64)
    shapes: list[Any] = [3, 10, BANDS, (BANDS, REASONS), REASONS, REASONS]
    counts = Counts(WORST, STEP, *(np.zeros(shape, np.int64) for shape in shapes))
    for part in (slice(0, 150), slice(150, rows)):
        here = np.ascontiguousarray(reasons[:, part]), np.ascontiguousarray(gaps[:, part])
        these = Scores(totals[part], *here, *nothing)
        count_scores(these, causes[part], bands[part], counts)

    scored = [at for at in range(rows) if causes[at] == 0]
    assert counts.cause.tolist() == [int((causes == cause).sum()) for cause in range(3)]
    assert counts.band.tolist() == [sum(bands[at] == band for at in scored) for band in range(BANDS)]
    assert counts.histogram.tolist() == [
        sum((totals[at] - WORST) // STEP == place for at in scored) for place in range(10)
    ]
    leading = Counter((bands[at], reasons[0, at]) for at in scored)
    assert counts.first.tolist() == [[leading[band, reason] for reason in range(REASONS)] for band in range(BANDS)]
    places = [(place, at) for at in scored for place in range(4)]
    assert counts.named.tolist() == [sum(reasons[each] == reason for each in places) for reason in range(REASONS)]
    assert counts.gaps.tolist() == [
        sum(gaps[each] for each in places if reasons[each] == reason) for reason in range(REASONS)
    ]
