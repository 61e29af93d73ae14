"""Figures of a benchmark, each with all its rounds.

So median, spread and ratio can be checked by whoever reads it.

A ratio is made of pairs of rounds measured one after the other, never of two medians.
"""

from collections.abc import Sequence
from statistics import median
from typing import Any, Literal

import msgspec

Better = Literal["higher", "lower"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured quantity. `spread`: (largest - smallest) / median. `aim_met` is None where there is no aim."""

    benchmark: str
    case: str
    unit: str
    better: Better
    rounds: list[float]
    median: float
    spread: float
    aim: float | None
    aim_met: bool | None
    detail: dict[str, Any]


def figure(
    benchmark: str,
    case: str,
    unit: str,
    rounds: Sequence[float],
    *,
    better: Better = "higher",
    aim: float | None = None,
    detail: dict[str, Any] | None = None,
) -> Figure:
    """A figure of at least one round."""
    middle = median(rounds)
    met = None if aim is None else (middle >= aim if better == "higher" else middle <= aim)
    return Figure(
        benchmark=benchmark,
        case=case,
        unit=unit,
        better=better,
        rounds=[float(value) for value in rounds],
        median=float(middle),
        spread=float((max(rounds) - min(rounds)) / middle) if middle else 0.0,
        aim=aim,
        aim_met=met,
        detail=detail or {},
    )


def ratio(
    benchmark: str, ours: Figure, theirs: Figure, aim: float | None = None, *, better: Better = "higher"
) -> Figure:
    """How many times theirs is ours, round by round."""
    pairs = [a / b for a, b in zip(ours.rounds, theirs.rounds, strict=True)]
    return figure(benchmark, f"{ours.case} / {theirs.case}", "x", pairs, better=better, aim=aim)
