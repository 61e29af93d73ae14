"""Between two shards there is one channel each way, and a cursor is all it needs.

The receiver keeps, in its own journal beside the legs, how far it has read the sender's journal (block and hash). A push and a page
of that journal are the same message: (since, until, legs). Starting beyond the cursor there is a gap: read the journal. Otherwise
apply the legs above the cursor; the cursor becomes max(cursor, until).

The cursor rests on the sender's journal, which a restore or a failover can make shorter. So its hash is compared with the block it names
when a shard opens, and whenever another writer of the sender is heard of. A hash that differs stops the channel loudly.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.records.addresses import block_of, owned, segment_of
from actors.records.blocks import GENESIS, addresses_of, block_hash, header_of, records_of
from actors.records.header import HEADER_BYTES
from actors.records.layout import (
    FLAG_IMPORTED,
    FLAG_REMOTE,
    HASH_WORDS,
    MOVEMENT,
    READ_UP_TO,
    RECORD,
    Kind,
    Records,
    joined,
)
from actors.shard.messages import Alert, Legs, Output, Page, Push, ReadChannel

HASH_KEPT: Final = 16
"""Bytes of a block's hash that a CURSOR record keeps."""
PUSH_RECORDS_MAX: Final = 65_536
"""Records that wait for a push; what is beyond is left to be read from the journal."""

Owners = NDArray[np.int16]


def in_flight(records: Records, owners: Owners, receiver: int) -> NDArray[np.bool_]:
    """Which of a shard's records another shard must see: credits for its wallets, and changes of wallets."""
    kind = records["kind"]
    moves = (kind == Kind.TRANSFER) | (kind == Kind.CAPTURE) | (kind == Kind.REFUND)
    legs = moves & (records["code"] == 0) & (records["flags"] & FLAG_REMOTE != 0)
    segment = np.clip(segment_of(records["payee"]), 0, len(owners) - 1)
    legs &= owners[segment] == receiver + 1
    changes = ((kind == Kind.WALLET_STATUS) | (kind == Kind.WALLET_TIER)) & owned(records["payee"])
    result: NDArray[np.bool_] = legs | changes
    return result


class _Outbox:
    """What waits to be pushed to one shard: blocks (since, until] and their travelling records."""

    def __init__(self, block: int, hash_: bytes) -> None:
        self.since, self.since_hash = block, hash_
        self.until, self.until_hash = block, hash_
        self.records: list[Records] = []
        self.addresses: list[NDArray[np.int64]] = []
        self.count = 0
        self.busy = False

    def add(self, records: Records, addresses: NDArray[np.int64], until: int, until_hash: bytes) -> None:
        if self.count + len(records) > PUSH_RECORDS_MAX:
            self.since, self.since_hash = until, until_hash
            self.records, self.addresses, self.count = [], [], 0
        elif len(records):
            self.records.append(records)
            self.addresses.append(addresses)
            self.count += len(records)
        self.until, self.until_hash = until, until_hash

    def take(self, sender: int, writer: int, timeline: int) -> Legs:
        legs = Legs(
            sender=sender,
            writer=writer,
            timeline=timeline,
            since=self.since,
            since_hash=self.since_hash,
            until=self.until,
            until_hash=self.until_hash,
            records=joined(self.records, RECORD),
            addresses=np.concatenate(self.addresses) if self.addresses else np.zeros(0, np.int64),
        )
        self.since, self.since_hash = self.until, self.until_hash
        self.records, self.addresses, self.count = [], [], 0
        self.busy = True
        return legs


class Sender:
    """The outgoing channels of a shard. Only durable records enter."""

    def __init__(self, shard: int, shards: int, writer: int, block: int, hash_: bytes, timeline: int = 0) -> None:
        self.shard, self.writer, self.timeline = shard, writer, timeline
        self._boxes = {other: _Outbox(block, hash_) for other in range(shards) if other != shard}

    def add(self, records: Records, addresses: NDArray[np.int64], block: int, hash_: bytes, owners: Owners) -> None:
        """Records that have just become durable, up to and including `block`."""
        for other, box in self._boxes.items():
            chosen = in_flight(records, owners, other)
            box.add(records[chosen], addresses[chosen], block, hash_)

    def ended(self, shard: int) -> None:
        """A push has ended."""
        self._boxes[shard].busy = False

    def pushes(self, *, heads: bool) -> list[Output]:
        """Pushes that may go now: those with records, or with `heads` all, which say how far the journal is durable."""
        outputs: list[Output] = []
        for other, box in self._boxes.items():
            if not box.busy and (box.count or heads):
                outputs.append(Push(shard=other, legs=box.take(self.shard, self.writer, self.timeline)))
        return outputs


class Cursor(NamedTuple):
    """How far a sender's journal was read: block, and the first bytes of its hash."""

    block: int
    hash: bytes


class Arrival(NamedTuple):
    """What is new in a message: records above the cursor, and the cursor after them."""

    records: Records
    addresses: NDArray[np.int64]
    cursor: Cursor


class Receiver:
    """The incoming channel from one sender. `writer`: the one whose journal is known to hold the cursor's block, 0 for none yet."""

    def __init__(self, sender: int, me: int) -> None:
        self.sender = sender
        self.me = me
        self.cursor = Cursor(0, GENESIS[:HASH_KEPT])
        self.writer = 0
        self.reading = False
        self.stopped = False
        self._read_again = False
        self._doubted: int | None = 0
        self._asked_of: int | None = None
        self._compared: Cursor | None = None

    def pushed(self, legs: Legs, stamp: int) -> tuple[Arrival | None, list[Output]]:
        """A push arrived. One of a writer that is new here counts only when it begins at the cursor, or once the cursor was compared with
        that writer's journal: below the cursor it may be another journal than the one that was read."""
        if self.stopped:
            return None, []
        at_cursor = legs.since == self.cursor.block
        if at_cursor and legs.since_hash[:HASH_KEPT] != self.cursor.hash:
            return None, self._stop(legs.since)
        if legs.writer != self.writer and not at_cursor:
            self._doubted = legs.writer
            return None, self.read(stamp)
        self.writer = legs.writer
        if legs.until <= self.cursor.block:
            return None, []
        if legs.since > self.cursor.block:
            return None, self.read(stamp)
        new = block_of(legs.addresses) > self.cursor.block
        cursor = Cursor(legs.until, legs.until_hash[:HASH_KEPT])
        return Arrival(legs.records[new], legs.addresses[new], cursor), []

    def read(self, stamp: int) -> list[Output]:
        """Read the sender's journal on from the cursor, with the cursor's own block when that is to be compared; asked while reading, once
        more when that has ended."""
        if self.stopped:
            return []
        if self.reading:
            self._read_again = True
            return []
        self.reading = True
        self._read_again = False
        self._asked_of = self._doubted
        self._compared = self.cursor if self._doubted is not None and self.cursor.block else None
        first = self.cursor.block + (self._compared is None)
        return [ReadChannel(sender=self.sender, first=first, stamp=stamp)]

    def page(self, page: Page, owners: Owners, stamp: int) -> tuple[Arrival | None, list[Output]]:
        """A page of the sender's journal arrived. Blocks at or below the cursor, read before a push overtook, are passed over."""
        self.reading = False
        if self._compared is not None and not _holds(page, self._compared):
            return None, self._stop(self._compared.block)
        self._proved()
        blocks = [(number, data) for number, data in page.blocks if number > self.cursor.block]
        block, hash_ = self.cursor
        for number, data in blocks:
            header = header_of(data)
            if number != block + 1 or header.number != number or header.previous[:HASH_KEPT] != hash_:
                return None, self._stop(number)
            block, hash_ = number, block_hash(data)[:HASH_KEPT]
        more = self.read(stamp) if not page.end or self._read_again else []
        if not blocks:
            return None, more
        records, addresses = _records(self.sender, blocks)
        chosen = in_flight(records, owners, self.me)
        if more and self._compared is None:
            more = [ReadChannel(sender=self.sender, first=block + 1, stamp=stamp)]
        return Arrival(records[chosen], addresses[chosen], Cursor(block, hash_)), more

    def _proved(self) -> None:
        """What was read is the journal of the writer for which it was asked."""
        if self._asked_of is not None:
            self.writer = self._asked_of
        if self._doubted == self._asked_of:
            self._doubted = None

    def failed(self) -> None:
        """The page could not be read; the next push or request asks again."""
        self.reading = False

    def _stop(self, block: int) -> list[Output]:
        self.stopped = True
        text = f"channel {self.sender} -> {self.me} stopped: block {block} is not the one that was read before"
        return [Alert(text=text)]


def _holds(page: Page, cursor: Cursor) -> bool:
    """Whether a page that was asked for from the cursor's own block on begins with it."""
    if not page.blocks or page.blocks[0][0] != cursor.block:
        return False
    return block_hash(page.blocks[0][1])[:HASH_KEPT] == cursor.hash


def rests_on(cursors: Mapping[int, tuple[int, bytes]]) -> list[tuple[int, int, bytes]]:
    """Which blocks (shard, number, first bytes of the hash) the journals of others must hold where these cursors are to be believed."""
    return [(sender, block, hash_[:HASH_KEPT]) for sender, (block, hash_) in cursors.items() if block]


def _records(shard: int, blocks: list[tuple[int, bytes]]) -> tuple[Records, NDArray[np.int64]]:
    records = joined([data[HEADER_BYTES:] for _, data in blocks], RECORD)
    addresses = [addresses_of(shard, number, len(records_of(data))) for number, data in blocks]
    return records, np.concatenate(addresses)


def fill_legs(legs: Records, sources: Records, addresses: NDArray[np.int64]) -> None:
    """Make LEG records (n,) of another shard's movements (n,) at `addresses`, but for what the wallets here will say. One that was not
    imported counts here from when it lands on: its effective time is 0 until then."""
    legs["kind"] = Kind.LEG
    for name in ("payer", "payee", "amount", "currency", "label", "channel", "caller"):
        legs[name] = sources[name]
    legs["effective_time"] = np.where(sources["flags"] & FLAG_IMPORTED, sources["effective_time"], 0)
    legs[MOVEMENT] = sources["kind"]
    legs["reference"] = addresses


def cursor_of(record: np.void) -> Cursor:
    """What a CURSOR record says."""
    words = [int(record[name]) for name in HASH_WORDS]
    return Cursor(int(record[READ_UP_TO]), b"".join(word.to_bytes(8, "little") for word in words))


def fill_cursor(record: Records, sender: int, cursor: Cursor) -> None:
    """Make a CURSOR record (1,)."""
    record["kind"] = Kind.CURSOR
    record["payer"] = sender
    record[READ_UP_TO] = cursor.block
    record["key_hi"] = int.from_bytes(cursor.hash[:8], "little")
    record["key_lo"] = int.from_bytes(cursor.hash[8:16], "little")
