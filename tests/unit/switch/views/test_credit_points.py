"""A points table as JSON is the score that was published, and its lines come to it."""

import numpy as np
import pytest

from actors.records.credit_layout import SCORE
from models.credit.points_table import points_table
from models.credit.score import DAYS, PAYMENTS, WalletScore, WalletScorer
from models.credit.shipped import shipped
from switch.http.times import time_text
from switch.views.credit_points import points_answer, what_if_answer

NOON = 1_795_521_600_000
SCORER = WalletScorer(shipped("wallet"))
KNOWN = dict.fromkeys(SCORER.columns, None) | {DAYS: 400, PAYMENTS: 90}


def test_lines_add_up_to_score_and_subtotals() -> None:
    table = points_table(SCORER, KNOWN)
    assert table.result.score is not None, table.result
    published = np.zeros(1, SCORE)[0]
    published["run"], published["as_of"] = 7, NOON
    shown = points_answer(published, table)
    assert (shown.card, shown.run, shown.as_of) == ("wallet@1", 7, time_text(NOON))
    assert (shown.score, shown.band) == (table.result.score, table.result.band)
    for dimension, points in shown.subtotals.items():
        assert sum(line.points for line in shown.lines if line.dimension == dimension) == points
    assert sum(shown.subtotals.values()) == shown.score
    assert [(each.code, each.gap) for each in shown.reasons] == [(each.code, each.gap) for each in table.result.reasons]


def test_a_wallet_without_a_score_has_no_table_to_show() -> None:
    none = WalletScore(score=None, band=None, cause="few_days", shortfall=0, subtotals={}, reasons=(), rest={})
    with pytest.raises(AssertionError, match="only wallets with a score"):
        what_if_answer(none)
