"""What all handlers share: write and read queues of the shards, the stores, the limits, the counts.

Made once per process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import numpy as np

from actors.backtest.live import LiveBacktester
from actors.database.pool import Pool
from actors.ledger.bounds import Capacity
from actors.records.addresses import is_operator
from actors.records.ids import decode_wallet, decode_wallets, uuid_bytes, wallet_address_of
from actors.records.layout import WalletRows, WalletStatus
from actors.records.secret import Secret
from actors.rpc.interface import ChainHead, ShardClient, ShardUnavailable
from actors.scoring.pack_compiler import PackCompiler
from actors.scoring.scorer import ScorerClient
from actors.stores.admin_log import AdminLogStore
from actors.stores.api_keys import KeyStore
from actors.stores.batch_keys import BatchKeyStore
from actors.stores.case_work import CaseWorkStore
from actors.stores.controls import ControlStore
from actors.stores.erasure import ErasureStore
from actors.stores.labels import LabelStore
from actors.stores.order_numbers import OrderNumberStore
from actors.stores.proposals import ProposalStore
from actors.stores.rule_packs import PackStore
from actors.stores.scenarios import ScenarioStore
from actors.stores.wallet_profiles import WalletStore
from actors.stores.webhook_endpoints import WebhookStore
from rules.scenarios.law import PRESETS, CreditLaw
from switch.api.admin_calls import AdminCalls
from switch.api.card_dimensions import CardDimensions
from switch.api.four_eyes import FourEyes
from switch.api.probes import Probes
from switch.api.publisher import Publisher
from switch.api.recorded import CHANGE_WAIT_S
from switch.api.scenario_catalogue import ScenarioCatalogue
from switch.fairness.connections import Connections, within_descriptors
from switch.fairness.rates import Rate, RequestLimits
from switch.fairness.scheduling import BESIDE_S, Callers, Scheduler
from switch.fairness.shares import BodyRoom, Places
from switch.gateway.credit_queue import GATHERED_MAX, CreditQueue
from switch.gateway.read_queue import Reader
from switch.gateway.routing import Topology
from switch.gateway.write_queue import DeadlineExceeded, ShardWriteQueue, WriteQueueLimits
from switch.http.access import WalletAccess
from switch.http.auth import Authenticator
from switch.http.call import Call
from switch.http.lookups import Lookups
from switch.http.metrics import Metrics
from switch.problems.table import NUMBERS, ProblemError
from switch.views.credit_records import CreditHistory
from switch.views.event_feed import EventFeed
from switch.views.gathered import BesideQuestions
from switch.views.pack_names import PackCatalogue
from switch.views.representations import Balance
from switch.views.statement import History, WriterFenced
from switch.webhooks.addresses import AddressGuard, WebhookKeys
from switch.webhooks.presence import WebhookPresence

if TYPE_CHECKING:
    from switch.tracing.tracing import Tracing

MIB: Final = 1 << 20

T = TypeVar("T")

PAGES_MAX: Final = 16
"""Pages of events and of statements read at a time."""
PAGES_OF_ONE_MAX: Final = 4
"""Of one caller; its further ones wait, so that it has neither all sessions with the database nor long stretches of the event loop."""
ASKING_MAX: Final = 64
"""Short requests with GET worked on at a time; others wait, callers in turn."""
ASKING_OF_ONE_MAX: Final = 8
"""Of one caller: who floods a front door with questions keeps the event loop busy with so many between two steps of a payment."""
SEARCHES_MAX: Final = 2
"""Searches for a reference at a time, one of a caller: each reads up to 20,000 blocks of every shard, in a session with the database that
others need."""
HASHING_THREADS: Final = 2
"""Threads for the hashes of large batches, some 20 ms each at most: in those that all else shares they would wait, with their place
among the batches, for whatever one caller has put there."""
STREAMS_MAX: Final = 256
"""Event streams; each costs a page in memory at worst. Beyond it: 503."""
STREAMS_OF_ONE_MAX: Final = 64
"""Of one caller."""
OWNER_PAUSE_S: Final = 0.05
"""Between two questions for the owner of a shard: the old one notices within a second, the new one is made known soon after."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one front door takes on. All are per process."""

    json_bytes_max: int = MIB
    json_batch_bytes_max: int = 16 * MIB
    wallet_batch_bytes_max: int = 8 * MIB
    document_bytes_max: int = MIB
    """Of a rule pack's text alone, or of a scorecard."""
    pack_bytes_max: int = 32 * MIB
    """Of a rule pack with its lists, as JSON: as much as checks (`FILES_BYTES_MAX` in rules/language/document.py),
    however its characters are escaped."""
    arrow_bytes_max: int = 32 * MIB
    bodies_bytes_max: int = 256 * MIB
    """Of bodies that did not arrive at once and are not answered yet, and of answers that are not taken; half of it of one caller: four of
    the largest batches."""
    batches_max: int = 8
    """Batches worked on at a time; others wait, callers in turn."""
    batches_of_one_max: int = 4
    """Batches of one caller worked on at a time."""
    batch_wait_s: float = 15.0
    """A batch whose turn has not come by then gets 503."""
    deadline_s: float = 5.0
    """From then on a request that is not answered gets 503."""
    body_timeout_s: float = 15.0
    """A body must have arrived by then."""
    body_grace_s: float = 5.0
    """After that, on average `body_rate_min` bytes of a body must have arrived in each further second."""
    body_rate_min: int = 16 << 10
    idle_timeout_s: float = 75.0
    """A connection that sends no complete request headers for so long is closed."""
    linger_s: float = 2.0
    """After an early answer, what still comes is thrown away for so long, so that the client can read the answer."""
    connections_max: int = 16_384
    """Open at a time, some 10 kB each, half of them of one caller; fewer where the process may not open so many files."""
    drain_timeout_s: float = 10.0
    """Requests under way may take so long to end when the process stops."""
    requests: RequestLimits = RequestLimits()
    queue: WriteQueueLimits = WriteQueueLimits()


class ServiceParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a front door needs from outside: `clients` by shard number; database, secret and `capacity` of the shards as processes of its
    own get them."""

    clients: Sequence[ShardClient]
    scorers: Sequence[ScorerClient]
    topology: Topology
    secret: Secret
    pool: Pool
    database_url: str
    secret_bytes: bytes
    capacity: Capacity
    limits: Limits = Limits()
    test_currencies: bool = False
    bench_reports: str | None = None
    law: CreditLaw = PRESETS["cn"]
    webhooks: WebhookKeys = WebhookKeys()
    four_eyes: FourEyes = FourEyes()
    tracing: "Tracing | None" = None


class Services:
    """One front door. Made inside the running event loop."""

    def __init__(self, deps: ServiceParts) -> None:
        self.limits = limits = deps.limits
        self.test_currencies = deps.test_currencies
        self.bench_reports = deps.bench_reports
        self.law = deps.law
        self.topology = deps.topology
        self.secret = deps.secret
        self.pool = deps.pool
        self.keys = KeyStore(deps.pool)
        self._open_controls(deps)
        self.backtester = LiveBacktester()
        self.database_url = deps.database_url
        self.secret_bytes = deps.secret_bytes
        self.capacity = deps.capacity
        self.wallet_store = WalletStore(deps.pool)
        self.batch_keys = BatchKeyStore(deps.pool)
        self.webhook_store = WebhookStore(deps.pool)
        self.webhook_guard = AddressGuard(deps.webhooks)
        self.webhook_presence = WebhookPresence(self.webhook_store.any)
        self.clients = deps.clients
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.scenario_store = ScenarioStore(deps.pool)
        self.scenarios = ScenarioCatalogue(self.scenario_store, self.now)
        self.metrics = Metrics(lambda: [queue.queued_rows for queue in self.queues])
        self.tracing = deps.tracing
        self.queues = self._write_queues(deps)
        self.readers = [Reader(client.wallets, deps.limits.deadline_s) for client in deps.clients]
        self.head_readers = [Reader(client.heads, deps.limits.deadline_s) for client in deps.clients]
        self.credit_queues = [CreditQueue(client) for client in deps.clients]
        self.credit_readers = [
            Reader(client.credit_states, deps.limits.deadline_s, GATHERED_MAX) for client in deps.clients
        ]
        self.order_numbers = OrderNumberStore(deps.pool)
        self.erasures = ErasureStore(deps.pool)
        self.credit_history = CreditHistory(deps.pool)
        self.merchants: Lookups[str, int] = Lookups(self.keys.merchants, self._loop.time)
        self.reads = Rate(self.limits.requests.reads_per_s, self._loop.time)
        self.writes = Rate(self.limits.requests.writes_per_s, self._loop.time)
        self.key_reads, self.key_writes = Rate(0, self._loop.time), Rate(0, self._loop.time)
        self.authenticator = Authenticator(self.keys.find, self._loop.time)
        self.access = WalletAccess(self.wallet_store.owners, self._loop.time)
        self.bodies = BodyRoom(limits.bodies_bytes_max)
        self.connections = Connections(within_descriptors(limits.connections_max))
        self.hashing: Executor = ThreadPoolExecutor(HASHING_THREADS, "hash")
        self.batches = Places(limits.batches_max, limits.batches_of_one_max, limits.batch_wait_s)
        # Before they are decoded: what finds no room waits.
        rows_max = limits.queue.queue_rows_max * deps.topology.shards
        self.batch_rows = Places(rows_max, rows_max // 2, limits.batch_wait_s)
        self.callers = Callers(self._loop.time, BESIDE_S)
        self.history = History(deps.pool, BesideQuestions(lambda: self.callers.several, lambda: self.metrics.call_rows))
        self.scheduler = Scheduler(self.callers, limits.batch_wait_s)
        self.events = EventFeed(deps.pool, deps.topology.shards, self.scheduler)
        self.erasing, self.changing = Places(1, 1, limits.batch_wait_s), Places(1, 1, CHANGE_WAIT_S)
        self.asking = Places(ASKING_MAX, ASKING_OF_ONE_MAX, limits.deadline_s)
        self.pages = Places(PAGES_MAX, PAGES_OF_ONE_MAX, limits.deadline_s)
        self.searches = Places(SEARCHES_MAX, 1, limits.deadline_s)
        self.streams = Places(STREAMS_MAX, STREAMS_OF_ONE_MAX, 0.0)
        self.probes = Probes(self)
        self.leaving = self.draining = False

    def _write_queues(self, deps: ServiceParts) -> list[ShardWriteQueue]:
        tracing, queues = deps.tracing, []
        for shard, client in enumerate(deps.clients):
            traced = None if tracing is None else tracing.shard_calls(client, shard, deps.secret)
            queues.append(ShardWriteQueue(client, deps.limits.queue, self.metrics.called, traced))
        return queues

    def _open_controls(self, deps: ServiceParts) -> None:
        """What analysts and operators work with."""
        self.packs = PackStore(deps.pool)
        self.catalogue = PackCatalogue(self.packs)
        self.card_dimensions = CardDimensions(self.packs)
        self.case_work = CaseWorkStore(deps.pool)
        self.proposals = ProposalStore(deps.pool)
        self.admin_log = AdminLogStore(deps.pool)
        self.admin_calls = AdminCalls(self.admin_log)
        self.four_eyes = deps.four_eyes
        self.label_store = LabelStore(deps.pool)
        self.controls = ControlStore(deps.pool)
        self.publisher = Publisher(self.packs, deps.scorers, PackCompiler(), self.controls)

    def deadline(self) -> float:
        """When a request that begins now must be answered, on the event loop's clock."""
        return self._loop.time() + self.limits.deadline_s

    def leave(self) -> None:
        """Serve on, but say that others should be asked: not ready, and each answer is the last of its connection."""
        self.leaving = True

    def drain(self) -> None:
        """Take nothing more: requests under way are answered, streams end."""
        self.leaving = self.draining = True
        self.events.stop()

    async def close(self) -> None:
        """Wait for the calls under way."""
        self.hashing.shutdown(wait=False)
        waits = [each.close() for each in self.queues] + [each.close() for each in self.credit_queues]
        waits += [each.close() for each in self.readers] + [each.close() for each in self.head_readers]
        await asyncio.gather(*waits, *(each.close() for each in self.credit_readers))

    # Wallets by id.

    async def wallet_in_path(self, call: Call) -> int:
        """Address of the wallet id in a call's path. Raises ProblemError wallet_not_found, also for one that is not the caller's own."""
        address = decode_wallet(self.secret, call.request.match_info["id"])
        if address == 0 or not await self.access.owns(call.principal.bound, address):
            raise ProblemError("wallet_not_found")
        return address

    def address(self, text: str) -> int:
        """Address of a wallet id: 0 for an id that is not of this cluster, -1 for what is no UUID."""
        return wallet_address_of(self.secret, text)

    def addresses(self, texts: Sequence[str]) -> list[int]:
        """Addresses of wallet ids: 0 for an id that is not of this cluster, -1 for what is no UUID."""
        raws = [uuid_bytes(text) for text in texts]
        joined = np.frombuffer(b"".join([raw or bytes(16) for raw in raws]), np.uint8).reshape(len(texts), 16)
        found: list[int] = decode_wallets(self.secret, joined).tolist()
        return [address if raw is not None else -1 for address, raw in zip(found, raws, strict=True)]

    async def balance(self, address: int) -> Balance:
        """What the ledger says of one wallet. Raises ProblemError wallet_not_found or timeout."""
        found = (await self.balances([address])).get(address)
        if found is None:
            raise ProblemError("wallet_not_found")
        return found

    async def balances(self, addresses: Iterable[int]) -> dict[int, Balance]:
        """What the ledger says of wallets, by address; those that do not exist are left out. Raises ProblemError timeout."""
        by_shard: dict[int, list[int]] = {}
        for address in addresses:
            for shard in await self.shards_of(address):
                by_shard.setdefault(shard, []).append(address)
        parts: dict[int, list[Any]] = {}
        for shard, rows in zip(by_shard, await self.read(by_shard), strict=True):
            for address, row in zip(by_shard[shard], rows, strict=True):
                if row["currency"]:
                    parts.setdefault(address, []).append(row)
        return {address: _sum_of(rows) for address, rows in parts.items()}

    async def read(self, by_shard: dict[int, list[int]]) -> list[WalletRows]:
        """Durable WALLET rows of addresses by shard. Raises ProblemError timeout."""
        try:
            return list(
                await asyncio.gather(
                    *(self.readers[shard].read(np.array(group, np.int64)) for shard, group in by_shard.items())
                )
            )
        except ShardUnavailable:
            raise ProblemError("timeout") from None

    async def from_head(self, address: int, shard: int, look: Callable[[ChainHead], Awaitable[T]]) -> T | None:
        """What `look` finds in the journal on a wallet's chain from its head on; None when there is no such wallet. `look` raises
        WriterFenced when who answered with the head owns the journal no longer: then the owner is asked. Raises ProblemError timeout."""
        deadline = self.deadline()
        while True:
            try:
                (head,) = await self.head_readers[shard].read(np.array([address], np.int64))
                return await look(head) if head.currency else None
            except ShardUnavailable:
                raise ProblemError("timeout") from None
            except WriterFenced:
                if self.now() + OWNER_PAUSE_S > deadline:
                    raise ProblemError("timeout") from None
                await asyncio.sleep(OWNER_PAUSE_S)

    async def shards_of(self, address: int) -> Sequence[int]:
        """The shards on which a wallet has a row: all for an operator wallet, else at most one."""
        if is_operator(address):
            return range(self.topology.shards)
        owner = await self.topology.owner_of(address)
        return () if owner < 0 else (owner,)  # address 0 lies in the operators' segment, which no shard owns


def _sum_of(rows: Sequence[Any]) -> Balance:
    """One wallet from its rows: one of a user wallet, the stripes of an operator wallet."""
    first = rows[0]
    frozen = any(row["status"] == WalletStatus.FROZEN for row in rows)
    return Balance(
        currency=int(first["currency"]),
        kind=int(first["kind"]),
        status=int(WalletStatus.FROZEN) if frozen else int(first["status"]),
        tier=int(first["tier"]),
        posted=sum(int(row["credits"]) - int(row["debits"]) for row in rows),
        held=sum(int(row["held"]) for row in rows),
        floor=int(first["floor"]),
        opened=min(int(row["opened"]) for row in rows),
    )


def deadline_problem(error: DeadlineExceeded, moves_money: bool = True) -> ProblemError:
    """The problem of a request whose deadline passed."""
    return ProblemError(NUMBERS[error.code], money_moved="unknown" if error.sent and moves_money else "no")
