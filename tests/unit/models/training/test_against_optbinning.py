"""On real data: points are optbinning's to the last digit kept, its traps are not ours, and the trained card is as good as its model."""

import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bench.measures.card_quality import FOREIGN_WORKER, peer_frame, peer_scorecard, quality, settings_of
from bench.workload.credit_data import NotAvailable, credit_table
from models.evaluation import Evaluator
from models.scorecard import Characteristic, Scorecard, canonical
from models.training.binning import column_of, counted, weights_of
from models.training.extra import optional_module
from models.training.train import fit, prepare
from tests.extra import needs

pytestmark = pytest.mark.long

needs("optbinning")

KEPT = 1_000
"""Their points are fractions; so many of our points are one of theirs."""
AUC_LOSS_MAX = 0.001
UNKNOWN_POINTS = 1_000_000

SIZES = [("german", 1_000), pytest.param("taiwan", 30_000, marks=pytest.mark.slow)]


def table_of(name: str) -> pa.Table:
    try:
        return credit_table(name)
    except NotAvailable as error:
        pytest.skip(str(error))


def of_peer(card: Any, names: list[str]) -> Scorecard:
    """Their bins and points as our document; an unseen category gets points that nothing hides."""
    points = card.table(style="detailed")
    items = []
    for name in names:
        rows = points[points["Variable"] == name]
        given = [round(value * KEPT) for value in rows["Points"][:-2]]
        missing = round(float(rows["Points"].iloc[-1]) * KEPT)
        splits = card.binning_process_.get_binned_variable(name).splits
        shared: dict[str, Any] = {"feature": name, "reason": name[:64], "points": tuple(given), "missing": missing}
        if name in card.binning_process_.categorical_variables:
            groups = tuple(tuple(map(str, group)) for group in splits)
            items.append(Characteristic(**shared, categories=groups, unknown=UNKNOWN_POINTS))
        else:
            scale = 1_000
            items.append(Characteristic(**shared, scale=scale, edges=tuple(round(edge * scale) for edge in splits)))
    return Scorecard(name="peer", version=1, characteristics=tuple(items), overrides=None)


@pytest.mark.parametrize(("name", "rows"), SIZES)
def test_points_are_those_of_optbinning_on_every_row(name: str, rows: int) -> None:
    settings = settings_of(name, "logistic")
    table = table_of(name)
    assert table.num_rows == rows
    left_out = (settings.target, *settings.exclude, FOREIGN_WORKER.feature)
    names = [each for each in table.column_names if each not in left_out]
    data = prepare(table, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = peer_scorecard(names, table, data.bad, (350, 950))
        theirs = peer.score(peer_frame(table, names))
    card = of_peer(peer, names)
    evaluator = Evaluator(card)
    ours = evaluator.evaluate_table(table)
    assert ours.unknown.sum() == 0
    assert np.abs(ours.totals / KEPT - theirs).max() <= len(names) * 0.5 / KEPT + 1e-9


def test_an_unseen_category_is_missing_to_optbinning_and_unknown_to_us() -> None:
    settings = settings_of("german", "logistic")
    table = table_of("german")
    names = ["housing", "duration_in_month"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = peer_scorecard(names, table, prepare(table, settings).bad, (350, 950))
        frame = peer_frame(table.slice(0, 2), names)
        frame["housing"] = ["houseboat", None]
        frame["duration_in_month"] = 6
        theirs = peer.score(frame)
    assert theirs[0] == theirs[1]
    card = of_peer(peer, names)
    strange, missing = (
        Evaluator(card).score({"housing": kind, "duration_in_month": 6}) for kind in ("houseboat", None)
    )
    assert strange.unknown == ("housing",) and missing.unknown == ()
    assert strange.score - missing.score == UNKNOWN_POINTS - card.characteristics[0].missing


@pytest.mark.parametrize("name", ["german", pytest.param("taiwan", marks=pytest.mark.slow)])
def test_the_integer_card_is_as_good_as_optbinning_with_logistic_regression(name: str) -> None:
    table_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = quality(name, "logistic")
    assert found.card >= found.optbinning - AUC_LOSS_MAX
    assert found.optbinning > 0.76


def test_training_twice_gives_the_same_bytes() -> None:
    settings = settings_of("german", "logistic")
    table = table_of("german")
    cards = [canonical(fit(prepare(table, settings), settings).card) for _ in range(2)]
    assert cards[0] == cards[1]


def test_weights_of_evidence_are_those_of_optbinning() -> None:
    settings = settings_of("german", "logistic")
    table = table_of("german")
    data = prepare(table, settings)
    for name, dtype in (("credit_amount", "numerical"), ("purpose", "categorical"), ("age_in_years", "numerical")):
        column = column_of(name, table.column(name))
        values = peer_frame(table, [name])[name].to_numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = optional_module("optbinning").OptimalBinning(name, dtype=dtype)
            theirs = peer.fit_transform(values, data.bad, metric="woe")
        if column.names is None:
            cuts: dict[str, Any] = {"edges": [int(np.ceil(cut)) for cut in peer.splits]}
        else:
            cuts = {"groups": tuple(tuple(column.names.index(name) for name in group) for group in peer.splits)}
        bins = counted(column, column.values, data.bad, np.ones(len(data.bad)), **cuts)
        ours = weights_of(bins, column.values)
        assert np.abs(ours - theirs).max() < 1e-9
