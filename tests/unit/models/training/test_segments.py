"""Parts of held-out rows: each row in one, AUC only where it is no luck, slope and spread as numpy says."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from models.statistics import auc
from models.training.segments import Held, refuse_parts, segment_report, weeks_report

ROWS = 2_000
RNG = np.random.default_rng(5)
SCORES = RNG.integers(300, 900, ROWS)
BAD = (RNG.random(ROWS) < 1 / (1 + np.exp((SCORES - 550) / 100))).astype(np.int64)
HELD = Held(scores=SCORES, log_odds=(SCORES - 550) / 100, bad=BAD, weights=np.ones(ROWS))
MONDAY = date(2026, 3, 2)


def column(values: list[object]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def test_each_row_is_in_one_segment_and_few_rows_have_no_auc() -> None:
    values: list[object] = ["a" if at % 3 else "b" for at in range(ROWS)]
    values[:5] = [None] * 5
    report = segment_report("shop", column(values), HELD)
    assert [part.name for part in report.parts] == ["a", "b", "missing"]
    assert sum(part.rows for part in report.parts) == ROWS
    here = np.array([value == "a" for value in values])
    assert report.parts[0].auc == auc(SCORES[here], BAD[here])
    assert report.parts[0].observed == BAD[here].mean()
    assert report.parts[0].predicted == pytest.approx(report.parts[0].observed, abs=0.04)
    assert report.parts[2].rows == 5 and report.parts[2].auc is None


def test_numbers_are_cut_in_quarters() -> None:
    report = segment_report("amount", column(list(range(ROWS))), HELD)
    assert [part.rows for part in report.parts] == [ROWS // 4] * 4


def test_weeks_begin_on_monday_and_have_slope_and_spread() -> None:
    days: list[object] = [MONDAY + timedelta(days=at % 35) for at in range(ROWS)]
    report = weeks_report("on", column(days), HELD)
    assert [part.name for part in report.parts] == [str(MONDAY + timedelta(weeks=at)) for at in range(5)]
    areas = [part.auc for part in report.parts if part.auc is not None]
    assert report.slope == pytest.approx(np.polyfit(range(5), areas, 1)[0])
    assert report.slope_error is not None and report.slope_error > 0
    assert report.spread == pytest.approx(np.std(areas, ddof=1))


def test_fewer_than_three_weeks_have_no_slope() -> None:
    report = weeks_report("on", column([MONDAY + timedelta(days=at % 14) for at in range(ROWS)]), HELD)
    assert (report.slope, report.slope_error, report.spread) == (None, None, None)


@pytest.mark.parametrize(
    ("segments", "time", "words"),
    [
        (("none",), None, "there is no column 'none'"),
        (("name",), None, "name: 60 segments; a report has at most 50"),
        ((), "name", "name: times are dates or timestamps, the column holds string"),
        ((), "on", "on: 1 row has no time"),
    ],
)
def test_columns_that_cut_nothing_are_refused(segments: tuple[str, ...], time: str | None, words: str) -> None:
    table = pa.table({"name": [f"n{at}" for at in range(60)], "on": pa.array([None, *[MONDAY] * 59])})
    with pytest.raises(ValueError, match=words):
        refuse_parts(table, segments, time)
