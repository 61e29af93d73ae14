"""A front door as a Ray actor: an aiohttp server in the actor's event loop. Several share one port."""

import asyncio
import logging
import os
from pathlib import Path

import msgspec

from actors.ledger.bounds import Capacity
from actors.process.logs import log_to_file
from actors.process.tuning import freeze_gc
from actors.rpc.members import NOBODY, Members, moved
from actors.scoring.actor import RemoteScorer
from actors.shard.remote import RemoteShard
from rules.scenarios.law import PRESETS, CreditLaw
from switch.api.four_eyes import FourEyes
from switch.api.front_door import FrontDoor, FrontDoorOptions
from switch.api.services import Limits
from switch.fairness.rates import RequestLimits
from switch.http.tls import TlsFiles
from switch.tracing.current import TraceInLogs
from switch.tracing.settings import TracingKeys
from switch.webhooks.addresses import WebhookKeys

log = logging.getLogger(__name__)


class FrontDoorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that a front door's process needs to know."""

    number: int
    host: str
    port: int
    url: str
    secret: bytes
    shards: int
    log_dir: str
    capacity: Capacity = Capacity()
    test_currencies: bool = False
    bench_reports: str | None = None
    tls: TlsFiles | None = None
    requests: RequestLimits = RequestLimits()
    law: CreditLaw = PRESETS["cn"]
    webhooks: WebhookKeys = WebhookKeys()
    four_eyes: FourEyes = FourEyes()
    tracing: TracingKeys = TracingKeys()


class FrontDoorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A front door's condition. `version`: of the members that it knows, 0 for none; `webhooks`: whether there are endpoints to send to."""

    version: int
    webhooks: bool = False


class FrontDoorActor:
    """Runs as a Ray actor with `max_restarts=-1`; it keeps nothing that a restart would lose."""

    def __init__(self, spec: FrontDoorSpec) -> None:
        log_to_file(Path(spec.log_dir) / f"front-door-{spec.number}.log", filters=[TraceInLogs()])
        self._spec = spec
        self._clients: dict[int, RemoteShard] = {}
        self._scorers: dict[int, RemoteScorer] = {}
        self._members = NOBODY
        self._front_door: FrontDoor | None = None
        self._starting: asyncio.Task[None] | None = None

    async def status(self) -> FrontDoorStatus:
        """What it knows."""
        webhooks = self._front_door is not None and self._front_door.webhooks
        return FrontDoorStatus(version=self._members.version, webhooks=webhooks)

    async def connect(self, members: Members) -> None:
        """Send it the shards and the scorers. The first call starts the front door, a later one with a later version replaces those that
        moved."""
        if members.version <= self._members.version:
            return
        for shard, actor in moved(members.shards, self._members.shards).items():
            if shard in self._clients:
                self._clients[shard].replace(actor)
            else:
                self._clients[shard] = RemoteShard(actor)
        for number, actor in moved(members.scorers, self._members.scorers).items():
            if number in self._scorers:
                self._scorers[number].replace(actor)
            else:
                self._scorers[number] = RemoteScorer(actor)
        self._members = members
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self._open())
            self._starting.add_done_callback(_opened)
        if members.leaving and self._front_door is not None:
            self._front_door.leave()

    async def _open(self) -> None:
        spec = self._spec
        options = FrontDoorOptions(
            host=spec.host,
            port=spec.port,
            url=spec.url,
            secret=spec.secret,
            shards=spec.shards,
            capacity=spec.capacity,
            test_currencies=spec.test_currencies,
            bench_reports=spec.bench_reports,
            tls=spec.tls,
            limits=Limits(requests=spec.requests),
            law=spec.law,
            webhooks=spec.webhooks,
            four_eyes=spec.four_eyes,
            tracing=spec.tracing,
            name=f"front-door-{spec.number}",
        )
        clients = [self._clients[shard] for shard in range(spec.shards)]
        self._front_door = FrontDoor(options, clients, list(self._scorers.values()))
        await self._front_door.start()
        if self._members.leaving:
            self._front_door.leave()
        freeze_gc()
        self._front_door.get_ready()
        log.info("front door %d listens on %s:%d, process %d", spec.number, spec.host, spec.port, os.getpid())

    async def drain(self) -> None:
        """Accept nothing more, answer what is under way. One that is about to listen would do so afterwards, so that is waited for."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
        if self._front_door is not None:
            await self._front_door.stop()


def _opened(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("the front door cannot start: %r", task.exception())
        logging.shutdown()
        os._exit(72)
