"""A shard as a Ray actor: builds the core and its host, carries calls in, and dies by `os._exit`.

A constructor that raises would kill the actor for good, so recovery runs in the background and calls are refused until it is done. All
methods are coroutines on one event loop: a push of legs never queues behind client requests, and core and host need no lock.
"""

import asyncio
import logging
import os
import secrets
import socket
from pathlib import Path
from typing import NoReturn

import msgspec
import numpy as np

from actors.checkpoint.file import CheckpointStore
from actors.journal.postgres import PostgresJournal
from actors.ledger.book import Capacity
from actors.ledger.ledger import IDEMPOTENCY_WINDOW_MS, REVIEW_SECONDS, Ledger, LedgerConfig
from actors.process.disk_room import DiskRoom
from actors.process.logs import log_to_file
from actors.process.tuning import freeze_gc
from actors.records.blocks import Writer
from actors.records.credit_layout import CREDIT_QUESTION, CREDIT_REQUEST, SCORE
from actors.records.layout import REQUEST
from actors.rpc.interface import NotReady
from actors.rpc.members import NOBODY, Members, moved
from actors.rpc.transport import CallServer
from actors.scoring.pool import ScorerPool
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.host import ShardHost
from actors.shard.remote import (
    RemotePeer,
    pack_address,
    pack_attempts,
    pack_condition,
    pack_heads,
    pack_timed,
    unpack_address,
    unpack_key,
    unpack_legs,
    unpack_rows,
)
from actors.stores.topology import TOPOLOGY_VERSION, SegmentStore

log = logging.getLogger(__name__)

_NODE = socket.gethostname()
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
        methods = {
            "submit": self.submit,
            "submit_timed": self.submit_timed,
            "wallets": self.wallets,
            "credit": self.credit,
            "credit_states": self.credit_states,
            "publish": self.publish,
            "heads": self.heads,
            "find_key": self.find_key,
            "preview": self.preview,
            "attempts": self.attempts,
            "push": self.push,
            "condition": self.condition,
        }
        self._calls = CallServer(spec.sockets, methods)

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
            self._host = self._build(self._scorers)
            self._life = asyncio.get_running_loop().create_task(self._host.run())
            self._life.add_done_callback(_ended)

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

    # Calls, bytes in and bytes out: see `actors.shard.remote`.

    async def socket_path(self) -> str | None:
        """As `CallServer.path`."""
        return await self._calls.path()

    async def submit(self, data: bytes) -> bytes:
        """As `ShardHost.submit`."""
        return (await self._serving().submit(*unpack_rows(data, REQUEST))).tobytes()

    async def submit_timed(self, data: bytes) -> bytes:
        """As `ShardHost.submit_timed`."""
        return pack_timed(*await self._serving().submit_timed(*unpack_rows(data, REQUEST)))

    async def wallets(self, data: bytes) -> bytes:
        """As `ShardHost.wallets`; int64 addresses in, WALLET rows out."""
        return (await self._serving().wallets(np.frombuffer(data, np.int64))).tobytes()

    async def credit(self, data: bytes) -> bytes:
        """As `ShardHost.credit`."""
        return (await self._serving().credit(*unpack_rows(data, CREDIT_REQUEST))).tobytes()

    async def publish(self, data: bytes) -> bytes:
        """As `ShardHost.publish`."""
        return (await self._serving().publish(*unpack_rows(data, SCORE))).tobytes()

    async def credit_states(self, data: bytes) -> bytes:
        """As `ShardHost.credit_states`; CREDIT_QUESTION rows in, CREDIT_STATE rows out."""
        return (await self._serving().credit_states(np.frombuffer(data, CREDIT_QUESTION))).tobytes()

    async def heads(self, data: bytes) -> bytes:
        """As `ShardHost.heads`; int64 addresses in."""
        return pack_heads(await self._serving().heads(np.frombuffer(data, np.int64)))

    async def find_key(self, data: bytes) -> bytes:
        """As `ShardHost.find_key`."""
        return pack_address(await self._serving().find_key(*unpack_key(data)))

    async def preview(self, data: bytes) -> bytes:
        """As `ShardHost.preview`."""
        return (await self._serving().preview(np.frombuffer(data, REQUEST))).tobytes()

    async def attempts(self, data: bytes) -> bytes:
        """As `ShardHost.attempts`."""
        return pack_attempts(await self._serving().attempts(unpack_address(data)))

    async def push(self, data: bytes) -> bytes:
        """As `ShardHost.push`."""
        await self._serving().push(unpack_legs(data))
        return b""

    async def condition(self, data: bytes) -> bytes:
        """As `ShardHost.condition`, with the machine and the room on its disk."""
        found = self._serving().condition()
        return pack_condition(msgspec.structs.replace(found, node=_NODE, disk_free_bytes=self._disk.free_bytes()))

    async def drain(self) -> None:
        """Wait until all that was taken in is durable and answered; leave a checkpoint."""
        if self._host is not None:
            await self._host.drained()
            await self._host.save()


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        _halt(f"the shard's life ended: {task.exception()!r}")
