"""`shardpay import` as a person sees it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.import_files import done_so_far, import_command, report_text
from switch.importer import runner
from switch.importer.client import SwitchError
from switch.importer.progress import Tally
from switch.importer.runner import Difference, ImportReport, Options, Unexpected
from tests.excerpts import write_shardpay

GOOD = ImportReport(
    file="rows", format="shardpay", rows=9, extra_rows=1, wallets=3, wallets_there_before=0, waves=2, resumed_rows=0, replayed=0, posted=8,
    declined={"insufficient_funds": 2}, seconds=1.0, rows_per_second=10.0, total_seconds=2.0, calls=2, retries=0,
    latency_p50_ms=1.0, latency_p99_ms=2.0, drift=None, unexpected_count=0, unexpected=[], difference_count=0,
    differences=[], changed_count=0, changed=[], notes=("as it were",),
)  # fmt: skip
DIFFERENCE = Difference(wallet="anna", expected=5, posted=6, held=1)


def _changed(**changes: object) -> ImportReport:
    return ImportReport(**{name: getattr(GOOD, name) for name in ImportReport.__struct_fields__} | changes)


@pytest.fixture
def rows(tmp_path: Path) -> str:
    return str(write_shardpay(tmp_path / "rows", rows=5))


def _answering(monkeypatch: pytest.MonkeyPatch, report: ImportReport) -> list[Options]:
    seen: list[Options] = []

    async def run(options: Options, *_: object) -> ImportReport:
        seen.append(options)
        return report

    monkeypatch.setattr(runner, "run_import", run)
    return seen


def test_help_documents_the_format_and_has_an_example() -> None:
    output = CliRunner().invoke(import_command, ["--help"]).output
    for text in ("Example:", "idempotency_key", "effective_at", "merchant:", "paysim", "berka", "--rate"):
        assert text in output


def test_rows_that_changed_are_named_and_left_to_a_person(monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    _answering(monkeypatch, _changed(changed_count=11, changed=["line 3"]))
    result = CliRunner().invoke(import_command, [rows])
    assert result.exit_code == 1
    assert "changed: line 3 is new among rows that were imported before" in result.output
    assert "11 rows were changed or put in since" in result.output and "yours to decide" in result.output
    assert "every balance is as the file says" not in result.output and "balances differ" not in result.output


def test_a_good_import_exits_0_and_prints_figures(monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    seen = _answering(monkeypatch, GOOD)
    result = CliRunner().invoke(import_command, [rows, "--url", "http://x", "--rate", "5", "--concurrency", "2"])
    assert result.exit_code == 0
    assert "every balance is as the file says" in result.output and "note: as it were" in result.output
    assert (seen[0].format, seen[0].url, seen[0].rate, seen[0].concurrency) == ("shardpay", "http://x", 5.0, 2)


@pytest.mark.parametrize(
    "report",
    [
        _changed(difference_count=12, differences=[DIFFERENCE]),
        _changed(unexpected_count=1, unexpected=[Unexpected(row="row 3", expected="ok", outcome="insufficient_funds")]),
    ],
)
def test_a_difference_exits_1(monkeypatch: pytest.MonkeyPatch, rows: str, report: ImportReport) -> None:
    _answering(monkeypatch, report)
    result = CliRunner().invoke(import_command, [rows, "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["difference_count"] == report.difference_count
    text = report_text(report)
    assert "every balance" not in text
    assert ("anna has 6, 1 held, expected 5" in text) == bool(report.differences)
    assert ("row 3 is insufficient_funds, the file says ok" in text) == bool(report.unexpected)


def test_several_failures_at_once_are_told_as_the_first(monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    async def run(*_: object) -> ImportReport:
        raise ExceptionGroup("several", [ExceptionGroup("inner", [SwitchError("the first")]), SwitchError("b")])

    monkeypatch.setattr(runner, "run_import", run)
    result = CliRunner().invoke(import_command, [rows])
    assert isinstance(result.exception, SwitchError) and str(result.exception) == "the first; nothing was done"


def test_what_stands_of_an_import_that_ended_is_told() -> None:
    tally = Tally()
    tally.stage = "reading"
    assert done_so_far(tally) == "nothing was done"
    tally.stage = "wallets"
    assert done_so_far(tally) == "wallets of the file may be open by now, no payment was made"
    tally.stage, tally.rows, tally.total = "payments", 4_096, 10_000
    assert done_so_far(tally) == "4,096 of 10,000 payments have their result: the same command goes on behind them"


def test_a_file_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    assert CliRunner().invoke(import_command, [str(tmp_path / "none")]).exit_code == 2
