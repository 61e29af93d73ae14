"""What scorers saw of windows on two shards, over a restart in the middle of all windows and with times on every edge, against all attempts
ever made, counted one by one; where a window says that it is saturated, it is a lower bound, and nowhere else.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.ledger.bounds import Capacity
from actors.records.codes import is_untried
from actors.records.layout import REQUEST, Kind, Requests, Results
from actors.shard.in_process import InlineScorer, LocalSwitch, MemorySegments
from rules.decisions.decision import Decisions, Fallback
from rules.vocabulary.columns import COLUMNS, WINDOWS_MS
from rules.vocabulary.encodings import WalletKind
from tests.oracle.oracle_windows import Attempts, Pool

SHARDS = 2
EXTERNAL = 1024
PAYERS, PLACES = 10, 250
"""So little memory for attempts that on each shard some payers are not remembered, and some not with many."""
CAPACITY = Capacity(segments=8, segment_map=64, keys=100_000, payers=PAYERS, attempts=PLACES, profiles=1_000)
START = 1_600_000_000_000
EDGES = [width + by for width in WINDOWS_MS for by in (-1, 0, 1)]
NEAR = (0, 1, 500, 60_000, 1_000_000)
ROUNDS, ROWS = 12, 60


class WatchingScorer(InlineScorer):
    """Keeps all columns that it was asked about: of both shards, each shard's batches in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[NDArray[np.int64]] = []

    async def decide(self, payers: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[Decisions, Fallback]:
        """As it is."""
        self.seen.append(columns.copy())
        return await super().decide(payers, columns)


class World:
    """Clients of a switch that is stopped and started again."""

    def __init__(self) -> None:
        self.chance = np.random.default_rng(11)
        self.database, self.segments = MemoryDatabase(), MemorySegments()
        self.wallets: list[list[int]] = [[] for _ in range(SHARDS)]
        self.times: dict[int, int] = defaultdict(lambda: START)
        self.scorer = WatchingScorer()

    async def start(self) -> None:
        journals: list[Any] = [MemoryJournal(self.database) for _ in range(SHARDS)]
        self.switch = LocalSwitch(
            journals=journals,
            segments=self.segments,
            secret=bytes(range(16)),
            capacity=CAPACITY,
            scorer=self.scorer,
        )
        await self.switch.start()

    async def submit(self, shard: int, rows: Requests) -> Results:
        """Until each was tried; what waits for a remote wallet is sent again under its key."""
        rows["caller"], rows["currency"] = 1, 978
        rows["key_hi"], rows["key_lo"] = self.chance.integers(1, 2**62, (2, len(rows)))
        while True:
            results: Results = await self.switch.hosts[shard].submit(rows.copy(), {})
            waits = [is_untried(int(code)) for code in results["code"]]
            if not any(waits):
                return results
            rows["deferred_at"] = np.where(waits, results["record_time"], 0)

    async def open(self) -> None:
        for shard in range(SHARDS):
            bank, users = np.zeros(1, REQUEST), np.zeros(14, REQUEST)
            bank["op"], bank["kind"], bank["payee"] = Kind.WALLET_OPENED, WalletKind.EXTERNAL, EXTERNAL
            users["op"], users["kind"], users["effective_time"] = Kind.WALLET_OPENED, WalletKind.USER, START
            await self.submit(shard, bank)
            self.wallets[shard] = (await self.submit(shard, users))["address"].tolist()
            funded = np.zeros(10, REQUEST)
            funded["op"], funded["payer"], funded["amount"] = Kind.TRANSFER, EXTERNAL, 1_000
            funded["payee"], funded["effective_time"] = self.wallets[shard][:10], START
            await self.submit(shard, funded)

    def batch(self, shard: int) -> Requests:
        """Payments and holds of a shard's users to users of both shards: some pay often, some seldom, some more than they have."""
        rows = np.zeros(ROWS, REQUEST)
        payers = self.wallets[shard]
        for row in rows:
            payer = payers[min(int(self.chance.exponential(2.5)), len(payers) - 1)]
            far = self.chance.random() < 0.03
            self.times[payer] += int(self.chance.choice(EDGES if far else NEAR))
            others = [wallet for wallets in self.wallets for wallet in wallets if wallet != payer]
            row["op"] = Kind.HOLD if self.chance.random() < 0.2 else Kind.TRANSFER
            row["expires_in_s"] = 3_600 if row["op"] == Kind.HOLD else 0
            row["payer"], row["payee"] = payer, self.chance.choice(others[: int(self.chance.integers(2, len(others)))])
            row["amount"], row["effective_time"] = self.chance.integers(1, 300), self.times[payer]
        return rows


class Judge:
    """One shard's attempts, all of them, in the order in which they came."""

    def __init__(self) -> None:
        self.pool = Pool(PAYERS, PLACES)
        self.attempts: dict[int, Attempts] = defaultdict(lambda: Attempts(self.pool))
        self.exact = self.saturated = self.on_an_edge = 0

    def judge(self, got: dict[str, int]) -> None:
        """The next attempt."""
        mine, time = self.attempts[got["payer"]], got["effective_time"]
        wanted = mine.columns(time, got["payee"])
        assert got["saturated"] == wanted.pop("saturated")
        for name, value in wanted.items():
            window = ("1h", "24h", "7d").index(name.rsplit("_", 1)[1]) if name != "payee_seen" else 2
            if got["saturated"] >> window & 1:
                assert got[name] <= value, name
                self.saturated += 1
            else:
                assert got[name] == value, name
                self.exact += 1
        self.on_an_edge += any(time - width == before for width in WINDOWS_MS for before, _, _ in mine.all)
        mine.add(time, got["amount"], got["payee"])


async def test_windows_equal_a_brute_force_computation_and_saturation_is_visible() -> None:
    world = World()
    await world.start()
    await world.open()
    for number in range(ROUNDS):
        if number in (4, 8):
            await world.switch.stop()
            await world.start()
        for shard in range(SHARDS):
            await world.submit(shard, world.batch(shard))
    await world.switch.stop()
    judges = {wallet: judge for wallets in world.wallets for judge in [Judge()] for wallet in wallets}
    for values in np.concatenate(world.scorer.seen).tolist():
        got = dict(zip(COLUMNS, values, strict=True))
        if got["payer"] in judges:
            judges[got["payer"]].judge(got)
    for wallets in world.wallets:
        judge = judges[wallets[0]]
        assert sum(len(mine.all) for mine in judge.attempts.values()) == ROUNDS * ROWS
        assert judge.exact > 1_000 and judge.saturated > 100 and judge.on_an_edge > 5, vars(judge)
        assert judge.pool.lost > 0, "no payer was forgotten for want of memory"
