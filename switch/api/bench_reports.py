"""Results of `shardpay bench`, out of the folder that the configuration names.

A name leads to a file of that folder and to no other.
"""

import asyncio
import re
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from switch.api.route import Route
from switch.http.access import Access
from switch.http.auth import READ_DOCUMENTS
from switch.http.call import Call
from switch.problems.table import ProblemError
from switch.views.representations import json_response

REPORTS_MAX: Final = 100
"""The newest ones; a folder that has more is one to tidy."""
BYTES_MAX: Final = 4 << 20
"""Of a file: some thousand figures."""
_NAME: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
_SUFFIX: Final = ".jsonl"


class BenchReportServices(Protocol):
    """What these handlers use of the front door."""

    bench_reports: str | None


class BenchFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured quantity with all its rounds. `spread`: (largest - smallest) / median; `p50_ms`, `p99_ms`: of answers, where they were
    timed."""

    benchmark: str
    case: str
    unit: str
    better: str
    median: float
    spread: float
    rounds: list[float]
    aim: float | None = None
    aim_met: bool | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None


class BenchReportNamed(msgspec.Struct, frozen=True, kw_only=True):
    """A file of figures."""

    name: str
    bytes: int


class BenchReportList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest files. `configured`: whether a folder is."""

    configured: bool
    data: list[BenchReportNamed]


class BenchReportShown(msgspec.Struct, frozen=True, kw_only=True):
    """A run: when, how, on what machine, with what versions, and its figures so far."""

    name: str
    date: str
    settings: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]
    figures: list[BenchFigure]


class _BenchRun(msgspec.Struct, frozen=True, tag_field="type", tag="run"):
    date: str
    settings: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]


class _Figure(BenchFigure, frozen=True, kw_only=True):
    detail: dict[str, Any] = {}


class _FigureLine(msgspec.Struct, frozen=True, tag_field="type", tag="figure"):
    figure: _Figure


_DECODER: Final = msgspec.json.Decoder(_BenchRun | _FigureLine)


async def list_reports(services: BenchReportServices, call: Call) -> web.Response:
    """GET /v1/bench/reports."""
    call.query()
    folder = services.bench_reports
    found = [] if folder is None else await asyncio.to_thread(_named, Path(folder))
    return json_response(BenchReportList(configured=folder is not None, data=found))


def _named(folder: Path) -> list[BenchReportNamed]:
    """Nothing of a folder that is not there yet."""
    try:
        names = sorted((path.name for path in folder.iterdir() if _is_report(path)), reverse=True)[:REPORTS_MAX]
        return [BenchReportNamed(name=name[: -len(_SUFFIX)], bytes=(folder / name).stat().st_size) for name in names]
    except OSError:
        return []


def _is_report(path: Path) -> bool:
    return path.suffix == _SUFFIX and _NAME.fullmatch(path.stem) is not None


async def get_report(services: BenchReportServices, call: Call) -> web.Response:
    """GET /v1/bench/reports/{name}."""
    call.query()
    name, folder = call.request.match_info["name"], services.bench_reports
    if folder is None or _NAME.fullmatch(name) is None:
        raise ProblemError("bench_report_not_found")
    return json_response(await asyncio.to_thread(_read, Path(folder) / f"{name}{_SUFFIX}", name))


def _read(path: Path, name: str) -> BenchReportShown:
    """The figures of the lines that are whole: a run may be under way. Raises ProblemError bench_report_not_found."""
    try:
        with open(path, "rb") as file:
            text = file.read(BYTES_MAX)
    except OSError:
        raise ProblemError("bench_report_not_found") from None
    lines = text[: text.rfind(b"\n") + 1].splitlines()
    try:
        run, *others = [_DECODER.decode(line) for line in lines]
    except ValueError as error:
        raise ProblemError("bench_report_not_found", f"{name} is no file of figures: {error}"[:300]) from None
    if not isinstance(run, _BenchRun):
        raise ProblemError("bench_report_not_found", f"{name} does not begin with its run.")
    return BenchReportShown(
        name=name,
        date=run.date,
        settings=run.settings,
        machine=run.machine,
        versions=run.versions,
        figures=[_shown(line.figure) for line in others if isinstance(line, _FigureLine)],
    )


def _shown(found: _Figure) -> BenchFigure:
    """With the quantiles out of its details, without the rest of them."""
    known = {name: getattr(found, name) for name in BenchFigure.__struct_fields__}
    timed = {
        name: float(found.detail[name])
        for name in ("p50_ms", "p99_ms")
        if isinstance(found.detail.get(name), int | float)
    }
    return BenchFigure(**{**known, **timed})


ROUTES: Final = (
    Route(
        "GET",
        "/v1/bench/reports",
        "List results of benchmarks, the newest first.",
        READ_DOCUMENTS,
        Access.REFUSED,
        list_reports,
        answer=BenchReportList,
    ),
    Route(
        "GET",
        "/v1/bench/reports/{name}",
        "The figures of one run of benchmarks.",
        READ_DOCUMENTS,
        Access.REFUSED,
        get_report,
        answer=BenchReportShown,
        problems=frozenset({"bench_report_not_found"}),
    ),
)
