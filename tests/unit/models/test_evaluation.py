"""One record, a table of them, and the oracle agree on every bit of a score; what is not known is never taken for what is missing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evaluation import NONE, NULL, Evaluator, Scores, UnknownCategory
from models.scorecard import Characteristic, Scorecard, canonical
from tests.compiled import COMPILED
from tests.oracle import oracle_card

TEXTS = ["a", "b", "c", "d", "e", "", "ä"]
points = st.integers(-500, 500)


@st.composite
def numeric(draw: st.DrawFn, dimension: str | None, scale: int) -> Characteristic:
    edges = sorted(draw(st.sets(st.integers(-(2**40), 2**40) | st.integers(-30, 30), max_size=5)))
    given = draw(st.lists(points, min_size=len(edges) + 1, max_size=len(edges) + 1))
    return Characteristic(
        feature=draw(st.sampled_from(["x", "y"])) + str(scale),
        reason=draw(st.sampled_from("RSTUVW")),
        dimension=dimension,
        scale=scale,
        edges=tuple(edges),
        points=tuple(given),
        missing=draw(points),
    )


@st.composite
def categorical(draw: st.DrawFn, dimension: str | None) -> Characteristic:
    chosen = draw(st.lists(st.sampled_from(TEXTS[:-1]), min_size=1, unique=True))
    cut = draw(st.integers(1, len(chosen)))
    groups = [group for group in (tuple(chosen[:cut]), tuple(chosen[cut:])) if group]
    return Characteristic(
        feature=draw(st.sampled_from(["k", "l"])),
        reason=draw(st.sampled_from("RSTUVW")),
        dimension=dimension,
        categories=tuple(groups),
        points=tuple(draw(points) for _ in groups),
        missing=draw(points),
        unknown=draw(points),
    )


@st.composite
def cards(draw: st.DrawFn) -> Scorecard:
    dimension = st.sampled_from(["history", "behaviour"]) if draw(st.booleans()) else st.none()
    either = st.one_of(
        dimension.flatmap(lambda d: numeric(d, 1)),
        dimension.flatmap(lambda d: numeric(d, 100)),
        dimension.flatmap(categorical),
    )
    items = draw(st.lists(either, min_size=1, max_size=7))
    return Scorecard(name="card", version=1, base=draw(points), characteristics=tuple(items))


floats = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-4_000, 4_000).map(lambda n: n / 1_000)
records = st.fixed_dictionaries(
    {
        "x1": st.none() | st.integers(-(2**62), 2**62) | st.integers(-31, 31),
        "y1": st.none() | st.integers(-31, 31),
        "x100": st.none() | floats,
        "y100": st.none() | floats,
        "k": st.none() | st.sampled_from(TEXTS),
        "l": st.none() | st.sampled_from(TEXTS),
    }
)
KINDS = {"x1": pa.int64(), "y1": pa.int64(), "x100": pa.float64(), "y100": pa.float64()}
SCHEMA = pa.schema({**KINDS, "k": pa.string(), "l": pa.dictionary(pa.int32(), pa.string())})


def as_dicts(card: Scorecard, scores: Scores) -> list[dict[str, Any]]:
    """Rows of a batch as the oracle gives them, without the unknown, which a batch only counts."""
    rows = []
    for total, reasons, gaps, subtotals in zip(*(array.T.tolist() for array in scores[:4]), strict=True):
        named = [{"code": card.reasons[r], "gap": g} for r, g in zip(reasons, gaps, strict=True) if r != NONE]
        rest = card.best - total - sum(gaps)
        row = {"score": total, "shortfall": card.best - total, "reasons": named, "rest": rest}
        rows.append({**row, "subtotals": dict(zip(card.dimensions, subtotals, strict=True))})
    return rows


@settings(deadline=None)
@given(cards(), st.lists(records, min_size=1, max_size=6))
def test_one_record_and_a_table_score_as_the_oracle(card: Scorecard, rows: list[dict[str, Any]]) -> None:
    evaluator = Evaluator(card)
    document = json.loads(canonical(card))
    expected = [oracle_card.score(document, row) for row in rows]
    assert json.loads(msgspec.json.encode([evaluator.score(row) for row in rows])) == expected
    scores = evaluator.evaluate_table(pa.Table.from_pylist(rows, SCHEMA))
    for each in expected:
        del each["unknown"]
    assert as_dicts(card, scores) == expected
    for item, count in zip(document["characteristics"], scores.unknown.tolist(), strict=True):
        assert count == sum(oracle_card.bin_points(item, row[item["feature"]])[1] for row in rows)


@settings(deadline=None)
@given(cards(), st.lists(records, min_size=1, max_size=6))
def test_totals_alone_are_the_totals(card: Scorecard, rows: list[dict[str, Any]]) -> None:
    table, alone = pa.Table.from_pylist(rows, SCHEMA), Evaluator(card, totals_alone=True)
    whole, found = Evaluator(card).evaluate_table(table), alone.evaluate_table(table)
    assert found.totals.tolist() == whole.totals.tolist() and found.unknown.tolist() == whole.unknown.tolist()
    assert found.reasons.shape == found.gaps.shape == found.subtotals.shape == (0, len(rows))
    encoded = np.concatenate([alone.encode_record(row) for row in rows])
    assert alone.evaluate(encoded).totals.tolist() == whole.totals.tolist()


@settings(deadline=None)
@given(cards(), records)
def test_everything_adds_up(card: Scorecard, row: dict[str, Any]) -> None:
    score = Evaluator(card).score(row)
    assert sum(reason.gap for reason in score.reasons) + score.rest == score.shortfall == card.best - score.score
    assert card.worst <= score.score <= card.best
    if card.dimensions:
        assert sum(score.subtotals.values()) + card.base == score.score


def status_card(unknown: int | str) -> Scorecard:
    items = [
        Characteristic(
            feature="status",
            reason="STATUS",
            categories=(("good",), ("fair", "so so")),
            points=(50, 20),
            missing=30,
            unknown=unknown,  # type: ignore[arg-type]
        )
    ]
    return Scorecard(name="status", version=1, characteristics=tuple(items))


def test_an_unseen_category_is_counted_and_never_gets_the_points_for_missing() -> None:
    evaluator = Evaluator(status_card(-7))
    table = pa.table({"status": ["good", "unheard of", None, "so so", "Good", "unheard of"]})
    scores = evaluator.evaluate_table(table)
    assert scores.totals.tolist() == [50, -7, 30, 20, -7, -7]
    assert scores.unknown.tolist() == [3]
    assert evaluator.score({"status": "unheard of"}).unknown == ("status",)
    assert evaluator.score({"status": None}).unknown == ()


def test_an_unseen_category_can_be_an_error_and_the_next_row_is_scored() -> None:
    evaluator = Evaluator(status_card("error"))
    with pytest.raises(UnknownCategory, match=r"does not know: status \(rows: 2\)") as caught:
        evaluator.evaluate_table(pa.table({"status": ["x", "good", "y"]}))
    assert caught.value.counts == {"status": 2}
    with pytest.raises(UnknownCategory):
        evaluator.score({"status": "x"})
    assert evaluator.score({"status": "fair"}).score == 20


NUMBER = Scorecard(
    name="number",
    version=1,
    characteristics=(
        Characteristic(feature="n", reason="N", scale=100, edges=(29, 2**61), points=(1, 2, 3), missing=9),
    ),
)


INFINITE = float("inf")
NUMBERS = {
    0.29: 2,
    0.28: 1,
    0.285: 1,
    0.2851: 2,
    1e300: 3,
    -1e308: 1,
    INFINITE: 3,
    2**70: 3,
    -(2**70): 1,
    None: 9,
    True: 2,
}


@pytest.mark.parametrize(("value", "points"), [*NUMBERS.items(), (float("nan"), 9)])
def test_numbers_are_scaled_rounded_and_cut_off_beyond_every_edge(value: float | None, points: int) -> None:
    evaluator = Evaluator(NUMBER)
    assert evaluator.score({"n": value}).score == points
    if not isinstance(value, int) or abs(value) < 2**63:
        assert evaluator.evaluate_table(pa.table({"n": [value]})).totals.tolist() == [points]


@pytest.mark.parametrize(
    ("card", "record", "message"),
    [
        (NUMBER, {}, "no value for 'n'"),
        (NUMBER, {"n": "3"}, "n: the card wants a number, not '3'"),
        (status_card(0), {"status": 3}, "status: the card wants text, not 3"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(card: Scorecard, record: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Evaluator(card).score(record)


@pytest.mark.parametrize(
    ("card", "table", "message"),
    [
        (NUMBER, pa.table({"m": [1]}), "there is no column 'n'"),
        (NUMBER, pa.table({"n": ["3"]}), "n: the card wants numbers, the column holds string"),
        (status_card(0), pa.table({"status": [3]}), "status: the card wants text, the column holds int64"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(card: Scorecard, table: pa.Table, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Evaluator(card).evaluate_table(table)


def test_an_unsigned_number_beyond_64_signed_bits_is_beyond_every_edge_in_a_table_as_in_a_record() -> None:
    table = pa.table({"n": pa.array([2**64 - 1, None, 2**63 - 1, 3], pa.uint64())})
    evaluator = Evaluator(NUMBER)
    assert evaluator.evaluate_table(table).totals.tolist() == [evaluator.score(row).score for row in table.to_pylist()]


def test_at_most_four_reasons_the_largest_first_equal_ones_in_the_order_of_the_card() -> None:
    gaps = {"A": 3, "B": 9, "C": 0, "D": 5, "E": 5, "F": 4, "G": 5}
    items = [
        Characteristic(feature=f"f{code}", reason=code, edges=(1,), points=(0, gap), missing=0)
        for code, gap in gaps.items()
    ]
    score = Evaluator(Scorecard(name="c", version=1, characteristics=tuple(items))).score(
        {f"f{code}": 0 for code in gaps}
    )
    assert [(reason.code, reason.gap) for reason in score.reasons] == [("B", 9), ("D", 5), ("E", 5), ("G", 5)]
    assert (score.rest, score.shortfall) == (7, 31)


def test_shortfalls_of_one_reason_code_are_summed_before_they_are_ranked() -> None:
    items = [
        Characteristic(feature=f"f{at}", reason=code, edges=(1,), points=(0, gap), missing=0)
        for at, (code, gap) in enumerate([("FEW", 7), ("MANY", 4), ("MANY", 4)])
    ]
    score = Evaluator(Scorecard(name="c", version=1, characteristics=tuple(items))).score({"f0": 0, "f1": 0, "f2": 0})
    assert [(reason.code, reason.gap) for reason in score.reasons] == [("MANY", 8), ("FEW", 7)]


def test_a_table_without_rows_and_columns_of_nulls() -> None:
    evaluator = Evaluator(NUMBER)
    assert len(evaluator.evaluate_table(pa.table({"n": pa.array([], pa.float64())})).totals) == 0
    assert evaluator.evaluate_table(pa.table({"n": pa.nulls(2)})).totals.tolist() == [9, 9]
    chunks = pa.chunked_array([pa.array([0, None]), pa.array([3])])
    assert evaluator.evaluate_table(pa.table({"n": chunks})).totals.tolist() == [1, 9, 2]


def test_integers_in_an_int64_matrix_need_no_encoding() -> None:
    scores = Evaluator(NUMBER).evaluate(np.array([[28], [29], [NULL]], np.int64))
    assert scores.totals.tolist() == [1, 2, 9]


@pytest.mark.long
@pytest.mark.skipif(not COMPILED, reason="this is the run without compilation")
def test_the_kernels_do_the_same_as_plain_python() -> None:
    files = [
        str(Path(__file__).parent / name)
        for name in ("test_evaluation.py", "test_scorecard.py", "credit/test_score.py")
    ]
    command = [sys.executable, "-m", "pytest", *files, "-x", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
