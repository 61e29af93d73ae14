"""The embedded PostgreSQL as a user meets it: started twice, killed, moved about, out of reach of the network."""

import asyncio
import multiprocessing
import os
import pwd
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from actors.database import embedded
from actors.database.embedded import PostgresFailed, PostgresServer
from actors.journal.interface import Block, JournalRewound, JournalUnavailable
from actors.journal.postgres import PostgresJournal

Start = Callable[..., PostgresServer]
BLOCK = Block(shard=1, number=1, records=b"r", details=None)
needs_proc = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks into /proc")


@pytest.fixture
def start(server_place: Path) -> Iterator[Start]:
    """Start a server, by default in the test's directory; all are stopped after the test."""
    started: list[PostgresServer] = []

    def start_one(data_dir: Path = server_place / "data") -> PostgresServer:
        server = embedded.start(data_dir)
        started.append(server)
        return server

    yield start_one
    for server in started:
        server.stop()


def query(url: str, statement: str) -> Any:
    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def put_mark(server: PostgresServer) -> None:
    query(server.url, "CREATE TABLE mark AS SELECT 7 AS n")


def mark(server: PostgresServer) -> Any:
    return query(server.url, "SELECT n FROM mark")


def test_data_outlives_the_server(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    server = start()
    assert server.is_alive()
    put_mark(server)
    assert server.stop()
    assert (server.is_alive(), server.pid) == (False, None)
    assert mark(start()) == 7
    assert capfd.readouterr() == ("", "")


def test_settings_are_durable_and_logged_to_a_file(start: Start, server_place: Path) -> None:
    server = start()
    expected = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "jit": "off"}
    assert {name: query(server.url, f"SHOW {name}") for name in expected} == expected
    assert "ready to accept connections" in (server_place / "data" / "log" / "postgres.log").read_text()


def test_it_has_no_network_socket(start: Start) -> None:
    server = start()
    assert query(server.url, "SHOW listen_addresses") == ""
    assert psutil.Process(server.pid).net_connections("inet") == []


def test_it_is_out_of_reach_of_the_terminals_signals(start: Start) -> None:
    server = start()
    assert server.pid is not None
    assert os.getsid(server.pid) != os.getsid(0)
    assert os.getpgid(server.pid) != os.getpgid(0)


def test_a_second_handle_joins_and_only_the_last_one_stops_the_server(start: Start) -> None:
    first, second = start(), start()
    assert first.pid == second.pid
    assert not first.stop()
    assert not first.stop()
    assert second.is_alive()
    assert second.stop()


def test_another_process_joins_and_leaves_the_server_running(start: Start, server_place: Path) -> None:
    server = start()
    put_mark(server)
    script = (
        "import sys; from pathlib import Path; from actors.database import embedded;"
        "server = embedded.start(Path(sys.argv[1])); print(server.pid, server.stop())"
    )
    command = [sys.executable, "-c", script, str(server_place / "data")]
    root = Path(embedded.__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.split() == [str(server.pid), "False"]
    assert mark(server) == 7


def test_a_process_that_is_killed_lets_go_of_the_server(start: Start, server_place: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from actors.database import embedded;"
        "print(embedded.start(Path(sys.argv[1])).pid, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, str(server_place / "data")]
    root = Path(embedded.__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == -signal.SIGKILL
    server = start()
    assert server.pid == int(done.stdout)
    assert server.stop()


def test_of_many_that_start_at_once_one_does_it(start: Start) -> None:
    pids: list[int | None] = []
    threads = [threading.Thread(target=lambda: pids.append(start().pid)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 3
    assert len(set(pids)) == 1
    assert pids[0] is not None


def test_a_killed_server_is_restarted_and_recovers(start: Start) -> None:
    server = start()
    assert not server.restart_if_dead()
    put_mark(server)
    for _ in range(3):
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        while server.is_alive():  # the signal takes its time
            pass
        assert server.restart_if_dead()
        assert server.pid != killed
        assert mark(server) == 7


@needs_proc
def test_everything_killed_at_once_is_recovered_by_a_new_start(start: Start, server_place: Path) -> None:
    server = start()
    put_mark(server)
    for pid in embedded._processes_in(server_place / "data" / "postgres"):
        os.kill(pid, signal.SIGKILL)
    assert mark(start()) == 7


def test_it_takes_as_many_sessions_as_were_asked_for_also_when_the_next_start_does_not_know(
    server_place: Path,
) -> None:
    for asked, taken in ((None, 64), (200, 200), (None, 200), (100, 200)):
        server = embedded.start(server_place / "data", *([] if asked is None else [asked]))
        assert query(server.url, "SHOW max_connections") == str(taken)
        os.kill(server.pid or 0, signal.SIGKILL)
        while server.is_alive():  # the signal takes its time
            pass
        assert server.restart_if_dead()
        assert query(server.url, "SHOW max_connections") == str(taken)
        server.stop()


@needs_proc
def test_whoever_only_stands_in_the_clusters_directory_lives_on(
    start: Start, server_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start()
    put_mark(server)
    cluster = server_place / "data" / "postgres"
    with subprocess.Popen(["sleep", "60"], cwd=cluster) as bystander:
        try:
            for pid in embedded._processes_in(cluster):
                os.kill(pid, signal.SIGKILL)
            monkeypatch.setattr(embedded, "ORPHAN_GRACE_S", 0.2)
            monkeypatch.chdir(cluster)
            assert mark(start()) == 7, "and this process is in it too"
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_a_stale_process_id_that_somebody_else_has_now_is_no_server(start: Start, server_place: Path) -> None:
    server = start()
    put_mark(server)
    pid_file = server_place / "data" / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines(keepends=True)
    assert server.stop()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file.write_text(f"{stranger.pid}\n" + "".join(lines[1:]))
        assert not server.is_alive()
        assert mark(start()) == 7
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_empty_pid_file_is_no_server(start: Start, server_place: Path) -> None:
    start().stop()
    (server_place / "data" / "postgres" / "postmaster.pid").write_text("")
    assert start().is_alive()


@pytest.mark.parametrize("name", ["long-" * 45, "with space, comma and 'quote'"])
def test_any_path_will_do(start: Start, server_place: Path, name: str) -> None:
    server = start(server_place / name)
    assert query(server.url, "SELECT 1") == 1
    assert start(server_place / name).pid == server.pid


def test_a_half_made_cluster_is_made_anew(start: Start, server_place: Path) -> None:
    half = server_place / "data" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert query(start().url, "SELECT 1") == 1
    assert not half.exists()


def test_a_directory_that_is_no_cluster_is_left_alone(start: Start, server_place: Path) -> None:
    foreign = server_place / "data" / "postgres" / "something"
    foreign.mkdir(parents=True)
    with pytest.raises(PostgresFailed, match="not a PostgreSQL cluster"):
        start()
    assert foreign.exists()


def test_a_server_that_cannot_start_says_why(start: Start, server_place: Path) -> None:
    start().stop()
    (server_place / "data" / "postgres" / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(PostgresFailed, match="pg_control"):
        start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_opens_the_way_to_the_data_and_no_more(start: Start, server_place: Path) -> None:
    private = server_place / "private"
    private.mkdir(mode=0o700)
    server = start(private / "data")
    assert private.stat().st_mode & 0o777 == 0o701
    assert (private / "data" / "postgres").stat().st_mode & 0o777 == 0o700
    assert Path(f"/proc/{server.pid}").stat().st_uid == pwd.getpwnam(embedded.SYSTEM_USER).pw_uid


def _serve_as(name: str, data_dir: Path) -> None:
    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    server = embedded.start(data_dir)
    assert Path(f"/proc/{server.pid}").stat().st_uid == entry.pw_uid
    assert query(server.url, "SELECT 1") == 1
    assert server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_runs_it_as_itself() -> None:
    with tempfile.TemporaryDirectory() as directory:
        entry = pwd.getpwnam("nobody")
        os.chown(directory, entry.pw_uid, entry.pw_gid)
        process = multiprocessing.get_context("fork").Process(
            target=_serve_as, args=("nobody", Path(directory) / "data")
        )
        process.start()
        process.join(60)
        assert process.exitcode == 0
        with pytest.raises(PostgresFailed, match="run as that user"):
            embedded.start(Path(directory) / "data")


def test_after_a_failover_no_session_goes_on_with_what_was_read_before(start: Start, server_place: Path) -> None:
    server = start()
    query(server.url, "ALTER SYSTEM SET restore_command = 'false'")
    version = min(server_place.glob("data/**/PG_VERSION"), key=lambda path: len(path.parts))

    async def timelines() -> None:
        journal = PostgresJournal(server.url, shard=1, writer=1)
        first = await journal.timeline()
        await asyncio.to_thread(server.stop)
        (version.parent / "recovery.signal").touch()
        await asyncio.to_thread(start)
        for call in (lambda: journal.head(1), journal.timeline, lambda: journal.append([BLOCK])):
            with pytest.raises((JournalRewound, JournalUnavailable)) as caught:
                await call()
            while caught.type is JournalUnavailable:  # it has not heard yet that its session ended
                with pytest.raises((JournalRewound, JournalUnavailable)) as caught:
                    await call()
            assert caught.match(f"timeline {first} has ended")
        await journal.close()
        other = PostgresJournal(server.url, shard=1, writer=2)
        assert await other.timeline() == first + 1
        await other.close()

    asyncio.run(timelines())
