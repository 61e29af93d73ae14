"""Figures of a report add up, and are those of the held-out rows."""

import numpy as np
import pytest

from models.training.page import page
from models.training.report import report_of
from models.training.train import (
    fit,
    folds,
    prepare,
)
from tests.extra import needs
from tests.unit.models.training.sample import BAD, ROWS, X, settings, table

pytestmark = pytest.mark.long
needs("optbinning")
RNG = np.random.default_rng(12)


def test_rare_categories_and_unknown_error_give_a_card() -> None:
    names = np.where(np.arange(ROWS) < 30, [f"rare{at}" for at in range(ROWS)], RNG.choice(["a", "b"], ROWS))
    chosen = settings(unknown="error")
    data = prepare(table(g=names), chosen)
    assert len(folds(data, chosen)) == 5
    card = fit(data, chosen).card
    assert all(item.unknown == "error" for item in card.characteristics if item.categories)
    report_of(data, fit(data, chosen), folds(data, chosen), chosen, table(g=["never seen"] * ROWS), "later")


def test_the_report_says_what_each_bin_cut_off_and_tenth_is_worth() -> None:
    data = prepare(table(z=-X + RNG.normal(0, 3, ROWS)), settings())
    fitted = fit(data, settings())
    report = report_of(data, fitted, folds(data, settings()), settings())
    first = report.characteristics[0]
    assert first.reason and first.error > 0 and sum(each.share for each in first.bins) == pytest.approx(1)
    assert sum(each.rows for each in first.bins) == ROWS
    if len(report.characteristics) > 1:
        assert abs(first.correlation) > 0.5 and first.closest == report.characteristics[1].feature
    assert np.diag(report.correlations) == pytest.approx(1.0)
    assert report.cutoffs[0].accepted == 1 and report.cutoffs[0].bad_rate == pytest.approx(BAD.mean())
    assert [each.accepted for each in report.cutoffs] == sorted((e.accepted for e in report.cutoffs), reverse=True)
    assert report.calibration[-1].captured == pytest.approx(1) and report.calibration[0].lift > 1.5
    assert sum(each.bads for each in report.calibration) == BAD.sum()
    assert sum(item.first for item in report.characteristics) <= 1
    html = page(report)
    for heading in ("Cut-offs", "Gains", "Correlation", "reason code", "standard error"):
        assert heading in html
