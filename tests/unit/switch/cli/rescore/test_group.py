"""`shardpay rescore`: what is missing is bad usage, a plan scores nothing, and a run says where every row went."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from actors.rescore import run as module
from models.credit.shipped import SHIPPED
from switch.cli.main import cli
from switch.cli.rescore.group import _card, _share
from tests.rescore_files import write_card, write_wallets
from tests.unit.switch.cli.rescore.running import rescore

CONTEXT = click.Context(click.Command("x"))


@pytest.mark.parametrize(
    ("text", "share"),
    [(None, None), ("0", 0.0), ("1", 1.0), ("0.1%", 0.001), ("0.001", 0.001), ("100%", 1.0), ("1e-3", 0.001)],
)
def test_a_share_is_a_number_or_a_percentage(text: str | None, share: float | None) -> None:
    assert _share(CONTEXT, click.Option(["--x"]), text) == share


@pytest.mark.parametrize("text", ["", "%", "much", "-0.1", "1.1", "101%", "nan", "inf", "0.1%%"])
def test_what_is_no_share_is_bad_usage(text: str) -> None:
    with pytest.raises(click.BadParameter, match="from 0 to 1, or a percentage"):
        _share(CONTEXT, click.Option(["--x"]), text)


@pytest.mark.parametrize("missing", ["--input", "--card", "--output"])
def test_what_a_job_needs_is_named_when_it_is_missing(missing: str, tmp_path: Path) -> None:
    given = {"--input": tmp_path, "--card": "wallet", "--output": tmp_path / "out"}
    words = [str(part) for name, value in given.items() if name != missing for part in (name, value)]
    done = CliRunner().invoke(cli, ["rescore", *words])
    assert done.exit_code == 2 and f"Missing option '{missing}'" in done.stderr


@pytest.mark.parametrize(
    ("more", "stated"),
    [
        (("--url", "http://127.0.0.1:1"), "--url goes with --publish."),
        (("--run", "7"), "--run goes with --publish."),
        (("--publish", "--scores-only"), "it does not go with --scores-only"),
    ],
)
def test_options_of_a_publication_go_with_it(tmp_path: Path, more: tuple[str, ...], stated: str) -> None:
    words = ["--input", str(tmp_path), "--card", "wallet", "--output", str(tmp_path / "out"), *more]
    done = CliRunner().invoke(cli, ["rescore", *words])
    assert done.exit_code == 2 and stated in done.stderr


@pytest.mark.parametrize("option", [("--url", "http://127.0.0.1:1"), ("--run", "7"), ("--publish",)])
def test_options_of_a_publication_stand_behind_its_command(tmp_path: Path, option: tuple[str, ...]) -> None:
    """Before it they would be dropped, and another switch be sent the scores."""
    done = CliRunner().invoke(cli, ["rescore", *option, "publish", str(tmp_path)])
    assert done.exit_code == 2 and f"{option[0]} goes behind publish." in done.stderr


def test_what_cannot_be_published_is_refused_before_anything_is_scored(tmp_path: Path) -> None:
    source, card = write_wallets(tmp_path / "in", 100, 1, 100), write_card(tmp_path / "card.json")
    words = ["--input", str(source), "--card", str(card), "--output", str(tmp_path / "out"), "--publish"]
    done = CliRunner().invoke(cli, ["rescore", *words])
    assert done.exit_code == 1 and "score with --as-of" in done.stderr, done.output
    assert not (tmp_path / "out").exists()


def test_a_job_that_is_asked_to_stop_at_its_end_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, card, run = write_wallets(tmp_path / "in", 100, 1, 100), write_card(tmp_path / "card.json"), module.run

    def stopped(*given: Any) -> Any:
        manifest = run(*given)
        os.kill(os.getpid(), signal.SIGTERM)
        return manifest

    monkeypatch.setattr(module, "run", stopped)
    words = ("--input", source, "--card", card, "--output", tmp_path / "out", "--as-of", "2026-01-01T00:00:00Z")
    done = rescore(monkeypatch, *words, "--publish", "--url", "http://127.0.0.1:1")
    assert done.exit_code == 1 and "stopped; run the same command again to go on" in done.stderr, done.output
    monkeypatch.setattr(module, "run", run)
    done = rescore(monkeypatch, *words, "--publish", "--url", "http://127.0.0.1:1")
    assert done.exit_code == 1 and "the switch cannot be reached" in done.stderr, "and the next try goes on to it"


def test_a_card_is_a_file_or_the_name_of_one_that_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _card("wallet").name == "wallet"
    with pytest.raises(
        click.ClickException, match=f"nothing: .*{SHIPPED[0] if isinstance(SHIPPED, tuple) else 'wallet'}"
    ):
        _card("nothing")
    (tmp_path / "wallet").write_text("{}")
    with pytest.raises(click.ClickException, match="wallet: "):
        _card("wallet")
    write_card(tmp_path / "wallet")
    assert _card("wallet").name == "small", "a file of that name goes before"


def test_a_plan_scores_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, card = write_wallets(tmp_path / "in", 2_000, 2, 500), write_card(tmp_path / "card.json")
    words = ("--input", source, "--card", card, "--output", tmp_path / "out", "--plan")
    printed = rescore(monkeypatch, *words)
    assert printed.exit_code == 0 and printed.stdout.startswith("4,000 rows in 2 files, "), printed.output
    plan = json.loads(rescore(monkeypatch, *words, "--json").stdout)["plan"]
    assert (plan["rows"], plan["files"]) == (4_000, 2) and "never_read" not in plan["columns"]
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_every_row_is_somewhere_and_a_second_run_is_compared_with_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, card = write_wallets(tmp_path / "in", 2_000, 1, 500), write_card(tmp_path / "card.json")
    words = ("--input", source, "--card", card)
    first = rescore(monkeypatch, *words, "--output", tmp_path / "a")
    assert first.exit_code == 0 and "= 2,000 rows, in " in first.stdout and "all equal" in first.stdout, first.output
    lines = rescore(monkeypatch, *words, "--output", tmp_path / "b", "--before", tmp_path / "a", "--json").stdout
    result = json.loads(lines.splitlines()[-1])["result"]
    assert (result["rows"], result["psi"]) == (2_000, 0.0)
    assert result["scored"] + result["bad"] + result["not_available"] == 2_000
    again = rescore(monkeypatch, *words, "--output", tmp_path / "a")
    assert again.exit_code == 0, "the same command again finds it done"


def test_wallets_that_come_more_than_once_are_told_where_they_are_matched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, card = write_wallets(tmp_path / "in", 1_000, 1, 500), write_card(tmp_path / "card.json")
    (source / "again.parquet").write_bytes((source / "shard-0000.parquet").read_bytes())
    words = ("--input", source, "--card", card, "--output")
    assert "more than once" not in rescore(monkeypatch, *words, tmp_path / "a").stderr
    compared = rescore(monkeypatch, *words, tmp_path / "b", "--before", tmp_path / "a")
    assert compared.exit_code == 0 and "1,000 wallets more than once in the input\n" in compared.stderr, compared.output
    lines = rescore(monkeypatch, *words, tmp_path / "b", "--before", tmp_path / "a", "--json").stdout
    assert json.loads(lines.splitlines()[-1])["result"]["repeated_wallets"] == 1_000


def test_what_a_job_cannot_do_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, card = write_wallets(tmp_path / "in", 1_000, 1, 500), write_card(tmp_path / "card.json")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x.txt").write_text("x")
    for code, printed, words in (
        (1, "there is nothing at", ("--input", tmp_path / "nothing", "--card", card, "--output", tmp_path / "out")),
        (1, "is not empty", ("--input", source, "--card", card, "--output", tmp_path / "full")),
        (1, "/sys/scores: ", ("--input", source, "--card", card, "--output", "/sys/scores")),
        (1, "there is no column", ("--input", source, "--card", card, "--output", tmp_path / "out", "--wallet", "who")),
        (
            2,
            "--canary needs --before",
            ("--input", source, "--card", card, "--output", tmp_path / "out", "--canary", "1%"),
        ),
        (2, "--part-rows", ("--input", source, "--card", card, "--output", tmp_path / "out", "--part-rows", "1")),
    ):
        done = rescore(monkeypatch, *words)
        assert done.exit_code == code and printed in done.stderr and "Traceback" not in done.output, done.output
