"""`growth`: latency of single payments while one shard grows in wallets and keys.

`growth`: latency of single payments with few and with many wallets and remembered keys, while one shard grows from the one to the other,
and the memory they take: that of keys as their table has it, that of wallets and holds as the process grew without that table.

What it grows by is put in at the shard itself, in this process: over HTTP five million wallets would take a quarter of an hour, most
of it for their profiles. Meanwhile single payments are made there too: they meet every table that grows. Then `serve` recovers the
journal, another `serve` runs beside it with few wallets, and they take turns in payments over HTTP. Unscored.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.database import embedded
from actors.database.connection import migrate
from actors.ledger.bounds import Capacity
from actors.ledger.table import table_bytes, table_count
from actors.records.ids import encode_wallets
from actors.records.layout import Kind
from actors.records.secret import Secret
from actors.shard.actor import SAVE_EVERY_RECORDS
from actors.shard.host import ShardHost
from actors.stores.topology import cluster_facts
from bench.contenders.switch import Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options
from bench.workload.direct import lone_shard, open_wallets
from bench.workload.load import LoadSpec, Payments
from bench.workload.payments import payment_rows, uuid_texts
from bench.workload.processes import resident_bytes
from bench.workload.turn import Turn, measure

NAME: Final = "growth"
QUANTILES: Final = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9}
RATIO_AIM: Final = 1.2
HOLD_S: Final = 86_400
CHECKPOINT_TIMEOUT_S: Final = 300.0


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """So many wallets and keys are there when latency is measured over HTTP."""

    wallets: int
    keys: int


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`rows`: payments in a batch of those that keys grow by. `clients` make single payments meanwhile, one after the other each.
    `sample`: wallets of one measurement over HTTP, drawn anew for each. `holds` are made at the end. `saving_s`:
    of load while a checkpoint is written."""

    first: Stage = Stage(wallets=10_000, keys=40_000)
    last: Stage = Stage(wallets=5_000_000, keys=20_000_000)
    rows: int = 4_096
    clients: int = 4
    sample: int = 200_000
    holds: int = 1_000_000
    connections: int = 16
    warm_up_s: float = 2.0
    seconds: float = 8.0
    saving_s: float = 4.0
    rate_max: int = 12_000


QUICK: Final = Sizes(
    first=Stage(wallets=2_000, keys=8_000),
    last=Stage(wallets=20_000, keys=80_000),
    sample=10_000,
    holds=20_000,
    warm_up_s=1.0,
    seconds=2.0,
)


class _Growing:
    """A journal that grows, and a switch that can be run over it."""

    def __init__(self, options: Options, sizes: Sizes, name: str) -> None:
        self._data = options.work / f"{NAME}-{name}"
        self.switch = Switch(f"{NAME}-{name}", self._data, shards=1, scorers=0, wallets=0)
        self.addresses: NDArray[np.int64] = np.zeros(0, np.int64)
        self.paid = 0
        self.latencies: dict[str, list[float]] = {"wallets": [], "keys": []}
        self.memory: dict[str, float] = {}
        self.start_s: list[float] = []
        self._options = options
        self._sizes = sizes
        self._secret: Secret | None = None
        self._rng = np.random.default_rng(4)

    # At the shard itself.

    def reach(self, stage: Stage, *, holds: int = 0) -> None:
        """Grow, with single payments meanwhile."""
        self._options.say(f"{NAME}: growing to {stage.wallets:,} wallets and {stage.keys:,} keys")
        with self._server() as url:
            asyncio.run(self._reach(url, stage, holds))

    @contextmanager
    def _server(self) -> Iterator[str]:
        server = embedded.start(self._data)
        try:
            yield server.url
        finally:
            server.stop()

    async def _reach(self, url: str, stage: Stage, holds: int) -> None:
        await migrate(url)
        self._secret = Secret.of((await cluster_facts(url, 1)).secret)
        async with lone_shard(url, Capacity(), scored=False) as switch:
            await switch.start()
            host = switch.hosts[0]
            table = host.core.ledger.book.keys
            start, more = resident_bytes() - table_bytes(table), stage.wallets - len(self.addresses)
            await self._beside(host, "wallets", self._open(host, more))
            opened = resident_bytes() - table_bytes(table)
            await self._beside(host, "keys", self._pay(host, stage.keys - stage.wallets - self.paid, Kind.TRANSFER))
            a_key = table_bytes(table) / table_count(table)
            paid = resident_bytes() - table_bytes(table)
            await self._pay(host, holds, Kind.HOLD)
            self.memory = {
                "a wallet": (opened - start) / more,
                "a remembered key": a_key,
                "an open hold": (resident_bytes() - table_bytes(table) - paid) / max(holds, 1),
            }

    async def _open(self, host: ShardHost, count: int) -> None:
        self.addresses = np.concatenate([self.addresses, await open_wallets(host, count, self._rng)])

    async def _pay(self, host: ShardHost, count: int, kind: Kind) -> None:
        for start in range(0, count, self._sizes.rows):
            rows = payment_rows(self.addresses, min(self._sizes.rows, count - start), self._rng)
            rows["op"] = kind
            rows["expires_in_s"] = HOLD_S if kind == Kind.HOLD else 0
            results = await host.submit(rows, {})
            assert not results["code"].any(), "nothing of this benchmark is declined"
            self.paid += len(rows) if kind == Kind.TRANSFER else 0

    async def _beside(self, host: ShardHost, what: str, growth: Any) -> None:
        """Single payments until the growth is over. The first wallets of all must be there before."""
        if not len(self.addresses):
            await growth
            return
        growing = asyncio.ensure_future(growth)
        known = self.addresses
        await asyncio.gather(*(self._single(host, what, known, growing) for _ in range(self._sizes.clients)))
        await growing

    async def _single(
        self, host: ShardHost, what: str, known: NDArray[np.int64], growing: "asyncio.Future[None]"
    ) -> None:
        while not growing.done():
            rows = payment_rows(known, 1, self._rng)
            started = time.perf_counter()
            results = await host.submit(rows, {})
            self.latencies[what].append(1000 * (time.perf_counter() - started))
            assert not results["code"].any()
            self.paid += 1

    # Over HTTP.

    @contextmanager
    def running(self) -> Iterator[None]:
        """As `shardpay serve`."""
        started = time.perf_counter()
        self.switch.start()
        self.start_s.append(time.perf_counter() - started)
        try:
            yield
        finally:
            self.switch.stop()

    def while_saving(self) -> list[Turn]:
        """Latency while it writes the checkpoint which follows a long recovery; returns when that is written. None follows a short one."""
        if len(self.addresses) + self.paid < SAVE_EVERY_RECORDS:
            return []
        turn = self._load(-1, self._sizes.saving_s)
        deadline = time.monotonic() + CHECKPOINT_TIMEOUT_S
        while not any(self._data.rglob("shard-0/*.arrow")):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{NAME}: no checkpoint within {CHECKPOINT_TIMEOUT_S:.0f} s")
            time.sleep(0.2)
        return [turn]

    def measure(self, number: int) -> Turn:
        """Latency in one round."""
        self._load(2 * number, self._sizes.warm_up_s)
        return self._load(2 * number + 1, self._sizes.seconds)

    def _load(self, seed: int, seconds: float) -> Turn:
        sizes = self._sizes
        turn = measure(
            LoadSpec(
                port=self.switch.port,
                key=self.switch.key,
                connections=sizes.connections,
                seconds=seconds,
                seed=len(self.addresses) + seed,
                work=Payments(wallets=self._drawn(), count=int(seconds * sizes.rate_max)),
            ),
            self.switch.roots,
        )
        self.paid += turn.load.done
        return turn

    def _drawn(self) -> list[str]:
        """Ids of wallets drawn from all there are, so that more wallets are really more memory to touch."""
        assert self._secret is not None
        count = min(self._sizes.sample, len(self.addresses))
        chosen = self._rng.choice(self.addresses, count, replace=False)
        return uuid_texts(encode_wallets(self._secret, chosen).tobytes())


def run(options: Options) -> list[Figure]:
    """Quantiles of latency over HTTP at both stages and their ratios; at the shard while it grows; bytes of its memory."""
    return run_sizes(options, QUICK if options.quick else Sizes())


def run_sizes(options: Options, sizes: Sizes) -> list[Figure]:
    """The same for other sizes."""
    small, large = _Growing(options, sizes, "small"), _Growing(options, sizes, "large")
    small.reach(sizes.first)
    large.reach(sizes.first)
    large.reach(sizes.last, holds=sizes.holds)
    with large.running():
        while_saving = large.while_saving()
        with small.running():
            turns = _in_turns(options, small, large)
    with large.running():
        pass
    checked = {each.switch.name: each.switch.check(each.paid) for each in (small, large)}
    detail: dict[str, Any] = {"sizes": msgspec.to_builtins(sizes), "checked": checked}
    found = []
    for quantile in QUANTILES:
        before = _over_http(quantile, sizes.first, turns[small], detail)
        after = _over_http(quantile, sizes.last, turns[large], detail)
        aim = RATIO_AIM if quantile == "p50" else None
        found += [before, after, ratio(NAME, after, before, aim, better="lower")]
    if while_saving:
        beside = ", its checkpoint being written"
        found += [_over_http(quantile, sizes.last, while_saving, detail, beside) for quantile in QUANTILES]
    for what, latencies in large.latencies.items():
        found += [_at_the_shard(quantile, what, latencies, detail) for quantile in QUANTILES]
    for how, seconds in zip(("the journal", "a checkpoint"), large.start_s, strict=True):
        case = f"start to ready with {sizes.last.wallets:,} wallets, {sizes.last.keys:,} keys, from {how}"
        found.append(figure(NAME, case, "s", [seconds], better="lower", detail=detail))
    memory = large.memory.items()
    return found + [figure(NAME, f"memory {what}", "bytes", [b], better="lower", detail=detail) for what, b in memory]


def _in_turns(options: Options, small: _Growing, large: _Growing) -> dict[_Growing, list[Turn]]:
    """Rounds of both while both run, each first in every other round."""
    turns: dict[_Growing, list[Turn]] = {small: [], large: []}
    for number in range(options.rounds):
        for each in (small, large) if number % 2 == 0 else (large, small):
            turns[each].append(each.measure(number))
    return turns


def _over_http(quantile: str, stage: Stage, turns: list[Turn], detail: dict[str, Any], when: str = "") -> Figure:
    name = f"{quantile.replace('.', '')}_ms"
    values = [float(getattr(turn.load, name)) for turn in turns]
    case = f"{quantile} over HTTP at {stage.wallets:,} wallets, {stage.keys:,} keys{when}"
    more = {**detail, "turns": msgspec.to_builtins(turns)}
    return figure(NAME, case, "ms", values, better="lower", detail=more)


def _at_the_shard(quantile: str, what: str, latencies: list[float], detail: dict[str, Any]) -> Figure:
    value = float(np.percentile(latencies, QUANTILES[quantile]))
    more = {**detail, "payments": len(latencies), "max_ms": round(max(latencies), 3)}
    return figure(NAME, f"{quantile} at the shard while {what} grow", "ms", [value], better="lower", detail=more)
