"""Recompute everything from the journal alone and name what does not agree.

It reads one consistent cut over all shards.

Per shard: block numbers, hash chain, digests of details, one writer between two OPEN blocks, and every record (see `audit_kernel`).
Over all shards: each remote credit against the movement it comes from, both ways, up to the receiver's cursor; the cursors' hashes against
the blocks they name; no key used twice within the window; holds, cases, refunds and linked groups (see `lifecycles`); the tables
that look records up; merchants' numbers (see `order_numbers`); the log of administrators (see `admin_log`); per currency, posted balances
and credits in transit sum to zero.
"""

import asyncio
import hashlib
import struct
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.audit.admin_log import check_admin_log
from actors.audit.balances import FAULTS, check_records, new_books
from actors.audit.credit import CreditCheck
from actors.audit.lifecycles import EVENT, EventRows, GroupCheck, cases_of, events_of, wrong_holds, wrong_refunds
from actors.audit.order_numbers import check_order_numbers
from actors.database.connection import ALONG_THE_KEY, SQL, connect
from actors.journal.copy_stream import stream_blocks
from actors.journal.interface import ScannedBlock
from actors.ledger.bounds import IDEMPOTENCY_WINDOW_MS
from actors.records.addresses import SEGMENT_SLOTS, block_of, record_address, segment_of, shard_of, slot_of
from actors.records.admin_entries import LOG_SENDER
from actors.records.blocks import (
    GENESIS,
    Anchor,
    Header,
    anchors_of,
    details_digest,
    entries_of,
    erased_of,
    header_of,
    is_suspended,
    is_whole,
)
from actors.records.credit_layout import is_credit
from actors.records.header import HEADER_BYTES
from actors.records.late import Late, late_of, late_rows, late_sums
from actors.records.layout import (
    FLAG_PAYEE_ANCHOR,
    FLAG_PAYER_ANCHOR,
    FLAG_REMOTE,
    HASH_WORDS,
    MOVEMENTS,
    READ_UP_TO,
    RECORD,
    SENDER,
    WRITER,
    Kind,
    Records,
    offset_of,
)
from models.wording import counted
from rules.vocabulary.currencies import ALPHA

DIFFERENCES_MAX: Final = 100
"""Beyond this many there is one cause and the rest are its consequences."""
CURSOR_HASH_BYTES: Final = 16
TARGETS_AT_ONCE: Final = 5_000
"""Records that are fetched by one statement."""
_KIND_AT: Final = offset_of(RECORD, "kind")
_WRITER_AT: Final = offset_of(RECORD, WRITER)
_WRITER: Final = struct.Struct("<Q")


class AuditReport(msgspec.Struct, kw_only=True):
    """What an audit found. Amounts in minor units; `sums` are per ISO 4217 number and must be zero."""

    shards: int = 0
    blocks: int = 0
    records: int = 0
    transfers: int = 0
    declined: int = 0
    holds: int = 0
    captures: int = 0
    refunds: int = 0
    reviews: int = 0
    legs: int = 0
    in_transit: int = 0
    wallets: int = 0
    inquiries: int = 0
    orders: int = 0
    erased: int = 0
    admin_entries: int = 0
    sums: dict[int, int] = {}
    differences: list[str] = []

    def differ_at(self, address: int, text: str) -> None:
        """Note a difference at a record."""
        self.differ(f"shard {shard_of(address)} block {block_of(address)} record {slot_of(address)}: {text}")

    def differ(self, text: str) -> None:
        """Note a difference."""
        if len(self.differences) < DIFFERENCES_MAX:
            self.differences.append(text)


class _Shard:
    """One shard's journal as read so far."""

    def __init__(self, number: int, segments: list[int], report: AuditReport) -> None:
        self.number = number
        self.report = report
        self.block = 0
        self.hash = GENESIS
        self.writer = 0
        self.broken = False
        self.failed = False
        self.hashes: dict[int, bytes] = {}
        self.watched: set[int] = set()
        rows = 1 + len(segments)
        base = np.full(max([0, *segments]) + 2, -1, np.int64)
        base[0] = 0
        base[np.array(segments, np.int64)] = np.arange(1, rows) * SEGMENT_SLOTS
        self.books = new_books(rows, base)
        self.remote: list[_Moves] = []
        self.legs: list[_Moves] = []
        self.keys: list[NDArray[np.uint64]] = []
        self.events: list[EventRows] = []
        self.anchors: list[Anchor] = []
        self.suspended: list[tuple[int, int]] = []
        self.late: list[Late] = []
        self.groups = GroupCheck()
        self.credit = CreditCheck()
        self.changed: dict[int, bytes] = {}
        self.cursors: dict[int, tuple[int, bytes]] = {}
        self.admin_log: dict[int, set[bytes]] = defaultdict(set)

    def open(self, rows: Sequence[ScannedBlock]) -> tuple[Records, NDArray[np.int64]]:
        """Check that blocks follow those before; gives their records, up to the first that does not, and their addresses."""
        parts, places = [], []
        for number, data, details in rows:
            header = None if self.broken else self._block(number, data, details)
            if header is None:
                self.broken = True
                break
            parts.append(data[HEADER_BYTES:])
            places.append((number, header.records))
            if not is_whole(data):
                self._bad(number, "its bytes are not those that were written")
                self.broken = True
                break
        return np.frombuffer(b"".join(parts), RECORD), _addresses(self.number, places)

    def _block(self, number: int, data: bytes | memoryview, details: bytes | None) -> Header | None:
        """The header of a block that is good, else None."""
        try:
            header = header_of(data)
        except ValueError as error:
            return self._bad(number, str(error))
        if header.number != number or number != self.block + 1 or header.shard != self.number:
            return self._bad(number, f"it says it is block {header.number} and follows block {self.block}")
        if header.previous != self.hash:
            return self._bad(number, "it does not carry the hash of the block before it")
        digest = details_digest(details)
        if digest != header.details_digest:
            self.changed[number] = digest
        if header.records and data[HEADER_BYTES + _KIND_AT] == Kind.OPEN:
            self.writer = _WRITER.unpack_from(data, HEADER_BYTES + _WRITER_AT)[0]
        if header.writer != self.writer:
            return self._bad(number, "it was written by a process that had not opened the journal")
        self.block, self.hash = number, hashlib.sha256(data).digest()
        self.hashes[number] = self.hash[:CURSOR_HASH_BYTES]
        return header

    def _bad(self, block: int, what: str) -> Header | None:
        self.report.differ(f"shard {self.number} block {block}: {what}")
        return None

    def check(self, records: Records, addresses: NDArray[np.int64]) -> None:
        """Check the records of a page, unless one before was wrong."""
        if self.failed or not len(records):
            return
        released = np.zeros(len(records), np.int64)
        index, fault = check_records(self.books, records, addresses, released)
        if fault:
            self.report.differ_at(int(addresses[index]), FAULTS[fault])
            self.failed = True
            records, addresses, released = records[:index], addresses[:index], released[:index]
        self._count(records)
        for address, text in (*self.groups.wrong(records, addresses), *self.credit.wrong(records, addresses)):
            self.report.differ_at(address, text)
        self.events.append(events_of(records, addresses, released))
        for anchor in np.flatnonzero(records["flags"] & (FLAG_PAYER_ANCHOR | FLAG_PAYEE_ANCHOR)):
            self.anchors += anchors_of(records[anchor], int(addresses[anchor]))
        lost = is_suspended(records)
        self.suspended += zip(records["reference"][lost].tolist(), addresses[lost].tolist(), strict=True)
        self.late += late_of(records, addresses.__getitem__)
        kind = records["kind"]
        moves = np.isin(kind, MOVEMENTS)
        gone = moves & (records["code"] == 0) & (records["flags"] & FLAG_REMOTE != 0)
        self.remote.append(_moves(addresses[gone], records[gone]))
        landed = kind == Kind.LEG
        self.legs.append(_moves(records["reference"][landed], records[landed]))
        keyed = (kind > Kind.OPEN) & (kind < Kind.LEG) & (kind != Kind.EXPIRY)
        keyed |= is_credit(records) & (records["digest"] != 0)
        self.keys.append(
            np.stack([records[name][keyed].astype(np.uint64) for name in ("key_hi", "key_lo", "record_time")])
        )
        for cursor in records[kind == Kind.CURSOR]:
            words = [int(cursor[name]) for name in HASH_WORDS]
            value = b"".join(word.to_bytes(8, "little") for word in words)
            sender, block = int(cursor[SENDER]), int(cursor[READ_UP_TO])
            if sender == LOG_SENDER:
                self.admin_log[block].add(value)
                continue
            if block < self.cursors.get(sender, (0, b""))[0]:
                self.report.differ(f"shard {self.number}: its cursor in the journal of shard {sender} goes back")
            self.cursors[sender] = (block, value)

    def all_events(self) -> EventRows:
        """Holds and what became of transfers, in order."""
        return np.concatenate([np.zeros(0, EVENT), *self.events])

    def _count(self, records: Records) -> None:
        report, kind = self.report, records["kind"]
        report.records += len(records)
        report.transfers += int(np.count_nonzero((kind == Kind.TRANSFER) & (records["code"] == 0)))
        report.declined += int(np.count_nonzero((kind == Kind.TRANSFER) & (records["code"] != 0)))
        report.legs += int(np.count_nonzero(kind == Kind.LEG))
        done = kind[records["code"] == 0]
        report.holds += int(np.count_nonzero(done == Kind.HOLD))
        report.captures += int(np.count_nonzero(done == Kind.CAPTURE))
        report.refunds += int(np.count_nonzero(done == Kind.REFUND))


_MOVE: Final = np.dtype([("reference", "i8"), ("payee", "i8"), ("payer", "i8"), ("amount", "i8"), ("currency", "u2")])
_Moves = NDArray[np.void]
"""_MOVE rows (n,)."""


def _moves(references: NDArray[np.int64], records: Records) -> _Moves:
    moves = np.empty(len(records), _MOVE)
    moves["reference"] = references
    for name in ("payee", "payer", "amount", "currency"):
        moves[name] = records[name]
    return moves


def _addresses(shard: int, places: list[tuple[int, int]]) -> NDArray[np.int64]:
    counts = np.array([count for _, count in places], np.int64)
    firsts = record_address(shard, np.array([number for number, _ in places], np.int64), 0)
    starts = np.cumsum(counts) - counts
    addresses: NDArray[np.int64] = np.repeat(firsts - starts, counts) + np.arange(counts.sum())
    return addresses


async def audit_database(url: str, window_ms: int = IDEMPOTENCY_WINDOW_MS) -> AuditReport:
    """Audit a database, live or not: all is read in one snapshot."""
    report = AuditReport()
    connection = await connect(url, name="shardpay-audit", **ALONG_THE_KEY)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        owners = {row["segment"]: row["shard"] for row in await connection.fetch(SQL["segment_owners"])}
        count = int(await connection.fetchval(SQL["cluster_value"], "shards") or b"0")
        shards = []
        for number in range(count):
            shard = _Shard(number, sorted(s for s, owner in owners.items() if owner == number), report)
            await _read(connection, shard)
            shards.append(shard)
        await _compare_lifecycles(connection, shards, report)
        await _compare_lookups(connection, shards, report)
        made = [order for shard in shards for order in shard.credit.made]
        await check_order_numbers(connection, made, report.differ)
        for shard in shards:
            await _compare_erasures(connection, shard, report)
        named: dict[int, set[bytes]] = defaultdict(set)
        for shard in shards:
            for entry, hashes in shard.admin_log.items():
                named[entry] |= hashes
        report.admin_entries = await check_admin_log(connection, named, report.differ)
    finally:
        connection.terminate()
    report.shards = count
    report.blocks = sum(shard.block for shard in shards)
    await asyncio.to_thread(_compare, shards, owners, window_ms, report)
    return report


async def _read(connection: Any, shard: _Shard) -> None:
    """Receive and open a page while the records of the one before are checked in a thread."""
    checking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    checking.set_result(None)
    async for page in stream_blocks(connection, shard.number, 0, 2**63 - 1, details=True):
        opened = shard.open(page)
        await checking
        checking = asyncio.ensure_future(asyncio.to_thread(shard.check, *opened))
    await checking


async def _compare_erasures(connection: Any, shard: _Shard, report: AuditReport) -> None:
    """Details that are not those that were written were erased: a record says so, and which digest the rest was left with. The newest
    first: what a record says counts where its own details are as they should be. Details that are all gone say nothing that could be wrong.
    """
    explained: set[tuple[int, bytes]] = set()
    for address in reversed(shard.credit.erasures):
        number = block_of(address)
        if number in shard.changed and (number, shard.changed[number]) not in explained:
            continue
        details = await connection.fetchval(SQL["journal_details"], shard.number, number)
        entry = None if details is None else entries_of(details).get(slot_of(address))
        if entry is not None:
            explained.update((each.block, each.digest) for each in erased_of(entry))
    for number, digest in shard.changed.items():
        if digest == details_digest(None) or (number, digest) in explained:
            report.erased += 1
        else:
            report.differ(f"shard {shard.number} block {number}: its details are not those that were written")


async def _compare_lifecycles(connection: Any, shards: list[_Shard], report: AuditReport) -> None:
    """Holds, refunds and groups."""
    for shard in shards:
        for address, text in (*shard.groups.unfinished(), *wrong_holds(shard.all_events())):
            report.differ_at(address, text)
    refunds = np.concatenate([np.zeros(0, EVENT), *(shard.all_events() for shard in shards)])
    refunds = refunds[refunds["kind"] == Kind.REFUND]
    originals: dict[int, Any] = {}
    targets = np.unique(refunds["target"])
    for start in range(0, len(targets), TARGETS_AT_ONCE):
        part = targets[start : start + TARGETS_AT_ONCE]
        for row in await connection.fetch(SQL["journal_records"], part.tolist()):
            originals[row["address"]] = np.frombuffer(row["record"], RECORD)[0]
    for address, text in wrong_refunds(refunds, originals):
        report.differ_at(address, text)


async def _compare_lookups(connection: Any, shards: list[_Shard], report: AuditReport) -> None:
    """The tables `reference`, `anchor`, `late`, `late_sum`, `review`, `suspended` and `credit` follow from the records."""
    expected = sorted(
        (int(e["target"]), int(e["address"])) for shard in shards for e in shard.all_events() if e["kind"] > Kind.HOLD
    )
    kept = [tuple(row) for row in await connection.fetch(SQL["reference_all"])]
    if kept != expected:
        wrong = min(set(kept) ^ set(expected))
        report.differ(f"table reference: the row {wrong} is not as the journal says")
    anchors = sorted((a.wallet, shard.number, a.chain_time, a.record) for shard in shards for a in shard.anchors)
    kept = [tuple(row) for row in await connection.fetch(SQL["anchor_all"])]
    if kept != anchors:
        wrong = min(set(kept) ^ set(anchors))
        report.differ(f"table anchor: the row {wrong} is not as the journal says")
    late = sorted(
        ((row[0], shard.number, *row[1:]) for shard in shards for row in late_rows(shard.late)), key=_by_record
    )
    kept = [tuple(row) for row in await connection.fetch(SQL["late_all"])]
    if kept != late:
        wrong = min(set(kept) ^ set(late), key=_by_record)
        report.differ(f"table late: the row {wrong} is not as the journal says")
    sums = sorted(
        (s.wallet, shard.number, s.width, s.span, a) for shard in shards for s, a in late_sums(shard.late).items()
    )
    kept = [tuple(row) for row in await connection.fetch(SQL["late_sum_all"])]
    if kept != sums:
        wrong = min(set(kept) ^ set(sums))
        report.differ(f"table late_sum: the row {wrong} is not as the journal says")
    cases = cases_of(np.concatenate([np.zeros(0, EVENT), *(shard.all_events() for shard in shards)]))
    report.reviews = len(cases)
    kept = [tuple(row) for row in await connection.fetch(SQL["review_all"])]
    if kept != cases:
        wrong = min(set(kept) ^ set(cases))
        report.differ(f"table review: the row {wrong} is not as the journal says")
    suspended = sorted(entry for shard in shards for entry in shard.suspended)
    kept = [tuple(row) for row in await connection.fetch(SQL["suspended_all"])]
    if kept != suspended:
        wrong = min(set(kept) ^ set(suspended))
        report.differ(f"table suspended: the row {wrong} is not as the journal says")
    credit = sorted((entry for shard in shards for entry in shard.credit.entries), key=_by_address)
    kept = [tuple(row) for row in await connection.fetch(SQL["credit_all"])]
    if kept != credit:
        wrong = min(set(kept) ^ set(map(tuple, credit)), key=_by_address)
        report.differ(f"table credit: the row {wrong} is not as the journal says")
    report.inquiries = sum(shard.credit.inquiries for shard in shards)
    report.orders = sum(len(shard.credit.made) for shard in shards)


def _by_address(row: tuple[int, ...]) -> int:
    return row[1]


def _by_record(row: tuple[int, ...]) -> tuple[int, int, int]:
    wallet, shard, _, record, *_ = row
    return shard, record, wallet


def _compare(shards: list[_Shard], owners: dict[int, int], window_ms: int, report: AuditReport) -> None:
    sums: dict[int, int] = defaultdict(int)
    for shard in shards:
        known = shard.books.wallets[shard.books.wallets["head"] != 0]
        report.wallets += len(known)
        for currency in np.unique(known["currency"]):
            sums[int(currency)] += int(known["posted"][known["currency"] == currency].sum(dtype=np.int64))
        _compare_keys(shard, window_ms, report)
    for sender in shards:
        _compare_cursors(sender, shards, report)
        for move in _in_transit(sender, shards, owners, report):
            sums[int(move["currency"])] += int(move["amount"])
            report.in_transit += 1
    report.sums = dict(sorted(sums.items()))
    for currency, total in report.sums.items():
        if total:
            report.differ(f"{_letters(currency)}: balances and credits in transit sum to {total}, not to zero")


def _compare_keys(shard: _Shard, window_ms: int, report: AuditReport) -> None:
    """A key may return only when the window is over."""
    if not shard.keys:
        return
    hi, lo, time = np.concatenate(shard.keys, axis=1)
    ordered = np.sort(hi)
    candidates = np.isin(hi, ordered[1:][ordered[1:] == ordered[:-1]])  # half of the key distinguishes nearly all
    hi, lo, time = hi[candidates], lo[candidates], time[candidates]
    order = np.lexsort((time, lo, hi))
    hi, lo, time = hi[order], lo[order], time[order].astype(np.int64)
    again = (hi[1:] == hi[:-1]) & (lo[1:] == lo[:-1]) & (time[1:] - time[:-1] < window_ms)
    if again.any():
        report.differ(
            f"shard {shard.number}: {counted(int(again.sum()), 'key was', 'keys were')} used twice within the window"
        )


def _compare_cursors(sender: _Shard, shards: list[_Shard], report: AuditReport) -> None:
    for receiver in shards:
        block, value = receiver.cursors.get(sender.number, (0, b""))
        if block and sender.hashes.get(block) != value:
            text = f"shard {receiver.number}: its cursor names block {block} of shard {sender.number} with another hash"
            report.differ(text)


def _in_transit(sender: _Shard, shards: list[_Shard], owners: dict[int, int], report: AuditReport) -> _Moves:
    """Match what left a shard with what landed; gives what has not landed yet."""
    gone = np.concatenate(sender.remote) if sender.remote else np.empty(0, _MOVE)
    landed = np.zeros(len(gone), bool)
    owner_of = np.full(max([0, *owners]) + 2, -1, np.int64)
    for segment, owner in owners.items():
        owner_of[segment] = owner
    to = owner_of[np.minimum(segment_of(gone["payee"]), len(owner_of) - 1)]  # The last is no segment's.
    for move in gone[(to < 0) | (to == sender.number)][:3]:
        report.differ(f"shard {sender.number}: record {int(move['reference'])} pays a wallet that no other shard has")
    for receiver in shards:
        legs = np.concatenate(receiver.legs) if receiver.legs else np.empty(0, _MOVE)
        legs = np.sort(legs[shard_of(legs["reference"]) == sender.number], order="reference")
        if (legs["reference"][1:] == legs["reference"][:-1]).any():
            report.differ(f"shard {receiver.number}: a leg from shard {sender.number} landed twice")
        at = np.searchsorted(gone["reference"], legs["reference"])
        fits = at < len(gone)
        fits[fits] = gone[at[fits]] == legs[fits]
        for leg in legs[~fits][:3]:
            report.differ(
                f"shard {receiver.number}: the leg of record {int(leg['reference'])} has no transfer that fits"
            )
        landed[at[fits]] = True
        cursor = receiver.cursors.get(sender.number, (0, b""))[0]
        due = (to == receiver.number) & (block_of(gone["reference"]) <= cursor)
        for move in gone[due & ~landed][:3]:
            report.differ(f"shard {receiver.number}: the leg of record {int(move['reference'])} was passed over")
    missing: _Moves = gone[~landed]
    return missing


def _letters(currency: int) -> str:
    return ALPHA.get(currency, f"currency {currency:03}")


def render(report: AuditReport) -> str:
    """A report for people."""
    lines = [
        f"{counted(report.records, 'record')} in {counted(report.blocks, 'block')} on {counted(report.shards, 'shard')}",
        f"{counted(report.transfers, 'transfer')}, {report.declined:,} declined, {counted(report.holds, 'hold')}, "
        f"{counted(report.captures, 'capture')}, {counted(report.refunds, 'refund')}, {counted(report.reviews, 'review')}, "
        f"{counted(report.legs, 'leg')}, {counted(report.in_transit, 'credit')} in transit, {counted(report.wallets, 'wallet')}",
        *(
            [f"{counted(report.inquiries, 'inquiry', 'inquiries')}, {counted(report.orders, 'service order')}"]
            if report.inquiries or report.orders
            else []
        ),
        *([f"details of {counted(report.erased, 'block')} were erased"] if report.erased else []),
        *(
            [f"{counted(report.admin_entries, 'entry', 'entries')} in the log of administrators"]
            if report.admin_entries
            else []
        ),
        *(
            f"{_letters(currency)}: balances and credits in transit sum to {total}"
            for currency, total in report.sums.items()
        ),
        *(f"DIFFERENCE: {text}" for text in report.differences),
        "no difference" if not report.differences else counted(len(report.differences), "difference"),
    ]
    return "\n".join(lines)
