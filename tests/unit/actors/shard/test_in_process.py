"""Shards in one loop are the real ones: money crosses between them, and a core that asks for its end ends its switch."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import numpy as np
import pytest

from actors.journal.interface import Journal
from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.records.addresses import segment_of
from actors.records.layout import REQUEST, Kind, Requests, Results
from actors.shard import messages as m
from actors.shard.host import ShardHost
from actors.shard.in_process import InlineScorer, LocalSwitch, MemorySegments, ShardDied
from rules.builtin import PACK
from rules.decisions.decision import INITIAL_FALLBACK
from rules.decisions.pack import Decider
from rules.vocabulary.columns import COLUMN_COUNT
from rules.vocabulary.encodings import WalletKind

EUR, BANK = 978, 1024


def _switch(database: MemoryDatabase, segments: MemorySegments, shards: int = 2) -> LocalSwitch:
    journals: list[Journal] = [MemoryJournal(database) for _ in range(shards)]
    return LocalSwitch(journals=journals, segments=segments, secret=bytes(16), scored=False)


@pytest.fixture
async def switch() -> AsyncIterator[LocalSwitch]:
    switch = _switch(MemoryDatabase(), MemorySegments())
    await switch.start()
    yield switch
    await switch.stop()


def _row(**columns: int) -> Requests:
    rows = np.zeros(1, REQUEST)
    rows["key_hi"], rows["caller"], rows["currency"] = secrets.randbits(62), 1, EUR
    for name, value in columns.items():
        rows[name] = value
    return rows


async def _done(host: ShardHost, rows: Requests) -> Results:
    while True:
        results = await host.submit(rows.copy(), {})
        if not np.isin(results["code"], (1, 3)).any():
            assert not results["code"].any()
            return results


async def _wallet(host: ShardHost, balance: int = 0) -> int:
    await _done(host, _row(op=Kind.WALLET_OPENED, kind=WalletKind.EXTERNAL, payee=BANK))
    address = int((await _done(host, _row(op=Kind.WALLET_OPENED, kind=WalletKind.USER)))["address"][0])
    if balance:
        await _done(host, _row(op=Kind.TRANSFER, payer=BANK, payee=address, amount=balance))
    return address


async def _balance(host: ShardHost, address: int) -> int:
    (wallet,) = await host.wallets(np.array([address]))
    return int(wallet["credits"] - wallet["debits"])


async def test_money_crosses_from_shard_to_shard(switch: LocalSwitch) -> None:
    payer, payee = await _wallet(switch.hosts[0], 70), await _wallet(switch.hosts[1])
    assert segment_of(payer) != segment_of(payee)
    await _done(switch.hosts[0], _row(op=Kind.TRANSFER, payer=payer, payee=payee, amount=30))
    while not await _balance(switch.hosts[1], payee):
        pass  # each look is a turn of the loop
    assert [await _balance(switch.hosts[0], payer), await _balance(switch.hosts[1], payee)] == [40, 30]


async def test_another_switch_over_the_same_journals_knows_what_the_first_did() -> None:
    database, segments = MemoryDatabase(), MemorySegments()
    first = _switch(database, segments, 1)
    await first.start()
    address = await _wallet(first.hosts[0], 70)
    await first.stop()
    second = _switch(database, segments, 1)
    await second.start()
    assert await _balance(second.hosts[0], address) == 70
    await second.stop()


async def test_where_all_was_lost_no_wallet_takes_the_address_of_one_of_before() -> None:
    segments = MemorySegments()
    first = _switch(MemoryDatabase(), segments, 1)
    await first.start()
    lost = await _wallet(first.hosts[0])
    await first.stop()
    segments.close_all()
    second = _switch(MemoryDatabase(), segments, 1)
    await second.start()
    assert await _wallet(second.hosts[0]) not in (0, lost)
    await second.stop()


async def test_a_core_that_asks_for_its_end_ends_the_start_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    switch = _switch(MemoryDatabase(), MemorySegments(), 1)
    monkeypatch.setattr(switch.hosts[0].core, "handle", lambda *_: [m.Halt(reason="enough")])
    with pytest.raises(ShardDied, match="enough"):
        await switch.start()


async def test_the_end_waits_for_no_shard_that_died_with_requests_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    switch = _switch(MemoryDatabase(), MemorySegments(), 1)
    await switch.start()
    monkeypatch.setattr(switch.hosts[0].core, "handle", lambda *_: [m.Halt(reason="enough")])
    with pytest.raises(ShardDied, match="enough"):
        await switch.hosts[0].wallets(np.array([1]))
    assert switch.hosts[0]._answers, "as of whoever else asked"
    with pytest.raises(ShardDied, match="enough"):
        await asyncio.wait_for(switch.stop(), 5)


async def test_segments_are_given_out_from_one_on() -> None:
    segments = MemorySegments()
    for shard in (1, 0, 1):
        await segments.claim(shard)
    owners = await segments.owners()
    owners.clear()
    assert await segments.owners() == {1: 1, 2: 0, 3: 1}


async def test_the_inline_scorer_decides_as_the_pack_does() -> None:
    columns = np.random.default_rng(5).integers(0, 2_000, (40, COLUMN_COUNT))
    scorer, payers = InlineScorer(), np.arange(40)
    expected = Decider(PACK).decide(columns)
    for asked in (scorer.decide, scorer.preview):
        decisions, fallback = await asked(payers, columns)
        np.testing.assert_array_equal(decisions, expected)
        assert fallback == INITIAL_FALLBACK
    assert scorer.condition().stops == []
