"""Single conditions of the shard's core on which money or a true answer hangs, each by itself."""

import numpy as np
import pytest

from actors.ledger.blocks import Writer
from actors.ledger.book import Capacity, original_row
from actors.ledger.layout import ORIGINAL, Kind
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.shard import messages as m
from actors.shard.core import ShardConfig, ShardCore
from actors.shard.originals import OriginalsDesk

SMALL = Capacity(segments=1, segment_map=4, keys=100, payers=4, attempts=64, profiles=4, originals=1)
FIRST, SECOND = 1 << 8, 2 << 8


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(LedgerConfig(shard=0, shards=2, secret=bytes(16)), SMALL)


def answer(stamp: int, address: int, refunded: int) -> m.Originals:
    originals = np.zeros(1, ORIGINAL)
    originals["address"], originals["kind"] = address, Kind.TRANSFER
    originals["amount"], originals["refunded"] = 10, refunded
    return m.Originals(stamp=stamp, originals=originals)


def want(desk: OriginalsDesk, ledger: Ledger, address: int, stamp: int, *, all_durable: bool) -> list[int]:
    """Which records are asked for."""
    outputs = desk.want(np.array([address], np.int64), ledger, stamp, all_durable=all_durable)
    return [target for output in outputs if isinstance(output, m.ReadOriginals) for target in output.targets]


def is_known(ledger: Ledger, address: int) -> bool:
    return int(original_row(ledger.book, address)) >= 0


def test_originals_are_not_forgotten_while_a_refund_is_not_durable(ledger: Ledger) -> None:
    desk = OriginalsDesk()
    assert want(desk, ledger, FIRST, 1, all_durable=True) == [FIRST]
    desk.answered(answer(1, FIRST, 0), ledger)
    assert ledger.originals_full
    assert want(desk, ledger, SECOND, 2, all_durable=False) == []
    assert is_known(ledger, FIRST)
    assert want(desk, ledger, SECOND, 3, all_durable=True) == [SECOND]
    assert not is_known(ledger, FIRST)


def test_an_answer_from_before_originals_were_forgotten_is_not_filed(ledger: Ledger) -> None:
    desk = OriginalsDesk()
    assert want(desk, ledger, SECOND, 1, all_durable=True) == [SECOND]
    ledger.know_original(answer(1, FIRST, 0).originals[0])
    assert want(desk, ledger, SECOND, 2, all_durable=True) == [SECOND]
    desk.answered(answer(1, SECOND, 0), ledger)
    assert not is_known(ledger, SECOND)
    desk.answered(answer(2, SECOND, 9), ledger)
    assert is_known(ledger, SECOND)


@pytest.mark.parametrize(("end", "asked"), [(False, 0), (True, 5)])
def test_only_the_last_page_says_that_a_journal_was_read_to_its_end(ledger: Ledger, end: bool, asked: int) -> None:
    core = ShardCore(ShardConfig(shard=0, shards=2), ledger, Writer(0, 1, 1, bytes(16)))
    core.receivers[1].read(5)
    core.handle(m.Page(sender=1, stamp=5, blocks=[], end=end), 0)
    assert int(core._channels.asked[1]) == asked
