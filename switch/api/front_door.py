"""A front door: the HTTP server of one process over the shards and scorers."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from actors.database.pool import Pool
from actors.ledger.bounds import Capacity
from actors.records.ids import (
    decode_transfer,
    decode_transfers,
    decode_wallet,
    decode_wallets,
    encode_wallet,
    encode_wallets,
    transfer_id,
    transfer_ids,
)
from actors.records.secret import Secret
from actors.rpc.interface import ShardClient
from actors.scoring.scorer import ScorerClient
from rules.scenarios.evaluation import Evaluator
from rules.scenarios.law import PRESETS, CreditLaw
from rules.vocabulary.credit import CREDIT_COLUMNS
from switch.api import score_features
from switch.api.app import SERVICES, build_app, dispatcher
from switch.api.four_eyes import FourEyes
from switch.api.services import Limits, ServiceParts
from switch.gateway import score_columns
from switch.gateway.routing import Topology
from switch.http.server import Runner, Site
from switch.http.tls import Certificate, TlsFiles
from switch.tracing.settings import TracingKeys
from switch.webhooks.addresses import WebhookKeys

if TYPE_CHECKING:
    from switch.tracing.tracing import Tracing

BACKLOG: Final = 1_024
"""Connections that the kernel holds until they are accepted."""
READY_AFTER_S: Final = 10.0
"""What is loaded for whoever asks why a payment was decided so takes 1.5 s of a processor: not while the switch starts."""


class FrontDoorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one front door, which spans call `name`. `port` 0 takes a free one; several front doors can share a port. `tls` None:
    HTTP."""

    host: str
    port: int
    url: str
    secret: bytes
    shards: int
    capacity: Capacity = Capacity()
    test_currencies: bool = False
    bench_reports: str | None = None
    law: CreditLaw = PRESETS["cn"]
    limits: Limits = Limits()
    tls: TlsFiles | None = None
    webhooks: WebhookKeys = WebhookKeys()
    four_eyes: FourEyes = FourEyes()
    tracing: TracingKeys = TracingKeys()
    name: str = "front-door"


def load_kernels(secret: Secret) -> None:
    """All that turns ids into addresses and back, that asks scenarios and scores wallets: to load its machine code at the first batch took
    half a second, in which the process answered nobody, to compile it longer."""
    one = np.ones(1, np.int64)
    decode_wallets(secret, encode_wallets(secret, one))
    decode_transfers(secret, transfer_ids(secret, one, one))
    decode_transfer(secret, transfer_id(secret, 1, 1))
    decode_wallet(secret, encode_wallet(secret, 1))
    Evaluator((), ()).evaluate(np.zeros((1, len(CREDIT_COLUMNS)), np.int64))
    score_features.load_kernels()
    score_columns.load_kernels(secret)


class FrontDoor:
    """The HTTP server over the shards, `clients` by shard number, and the scorers."""

    def __init__(
        self, options: FrontDoorOptions, clients: Sequence[ShardClient], scorers: Sequence[ScorerClient] = ()
    ) -> None:
        assert len(clients) == options.shards, "one client a shard"
        self._options = options
        self._clients = clients
        self._scorers = scorers
        self._pool: Pool | None = None
        self._runner: Runner | None = None
        self._following: list[asyncio.Task[None]] = []
        self._tracing = _tracing(options)

    async def start(self) -> None:
        """Listen. Nothing needs to be up yet: until then calls are answered with problems. Raises TlsError."""
        options = self._options
        certificate = None if options.tls is None else Certificate(options.tls)
        self._pool = await Pool.open(options.url, name="shardpay-front-door")
        topology = Topology(options.shards, self._pool.segment_owners)
        secret = Secret.of(options.secret)
        app = build_app(
            ServiceParts(
                clients=self._clients,
                scorers=self._scorers,
                topology=topology,
                secret=secret,
                pool=self._pool,
                database_url=options.url,
                secret_bytes=options.secret,
                capacity=options.capacity,
                test_currencies=options.test_currencies,
                bench_reports=options.bench_reports,
                law=options.law,
                limits=options.limits,
                webhooks=options.webhooks,
                four_eyes=options.four_eyes,
                tracing=self._tracing,
            )
        )
        services = app[SERVICES]
        load_kernels(secret)
        self._runner = Runner(
            app,
            services.connections,
            partial(dispatcher, app),
            idle_timeout_s=options.limits.idle_timeout_s,
            linger_s=options.limits.linger_s,
            drain_timeout_s=options.limits.drain_timeout_s,
        )
        await self._runner.setup()
        context = None if certificate is None else certificate.context
        await Site(
            self._runner, options.host, options.port, ssl_context=context, reuse_port=True, backlog=BACKLOG
        ).start()
        self._following.append(asyncio.create_task(topology.follow()))
        self._following.append(asyncio.create_task(services.webhook_presence.follow()))
        self._following.append(asyncio.create_task(services.admin_calls.follow()))
        self._following.append(asyncio.create_task(services.batch_keys.follow()))
        if certificate is not None:
            self._following.append(asyncio.create_task(certificate.follow()))

    def get_ready(self) -> None:
        """Have loaded what the first backtest, preview or explanation would wait for, once the switch has started: a process beside, at low
        priority."""
        self._following.append(asyncio.create_task(self._get_ready()))

    async def _get_ready(self) -> None:
        assert self._runner is not None
        await asyncio.sleep(READY_AFTER_S)
        self._runner.app[SERVICES].backtester.get_ready()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._runner is not None
        host, port = self._runner.addresses[0][:2]
        return host, port

    @property
    def webhooks(self) -> bool:
        """Whether there are endpoints that events are to be sent to."""
        return self._runner is not None and self._runner.app[SERVICES].webhook_presence.seen

    def leave(self) -> None:
        """Let load balancers turn away before `stop`: as `Services.leave`."""
        if self._runner is not None:
            self._runner.app[SERVICES].leave()

    async def stop(self) -> None:
        """Drain: accept nothing more, answer what is under way, then close the queues and the sessions."""
        for task in self._following:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._pool is not None:
            await self._pool.close()
        if self._tracing is not None:
            await self._tracing.close()


def _tracing(options: FrontDoorOptions) -> "Tracing | None":
    """What it takes is loaded where it is wanted: an extra, and half a second."""
    if not options.tracing.enabled:
        return None
    from switch.tracing.tracing import Tracing

    return Tracing(options.tracing, options.name)
