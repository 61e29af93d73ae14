"""What keeps `serve` from beginning."""

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.database.connection import DatabaseInUse
from actors.database.embedded import PostgresFailed, PostgresMisplaced
from switch.node import supervisor as supervisor_module
from switch.node.listening import CannotServe, check_port
from switch.node.settings import Settings
from switch.node.supervisor import Supervisor
from tests.logged import messages, text


@pytest.fixture
def shared() -> Iterator[socket.socket]:
    """A port on which somebody listens who would share it, as front doors do."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


def test_a_port_on_which_another_switch_listens_is_refused(shared: socket.socket) -> None:
    port = shared.getsockname()[1]
    with pytest.raises(CannotServe, match=f"port {port} of 127.0.0.1 cannot be used: {os.strerror(errno.EADDRINUSE)}"):
        check_port("127.0.0.1", port)


def test_a_port_that_was_left_is_free(shared: socket.socket) -> None:
    port = shared.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)), shared.accept()[0]:
        pass
    shared.close()
    check_port("127.0.0.1", port)


@pytest.fixture
def supervisor(tmp_path: Path) -> tuple[Supervisor, list[str]]:
    stated: list[str] = []
    return Supervisor(Settings(data=tmp_path), stated.append), stated


async def test_postgresql_that_cannot_start_is_tried_again_and_each_try_is_told(
    supervisor: tuple[Supervisor, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "RESTART_PAUSE_S", 0.001)
    serving, stated = supervisor
    outcomes: list[Any] = [PostgresFailed("the disk is full"), OSError("no memory"), "up"]

    def start() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    assert await serving._until_up(start) == "up"
    assert [text.partition(": ")[2] for text in stated] == ["the disk is full", "no memory"]


async def test_what_cannot_heal_is_tried_once_and_a_signal_ends_the_tries(
    supervisor: tuple[Supervisor, list[str]],
) -> None:
    serving, stated = supervisor

    def misplaced() -> None:
        raise PostgresMisplaced("not a PostgreSQL cluster")

    def failing() -> None:
        serving._stop.set()
        raise PostgresFailed("the disk is full")

    with pytest.raises(PostgresMisplaced):
        await serving._until_up(misplaced)
    assert stated == []
    with pytest.raises(CannotServe):
        await serving._until_up(failing)


async def test_what_follows_a_start_is_told_when_it_fails(
    supervisor: tuple[Supervisor, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_ready(*_: Any) -> bool:
        return True

    async def fails(*_: str) -> None:
        raise ValueError("no sample today")

    monkeypatch.setattr(supervisor_module, "wait_ready", is_ready)
    serving, stated = supervisor
    await serving._announce(fails, "postgresql://", asyncio.create_task(asyncio.sleep(0)))
    assert "no sample today" in stated[0]


async def test_a_switch_whose_output_nobody_reads_any_more_is_drained(tmp_path: Path) -> None:
    def say(_: str) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    serving = Supervisor(Settings(data=tmp_path), say)
    drains = "import signal, sys; signal.signal(signal.SIGUSR1, lambda *_: None); signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); "
    serving._node = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"{drains}print(flush=True)\nwhile True: signal.pause()", stdout=asyncio.subprocess.PIPE
    )
    assert serving._node.stdout is not None and await serving._node.stdout.readline()
    watching = asyncio.create_task(asyncio.sleep(0))
    await serving._leave(watching)
    await serving._end_node()
    assert serving._node.returncode == 7, "it was asked to drain, and not killed"


async def test_a_lock_that_cannot_be_taken_again_is_logged_once_a_reason(
    supervisor: tuple[Supervisor, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    class Lock:
        async def acquire(self, *, migrations: bool = True) -> None:
            raise DatabaseInUse("another cluster holds it")

    serving, _ = supervisor
    lock: Any = Lock()
    await serving._take_again(lock)
    await serving._take_again(lock)
    assert [message for message in messages(caplog, "switch.node.supervisor") if "lock" in message] == [
        "the cluster's lock cannot be taken again: DatabaseInUse: another cluster holds it"
    ]


async def test_a_switch_that_is_late_is_told_of_and_greeted_when_it_is_ready_after_all(
    supervisor: tuple[Supervisor, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, greeted = [False, False, True], []

    async def is_ready(*_: Any) -> bool:
        return looks.pop(0)

    async def greet(url: str, _: str) -> None:
        greeted.append(url)

    monkeypatch.setattr(supervisor_module, "wait_ready", is_ready)
    serving, stated = supervisor
    await serving._announce(greet, "postgresql://", asyncio.create_task(asyncio.sleep(0)))
    assert greeted == ["http://127.0.0.1:8080"] and len(stated) == 2 and "not ready yet" in stated[0]


async def test_what_is_to_be_pasted_follows_the_last_line_of_kernels(
    supervisor: tuple[Supervisor, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    serving, stated = supervisor
    last = asyncio.Event()

    async def is_ready(*_: Any) -> bool:
        last.set()
        return True

    async def compiles() -> None:
        await last.wait()
        await asyncio.sleep(0.05)
        stated.append("all kernels are compiled")

    async def greet(url: str, _: str) -> None:
        stated.append(url)

    monkeypatch.setattr(supervisor_module, "wait_ready", is_ready)
    await serving._announce(greet, "postgresql://", asyncio.create_task(compiles()))
    assert stated == ["all kernels are compiled", "http://127.0.0.1:8080"]
    for_ever = asyncio.create_task(asyncio.Event().wait())
    monkeypatch.setattr(supervisor_module, "LAST_LINE_S", 0.01)
    await serving._announce(greet, "postgresql://", for_ever)  # type: ignore[arg-type]
    for_ever.cancel()
    assert stated[2:] == ["http://127.0.0.1:8080"]


async def test_a_telling_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError("no terminal")

    task = asyncio.create_task(fails())
    task.add_done_callback(supervisor_module._show_failure)
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert "no terminal" in text(caplog, "switch.node.supervisor")
