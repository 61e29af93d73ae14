"""What tiers of tests share: one embedded PostgreSQL a session, and a database of its own for each test."""

import asyncio
import contextlib
import functools
import gc
import importlib
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from actors.database import embedded
from actors.database.connection import migrate
from actors.shard.compile_kernels import ready_kernels

TEMPLATE = "migrated"
_QUIET = list(HealthCheck)
# Without deadlines: the first example of many tests loads a kernel. `short` is for the run without compilation.
settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=_QUIET, max_examples=40, stateful_step_count=25
)
settings.register_profile(
    "short", deadline=None, print_blob=True, suppress_health_check=_QUIET, max_examples=10, stateful_step_count=20
)
settings.load_profile("default")

HERE = Path(__file__).parent
SLOW_TIMEOUT_S = 3_600
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 << 30
"""Files of all tests together take at most a third of it at any time."""


def _files_in_memory() -> None:
    """Temporary files of tests go to memory where there is enough of it: servers write there as they do on a disk, with every fsync, but
    the disk is not waited for, which takes longer than what tests do."""
    with contextlib.suppress(OSError):
        if "TMPDIR" not in os.environ and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
            os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


_files_in_memory()


def _keep_bytecode() -> None:
    """Whoever starts pytest without `make` in a container may have switched it off: each process of a test would compile its modules, and
    pytest all tests, anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


_keep_bytecode()


def _be_interrupted() -> None:
    """A shell starts what runs in the background with interrupts ignored, and so would be every process that a test interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_be_interrupted()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Kernels are compiled once, before several processes need them at the same time."""
    if session.config.getoption("numprocesses", None) and not hasattr(session.config, "workerinput"):
        ready_kernels()


class _Turned(pytest.Package):
    """Each worker reads the files of all tests, and a new clone's must be compiled first. So one of three begins a third on in each
    directory, and finds compiled what the others have come to before."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        entries = list(super().collect())
        worker = vars(self.config)["workerinput"]
        first = len(entries) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        yield from entries[first:] + entries[:first]


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Of workers; a directory without an `__init__.py` goes the usual way."""
    if not hasattr(parent.config, "workerinput") or not (path / "__init__.py").exists():
        return None
    turned: pytest.Collector = _Turned.from_parent(parent, path=path)
    return turned


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, object, object]:
    """With `--cov`, what a module of tests imports is traced, and not how pytest finds the tests in it."""
    if not isinstance(collector, pytest.Module | pytest.Class) or sys.gettrace() is None:
        return (yield)
    with contextlib.suppress(Exception, pytest.skip.Exception):  # told of below, when it is imported again
        _ = collector.obj
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(trace)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """At both ends what takes longest, since workers begin there: what waits for processes at one, what computes at the other. Where they
    meet are the short files of units, so that neither is idle in the end. The slow proofs have their time."""
    long = {item.path for item in items if item.get_closest_marker("long") is not None}
    items.sort(key=lambda item: (_place(item.path, item.path in long), item.path))
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_S))


def _place(file: Path, long: bool) -> int:
    tier = file.relative_to(HERE).parts[0]
    if tier == "unit":
        return 4 if long else 3
    return {"acceptance": 0, "e2e": 1, "sim": 5}.get(tier, 1 if long else 2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """With `--cov`, tests of units and of modules with their database or process are traced, but for the long ones. The others start
    processes, which are not traced, and a tracer takes time from what they measure. Where a test is traced, its fixtures are and what
    it does itself, but not pytest around it, which takes as long as many a test."""
    plugin = item.config.pluginmanager.getplugin("_cov")
    if plugin is None or plugin.cov_controller is None:
        return (yield)
    if _is_traced(item):
        _TRACE.append(sys.gettrace())
        sys.settrace(None)
        try:
            return (yield)
        finally:
            sys.settrace(_TRACE.pop())
    plugin.cov_controller.pause()
    try:
        return (yield)
    finally:
        plugin.cov_controller.resume()


def pytest_collection_finish() -> None:
    """What was found stays to the end: each search for garbage would look at it again, a tenth of the time of short tests."""
    gc.collect()
    gc.freeze()


def _compile_untraced() -> None:
    """Numba compiles rules in Python, for twice as long where it is traced. It is imported here, as `models.jit` imports it."""
    compiler: Any = importlib.import_module("numba.core.compiler")
    compile_traced = compiler.compile_extra

    @functools.wraps(compile_traced)
    def compile_untraced(*given: Any, **named: Any) -> Any:
        trace = sys.gettrace()
        sys.settrace(None)
        try:
            return compile_traced(*given, **named)
        finally:
            sys.settrace(trace)

    compiler.compile_extra = compile_untraced


_compile_untraced()


_TRACE: Final[list[Any]] = []
"""Of the test that runs, when it is traced."""


def _trace() -> Generator[None, object, object]:
    if not _TRACE:
        return (yield)
    before = sys.gettrace()
    sys.settrace(_TRACE[-1])
    try:
        return (yield)
    finally:
        sys.settrace(before)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    return (yield from _trace())


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    return (yield from _trace())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    return (yield from _trace())


def _is_traced(item: pytest.Item) -> bool:
    tier = item.path.relative_to(HERE).parts[0]
    return tier in ("unit", "integration") and item.get_closest_marker("long") is None


class _ByFile(LoadFileScheduling):
    """Files to workers as they become free, but all that use the shared switch to one of them: each would start a switch of its own.

    Every other worker takes them from the end. So some begin with what mostly waits for processes and the others with what computes, and
    no processor is idle.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if int(node.gateway.id.removeprefix("gw")) % 2:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the shared switch" if _uses_shared_switch(self.config.rootpath / file) else file


@functools.cache
def _uses_shared_switch(file: Path) -> bool:
    return file.parent.name == "acceptance" and "shared_switch" in file.read_text()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For `--dist loadfile`, the way of `make test`."""
    return _ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture
def server_place() -> Iterator[Path]:
    """Where a test's own server can live. Not below pytest's directories: each new session closes them to others."""
    with tempfile.TemporaryDirectory(prefix="shardpay-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The administrative database of the session's server; tests use `database_url`."""
    with tempfile.TemporaryDirectory(prefix="shardpay-") as directory:
        server = embedded.start(Path(directory))
        yield server.url
        server.stop()


@pytest.fixture(scope="session")
def migrated(postgres_url: str) -> str:
    """The name of a database with all tables that others are copies of: to run the migrations takes longer than most tests."""
    asyncio.run(_make_template(postgres_url))
    return TEMPLATE


async def _make_template(postgres_url: str) -> None:
    administrator = await asyncpg.connect(postgres_url)
    await administrator.execute(f"CREATE DATABASE {TEMPLATE}")
    await administrator.close()
    await migrate(_url_of(TEMPLATE, postgres_url))


def _url_of(name: str, postgres_url: str) -> str:
    return postgres_url.replace("/postgres?", f"/{name}?")


@contextlib.asynccontextmanager
async def new_database(postgres_url: str, template: str = "template1") -> AsyncIterator[str]:
    """A fresh copy of a database, of one without tables unless another is named, dropped in the end."""
    name = f"test_{uuid.uuid4().hex}"
    administrator = await asyncpg.connect(postgres_url)
    await administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _url_of(name, postgres_url)
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await administrator.close()


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """A fresh database without tables, dropped after the test."""
    async with new_database(postgres_url) as url:
        yield url


@pytest.fixture
async def database_url(postgres_url: str, migrated: str) -> AsyncIterator[str]:
    """A fresh, migrated database, dropped after the test."""
    async with new_database(postgres_url, migrated) as url:
        yield url
