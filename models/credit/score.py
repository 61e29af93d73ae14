"""A wallet's score: 350 to 950, its band, five subtotals, at most four reasons, or why there is none.

One kernel scores one wallet or millions, integers only, so a request, a batch job, a backtest and a worker on another machine give
the same bits.

What always holds: the subtotals add up to the score. The gaps of the reasons and the `rest` of each dimension add up to what that
dimension's subtotal lacks of its best; all of them together to what the score lacks of 950. Who is known for too short a time, or
has paid too little, gets no score but the cause; then nothing else is told, so that nobody guesses from it.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.credit.wallet_card import checked
from models.evaluation import NONE, Evaluator, Reason, Scores
from models.jit import kernel
from models.scorecard import Scorecard
from models.tidying import plain

DAYS: Final = "wallet_age_days"
PAYMENTS: Final = "payments_360d"
"""What says how much is known of a wallet; columns beside the features of the card."""
DAYS_MIN: Final = 90
"""One quarter: each kind of regular income and bill has come three times."""
PAYMENTS_MIN: Final = 10
"""With fewer own payments a share, of declines say, moves by more than a tenth with the next one."""


class Cause(IntEnum):
    """Why there is no score. Numbers are kept in journals: none is ever used for another cause."""

    NONE = 0
    FEW_DAYS = 1
    FEW_PAYMENTS = 2

    @property
    def code(self) -> str:
        """Its name as answers and tables have it."""
        return self.name.lower()


class Minimum(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known of a wallet before it is scored."""

    days: int = DAYS_MIN
    payments: int = PAYMENTS_MIN


class WalletScore(msgspec.Struct, frozen=True, kw_only=True):
    """One wallet. With a `cause` there is no score and all else is empty. `shortfall`: best score minus score. `rest`: by dimension, what
    it lacks beyond the gaps of the reasons; dimensions that lack nothing more are left out."""

    score: int | None
    band: str | None
    cause: str | None
    shortfall: int
    subtotals: dict[str, int]
    reasons: tuple[Reason, ...]
    rest: dict[str, int]


class WalletScores(NamedTuple):
    """n wallets. `rows`: as the evaluator gives them, zeros and no reasons where there is a cause. `bands` (n,): places in the card's
    bands, NONE where there is none; `causes` (n,): numbers of Cause; `rest` (n, dimensions)."""

    rows: Scores
    bands: NDArray[np.int64]
    causes: NDArray[np.int64]
    rest: NDArray[np.int64]


class _Wallets(NamedTuple):
    """What the kernel needs beyond the card. `lows`: where bands begin. `best` (dimensions,): the most that each can have. `dimension`: by
    reason. `days`, `payments`: least."""

    lows: NDArray[np.int64]
    best: NDArray[np.int64]
    dimension: NDArray[np.int64]
    days: int
    payments: int


class WalletScorer:
    """A wallet card laid out for scoring; make one per card and keep it. It has room for one row of its own, so threads need one each.
    Raises CardError for a card that is not one for wallets."""

    def __init__(self, card: Scorecard, minimum: Minimum = Minimum()) -> None:  # noqa: B008
        self.card = checked(card)
        self.minimum = minimum
        self.evaluator = Evaluator(card)
        self.columns = tuple(dict.fromkeys((*self.evaluator.features, DAYS, PAYMENTS)))
        of_reason = {item.reason: item.dimension for item in card.characteristics}
        best = {name: 0 for name in card.dimensions}
        for item in card.characteristics:
            best[item.dimension or ""] += max(item.all_points)
        self.best = best
        """The most points by dimension."""
        self._bands = [band.name for band in card.bands or ()]
        self._wallets = _Wallets(
            lows=np.array([band.low for band in card.bands or ()], np.int64),
            best=np.array(list(best.values()), np.int64),
            dimension=np.array([card.dimensions.index(of_reason[code] or "") for code in card.reasons], np.int64),
            days=minimum.days,
            payments=minimum.payments,
        )

    def score_table(self, table: pa.Table) -> WalletScores:
        """Score a table's rows. Raises ValueError for a column that is not there or not of its kind."""
        for name in (DAYS, PAYMENTS):
            if name not in table.column_names:
                raise ValueError(f"there is no column {name!r}, which says whether enough is known for a score")
        known = np.stack([_whole(name, table.column(name)) for name in (DAYS, PAYMENTS)])
        return self._finished(self.evaluator.evaluate_table(table), known)

    def score_encoded(self, columns: NDArray[np.int64], known: NDArray[np.int64]) -> WalletScores:
        """Score records that the evaluator encoded. `known` (2, n): days and payments."""
        return self._finished(self.evaluator.evaluate(columns), known)

    def score(self, record: Mapping[str, Any]) -> WalletScore:
        """Score one wallet: numbers, texts, and None for what is not known. Raises ValueError as `Evaluator.score` does."""
        return self.shown(self.score_encoded(self.evaluator.encode_record(record), known_of(record)), 0)

    def _finished(self, rows: Scores, known: NDArray[np.int64]) -> WalletScores:
        count = len(rows.totals)
        found = WalletScores(
            rows=rows,
            bands=np.empty(count, np.int64),
            causes=np.empty(count, np.int64),
            rest=np.empty((count, len(self.best)), np.int64),
        )
        _finish(self._wallets, known, rows, found.bands, found.causes, found.rest)
        return found

    def shown(self, scores: WalletScores, row: int) -> WalletScore:
        """One row for people and programs."""
        if scores.causes[row]:
            cause = Cause(int(scores.causes[row])).code
            return WalletScore(score=None, band=None, cause=cause, shortfall=0, subtotals={}, reasons=(), rest={})
        total = int(scores.rows.totals[row])
        codes = self.card.reasons
        named = zip(scores.rows.reasons[row].tolist(), scores.rows.gaps[row].tolist(), strict=True)
        rest = zip(self.best, scores.rest[row].tolist(), strict=True)
        return WalletScore(
            score=total,
            band=self._bands[scores.bands[row]],
            cause=None,
            shortfall=self.card.best - total,
            subtotals=dict(zip(self.best, scores.rows.subtotals[row].tolist(), strict=True)),
            reasons=tuple(Reason(code=codes[at], gap=gap) for at, gap in named if at != NONE),
            rest={name: points for name, points in rest if points},
        )


def known_of(record: Mapping[str, Any]) -> NDArray[np.int64]:
    """Days and payments of one record, (2, 1). Raises ValueError for what is not there or no number."""
    values = []
    for name in (DAYS, PAYMENTS):
        if name not in record:
            raise ValueError(f"no value for {name!r}, which says whether enough is known for a score")
        value = record[name]
        if value is not None and not isinstance(value, (int, float)):
            raise ValueError(f"{name}: a number is expected, not {value!r}")
        values.append([0 if value is None or value != value else int(value)])
    return np.array(values, np.int64)


def _whole(name: str, column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Whole days or payments; nothing known is none."""
    column = plain(column)
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise ValueError(f"{name}: numbers are expected, the column holds {kind}")
    found: NDArray[np.int64] = np.nan_to_num(column.cast(pa.float64()).fill_null(0.0).to_numpy()).astype(np.int64)
    return found


@kernel
def _finish(wallets, known, rows, bands, causes, rest):
    """Of scored rows: cause, band and rest; whoever has a cause loses all else."""
    for row in range(len(rows.totals)):
        cause = 0
        if known[0, row] < wallets.days:
            cause = 1
        elif known[1, row] < wallets.payments:
            cause = 2
        causes[row] = cause
        band = -1
        for low in wallets.lows:
            band += rows.totals[row] >= low
        bands[row] = NONE if cause else band
        for dimension in range(rest.shape[1]):
            rest[row, dimension] = 0 if cause else wallets.best[dimension] - rows.subtotals[row, dimension]
            if cause:
                rows.subtotals[row, dimension] = 0
        for place in range(rows.reasons.shape[1]):
            reason = rows.reasons[row, place]
            if cause:
                rows.reasons[row, place] = NONE
                rows.gaps[row, place] = 0
            elif reason >= 0:
                rest[row, wallets.dimension[reason]] -= rows.gaps[row, place]
        if cause:
            rows.totals[row] = 0
