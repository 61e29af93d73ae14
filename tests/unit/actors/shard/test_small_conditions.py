"""Single conditions of the shard's core on which money or a true answer hangs, each by itself."""

import numpy as np
import pytest

from actors.ledger.book import Capacity, original_row
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.blocks import Writer
from actors.records.layout import ORIGINAL, RECORD, Kind, Originals
from actors.shard import messages as m
from actors.shard.core import ShardConfig, ShardCore
from actors.shard.refundable import RefundableRecords, fill_original
from rules.decisions.decision import DECISION, INITIAL_FALLBACK, Action, Fallback

SMALL = Capacity(segments=1, segment_map=4, keys=100, payers=4, attempts=64, profiles=4, originals=1)
FIRST, SECOND = 1 << 8, 2 << 8


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), SMALL)


@pytest.mark.parametrize(("end", "asked"), [(False, 0), (True, 5)])
def test_only_the_last_page_says_that_a_journal_was_read_to_its_end(ledger: Ledger, end: bool, asked: int) -> None:
    core = ShardCore(ShardConfig(shard=0, shards=2), ledger, Writer(0, 1, 1, bytes(16)))
    core.receivers[1].read(5)
    core.handle(m.Page(sender=1, stamp=5, blocks=[], end=end), 0)
    assert int(core._channels.asked[1]) == asked


def original(address: int, refunded: int, kind: int = Kind.TRANSFER) -> Originals:
    row = np.zeros(1, ORIGINAL)
    row["address"], row["kind"], row["amount"], row["refunded"] = address, kind, 10, refunded
    return row


def refunded_of(ledger: Ledger, address: int) -> int:
    row = int(original_row(ledger.book, address))
    return int(ledger.book.originals[row]["refunded"]) if row >= 0 else -1


def test_an_answer_about_an_original_counts_only_for_the_question_that_is_open(ledger: Ledger) -> None:
    cache = RefundableRecords()
    assert cache.want(np.array([FIRST]), ledger, 1) == [m.ReadOriginals(stamp=1, targets=[FIRST])]
    assert cache.want(np.array([FIRST]), ledger, 2) == [], "it is being asked for"
    cache.answered(m.Originals(stamp=1, originals=original(FIRST, 0, kind=0)), ledger, 2**62)
    assert cache.want(np.array([FIRST]), ledger, 3) == [m.ReadOriginals(stamp=3, targets=[FIRST])]
    for stale in (1, 2, 4):
        cache.answered(m.Originals(stamp=stale, originals=original(FIRST, 0)), ledger, 2**62)
    cache.answered(m.Originals(stamp=3, originals=original(SECOND, 0)), ledger, 2**62)
    assert refunded_of(ledger, SECOND) == -1, "nobody asked"
    cache.answered(m.Originals(stamp=3, originals=original(FIRST, 9)), ledger, 2**62)
    assert refunded_of(ledger, FIRST) == 9
    assert cache.want(np.array([FIRST]), ledger, 5) == [], "it is known"
    cache.answered(m.Originals(stamp=3, originals=original(FIRST, 0)), ledger, 2**62)
    assert refunded_of(ledger, FIRST) == 9


def test_an_answer_nobody_waits_for_does_not_hide_the_ones_beside_it(ledger: Ledger) -> None:
    cache = RefundableRecords()
    cache.want(np.array([FIRST]), ledger, 1)
    originals = np.concatenate([original(SECOND, 0), original(FIRST, 4)])
    cache.answered(m.Originals(stamp=1, originals=originals), ledger, 2**62)
    assert (refunded_of(ledger, FIRST), refunded_of(ledger, SECOND)) == (4, -1)


def test_an_original_gives_way_only_when_its_refunds_are_durable(ledger: Ledger) -> None:
    cache = RefundableRecords()
    cache.want(np.array([FIRST, SECOND]), ledger, 1)
    first = original(FIRST, 0)
    first["newest"] = 1_000
    cache.answered(m.Originals(stamp=1, originals=first), ledger, 0)
    cache.answered(m.Originals(stamp=1, originals=original(SECOND, 0)), ledger, 1_000)
    assert (refunded_of(ledger, FIRST), refunded_of(ledger, SECOND)) == (0, -1), "a refund of the first is not durable"
    cache.want(np.array([SECOND]), ledger, 2)
    cache.answered(m.Originals(stamp=2, originals=original(SECOND, 0)), ledger, 1_001)
    assert (refunded_of(ledger, FIRST), refunded_of(ledger, SECOND)) == (-1, 0)


def test_only_so_many_originals_are_asked_for_at_a_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.refundable.ASK_MAX", 2)
    monkeypatch.setattr("actors.shard.refundable.ASKING_MAX", 3)
    cache = RefundableRecords()
    targets = np.arange(1, 9) << 8
    asked = [
        [len(read.targets) for read in cache.want(targets, ledger, stamp) if isinstance(read, m.ReadOriginals)]
        for stamp in (1, 2, 3)
    ]
    assert asked == [[2], [1], []]


def test_stamps_only_grow_within_a_millisecond_too(ledger: Ledger) -> None:
    core = ShardCore(ShardConfig(shard=0, shards=2), ledger, Writer(0, 1, 1, bytes(16)))
    ledger.advance(7)
    assert [core._next_stamp() for _ in range(3)] == [7, 8, 9]
    ledger.advance(8)
    assert core._next_stamp() == 10
    ledger.advance(20)
    assert core._next_stamp() == 20


def test_a_core_that_asked_for_its_end_serves_nobody_any_more(ledger: Ledger) -> None:
    core = ShardCore(ShardConfig(shard=0, shards=2), ledger, Writer(0, 1, 1, bytes(16)))
    core.serving = True
    core._emit([m.Halt(reason="enough")])
    assert core.dead and not core.serving
    assert core.handle(m.FindKey(ref=1, caller=1, home=1, key=bytes(16)), 0) == []


def test_the_fallback_of_the_latest_deployment_that_anybody_told_of_stands_in(ledger: Ledger) -> None:
    core = ShardCore(ShardConfig(shard=0, shards=2), ledger, Writer(0, 1, 1, bytes(16)))
    assert core._fallback == INITIAL_FALLBACK
    shown = [Fallback(Action.DECLINE, 3, 5), Fallback(Action.APPROVE, 2, 4), Fallback(Action.REVIEW, 4, 6)]
    core.handle(m.FallbackIs(fallback=shown[0]), 0)
    assert core._fallback == shown[0]
    core.handle(m.FallbackIs(fallback=shown[1]), 0)
    assert core._fallback == shown[0], "what a scorer says that has not changed over yet"
    core.handle(m.Scored(number=1, decisions=np.zeros(0, DECISION), fallback=shown[2]), 0)
    assert core._fallback == shown[2]


@pytest.mark.parametrize(("kind", "code"), [(Kind.TRANSFER, 0), (Kind.CAPTURE, 0), (Kind.TRANSFER, 1), (Kind.HOLD, 0)])
def test_an_original_is_what_moved_money_with_the_sum_of_its_refunds_alone(kind: Kind, code: int) -> None:
    record, references = np.zeros(1, RECORD), np.zeros(3, RECORD)
    record["kind"], record["code"], record["payer"], record["payee"] = kind, code, 5, 6
    record["amount"], record["currency"], record["label"] = 70, 978, 2
    references["kind"], references["amount"] = [Kind.REFUND, Kind.CAPTURE, Kind.REFUND], [10, 20, 40]
    found = np.zeros(1, ORIGINAL)
    fill_original(found[0], record[0], references)
    moved = code == 0 and kind != Kind.HOLD
    names = ("payer", "payee", "amount", "currency", "label", "kind", "refunded")
    assert [int(found[name][0]) for name in names] == ([5, 6, 70, 978, 2, kind, 50] if moved else [0] * 7)
