"""Recompute one row's score in plain Python: the check on what kernels and columns gave.

It shares nothing with the evaluator but the document: no flattened tables, no codes, no thresholds. A job of millions of rows recomputes
a few of them here, so a wrong bit is found by the job itself.
"""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, NamedTuple

from models.scorecard import REASONS_MAX, Characteristic, Scorecard


class PlainScore(NamedTuple):
    """Score, points by dimension, and the largest gaps by reason code, at most four."""

    score: int
    subtotals: dict[str, int]
    reasons: list[tuple[str, int]]


def plain_score(card: Scorecard, record: Mapping[str, Any]) -> PlainScore:
    """Numbers, texts, and None for what is not known. Raises LookupError for a category that the card makes an error."""
    total = card.base
    subtotals: dict[str, int] = {}
    gaps: dict[str, int] = {}
    for item in card.characteristics:
        points = _points(item, record[item.feature])
        total += points
        gaps[item.reason] = gaps.get(item.reason, 0) + max(item.all_points) - points
        if item.dimension is not None:
            subtotals[item.dimension] = subtotals.get(item.dimension, 0) + points
    ranked = sorted((pair for pair in gaps.items() if pair[1] > 0), key=lambda pair: -pair[1])
    return PlainScore(total, subtotals, ranked[:REASONS_MAX])


def _points(item: Characteristic, value: Any) -> int:
    """Compared as the document says: scaled, rounded (a half to even), then with each edge."""
    if value is None or value != value:
        return item.missing
    if item.categories is not None:
        for group, points in zip(item.categories, item.points, strict=True):
            if value in group:
                return points
        if not isinstance(item.unknown, int):
            raise LookupError(item.feature)
        return item.unknown
    assert item.edges is not None
    scaled = value * item.scale
    if scaled not in (float("inf"), float("-inf")):
        scaled = round(scaled)
    return item.points[bisect_right(item.edges, scaled)]
