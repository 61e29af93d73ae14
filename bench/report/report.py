"""A run as JSON lines, for programs, and as a table, for people.

The first line names the machine, the versions and the settings.
"""

import datetime
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.report.figures import Figure
from models.wording import counted

WIDTH_MAX: Final = 10_000
"""Wider than any row."""
_ENCODE: Final = msgspec.json.Encoder().encode


class BenchRun(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="run"):
    """The first line of a file of figures."""

    id: str
    date: str
    settings: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="figure"):
    """One figure of a run."""

    run: str
    figure: Figure


def new_run(settings: dict[str, Any], machine: dict[str, Any], versions: dict[str, str]) -> BenchRun:
    """A run that begins now."""
    now = datetime.datetime.now(datetime.UTC)
    return BenchRun(
        id=str(uuid.uuid4()),
        date=now.isoformat(timespec="seconds"),
        settings=settings,
        machine=machine,
        versions=versions,
    )


class BenchReport:
    """The file of a run; a figure is in it as soon as it is known, so an interrupted run keeps what it found."""

    def __init__(self, directory: Path, run: BenchRun) -> None:
        stamp = run.date.replace(":", "").replace("-", "").replace("+0000", "Z")
        self.path = directory / f"{stamp}-{run.id[:8]}.jsonl"
        self.run = run
        self.figures: list[Figure] = []
        self._write(run)

    def add(self, figures: Sequence[Figure]) -> None:
        """Write further figures."""
        for each in figures:
            self.figures.append(each)
            self._write(Line(run=self.run.id, figure=each))

    def _write(self, line: BenchRun | Line) -> None:
        with open(self.path, "ab") as file:
            file.write(_ENCODE(line) + b"\n")

    def as_json(self) -> str:
        """The whole run as one JSON object."""
        return msgspec.json.format(_ENCODE({"run": self.run, "figures": self.figures})).decode()

    def show(self) -> None:
        """Print a table, and where processor time went."""
        from rich.console import Console
        from rich.measure import Measurement
        from rich.table import Table

        table = Table(title=_title(self.run))
        for name in ("benchmark", "case"):
            table.add_column(name, no_wrap=True)
        for name in ("median", "unit", "spread", "aim", "met", "p50 ms", "p99 ms"):
            table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
        for each in self.figures:
            met = {None: "", True: "yes", False: "no"}[each.aim_met]
            aim = "" if each.aim is None else _number(each.aim)
            quantiles = [_number(each.detail[name]) if name in each.detail else "" for name in ("p50_ms", "p99_ms")]
            spread = f"{each.spread:.0%}"
            table.add_row(each.benchmark, each.case, _number(each.median), each.unit, spread, aim, met, *quantiles)
        console = Console()
        unbounded = console.options.update(width=WIDTH_MAX)
        # As wide as it is, in a pipe and in a narrow terminal too: to fit the terminal, rich would cut numbers off.
        console.width = max(console.width, Measurement.get(console, unbounded, table).maximum)
        console.print(table)
        for each in self.figures:
            for line in _explained(each):
                console.print(line, highlight=False, soft_wrap=True)
        console.print(f"written to {self.path}", highlight=False, soft_wrap=True)


def _title(run: BenchRun) -> str:
    machine = run.machine
    quick = " - QUICK: no figures to quote" if run.settings.get("quick") else ""
    return f"{counted(machine['usable_cpus'], 'core')}, fdatasync {machine['fsync_ms']} ms on {machine['filesystem']}{quick}"


def _explained(each: Figure) -> list[str]:
    """Lines below the table: refusals, and processor seconds of all rounds together."""
    head = f"{each.benchmark}, {each.case}:"
    lines = []
    if "ns_a_transfer" in each.detail:
        steps = ", ".join(f"{step} {value:.0f}" for step, value in each.detail["ns_a_transfer"].items())
        lines.append(f"{head} ns a transfer: {steps}")
    turns = [turn for turn in each.detail.get("turns", []) if "cpu_s" in turn]
    if turns:
        codes = _added(turn["load"]["codes"] for turn in turns)
        cpu = _added(turn["cpu_s"] for turn in turns)
        shares = ", ".join(f"{group} {value:.1f}" for group, value in sorted(cpu.items(), key=lambda item: -item[1]))
        lines.append(f"{head} not paid: {codes or 'none'}; CPU s: {shares}")
    return lines


def _added(parts: Any) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            total[name] = round(total.get(name, 0) + value, 2)
    return total


def _number(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"
