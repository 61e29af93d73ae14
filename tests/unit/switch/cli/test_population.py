"""`shardpay population`: three files or none, the same from the same options, and what they say of themselves."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from switch.cli.main import cli

pytestmark = pytest.mark.long


def population(*words: object) -> Result:
    return CliRunner().invoke(cli, ["population", *(str(word) for word in words)])


def test_the_same_options_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        (tmp_path / name).mkdir()
        assert population("--output", tmp_path / name / "p.parquet", "--people", 50, "--seed", seed).exit_code == 0
    made = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "abc"]
    assert set(made[0]) == {"p.parquet", "p.people.parquet", "p.orders.parquet"}
    assert made[0] == made[1] and made[0]["p.parquet"] != made[2]["p.parquet"]


def test_figures_are_those_of_the_files(tmp_path: Path) -> None:
    output = tmp_path / "p.parquet"
    found = json.loads(population("--output", output, "--people", 60, "--json").stdout)
    people = pq.read_table(tmp_path / "p.people.parquet")
    assert (found["people"], people.num_rows) == (60, 60)
    assert found["payments"] == pq.read_metadata(output).num_rows
    assert found["defaulted"] == sum(people["defaulted"].to_pylist())
    assert "synthetic" in found["declared"]


def test_text_has_the_payments_of_parquet_a_line_each(tmp_path: Path) -> None:
    printed = population("--output", tmp_path / "p.ndjson", "--people", 20)
    assert "20 people" in printed.stdout and "all synthetic" in printed.stdout
    lines = (tmp_path / "p.ndjson").read_text().splitlines()
    population("--output", tmp_path / "q.parquet", "--people", 20)
    assert len(lines) == pq.read_metadata(tmp_path / "q.parquet").num_rows and all(json.loads(line) for line in lines)


def test_what_fails_leaves_nothing_and_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.parquet").write_text("of before")

    def full(table: object, path: Path) -> None:
        path.write_text("half")
        if ".orders." in path.name:
            raise OSError("no space left")

    monkeypatch.setattr("switch.cli.population._write", full)
    assert population("--output", tmp_path / "p.parquet", "--people", 5).exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]
    assert (tmp_path / "p.parquet").read_text() == "of before"


@pytest.mark.parametrize(
    "words", [("--people", 0), ("--people", 2_000_000), ("--seed", -1), ("--start", "soon"), ("--output", "/nowhere/p")]
)
def test_bad_options_are_bad_usage(words: tuple[object, ...], tmp_path: Path) -> None:
    given = ("--output", tmp_path / "p.parquet") if "--output" not in words else ()
    assert population(*given, *words).exit_code == 2 and list(tmp_path.iterdir()) == []
