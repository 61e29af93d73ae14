"""The points table and what-if as holders see them."""

from typing import Any

import msgspec

from models.credit.points_table import Line, PointsTable
from models.credit.score import WalletScore
from switch.http.times import time_text
from switch.views.credit_scores import ReasonGap


class WhatIfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet with these values would be scored."""

    score: int
    band: str
    subtotals: dict[str, int]
    reasons: list[ReasonGap]


class PointsAnswer(WhatIfAnswer, frozen=True, kw_only=True):
    """A published score and the lines that it is the sum of; those of a dimension add up to its subtotal."""

    card: str
    run: int
    as_of: str
    lines: tuple[Line, ...]


def what_if_answer(found: WalletScore) -> WhatIfAnswer:
    """A score that was not published."""
    return WhatIfAnswer(**_shown(found))


def points_answer(published: Any, table: PointsTable) -> PointsAnswer:
    """A scalar of SCORE with its table."""
    card, run = f"{table.card}@{table.version}", int(published["run"])
    return PointsAnswer(
        **_shown(table.result), card=card, run=run, as_of=time_text(int(published["as_of"])), lines=table.lines
    )


def _shown(found: WalletScore) -> dict[str, Any]:
    assert found.score is not None, "only wallets with a score have features here"
    return {
        "score": found.score,
        "band": found.band,
        "subtotals": found.subtotals,
        "reasons": [ReasonGap(code=reason.code, gap=reason.gap) for reason in found.reasons],
    }
