"""The table of a run."""

from pathlib import Path

import pytest

from bench.report.figures import figure
from bench.report.report import BenchReport, new_run

MACHINE = {"usable_cpus": 2, "fsync_ms": 0.5, "filesystem": "ext4"}


@pytest.mark.parametrize("columns", ["20", "80", "300"])
def test_every_number_is_whole_in_a_pipe_and_in_a_narrow_terminal(
    columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    report = BenchReport(tmp_path, new_run({}, MACHINE, {}))
    case = "scored payments of two shards over HTTP at 64 connections, " * 3 + "/ row locks"
    detail = {"p50_ms": 1234.5, "p99_ms": 98765.4, "ns_a_transfer": {f"step {n}": 1000.0 + n for n in range(40)}}
    report.add([figure("single", case, "payments/s", [12_345_678.0], aim=10_000_000, detail=detail)])
    report.show()
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if "12,345,678" in line]
    for text in (case, "payments/s", "0%", "10,000,000", "yes", "1,234", "98,765"):
        assert f" {text} " in row
    assert any("step 39 1039" in line for line in lines)
    assert any(line.endswith(str(report.path)) for line in lines)
