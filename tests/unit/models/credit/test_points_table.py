"""The printed table alone, read as a person reads it, gives the score."""

from typing import Any

from hypothesis import given, settings

from models.credit.points_table import Bin, as_lines, points_table
from models.credit.score import Minimum, WalletScorer
from models.scorecard import Scorecard
from tests.unit.models.credit.wallets import RECORD, small_card, wallet_cards, wallets


def with_a_pencil(bins: tuple[Bin, ...], value: Any, unknown: int | None) -> int:
    """Points of the one line of bins that a value falls in."""
    if value is None:
        return next(each.points for each in bins if each.what == "not known")
    if isinstance(value, str):
        named = [each.points for each in bins if each.texts and value in each.texts]
        return named[0] if named else next(each.points for each in bins if each.what == "any other")
    fitting = [
        each.points
        for each in bins
        if each.texts is None
        and each.what is None
        and (each.least is None or value >= each.least)
        and (each.below is None or value < each.below)
    ]
    assert len(fitting) == 1
    return fitting[0]


@settings(deadline=None)
@given(wallet_cards(), wallets())
def test_anyone_recomputes_the_score_from_the_table(card: Scorecard, row: dict[str, Any]) -> None:
    table = points_table(WalletScorer(card, Minimum(days=0, payments=0)), row)
    total = 0
    subtotals: dict[str, int] = {}
    for line in table.lines:
        got = with_a_pencil(line.bins, line.value, None)
        assert got == line.points == line.bins[line.own].points
        assert line.best == max(each.points for each in line.bins)
        total += got
        subtotals[line.dimension] = subtotals.get(line.dimension, 0) + got
    assert total == table.result.score and subtotals == table.result.subtotals
    assert sum(line.best for line in table.lines) == 950


def test_a_wallet_without_a_score_has_no_lines() -> None:
    table = points_table(WalletScorer(small_card()), {**RECORD, "wallet_age_days": 3})
    assert table.lines == () and table.result.cause == "few_days"
    assert as_lines(table) == ["no score: few_days"]


def test_the_table_on_paper() -> None:
    assert as_lines(points_table(WalletScorer(small_card()), RECORD)) == [
        "         own value  points  best",
        "history: 178",
        "late             1     178   238",
        "behaviour: 58",
        "night            0      58   158",
        "ability: 58",
        "buffer           0      58   158",
        "identity: 238",
        "tier             1     238   238",
        "relations: 58",
        "friends  not known      58   158",
        "             score     590   950",
    ]
