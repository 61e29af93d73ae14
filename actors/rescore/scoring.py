"""Score a batch of rows into columns, count what they were, and keep bad ones apart.

A row is bad when nobody could say what its score is: it names no wallet, a category stands in it where the card makes unknown ones an
error, or what says how much is known is infinite. What is missing is not bad: the card has points for it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.rescore.job import Settings, Tally
from actors.rescore.part_file import Column, Rows
from models.arrays import Integers
from models.counting import Counts, count_scores
from models.credit.score import DAYS, PAYMENTS, Cause, Minimum, WalletScorer
from models.credit.wallet_card import checked
from models.evaluation import NONE, Evaluator, Scores
from models.scorecard import REASONS_MAX, CardError, Scorecard, card_hash
from models.statistics import psi

HISTOGRAM_MAX: Final = 2_048
"""Counts of scores in a tally; a card with a wider range has several scores in each."""
TENTHS: Final = 10
NOT_AVAILABLE: Final = "not_available"
NO_WALLET: Final = "no wallet"
NOT_FINITE: Final = "not a finite number"
UNKNOWN: Final = "a category that the card does not name"
CODES: Final = tuple(cause.code for cause in Cause if cause)


class Bad(NamedTuple):
    """Rows of a batch (k,), ascending, each with the column and the reason."""

    rows: NDArray[np.int64]
    columns: list[str]
    reasons: list[str]


class ScoredRows(NamedTuple):
    """n scored rows. `causes` (n,): numbers of Cause, all 0 for a card that scores everybody."""

    scores: Scores
    causes: NDArray[np.int16]


class CardScorer:
    """Any card: one for wallets, or one that scores every row."""

    def __init__(self, card: Scorecard, settings: Settings) -> None:
        self.card = card
        self.wallets = _wallet_scorer(card, settings)
        self._evaluator = self.wallets.evaluator if self.wallets else Evaluator(card)
        self.columns = self.wallets.columns if self.wallets else self._evaluator.features
        self.texts = tuple(dict.fromkeys(item.feature for item in card.characteristics if item.categories is not None))
        self._refusing = {
            item.feature: pa.array([name for group in item.categories for name in group], pa.string())
            for item in card.characteristics
            if item.categories is not None and item.unknown == "error"
        }

    def score(self, table: pa.Table) -> ScoredRows:
        """Score all rows. Raises ValueError for a column that is not of the card's kind, UnknownCategory where the card says so."""
        if self.wallets is None:
            return ScoredRows(self._evaluator.evaluate_table(table), np.zeros(table.num_rows, np.int16))
        found = self.wallets.score_table(table)
        return ScoredRows(found.rows, found.causes)

    def bad(self, table: pa.Table, wallet: str) -> Bad:
        """Rows that cannot be scored, by the first of their faults."""
        nobody = table.column(wallet)
        faults = [(wallet, NO_WALLET, pc.is_null(nobody))] if nobody.null_count else []
        for name in (DAYS, PAYMENTS) if self.wallets else ():
            if pa.types.is_floating(table.column(name).type):
                faults.append((name, NOT_FINITE, pc.is_inf(table.column(name)).fill_null(False)))
        return _bad(faults)

    def of_unknown_categories(self, table: pa.Table) -> Bad:
        """Rows that made UnknownCategory."""
        return _bad([(name, UNKNOWN, _unnamed(table.column(name), known)) for name, known in self._refusing.items()])


def _wallet_scorer(card: Scorecard, settings: Settings) -> WalletScorer | None:
    try:
        checked(card)
    except CardError:
        return None
    return WalletScorer(card, Minimum(days=settings.min_days, payments=settings.min_payments))


def _unnamed(column: pa.ChunkedArray, known: pa.Array) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    texts = column.cast(pa.string())
    return pc.and_(pc.is_valid(texts), pc.invert(pc.is_in(texts, value_set=known)))


def _bad(faults: list[tuple[str, str, pa.ChunkedArray]]) -> Bad:
    first: dict[int, tuple[str, str]] = {}
    for name, reason, mask in faults:
        if pc.any(mask).as_py():
            for row in np.flatnonzero(mask.to_numpy()).tolist():
                first.setdefault(row, (name, reason))
    rows = sorted(first)
    return Bad(np.array(rows, np.int64), [first[row][0] for row in rows], [first[row][1] for row in rows])


class Columns:
    """The columns that scoring adds: what they can hold, and what they hold of a batch's scores."""

    def __init__(self, card: Scorecard, settings: Settings, causes: bool) -> None:
        self._everything = not settings.scores_only
        self._causes = causes
        self._has_bands = bool(card.bands)
        self._lows = [band.low for band in card.bands or ()][1:]
        self._undated = settings.as_of is None
        self.columns = tuple(self._described(card, settings.as_of or 0))

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    def rows(self, kept: pa.Table, found: ScoredRows, bands: NDArray[np.int16]) -> Rows:
        """Scored rows as they are written, beside their `kept` columns. Rows without a score have only their cause."""
        scores = found.scores
        one = np.zeros(1, np.int8)
        values: list[Integers] = [scores.totals, *([bands] if self._has_bands else [])]
        masks = [found.causes == 0, found.causes != 0] if self._causes else []
        if self._everything:
            values += list(scores.subtotals)
            for reason, gap in zip(scores.reasons, scores.gaps, strict=True):
                values += [reason, gap]
                masks.append(reason != NONE)
        if self._causes:
            values.append(found.causes)
        if self._undated:
            masks.append(np.zeros(len(scores.totals), np.bool_))
        return Rows(kept, [*values, one, one], masks)

    def bands(self, totals: NDArray[np.int32]) -> NDArray[np.int16]:
        """Places in the card's bands (n,), all 0 for a card without."""
        place = np.zeros(len(totals), np.int16)
        for low in self._lows:
            place += totals >= low
        return place

    def _described(self, card: Scorecard, as_of: int) -> Iterator[Column]:
        """In the order of `rows`, with masks as they stand there."""
        scored = 0 if self._causes else None
        yield Column("score", pa.int32(), card.worst, card.best, mask=scored)
        if card.bands:
            yield _words("band", [band.name for band in card.bands], scored)
        named = 2 if self._causes else 0
        if self._everything:
            for dimension, (low, high) in _subtotals(card).items():
                yield Column(f"subtotal_{dimension}", pa.int32(), low, high, mask=scored)
            for at in range(REASONS_MAX):
                yield _words(f"reason_{at + 1}", card.reasons, named + at)
                yield Column(f"gap_{at + 1}", pa.int32(), 0, _gap_max(card), mask=named + at)
            named += REASONS_MAX
        if self._causes:
            yield _words(NOT_AVAILABLE, CODES, 1)._replace(low=1, high=len(CODES))
        yield _words("card", [card_hash(card)], None)._replace(type=pa.dictionary(pa.int8(), pa.string()))
        yield Column("as_of", pa.timestamp("ms", "UTC"), as_of, as_of, mask=named if self._undated else None)


def _words(name: str, texts: Sequence[str], mask: int | None) -> Column:
    return Column(name, pa.dictionary(pa.int16(), pa.string()), 0, len(texts) - 1, tuple(texts), mask)


def _subtotals(card: Scorecard) -> dict[str, tuple[int, int]]:
    """By dimension, the fewest and the most points."""
    found = dict.fromkeys(card.dimensions, (0, 0))
    for item in card.characteristics:
        if item.dimension is not None:
            low, high = found[item.dimension]
            found[item.dimension] = low + min(item.all_points), high + max(item.all_points)
    return found


def _gap_max(card: Scorecard) -> int:
    """The most points that a reason can cost."""
    lost: Counter[str] = Counter()
    for item in card.characteristics:
        lost[item.reason] += max(item.all_points) - min(item.all_points)
    return max(lost.values())


class Counting:
    """A tally that grows batch by batch."""

    def __init__(self, card: Scorecard) -> None:
        self._card = card
        step = max(1, -(-(card.best - card.worst + 1) // HISTOGRAM_MAX))
        bands, reasons = max(1, len(card.bands or ())), len(card.reasons)
        self._counts = Counts(
            worst=card.worst,
            step=step,
            cause=np.zeros(len(CODES) + 1, np.int64),
            histogram=np.zeros((card.best - card.worst) // step + 1, np.int64),
            band=np.zeros(bands, np.int64),
            first=np.zeros((bands, reasons), np.int64),
            named=np.zeros(reasons, np.int64),
            gaps=np.zeros(reasons, np.int64),
        )
        self._unknown: Counter[str] = Counter()
        self.bad = self.checked = 0

    def add(self, found: ScoredRows, bands: NDArray[np.int16]) -> None:
        """Count a batch."""
        count_scores(found.scores, found.causes, bands, self._counts)
        for item, rows in zip(self._card.characteristics, found.scores.unknown.tolist(), strict=True):
            if rows:
                self._unknown[item.feature] += rows

    def tally(self) -> Tally:
        """The counts so far."""
        counts = self._counts
        causes = counts.cause.tolist()
        return Tally(
            scored=causes[0],
            bad=self.bad,
            causes=dict(zip(CODES, causes[1:], strict=True)),
            worst=counts.worst,
            step=counts.step,
            histogram=counts.histogram.tolist(),
            bands=counts.band.tolist() if self._card.bands else [],
            first=counts.first.tolist(),
            named=counts.named.tolist(),
            gaps=counts.gaps.tolist(),
            unknown=dict(self._unknown),
            checked=self.checked,
        )


def summed(tallies: Mapping[int, Tally], card: Scorecard) -> Tally:
    """All units' tallies as one."""
    empty = Counting(card).tally()
    each = [tallies[unit] for unit in sorted(tallies)]

    def total(name: str) -> Any:
        return np.sum([getattr(empty, name), *(getattr(tally, name) for tally in each)], axis=0).tolist()

    unknown: Counter[str] = Counter()
    causes: Counter[str] = Counter(empty.causes)
    for tally in each:
        unknown.update(tally.unknown)
        causes.update(tally.causes)
    arrays: dict[str, Any] = {name: total(name) for name in ("histogram", "bands", "first", "named", "gaps")}
    counts: dict[str, Any] = {name: int(total(name)) for name in ("scored", "bad", "checked")}
    return Tally(
        causes=dict(causes),
        unknown=dict(sorted(unknown.items())),
        worst=empty.worst,
        step=empty.step,
        **arrays,
        **counts,
    )


def stability(before: Tally, now: Tally) -> float:
    """PSI over tenths of the scores before; 0 where one has no scores."""
    if not (before.scored and now.scored):
        return 0.0
    so_far = np.cumsum(before.histogram)
    cuts = np.unique(np.searchsorted(so_far, np.arange(1, TENTHS) / TENTHS * so_far[-1]))
    edges = before.worst + (cuts + 1) * before.step

    def by_tenth(tally: Tally) -> NDArray[np.int64]:
        scores = tally.worst + np.arange(len(tally.histogram)) * tally.step
        tenth = np.searchsorted(edges, scores, side="right")
        return np.bincount(tenth, tally.histogram, len(edges) + 1).astype(np.int64)

    return psi(by_tenth(before), by_tenth(now))
