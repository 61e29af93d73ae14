"""A whole switch for tests: real shards in this event loop, a real PostgreSQL journal, a real HTTP server on a free port."""

import asyncio
import contextlib
import functools
import io
import secrets
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.database.connection import cluster_value, connect
from actors.database.pool import Pool
from actors.journal.postgres import PostgresJournal
from actors.ledger.book import M_BATCH, M_RECORD_TIME
from actors.ledger.bounds import REVIEW_SECONDS
from actors.ledger.snapshot import in_use
from actors.records.admin_entries import LOG_SENDER
from actors.records.blocks import records_of
from actors.records.credit_layout import (
    NOTHING_SEEN,
    CreditQuestions,
    CreditRequests,
    CreditResults,
    CreditStates,
    ScoreOutcomes,
    ScoreRows,
    SeenHeads,
)
from actors.records.layout import SENDER, Requests, Results, WalletRows
from actors.records.secret import Secret
from actors.rpc.interface import Attempts, BatchTimes, ChainHead, Condition, NotReady, ShardUnavailable
from actors.scoring.pack_compiler import load_pack, publish_default
from actors.scoring.scorer import Scorer
from actors.shard import neighbours
from actors.shard.compile_kernels import ready_kernels
from actors.shard.host import ShardHost
from actors.shard.in_process import LocalSwitch
from actors.stores.api_keys import KeyStore
from actors.stores.controls import ControlStore
from actors.stores.rule_packs import PackStore
from actors.stores.scenarios import publish_catalogue
from actors.stores.scopes import SCOPES
from actors.stores.topology import SegmentStore
from rules.decisions.decision import Decisions, Fallback
from rules.scenarios.catalogue import texts
from rules.scenarios.law import PRESETS, CreditLaw
from switch.api.app import SERVICES
from switch.api.four_eyes import FourEyes
from switch.api.front_door import FrontDoor, FrontDoorOptions, load_kernels
from switch.api.services import Limits, Services
from switch.http.tls import TlsFiles
from switch.tracing.settings import TracingKeys
from switch.webhooks.addresses import WebhookKeys
from tests.conformance import wrong_with

SECRET = bytes(range(16))
NO_NETWORKS = WebhookKeys()
TWO_EYES = FourEyes()
NO_TRACES = TracingKeys()


class LocalClient:
    """A host in this process as a front door's ShardClient. Faults: `before` runs before a submit, `after` after it."""

    def __init__(self, host: ShardHost) -> None:
        self._host = host
        self.before: Callable[[], Any] = lambda: None
        self.after: Callable[[], Any] = lambda: None

    async def submit(self, rows: Requests, details: dict[int, bytes]) -> Results:
        self.before()
        try:
            results = await self._host.submit(rows, details)
        except NotReady:
            raise ShardUnavailable(True) from None
        self.after()
        return results

    async def submit_timed(self, rows: Requests, details: dict[int, bytes]) -> tuple[Results, BatchTimes]:
        self.before()
        try:
            timed = await self._host.submit_timed(rows, details)
        except NotReady:
            raise ShardUnavailable(True) from None
        self.after()
        return timed

    async def wallets(self, addresses: NDArray[np.int64]) -> WalletRows:
        try:
            return await self._host.wallets(addresses)
        except NotReady:
            raise ShardUnavailable(True) from None

    async def credit(self, rows: CreditRequests, details: dict[int, bytes]) -> CreditResults:
        self.before()
        try:
            results = await self._host.credit(rows, details)
        except NotReady:
            raise ShardUnavailable(True) from None
        self.after()
        return results

    async def publish(
        self, rows: ScoreRows, details: dict[int, bytes], seen: SeenHeads = NOTHING_SEEN
    ) -> ScoreOutcomes:
        try:
            return await self._host.publish(rows, details, seen)
        except NotReady:
            raise ShardUnavailable(True) from None

    async def credit_states(self, questions: CreditQuestions) -> CreditStates:
        try:
            return await self._host.credit_states(questions)
        except NotReady:
            raise ShardUnavailable(True) from None

    async def heads(self, addresses: NDArray[np.int64]) -> list[ChainHead]:
        try:
            return await self._host.heads(addresses)
        except NotReady:
            raise ShardUnavailable(True) from None

    async def condition(self) -> Condition:
        return self._host.condition()

    async def preview(self, row: Requests) -> Results:
        try:
            return await self._host.preview(row)
        except NotReady:
            raise ShardUnavailable(True) from None

    async def attempts(self, wallet: int) -> Attempts | None:
        try:
            return await self._host.attempts(wallet)
        except NotReady:
            raise ShardUnavailable(True) from None

    async def find_key(self, caller: int, home: int, key: bytes) -> int:
        return await self._host.find_key(caller, home, key)


class LocalScorer:
    """A scorer in this process as a shard's pool of them."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def condition(self) -> Condition:
        return Condition()

    async def decide(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        return self._scorer.decide(payers, columns)

    async def preview(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        return self._scorer.decide(payers, columns, counted=False)


class Answer(msgspec.Struct):
    """An HTTP answer, its body read."""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.raw)


class RunningSwitch:
    """What tests hold: `call` sends with the key of every scope unless another is given."""

    def __init__(
        self,
        front_door: FrontDoor,
        clients: list[LocalClient],
        key: str,
        session: aiohttp.ClientSession,
        url: str,
        scorer: Scorer,
        pool: Pool,
    ) -> None:
        self.front_door = front_door
        self.clients = clients
        self.key = key
        self.session = session
        self.database_url = url
        self.scorer = scorer
        self.pool = pool
        self.base = "http://{}:{}".format(*front_door.address)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        data: Any = None,
    ) -> Answer:
        sent = {"Authorization": f"Bearer {token or self.key}"}
        if key is not None:
            sent["Idempotency-Key"] = key
        if body is not None:
            data = msgspec.json.encode(body)
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        if isinstance(data, bytes):
            data = io.BytesIO(data)
        async with self.session.request(
            method, self.base + path, data=data, headers=sent, skip_auto_headers=("Content-Type",)
        ) as response:
            answer = Answer(response.status, response.headers, await response.read())
        wrong = wrong_with(method, path, answer.status, answer.headers, answer.raw)
        assert wrong is None, f"{method} {path}: {wrong}: {answer.status} {answer.raw[:1_000]!r}"
        return answer

    @property
    def services(self) -> Services:
        """What its handlers share."""
        assert self.front_door._runner is not None
        return self.front_door._runner.app[SERVICES]

    async def wallet(self, kind: str = "user", currency: str = "EUR", **fields: Any) -> str:
        """A new wallet's id."""
        answer = await self.call("POST", "/v1/wallets", {"kind": kind, "currency": currency, **fields})
        assert answer.status == 201, answer.raw
        identity: str = answer.json["id"]
        return identity

    async def pay(self, payer: str, payee: str, amount: int, **fields: Any) -> Answer:
        """One payment under a new key."""
        body = {"payer": payer, "payee": payee, "amount": amount, "currency": "EUR", **fields}
        return await self.call("POST", "/v1/transfers", body, key=str(uuid.uuid4()))

    async def log_is_repeated(self) -> None:
        """Wait until shard 0's journal repeats the end of the log of administrators: no further block comes by itself."""
        core = self.clients[0]._host.core
        async with self.pool.session() as session:
            newest = await session.fetchval("SELECT coalesce(max(number), 0) FROM admin_log")
        async with asyncio.timeout(60):
            while core._log._entry < newest or core.writer.backlog:
                await asyncio.sleep(0.02)

    async def blocks(self) -> dict[int, int]:
        """Blocks in the journal by shard, but for those that repeat the log of administrators, which come by themselves."""
        connection = await connect(self.database_url, name="test")
        try:
            rows = await connection.fetch("SELECT shard, records FROM journal")
        finally:
            await connection.close()
        return dict(Counter(row["shard"] for row in rows if (records_of(row["records"])[SENDER] != LOG_SENDER).any()))


@functools.cache
def _compiled() -> None:
    ready_kernels()
    load_kernels(Secret.of(SECRET))


async def _store_facts(database_url: str, shards: int) -> None:
    """Stores what `serve` fixes in a new database, here with a secret that tests know."""
    connection = await connect(database_url, name="test")
    try:
        await cluster_value(connection, "secret", SECRET)
        await cluster_value(connection, "shards", str(shards).encode())
    finally:
        await connection.close()
    await publish_default(database_url)
    await publish_catalogue(database_url, texts())


@contextlib.asynccontextmanager
async def running_switch(
    database_url: str,
    *,
    shards: int = 2,
    limits: Limits | None = None,
    scorer: neighbours.Scorer | None = None,
    review_expires_in_s: int = REVIEW_SECONDS,
    law: CreditLaw = PRESETS["cn"],
    webhooks: WebhookKeys = NO_NETWORKS,
    four_eyes: FourEyes = TWO_EYES,
    bench_reports: str | None = None,
    tracing: TracingKeys = NO_TRACES,
) -> AsyncIterator[RunningSwitch]:
    """A switch on a migrated database. All is compiled first: in this one loop the shards would stand still while the front door compiles,
    and take themselves for stopped."""
    _compiled()
    async with contextlib.AsyncExitStack() as stack:
        await _store_facts(database_url, shards)
        segments = SegmentStore(database_url)
        stack.push_async_callback(segments.close)
        journals = [PostgresJournal(database_url, shard=s, writer=secrets.randbits(63)) for s in range(shards)]
        for journal in journals:
            stack.push_async_callback(journal.close)
        pool = await Pool.open(database_url, name="test-keys")
        stack.push_async_callback(pool.close)
        deployed = Scorer(PackStore(pool), load_pack, ControlStore(pool))
        await deployed.activate()
        local = LocalSwitch(
            journals=[*journals],
            segments=segments,
            secret=SECRET,
            scorer=scorer or LocalScorer(deployed),
            review_expires_in_s=review_expires_in_s,
        )
        stack.push_async_callback(local.stop)
        await local.start()
        created = await KeyStore(pool).create("tests", SCOPES)
        clients = [LocalClient(host) for host in local.hosts]
        options = FrontDoorOptions(
            host="127.0.0.1",
            port=0,
            url=database_url,
            secret=SECRET,
            shards=shards,
            limits=limits or Limits(),
            law=law,
            webhooks=webhooks,
            four_eyes=four_eyes,
            bench_reports=bench_reports,
            tracing=tracing,
        )
        front_door = FrontDoor(options, clients, [deployed])
        await front_door.start()
        stack.push_async_callback(front_door.stop)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield RunningSwitch(front_door, clients, created.key, session, database_url, deployed, pool)


@contextlib.asynccontextmanager
async def running_front_door(
    switch: RunningSwitch, limits: Limits, tls: TlsFiles | None = None
) -> AsyncIterator[RunningSwitch]:
    """A second front door over the same shards, with other limits, or with TLS."""
    options = FrontDoorOptions(
        host="127.0.0.1",
        port=0,
        url=switch.database_url,
        secret=SECRET,
        shards=len(switch.clients),
        limits=limits,
        tls=tls,
    )
    front_door = FrontDoor(options, switch.clients, [switch.scorer])
    await front_door.start()
    try:
        yield RunningSwitch(
            front_door, switch.clients, switch.key, switch.session, switch.database_url, switch.scorer, switch.pool
        )
    finally:
        await front_door.stop()


def remembered(switch: RunningSwitch) -> list[dict[str, Any]]:
    """All that shards remember, but the time."""
    kept = []
    for client in switch.clients:
        ledger = client._host.core.ledger
        arrays = {name: np.array(array, copy=True) for name, array in in_use(ledger.book, ledger.credit).items()}
        arrays["meta"] = ledger.book.meta.copy()
        arrays["meta"][[M_RECORD_TIME, M_BATCH]] = 0
        kept.append({name: array.tobytes() for name, array in arrays.items()})
    return kept
