"""The node process: Ray, the actors, and the watch over them. It reads its settings from standard input and ends on SIGTERM.

It ends with an error as soon as Ray itself is not whole; the supervisor then starts a new one, and every shard recovers from the
journal.
"""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from actors.logs import log_to_file
from actors.ray_runtime import RayOptions, RayRuntime
from actors.scoring.actor import ScorerSpec, ScoringActor
from actors.scoring.pack_compiler import publish_default
from actors.shard_actor import ShardActor, ShardSpec
from switch.cluster_spec import NodeSpec, decode_spec
from switch.front_door_actor import FrontDoorActor, FrontDoorSpec
from switch.settings import TAKEOVER_AFTER_S, log_dir

log = logging.getLogger(__name__)

WATCH_EVERY_S = 0.25
RAY_LOST_EXIT = 71
SILENT_LOOKS_MAX = int(TAKEOVER_AFTER_S / WATCH_EVERY_S)
"""Counted in looks, not in seconds: when this process itself was stopped, the shards are not to blame."""
CALLS_MAX = 10_000
DRAIN_TIMEOUT_S = 20.0
"""Front doors have half of it. A checkpoint that takes longer than the rest costs the next start a replay; the supervisor waits twice
as long for this node."""


class _Watched:
    """A shard, front door or scorer: its actor, and the status call that is out."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.silent_looks = 0
        self.call: asyncio.Task[Any] | None = None
        self.status: Any = None


class Cluster:
    """All actors of one node. `sockets`: see `CallServer`."""

    def __init__(self, spec: NodeSpec, sockets: Path | None) -> None:
        self.spec = spec
        self._sockets = None if sockets is None else str(sockets)
        self.shards: dict[int, _Watched] = {}
        self.doors: list[_Watched] = []
        self.scorers: list[_Watched] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    def create(self) -> None:
        """Create every actor. Their processes start in parallel."""
        for shard in range(self.spec.shards):
            self.shards[shard] = _Watched(self._new_shard(shard))
        import ray

        scoring = ray.remote(ScoringActor)
        for number in range(self.spec.settings.scorers):
            scorer = scoring.options(num_cpus=0, max_restarts=-1, max_concurrency=CALLS_MAX)
            self.scorers.append(_Watched(scorer.remote(self._scorer_spec(number))))
        door = ray.remote(FrontDoorActor)
        for number in range(self.spec.settings.front_doors):
            options = door.options(num_cpus=0, max_restarts=-1, max_concurrency=CALLS_MAX)
            self.doors.append(_Watched(options.remote(self._door_spec(number))))

    def _new_shard(self, shard: int) -> Any:
        import ray

        settings = self.spec.settings
        spec = ShardSpec(
            shard=shard,
            shards=self.spec.shards,
            url=self.spec.url,
            secret=self.spec.secret,
            log_dir=str(log_dir(settings.data)),
            scored=settings.scorers > 0,
            capacity=settings.capacity,
            daily_limits=settings.daily_limits,
            review_expires_in_s=settings.review_expires_in_s,
            allow_unsafe=settings.allow_unsafe,
            checkpoints=settings.checkpoints or (settings.data / "checkpoints").as_uri(),
            sockets=self._sockets,
        )
        actor = ray.remote(ShardActor)
        return actor.options(num_cpus=0, max_restarts=-1, max_concurrency=CALLS_MAX).remote(spec)

    def _scorer_spec(self, number: int) -> ScorerSpec:
        settings = self.spec.settings
        return ScorerSpec(number=number, url=self.spec.url, log_dir=str(log_dir(settings.data)), sockets=self._sockets)

    def _door_spec(self, number: int) -> FrontDoorSpec:
        settings = self.spec.settings
        return FrontDoorSpec(
            number=number,
            host=settings.host,
            port=settings.port,
            url=self.spec.url,
            secret=self.spec.secret,
            shards=self.spec.shards,
            log_dir=str(log_dir(settings.data)),
            capacity=settings.capacity,
        )

    async def watch(self) -> None:
        """Look at every actor again and again; connect those that are new, replace shards that fell silent."""
        for shard, watched in self.shards.items():
            self._look(watched)
            if watched.silent_looks > SILENT_LOOKS_MAX:
                self._take_over(shard, watched)
            elif watched.status is not None and not watched.status.connected:
                watched.status = None
                self._spawn(watched.actor.connect.remote(self._actors(), self._scorers()))
        for door in self.doors:
            self._look(door)
            if door.status is not None and not door.status:
                door.status = None
                self._spawn(door.actor.connect.remote(self._actors(), self._scorers()))
        for scorer in self.scorers:
            self._look(scorer)

    def _look(self, watched: _Watched) -> None:
        if watched.call is None or watched.call.done():
            watched.silent_looks = 0
            watched.call = self._spawn(self._hear(watched, watched.actor))
        else:
            watched.silent_looks += 1

    @staticmethod
    async def _hear(watched: _Watched, actor: Any) -> None:
        """A dead process answers with an error at once, and Ray restarts it; only one that is stopped does not answer."""
        watched.status = None
        watched.status = await actor.status.remote()

    def _take_over(self, shard: int, watched: _Watched) -> None:
        import ray

        log.warning("shard %d has been silent for %.0f s: another process takes it over", shard, TAKEOVER_AFTER_S)
        old = watched.actor
        watched.actor = self._new_shard(shard)
        watched.silent_looks = 0
        watched.call = watched.status = None
        for other in self.shards.values():
            if other is not watched:
                self._spawn(other.actor.connect.remote({shard: watched.actor}, []))
        for door in self.doors:
            self._spawn(door.actor.connect.remote({shard: watched.actor}, []))
        ray.kill(old)

    def _actors(self) -> dict[int, Any]:
        return {shard: watched.actor for shard, watched in self.shards.items()}

    def _scorers(self) -> list[Any]:
        return [watched.actor for watched in self.scorers]

    def _spawn(self, work: Any) -> "asyncio.Task[Any]":
        async def quietly() -> None:
            try:
                await work
            except Exception as error:
                log.info("a call failed: %r", error)

        task = asyncio.get_running_loop().create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self) -> None:
        """Stop taking requests, answer those under way, then let the shards finish: all at once, since each writes a checkpoint."""
        for drained in (self.doors, self.shards.values()):
            calls = (watched.actor.drain.remote() for watched in drained)
            for error in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(error, BaseException):
                    log.error("not all could be drained: %r", error)


async def _run(spec: NodeSpec, runtime: RayRuntime) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await publish_default(spec.url)
    cluster = Cluster(spec, runtime.sockets)
    cluster.create()
    supervisor = os.getppid()
    while not stop.is_set():
        if not runtime.alive():
            log.error("Ray is not whole any more; this node ends and is started again")
            return RAY_LOST_EXIT
        if os.getppid() != supervisor:
            log.error("the supervisor is gone; this node ends")
            return RAY_LOST_EXIT
        await cluster.watch()
        try:
            async with asyncio.timeout(WATCH_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue
    try:
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await cluster.drain()
    except Exception as error:
        log.error("not all could be drained: %r", error)
    return 0


def main() -> None:
    """Entry point of the node process."""
    spec = decode_spec(sys.stdin.buffer.read())
    settings = spec.settings
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_file(log_dir(settings.data) / "node.log")
    cpus = max(os.cpu_count() or 1, spec.shards + settings.scorers + settings.front_doors + 2)
    runtime = RayRuntime.start(RayOptions(data_dir=settings.data, num_cpus=cpus, address=settings.ray))
    code = asyncio.run(_run(spec, runtime))
    if code == 0:
        runtime.stop()
    else:
        runtime.kill()
    logging.shutdown()
    os._exit(code)


if __name__ == "__main__":
    main()
