"""A cursor is believed as far as the journal it speaks of agrees: a restore makes journals shorter, and they go on differently."""

import msgspec
import numpy as np
import pytest

from actors.records.addresses import wallet_address
from actors.records.blocks import GENESIS, Writer, block_hash, seal
from actors.records.layout import FLAG_IMPORTED, FLAG_REMOTE, RECORD, Kind
from actors.shard.channels import (
    HASH_KEPT,
    Cursor,
    Receiver,
    Sender,
    cursor_of,
    fill_cursor,
    fill_legs,
    in_flight,
    rests_on,
)
from actors.shard.messages import Alert, Legs, Page, Push, ReadChannel

OWNERS = np.zeros(8, np.int16)
Blocks = list[tuple[int, bytes]]


def journal(writer: int, count: int, before: Blocks | None = None) -> Blocks:
    """So many blocks of one record each, after those of other writers."""
    blocks = list(before or [])
    for number in range(len(blocks) + 1, count + 1):
        records = np.zeros(1, RECORD)
        records["kind"] = Kind.OPEN
        previous = block_hash(blocks[-1][1]) if blocks else GENESIS
        sealed, _ = seal(
            Writer(1, 1, writer, bytes(16)), first=number, previous=previous, seen=0, records=records, details={}
        )
        blocks.append((number, sealed[0].data))
    return blocks


def head(writer: int, blocks: Blocks, since: int, until: int) -> Legs:
    """A push without remote credits."""
    return Legs(
        sender=1,
        writer=writer,
        timeline=0,
        since=since,
        since_hash=_hash(blocks, since),
        until=until,
        until_hash=_hash(blocks, until),
        records=np.zeros(0, RECORD),
        addresses=np.zeros(0, np.int64),
    )


def _hash(blocks: Blocks, number: int) -> bytes:
    return block_hash(blocks[number - 1][1]) if number else GENESIS


def page(blocks: Blocks, asked: ReadChannel) -> Page:
    return Page(sender=1, stamp=asked.stamp, blocks=blocks[asked.first - 1 :], end=True)


def receiver_at(blocks: Blocks, block: int, writer: int = 7) -> Receiver:
    """One that knows this writer and has read so far."""
    receiver = Receiver(1, 0)
    receiver.cursor = Cursor(block, _hash(blocks, block)[:HASH_KEPT])
    (asked,) = receiver.read(1)
    assert isinstance(asked, ReadChannel) and asked.first == block, "an opening compares the cursor's own block"
    assert receiver.page(page(blocks[:block], asked), OWNERS, 2) == (None, [])
    arrival, _ = receiver.pushed(head(writer, blocks, block, block), 3)
    assert receiver.writer == writer and arrival is None
    return receiver


def test_a_shorter_journal_is_noticed_when_a_shard_opens() -> None:
    blocks = journal(7, 5)
    receiver = Receiver(1, 0)
    receiver.cursor = Cursor(5, _hash(blocks, 5)[:HASH_KEPT])
    (asked,) = receiver.read(1)
    assert isinstance(asked, ReadChannel)
    _, (alert,) = receiver.page(page(blocks[:4], asked), OWNERS, 2)
    assert receiver.stopped and isinstance(alert, Alert) and "block 5" in alert.text


def test_another_journal_of_the_same_length_is_noticed_when_a_shard_opens() -> None:
    blocks = journal(7, 5)
    receiver = Receiver(1, 0)
    receiver.cursor = Cursor(5, _hash(blocks, 5)[:HASH_KEPT])
    (asked,) = receiver.read(1)
    assert isinstance(asked, ReadChannel)
    receiver.page(page(journal(8, 6, blocks[:4]), asked), OWNERS, 2)
    assert receiver.stopped


def test_a_push_below_the_cursor_by_a_new_writer_is_compared_not_ignored() -> None:
    blocks = journal(7, 5)
    receiver = receiver_at(blocks, 5)
    restored = journal(8, 4, blocks[:3])
    arrival, (asked,) = receiver.pushed(head(8, restored, 4, 4), 4)
    assert arrival is None and isinstance(asked, ReadChannel) and asked.first == 5
    receiver.page(page(restored, asked), OWNERS, 5)
    assert receiver.stopped


def test_a_push_across_the_cursor_by_a_new_writer_waits_until_it_is_compared() -> None:
    blocks = journal(7, 5)
    for goes_on, stops in ((journal(8, 9, blocks), False), (journal(8, 9, blocks[:3]), True)):
        receiver = receiver_at(blocks, 5)
        arrival, (asked,) = receiver.pushed(head(8, goes_on, 4, 9), 4)
        assert arrival is None and isinstance(asked, ReadChannel)
        arrival, _ = receiver.page(page(goes_on, asked), OWNERS, 5)
        assert receiver.stopped is stops
        assert stops or (arrival is not None and arrival.cursor.block == 9 and receiver.writer == 8)


def test_a_push_below_the_cursor_by_the_known_writer_is_late_and_changes_nothing() -> None:
    blocks = journal(7, 5)
    receiver = receiver_at(blocks, 5)
    assert receiver.pushed(head(7, blocks, 2, 4), 4) == (None, [])


def test_a_writer_heard_of_while_another_is_compared_is_compared_next() -> None:
    blocks = journal(7, 5)
    receiver = receiver_at(blocks, 5)
    _, (asked,) = receiver.pushed(head(8, blocks, 4, 4), 4)
    assert isinstance(asked, ReadChannel)
    assert receiver.pushed(head(9, blocks, 4, 4), 5) == (None, [])
    _, (again,) = receiver.page(page(blocks, asked), OWNERS, 6)
    assert isinstance(again, ReadChannel) and again.first == 5
    receiver.page(page(blocks, again), OWNERS, 7)
    assert receiver.writer == 9 and not receiver.stopped


def test_a_page_that_failed_leaves_the_doubt() -> None:
    blocks = journal(7, 5)
    receiver = receiver_at(blocks, 5)
    receiver.pushed(head(8, blocks, 4, 4), 4)
    receiver.failed()
    _, (asked,) = receiver.pushed(head(8, blocks, 4, 4), 5)
    assert isinstance(asked, ReadChannel) and asked.first == 5


def test_a_cursor_at_the_beginning_rests_on_nothing() -> None:
    assert rests_on({1: (0, GENESIS), 2: (7, b"h" * 32)}) == [(2, 7, b"h" * HASH_KEPT)]


@pytest.mark.parametrize(
    ("since", "until", "taken", "read_from"),
    [
        (5, 7, [6, 7], None),
        (4, 6, [6], None),
        (2, 7, [6, 7], None),
        (5, 5, None, None),
        (3, 5, None, None),
        (2, 4, None, None),
        (6, 7, None, 6),
        (7, 7, None, 6),
    ],
)
def test_of_a_push_what_lies_beyond_the_cursor_is_taken_and_a_gap_is_read(
    since: int, until: int, taken: list[int] | None, read_from: int | None
) -> None:
    blocks = journal(7, 7)
    receiver = receiver_at(blocks, 5)
    numbers = np.arange(since + 1, until + 1)
    legs = msgspec.structs.replace(
        head(7, blocks, since, until), records=np.zeros(len(numbers), RECORD), addresses=1 << 52 | numbers << 8
    )
    arrival, outputs = receiver.pushed(legs, 3)
    if taken is None:
        assert arrival is None
    else:
        assert arrival is not None and (arrival.addresses >> 8 & 0xFFFFFFFFFFF).tolist() == taken
        assert len(arrival.records) == len(taken)
        assert arrival.cursor == Cursor(until, _hash(blocks, until)[:HASH_KEPT])
    assert [output.first for output in outputs if isinstance(output, ReadChannel)] == ([read_from] if read_from else [])
    assert len(outputs) == (read_from is not None)


def test_of_a_page_what_lies_beyond_the_cursor_is_taken_and_the_rest_is_read_after_it() -> None:
    blocks = journal(7, 7)
    receiver = receiver_at(blocks, 3)
    (asked,) = receiver.read(4)
    assert isinstance(asked, ReadChannel) and asked.first == 4
    receiver.cursor = Cursor(5, _hash(blocks, 5)[:HASH_KEPT])  # a push has overtaken it
    first = Page(sender=1, stamp=4, blocks=blocks[3:6], end=False)
    arrival, (more,) = receiver.page(first, OWNERS, 5)
    assert arrival is not None and arrival.cursor == Cursor(6, _hash(blocks, 6)[:HASH_KEPT])
    assert isinstance(more, ReadChannel) and (more.first, more.stamp) == (7, 5)
    receiver.cursor = arrival.cursor
    arrival, outputs = receiver.page(page(blocks, more), OWNERS, 6)
    assert arrival is not None and arrival.cursor.block == 7 and outputs == []


def test_a_push_grows_to_its_bound_and_what_is_beyond_is_left_to_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.shard.channels.PUSH_RECORDS_MAX", 4)
    owners = np.full(8, 2, np.int16)
    sender = Sender(0, 2, 9, 10, b"hash 10")
    (first,) = sender.pushes(heads=True)
    assert isinstance(first, Push) and (first.legs.since, first.legs.until) == (10, 10)
    changes = np.zeros(2, RECORD)
    changes["kind"], changes["payee"] = Kind.WALLET_TIER, 1 << 16
    for block in (11, 12):
        sender.add(changes, np.array([block << 8, block << 8 | 1]), block, b"hash", owners)
    assert sender.pushes(heads=True) == [], "one push at a time"
    sender.ended(1)
    (second,) = sender.pushes(heads=False)
    assert isinstance(second, Push) and len(second.legs.records) == 4
    assert (second.legs.since, second.legs.until) == (10, 12)
    for block in (13, 14, 15):
        sender.add(changes, np.array([block << 8, block << 8 | 1]), block, b"hash", owners)
    sender.ended(1)
    assert sender.pushes(heads=False) == []
    (third,) = sender.pushes(heads=True)
    assert isinstance(third, Push) and (third.legs.since, third.legs.until, len(third.legs.records)) == (15, 15, 0)


def test_a_leg_has_the_time_of_what_was_imported_and_else_none_until_it_lands() -> None:
    sources, legs = np.zeros(2, RECORD), np.zeros(2, RECORD)
    sources["kind"], sources["effective_time"] = Kind.TRANSFER, 50
    sources["flags"] = FLAG_REMOTE, FLAG_REMOTE | FLAG_IMPORTED
    fill_legs(legs, sources, np.array([256, 257]))
    assert legs["effective_time"].tolist() == [0, 50]


def test_a_cursor_record_says_what_the_cursor_was() -> None:
    record = np.zeros(1, RECORD)
    cursor = Cursor(9_999, bytes(range(100, 100 + HASH_KEPT)))
    fill_cursor(record, 3, cursor)
    assert (record["kind"][0], record["payer"][0], record["amount"][0]) == (Kind.CURSOR, 3, 9_999)
    assert cursor_of(record[0]) == cursor


def test_a_leg_says_of_whose_money_it_is_and_names_the_record_that_moved_it() -> None:
    sources = np.frombuffer(np.random.default_rng(1).bytes(3 * RECORD.itemsize), RECORD)
    legs = np.zeros(3, RECORD)
    fill_legs(legs, sources, np.array([7, 8, 9]))
    same = ("payer", "payee", "amount", "currency", "label", "channel", "caller")
    assert all((legs[name] == sources[name]).all() for name in same)
    assert legs["kind"].tolist() == [Kind.LEG] * 3
    assert legs["decision"].tolist() == sources["kind"].tolist()
    assert legs["reference"].tolist() == [7, 8, 9]
    rest = set(RECORD.names or ()) - {*same, "kind", "decision", "reference", "effective_time"}
    assert not any(legs[name].any() for name in rest), "what the wallets here will say"


def test_a_journal_that_was_to_be_read_again_is_read_once_more_and_then_no_more() -> None:
    blocks = journal(7, 4)
    receiver = receiver_at(blocks, 3)
    (asked,) = receiver.read(4)
    assert receiver.read(5) == [], "it is being read"
    assert isinstance(asked, ReadChannel)
    arrival, (again,) = receiver.page(page(blocks, asked), OWNERS, 6)
    assert arrival is not None and isinstance(again, ReadChannel) and (again.first, again.stamp) == (5, 6)
    receiver.cursor = arrival.cursor
    assert receiver.page(page(blocks, again), OWNERS, 7) == (None, [])


@pytest.mark.parametrize(
    ("segment", "travels"), [(0, False), (1, False), (2, True), (3, False), (8, False), (9, False)]
)
def test_a_credit_travels_to_the_owner_of_its_wallet_alone(segment: int, travels: bool) -> None:
    """Not to one that knows nothing of the segment, which may lie beyond its map."""
    owners = np.array([0, 1, 3, 2, 0, 0, 0, 0], np.int16)
    records = np.zeros(1, RECORD)
    records["kind"], records["flags"] = Kind.TRANSFER, FLAG_REMOTE
    records["payee"] = wallet_address(segment, 5)
    assert in_flight(records, owners, 2).tolist() == [travels]
    records["flags"] = 0
    assert not in_flight(records, owners, 2).any()
    records["flags"], records["code"] = FLAG_REMOTE, 1
    assert not in_flight(records, owners, 2).any()


def test_nobodys_word_counts_below_the_cursor_before_its_journal_was_compared() -> None:
    blocks = journal(1, 5)
    receiver = Receiver(1, 0)
    receiver.cursor = Cursor(3, _hash(blocks, 3)[:HASH_KEPT])
    arrival, (asked,) = receiver.pushed(head(1, blocks, 2, 5), 3)
    assert arrival is None and isinstance(asked, ReadChannel) and asked.first == 3
    arrival, _ = receiver.page(page(blocks, asked), OWNERS, 4)
    assert arrival is not None and arrival.cursor.block == 5 and not receiver.stopped
