"""What the core says and seals, one message at a time."""

from typing import Any

import numpy as np
import pytest

from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.addresses import record_address, wallet_address
from actors.records.blocks import Writer, entries_of, header_of
from actors.records.codes import Code
from actors.records.layout import FLAG_REMOTE, RECORD, REQUEST, Kind, WalletKind
from actors.shard import messages as m
from actors.shard.channels import Cursor
from actors.shard.core import HEADS_EVERY_MS, ShardConfig, ShardCore
from tests.unit.actors.shard.one_shard import EUR, SMALL, START, OneShard

HERE, THERE, NOWHERE = 1, 2, 3
"""Segments: of this shard, of another, of nobody that is known."""


@pytest.fixture
def core() -> ShardCore:
    """The first of two shards, that serves nobody yet."""
    ledger = Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), SMALL)
    core = ShardCore(ShardConfig(shard=0, shards=2), ledger, Writer(0, 1, 1, bytes(16)))
    core.handle(m.Segments(owners={HERE: 0, THERE: 1}), START)
    return core


def slot(segment: int, place: int = 5) -> int:
    """The address of a wallet."""
    return wallet_address(segment, place)


def payments(payer: int, *payees: int) -> Any:
    rows = np.zeros(len(payees), REQUEST)
    rows["op"], rows["payer"], rows["payee"] = Kind.TRANSFER, payer, payees
    rows["amount"], rows["currency"], rows["caller"], rows["key_lo"] = 1, EUR, 1, np.arange(len(payees)) + 1_000
    return rows


def test_details_are_sealed_with_the_record_of_their_row_and_the_block_says_what_was_seen() -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=10), shard.wallet()
    before = len(shard.blocks)
    details = {0: b"\x81\xa1a\x01", 2: b"\x81\xa1b\x02"}
    results = shard.ask(lambda ref: m.Submit(ref=ref, rows=payments(payer, payee, payer, payee), details=details))
    assert results["code"].tolist() == [0, Code.SAME_WALLET, 0]
    (block,) = shard.blocks[before:]
    assert {k: bytes(entry) for k, entry in entries_of(block.details).items()} == {0: details[0], 1: details[2]}
    assert header_of(block.data).seen == record_address(0, block.number, 0) - 1


def test_an_idle_shard_looks_at_the_journals_head_each_second() -> None:
    shard = OneShard()
    for ms, looks in ((HEADS_EVERY_MS - 1, 0), (1, 1), (1, 0), (HEADS_EVERY_MS - 2, 0), (1, 1)):
        shard.now += ms
        outputs = shard.core.handle(m.Tick(), shard.now)
        assert [type(output) for output in outputs] == [m.ReadHead] * looks
        if looks:
            (output,) = outputs
            assert isinstance(output, m.ReadHead)
            for answer in shard._answered_by(output):
                assert not shard.core.handle(answer, shard.now)


@pytest.mark.parametrize(("recorded", "halts"), [(5, False), (4, True)])
def test_a_cursor_in_the_journal_stops_its_channel_and_one_in_memory_the_shard(
    core: ShardCore, recorded: int, halts: bool
) -> None:
    receiver = core.receivers[1]
    receiver.stopped, receiver.cursor = True, Cursor(5, bytes(16))
    core._recorded[1] = recorded
    alert: m.Output = m.Alert(text="the channel stopped")
    (said,) = core._judged(receiver, [alert])
    assert isinstance(said, m.Halt) == halts and (halts or said is alert)


@pytest.mark.parametrize(("segment", "read"), [(0, False), (HERE, False), (THERE, False), (NOWHERE, True)])
def test_the_topology_is_read_for_a_segment_that_may_have_come_since(core: ShardCore, segment: int, read: bool) -> None:
    core._fetch_payees(payments(slot(HERE), slot(segment)), 7)
    assert [output.stamp for output in core._out if isinstance(output, m.ReadSegments)] == [7] * read


def test_an_original_is_forgotten_for_another_once_its_refunds_are_durable(core: ShardCore) -> None:
    core.writer.start_at(9, bytes(32))
    told: list[int] = []
    core._originals.answered = lambda message, ledger, durable: told.append(durable)  # type: ignore[method-assign]
    core._originals_read(m.Originals(stamp=1, originals=np.zeros(0)))
    assert told == [record_address(0, 10, 0)], "all below the next block's are durable"


def test_a_preview_asks_for_a_payee_of_another_shard_only_when_it_is_not_known(core: ShardCore) -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=10), shard.wallet()
    shard.feed(m.Segments(owners={1: 0, 2: 1}))
    rows = payments(payer, payee)
    assert shard.ask(lambda ref: m.TryOut(ref=ref, row=rows)).code == Code.OK
    assert not shard.asked_for


def test_segments_in_use_are_no_spare_ones_though_the_topology_was_read_before_the_journal() -> None:
    first = OneShard()
    first.wallet(WalletKind.USER)
    again = OneShard()
    core = ShardCore(
        again.core.config, Ledger(LedgerConfig(shard=0, shards=1, secret=bytes(16)), SMALL), Writer(0, 1, 2, bytes(16))
    )
    core.handle(m.Segments(owners={1: 0, 2: 0}), START)
    core.replay(core.chain().extend([(block.number, block.data) for block in first.blocks]))
    again.core, again.blocks = core, first.blocks
    again.feed(m.Clock(off_ms=0))
    again.feed(m.Recovered())
    assert core.serving and core._segments._spare == [2]


def stored(core: ShardCore, outputs: list[m.Output]) -> list[m.Output]:
    """What follows when the append among these is stored."""
    (append,) = (output for output in outputs if isinstance(output, m.Append))
    return core.handle(m.Stored(sequence=append.sequence, outcome="stored"), START)


def test_a_shard_that_opens_tells_the_others_at_once_who_writes_and_how_far(core: ShardCore) -> None:
    core.handle(m.Clock(off_ms=0), START)
    outputs = stored(core, core.handle(m.Recovered(), START))
    (push,) = (output for output in outputs if isinstance(output, m.Push))
    assert (push.shard, push.legs.writer, push.legs.until, len(push.legs.records)) == (1, 1, 1, 0)
    (read,) = (output for output in outputs if isinstance(output, m.ReadChannel))
    assert (read.sender, read.first) == (1, 1)


def test_what_another_shard_must_see_leaves_once_it_is_durable(core: ShardCore) -> None:
    core.handle(m.Clock(off_ms=0), START)
    stored(core, core.handle(m.Recovered(), START))
    records = np.zeros(2, RECORD)
    records["kind"], records["flags"] = Kind.TRANSFER, FLAG_REMOTE
    records["payee"] = slot(HERE), slot(THERE)
    core.writer.seal(records, {}, 0)
    sent = core.handle(m.Pushed(shard=1), START)
    assert not any(isinstance(output, m.Push) for output in sent), "it is not durable"
    (push,) = (output for output in stored(core, sent) if isinstance(output, m.Push))
    assert (push.shard, push.legs.since, push.legs.until) == (1, 1, 2)
    assert push.legs.records["payee"].tolist() == [slot(THERE)]
    assert push.legs.addresses.tolist() == [record_address(0, 2, 1)]


def test_heads_are_copied_only_while_the_core_works_beside_others(core: ShardCore) -> None:
    heads = core.begin_concurrent()
    assert core._concurrent is heads
    core.end_concurrent()
    assert core._concurrent is None
