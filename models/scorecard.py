"""A scorecard is a document; its canonical JSON text and the hash of that text name it for ever.

Points are integers. A value below `edges[0]` falls in bin 0, one in [edges[i-1], edges[i]) in bin i, one at or above the last
edge in the last bin. A missing value gets `missing` points. The score of a row is the sum of its points. A characteristic's
shortfall is its best points minus the points it got; shortfalls name the reasons.
"""

import hashlib
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.jit import kernel

REASONS_MAX = 4
"""More than four principal reasons are not helpful to the person scored (Regulation B, official interpretation 1002.9(b)(2)-1)."""


class Characteristic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input of a scorecard. `points` has one entry more than `edges`."""

    feature: str
    reason: str
    edges: tuple[int, ...]
    points: tuple[int, ...]
    missing: int

    def __post_init__(self) -> None:
        if len(self.points) != len(self.edges) + 1:
            raise ValueError(f"{self.feature}: {len(self.edges)} edges need {len(self.edges) + 1} points")
        if any(low >= high for low, high in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"{self.feature}: edges must increase")


class Scorecard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole card. `characteristics` are evaluated in their order."""

    name: str
    version: int
    characteristics: tuple[Characteristic, ...]


class CardTables(NamedTuple):
    """A card flattened for the kernel: characteristic c owns edges[edge_at[c]:edge_at[c+1]] and the points beside them."""

    column: NDArray[np.int64]
    edge_at: NDArray[np.int64]
    edges: NDArray[np.int64]
    points: NDArray[np.int64]
    missing: NDArray[np.int64]
    best: NDArray[np.int64]


def canonical(card: Scorecard) -> bytes:
    """The one JSON text of a card: fields in declared order, no white space."""
    return msgspec.json.encode(card)


def card_hash(card: Scorecard) -> str:
    """SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(card)).hexdigest()


def flatten(card: Scorecard, columns: dict[str, int]) -> CardTables:
    """Arrays for `score_rows`. Raises ValueError for a feature that `columns` does not have."""
    for item in card.characteristics:
        if item.feature not in columns:
            raise ValueError(f"{card.name}: no feature is named {item.feature!r}")
    counts = [len(item.edges) for item in card.characteristics]
    return CardTables(
        column=np.array([columns[item.feature] for item in card.characteristics], np.int64),
        edge_at=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        edges=np.array([edge for item in card.characteristics for edge in item.edges], np.int64),
        points=np.array([points for item in card.characteristics for points in item.points], np.int64),
        missing=np.array([item.missing for item in card.characteristics], np.int64),
        best=np.array([max(*item.points, item.missing) for item in card.characteristics], np.int64),
    )


@kernel
def score_rows(card, null, columns, totals, shortfalls):
    """Score rows of `columns` (n, features). Fills `totals` (n,) with points and `shortfalls` (n, characteristics)."""
    for row in range(columns.shape[0]):
        total = 0
        for c in range(len(card.column)):
            value = columns[row, card.column[c]]
            first = card.edge_at[c]
            last = card.edge_at[c + 1]
            if value == null:
                points = card.missing[c]
            else:
                position = first
                while position < last and value >= card.edges[position]:
                    position += 1
                points = card.points[position + c]
            total += points
            shortfalls[row, c] = card.best[c] - points
        totals[row] = total
