"""`shardpay train`: exit codes, one line of what is wrong, what is not written over."""

import json
import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from models.scorecard import Characteristic, Scorecard, canonical, card_hash, parse
from models.table import Format, read_table
from switch.cli.cards.group import cards_group
from switch.cli.main import cli
from switch.cli.train import train_command
from tests.unit.switch.cli.loans import made_loans, train

pytestmark = pytest.mark.long


CARD = Scorecard(
    name="card",
    version=3,
    range=(0, 4),
    characteristics=(Characteristic(feature="b", reason="LOW_B", edges=(10,), points=(0, 4), missing=3),),
)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(cards_group, ["check", *arguments])


@pytest.fixture(scope="module")
def loans() -> pa.Table:
    return made_loans()


def test_training_writes_a_card_that_checks_and_its_report(loans: pa.Table, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    done = train(loans, tmp_path, "--exclude", "sex", "--range", "300:850", "--version", "4")
    assert done.exit_code == 0, done.output
    card = parse((tmp_path / "card.json").read_bytes())
    assert (card.name, card.version, card.range) == ("card", 4, (300, 850))
    assert check(str(tmp_path / "card.json")).exit_code == 0
    report = json.loads((tmp_path / "card.report.json").read_text())
    assert report["hash"] == card_hash(card)
    assert f"AUC {report['auc']:.4f}" in done.stdout
    assert report["hash"] in (tmp_path / "card.report.html").read_text()


def test_an_option_has_the_default_that_training_has() -> None:
    from models.training.train import Settings

    trained = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    stated = {each.name: each.default for each in train_command.params if each.name in trained}
    both = ("method", "trend", "unknown", "iv_min", "folds", "seed", "version", "max_categories")
    assert {name: stated[name] for name in both} == {name: trained[name] for name in both}
    assert stated["method"] == "auto"


def test_parquet_and_csv_give_the_same_card(loans: pa.Table, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    assert train(loans, tmp_path, "--exclude", "sex").exit_code == 0
    first = (tmp_path / "card.json").read_bytes()
    pq.write_table(loans, tmp_path / "loans.csv")
    arguments = ["--input", str(tmp_path / "loans.csv"), "--target", "outcome", "--bad", "lost", "--exclude", "sex"]
    arguments += ["--method", "logistic", "--output", str(tmp_path / "card.json")]
    done = CliRunner().invoke(train_command, [*arguments, "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["card"] == "card"
    assert (tmp_path / "card.json").read_bytes() == first


def test_an_override_of_a_prohibited_input_stands_in_the_card_and_the_check(loans: pa.Table, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
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
        ("--special", "much"),
        ("--name", "two words"),
        ("--range", "0:900000"),
        ("--max-categories", "1"),
        ("--separator", "ab"),
    ],
)
def test_bad_options_are_bad_usage(loans: pa.Table, tmp_path: Path, more: tuple[str, ...]) -> None:
    assert train(loans, tmp_path, *more).exit_code == 2


@pytest.mark.parametrize("absent", ["sklearn.model_selection", "matplotlib"])
def test_without_the_extra_there_is_one_line_of_what_to_install(
    absent: str, loans: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    pv.write_csv(loans, tmp_path / "loans.csv")
    options = {"--input": "loans.csv", "--output": "card.json"}
    paths = [part for option, name in options.items() for part in (option, str(tmp_path / name))]
    done = CliRunner().invoke(
        cli, ["train", *paths, "--target", "outcome", "--bad", "lost", "--exclude", "sex", "--method", "logistic"]
    )
    assert done.exit_code == 1
    assert not (tmp_path / "card.json").exists()
    assert (
        f"Error: training needs {absent}: .venv/bin/pip install -e '.[train]' in the clone" in done.stderr.splitlines()
    )


def test_a_file_that_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and then nothing")
    arguments = ["--input", str(tmp_path / "x.parquet"), "--target", "y", "--output", str(tmp_path / "c.json")]
    done = CliRunner().invoke(train_command, arguments)
    assert done.exit_code == 1 and "x.parquet: neither Parquet nor CSV" in str(done.exception)


def test_no_file_that_is_read_is_written_over(loans: pa.Table, tmp_path: Path) -> None:
    source = tmp_path / "loans.csv"
    pv.write_csv(loans, source)
    (tmp_path / "card.json").write_bytes(canonical(CARD))
    before = source.read_bytes()
    link = tmp_path / "link.csv"
    link.symlink_to(source)
    report = tmp_path / "x.report.json"
    report.write_bytes(before)
    common = ["--target", "outcome", "--bad", "lost", "--exclude", "sex"]
    for given, output, more in (
        (source, source, ()),
        (source, link, ()),
        (report, tmp_path / "x.json", ()),
        (link, tmp_path / "card.json", ("--compare", str(tmp_path / "card.json"))),
    ):
        done = CliRunner().invoke(train_command, ["--input", str(given), *common, "--output", str(output), *more])
        assert done.exit_code == 2 and "would be written over the file that is read" in done.output
    arguments = ["score", "--input", str(source), "--card", str(tmp_path / "card.json"), "--output"]
    for output in (source, tmp_path / "card.json"):
        assert CliRunner().invoke(cards_group, [*arguments, str(output)]).exit_code == 2
    assert source.read_bytes() == before


def test_a_table_to_compare_with_is_refused_before_anything_is_trained(
    loans: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import models.training.train

    def never(*arguments: object) -> None:
        raise AssertionError("trained")

    monkeypatch.setattr(models.training.train, "folds", never)
    wrong = loans.drop_columns("city").set_column(0, "income", pa.array(["low"] * len(loans)))
    pq.write_table(wrong, tmp_path / "later.parquet")
    done = train(loans, tmp_path, "--exclude", "sex", "--compare", str(tmp_path / "later.parquet"))
    assert "income holds text, not numbers; there is no column 'city'. --exclude" in str(done.exception)
    (tmp_path / "later.txt").write_text("")
    done = train(loans, tmp_path, "--exclude", "sex", "--compare", str(tmp_path / "later.txt"))
    assert "later.txt: neither Parquet nor CSV" in str(done.exception)


def test_what_looks_wrong_is_told_on_the_console_a_line_each(loans: pa.Table, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    income = [("?" if at % 40 == 0 else str(each)) for at, each in enumerate(loans["income"].to_pylist())]
    leak = [f"{at}" if each == "lost" else "0" for at, each in enumerate(loans["outcome"].to_pylist())]
    odd = loans.drop_columns(["sex", "income"]).append_column("income", pa.array(income))
    odd = odd.append_column("recovered", pa.array(leak)).append_column(
        "id", pa.array([f"id {at}" for at in range(600)])
    )
    done = train(odd, tmp_path)
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert "income: numbers written as text; 15 rows hold '?': taken as missing" in lines
    assert any(line.startswith("recovered: looks like leakage") for line in lines)
    assert "id: left out: every row has a category of its own" in lines
    notes = json.loads((tmp_path / "card.report.json").read_text())["notes"]
    assert [line for line in lines if line in notes] == notes, "beside what other libraries write"


@pytest.mark.parametrize(
    ("separator", "encoding", "shown"),
    [
        (";", "utf-8", "separated by semicolons"),
        ("\t", "cp1252", "not UTF-8, read as cp1252"),
        (",", "utf-16", "utf-16"),
    ],
)
def test_separators_and_encodings_are_found_and_said(
    separator: str, encoding: str, shown: str, loans: pa.Table, tmp_path: Path
) -> None:
    rows = loans.select(["income", "outcome"]).to_pylist()
    lines = [("income", "größe", "outcome"), *((f"{r['income']}".replace(".", ","), "süß", r["outcome"]) for r in rows)]
    if separator == ",":
        lines = [(a.replace(",", "."), b, c) for a, b, c in lines]
    (tmp_path / "f.csv").write_bytes("\n".join(separator.join(line) for line in lines).encode(encoding))
    found = read_table(tmp_path / "f.csv")
    assert found.table.column_names == ["income", "größe", "outcome"] and found.table["größe"][0].as_py() == "süß"
    assert shown in " ".join(found.notes)
    stated = read_table(tmp_path / "f.csv", Format(separator=separator, encoding=encoding))
    assert stated.notes == () and stated.table.equals(found.table)


def test_a_word_in_the_last_row_of_a_large_file_does_not_end_the_reading(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("a,b\n" + "1,2\n" * 600_000 + "?,2\n")
    assert read_table(tmp_path / "f.csv").table["a"][-1].as_py() == "?"


def test_columns_of_one_name_are_refused_in_every_file(tmp_path: Path) -> None:
    twins = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    pv.write_csv(twins, tmp_path / "t.csv")
    pq.write_table(twins, tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        with pytest.raises(ValueError, match=r"columns of the same name: 'x' \(2 times\)"):
            read_table(tmp_path / name)
