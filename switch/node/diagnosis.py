"""What may be wrong with a machine, a configuration or a database of a switch.

Each check says what it found and, where that is not well, what to do. Nothing is changed, and no payment is made.
"""

import asyncio
import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp
import msgspec

from actors.database import embedded
from actors.database.connection import (
    CONNECTION_LOST,
    ENCODING,
    REFUSED,
    SQL,
    ClusterLock,
    DatabaseError,
    check_encoding,
    check_server,
    connect,
    pending_migrations,
)
from actors.database.locate import located
from actors.process.container import memory_bytes, processors
from models.kernel_folder import kernel_folder
from models.wording import counted
from switch.node.listening import CannotServe, base_url, check_port
from switch.node.settings import ConfigFile, read_config
from switch.node.sizing import keys_for

State = Literal["ok", "warning", "failure"]

GIB: Final = 2**30
CORES_MIN: Final = 2
MEMORY_MIN: Final = 4 * GIB
"""Kernels compile in two processes, and Ray, PostgreSQL and a shard want the rest."""
FILES_MIN: Final = 4_096
"""Open files: a connection is one."""
DISK_MIN: Final = GIB
DISK_WARNING: Final = 10 * GIB
"""A million payments take some 0.5 GB of journal."""
SYNC_WARNING_MS: Final = 10.0
"""Each batch of payments waits for one synchronisation of the disk."""
ROUND_TRIP_WARNING_MS: Final = 5.0
CLOCK_WARNING_MS: Final = 1_000.0
CLOCK_FAILURE_MS: Final = 5_000.0
"""Beyond it a shard warns, and nears the database's clock by 1 %."""
TRIES: Final = 20
ANSWER_TIMEOUT_S: Final = 3.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found. `advice`: what to do, of what is not well."""

    check: str
    state: State
    found: str
    advice: str = ""


def machine(data: Path) -> Iterator[Finding]:
    """Python, processors, memory, files and disks."""
    yield _judged(
        "system", platform.system() == "Linux", platform.platform(terse=True), "Linux is tested, nothing else."
    )
    yield _judged(
        "Python", sys.version_info >= (3, 11), platform.python_version(), "Use Python 3.11 or later.", bad="failure"
    )
    cores = processors()
    yield _judged("processors", cores >= CORES_MIN, f"{cores}", "Front door, shard and database share one: use two.")
    memory = memory_bytes()
    yield _judged(
        "memory",
        memory >= MEMORY_MIN,
        f"{memory / GIB:.1f} GiB: {keys_for(memory, 1):,} idempotency keys on one shard",
        f"Use {MEMORY_MIN // GIB} GiB or more; docs/operations/size.md has the arithmetic.",
    )
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    yield _judged(
        "open files", files >= FILES_MIN, f"{files:,}", f"Set LimitNOFILE (ulimit -n) to {FILES_MIN:,} or more."
    )
    yield from _disk(data)
    yield _machine_code()


def _machine_code() -> Finding:
    """Where the compiler of a switch with this user and environment keeps it."""
    kernels = kernel_folder(version("numba"), version("llvmlite"), os.environ.get("NUMBA_CACHE_DIR", ""))
    kept = _writable(kernels)
    return _judged(
        "machine code",
        kept,
        f"kept in {kernels}" if kept else f"not kept: {kernels} cannot be written",
        "Each start compiles for some two minutes: make the folder writable, or set NUMBA_CACHE_DIR to one that is.",
    )


def _disk(data: Path) -> Iterator[Finding]:
    place = _nearest(data)
    if not _writable(data):
        yield Finding(
            check="data",
            state="failure",
            found=f"{data} cannot be written",
            advice="Name another --data, or mend its owner.",
        )
        return
    free = shutil.disk_usage(place).free
    yield Finding(
        check="disk",
        state="failure" if free < DISK_MIN else "warning" if free < DISK_WARNING else "ok",
        found=f"{free / GIB:.1f} GiB free in {data}",
        advice="" if free >= DISK_WARNING else "A million payments take some 0.5 GB: make room.",
    )
    took = _synchronised_ms(place)
    yield _judged(
        "disk synchronisation",
        took < SYNC_WARNING_MS,
        f"{took:.1f} ms (median of {TRIES})",
        "Each batch of payments waits for it: use a disk that makes writes durable sooner.",
    )


def _synchronised_ms(place: Path) -> float:
    with tempfile.TemporaryFile(dir=place) as file:
        took = []
        for _ in range(TRIES):
            started = time.perf_counter()
            file.write(bytes(8_192))
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took) * 1_000


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or the folder itself can."""
    place = _nearest(folder)
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that this user can see."""
    return next(each for each in (folder, *folder.absolute().parents) if os.path.exists(each))


def configuration(path: Path | None) -> Iterator[Finding]:
    """The file of --config."""
    try:
        config = ConfigFile() if path is None else read_config(path)
    except ValueError as error:
        yield Finding(
            check="configuration",
            state="failure",
            found=str(error),
            advice="docs/reference/configuration.md has every key.",
        )
        return
    yield Finding(check="configuration", state="ok", found="the defaults" if path is None else str(path))
    if config.allow_unsafe_database:
        yield Finding(
            check="allow_unsafe_database",
            state="warning",
            found="a server that loses committed payments is accepted",
            advice="Take the line out of the configuration: it is for tests.",
        )


async def front_door(host: str, port: int) -> AsyncIterator[Finding]:
    """The port: free, or a switch that answers there, over HTTP or HTTPS."""
    urls = [base_url(host, port, tls=tls) for tls in (False, True)]
    try:
        check_port(host, port)
    except CannotServe as error:
        found = await asyncio.gather(*map(_answering, urls))
        taken = Finding(
            check="port", state="failure", found=str(error), advice="Name another --port, or end what listens there."
        )
        for finding in next(filter(None, found), [taken]):
            yield finding
        return
    yield Finding(check="port", state="ok", found=f"{urls[0]} is free")


async def _answering(url: str) -> list[Finding]:
    """What a switch at this address says of itself; nothing when none answers. Whose certificate is shown does not matter."""
    try:
        timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/readyz", ssl=False) as response,
        ):
            answer = msgspec.json.decode(await response.read())
            ready = response.status == 200
            warnings, detail = answer.get("warnings", ()), answer.get("detail", "")
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError, AttributeError):
        return []
    found = f"{url} is ready" if ready else f"{url} is not ready: {detail}"
    advice = "docs/operations/monitor.md says what to do."
    return [
        _judged("switch", ready, found, "Wait, or read its log."),
        *(Finding(check="switch", state="warning", found=str(warning), advice=advice) for warning in warnings),
    ]


async def database(data: Path, url: str | None) -> AsyncIterator[Finding]:
    """The server of --database, or the embedded one of a data directory that has one."""
    if url is None and not (data / "postgres").exists():
        yield Finding(check="database", state="ok", found=f"none in {data} yet: the first start makes one")
        return
    try:
        async with located(data, url) as found:
            async for finding in _server(found):
                yield finding
    except (*CONNECTION_LOST, DatabaseError) as error:
        found = f"it cannot be reached: {str(error) or type(error).__name__}"
        advice = "Mend --database, the network, or the server's pg_hba.conf."
        yield Finding(check="database", state="failure", found=found, advice=advice)
    except embedded.PostgresFailed as error:
        advice = f"Read {data / 'log' / 'postgres.log'}, and make room or mend owners."
        yield Finding(check="database", state="failure", found=str(error), advice=advice)
    except (*REFUSED, ValueError) as error:
        advice = "Mend user, password and database in --database, the server's pg_hba.conf, or what the user may do."
        yield Finding(check="database", state="failure", found=f"it refuses: {error}", advice=advice)


async def _server(url: str) -> AsyncIterator[Finding]:
    connection = await connect(url, name="shardpay-doctor")
    try:
        version = connection.get_server_version()
        yield Finding(check="database", state="ok", found=f"PostgreSQL {version.major}.{version.minor}")
        yield await _durable(connection)
        yield await _encoded(connection)
        yield await _migrations(connection)
        async for finding in _measured(connection):
            yield finding
    finally:
        await connection.close(timeout=ANSWER_TIMEOUT_S)
    yield await _in_use(url)


async def _durable(connection: Any) -> Finding:
    try:
        await check_server(connection)
    except DatabaseError as error:
        advice = "Turn them on, or use a server from version 15."
        return Finding(check="durability", state="failure", found=str(error), advice=advice)
    return Finding(check="durability", state="ok", found="fsync and synchronous_commit are on")


async def _encoded(connection: Any) -> Finding:
    try:
        await check_encoding(connection)
    except DatabaseError as error:
        advice = f"Make another with CREATE DATABASE ... ENCODING '{ENCODING}' TEMPLATE template0; shardpay backup and restore fill it."
        return Finding(check="encoding", state="failure", found=str(error), advice=advice)
    return Finding(check="encoding", state="ok", found=ENCODING)


async def _migrations(connection: Any) -> Finding:
    try:
        pending = await pending_migrations(connection)
    except DatabaseError as error:
        advice = "Use the version that made these tables, or a newer one: docs/operations/upgrade.md."
        return Finding(check="tables", state="failure", found=str(error), advice=advice)
    found = f"the next start makes {counted(pending, 'change')}" if pending else "as this version has them"
    return Finding(check="tables", state="ok", found=found)


async def _measured(connection: Any) -> AsyncIterator[Finding]:
    """How far away the server is, and its clock."""
    took, ahead = [], []
    for _ in range(TRIES):
        started, before = time.perf_counter(), time.time()
        there = await connection.fetchval(SQL["journal_clock"])
        seconds = time.perf_counter() - started
        took.append(seconds)
        ahead.append(there / 1_000 - before - seconds / 2)
    round_trip, clock_off = statistics.median(took) * 1_000, statistics.median(ahead) * 1_000
    yield _judged(
        "round trip",
        round_trip < ROUND_TRIP_WARNING_MS,
        f"{round_trip:.2f} ms (median of {TRIES})",
        "Each batch of payments waits for it: put the switch beside its database.",
    )
    yield Finding(
        check="clock",
        state="failure"
        if abs(clock_off) > CLOCK_FAILURE_MS
        else "warning"
        if abs(clock_off) > CLOCK_WARNING_MS
        else "ok",
        found=f"the database's clock is {clock_off:+.0f} ms from this machine's",
        advice="" if abs(clock_off) <= CLOCK_WARNING_MS else "Mend time synchronisation on both machines.",
    )


async def _in_use(url: str) -> Finding:
    lock = ClusterLock(url)
    try:
        await lock.acquire(migrations=False)
    except DatabaseError as error:
        return Finding(check="in use", state="ok", found=str(error))
    await lock.release()
    return Finding(check="in use", state="ok", found="no switch runs on this database")


def _judged(check: str, well: bool, found: str, advice: str, bad: State = "warning") -> Finding:
    return Finding(check=check, state="ok" if well else bad, found=found, advice="" if well else advice)


def render(findings: list[Finding]) -> str:
    """Findings as lines for people."""
    wide = max(len(each.check) for each in findings)
    lines = []
    for each in findings:
        lines.append(f"{each.state:8} {each.check:{wide}}  {each.found}")
        if each.advice:
            lines.append(f"{'':8} {'':{wide}}  {each.advice}")
    return "\n".join(lines)


async def diagnose(data: Path, url: str | None, config: Path | None, host: str, port: int) -> list[Finding]:
    """Every finding, in the order of the checks."""
    findings = [*await asyncio.to_thread(lambda: list(machine(data))), *configuration(config)]
    findings += [finding async for finding in front_door(host, port)]
    findings += [finding async for finding in database(data, url)]
    return findings
