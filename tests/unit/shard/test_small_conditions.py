"""Single conditions of the shard's core on which money or a true answer hangs, each by itself."""

import pytest

from actors.ledger.blocks import Writer
from actors.ledger.book import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.shard import messages as m
from actors.shard.core import ShardConfig, ShardCore

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
