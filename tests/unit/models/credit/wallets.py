"""Wallet cards and records for tests: any card of the evaluator's own tests, made one for wallets."""

from typing import Any

import msgspec
import pyarrow as pa
from hypothesis import assume
from hypothesis import strategies as st

from models.credit.feature import DIMENSIONS
from models.credit.wallet_card import wallet_card
from models.scorecard import Characteristic, Scorecard
from tests.unit.models.test_evaluation import SCHEMA, cards, records

WALLET_SCHEMA = SCHEMA.append(pa.field("wallet_age_days", pa.int64())).append(pa.field("payments_360d", pa.float64()))


@st.composite
def wallet_cards(draw: st.DrawFn) -> Scorecard:
    card = draw(cards())
    features = sorted({item.feature for item in card.characteristics})
    of_feature = {feature: draw(st.sampled_from(DIMENSIONS)) for feature in features}
    items = [
        msgspec.structs.replace(item, reason=f"{item.reason}_{of_feature[item.feature]}", dimension=None)
        for item in card.characteristics
    ]
    assume(any(len(set(item.all_points)) > 1 for item in items))
    return wallet_card(msgspec.structs.replace(card, characteristics=tuple(items)), of_feature)


@st.composite
def wallets(draw: st.DrawFn) -> dict[str, Any]:
    return {
        **draw(records),
        "wallet_age_days": draw(st.none() | st.integers(80, 100) | st.just(400)),
        "payments_360d": draw(st.none() | st.sampled_from([0.0, 9.0, 9.9, 10.0, 500.0, float("nan")])),
    }


def characteristic(feature: str, dimension: str, points: tuple[int, ...], **other: Any) -> Characteristic:
    shown = {"reason": feature.upper(), "edges": tuple(range(1, len(points))), "missing": points[0]}
    return Characteristic(feature=feature, dimension=dimension, points=points, **{**shown, **other})


def small_card() -> Scorecard:
    """One characteristic a dimension, with easy points."""
    items = (
        characteristic("late", "history", (150, 90, 0)),
        characteristic("night", "behaviour", (0, 100)),
        characteristic("buffer", "ability", (0, 50, 100)),
        characteristic("tier", "identity", (0, 150)),
        characteristic("friends", "relations", (0, 100)),
    )
    card = Scorecard(name="small", version=1, characteristics=items)
    return wallet_card(card, {item.feature: item.dimension or "" for item in items})


RECORD = {"late": 1, "night": 0, "buffer": 0, "tier": 1, "friends": None, "wallet_age_days": 200, "payments_360d": 44}
