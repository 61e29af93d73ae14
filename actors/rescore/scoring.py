"""Score a batch of rows into columns, count what they were, and keep bad ones apart.

A row is bad when nobody could say what its score is: it names no wallet, a category stands in it where the card makes unknown ones an
error, or what says how much is known is infinite. What is missing is not bad: the card has points for it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.rescore.job import Settings, Tally
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
    """n scored rows. `causes` (n,): numbers of Cause, all 0 for a card that scores everybody. `bands` (n,): places in the card's bands
    of rows with a score, all 0 for a card without."""

    scores: Scores
    causes: NDArray[np.int16]
    bands: NDArray[np.int16]


class CardScorer:
    """Any card: one for wallets, or one that scores every row."""

    def __init__(self, card: Scorecard, settings: Settings) -> None:
        self.card = card
        self.wallets = _wallet_scorer(card, settings)
        self._evaluator = self.wallets.evaluator if self.wallets else Evaluator(card, totals_alone=settings.scores_only)
        self.columns = self.wallets.columns if self.wallets else self._evaluator.features
        self.texts = tuple(dict.fromkeys(item.feature for item in card.characteristics if item.categories is not None))
        self._refusing = [
            (item.feature, pa.array([name for group in item.categories for name in group], pa.string()))
            for item in card.characteristics
            if item.categories is not None and item.unknown == "error"
        ]

    def score(self, table: pa.Table) -> ScoredRows:
        """Score all rows. Raises ValueError for a column that is not of the card's kind, UnknownCategory where the card says so."""
        if self.wallets is None:
            scores = self._evaluator.evaluate_table(table)
            return ScoredRows(scores, np.zeros(table.num_rows, np.int16), self._bands_of(scores.totals))
        found = self.wallets.score_table(table)
        return ScoredRows(found.rows, found.causes, found.bands)

    def _bands_of(self, totals: NDArray[np.int32]) -> NDArray[np.int16]:
        place = np.zeros(len(totals), np.int16)
        for band in (self.card.bands or ())[1:]:
            place += totals >= band.low
        return place

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
        return _bad([(name, UNKNOWN, _unnamed(table.column(name), known)) for name, known in self._refusing])


def _wallet_scorer(card: Scorecard, settings: Settings) -> WalletScorer | None:
    try:
        checked(card)
    except CardError:
        return None
    minimum = Minimum(days=settings.min_days, payments=settings.min_payments)
    return WalletScorer(card, minimum, totals_alone=settings.scores_only)


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
    """The columns that scoring adds, made of a batch's scores."""

    def __init__(self, card: Scorecard, settings: Settings, causes: bool) -> None:
        self._dimensions = card.dimensions
        self._everything = not settings.scores_only
        self._causes = causes
        self._bands = _texts(band.name for band in card.bands or ())
        self._reasons, self._codes, self._card = _texts(card.reasons), _texts(CODES), _texts([card_hash(card)])
        self._as_of = pa.scalar(settings.as_of, pa.timestamp("ms", "UTC"))

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        reasons = [f"{what}_{at}" for at in range(1, REASONS_MAX + 1) for what in ("reason", "gap")]
        subtotals = [f"subtotal_{dimension}" for dimension in self._dimensions]
        more = [*subtotals, *reasons] if self._everything else []
        causes = [NOT_AVAILABLE] if self._causes else []
        return ["score", *(["band"] if len(self._bands) else []), *more, *causes, "card", "as_of"]

    @property
    def whole(self) -> list[str]:
        """Those that have a value in every row: a writer need not look which have."""
        return ["card", "as_of"] if self._as_of.is_valid else ["card"]

    def of(self, found: ScoredRows) -> dict[str, pa.Array]:
        """The columns by name. Rows without a score have only their cause."""
        scores, rows = found.scores, len(found.scores.totals)
        there = _bits(found.causes == 0) if found.causes.any() else None
        made: dict[str, pa.Array] = {"score": _whole(scores.totals, there)}
        if len(self._bands):
            made["band"] = _words(found.bands, self._bands, there)
        if self._everything:
            for dimension, points in zip(self._dimensions, scores.subtotals, strict=True):
                made[f"subtotal_{dimension}"] = _whole(points, there)
            for at, (reason, gap) in enumerate(zip(scores.reasons, scores.gaps, strict=True), 1):
                named = _bits(reason != NONE)
                made[f"reason_{at}"] = _words(reason, self._reasons, named)
                made[f"gap_{at}"] = _whole(gap, named)
        if self._causes:
            made[NOT_AVAILABLE] = _words(found.causes - np.int16(1), self._codes, _bits(found.causes != 0))
        made["card"] = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int16), self._card)
        made["as_of"] = pa.repeat(self._as_of, rows)
        return made


def _texts(texts: Iterable[str]) -> pa.Array:
    return pa.array(texts, pa.string())


def _bits(there: NDArray[np.bool_]) -> pa.Buffer:
    """Which rows have a value, as Arrow has it; columns that lack the same rows share it."""
    return pa.py_buffer(np.packbits(there, bitorder="little"))


def _whole(values: NDArray[np.int32], there: pa.Buffer | None) -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), len(values), [there, pa.py_buffer(values)])


def _words(places: NDArray[np.int16], texts: pa.Array, there: pa.Buffer | None) -> pa.DictionaryArray:
    """Texts by their places, which a writer takes as they are: it looks no text up."""
    indices = pa.Array.from_buffers(pa.int16(), len(places), [there, pa.py_buffer(places)])
    return pa.DictionaryArray.from_arrays(indices, texts, safe=False)


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

    def add(self, found: ScoredRows) -> None:
        """Count a batch."""
        count_scores(found.scores, found.causes, found.bands, self._counts)
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


def not_comparable(before: Tally, now: Tally) -> str | None:
    """Why there is no PSI, where there is none."""
    if before.scored and now.scored:
        return None
    return "no row has a score" if before.scored else "no row of the run before has a score"


def stability(before: Tally, now: Tally) -> float | None:
    """PSI over tenths of the scores before; scores below and above all of them are by themselves. None where one has no scores."""
    if not_comparable(before, now):
        return None
    there, so_far = np.flatnonzero(before.histogram), np.cumsum(before.histogram)
    cuts = np.searchsorted(so_far, np.arange(1, TENTHS) / TENTHS * so_far[-1])
    edges = before.worst + np.unique([there[0], *(cuts + 1), there[-1] + 1]) * before.step

    def by_tenth(tally: Tally) -> NDArray[np.int64]:
        scores = tally.worst + np.arange(len(tally.histogram)) * tally.step + (tally.step - 1) / 2
        tenth = np.searchsorted(edges, scores, side="right")
        return np.bincount(tenth, tally.histogram, len(edges) + 1).astype(np.int64)

    return psi(by_tenth(before), by_tenth(now))
