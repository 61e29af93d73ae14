"""Train a wallet card: features of the year to date, outcomes of the months after.

Only who would be scored is trained on, so nobody of whom too little is known shapes a card. A feature counts the way that its holder
would expect, or not at all, where `directions` say which way that is.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.credit.catalogue import FEATURES
from models.credit.score import DAYS, PAYMENTS, Minimum
from models.credit.wallet_card import BANDS, RELATIONS, wallet_card
from models.scorecard import Scorecard
from models.statistics import Floats, auc
from models.training.train import Range, Settings, fit, folds, prepare

NAME: Final = "wallet"
TARGET: Final = "defaulted"
IV_MIN: Final = 0.02
"""A feature that says less alone is left out of what a holder has to read."""
NOT_OF_A_CARD: Final = (PAYMENTS, "balance", "is_open", "freezes")
"""How much is known, what changes by the hour, and what ends a wallet's use anyway."""
FOLDS: Final = 5
SEED: Final = 42


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet card and what it reaches on rows that its training had not seen. `by_band`: rows and the share that defaulted."""

    card: Scorecard
    rows: int
    bad: int
    auc: float
    by_band: dict[str, tuple[int, float]]


def train_wallet_card(
    features: pa.Table,
    defaulted: pa.Array,
    *,
    leave_out: Sequence[str] = (),
    minimum: Minimum = Minimum(),  # noqa: B008
) -> Trained:
    """`features`: a row a wallet, with columns of the catalogue; `defaulted` (n,): what became of each. `leave_out`: dimensions."""
    enough = pc.and_(
        pc.greater_equal(features.column(DAYS), minimum.days),
        pc.greater_equal(features.column(PAYMENTS), minimum.payments),
    )
    dimensions = {
        each.name: each.dimension
        for each in FEATURES
        if each.name not in NOT_OF_A_CARD and each.dimension not in leave_out and each.name in features.column_names
    }
    table = features.select(list(dimensions)).append_column(TARGET, pc.cast(defaulted, pa.int64())).filter(enough)
    settings = Settings(
        name=NAME if RELATIONS not in leave_out else f"{NAME}-without-{RELATIONS}",
        target=TARGET,
        scaling=Range(low=350, high=950),
        trend="monotonic",
        iv_min=IV_MIN,
        folds=FOLDS,
        seed=SEED,
    )
    data = prepare(table, settings)
    fitted = fit(data, settings)
    held_out = folds(data, settings)
    card = wallet_card(fitted.card, dimensions)
    areas = [auc(fold.scores, data.bad[fold.rows]) for fold in held_out]
    rows = np.concatenate([fold.rows for fold in held_out])
    scores = np.concatenate([fold.scores for fold in held_out])
    return Trained(
        card=card,
        rows=len(data.bad),
        bad=int(data.bad.sum()),
        auc=float(np.mean(areas)),
        by_band=_by_band(scores, data.bad[rows]),
    )


def _by_band(scores: pa.Array, bad: Floats) -> dict[str, tuple[int, float]]:
    lows = np.array([band.low for band in BANDS[1:]])
    place = np.searchsorted(lows, scores, side="right")
    return {
        band.name: (int((place == at).sum()), float(bad[place == at].mean()) if (place == at).any() else 0.0)
        for at, band in enumerate(BANDS)
    }
