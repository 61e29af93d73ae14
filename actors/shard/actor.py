"""A shard as a Ray actor: builds the core and its host, carries calls in, and dies by `os._exit`.

A constructor that raises would kill the actor for good, so recovery runs in the background and calls are refused until it is done. All
methods are coroutines on one event loop: a push of legs never queues behind client requests, and core and host need no lock.
"""

import asyncio
import logging
import os
import secrets
from pathlib import Path
from typing import NoReturn

import msgspec

from actors.checkpoint.file import CheckpointStore
from actors.journal.postgres import PostgresJournal
from actors.ledger.bounds import IDEMPOTENCY_WINDOW_MS, REVIEW_SECONDS, Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.process.disk_room import DiskRoom
from actors.process.logs import log_to_file
from actors.process.tuning import freeze_gc
from actors.records.blocks import Writer
from actors.rpc.interface import NotReady
from actors.rpc.members import NOBODY, Members, moved
from actors.rpc.transport import CallServer
from actors.scoring.pool import ScorerPool
from actors.shard.calls import ShardCalls
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.host import ShardHost
from actors.shard.remote import RemotePeer
from actors.stores.topology import TOPOLOGY_VERSION, SegmentStore

log = logging.getLogger(__name__)

SAVE_EVERY_RECORDS = 10_000_000
"""A crash costs at most the replay of these, some 5 to 10 s. A checkpoint stops the shard for some 10 to 40 ms. It is written for some
seconds by two processes that give way to payments; pages that the shard writes to meanwhile are copied."""


class ShardSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that a shard's process needs to know. `sockets`: directory for its socket, see `CallServer`."""

    shard: int
    shards: int
    url: str
    secret: bytes
    log_dir: str
    scored: bool = True
    capacity: Capacity = Capacity()
    daily_limits: dict[int, int] = {}
    review_expires_in_s: int = REVIEW_SECONDS
    idempotency_window_ms: int = IDEMPOTENCY_WINDOW_MS
    allow_unsafe: bool = False
    checkpoints: str | None = None
    sockets: str | None = None


class ShardStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard says of itself. `version`: of the members that it knows, 0 for none."""

    shard: int
    pid: int
    version: int
    ready: bool
    queued_rows: int
    backlog: int
    durable_block: int
    fallbacks: int
    clock_off_ms: int
    stopped_channels: list[int]


def _halt(reason: str) -> NoReturn:
    log.critical("this process ends: %s", reason)
    logging.shutdown()
    os._exit(70)


class ShardActor:
    """Runs as a Ray actor with `max_restarts=-1`; the journal makes a restart harmless."""

    def __init__(self, spec: ShardSpec) -> None:
        log_to_file(Path(spec.log_dir) / f"shard-{spec.shard}.log")
        self._spec = spec
        self._host: ShardHost | None = None
        self._peers: dict[int, RemotePeer] = {}
        self._members = NOBODY
        self._scorers: ScorerPool | None = None
        self._life: asyncio.Task[None] | None = None
        self._frozen = False
        self._disk = DiskRoom(spec.checkpoints)
        self._calls = CallServer(spec.sockets, ShardCalls(self._serving, self._disk.free_bytes).methods)

    async def connect(self, members: Members) -> None:
        """Tell it the other shards and the scorers. The first call starts recovery, a later one with a later version replaces those
        that moved."""
        if members.version <= self._members.version:
            return
        for shard, actor in moved(members.shards, self._members.shards).items():
            if shard in self._peers:
                self._peers[shard].replace(actor)
            elif shard != self._spec.shard:
                self._peers[shard] = RemotePeer(actor)
        if self._scorers is None:
            self._scorers = ScorerPool()
        self._scorers.take(members)
        self._members = members
        if self._host is None:
            self._host = self._built(self._scorers)
            self._life = asyncio.get_running_loop().create_task(self._host.run())
            self._life.add_done_callback(_ended)

    def _built(self, scorer: ScorerPool) -> ShardHost:
        """A shard that cannot be made ends its process: it would be starting for ever, and nobody would be told."""
        try:
            return self._build(scorer)
        except Exception as error:
            log.exception("the shard cannot be built")
            _halt(f"the shard cannot be built: {error!r}")

    def _build(self, scorer: ScorerPool) -> ShardHost:
        spec = self._spec
        writer = Writer(spec.shard, TOPOLOGY_VERSION, secrets.randbits(63), secrets.token_bytes(16))
        config = LedgerConfig(
            shard=spec.shard,
            shards=spec.shards,
            secret=spec.secret,
            windows=spec.scored,
            daily_limits=spec.daily_limits,
            idempotency_window_ms=spec.idempotency_window_ms,
            review_expires_in_s=spec.review_expires_in_s,
        )
        core = ShardCore(
            ShardConfig(
                shard=spec.shard,
                shards=spec.shards,
                scored=spec.scored,
                save_every_records=None if spec.checkpoints is None else SAVE_EVERY_RECORDS,
            ),
            Ledger(config, spec.capacity),
            writer,
        )
        journal = PostgresJournal(spec.url, shard=spec.shard, writer=writer.number, allow_unsafe=spec.allow_unsafe)
        log.info("shard %d begins as writer %016x, process %d", spec.shard, writer.number, os.getpid())
        return ShardHost(
            core,
            journal=journal,
            peers=self._peers,
            scorer=scorer,
            segments=SegmentStore(spec.url),
            halt=_halt,
            checkpoints=None if spec.checkpoints is None else CheckpointStore(spec.checkpoints, spec.shard),
        )

    def _serving(self) -> ShardHost:
        if self._host is None:
            raise NotReady(f"shard {self._spec.shard} is starting")
        return self._host

    async def status(self) -> ShardStatus:
        """What this shard is doing."""
        host = self._host
        core = None if host is None else host.core
        if not self._frozen and core is not None and core.ready:
            self._frozen = True
            freeze_gc()
        return ShardStatus(
            shard=self._spec.shard,
            pid=os.getpid(),
            version=self._members.version,
            ready=core is not None and core.ready,
            queued_rows=0 if core is None else core.queued_rows,
            backlog=0 if core is None else core.writer.backlog,
            durable_block=0 if core is None else core.writer.durable_block,
            fallbacks=0 if core is None else core.fallbacks,
            clock_off_ms=0 if core is None else core.clock_off_ms,
            stopped_channels=[] if core is None else [s for s, r in core.receivers.items() if r.stopped],
        )

    async def socket_path(self) -> str | None:
        """As `CallServer.path`."""
        return await self._calls.path()

    async def call(self, method: str, data: bytes) -> bytes:
        """As `CallServer.call`."""
        return await self._calls.call(method, data)

    async def drain(self) -> None:
        """Wait until all that was taken in is durable and answered; leave a checkpoint."""
        if self._host is not None:
            await self._host.drained()
            await self._host.save()


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        _halt(f"the shard's life ended: {task.exception()!r}")
