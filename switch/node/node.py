"""The node process: Ray, the actors, and the watch over them.

It reads its settings from standard input and drains and ends on SIGTERM.

It ends with an error as soon as Ray itself is not whole; the supervisor then starts a new one, and every shard recovers from the
journal.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from actors.process.container import processors
from actors.process.logs import log_to_file
from actors.process.ray_cluster import RayOptions, RayRuntime
from actors.rpc.members import Member, Members
from actors.scoring.actor import ScorerSpec, ScoringActor
from actors.scoring.pack_compiler import publish_default
from actors.shard.actor import ShardActor, ShardSpec
from actors.stores.scenarios import publish_catalogue
from rules.scenarios.catalogue import texts
from switch.node.front_door_actor import FrontDoorActor, FrontDoorSpec
from switch.node.placement import Placement, ray_nodes
from switch.node.reach import RayWatch
from switch.node.settings import TAKEOVER_AFTER_S, log_dir
from switch.node.spec import LEAVE_SIGNAL, NodeSpec, decode_spec
from switch.node.webhook_actor import WebhookActor, WebhookSpec

log = logging.getLogger(__name__)

WATCH_EVERY_S = 0.25
RAY_LOST_EXIT = 71
ORPHAN_EXIT = 74
SILENT_LOOKS_MAX = int(TAKEOVER_AFTER_S / WATCH_EVERY_S)
"""Counted in looks, not in seconds: when this process itself was stopped, the shards are not to blame."""
SCORER_LOOKS_MAX = int(4.0 / WATCH_EVERY_S)
"""A scorer holds nothing, so to replace one that was only slow costs its start and no more."""
START_LOOKS_MAX = int(120.0 / WATCH_EVERY_S)
"""For a process that has not answered yet: it loads its libraries, on a busy machine with many others."""
CALLS_MAX = 10_000
LOGGED_MAX = 100
"""Different failures remembered, so that each is logged once and not four times a second."""
DRAIN_TIMEOUT_S = 20.0
"""Front doors have half of it. A checkpoint that takes longer than the rest costs the next start a replay; the supervisor waits twice
as long for this node."""


class _Watched:
    """A shard, front door or scorer: its actor, known since a version of the members, and the status call that is out."""

    def __init__(self, actor: Any, since: int = 1) -> None:
        self.actor = actor
        self.since = since
        self.heard = False
        self.silent_looks = 0
        self.call: asyncio.Task[Any] | None = None
        self.status: Any = None


def _created(kind: type[Any], spec: Any, node: str | None) -> Any:
    """An actor on a node and on no other; None: there is only one. With a soft affinity to three nodes that had just joined, all shards
    came up on one. Ray keeps what this selects waiting for its node; that a node is gone is for `Placement` to see."""
    import ray

    options: dict[str, Any] = {"num_cpus": 0, "max_restarts": -1, "max_concurrency": CALLS_MAX}
    if node is not None:
        options["label_selector"] = {"ray.io/node-id": node}
    return ray.remote(kind).options(**options).remote(spec)


class Cluster:
    """All actors. `sockets`: see `CallServer`; `placement` None: there is only one node."""

    def __init__(self, spec: NodeSpec, sockets: Path | None, placement: Placement | None = None) -> None:
        self.spec = spec
        self._placement = placement
        self._looking: asyncio.Task[Any] | None = None
        self._sockets = None if sockets is None else str(sockets)
        self.shards: dict[int, _Watched] = {}
        self.front_doors: dict[int, _Watched] = {}
        self.scorers: list[_Watched] = []
        self.webhooks: _Watched | None = None
        self._version = 1
        self._leaving = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._logged: set[str] = set()

    def create(self) -> None:
        """Create every actor. Their processes start in parallel."""
        for shard in range(self.spec.shards):
            self.shards[shard] = _Watched(self._new_shard(shard))
        for number in range(self.spec.settings.scorers):
            self.scorers.append(_Watched(self._new_scorer(number)))
        for number in range(self.spec.settings.front_doors or (1 if self._placement is None else 0)):
            self.front_doors[number] = _Watched(self._new_front_door(number))
        self._open_where_no_front_door_is()

    def _open_where_no_front_door_is(self) -> None:
        """Unless their number was given, there is a front door on each node, as long as the node is within reach: one that joins gets
        one, and one that is gone leaves none behind that others would have to make room for when it comes back."""
        if self._front_doors_follow_nodes() and self._placement is not None and not self._leaving:
            for node in self._placement.without("front door"):
                number = next(free for free in count() if free not in self.front_doors)
                log.info("front door %d is for node %s", number, node)
                self.front_doors[number] = _Watched(self._new_front_door(number))

    def _send_webhooks(self) -> None:
        """From the first endpoint on there is a process that sends."""
        seen = any(watched.status is not None and watched.status.webhooks for watched in self.front_doors.values())
        if self.webhooks is None and seen and not self._leaving:
            log.info("there are webhook endpoints: a process is started that sends")
            self.webhooks = _Watched(self._new_webhook_sender(0))

    def _front_doors_follow_nodes(self) -> bool:
        return self._placement is not None and self.spec.settings.front_doors is None

    def _place(self, role: str, number: int) -> str | None:
        return None if self._placement is None else self._placement.choose(role, number)

    def _new_scorer(self, number: int) -> Any:
        return _created(ScoringActor, self._scorer_spec(number), self._place("scorer", number))

    def _new_front_door(self, number: int) -> Any:
        return _created(FrontDoorActor, self._front_door_spec(number), self._place("front door", number))

    def _new_shard(self, shard: int) -> Any:
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
        return _created(ShardActor, spec, self._place("shard", shard))

    def _new_webhook_sender(self, number: int) -> Any:
        settings = self.spec.settings
        spec = WebhookSpec(
            url=self.spec.url,
            secret=self.spec.secret,
            shards=self.spec.shards,
            log_dir=str(log_dir(settings.data)),
            keys=settings.webhooks,
        )
        return _created(WebhookActor, spec, self._place("webhook sender", number))

    def _scorer_spec(self, number: int) -> ScorerSpec:
        settings = self.spec.settings
        return ScorerSpec(number=number, url=self.spec.url, log_dir=str(log_dir(settings.data)), sockets=self._sockets)

    def _front_door_spec(self, number: int) -> FrontDoorSpec:
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
            test_currencies=settings.test_currencies,
            bench_reports=settings.bench_reports,
            tls=settings.tls,
            requests=settings.requests,
            law=settings.credit.terms,
            webhooks=settings.webhooks,
            four_eyes=settings.controls,
            tracing=settings.tracing,
        )

    async def watch(self) -> None:
        """Check every actor again and again: send the newest members to those that lack them, replace those that do not answer."""
        if self._placement is not None and (self._looking is None or self._looking.done()):
            self._looking = self._spawn("a look at the nodes", self._placement.look())
        for name, number, watched, new, looks_max in list(self._everyone()):
            self._look(watched)
            if self._placement is not None and self._placement.is_lost(name, number):
                if name == "front door" and self._front_doors_follow_nodes():
                    self._give_up_front_door(number, self._placement)
                    continue
                self._replace(f"the node of {name} {number} is gone", watched, new(number))
            elif watched.silent_looks > (looks_max if watched.heard else START_LOOKS_MAX):
                silent_s = watched.silent_looks * WATCH_EVERY_S
                self._replace(f"{name} {number} has been silent for {silent_s:.1f} s", watched, new(number))
        self._open_where_no_front_door_is()
        self._send_webhooks()
        for watched in (*self.shards.values(), *self.front_doors.values()):
            if watched.status is not None and watched.status.version < self._version:
                watched.status = None
                self._connect(watched)

    def _everyone(self) -> Iterator[tuple[str, int, _Watched, Callable[[int], Any], int]]:
        for shard, watched in self.shards.items():
            yield "shard", shard, watched, self._new_shard, SILENT_LOOKS_MAX
        for number, watched in self.front_doors.items():
            yield "front door", number, watched, self._new_front_door, SILENT_LOOKS_MAX
        for number, watched in enumerate(self.scorers):
            yield "scorer", number, watched, self._new_scorer, SCORER_LOOKS_MAX
        if self.webhooks is not None:
            yield "webhook sender", 0, self.webhooks, self._new_webhook_sender, SILENT_LOOKS_MAX

    def _look(self, watched: _Watched) -> None:
        if watched.call is None or watched.call.done():
            watched.silent_looks = 0
            watched.call = self._spawn("status", self._hear(watched, watched.actor))
        else:
            watched.silent_looks += 1

    @staticmethod
    async def _hear(watched: _Watched, actor: Any) -> None:
        """A dead process answers with an error at once, and Ray restarts it; only one that is stopped does not answer."""
        watched.status = None
        try:
            status = await actor.status.remote()
        except Exception:
            watched.heard = False  # its next process has the time of a start
            raise
        if actor is watched.actor:
            watched.status, watched.heard = status, True

    def _replace(self, why: str, watched: _Watched, actor: Any) -> None:
        """Another process takes over from one that is silent or lost. All are sent the change at once, and again until they have it."""
        import ray

        log.warning("%s: another process takes over", why)
        old = watched.actor
        self._version += 1
        watched.actor, watched.since = actor, self._version
        watched.silent_looks, watched.heard = 0, False
        watched.call = watched.status = None
        self._connect_all()
        ray.kill(old)

    def _give_up_front_door(self, number: int, placement: Placement) -> None:
        """The node of a front door is gone, and with it who asked there."""
        import ray

        log.warning("the node of front door %d is gone, and the door with it", number)
        placement.forget("front door", number)
        ray.kill(self.front_doors.pop(number).actor)

    def leave(self) -> None:
        """Front doors answer /readyz with 503, and serve on."""
        self._leaving = True
        self._version += 1
        self._connect_all()

    def _connect_all(self) -> None:
        for watched in (*self.shards.values(), *self.front_doors.values()):
            if watched.heard:
                self._connect(watched)

    def _connect(self, watched: _Watched) -> None:
        self._spawn("connect", watched.actor.connect.remote(self._members()))

    def _members(self) -> Members:
        """The whole state, never a difference."""
        shards = {n: Member(since=w.since, actor=w.actor) for n, w in self.shards.items()}
        scorers = {n: Member(since=w.since, actor=w.actor) for n, w in enumerate(self.scorers)}
        return Members(version=self._version, shards=shards, scorers=scorers, leaving=self._leaving)

    def _spawn(self, what: str, work: Any) -> "asyncio.Task[Any]":
        """A call to an actor. An actor that is starting or has died is expected; anything else is a bug, logged once for the same text."""
        from ray.exceptions import RayActorError

        async def logged() -> None:
            try:
                await work
            except RayActorError as error:
                log.info("%s: %s", what, error)
            except Exception as error:
                if repr(error) not in self._logged:
                    log.exception("%s failed", what)
                if len(self._logged) < LOGGED_MAX:
                    self._logged.add(repr(error))

        task = asyncio.get_running_loop().create_task(logged())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self) -> None:
        """Stop taking requests, answer those under way, then let the shards finish: all at once, since each writes a checkpoint."""
        senders = [] if self.webhooks is None else [self.webhooks]
        for drained in ([*self.front_doors.values(), *senders], list(self.shards.values())):
            calls = (watched.actor.drain.remote() for watched in drained)
            for error in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(error, BaseException):
                    log.error("not all could be drained: %r", error)


def _is_orphan(spec: NodeSpec) -> bool:
    """Whether the supervisor is gone: it may have died while Ray started, so this process's parent then proves nothing."""
    if os.getppid() == spec.supervisor:
        return False
    log.error("the supervisor is gone; this node ends")
    return True


async def _run(spec: NodeSpec, runtime: RayRuntime) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if _is_orphan(spec):
        return ORPHAN_EXIT
    await publish_default(spec.url)
    await publish_catalogue(spec.url, texts())
    cluster = Cluster(spec, runtime.sockets, None if spec.settings.ray is None else Placement(ray_nodes))
    cluster.create()
    loop.add_signal_handler(LEAVE_SIGNAL, cluster.leave)
    ray = RayWatch(runtime)
    while not stop.is_set():
        if ray.is_lost():
            log.error("Ray is not whole any more; this node ends and is started again")
            return RAY_LOST_EXIT
        if _is_orphan(spec):
            return ORPHAN_EXIT
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
    signal.signal(LEAVE_SIGNAL, signal.SIG_IGN)
    log_to_file(log_dir(settings.data) / "node.log")
    cpus = max(processors(), spec.shards + settings.scorers + (settings.front_doors or 1) + 2)
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
