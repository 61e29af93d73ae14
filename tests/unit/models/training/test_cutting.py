"""Cuts are the best of all ways there are, in every shape."""

from typing import Any

import numpy as np
import pytest

from models.training.cutting import CELLS, STRAIGHT, TURNING, best_shape, best_starts, cells_of


def test_cuts_are_the_best_of_all_ways_to_cut() -> None:
    """Against every way there is."""
    rng = np.random.default_rng(5)

    def gain(starts: list[int], goods: Any, bads: Any) -> float:
        total = 0.0
        for good, bad in zip(np.add.reduceat(goods, starts), np.add.reduceat(bads, starts), strict=True):
            total += sum(each * np.log(each / (good + bad)) for each in (good, bad) if each)
        return total

    def fits(starts: list[int], goods: Any, bads: Any, shape: str) -> bool:
        good, bad = np.add.reduceat(goods, starts), np.add.reduceat(bads, starts)
        if (good + bad).min() < 10:
            return False
        steps = np.sign(np.diff(bad / (good + bad))).astype(int)
        steps = steps if shape in ("rise", "peak") else -steps
        turned = np.flatnonzero(steps < 0)
        return not len(turned) or (shape in ("peak", "valley") and bool((steps[turned[0] :] <= 0).all()))

    for _ in range(12):
        goods, bads = rng.integers(0, 9, 7).astype(float), rng.integers(0, 9, 7).astype(float)
        ways = [[0, *(at for at in range(1, 7) if way >> at & 1)] for way in range(0, 128, 2)]
        for shape in TURNING:
            best = max((gain(way, goods, bads) for way in ways if fits(way, goods, bads, shape)), default=None)
            found = best_starts(goods, bads, shape, 10.0).tolist()
            assert gain(found, goods, bads) == pytest.approx(best if best is not None else gain([0], goods, bads))
            assert best is None or fits(found, goods, bads, shape)
    assert set(STRAIGHT) < set(TURNING)


@pytest.mark.parametrize(
    "values",
    [[], [5], [5, 5, 5], [1, 2, 3], list(range(500)), [0] * 400 + list(range(1, 200)), [-(2**62), 0, 2**62]],
    ids=["none", "one", "equal", "few", "many", "one heavy", "far apart"],
)
def test_cells_are_cut_between_values_and_heavy_ones_have_cells_of_their_own(values: list[int]) -> None:
    array = np.array(values, np.int64)
    edges = cells_of(array)
    assert (np.diff(edges) > 0).all() and len(edges) <= 2 * CELLS
    cell = np.searchsorted(edges, array, side="right")
    assert len(np.unique(cell)) == len(edges) + 1 if values else len(edges) == 0, "no cell is empty"
    if 0 < len(np.unique(array)) <= CELLS:
        assert len(edges) == len(np.unique(array)) - 1
    different, counts = np.unique(array, return_counts=True)
    for heavy in different[counts >= max(len(values) / CELLS, 2)]:
        assert len(np.unique(array[cell == cell[array == heavy][0]])) == 1


def test_cells_of_many_values_have_about_equally_many_rows() -> None:
    values = np.random.default_rng(1).integers(0, 10**6, 64_000)
    rows = np.bincount(np.searchsorted(cells_of(values), values, side="right"))
    assert rows.min() > 800 and rows.max() < 1_200


def _counts(rates: list[float], rows: float = 200.0) -> tuple[Any, Any]:
    """Good and bad rows (5 folds, cells) of these bad rates, the same in each fold."""
    bads = np.tile(np.array(rates) * rows, (5, 1))
    return rows - bads, bads


@pytest.mark.parametrize(
    ("rates", "shape"),
    [
        ([0.1, 0.2, 0.3, 0.4], "rise"),
        ([0.4, 0.3, 0.2, 0.1], "fall"),
        ([0.1, 0.4, 0.4, 0.1], "peak"),
        ([0.4, 0.1, 0.1, 0.4], "valley"),
    ],
)
def test_the_shape_is_the_one_that_held_out_rows_show(rates: list[float], shape: str) -> None:
    assert best_shape(*_counts(rates), TURNING, 10.0) == shape
    assert best_shape(*_counts(rates), STRAIGHT, 10.0) in STRAIGHT


def test_a_turn_that_says_little_more_is_not_taken() -> None:
    straight, turned = [0.10, 0.20, 0.30, 0.30], [0.10, 0.20, 0.301, 0.299]
    assert {best_shape(*_counts(rates), TURNING, 10.0) for rates in (straight, turned)} == {"rise"}


def test_what_has_too_few_rows_is_one_bin() -> None:
    for shape in TURNING:
        assert best_starts(np.ones(4), np.ones(4), shape, 100.0).tolist() == [0]
        assert best_starts(np.ones(1), np.ones(1), shape, 1.0).tolist() == [0]
