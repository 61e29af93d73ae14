"""`shardpay bench --quick` writes complete results that agree with each other. Speeds are none of a test's business."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.__main__ import main
from bench.measures import kernel, recovery
from bench.report.figures import figure, ratio

pytestmark = pytest.mark.long

KERNEL = kernel.Sizes(wallets=70_000, rows=2_048, batches=2)
RECOVERY = recovery.Sizes(wallets=2_000, payments=10_000, rows=4_096)
WALLET_BYTES_MIN = 128


@pytest.fixture
def lines(server_place: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The lines of a run of the benchmarks that need no switch, at small sizes."""
    monkeypatch.setattr(kernel, "QUICK", KERNEL)
    monkeypatch.setattr(recovery, "QUICK", RECOVERY)
    output = server_place / "results"
    command = ["kernel", "recovery", "--quick", "--rounds", "2", "--json", "--output", str(output)]
    outcome = CliRunner().invoke(main, command, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    (path,) = output.glob("*.jsonl")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    printed = json.loads(outcome.stdout)
    assert printed == {"run": found[0], "figures": [line["figure"] for line in found[1:]]}
    assert [each.name for each in output.iterdir() if each.is_dir()] == [], "data are removed after a run"
    return found


def test_a_quick_run_is_complete_and_consistent(lines: list[Any]) -> None:
    head, figures = lines[0], [line["figure"] for line in lines[1:]]
    _check_head(head)
    assert all(line["run"] == head["id"] for line in lines[1:])
    cases = {(each["benchmark"], each["case"]): each for each in figures}
    assert len(cases) == len(figures)
    for each in figures:
        _check_figure(each)
    _check_kernel(cases)
    _check_recovery(cases)


def _check_head(head: Any) -> None:
    assert head["type"] == "run" and head["date"].endswith("+00:00")
    assert head["settings"]["quick"] is True and head["settings"]["rounds"] == 2
    assert head["machine"]["usable_cpus"] >= 1 and head["machine"]["fsync_ms"] > 0 and head["machine"]["filesystem"]
    assert {"python", "numpy", "ray"} <= set(head["versions"])


def _check_figure(each: Any) -> None:
    assert min(each["rounds"]) <= each["median"] <= max(each["rounds"])
    spread = (max(each["rounds"]) - min(each["rounds"])) / each["median"]
    assert each["spread"] == pytest.approx(spread)
    met = None if each["aim"] is None else (each["median"] >= each["aim"]) == (each["better"] == "higher")
    assert each["aim_met"] is met


def _check_kernel(cases: Any) -> None:
    apply = cases["kernel", "apply"]
    both = cases["kernel", "admit + apply"]
    assert len(apply["rounds"]) == len(both["rounds"]) == 2
    assert all(a > b > 0 for a, b in zip(apply["rounds"], both["rounds"], strict=True)), (
        "a part is faster than the whole"
    )
    wallet = cases["kernel", "memory a wallet"]
    assert wallet["detail"]["sizes"]["wallets"] == KERNEL.wallets
    assert wallet["median"] >= WALLET_BYTES_MIN
    keys = cases["kernel", "memory a remembered key"]["detail"]["keys"]
    assert keys == 2 * 2 * KERNEL.batches * KERNEL.rows, "a key for each payment, scored and unscored"


def _check_recovery(cases: Any) -> None:
    written = RECOVERY.payments + RECOVERY.wallets
    recovered, audited = cases["recovery", "recovery"], cases["recovery", "audit"]
    untouched = cases["recovery", "recovery, memory from the host"]
    assert all(turn["records"] == written for each in (recovered, untouched) for turn in each["detail"]["turns"])
    assert all(turn["records"] >= written for turn in audited["detail"]["turns"])
    for each in (recovered, untouched, audited):
        assert each["detail"]["postgresql"]["fsync"] == each["detail"]["postgresql"]["synchronous_commit"] == "on"
        rates = [turn["records"] / turn["seconds"] for turn in each["detail"]["turns"]]
        assert each["rounds"] == pytest.approx(rates)


def test_an_unknown_benchmark_is_bad_usage() -> None:
    outcome = CliRunner().invoke(main, ["nonsense"])
    assert outcome.exit_code == 2 and "kernel" in outcome.output


def test_a_ratio_is_made_of_pairs_of_rounds() -> None:
    ours = figure("b", "ours", "payments/s", [30.0, 10.0, 40.0])
    theirs = figure("b", "theirs", "payments/s", [10.0, 10.0, 10.0])
    found = ratio("b", ours, theirs, aim=2.5)
    assert found.rounds == [3.0, 1.0, 4.0] and found.median == 3.0 and found.aim_met is True
    assert figure("b", "late", "s", [2.0], better="lower", aim=1.0).aim_met is False
