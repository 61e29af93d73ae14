"""`growth`: latency of single payments while one shard grows in wallets and in remembered keys, and afterwards; and the memory they take.

What it grows by is put in at the shard itself, in this process: over HTTP five million wallets would take a quarter of an hour, most
of it for their profiles. Meanwhile single payments are made there too: they meet every table that grows. Before and afterwards `serve`
recovers the same journal, and payments are made over HTTP. Growth goes one way, so no turns are taken. Unscored.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors import postgres_server
from actors.database import migrate
from actors.ledger.book import Capacity
from actors.ledger.ids import Secret, encode_wallets
from actors.ledger.layout import Kind
from actors.shard.host import ShardHost
from actors.shard_actor import SAVE_EVERY_RECORDS
from actors.topology import cluster_facts
from bench.contender_switch import Switch
from bench.data import payment_rows, uuid_texts
from bench.direct import lone_shard, open_wallets
from bench.figures import Figure, figure, ratio
from bench.load import LoadSpec, Payments
from bench.options import Options
from bench.processes import resident_bytes
from bench.turn import Turn, measure

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
    `sample`: wallets of one measurement over HTTP, drawn anew for each. `holds` are made at the end."""

    first: Stage = Stage(wallets=10_000, keys=40_000)
    last: Stage = Stage(wallets=5_000_000, keys=20_000_000)
    rows: int = 4_096
    clients: int = 4
    sample: int = 200_000
    holds: int = 1_000_000
    connections: int = 16
    warm_up_s: float = 2.0
    seconds: float = 8.0
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

    def __init__(self, options: Options, sizes: Sizes) -> None:
        self.switch = Switch(NAME, options.work / NAME, shards=1, scorers=0, wallets=0)
        self.addresses: NDArray[np.int64] = np.zeros(0, np.int64)
        self.paid = 0
        self.latencies: dict[str, list[float]] = {"wallets": [], "keys": []}
        self.memory: dict[str, float] = {}
        self._data = options.work / NAME
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
        server = postgres_server.start(self._data)
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
            start, more = resident_bytes(), stage.wallets - len(self.addresses)
            await self._beside(host, "wallets", self._open(host, more))
            opened, keys = resident_bytes(), stage.keys - len(self.addresses) - self.paid
            await self._beside(host, "keys", self._pay(host, keys, Kind.TRANSFER))
            paid = resident_bytes()
            await self._pay(host, holds, Kind.HOLD)
            a_key = (paid - opened) / keys
            self.memory = {
                "a wallet": (opened - start) / more - a_key,
                "a remembered key": a_key,
                "an open hold": (resident_bytes() - paid) / max(holds, 1) - a_key,
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

    def measure(self) -> list[Turn]:
        """Latencies over HTTP now."""
        self.switch.start()
        try:
            self._wait_for_checkpoint()
            return [self._measure(number) for number in range(self._options.rounds)]
        finally:
            self.switch.stop()

    def _wait_for_checkpoint(self) -> None:
        """A shard that has replayed this much writes a checkpoint first, once; its memory is copied meanwhile, page by page."""
        deadline = time.monotonic() + CHECKPOINT_TIMEOUT_S
        while self.paid >= SAVE_EVERY_RECORDS and not any(self._data.rglob("shard-0/*.arrow")):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{NAME}: no checkpoint within {CHECKPOINT_TIMEOUT_S:.0f} s")
            time.sleep(0.2)

    def _measure(self, number: int) -> Turn:
        sizes = self._sizes
        for seconds, seed in ((sizes.warm_up_s, 2 * number), (sizes.seconds, 2 * number + 1)):
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
    growing = _Growing(options, sizes)
    growing.reach(sizes.first)
    first = growing.measure()
    growing.reach(sizes.last, holds=sizes.holds)
    last = growing.measure()
    detail: dict[str, Any] = {"sizes": msgspec.to_builtins(sizes), "checked": growing.switch.check(growing.paid)}
    found = []
    for quantile in QUANTILES:
        before = _over_http(quantile, sizes.first, first, detail)
        after = _over_http(quantile, sizes.last, last, detail)
        aim = RATIO_AIM if quantile == "p50" else None
        found += [before, after, ratio(NAME, after, before, aim, better="lower")]
    for what, latencies in growing.latencies.items():
        found += [_at_the_shard(quantile, what, latencies, detail) for quantile in QUANTILES]
    memory = growing.memory.items()
    return found + [figure(NAME, f"memory {what}", "bytes", [b], better="lower", detail=detail) for what, b in memory]


def _over_http(quantile: str, stage: Stage, turns: list[Turn], detail: dict[str, Any]) -> Figure:
    name = f"{quantile.replace('.', '')}_ms"
    values = [float(getattr(turn.load, name)) for turn in turns]
    case = f"{quantile} over HTTP at {stage.wallets:,} wallets, {stage.keys:,} keys"
    more = {**detail, "turns": msgspec.to_builtins(turns)}
    return figure(NAME, case, "ms", values, better="lower", detail=more)


def _at_the_shard(quantile: str, what: str, latencies: list[float], detail: dict[str, Any]) -> Figure:
    value = float(np.percentile(latencies, QUANTILES[quantile]))
    more = {**detail, "payments": len(latencies), "max_ms": round(max(latencies), 3)}
    return figure(NAME, f"{quantile} at the shard while {what} grow", "ms", [value], better="lower", detail=more)
