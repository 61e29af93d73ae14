"""Single conditions of the shard's core on which money or a true answer hangs, each by itself."""

import numpy as np
import pytest

from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.blocks import Writer
from actors.shard import messages as m
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
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


def test_the_fallback_is_what_the_database_says_or_a_scorer_of_a_later_deployment(ledger: Ledger) -> None:
    core = ShardCore(ShardConfig(shard=0, shards=2), ledger, Writer(0, 1, 1, bytes(16)))
    assert core._fallback == INITIAL_FALLBACK

    def scored(fallback: Fallback) -> Fallback:
        core.handle(m.Scored(number=1, decisions=np.zeros(0, DECISION), fallback=fallback), 0)
        return core._fallback

    def read(fallback: Fallback) -> Fallback:
        core.handle(m.FallbackIs(fallback=fallback), 0)
        return core._fallback

    fifth, sixth, lost = Fallback(Action.DECLINE, 3, 5), Fallback(Action.REVIEW, 4, 6), Fallback(Action.APPROVE, 9, 6)
    assert read(fifth) == fifth
    assert scored(Fallback(Action.APPROVE, 2, 4)) == fifth, "of a scorer that has not changed over yet"
    assert scored(lost) == lost
    assert read(fifth) == fifth, "of a standby that was behind and took over"
    assert read(sixth) == sixth
    assert scored(lost) == sixth, "of a scorer that does not know yet what was lost"
