"""Results of benchmarks are read as `shardpay bench` writes them; a name leads to no other file, and what is no result is told."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bench.report.figures import figure
from bench.report.report import BenchReport, new_run
from switch.api.bench_reports import REPORTS_MAX, _named, _read, get_report
from switch.problems.table import ProblemError

FIGURE = figure(
    "single", "shardpay", "payments/s", [4_000.0, 4_400.0], aim=3_000.0, detail={"p99_ms": 38, "turns": [1]}
)


@pytest.fixture
def written(tmp_path: Path) -> BenchReport:
    report = BenchReport(tmp_path, new_run({"quick": False}, {"cpus": 2}, {"python": "3.11"}))
    report.add([FIGURE])
    return report


def test_figures_come_back_as_they_were_written(written: BenchReport) -> None:
    shown = _read(written.path, written.path.stem)
    assert (shown.machine, shown.versions, shown.date) == ({"cpus": 2}, {"python": "3.11"}, written.run.date)
    (found,) = shown.figures
    assert (found.median, found.rounds, found.aim, found.aim_met) == (4_200.0, [4_000.0, 4_400.0], 3_000.0, True)
    assert (found.p50_ms, found.p99_ms) == (None, 38.0)
    assert "turns" not in msgspec.json.encode(shown).decode(), "details stay in the file"


def test_a_run_under_way_is_shown_up_to_its_last_whole_line(written: BenchReport) -> None:
    with open(written.path, "ab") as file:
        file.write(b'{"type":"figure","run":"x","fig')
    assert len(_read(written.path, "n").figures) == 1


@pytest.mark.parametrize("text", [b"", b"{}\n", b"no JSON\n", b'{"type":"figure","figure":{}}\n', b"\xff\n"])
def test_what_is_no_result_is_told(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(text)
    with pytest.raises(ProblemError, match="bench_report_not_found"):
        _read(tmp_path / "x.jsonl", "x")
    with pytest.raises(ProblemError, match="bench_report_not_found"):
        _read(tmp_path / "missing.jsonl", "x")


def test_only_results_are_listed_the_newest_first_and_not_too_many(tmp_path: Path) -> None:
    names = [f"202611{day:02}T101010Z-{i:08x}" for day in (3, 20) for i in range(60)]
    for name in [*names, "notes", "20261103T101010Z-zzzzzzzz"]:
        (tmp_path / f"{name}.jsonl").write_text("{}\n")
    os.symlink("/etc", tmp_path / "data-single-x")
    found = [each.name for each in _named(tmp_path)]
    assert found == sorted(names, reverse=True)[:REPORTS_MAX]
    assert _named(tmp_path / "not-there") == []


@pytest.mark.parametrize("name", ["../{}", "../results/../{}", "{}.jsonl", "/etc/passwd", "..", ""])
async def test_a_name_leads_to_no_other_file(tmp_path: Path, written: BenchReport, name: str) -> None:
    (tmp_path / "results").mkdir()
    asked = name.format(written.path.stem)
    call: Any = SimpleNamespace(request=SimpleNamespace(match_info={"name": asked}), query=dict)
    for folder in (str(tmp_path / "results"), None):
        services: Any = SimpleNamespace(bench_reports=folder)
        with pytest.raises(ProblemError, match="bench_report_not_found"):
            await get_report(services, call)
