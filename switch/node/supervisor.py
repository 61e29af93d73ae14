"""`shardpay serve`: keep PostgreSQL and the node process running, and report what goes on.

It imports no Ray and touches no money. Whatever dies is started again; two things end it: a signal, after a drain, or a configuration
that cannot work.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, TypeVar

import aiohttp
import msgspec

from actors.database import embedded
from actors.database.connection import SQL, UNAVAILABLE, ClusterLock, DatabaseError, connect, migrate
from actors.process.container import memory_bytes, processors
from actors.process.logs import log_to_file
from actors.stores.admin_log import by_command
from actors.stores.api_keys import BOOTSTRAP, ensure_bootstrap_key, has_keys
from actors.stores.topology import cluster_facts
from switch.http.tls import check_files
from switch.node.first_start import LOOK_EVERY_S, print_compilation
from switch.node.listening import CannotServe, base_url, check_key, check_port, is_loopback
from switch.node.settings import Settings, log_dir
from switch.node.sizing import keys_statement, sessions_for, sessions_statement, sized
from switch.node.spec import LEAVE_SIGNAL, NodeSpec, encode_spec

log = logging.getLogger(__name__)

T = TypeVar("T")

WATCH_EVERY_S = 0.2
LOCK_LOOK_S = 5.0
"""So often is the session that holds the cluster's lock asked whether it is there."""
SHARDS_DEFAULT_MAX = 8
"""One shard for two cores: front door, scorers and PostgreSQL want the other. On 2 cores one shard pays twice as fast as two."""
READY_TIMEOUT_S = 300.0
DRAIN_TIMEOUT_S = 40.0
RESTART_PAUSE_S = 0.2
RESTART_PAUSE_MAX_S = 10.0
LAST_LINE_S = 2 * LOOK_EVERY_S
"""Within so long it is seen that all kernels are compiled."""
STEADY_S = 30.0
"""A node that lived this long is started again at once; one that keeps failing is given longer and longer pauses."""


@contextlib.contextmanager
def data_lock(data: Path) -> Iterator[None]:
    """Hold a data directory: two switches on one would end each other's Ray."""
    data.mkdir(parents=True, exist_ok=True)
    with open(data / "serve.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotServe(f"another `shardpay serve` uses {data}") from error
        yield


class Supervisor:
    """One run of `serve`."""

    def __init__(self, settings: Settings, say: Any) -> None:
        self.settings = settings
        self._say = say
        self._postgres: embedded.PostgresServer | None = None
        self._node: asyncio.subprocess.Process | None = None
        self._stop = asyncio.Event()
        self._now = asyncio.Event()
        self._lock_error: str | None = None

    def say(self, text: str) -> None:
        """Tell the operator, if anybody still reads: Ctrl-C also ends the program that the output is piped to, and what is under way has to
        be drained all the same."""
        with contextlib.suppress(OSError):
            self._say(text)

    async def run(self, ready: Any) -> None:
        """Serve until a signal; `ready` is awaited once the switch takes payments. Raises CannotServe."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)
        try:
            url = await self._database()
            lock = ClusterLock(url)
            await lock.acquire()  # first of all: no tables are changed under a live switch
            try:
                await self._serve(await self._prepare(url), lock, ready)
            finally:
                await self._kill_node()
                await lock.release()
        finally:
            if self._postgres is not None:
                await asyncio.to_thread(self._postgres.stop)

    async def _serve(self, spec: NodeSpec, lock: ClusterLock, ready: Any) -> None:
        front_doors = self.settings.front_doors or (1 if self.settings.ray is None else "one a node")
        self.say(f"starting shards ({spec.shards}), scorers ({self.settings.scorers}) and front doors ({front_doors})")
        await self._start_node(spec)
        watching = asyncio.create_task(self._watch(spec, lock))
        printing = asyncio.create_task(print_compilation(self.say))
        printing.add_done_callback(_show_failure)
        announcing = asyncio.create_task(self._announce(ready, spec.url, printing))
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if announcing.done() and not watching.done():
            await self._leave(watching)
        for task in (announcing, printing, watching):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await self._end_node()

    def _signalled(self, number: int) -> None:
        """SIGTERM is followed by the grace. Not so a person's Ctrl-C, as no load balancer sends to them, nor a second signal."""
        if number == signal.SIGINT or self._stop.is_set():
            self._now.set()
        self._stop.set()

    async def _leave(self, watching: "asyncio.Task[None]") -> None:
        """The grace: front doors answer /readyz with 503 and serve on, so that load balancers turn away before connections are
        refused."""
        assert self._node is not None
        grace_s = self.settings.drain_grace_s
        if grace_s == 0 or self._now.is_set() or self._node.returncode is not None:
            return
        self.say(f"/readyz fails from now on; draining in {grace_s:g} s")
        self._node.send_signal(LEAVE_SIGNAL)
        ending = asyncio.create_task(self._now.wait())
        await asyncio.wait({watching, ending}, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()

    async def _database(self) -> str:
        if self.settings.database is not None:
            return self.settings.database
        started, shards = time.monotonic(), self.settings.shards or SHARDS_DEFAULT_MAX
        self._postgres = await self._until_up(lambda: embedded.start(self.settings.data, self._sessions(shards)))
        self.say(f"PostgreSQL is up ({time.monotonic() - started:.1f} s)")
        return self._postgres.url

    def _sessions(self, shards: int) -> int:
        return sessions_for(shards, self.settings.scorers, self.settings.front_doors or 1)

    async def _until_up(self, start: Callable[[], T]) -> T:
        """Try to start PostgreSQL until it is up: a full disk or memory may be free again later. Ends at a signal, and raises
        PostgresMisplaced where no later try can succeed."""
        pause = RESTART_PAUSE_S
        while True:
            try:
                return await asyncio.to_thread(start)
            except embedded.PostgresMisplaced:
                raise
            except (embedded.PostgresFailed, OSError) as error:
                log.error("PostgreSQL cannot be started: %s", error)
                self.say(f"PostgreSQL cannot be started, next try in {pause:.1f} s: {error}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stop.wait()
                raise CannotServe("stopped before PostgreSQL was up")
            pause = min(2 * pause, RESTART_PAUSE_MAX_S)

    async def _prepare(self, url: str) -> NodeSpec:
        await migrate(url)
        wanted = self.settings.shards
        default = min(SHARDS_DEFAULT_MAX, max(1, processors() // 2))
        facts = await cluster_facts(url, wanted, default)
        connection = await connect(url, name="shardpay-serve")
        try:
            if self.settings.bootstrap_key is not None:
                await ensure_bootstrap_key(
                    connection, self.settings.bootstrap_key, by_command("serve", {"name": BOOTSTRAP})
                )
            keyed = await has_keys(connection)
            room = int(await connection.fetchval(SQL["sessions_max"]))
        finally:
            await connection.close()
        if not keyed and not is_loopback(self.settings.host):
            raise CannotServe(
                "there are no API keys yet: create one with `shardpay keys create` before leaving loopback"
            )
        configured = self.settings.keys_configured
        capacity = sized(self.settings.capacity, memory_bytes(), facts.shards, configured=configured)
        for statement in (
            keys_statement(capacity.keys, facts.shards, configured=configured),
            sessions_statement(room, self._sessions(facts.shards), embedded=self._postgres is not None),
        ):
            if statement is not None:
                self.say(statement)
        settings = msgspec.structs.replace(self.settings, capacity=capacity)
        return NodeSpec(settings=settings, url=url, secret=facts.secret, shards=facts.shards, supervisor=os.getpid())

    def _node_output(self) -> TextIO:
        """Ray writes to the terminal without being asked; this is its terminal."""
        return open(log_dir(self.settings.data) / "node-output.log", "a")

    async def _start_node(self, spec: NodeSpec) -> None:
        with self._node_output() as output:
            self._node = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "switch.node.node",
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        assert self._node.stdin is not None
        self._node.stdin.write(encode_spec(spec))
        self._node.stdin.close()

    async def _watch(self, spec: NodeSpec, lock: ClusterLock) -> None:
        pause, started = RESTART_PAUSE_S, time.monotonic()
        looked = started
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if self._postgres is not None and await self._until_up(self._postgres.restart_if_dead):
                self.say("PostgreSQL had died and is up again")
            assert self._node is not None
            if self._node.returncode is not None:
                self.say(
                    f"the node process ended ({self._node.returncode}) and is started again; see {log_dir(self.settings.data)}"
                )
                await asyncio.sleep(pause)
                pause = (
                    min(2 * pause, RESTART_PAUSE_MAX_S) if time.monotonic() - started < STEADY_S else RESTART_PAUSE_S
                )
                started = time.monotonic()
                await self._start_node(spec)
            if time.monotonic() - looked > LOCK_LOOK_S:
                looked = time.monotonic()
                await lock.look()
            if not lock.held():
                await self._take_again(lock)

    async def _take_again(self, lock: ClusterLock) -> None:
        """The session that holds the cluster's lock ended, with PostgreSQL or alone. Each new reason why it cannot be had is printed."""
        try:
            await lock.acquire(migrations=False)
        except (DatabaseError, *UNAVAILABLE) as error:
            error_text = f"{type(error).__name__}: {error}"
            if error_text != self._lock_error:
                log.error("the cluster's lock cannot be taken again: %s", error_text)
            self._lock_error = error_text
        else:
            self._lock_error = None
            log.warning("the cluster's lock was lost and is held again")

    async def _announce(self, ready: Any, database: str, printing: "asyncio.Task[None]") -> None:
        """What `printing` has to say of kernels comes first: what follows is to be pasted whole."""
        url = base_url(self.settings.host, self.settings.port, tls=self.settings.tls is not None)
        try:
            while not await wait_ready(url, READY_TIMEOUT_S):
                self.say(f"the switch is not ready yet; see {log_dir(self.settings.data)}")
            await asyncio.wait({printing}, timeout=LAST_LINE_S)
            await ready(url, database)
        except Exception as error:
            log.exception("what follows a start failed")
            self.say(f"what follows the start of the switch on {url} failed: {error!r}")

    async def _end_node(self) -> None:
        assert self._node is not None
        if self._node.returncode is None:
            self.say("draining")
            self._node.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_TIMEOUT_S):
                    await self._node.wait()

    async def _kill_node(self) -> None:
        if self._node is not None and self._node.returncode is None:
            self._node.kill()
            await self._node.wait()
        await asyncio.to_thread(end_leftovers, self.settings.data)


def _show_failure(task: "asyncio.Task[None]") -> None:
    """What only talks to a person may fail without ending the switch, but not without a line."""
    if not task.cancelled() and task.exception() is not None:
        log.error("a task failed", exc_info=task.exception())


def end_leftovers(data: Path) -> None:
    """End what an earlier node, killed perhaps, left running. Only while holding the data directory."""
    from actors.process.ray_cluster import sweep

    sweep(data)


async def wait_ready(url: str, timeout_s: float) -> bool:
    """Poll /readyz until it answers 200. Whose certificate is shown there does not matter: no secret is sent and nothing is believed."""
    deadline = time.monotonic() + timeout_s
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while time.monotonic() < deadline:
            if await _is_ready(session, url):
                return True
            await asyncio.sleep(0.05)
    return False


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether a front door answers, and takes payments."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with session.get(f"{url}/readyz", ssl=False) as response:
            return response.status == 200
    return False


def serve(settings: Settings, say: Any, ready: Any) -> None:
    """Run a switch in the foreground. Raises CannotServe and the errors of `actors.database.connection`."""
    with data_lock(settings.data):
        end_leftovers(settings.data)
        check_key(settings.bootstrap_key, settings.host)
        check_port(settings.host, settings.port)
        if settings.tls is not None:
            check_files(settings.tls)
        log_to_file(log_dir(settings.data) / "serve.log")
        asyncio.run(Supervisor(settings, say).run(ready))
