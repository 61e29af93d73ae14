"""The points table of a wallet: with it and a pencil anyone gets the score that the machine got.

Each line is a characteristic: what is looked at, the own value and its points, the most that anybody gets, and all bins with their points.
The own points add up to the score; the lines of a dimension to its subtotal.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from models.credit.score import WalletScore, WalletScorer
from models.evaluation import NULL
from models.scorecard import Characteristic


class Bin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Values from `least` on and below `below`, or these texts, or whatever is missing or unknown, get `points`."""

    points: int
    least: float | int | None = None
    below: float | int | None = None
    texts: tuple[str, ...] | None = None
    what: str | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One characteristic. `value`: the wallet's own, rounded as the card does it, None where nothing is known; `own`: the index of its
    bin."""

    feature: str
    dimension: str
    reason: str
    value: float | int | str | None
    points: int
    best: int
    own: int
    bins: tuple[Bin, ...]


class PointsTable(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of one wallet in the order of the card, none where it has no score. `result`: what they come to."""

    card: str
    version: int
    lines: tuple[Line, ...]
    result: WalletScore


def points_table(scorer: WalletScorer, record: Mapping[str, Any]) -> PointsTable:
    """The table of one record. Raises ValueError as `WalletScorer.score` does."""
    result = scorer.score(record)
    encoded = dict(zip(scorer.evaluator.features, scorer.evaluator.encode_record(record)[0].tolist(), strict=True))
    lines = []
    for item in scorer.card.characteristics if result.cause is None else ():
        bins = bins_of(item)
        compared = record[item.feature] if item.categories is not None else encoded[item.feature]
        missing = encoded[item.feature] == NULL
        own = len(bins) - 1 if missing else _own(item, compared)
        line = Line(
            feature=item.feature,
            dimension=item.dimension or "",
            reason=item.reason,
            value=None if missing else compared if item.categories is not None else in_units(compared, item.scale),
            points=bins[own].points,
            best=max(item.all_points),
            own=own,
            bins=bins,
        )
        lines.append(line)
    return PointsTable(card=scorer.card.name, version=scorer.card.version, lines=tuple(lines), result=result)


def bins_of(item: Characteristic) -> tuple[Bin, ...]:
    """All bins of a characteristic, in its own units, the last ones for what is unknown and what is missing."""
    if item.edges is not None:
        bounds = [None, *(in_units(edge, item.scale) for edge in item.edges), None]
        found = [
            Bin(least=low, below=high, points=points)
            for low, high, points in zip(bounds, bounds[1:], item.points, strict=False)
        ]
    else:
        found = [
            Bin(texts=group, points=points) for group, points in zip(item.categories or (), item.points, strict=True)
        ]
        if isinstance(item.unknown, int):
            found.append(Bin(what="any other", points=item.unknown))
    return (*found, Bin(what="not known", points=item.missing))


def in_units(scaled: int, scale: int) -> float | int:
    """A scaled number as people know it; scaled and rounded it is the same again."""
    return scaled if scale == 1 else scaled / scale


def _own(item: Characteristic, value: Any) -> int:
    """The bin of a value that is not missing: a scaled number or a text."""
    if item.edges is not None:
        return sum(value >= edge for edge in item.edges)
    groups = item.categories or ()
    return next((at for at, group in enumerate(groups) if value in group), len(groups))


def as_lines(table: PointsTable) -> list[str]:
    """The table for a person, on paper."""
    if table.result.cause is not None:
        return [f"no score: {table.result.cause}"]
    head = ("", "own value", "points", "best")
    rows = [(line.feature, _text(line.value), str(line.points), str(line.best)) for line in table.lines]
    total = ("", "score", str(sum(line.points for line in table.lines)), str(sum(line.best for line in table.lines)))
    widths = [max(len(row[at]) for row in (head, *rows, total)) for at in range(4)]

    def line(row: tuple[str, ...]) -> str:
        first, *others = (
            text.ljust(width) if at == 0 else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join((first, *others)).rstrip()

    shown = [line(head)]
    dimension = ""
    for each, row in zip(table.lines, rows, strict=True):
        if each.dimension != dimension:
            dimension = each.dimension
            subtotal = table.result.subtotals.get(
                dimension, sum(one.points for one in table.lines if one.dimension == dimension)
            )
            shown.append(f"{dimension}: {subtotal}")
        shown.append(line(row))
    return [*shown, line(total)]


def _text(value: float | int | str | None) -> str:
    if value is None:
        return "not known"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
