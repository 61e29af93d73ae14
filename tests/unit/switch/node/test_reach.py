"""What is within reach, and what is gone: several connections fail over some seconds, never one alone."""

import asyncio
import contextlib
import socket
from pathlib import Path

from actors.process.identity import Process, myself
from actors.process.ray_cluster import RayOptions, RayRuntime
from switch.node.reach import GONE_AFTER_S, GONE_AFTER_TRIES, RayWatch


class _Gcs:
    """A port on loopback that takes connections or refuses them, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", self.port)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def watch(self, data_dir: Path) -> RayWatch:
        options = RayOptions(data_dir=data_dir, num_cpus=1, address=f"127.0.0.1:{self.port}")
        return RayWatch(RayRuntime(options, None, []), lambda: self.now)


async def lost(watch: RayWatch) -> bool:
    """What it says once its try to connect is over."""
    found = watch.is_lost()
    assert watch._looking is not None
    await watch._looking
    return found


async def test_one_connection_that_fails_is_no_death_of_a_given_cluster(tmp_path: Path) -> None:
    gcs = _Gcs()
    watch = gcs.watch(tmp_path)
    for _ in range(GONE_AFTER_TRIES):
        gcs.now += GONE_AFTER_S
        assert not await lost(watch), "the port refuses, for one try"
        await gcs.open()
        assert not await lost(watch)
        await gcs.close()


async def test_a_given_cluster_is_lost_when_its_gcs_took_no_connection_for_some_seconds(tmp_path: Path) -> None:
    gcs = _Gcs()
    watch = gcs.watch(tmp_path)
    for _ in range(2 * GONE_AFTER_TRIES):
        assert not await lost(watch), "many tries at once are no long time"
    gcs.now += GONE_AFTER_S
    assert await lost(watch)
    await gcs.open()
    await lost(watch)
    assert not await lost(watch)
    await gcs.close()


async def test_a_try_whose_packets_are_lost_holds_nothing_up(tmp_path: Path) -> None:
    gcs = _Gcs()
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", gcs.port))
        full.listen(0)
        for _ in range(2):  # from now on the kernel drops what asks for a connection
            caller = sockets.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", gcs.port))
        watch = gcs.watch(tmp_path)
        found = []
        for _ in range(3):
            found.append(watch.is_lost())
            await asyncio.sleep(0.01)
        assert found == [False] * 3
        assert watch._looking is not None and not watch._looking.done(), "one try is under way, for all that ask"
        watch._looking.cancel()


async def test_an_own_node_is_lost_at_once_with_one_of_its_processes(tmp_path: Path) -> None:
    options = RayOptions(data_dir=tmp_path, num_cpus=1)
    dead = Process(pid=myself().pid, start_ticks=0)
    assert not RayWatch(RayRuntime(options, None, [myself()])).is_lost()
    assert RayWatch(RayRuntime(options, None, [myself(), dead])).is_lost()
