"""Published scores as a holder sees them: subtotals that add up, reasons with what each costs."""

from typing import Any, Final

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from actors.records.credit_layout import DIMENSIONS, SCORE
from actors.records.layout import RECORD
from models.credit.score import Cause
from models.credit.wallet_card import BANDS
from models.scorecard import Scorecard
from switch.http.times import time_text

NEVER: Final = "not_scored"
"""Of a wallet that no run has scored yet."""


class ReasonGap(msgspec.Struct, frozen=True, kw_only=True):
    """What costs most: points that the wallet lacks of the best."""

    code: str
    gap: int


class ScoreAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A published score. `na_cause`: why there is none; then nothing else is told. `subtotals` add up to `score`; `as_of`: where its data
    end."""

    id: str | UnsetType = UNSET
    score: int | None
    band: str | None
    na_cause: str | UnsetType = UNSET
    subtotals: dict[str, int] | UnsetType = UNSET
    reasons: list[ReasonGap] | UnsetType = UNSET
    card: str | UnsetType = UNSET
    run: int | UnsetType = UNSET
    as_of: str | UnsetType = UNSET
    published_at: str | UnsetType = UNSET


class ScoreList(msgspec.Struct, frozen=True):
    """A page of published scores."""

    data: list[ScoreAnswer]
    has_more: bool
    next: str | None


class OrderCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Service orders of a wallet."""

    open: int
    overdue: int
    defaulted: int
    kept: int


class CreditAnswer(ScoreAnswer, frozen=True, kw_only=True):
    """What is known of a holder's credit. `disputed`: an entry is disputed, its answer is due."""

    orders: OrderCounts
    disputed: bool


def score_of(raw: dict[str, int]) -> Any:
    """A SCORE record (numbers by field) as a scalar of SCORE."""
    record = np.zeros(1, RECORD)
    record[0] = tuple(raw[name] for name in RECORD.names or ())
    return np.frombuffer(record.tobytes(), SCORE)[0]


def score_answer(published: Any, card: Scorecard | None, identity: str | UnsetType = UNSET) -> ScoreAnswer:
    """A scalar of SCORE with the card that it is by, and its id."""
    at: dict[str, Any] = {
        "id": identity,
        "run": int(published["run"]),
        "as_of": time_text(int(published["as_of"])),
        "published_at": time_text(int(published["record_time"])),
    }
    label = UNSET if card is None else f"{card.name}@{card.version}"
    if published["cause"]:
        return ScoreAnswer(score=None, band=None, na_cause=Cause(int(published["cause"])).code, card=label, **at)
    score = int(published["score"])
    codes = () if card is None else card.reasons
    subtotals = zip(DIMENSIONS, published["subtotals"].tolist(), strict=True)
    given = zip(published["reasons"].tolist(), published["gaps"].tolist(), strict=True)
    return ScoreAnswer(
        score=score,
        band=[band.name for band in BANDS if score >= band.low][-1],
        subtotals={name: points for name, points in subtotals if card is None or name in card.dimensions},
        reasons=[ReasonGap(code=codes[number - 1], gap=gap) for number, gap in given if 0 < number <= len(codes)],
        card=label,
        **at,
    )
