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
import pyarrow.compute as pc
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
FAR: Final = 2**62
"""Beyond it a number of days or payments says no more, and in 64 bits it would be another one."""
PAYMENTS_MIN: Final = 10
"""With fewer own payments a share, of declines say, moves by more than a tenth with the next one."""


class Cause(IntEnum):
    """Why there is no score. Numbers are kept in journals: none is ever used for another cause."""

    NONE = 0
    FEW_DAYS = 1
    FEW_PAYMENTS = 2
    WITHDRAWN = 3
    """The only run that had scored the wallet was undone, or a dispute deleted the score before it."""

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
    bands, NONE where there is none; `causes` (n,): numbers of Cause."""

    rows: Scores
    bands: NDArray[np.int16]
    causes: NDArray[np.int16]


class _Wallets(NamedTuple):
    """What the kernel needs beyond the card. `lows`: where bands begin. `days`, `payments`: least."""

    lows: NDArray[np.int64]
    days: int
    payments: int


class WalletScorer:
    """A wallet card laid out for scoring; make one per card and keep it. It has room for one row of its own, so threads need one each.
    `totals_alone`: without reasons and subtotals. Raises CardError for a card that is not one for wallets."""

    def __init__(self, card: Scorecard, minimum: Minimum = Minimum(), *, totals_alone: bool = False) -> None:  # noqa: B008
        self.card = checked(card)
        self.minimum = minimum
        self.evaluator = Evaluator(card, totals_alone=totals_alone)
        self.columns = tuple(dict.fromkeys((*self.evaluator.features, DAYS, PAYMENTS)))
        self._dimension_of = {item.reason: item.dimension or "" for item in card.characteristics}
        best = {name: 0 for name in card.dimensions}
        for item in card.characteristics:
            best[item.dimension or ""] += max(item.all_points)
        self.best = best
        """The most points by dimension."""
        self._bands = [band.name for band in card.bands or ()]
        self._wallets = _Wallets(
            lows=np.array([band.low for band in card.bands or ()], np.int64),
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
            bands=np.empty(count, np.int16),
            causes=np.empty(count, np.int16),
        )
        _finish(self._wallets, known, rows, found.bands, found.causes)
        return found

    def shown(self, scores: WalletScores, row: int) -> WalletScore:
        """One row for people and programs."""
        if scores.causes[row]:
            cause = Cause(int(scores.causes[row])).code
            return WalletScore(score=None, band=None, cause=cause, shortfall=0, subtotals={}, reasons=(), rest={})
        total = int(scores.rows.totals[row])
        codes = self.card.reasons
        named = zip(scores.rows.reasons[:, row].tolist(), scores.rows.gaps[:, row].tolist(), strict=True)
        reasons = tuple(Reason(code=codes[at], gap=gap) for at, gap in named if at != NONE)
        subtotals = dict(zip(self.best, scores.rows.subtotals[:, row].tolist(), strict=True))
        rest = {name: best - subtotals[name] for name, best in self.best.items()}
        for reason in reasons:
            rest[self._dimension_of[reason.code]] -= reason.gap
        return WalletScore(
            score=total,
            band=self._bands[scores.bands[row]],
            cause=None,
            shortfall=self.card.best - total,
            subtotals=subtotals,
            reasons=reasons,
            rest={name: points for name, points in rest.items() if points},
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
        values.append([0 if value is None or value != value else int(max(-FAR, min(FAR, value)))])
    return np.array(values, np.int64)


def _whole(name: str, column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Whole days or payments; nothing known is none."""
    column = plain(column)
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise ValueError(f"{name}: numbers are expected, the column holds {kind}")
    if pa.types.is_integer(kind):
        if pa.types.is_uint64(kind):
            column = pc.min_element_wise(column, pa.scalar(int(FAR), pa.uint64()), skip_nulls=False)
        whole: NDArray[np.int64] = (column.fill_null(0) if column.null_count else column).cast(pa.int64()).to_numpy()
        return whole
    numbers = np.nan_to_num(column.cast(pa.float64()).fill_null(0.0).to_numpy())
    found: NDArray[np.int64] = np.clip(numbers, -FAR, FAR).astype(np.int64)
    return found


@kernel
def _finish(wallets, known, rows, bands, causes):
    """Of scored rows: cause and band; whoever has a cause loses all else."""
    days, payments = known[0], known[1]
    for row in range(len(causes)):
        few_days, few = days[row] < wallets.days, payments[row] < wallets.payments
        causes[row] = 1 if few_days else 2 * few
    bands[:] = -1
    for low in wallets.lows:
        for row in range(len(causes)):
            bands[row] += rows.totals[row] >= low
    for row in range(len(causes)):
        if causes[row] != 0:
            bands[row] = NONE
            rows.totals[row] = 0
    for dimension in range(len(rows.subtotals)):
        for row in range(len(causes)):
            if causes[row] != 0:
                rows.subtotals[dimension, row] = 0
    for place in range(len(rows.reasons)):
        for row in range(len(causes)):
            if causes[row] != 0:
                rows.reasons[place, row] = NONE
                rows.gaps[place, row] = 0
