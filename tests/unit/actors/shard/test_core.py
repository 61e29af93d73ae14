"""What the core says and seals, one message at a time."""

from typing import Any

import msgspec
import numpy as np
import pytest

from actors.ledger.admission import Channels
from actors.ledger.book import profile_row
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.addresses import record_address, wallet_address
from actors.records.blocks import GENESIS, Chain, Writer, entries_of, header_of, records_of, seal
from actors.records.codes import Code
from actors.records.layout import (
    BLOCK_RECORDS_MAX,
    FLAG_REMOTE,
    OPENED,
    ORIGINAL,
    RECORD,
    REQUEST,
    TIER,
    TOPOLOGY,
    WALLET,
    WALLET_KIND,
    WRITER,
    Kind,
)
from actors.shard import messages as m
from actors.shard.channels import Arrival, Cursor, Receiver, cursor_of, fill_cursor
from actors.shard.config import ShardConfig
from actors.shard.core import BACKLOG_RECORDS_MAX, BATCHES_AT_ONCE, HEADS_EVERY_MS, ShardCore
from rules.decisions.decision import Action
from rules.decisions.pack import fallback_decisions
from rules.vocabulary.encodings import WalletKind
from tests.unit.actors.shard.one_shard import EUR, SMALL, START, OneShard

NOWHERE, HERE, THERE = 1, 2, 3
"""Segments: of nobody that is known, of this shard, of another."""


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


def key_of(number: int) -> bytes:
    """The bytes of a key of which the lower half is this number."""
    return bytes(8) + number.to_bytes(8, "little")


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


@pytest.mark.parametrize(
    ("recorded", "block", "halts"), [(5, 5, False), (4, 5, True), (None, 0, False), (None, 1, True)]
)
def test_a_cursor_in_the_journal_stops_its_channel_and_one_in_memory_the_shard(
    core: ShardCore, recorded: int | None, block: int, halts: bool
) -> None:
    receiver = core.receivers[1]
    receiver.stopped, receiver.cursor = True, Cursor(block, bytes(16))
    if recorded is not None:
        core._recorded[1] = recorded
    alert: m.Output = m.Alert(text="the channel stopped")
    (output,) = core._judged(receiver, [alert])
    assert isinstance(output, m.Halt) == halts and (halts or output is alert)


@pytest.mark.parametrize(("segment", "read"), [(0, False), (HERE, False), (THERE, False), (NOWHERE, True)])
def test_the_topology_is_read_for_a_segment_that_may_have_come_since(core: ShardCore, segment: int, read: bool) -> None:
    core._fetch_payees(payments(slot(HERE), slot(segment)), 7)
    assert [output.stamp for output in core._out if isinstance(output, m.ReadSegments)] == [7] * read


def test_an_original_is_forgotten_for_another_once_its_refunds_are_durable(core: ShardCore) -> None:
    core.writer.start_at(9, bytes(32))
    calls: list[int] = []
    core._originals.answered = lambda message, ledger, durable: calls.append(durable)  # type: ignore[method-assign]
    core._originals_read(m.Originals(stamp=1, originals=np.zeros(0, ORIGINAL)))
    assert calls == [record_address(0, 10, 0)], "all below the next block's are durable"


def test_a_preview_asks_for_a_payee_of_another_shard_that_is_not_known() -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=10), shard.wallet()
    shard.feed(m.Segments(owners={1: 0, 2: 1}))
    assert shard.ask(lambda ref: m.TryOut(ref=ref, row=payments(payer, payee))).code == Code.OK
    assert not shard.asked_for
    (result,) = shard.ask(lambda ref: m.TryOut(ref=ref, row=payments(payer, slot(2))))
    assert result["code"] == Code.DEFERRED and result["record_time"] == shard.core._stamp
    assert shard.asked_for == [slot(2)]


def test_a_batch_is_decided_by_its_own_decisions_or_by_the_fallback_once_its_time_is_over() -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=10), shard.wallet()
    core = shard.core
    core.config = ShardConfig(shard=0, shards=1, score_timeout_ms=50)

    def asks(ref: int, key: int) -> int:
        rows = payments(payer, payee)
        rows["key_lo"] = key
        (score,) = core.handle(m.Submit(ref=ref, rows=rows, details={}), shard.now)
        assert isinstance(score, m.Score)
        return score.number

    first = asks(101, 1)
    shard.feed(m.TryOut(ref=102, row=payments(payer, payee)))
    shard.feed(m.FindKey(ref=104, caller=1, home=payer, key=key_of(1)))
    shard.feed(m.FindKey(ref=105, caller=1, home=payer, key=key_of(9)))
    assert shard.answers[105] == 0 and 104 not in shard.answers, "its record is not made yet"
    for ms, fallbacks in ((49, 0), (1, 1)):
        shard.now += ms
        assert 102 not in shard.answers, "between two batches"
        shard.feed(m.Tick())
        assert core.fallbacks == fallbacks and (101 in shard.answers) == bool(fallbacks)
    assert 102 in shard.answers and shard.answers[101]["code"] == 0
    assert shard.answers[104] == shard.answers[101]["address"] > 0
    second = asks(103, 2)
    decline = fallback_decisions(1, action=Action.DECLINE, number=9)
    shard.feed(m.Scored(number=first, decisions=decline))
    assert 103 not in shard.answers, "these are of the batch before"
    shard.feed(m.Scored(number=second, decisions=decline))
    assert shard.answers[103]["code"] == Code.DECLINED and core.fallbacks == 1


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
    first = core.handle(m.Recovered(), START)
    (append,) = first
    assert isinstance(append, m.Append)
    (block,) = append.blocks
    (record,) = records_of(block.data)
    assert (record["kind"], record[TOPOLOGY], record[WRITER]) == (Kind.OPEN, 1, 1)
    assert (record["record_time"], record["effective_time"], header_of(block.data).seen) == (START, START, 0)
    outputs = stored(core, first)
    (push,) = (output for output in outputs if isinstance(output, m.Push))
    assert (push.shard, push.legs.writer, push.legs.until, len(push.legs.records)) == (1, 1, 1, 0)
    (read,) = (output for output in outputs if isinstance(output, m.ReadChannel))
    assert (read.sender, read.first) == (1, 1)
    assert read.stamp > START, "it is of this process"


def test_what_another_shard_must_see_leaves_once_it_is_durable(core: ShardCore) -> None:
    core.handle(m.Clock(off_ms=0), START)
    stored(core, core.handle(m.Recovered(), START))
    records = np.zeros(3 * BLOCK_RECORDS_MAX, RECORD)
    records["kind"], records["flags"] = Kind.TRANSFER, FLAG_REMOTE
    records["payee"], records["payee"][1] = slot(HERE), slot(THERE)
    core.writer.seal(records, {}, 0)
    sent = core.handle(m.Pushed(shard=1), START)
    assert not any(isinstance(output, m.Push) for output in sent), "it is not durable"
    (push,) = (output for output in stored(core, sent) if isinstance(output, m.Push))
    assert (push.shard, push.legs.since, push.legs.until) == (1, 1, 4)
    assert push.legs.records["payee"].tolist() == [slot(THERE)]
    assert push.legs.addresses.tolist() == [record_address(0, 2, 1)]
    core.handle(m.Pushed(shard=1), START)
    core.writer.seal(records[:1], {}, 0)
    (append,) = core.handle(m.GoOn(), START)
    assert not any(isinstance(output, m.Push) for output in stored(core, [append])), "there is nothing for it"


def test_heads_are_copied_only_while_the_core_works_beside_others(core: ShardCore) -> None:
    heads = core.begin_concurrent()
    assert core._concurrent is heads
    core.end_concurrent()
    assert core._concurrent is None


def test_a_wallet_that_waits_for_a_segment_is_told_since_when() -> None:
    shard = OneShard()
    waiting = shard.pay(op=Kind.WALLET_OPENED, kind=WalletKind.USER)
    assert (waiting["code"], waiting["record_time"]) == (Code.DEFERRED, shard.core._stamp) and shard.core._stamp


def test_while_a_batch_is_at_work_the_heads_before_it_are_read() -> None:
    shard = OneShard()
    wallets = np.array([shard.wallet(balance=10), shard.wallet()])
    heads = shard.core.begin_concurrent()
    before = heads.read(wallets)
    shard.pay(op=Kind.TRANSFER, payer=wallets[0], payee=wallets[1], amount=3)
    assert heads.read_during_batch(wallets) == before
    shard.core.end_concurrent()
    assert shard.core.begin_concurrent().read(wallets) != before


def test_a_new_core_has_seen_nothing_and_takes_no_payments_before_it_knows_the_time(core: ShardCore) -> None:
    assert (core.clock_off_ms, core.timeline, core.fallbacks, core.queued_rows) == (0, 0, 0, 0)
    assert not core.serving and not core.dead
    core.serving = True
    assert not core.ready
    core.handle(m.Clock(off_ms=0), START)
    assert core.ready


def test_a_checkpoint_is_taken_after_so_many_records() -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=10), shard.wallet()
    shard.core.config = ShardConfig(shard=0, shards=1, scored=False, save_every_records=shard.core._unsaved_records + 2)
    saves: list[m.Save] = []
    answered_by = shard._answered_by

    def watched(output: m.Output) -> list[m.Message]:
        saves.extend([output] if isinstance(output, m.Save) else [])
        return answered_by(output)

    shard._answered_by = watched  # type: ignore[method-assign]
    shard.pay(op=Kind.TRANSFER, payer=payer, payee=payee, amount=1)
    assert not saves
    shard.pay(op=Kind.TRANSFER, payer=payer, payee=payee, amount=1)
    (save,) = saves
    assert save.block == len(shard.blocks) and shard.core._unsaved_records == 0


def pushed(core: ShardCore, payee: int) -> m.Legs:
    """The other shard's next block, with a payment of 1 to a wallet of this one."""
    records = np.zeros(1, RECORD)
    records["kind"], records["flags"], records["payer"], records["payee"] = Kind.TRANSFER, FLAG_REMOTE, slot(2), payee
    records["amount"], records["currency"] = 1, EUR
    cursor = core.receivers[1].cursor
    return m.Legs(
        sender=1, writer=9, timeline=0, since=cursor.block, since_hash=cursor.hash, until=cursor.block + 1,
        until_hash=bytes([cursor.block + 1] * 32), records=records,
        addresses=np.array([record_address(1, cursor.block + 1, 0)]),
    )  # fmt: skip


def with_another_shard(shard: OneShard) -> None:
    """From now on it hears of a second one, that has the second segment."""
    shard.feed(m.Segments(owners={1: 0, 2: 1}))
    shard.core.receivers[1] = Receiver(1, 0)
    shard.core._written[1] = shard.core._recorded[1] = 0
    shard.core._channels = Channels(np.zeros(2, np.int64), np.zeros(2, np.int64))


def page_of(stamp: int) -> m.Page:
    """The first block of the other shard's journal, and its end."""
    blocks, _ = seal(Writer(1, 1, 9, bytes(16)), first=1, previous=GENESIS, seen=0, records=opening(9), details={})
    return m.Page(sender=1, stamp=stamp, blocks=[(1, blocks[0].data)], end=True)


def profiles_of(address: int) -> m.Profiles:
    wallets = np.zeros(1, WALLET)
    wallets["currency"], wallets["kind"], wallets["opened"] = EUR, 1, 7
    return m.Profiles(shard=1, stamp=1, addresses=np.array([address]), wallets=wallets)


def test_a_checkpoint_that_is_due_is_not_put_off_by_what_other_shards_send() -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=10), shard.wallet()
    with_another_shard(shard)
    core = shard.core
    outputs = core.handle(pushed(core, payee), shard.now)
    core.config = ShardConfig(shard=0, shards=1, scored=False, save_every_records=1)
    outputs += core.handle(m.Submit(ref=99, rows=payments(payer, payee), details={}), shard.now)
    happened: list[m.Output] = []
    for place in range(3):
        sent = pushed(core, payee), profiles_of(slot(2, place))
        messages = [*sent, *(message for output in outputs for message in shard._answered_by(output))]
        outputs = [output for message in messages for output in core.handle(message, shard.now)]
        happened += outputs
    kinds = [type(output) for output in happened]
    assert kinds.count(m.Save) and kinds.index(m.Save) < kinds.index(m.Answer), "within three appends"
    (wallet,) = core.ledger.wallets(np.array([payee]))
    assert wallet["credits"] >= 2


def test_what_is_not_taken_in_before_a_checkpoint_is_read_after_it() -> None:
    shard = OneShard()
    payee = shard.wallet()
    with_another_shard(shard)
    core = shard.core
    receiver = core.receivers[1]
    outputs = core.handle(pushed(core, payee), shard.now)
    core.config = ShardConfig(shard=0, shards=1, scored=False, save_every_records=1)
    receiver.reading = True
    core._remote_wallets._asking.add(slot(2))
    for message in (pushed(core, payee), page_of(5), profiles_of(slot(2))):
        assert not core.handle(message, shard.now)
    assert receiver.cursor.block == 1 and not receiver.reading and core._channels.asked[1] == 0
    assert not core._remote_wallets._asking, "whoever needs it asks again"
    (append,) = (output for output in outputs if isinstance(output, m.Append))
    save, read = core.handle(m.Stored(sequence=append.sequence, outcome="stored"), shard.now)
    assert isinstance(save, m.Save) and save.cursors[1][0] == 1
    assert isinstance(read, m.ReadChannel) and (read.sender, read.first, read.stamp) == (1, 1, core._stamp)
    core.handle(pushed(core, payee), shard.now)
    assert receiver.cursor.block == 2, "it takes in again"


def test_the_records_after_which_a_checkpoint_is_taken_are_counted_from_the_journals_end(core: ShardCore) -> None:
    assert core._unsaved_records == 0
    core.handle(m.Clock(off_ms=0), START)
    stored(core, core.handle(m.Recovered(), START))
    core.writer.seal(np.zeros(3, RECORD), {}, 0)
    stored(core, core.handle(m.GoOn(), START))
    assert core._unsaved_records == 3


def arrived(core: ShardCore, until: int, records: Any) -> list[Any]:
    """What is sealed when these records of the other shard arrive."""
    addresses = np.array([record_address(1, until, at) for at in range(len(records))], np.int64)
    before = len(core.writer.units)
    core._arrive(1, Arrival(records, addresses, Cursor(until, bytes(range(16)))))
    units = core.writer.units[before:]
    assert {header_of(block.data).seen for unit in units for block in unit.blocks} <= {0}, "nobody asked for it"
    return [record for unit in units for record in unit.records]


def test_a_cursor_that_moved_far_without_legs_is_written_down(core: ShardCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.core.CURSOR_BLOCKS_MAX", 3)
    nothing = np.zeros(0, RECORD)
    assert arrived(core, 2, nothing) == [] and core.receivers[1].cursor.block == 2
    (record,) = arrived(core, 3, nothing)
    assert (record["kind"], cursor_of(record)) == (Kind.CURSOR, Cursor(3, bytes(range(16))))
    assert arrived(core, 5, nothing) == [] and len(arrived(core, 6, nothing)) == 1


def test_a_journal_says_how_far_others_were_read(core: ShardCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.core.CURSOR_BLOCKS_MAX", 3)
    record = opening(9)
    fill_cursor(record, 1, Cursor(10, bytes(range(16))))
    blocks, _ = seal(Writer(0, 1, 9, bytes(16)), first=1, previous=GENESIS, seen=0, records=record, details={})
    core.replay(core.chain().extend([(1, blocks[0].data)]))
    assert core.receivers[1].cursor == Cursor(10, bytes(range(16))) and core._channels.read.tolist() == [0, 10]
    assert core._recorded[1] == 10 and core._unsaved_records == 1
    assert arrived(core, 12, np.zeros(0, RECORD)) == [] and len(arrived(core, 13, np.zeros(0, RECORD))) == 1


def test_what_is_learned_of_another_shards_wallets_is_sealed_and_was_asked_for_by_nobody(core: ShardCore) -> None:
    core._remote_wallets._asking.add(slot(THERE))
    wallets = np.zeros(1, WALLET)
    wallets["currency"], wallets["kind"], wallets["opened"] = EUR, 1, 7
    core._profiles(m.Profiles(shard=1, stamp=1, addresses=np.array([slot(THERE)]), wallets=wallets))
    (unit,) = core.writer.units
    (record,) = unit.records
    assert (record["kind"], record["payee"], record["record_time"]) == (Kind.PROFILE, slot(THERE), START)
    assert header_of(unit.blocks[0].data).seen == 0
    assert int(profile_row(core.ledger.book, np.int64(slot(THERE)))) >= 0
    core._profiles(m.Profiles(shard=1, stamp=1, addresses=np.array([slot(THERE)]), wallets=None))
    assert len(core.writer.units) == 1


def test_a_checkpoint_says_how_far_others_were_read(core: ShardCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.core.CURSOR_BLOCKS_MAX", 3)
    core.resume_at(7, bytes(range(32)), {1: Cursor(10, bytes(16))})
    assert (core.writer.durable_block, core.writer.durable_hash, core.writer.sealed_block) == (7, bytes(range(32)), 7)
    assert core.receivers[1].cursor == Cursor(10, bytes(16)) and core._channels.read.tolist() == [0, 10]
    assert arrived(core, 12, np.zeros(0, RECORD)) == [] and len(arrived(core, 13, np.zeros(0, RECORD))) == 1


def test_a_shard_that_does_not_serve_answers_payments_that_it_is_busy(core: ShardCore) -> None:
    (answer,) = core.handle(m.Submit(ref=7, rows=payments(slot(HERE), slot(HERE, 6), slot(THERE)), details={}), START)
    assert isinstance(answer, m.Answer) and answer.ref == 7 and answer.value["code"].tolist() == [Code.BUSY] * 2
    assert core.handle(m.Read(ref=8, addresses=np.array([slot(HERE)])), START) == []
    assert core.handle(m.FindHeads(ref=9, addresses=np.array([slot(HERE)])), START) == []
    assert core.handle(m.TryOut(ref=10, row=payments(slot(HERE), slot(THERE))), START) == []


def test_what_arrives_is_sealed_as_legs_changes_and_the_cursor_and_takes_effect() -> None:
    shard = OneShard()
    payee = shard.wallet()
    core = shard.core
    core.receivers[1] = Receiver(1, 0)
    core._written[1] = core._recorded[1] = 0
    core._channels = Channels(np.zeros(2, np.int64), np.zeros(2, np.int64))
    for address in (slot(2), slot(2, 6)):
        profile = np.zeros(1, RECORD)
        profile["kind"], profile["payee"], profile["currency"] = Kind.PROFILE, address, EUR
        profile[WALLET_KIND], profile[OPENED] = 1, 7
        assert core.ledger.learn(profile[0])
    records = np.zeros(4, RECORD)
    records["kind"] = Kind.WALLET_TIER, Kind.TRANSFER, Kind.WALLET_TIER, Kind.TRANSFER
    records["payee"] = slot(2), payee, slot(2, 6), payee
    records["payer"], records["amount"], records["currency"], records["flags"] = slot(2), 7, EUR, FLAG_REMOTE
    records[WALLET_KIND], records[TIER] = 1, 2
    first = core.writer.next_address
    sealed = arrived(core, 4, records)
    kinds = [Kind.LEG, Kind.LEG, Kind.PROFILE, Kind.PROFILE, Kind.CURSOR]
    assert [Kind(record["kind"]) for record in sealed] == kinds
    assert {int(record["record_time"]) for record in sealed} == {core.ledger.record_time}
    assert [int(record["payee"]) for record in sealed[:4]] == [payee, payee, slot(2), slot(2, 6)]
    assert cursor_of(sealed[-1]).block == 4 and (core._written[1], core._recorded[1]) == (4, 4)
    (wallet,) = core.ledger.wallets(np.array([payee]))
    assert (wallet["head"], wallet["credits"]) == (first + 1, 14)
    tiers = [
        int(core.ledger.book.profiles[profile_row(core.ledger.book, np.int64(a))]["tier"])
        for a in (slot(2), slot(2, 6))
    ]
    assert tiers == [2, 2] and core.ledger.fills()["profiles"][0] == 2


@pytest.mark.parametrize(("serving", "sender", "timeline", "counts"), [
    (True, 1, 0, True), (False, 1, 0, False), (True, 0, 0, False), (True, 9, 0, False), (True, 1, 5, False),
])  # fmt: skip
def test_a_push_counts_while_serving_from_another_shard_on_the_same_timeline(
    core: ShardCore, serving: bool, sender: int, timeline: int, counts: bool
) -> None:
    core.serving = serving
    legs = m.Legs(
        sender=sender, writer=7, timeline=timeline, since=0, since_hash=GENESIS, until=2, until_hash=bytes(32),
        records=np.zeros(0, RECORD), addresses=np.zeros(0, np.int64),
    )  # fmt: skip
    core.handle(legs, START)
    assert core.receivers[1].cursor.block == (2 if counts else 0)


def test_only_so_many_batches_that_wait_for_nothing_are_made_before_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=100), shard.wallet()
    monkeypatch.setattr("actors.shard.intake.BATCH_ROWS_MAX", 1)
    core = shard.core
    rows = payments(payer, *[payee] * (2 * BATCHES_AT_ONCE + 1))
    before = core._batches
    for begun in (BATCHES_AT_ONCE, 2 * BATCHES_AT_ONCE, 2 * BATCHES_AT_ONCE + 1):
        message = m.Submit(ref=1, rows=rows, details={}) if begun == BATCHES_AT_ONCE else m.GoOn()
        outputs = core.handle(message, shard.now)
        assert core._batches - before == begun
        pauses = [output for output in outputs if isinstance(output, m.Pause)]
        assert len(pauses) == (begun <= 2 * BATCHES_AT_ONCE)


def test_the_pace_hears_of_every_append_and_how_it_ended(core: ShardCore) -> None:
    calls: list[tuple[int, ...]] = []
    core._pace.began = lambda size, now_ms: calls.append((size, now_ms))  # type: ignore[method-assign]
    core._pace.ended = lambda now_ms: calls.append((now_ms,))  # type: ignore[method-assign]
    core.handle(m.Clock(off_ms=0), START)
    stored(core, core.handle(m.Recovered(), START))
    calls.clear()
    core.writer.seal(np.zeros(3, RECORD), {}, 0)
    size = core.writer.backlog_bytes
    (append,) = core.handle(m.GoOn(), START + 1)
    assert isinstance(append, m.Append) and calls == [(size, START + 1)]
    (again,) = core.handle(m.Stored(sequence=append.sequence, outcome="unavailable"), START + 2)
    assert isinstance(again, m.Append) and calls[1:] == [(0, START + 2)]
    core.handle(m.Stored(sequence=append.sequence, outcome="stored"), START + 3)
    assert calls[2:] == [(START + 3,)]


def test_who_opens_where_another_has_written_reads_on_and_opens_again(core: ShardCore) -> None:
    core.handle(m.Clock(off_ms=0), START)
    (append,) = core.handle(m.Recovered(), START)
    assert isinstance(append, m.Append)
    (read,) = core.handle(m.Stored(sequence=append.sequence, outcome="taken"), START)
    assert isinstance(read, m.ReadBlock)
    other, _ = seal(Writer(0, 1, 9, bytes(16)), first=1, previous=GENESIS, seen=0, records=opening(9), details={})
    (on,) = core.handle(m.BlockIs(sequence=read.sequence, number=1, data=other[0].data), START)
    assert isinstance(on, m.ReadOn) and on.first == 1
    assert not core.serving and not core.dead and core.writer.sealed_block == 0
    core.replay(core.chain().extend([(1, other[0].data)]))
    (append,) = core.handle(m.Recovered(), START)
    assert isinstance(append, m.Append) and [block.number for block in append.blocks] == [2]
    core.handle(m.Stored(sequence=append.sequence, outcome="stored"), START)
    assert core.serving


def opening(writer: int) -> Any:
    records = np.zeros(1, RECORD)
    records["kind"], records[WRITER], records["record_time"], records["effective_time"] = (
        Kind.OPEN,
        writer,
        START,
        START,
    )
    return records


def test_what_expires_was_asked_for_by_nobody() -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=10), shard.wallet()
    held = shard.pay(op=Kind.HOLD, payer=payer, payee=payee, amount=5, expires_in_s=60)
    assert held["code"] == 0
    shard.wait(61_000)
    header = header_of(shard.blocks[-1].data)
    (record,) = records_of(shard.blocks[-1].data)
    assert (record["kind"], record["reference"], header.seen) == (Kind.EXPIRY, held["address"], 0)


def test_operators_hear_of_full_tables_when_a_shard_opens_and_each_second(core: ShardCore) -> None:
    looked: list[int] = []
    core.tables.look = lambda *_, **fills: looked.append(fills["backlog"].capacity) or []  # type: ignore[method-assign, func-returns-value]
    core.handle(m.Clock(off_ms=0), START)
    stored(core, core.handle(m.Recovered(), START))
    assert looked == [BACKLOG_RECORDS_MAX]
    core.handle(m.Tick(), START + HEADS_EVERY_MS)
    assert looked == [BACKLOG_RECORDS_MAX] * 2


def test_operators_hear_once_of_each_step_of_the_databases_clock(core: ShardCore) -> None:
    alerts = []
    for off_ms in (0, 7_000, 6_900, 0, -9_000, 0):
        alerts.append(
            [output.text for output in core.handle(m.Clock(off_ms=off_ms), START) if isinstance(output, m.Alert)]
        )
        assert core.clock_off_ms == off_ms
    assert [len(each) for each in alerts] == [0, 1, 0, 0, 1, 0]
    assert "7000 ms" in alerts[1][0] and "-9000 ms" in alerts[4][0]


def test_a_block_of_what_nobody_scored_names_no_lists() -> None:
    shard = OneShard()
    payer, payee = shard.wallet(balance=100), shard.wallet()
    assert shard.pay(op=Kind.TRANSFER, payer=payer, payee=payee, amount=7)["code"] == 0
    opened = Chain(0, 0, GENESIS).extend([(block.number, block.data) for block in shard.blocks])
    assert len(opened.controls) and not opened.controls.any()


def test_a_journal_that_does_not_fit_smaller_tables_names_the_setting_and_starts_with_the_old_one() -> None:
    """No hold is open any more: at their most there were four."""
    shard = OneShard()
    payer, payee = shard.wallet(balance=1_000), shard.wallet()
    for _ in range(4):
        shard.pay(op=Kind.HOLD, payer=payer, payee=payee, amount=1, expires_in_s=10)
    shard.wait(11_000)
    shard.capacity = msgspec.structs.replace(SMALL, holds=3, caller_holds_percent=100)
    with pytest.raises(ValueError, match=r"the table of holds is full; raise `capacity.holds` to what it was"):
        shard.restarted()
    shard.capacity = SMALL
    assert shard.restarted().core.ledger.fills()["holds"][0] == 0
