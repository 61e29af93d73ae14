"""A table's rows have the scores of the evaluator, whatever the batches are, and what was taken as missing is stated."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from models.evaluation import Evaluator
from models.scorecard import Band, Characteristic, Scorecard
from models.table import NULLS
from models.table_scores import TableScorer, added_to
from tests.oracle import oracle_card

INCOME = Characteristic(
    feature="income", reason="LOW_INCOME", edges=(1_000, 2_500), scale=1, points=(5, 20, 40), missing=10
)
CITY = Characteristic(
    feature="city", reason="CITY", categories=(("north", "south"), ("sea",)), points=(12, 3), missing=6, unknown=1
)
CARD = Scorecard(
    name="small",
    version=3,
    base=300,
    range=(306, 352),
    characteristics=(INCOME, CITY),
    bands=(Band(name="low", low=306), Band(name="high", low=340)),
)
DOCUMENT = msgspec.to_builtins(CARD)


def table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def rows_of(seed: int, count: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    income = pa.array(rng.integers(0, 4_000, count), mask=rng.random(count) < 0.2)
    city = pa.array(rng.choice(["north", "south", "sea", "moon"], count), mask=rng.random(count) < 0.2)
    return table(income=income, city=city)


def test_scores_and_bands_are_the_cards_and_reasons_what_costs_most() -> None:
    given, scorer = rows_of(1, 300), TableScorer(CARD)
    found = scorer.score(given).to_pylist()
    for row, scored in zip(given.to_pylist(), found, strict=True):
        expected = oracle_card.score(DOCUMENT, row)
        assert scored["score"] == expected["score"]
        assert scored["band"] == ("high" if scored["score"] >= 340 else "low")
        gaps = [scored[f"gap_{at}"] for at in range(1, 5) if scored[f"gap_{at}"] is not None]
        assert gaps == sorted(gaps, reverse=True) and all(gap > 0 for gap in gaps)
        lost = {"LOW_INCOME": 40, "CITY": 12}
        assert sum(gaps) == 300 + sum(lost.values()) - scored["score"]
    assert list(found[0]) == list(scorer.names)


@pytest.mark.parametrize("size", [1, 7, 100, 300])
def test_scores_and_summary_are_the_same_whatever_the_batches_are(size: int) -> None:
    given, whole, cut = rows_of(2, 300), TableScorer(CARD), TableScorer(CARD)
    expected = whole.score(given)
    found = pa.concat_tables([cut.score(given.slice(start, size)) for start in range(0, 300, size)])
    assert found.to_pylist() == expected.to_pylist() and cut.summary() == whole.summary()


def test_a_summary_adds_up() -> None:
    given, scorer = rows_of(3, 200), TableScorer(CARD)
    scores = np.array(scorer.score(given)["score"])
    stated = scorer.summary()
    assert (stated.rows, stated.lowest, stated.highest) == (200, scores.min(), scores.max())
    assert stated.mean == pytest.approx(scores.mean()) and sum(stated.bands.values()) == 200
    moons = given["city"].to_pylist().count("moon")
    assert stated.unknown == {"city": moons} and stated.notes == (
        f"city: {moons:,} rows hold a category that the card does not name",
    )


def test_nothing_scored_has_a_summary() -> None:
    scorer = TableScorer(CARD)
    assert scorer.score(rows_of(1, 0)).num_rows == 0
    stated = scorer.summary()
    assert (stated.rows, stated.mean, stated.lowest, stated.highest, stated.notes) == (0, 0.0, 0, 0, ())


def test_text_is_read_as_numbers_where_the_card_wants_them_and_what_is_none_is_told() -> None:
    scorer = TableScorer(CARD, NULLS)
    texts = ["1,500", "999", "", "NA", "plenty", "plenty", "true"]
    found = scorer.score(table(income=texts, city=["sea"] * 7))
    assert [score - 303 for score in found["score"].to_pylist()] == [20, 5, 10, 10, 10, 10, 5]
    assert scorer.summary().notes == ("income: 2 rows hold 'plenty' where the card wants a number: taken as missing",)


def test_the_first_batch_with_a_comma_decides_what_commas_mean_and_a_contradiction_is_an_error() -> None:
    grouped, decimal = TableScorer(CARD), TableScorer(CARD)
    for scorer, first in ((grouped, "1,500"), (decimal, "1,5")):
        scorer.score(table(income=["7"], city=["sea"]))
        scorer.score(table(income=[first], city=["sea"]))
    assert grouped.score(table(income=["2,600"], city=["sea"]))["score"].to_pylist() == [343]
    assert decimal.score(table(income=["2,600"], city=["sea"]))["score"].to_pylist() == [308], "2.6"
    with pytest.raises(ValueError, match="income: commas group thousands in the rows before, and are decimal in these"):
        grouped.score(table(income=["2,5"], city=["sea"]))


def test_a_category_of_digits_stays_text() -> None:
    item = msgspec.structs.replace(CITY, categories=(("007",), ("7",)))
    scorer = TableScorer(msgspec.structs.replace(CARD, characteristics=(INCOME, item)))
    found = scorer.score(table(income=[0, 0], city=pa.array(["007", "7"]).dictionary_encode()))
    assert found["score"].to_pylist() == [317, 308]


def test_columns_are_kept_beside_the_scores_and_missing_or_doubled_ones_refused() -> None:
    given = rows_of(1, 5).append_column("id", pa.array(range(5)))
    names = list(TableScorer(CARD).names)
    assert added_to(given, TableScorer(CARD), (), "t").column_names == ["income", "city", "id", *names]
    assert added_to(given, TableScorer(CARD), ("id", "id"), "t").column_names == ["id", *names]
    for wanted, batch, says in (
        (("nope",), given, "t: there is no column 'nope'; there are income, city, id"),
        ((), given.drop_columns(["city"]), "t: there is no column 'city'"),
        ((), given.append_column("score", pa.array(range(5))), "t: it has a column 'score' already"),
    ):
        with pytest.raises(ValueError, match=says):
            added_to(batch, TableScorer(CARD), wanted, "t")


def test_words_for_a_missing_value_are_texts_of_their_own_but_in_a_file_that_has_no_other_means() -> None:
    namibia = msgspec.structs.replace(CITY, categories=(("NA", "null"), ("",)))
    card = msgspec.structs.replace(CARD, characteristics=(INCOME, namibia))
    given = table(income=[0] * 4, city=["NA", "null", "", None])
    rows = given.to_pylist()
    assert TableScorer(card).score(given)["score"].to_pylist() == [Evaluator(card).score(row).score for row in rows]
    assert TableScorer(card, NULLS).score(given)["score"].to_pylist() == [311] * 4
