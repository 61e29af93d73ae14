"""What was refunded is asked of the journal once, and an answer counts only for the question that is open."""

import numpy as np
import pytest

from actors.ledger.book import original_row
from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.layout import ORIGINAL, RECORD, Kind, Originals
from actors.shard import messages as m
from actors.shard.refundable import RefundableRecords, fill_original

SMALL = Capacity(segments=1, segment_map=4, keys=100, payers=4, attempts=64, profiles=4, originals=1)
FIRST, SECOND = 1 << 8, 2 << 8


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), SMALL)


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


def test_what_was_forgotten_for_want_of_room_is_asked_for_again_and_not_what_is_known_to_move_nothing(
    ledger: Ledger,
) -> None:
    cache = RefundableRecords()
    cache.want(np.array([FIRST]), ledger, 4)
    cache.answered(m.Originals(stamp=4, originals=original(FIRST, 0, kind=0)), ledger, 2**62)
    row = int(original_row(ledger.book, FIRST))
    assert int(ledger.book.originals[row]["amount"]) == 4, "when it was found to be nothing to refund"
    assert cache.want(np.array([FIRST, FIRST]), ledger, 9) == [m.ReadOriginals(stamp=9, targets=[FIRST, FIRST])]
