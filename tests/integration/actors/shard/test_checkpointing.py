"""A checkpoint spares replay and changes nothing: what a shard knows after a restart is the same with it and without it."""

import asyncio
import secrets
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.checkpoint.file import CheckpointStore, Stored
from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.blocks import OpenedBlocks, Writer
from actors.records.layout import REQUEST, Kind, Records, Requests, Results
from actors.shard import host
from actors.shard.compile_kernels import ready_kernels
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.host import ShardHost
from actors.shard.in_process import SMALL, InlineScorer, MemorySegments
from rules.vocabulary.encodings import WalletKind

SECRET = bytes(range(16))
EXTERNAL = 1024


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    """Not within the time that a shard has to open."""
    ready_kernels()


def _halt(reason: str) -> NoReturn:
    raise AssertionError(reason)


class _Shard:
    """One incarnation of a lone shard."""

    def __init__(self, database: MemoryDatabase, segments: MemorySegments, base: Path | None) -> None:
        ledger = Ledger(LedgerConfig(shard=0, shards=1, secret=SECRET), SMALL)
        config = ShardConfig(shard=0, shards=1, save_every_records=10_000)
        core = ShardCore(config, ledger, Writer(0, 1, secrets.randbits(63), bytes(16)))
        store = None if base is None else CheckpointStore(base.as_uri(), 0)
        journal = MemoryJournal(database)
        self.host = ShardHost(
            core, journal=journal, peers={}, scorer=InlineScorer(), segments=segments, halt=_halt, checkpoints=store
        )
        self.replayed = 0

    async def __aenter__(self) -> "_Shard":
        core = self.host.core
        replay = core.replay

        def counted(run: OpenedBlocks) -> None:
            self.replayed += len(run.records)
            replay(run)

        core.replay = counted  # type: ignore[method-assign]
        self._life = asyncio.create_task(self.host.run())
        async with asyncio.timeout(30):
            while not self.host.ready:
                await asyncio.sleep(0.005)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)
        await self.host.stop()

    async def submit(self, rows: Requests) -> Results:
        while True:
            results = await self.host.submit(rows.copy(), {})
            if not np.isin(results["code"], (1, 3)).any():
                return results
            await asyncio.sleep(0.005)


def _rows(count: int, rng: np.random.Generator, **columns: Any) -> Requests:
    rows = np.zeros(count, REQUEST)
    rows["caller"], rows["currency"] = 1, 978
    rows["key_hi"], rows["key_lo"] = rng.integers(1, 2**62, (2, count))
    for name, value in columns.items():
        rows[name] = value
    return rows


async def _live(shard: _Shard, rng: np.random.Generator) -> NDArray[np.int64]:
    external = _rows(1, rng, op=Kind.WALLET_OPENED, kind=WalletKind.EXTERNAL, payee=EXTERNAL)
    await shard.submit(external)
    wallets = (await shard.submit(_rows(500, rng, op=Kind.WALLET_OPENED, kind=WalletKind.USER)))["address"]
    await shard.submit(_rows(500, rng, op=Kind.TRANSFER, payer=EXTERNAL, payee=wallets, amount=100_000))
    return wallets


async def _pay(shard: _Shard, rng: np.random.Generator, wallets: NDArray[np.int64], count: int) -> Records:
    payees = rng.choice(wallets, count)
    payers = np.where(payees == wallets[0], wallets[1], wallets[0])
    payers = np.where(rng.random(count) < 0.5, rng.choice(wallets[:2], count), payers)
    payees = np.where(payers == payees, wallets[2], payees)
    rows = _rows(count, rng, op=Kind.TRANSFER, payer=payers, payee=payees, amount=rng.integers(1, 50, count))
    await shard.submit(rows)
    return rows


def _assert_same(one: Ledger, other: Ledger) -> None:
    mine, theirs = one.snapshot().arrays, other.snapshot().arrays
    assert mine.keys() == theirs.keys()
    for name, array in mine.items():
        if name.endswith((".slots", ".parts", ".meta")) or name == "meta":
            continue
        np.testing.assert_array_equal(array, theirs[name], name)
    for name in ("keys.meta", "older_keys.meta", "profile_table.meta"):
        assert mine[name][1] == theirs[name][1], name


async def test_a_restart_from_a_checkpoint_knows_what_a_full_replay_knows(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    database, segments = MemoryDatabase(), MemorySegments()
    async with _Shard(database, segments, tmp_path) as shard:
        wallets = await _live(shard, rng)
        for _ in range(8):
            paid = await _pay(shard, rng, wallets, 2_000)
        await shard.host.save()
        await _pay(shard, rng, wallets, 300)
    async with _Shard(database, segments, tmp_path) as quick, _Shard(database, segments, None) as full:
        assert 0 < quick.replayed < full.replayed
        _assert_same(quick.host.core.ledger, full.host.core.ledger)
        again = await full.submit(paid[:50])
        assert again["replayed"].all()


@pytest.mark.parametrize("spoil", ["truncated", "of another journal"])
async def test_a_checkpoint_that_cannot_be_trusted_is_discarded(tmp_path: Path, spoil: str) -> None:
    rng = np.random.default_rng(8)
    database, segments = MemoryDatabase(), MemorySegments()
    async with _Shard(database, segments, tmp_path) as shard:
        wallets = await _live(shard, rng)
        await _pay(shard, rng, wallets, 100)
        await shard.host.save()
    if spoil == "truncated":
        for path in (tmp_path / "shard-0").iterdir():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        async with _Shard(database, segments, tmp_path) as full:
            assert full.replayed > 5
            assert full.host.core.ledger.wallet(int(wallets[0])) is not None
        return
    other, others = MemoryDatabase(), MemorySegments()
    async with _Shard(other, others, None) as shard:
        await _live(shard, rng)
        await _pay(shard, rng, wallets, 100)
    async with _Shard(other, others, tmp_path) as full:
        assert full.replayed > 3


async def test_when_the_newest_is_spoiled_the_one_before_it_is_read_and_nothing_is_left_of_the_newest(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(10)
    database, segments = MemoryDatabase(), MemorySegments()
    async with _Shard(database, segments, tmp_path) as shard:
        wallets = await _live(shard, rng)
        await shard.host.save()
        await _pay(shard, rng, wallets, 2_000)
        await shard.host.save()
    newest, _ = CheckpointStore(tmp_path.as_uri(), 0).names()
    data = bytearray(Path(newest).read_bytes())
    for place in range(len(data) // 2, len(data), 997):  # not in one place alone, which could be padding
        data[place] ^= 1
    Path(newest).write_bytes(data)
    async with _Shard(database, segments, tmp_path) as quick, _Shard(database, segments, None) as full:
        assert 2_000 <= quick.replayed < full.replayed
        _assert_same(quick.host.core.ledger, full.host.core.ledger)


async def test_a_shard_that_takes_long_to_load_a_checkpoint_does_not_take_itself_for_one_that_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(9)
    database, segments = MemoryDatabase(), MemorySegments()
    async with _Shard(database, segments, tmp_path) as shard:
        wallets = await _live(shard, rng)
        await shard.host.save()
    fill = Stored.fill

    def slow(stored: Stored, places: dict[str, Any]) -> None:
        time.sleep(2 * host.STALL_MAX_S)
        fill(stored, places)

    monkeypatch.setattr(host, "STALL_MAX_S", 0.5)
    monkeypatch.setattr(Stored, "fill", slow)
    async with _Shard(database, segments, tmp_path) as quick:
        assert quick.replayed < 5
        assert quick.host.core.ledger.wallet(int(wallets[0])) is not None
