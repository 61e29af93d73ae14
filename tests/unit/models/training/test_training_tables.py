"""What files hold in truth: pure flags, leaks, words among numbers, names in any script. Each is used, noted or refused by name."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.evaluation import Evaluator
from models.scorecard import canonical
from models.statistics import auc
from models.tidying import tidy
from models.training.cutting import STRAIGHT, TURNING, best_starts
from models.training.outcome import outcome_of
from models.training.page import page
from models.training.report import report_of
from models.training.train import (
    PLANS,
    Data,
    Settings,
    Special,
    cross_validated,
    fit,
    folds,
    parts_of,
    prepare,
    reason_code,
    scores_of,
)

pytestmark = pytest.mark.long

pytest.importorskip("optbinning")

ROWS = 1_200
RNG = np.random.default_rng(11)
X = RNG.normal(50, 12, ROWS).round(1)
BAD = (RNG.random(ROWS) < 1 / (1 + np.exp(0.08 * (X - 35)))).astype(np.int64)


def settings(**changes: Any) -> Settings:
    """Of weights of evidence alone: the other method has tests of its own, and takes five times as long."""
    return Settings(**{"name": "sample", "target": "bad", "method": "logistic", **changes})


def table(**columns: Any) -> pa.Table:
    return pa.table({"x": X, "bad": BAD, **columns})


def stated(data: Data) -> str:
    return "\n".join(data.notes)


def points_of(data: Data, feature: str, **changes: Any) -> Any:
    (found,) = [item for item in fit(data, settings(**changes)).card.characteristics if item.feature == feature]
    return found


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_flag_of_a_hundred_rows_that_are_all_bad_is_kept_with_half_a_row_counted(kind: str) -> None:
    flag = np.zeros(ROWS, np.int64)
    flag[np.flatnonzero(BAD)[:100]] = 1
    column = flag if kind == "number" else np.where(flag == 1, "yes", "no")
    data = prepare(table(bankrupt=column), settings())
    item = points_of(data, "bankrupt")
    assert min(item.points) == 0 and max(item.points) > 100
    report = report_of(data, fit(data, settings()), folds(data, settings()), settings())
    (bankrupt,) = [each for each in report.characteristics if each.feature == "bankrupt"]
    (pure,) = [each for each in bankrupt.bins if each.bad_rate == 1]
    goods, bads = ROWS - BAD.sum(), BAD.sum()
    assert (pure.rows, pure.bads) == (100, 100)
    assert pure.woe == pytest.approx(np.log((0.5 / goods) / (100.5 / bads)))
    assert bankrupt.iv == pytest.approx(sum(each.iv for each in bankrupt.bins)) and bankrupt.iv > 0.3


def test_a_column_that_gives_the_outcome_away_is_called_a_leak_and_how_to_leave_it_out() -> None:
    data = prepare(table(recoveries=np.where(BAD == 1, np.arange(ROWS), 0)), settings())
    assert "recoveries: looks like leakage" in stated(data) and "--exclude recoveries" in stated(data)
    assert "leak" not in stated(prepare(table(), settings()))


@pytest.mark.parametrize(
    ("values", "bad", "good", "expected"),
    [
        ([2.0, 1.0, 2.0], "2", None, [1, 0, 1]),
        ([2, 1, 2], "2.0", None, [1, 0, 1]),
        ([True, False], "true", None, [1, 0]),
        ([True, False], "1", None, [1, 0]),
        (["True", "False"], "true", None, [1, 0]),
        (["2", "1"], "2.0", None, [1, 0]),
        (["paid", "late", "lost"], None, "paid", [0, 1, 1]),
        (["paid", "open", "lost"], "lost", "paid", [0, 1]),
        ([1, 0, 1], None, None, [1, 0, 1]),
    ],
)
def test_an_outcome_is_the_value_that_was_meant(
    values: list[Any], bad: str | None, good: str | None, expected: list[int]
) -> None:
    column = pa.chunked_array([pa.array(values * 20)])
    found = outcome_of("y", column, bad, good, 2)
    assert found.bad.tolist() == expected * 20
    assert ("20 rows are neither good nor bad (open)" in "".join(found.notes)) == ("open" in values)


@pytest.mark.parametrize(
    "column", [pa.array([1.0, 0.0, float("nan")] * 50), pa.array(["a", "b", ""] * 50), pa.array(["a", None, "b"] * 50)]
)
def test_a_missing_outcome_is_refused_and_never_good(column: pa.Array) -> None:
    for bad in ("1", "a"):
        with pytest.raises(ValueError, match="y: 50 rows have no outcome"):
            outcome_of("y", pa.chunked_array([column]), bad, None, 2)


def test_outcomes_that_are_named_twice_or_are_not_there_are_refused() -> None:
    column = pa.chunked_array([pa.array(["a", "b"] * 30)])
    with pytest.raises(ValueError, match="no row is c as --good says; it holds a, b"):
        outcome_of("y", column, "a", "c", 2)
    with pytest.raises(ValueError, match="name the same value"):
        outcome_of("y", column, "a", "a", 2)


@pytest.mark.parametrize("kind", ["dictionary", "view", "large"])
def test_prohibited_categories_are_refused_in_every_type_of_text(kind: str) -> None:
    text = pa.array(["male", "female"] * (ROWS // 2))
    kinds = {
        "dictionary": text.dictionary_encode(),
        "view": text.cast(pa.string_view()),
        "large": text.cast("large_string"),
    }
    with pytest.raises(ValueError, match=r"prohibited inputs: who \((fe)?male\)"):
        prepare(table(who=kinds[kind]), settings())


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
def test_text_is_text_in_every_arrow_type_in_training_and_in_scoring(kind: pa.DataType) -> None:
    text = pa.array(np.where(BAD == 1, RNG.choice(["a", "b"], ROWS), RNG.choice(["b", "c"], ROWS)))
    cards = [fit(prepare(table(g=column), settings()), settings()).card for column in (text, text.cast(kind))]
    assert canonical(cards[0]) == canonical(cards[1])
    both = [scores_of(cards[0], table(g=column)).tolist() for column in (text, text.cast(kind))]
    assert both[0] == both[1]


def test_words_for_missing_values_leave_a_column_of_numbers_one_and_are_told() -> None:
    words = np.where(np.arange(ROWS) % 30 == 0, np.where(np.arange(ROWS) % 60 == 0, "?", "N/A"), X.astype(str))
    data = prepare(table(y=words), settings())
    assert "y: numbers written as text; 40 rows that hold '?', 'N/A' are taken as missing" in stated(data)
    item = points_of(data, "y")
    assert item.edges is not None and item.categories is None


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["52,300", "1,200.5", "7"], [52300, 1200.5, 7]),
        (["52,3", "1.200,55", "7"], [52.3, 1200.55, 7]),
        (["$1,200", "$7", "$ 9"], [1200, 7, 9]),
        (["12%", "7.5%", "1e3"], [12, 7.5, 1000]),
        (["1 200", "1\u00a0300", "-4"], [1200, 1300, -4]),
    ],
)
def test_numbers_are_read_as_people_write_them_and_it_is_told(texts: list[str], numbers: list[float]) -> None:
    found = tidy(pa.table({"n": texts * 10, "y": [1] * 30}))
    assert found.table["n"].to_pylist() == numbers * 10
    assert found.notes[0].startswith("n: numbers written as text")


@pytest.mark.parametrize("texts", [["007", "123", "999"], ["a", "b", "1"], ["yes", "no", "?"], ["inf", "nan", "1_000"]])
def test_codes_and_words_stay_text(texts: list[str]) -> None:
    assert tidy(pa.table({"n": texts * 10})).table["n"].to_pylist() == texts * 10


def test_a_column_that_is_text_by_a_minority_of_its_rows_is_told() -> None:
    texts = [str(number) for number in range(700)] + [f"word {number}" for number in range(300)]
    found = tidy(pa.table({"n": texts}))
    assert found.table["n"].type == pa.string()
    assert "n: text, though 70% of its rows are numbers; taken as categories because of 'word 0'" in found.notes[0]


def test_columns_of_one_name_are_refused_by_it() -> None:
    twice = pa.Table.from_arrays([pa.array(X), pa.array(X), pa.array(BAD)], names=["x", "x", "bad"])
    with pytest.raises(ValueError, match="columns of the same name: x"):
        prepare(twice, settings())


def test_rare_categories_and_unknown_error_give_a_card() -> None:
    names = np.where(np.arange(ROWS) < 30, [f"rare{at}" for at in range(ROWS)], RNG.choice(["a", "b"], ROWS))
    chosen = settings(unknown="error")
    data = prepare(table(g=names), chosen)
    assert len(folds(data, chosen)) == 5
    card = fit(data, chosen).card
    assert all(item.unknown == "error" for item in card.characteristics if item.categories)
    report_of(data, fit(data, chosen), folds(data, chosen), chosen, table(g=["never seen"] * ROWS), "later")


def test_names_in_any_script_have_reasons_of_their_own_and_a_page() -> None:
    city = np.where(BAD == 1, RNG.choice(["北京", "上海"], ROWS), RNG.choice(["上海", "广州"], ROWS))
    data = prepare(pa.table({"收入": X, "城市": city, "bad": BAD}), settings())
    fitted = fit(data, settings())
    assert {item.reason for item in fitted.card.characteristics} == {"收入", "城市"}
    assert "城市" in page(report_of(data, fitted, folds(data, settings()), settings()))


def test_of_more_columns_than_a_card_has_room_for_the_best_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.training.weighed.CHARACTERISTICS_MAX", 2)
    wide = table(**{f"n{at}": X + RNG.normal(0, 20, ROWS) for at in range(3)})
    fitted = fit(prepare(wide, settings()), settings())
    assert len(fitted.card.characteristics) <= 2 and "x" in {item.feature for item in fitted.card.characteristics}
    assert sum("2 characteristics at most" in each.why for each in fitted.left_out) == 2


def test_reasons_differ_where_names_differ_by_signs_alone() -> None:
    taken: set[str] = set()
    for name in ("a-b", "a_b", "A b", "!!", "??"):
        taken.add(reason_code(name, taken))
    assert taken == {"A_B", "A_B_2", "A_B_3", "OTHER", "OTHER_2"}


def test_special_values_have_a_bin_of_their_own_within_the_others() -> None:
    y = np.where(np.arange(ROWS) % 10 == 0, 55.0, X)
    y[np.arange(ROWS) % 7 == 0] = -999.0
    data = prepare(table(y=y).drop_columns("x"), settings())
    chosen = settings(special=(Special(feature="y", value=-999), Special(value=55)))
    special = prepare(table(y=y).drop_columns("x"), chosen)
    item = points_of(special, "y", special=chosen.special)
    edges = item.edges
    for value in (-9990, 550):
        assert value in edges and value + 1 in edges
    at = edges.index(550)
    assert item.points[at] == item.points[at + 2], "the two halves of the bin around it have one weight"
    assert points_of(data, "y").edges != edges


def test_a_weight_of_two_is_the_row_twice() -> None:
    weights = RNG.integers(1, 3, ROWS)
    once = prepare(table(w=weights), settings(weight="w"))
    twice = prepare(table().take(np.repeat(np.arange(ROWS), weights)), settings())
    plan = PLANS[0]
    assert "w" not in {column.feature for column in once.columns}
    from models.training.binning import bins_of

    one, other = (
        bins_of(data.columns[0], np.arange(len(data.bad)), data.bad, plan, data.weights) for data in (once, twice)
    )
    shares = [bins.goods / bins.goods.sum() for bins in (one, other)]
    assert auc(X, BAD, weights.astype(float)) == pytest.approx(auc(np.repeat(X, weights), np.repeat(BAD, weights)))
    assert one.rows.sum() == ROWS and len(shares[0]) >= 3 and shares[1].sum() == pytest.approx(1)


@pytest.mark.parametrize("weights", [np.full(ROWS, -1.0), np.zeros(ROWS), np.full(ROWS, np.nan), ["a"] * ROWS])
def test_weights_that_are_none_are_refused_by_name(weights: Any) -> None:
    with pytest.raises(ValueError, match="w: weights are"):
        prepare(table(w=weights), settings(weight="w"))


def test_rows_that_stand_twice_and_an_order_that_is_not_time_are_told() -> None:
    plain = table(z=RNG.normal(size=ROWS))
    assert stated(prepare(plain, settings())) == ""
    doubled = pa.concat_tables([plain, plain.slice(0, 60)])
    assert "60 of 1,260 rows stand in the file before" in stated(prepare(doubled, settings()))
    assert "rows are in the order of bad, not of time" in stated(prepare(plain.sort_by("bad"), settings()))
    assert "rows are in the order of z: if that is not time" in stated(prepare(plain.sort_by("z"), settings()))
    days = pa.array(RNG.integers(0, 400, ROWS).astype("datetime64[D]"))
    assert "rows are not in the order of day" in stated(prepare(plain.append_column("day", days), settings()))


def test_many_categories_are_told_and_left_out_on_request() -> None:
    names = [f"n{at}" for at in RNG.integers(0, 300, ROWS)]
    assert "categories; --max-categories" in stated(prepare(table(g=names), settings()))
    few = prepare(table(g=names), settings(max_categories=50))
    assert [each.why for each in few.left_out] == [f"{len(set(names))} categories; more than 50"]
    assert "g: left out" in stated(few)


def test_auto_is_never_worse_than_monotonic_by_cross_validation_on_what_it_sees() -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, z = rng.normal(size=ROWS), rng.normal(size=ROWS)
        bad = (rng.random(ROWS) < 1 / (1 + np.exp(1 - x - (seed - 1) * z**2))).astype(np.int64)
        data = prepare(pa.table({"x": x, "z": z, "bad": bad}), settings())
        parts = parts_of(data, settings(), np.arange(ROWS))
        plans = [fit(data, settings(trend=trend)).plan for trend in ("auto", "monotonic")]
        auto, monotonic = (cross_validated(data, settings(), parts, plan).mean() for plan in plans)
        assert auto >= monotonic
        if seed != 1:
            assert plans[0].shapes == TURNING and auto > monotonic + 0.02


def test_cuts_are_the_best_of_all_ways_to_cut() -> None:
    """Against every way there is."""
    rng = np.random.default_rng(5)

    def gain(starts: list[int], goods: Any, bads: Any) -> float:
        total = 0.0
        for good, bad in zip(np.add.reduceat(goods, starts), np.add.reduceat(bads, starts), strict=True):
            total += sum(each * np.log(each / (good + bad)) for each in (good, bad) if each)
        return total

    def fits(starts: list[int], goods: Any, bads: Any, shape: str) -> bool:
        good, bad = np.add.reduceat(goods, starts), np.add.reduceat(bads, starts)
        if (good + bad).min() < 10:
            return False
        steps = np.sign(np.diff(bad / (good + bad))).astype(int)
        steps = steps if shape in ("rise", "peak") else -steps
        turned = np.flatnonzero(steps < 0)
        return not len(turned) or (shape in ("peak", "valley") and bool((steps[turned[0] :] <= 0).all()))

    for _ in range(12):
        goods, bads = rng.integers(0, 9, 7).astype(float), rng.integers(0, 9, 7).astype(float)
        ways = [[0, *(at for at in range(1, 7) if way >> at & 1)] for way in range(0, 128, 2)]
        for shape in TURNING:
            best = max((gain(way, goods, bads) for way in ways if fits(way, goods, bads, shape)), default=None)
            found = best_starts(goods, bads, shape, 10.0).tolist()
            assert gain(found, goods, bads) == pytest.approx(best if best is not None else gain([0], goods, bads))
            assert best is None or fits(found, goods, bads, shape)
    assert set(STRAIGHT) < set(TURNING)


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


def test_the_evaluator_takes_views_of_text() -> None:
    data = prepare(table(g=np.where(BAD == 1, "a", RNG.choice(["a", "b"], ROWS))), settings())
    evaluator = Evaluator(fit(data, settings()).card)
    view = data.table["g"].cast(pa.string_view())
    both = [evaluator.evaluate_table(each).totals.tolist() for each in (data.table, table(g=view))]
    assert both[0] == both[1]
