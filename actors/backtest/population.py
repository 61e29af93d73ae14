"""How the payments of two spans of time differ in the eyes of a scorecard.

By its points, and by the bin of each of its characteristics. Counting only, so counts of parts add up to the counts of the whole. The
points are by the kernel that decides online.
"""

from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.ledger.rebuilding import Rebuilt
from models.card_rows import score_rows
from models.credit.points_table import bins_of
from models.jit import read_only
from models.scorecard import CardTables, Characteristic, Scorecard, flatten
from models.statistics import psi
from rules.vocabulary.catalogue import CODES
from rules.vocabulary.columns import INDEX, NULL

BARS_MAX: Final = 20
"""Of the points: finer ones would have a PSI of their own from chance alone."""
SPANS: Final = 2
_EFFECTIVE: Final = INDEX["effective_time"]

Counts = NDArray[np.int64]


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts with points from `low` on, up to the next bar."""

    low: int
    before: int
    since: int


class BinPopulation(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts in one bin of a characteristic, which gives `points`; values from `least` on and below `below`, or `texts`, or `what`."""

    points: int
    least: float | int | None
    below: float | int | None
    texts: tuple[str, ...] | None
    what: str | None
    before: int
    since: int


class CharacteristicPopulation(msgspec.Struct, frozen=True, kw_only=True):
    """One characteristic; `psi` None where one span has no attempts."""

    feature: str
    reason: str
    psi: float | None
    bins: list[BinPopulation]


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """`before` and `since`: attempts of each span; `psi` of the points, None where one span has no attempts."""

    card: str
    before: int
    since: int
    psi: float | None
    distribution: list[Bar]
    characteristics: list[CharacteristicPopulation]


class _Item(NamedTuple):
    """A characteristic with the number of its places; `groups`: of categories, the place of each number that stands for one."""

    item: Characteristic
    places: int
    groups: dict[int, int]


class PopulationCount:
    """What is counted of a card: attempts before `divided_ms` of effective time, and those since. Raises ValueError for a card that does
    not score payments."""

    def __init__(self, card: Scorecard, divided_ms: int) -> None:
        self._card = card
        self._divided_ms = divided_ms
        self._tables: CardTables = flatten(card, INDEX, CODES)
        self._width = -(-(card.best - card.worst + 1) // BARS_MAX)
        self._bars = np.zeros((SPANS, -(-(card.best - card.worst + 1) // self._width)), np.int64)
        self._items = [_laid_out(item) for item in card.characteristics]
        self._bins = [np.zeros((SPANS, item.places), np.int64) for item in self._items]

    def add(self, rebuilt: Rebuilt) -> None:
        """Count attempts."""
        columns = rebuilt.columns
        if not len(columns):
            return
        span = (columns[:, _EFFECTIVE] >= self._divided_ms).astype(np.int64)
        totals = np.zeros(len(columns), np.int64)
        shortfalls = np.empty((len(columns), len(self._items)), np.int64)
        score_rows(self._tables, NULL, read_only(columns), totals, shortfalls)
        _count(self._bars, span, (totals - self._card.worst) // self._width)
        for each, counts in zip(self._items, self._bins, strict=True):
            _count(counts, span, _places(each, columns[:, INDEX[each.item.feature]]))

    def found(self) -> Population:
        """What it comes to."""
        before, since = self._bars.sum(axis=1).tolist()
        return Population(
            card=f"{self._card.name}@{self._card.version}",
            before=before,
            since=since,
            psi=_psi(self._bars),
            distribution=[
                Bar(low=self._card.worst + at * self._width, before=old, since=new)
                for at, (old, new) in enumerate(self._bars.T.tolist())
            ],
            characteristics=[_shown(each.item, counts) for each, counts in zip(self._items, self._bins, strict=True)],
        )


def _laid_out(item: Characteristic) -> _Item:
    """In a pack, which must decide, a category that the card calls an error has the fewest points."""
    if item.unknown == "error":
        item = msgspec.structs.replace(item, unknown=min(item.all_points))
    codes = CODES.get(item.feature, {})
    groups = {codes[text]: at for at, group in enumerate(item.categories or ()) for text in group}
    return _Item(item, len(bins_of(item)), groups)


def _places(each: _Item, values: NDArray[np.int64]) -> Counts:
    """The bin (n,) of each value, as `bins_of` has them; the last one is for what is missing."""
    if each.item.edges is not None:
        places = np.searchsorted(np.array(each.item.edges, np.int64), values, side="right").astype(np.int64)
    else:
        places = np.full(len(values), len(each.item.points), np.int64)
        for code, place in each.groups.items():
            places[values == code] = place
    places[values == NULL] = each.places - 1
    return places


def _count(counts: Counts, span: Counts, places: Counts) -> None:
    np.add.at(counts, (span, places), 1)


def _psi(counts: Counts) -> float | None:
    return psi(counts[0], counts[1]) if counts.sum(axis=1).all() else None


def _shown(item: Characteristic, counts: Counts) -> CharacteristicPopulation:
    bins = [
        BinPopulation(
            points=each.points,
            least=each.least,
            below=each.below,
            texts=each.texts,
            what=each.what,
            before=before,
            since=since,
        )
        for each, (before, since) in zip(bins_of(item), counts.T.tolist(), strict=True)
    ]
    return CharacteristicPopulation(feature=item.feature, reason=item.reason, psi=_psi(counts), bins=bins)
