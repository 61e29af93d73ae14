"""`shardpay cards check` and `shardpay train`: exit codes, one line of what is wrong, JSON for programs."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from models.scorecard import Characteristic, Scorecard, canonical, card_hash, parse
from switch.__main__ import cli
from switch.cards_commands import cards_group
from switch.train_command import train_command

CARD = Scorecard(
    name="card",
    version=3,
    range=(0, 4),
    characteristics=(Characteristic(feature="b", reason="LOW_B", edges=(10,), points=(0, 4), missing=3),),
)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(cards_group, ["check", *arguments])


def test_a_good_card_is_summed_up(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_bytes(canonical(CARD))
    done = check(str(file))
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "card version 3: 1 characteristics, 0 to 4")
    found = json.loads(check(str(file), "--json").stdout)
    assert found["ok"] and found["canonical"] and found["hash"] == card_hash(CARD)


def test_a_card_written_for_people_is_good_but_not_canonical(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_text(json.dumps(json.loads(canonical(CARD)), indent=2))
    found = json.loads(check(str(file), "--json").stdout)
    assert found["ok"] and not found["canonical"] and found["hash"] == card_hash(CARD)


def test_what_is_wrong_is_one_line_with_its_path_and_exit_code_1(tmp_path: Path) -> None:
    file = tmp_path / "card.json"
    file.write_bytes(canonical(CARD).replace(b'"points":[0,4]', b'"points":[0]'))
    done = check(str(file))
    assert done.exit_code == 1
    assert done.stderr == f"{file}: characteristics[0].points: b: 1 edges need 2 points, not 1\n"
    found = json.loads(check(str(file), "--json").stdout)
    assert found == {
        "ok": False,
        "errors": [{"field": "characteristics[0].points", "message": "b: 1 edges need 2 points, not 1"}],
    }


def test_bad_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert check(str(tmp_path / "nowhere.json")).exit_code == 2
    assert check().exit_code == 2


@pytest.fixture(scope="module")
def loans() -> pa.Table:
    rng = np.random.default_rng(5)
    income, sex = rng.gamma(2.0, 1_500.0, 600).round(), rng.choice(["f", "m"], 600)
    city = np.where(rng.random(600) < 0.1, None, rng.choice(["north", "sea"], 600))
    bad = rng.random(600) < 1 / (1 + np.exp(0.0008 * income - 1 - (city == "sea")))
    return pa.table({"income": income, "city": city, "sex": sex, "outcome": np.where(bad, "lost", "paid")})


def train(loans: pa.Table, folder: Path, *more: str) -> Result:
    source = folder / "loans.csv"
    pv.write_csv(loans, source)
    arguments = ["--input", str(source), "--target", "outcome", "--bad", "lost", "--output", str(folder / "card.json")]
    return CliRunner().invoke(train_command, [*arguments, *more])


def test_training_writes_a_card_that_checks_and_its_report(loans: pa.Table, tmp_path: Path) -> None:
    pytest.importorskip("optbinning")
    done = train(loans, tmp_path, "--exclude", "sex", "--range", "300:850", "--version", "4")
    assert done.exit_code == 0, done.output
    card = parse((tmp_path / "card.json").read_bytes())
    assert (card.name, card.version, card.range) == ("card", 4, (300, 850))
    assert check(str(tmp_path / "card.json")).exit_code == 0
    report = json.loads((tmp_path / "card.report.json").read_text())
    assert report["hash"] == card_hash(card)
    assert f"AUC {report['auc']:.4f}" in done.stdout
    assert report["hash"] in (tmp_path / "card.report.html").read_text()


def test_parquet_and_csv_give_the_same_card(loans: pa.Table, tmp_path: Path) -> None:
    pytest.importorskip("optbinning")
    assert train(loans, tmp_path, "--exclude", "sex").exit_code == 0
    first = (tmp_path / "card.json").read_bytes()
    pq.write_table(loans, tmp_path / "loans.csv")
    arguments = ["--input", str(tmp_path / "loans.csv"), "--target", "outcome", "--bad", "lost", "--exclude", "sex"]
    done = CliRunner().invoke(train_command, [*arguments, "--output", str(tmp_path / "card.json"), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["card"] == "card"
    assert (tmp_path / "card.json").read_bytes() == first


def test_an_override_of_a_prohibited_input_stands_in_the_card_and_the_check(loans: pa.Table, tmp_path: Path) -> None:
    pytest.importorskip("optbinning")
    two = loans.rename_columns(["sex", "city", "other", "outcome"]).select(["sex", "city", "outcome"])
    refused = train(two, tmp_path)
    assert refused.exit_code == 1 and "prohibited inputs: sex (sex)" in str(refused.exception)
    assert not (tmp_path / "card.json").exists()
    assert train(two, tmp_path, "--allow-prohibited", "sex=it is an income").exit_code == 0
    assert "uses the prohibited input sex: it is an income" in check(str(tmp_path / "card.json")).stdout


@pytest.mark.parametrize(
    "more",
    [
        ("--range", "350"),
        ("--range", "950:350"),
        ("--range", "350:950", "--pdo", "20"),
        ("--allow-prohibited", "sex"),
        ("--band-odds", "3,1"),
        ("--band-odds", "many"),
        ("--pdo", "0"),
        ("--folds", "1"),
        ("--output", "/nowhere/card.json"),
    ],
)
def test_bad_options_are_bad_usage(loans: pa.Table, tmp_path: Path, more: tuple[str, ...]) -> None:
    assert train(loans, tmp_path, *more).exit_code == 2


@pytest.mark.parametrize("absent", ["optbinning", "sklearn.model_selection", "matplotlib"])
def test_without_the_extra_there_is_one_line_of_what_to_install(
    absent: str, loans: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    pv.write_csv(loans, tmp_path / "loans.csv")
    options = {"--input": "loans.csv", "--output": "card.json"}
    paths = [part for option, name in options.items() for part in (option, str(tmp_path / name))]
    done = CliRunner().invoke(cli, ["train", *paths, "--target", "outcome", "--bad", "lost", "--exclude", "sex"])
    assert done.exit_code == 1
    assert not (tmp_path / "card.json").exists()
    assert done.stderr == f"Error: training needs {absent}: pip install 'shardpay[train]'\n"


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and then nothing")
    arguments = ["--input", str(tmp_path / "x.parquet"), "--target", "y", "--output", str(tmp_path / "c.json")]
    done = CliRunner().invoke(train_command, arguments)
    assert done.exit_code == 1 and "x.parquet: neither Parquet nor CSV" in str(done.exception)
