"""Train a wallet card: features of the year to date, outcomes of the months after.

Only who would be scored is trained on, so nobody of whom too little is known shapes a card. Points rise or fall with a feature and never
turn, and bins are few, so that a holder can read the table.
"""

from collections.abc import Collection
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.arrays import Reals
from models.credit.catalogue import FEATURES
from models.credit.score import DAYS, PAYMENTS, Minimum
from models.credit.wallet_card import BANDS, RANGE, RELATIONS, wallet_card
from models.scorecard import Scorecard
from models.statistics import auc
from models.training.train import Range, Settings, fit, folds, prepare

NAME: Final = "wallet"
TARGET: Final = "defaulted"
BIN_SHARE: Final = 0.08
"""At most twelve bins a feature."""
IV_MIN: Final = 0.01
"""What says less alone is left out of what a holder has to read."""
UNUSED: Final = frozenset(
    {
        PAYMENTS,
        "balance",
        "is_open",
        "freezes",
        "months_on_book",
        "active_months_12",
        "tier_age_days",
        "longest_pause_90d",
    }
)
"""How much is known; what changes by the hour; what ends a wallet's use anyway; what says again what the age of a wallet and the days since
its last payment say: each fact counts in one dimension."""
FOLDS: Final = 5
SEED: Final = 42


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet card and what cards trained like it reach on rows that they had not seen: `auc`, the mean over folds, and by name of each of
    the `bands` rows and the share of them that defaulted. `auc_of_best`: what `best`, if it was given, reaches on the same rows."""

    card: Scorecard
    rows: int
    bad: int
    auc: float
    auc_of_best: float | None
    bands: dict[str, tuple[int, float]]

    @property
    def share_of_best(self) -> float | None:
        """The card's Gini as a share of that of the best possible predictor."""
        return None if self.auc_of_best is None else (2 * self.auc - 1) / (2 * self.auc_of_best - 1)


def train_wallet_card(
    features: pa.Table, defaulted: pa.Array, *, leave_out: Collection[str] = (), best: Reals | None = None
) -> Trained:
    """`features`: a row a wallet, columns of the catalogue; `defaulted` (n,): what became of each; `leave_out`: dimensions. `best` (n,):
    what is known to order wallets best, higher for less risk. Raises ValueError as training does, and without DAYS and PAYMENTS."""
    scored = _scored(features)
    dimensions = {
        each.name: each.dimension
        for each in FEATURES
        if each.name not in UNUSED and each.dimension not in leave_out and each.name in features.column_names
    }
    table = features.select(list(dimensions)).append_column(TARGET, pc.cast(defaulted, pa.int64())).filter(scored)
    settings = Settings(
        name=NAME if RELATIONS not in leave_out else f"{NAME}-without-{RELATIONS}",
        target=TARGET,
        scaling=Range(low=RANGE[0], high=RANGE[1]),
        method="logistic",
        trend="monotonic",
        bin_share=BIN_SHARE,
        iv_min=IV_MIN,
        folds=FOLDS,
        seed=SEED,
    )
    data = prepare(table, settings)
    held_out = folds(data, settings)
    known = None if best is None else best[scored.to_numpy(zero_copy_only=False)]
    return Trained(
        card=wallet_card(fit(data, settings).card, dimensions),
        rows=len(data.bad),
        bad=int(data.bad.sum()),
        auc=_mean([auc(fold.scores, data.bad[fold.rows]) for fold in held_out]),
        auc_of_best=None if known is None else _mean([auc(known[each.rows], data.bad[each.rows]) for each in held_out]),
        bands=_bands(
            np.concatenate([fold.scores for fold in held_out]),
            np.concatenate([data.bad[fold.rows] for fold in held_out]),
        ),
    )


def _scored(features: pa.Table) -> pa.ChunkedArray:
    """Whether each wallet would be scored."""
    least = Minimum()
    for name in (DAYS, PAYMENTS):
        if name not in features.column_names:
            raise ValueError(f"there is no column {name!r}, which says whether enough is known for a score")
    enough = [
        pc.greater_equal(features.column(name), limit)
        for name, limit in ((DAYS, least.days), (PAYMENTS, least.payments))
    ]
    return pc.fill_null(pc.and_(*enough), False)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _bands(scores: NDArray[np.int64], bad: NDArray[np.int64]) -> dict[str, tuple[int, float]]:
    index = np.searchsorted([band.low for band in BANDS[1:]], scores, side="right")
    rows = np.bincount(index, minlength=len(BANDS)).tolist()
    bads = np.bincount(index, bad, minlength=len(BANDS)).tolist()
    return {
        band.name: (count, count_bad / count if count else 0.0)
        for band, count, count_bad in zip(BANDS, rows, bads, strict=True)
    }
