"""`shardpay cards score`: a file is scored in batches, all of it or nothing, and what looks wrong is told."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from models.evaluation import Evaluator
from models.scorecard import parse
from switch.cli.cards.group import cards_group
from tests.unit.switch.cli.loans import made_loans, train

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def loans() -> pa.Table:
    return made_loans()


@pytest.fixture(scope="module")
def scored_card(loans: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("scored")
    assert train(loans, folder, "--exclude", "sex").exit_code == 0
    return folder / "card.json"


def score(source: Path, card: Path, output: Path, *more: str) -> Result:
    arguments = ["score", "--input", str(source), "--card", str(card), "--output", str(output)]
    return CliRunner().invoke(cards_group, [*arguments, *more])


def test_a_file_is_scored_in_batches_with_bands_and_reasons(
    loans: pa.Table, scored_card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.cli.cards.score.BATCH_ROWS", 100)
    pq.write_table(loans, tmp_path / "in.parquet")
    pv.write_csv(loans, tmp_path / "in.csv")
    done = score(tmp_path / "in.parquet", scored_card, tmp_path / "out.parquet", "--json")
    assert done.exit_code == 0, done.output
    found, summary = pq.read_table(tmp_path / "out.parquet"), json.loads(done.stdout)
    assert found.select(loans.column_names).equals(loans)
    card = parse(scored_card.read_bytes())
    evaluator = Evaluator(card)
    for row in found.slice(0, 150).to_pylist():
        expected = evaluator.score(row)
        given = [(row[f"reason_{at}"], row[f"gap_{at}"]) for at in range(1, 5) if row[f"reason_{at}"] is not None]
        assert row["score"] == expected.score
        assert given == [(each.code, each.gap) for each in expected.reasons]
        assert row["band"] == [band.name for band in card.bands or () if band.low <= row["score"]][-1]
    assert summary["rows"] == 600 and sum(summary["bands"].values()) == 600
    assert score(tmp_path / "in.csv", scored_card, tmp_path / "out.csv", "--keep", "income").exit_code == 0
    of_csv = pv.read_csv(tmp_path / "out.csv")
    assert of_csv["score"].to_pylist() == found["score"].to_pylist()
    assert of_csv.column_names[:2] == ["income", "score"] and "city" not in of_csv.column_names


def test_scoring_says_what_is_wrong_and_leaves_no_half_file(loans: pa.Table, scored_card: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    pq.write_table(loans.drop_columns("income"), tmp_path / "short.parquet")
    assert "there is no column 'income'" in str(score(tmp_path / "short.parquet", scored_card, out).exception)
    pq.write_table(loans.rename_columns(["income", "city", "score", "outcome"]), tmp_path / "twice.parquet")
    assert "a column 'score' already" in str(score(tmp_path / "twice.parquet", scored_card, out).exception)
    (tmp_path / "no.json").write_text("{}")
    assert score(tmp_path / "short.parquet", tmp_path / "no.json", out).exit_code == 1
    assert not list(tmp_path.glob("out*"))


def test_scoring_tells_words_among_numbers_and_categories_that_the_card_does_not_name(
    scored_card: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text('income;city;n\n"1,200";sea;1\n?;moon;2\n;;3\nNA;north;4\n900;sea;5\n')
    done = score(tmp_path / "in.csv", scored_card, tmp_path / "out.csv")
    assert done.exit_code == 0, done.output
    assert "income: 1 row holds '?' where the card wants a number: taken as missing" in done.stderr
    assert "city: 1 row holds a category that the card does not name" in done.stderr
    scores = pv.read_csv(tmp_path / "out.csv")["score"].to_pylist()
    evaluator = Evaluator(parse(scored_card.read_bytes()))
    rows = [(1200, "sea"), (None, "moon"), (None, None), (None, "north"), (900, "sea")]
    assert scores == [evaluator.score({"income": income, "city": city}).score for income, city in rows]


def test_a_file_without_rows_is_scored_to_one(loans: pa.Table, scored_card: Path, tmp_path: Path) -> None:
    pq.write_table(loans.slice(0, 0), tmp_path / "in.parquet")
    done = score(tmp_path / "in.parquet", scored_card, tmp_path / "out.parquet")
    assert done.exit_code == 0 and "0 rows" in done.stdout
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0
