"""A block is a header and up to 50 records; each carries the SHA-256 of the whole block before it.

Details (personal and free text) stay beside the block. They enter the chain as a salted digest only, so they can be erased
and the chain still verifies. What is left of them then has another digest, which a later record (DATA_ERASED) brings into the chain.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from zlib_ng.zlib_ng import crc32

from actors.records import survey
from actors.records.addresses import block_of, record_address, suspense_address
from actors.records.chain_time import chain_time
from actors.records.credit_layout import is_credit
from actors.records.header import HEADER, HEADER_BYTES
from actors.records.late import Late, late_of
from actors.records.layout import (
    ACCOUNT,
    BLOCK_RECORDS_MAX,
    FLAG_PAYEE_ANCHOR,
    FLAG_PAYER_ANCHOR,
    FLAG_REVIEW,
    FLAG_SUSPENSE,
    RECORD,
    Kind,
    Records,
    ReviewStatus,
    case_end,
    joined,
)
from actors.records.survey import survey_records
from models.arrays import bytes_of

VERSION: Final = 2
HASH_BYTES: Final = 32
_ANCHORS: Final = FLAG_PAYER_ANCHOR | FLAG_PAYEE_ANCHOR
GENESIS: Final = bytes(HASH_BYTES)
"""What stands for the block before the first."""

_CHECKSUM: Final = struct.Struct("<I")
_CHECKSUM_AT: Final = struct.calcsize("<HHHHI")
_CHECKED: Final = struct.Struct("<H10xI")
"""Version and checksum."""
_NO_CHECKSUM: Final = bytes(_CHECKSUM.size)
assert HEADER_BYTES + BLOCK_RECORDS_MAX * RECORD.itemsize <= 8100


ByBlock = dict[int, list[Any]]
"""What is looked up of blocks, by their numbers."""


class Header(NamedTuple):
    """`checksum`: CRC-32 of the whole block, taken with 0 in its own place; blocks of version 1 have none. `seen`: address of the
    last record that the features of this block's scored records saw; `controls`: the last 16 bits of the revision of lists and snoozes with
    which they were decided, 0 in old journals. `writer`: the random number of the process that wrote it."""

    version: int
    records: int
    shard: int
    controls: int
    topology: int
    checksum: int
    number: int
    writer: int
    seen: int
    previous: bytes
    details_digest: bytes


class Anchor(NamedTuple):
    """A place on a wallet's chain where a look back in time can begin. `chain_time`: of the record at `record`."""

    wallet: int
    chain_time: int
    record: int


class Review(NamedTuple):
    """A case as it now stands: the HOLD at `record`, made at `time`; `status` OPEN: it is new."""

    record: int
    time: int
    status: int


class CreditEntry(NamedTuple):
    """What finds a credit record: the holder's wallet, 0 = there is none; the record and its kind; the consent, inquiry or order that it is
    about, 0 = none; the merchant's account."""

    wallet: int
    record: int
    kind: int
    about: int
    account: int


class Sealed(NamedTuple):
    """A block ready to be stored, with what is looked up of it: `references`, (target, record) of what became of earlier records;
    `anchors`; `reviews` that began or ended, in order; `suspended`, (movement, leg) of credits that lie on suspense; `late` records;
    `credit`, what finds credit records. All follow from the records."""

    number: int
    data: bytes
    details: bytes | None
    references: Sequence[tuple[int, int]] = ()
    anchors: Sequence[Anchor] = ()
    reviews: Sequence[Review] = ()
    suspended: Sequence[tuple[int, int]] = ()
    late: Sequence[Late] = ()
    credit: Sequence[CreditEntry] = ()


class Writer(NamedTuple):
    """Who seals blocks: its shard, the topology version it knows, its random number, and 16 random bytes that salt details."""

    shard: int
    topology: int
    number: int
    salt_key: bytes


class DetailsOfBlock(msgspec.Struct, frozen=True, array_like=True):
    """The `details` column: a salt, and per slot that has any its details as msgpack."""

    salt: bytes
    entries: list[tuple[int, msgspec.Raw]]


_DETAILS_ENCODER: Final = msgspec.msgpack.Encoder()
_DETAILS_DECODER: Final = msgspec.msgpack.Decoder(DetailsOfBlock)


def block_hash(data: bytes | memoryview) -> bytes:
    """SHA-256 of a block's bytes."""
    return hashlib.sha256(data).digest()


def _seal_details(writer: Writer, number: int, entries: dict[int, bytes]) -> bytes | None:
    if not entries:
        return None
    salt = hashlib.blake2b(number.to_bytes(8, "little"), key=writer.salt_key, digest_size=16).digest()
    raws = [(slot, msgspec.Raw(entries[slot])) for slot in sorted(entries)]
    return _DETAILS_ENCODER.encode(DetailsOfBlock(salt, raws))


def without_entries(details: bytes, erased: Mapping[int, bytes | None], salt: bytes) -> bytes:
    """Details of a block without those of some slots, or with others in their place, under another salt: with the old one, what was erased
    could be tried out."""
    entries = []
    for slot, raw in _DETAILS_DECODER.decode(details).entries:
        left = erased.get(slot, raw)
        if left is not None:
            entries.append((slot, msgspec.Raw(left)))
    return _DETAILS_ENCODER.encode(DetailsOfBlock(salt, entries))


class Erased(NamedTuple):
    """A block that lost details, and the digest of those that it has left."""

    block: int
    digest: bytes


class _OfErasure(msgspec.Struct, frozen=True):
    """Details of a DATA_ERASED record, as far as the audit needs them."""

    erased: list[Erased] = []


_ERASURE_DECODER: Final = msgspec.msgpack.Decoder(_OfErasure)


def erased_of(entry: msgspec.Raw | bytes) -> list[Erased]:
    """What the details of a DATA_ERASED record say."""
    return _ERASURE_DECODER.decode(entry).erased


def details_digest(details: bytes | None) -> bytes:
    """What a header keeps of its block's details."""
    return bytes(16) if details is None else hashlib.sha256(details).digest()[:16]


def seal(
    writer: Writer,
    *,
    first: int,
    previous: bytes,
    seen: int,
    records: Records,
    details: dict[int, bytes],
    controls: int = 0,
) -> tuple[list[Sealed], bytes]:
    """Cut records (n,) into blocks from number `first` on; `details` by index of the record. Gives the blocks and the last hash."""
    raw = bytes_of(records)
    width = RECORD.itemsize * BLOCK_RECORDS_MAX
    found = survey_records(records)
    looked_up = [look(writer.shard, first, records) if found & bit else {} for bit, look in _LOOKS] if found else ()
    by_block: dict[int, dict[int, bytes]] = {}
    for index, entry in details.items():
        by_block.setdefault(index // BLOCK_RECORDS_MAX, {})[index % BLOCK_RECORDS_MAX] = entry
    blocks = []
    for i, start in enumerate(range(0, len(raw), width)):
        body = raw[start : start + width]
        number = first + i
        extra = _seal_details(writer, number, by_block[i]) if i in by_block else None
        count = len(body) // RECORD.itemsize
        digest = details_digest(extra)
        header = HEADER.pack(
            VERSION, count, writer.shard, controls, writer.topology, 0, number, writer.number, seen, previous, digest
        )
        data = b"".join(
            (header[:_CHECKSUM_AT], _CHECKSUM.pack(_checksum(header, body)), header[_CHECKSUM_AT + 4 :], body)
        )
        previous = block_hash(data)
        blocks.append(Sealed(number, data, extra, *(entries.get(number, ()) for entries in looked_up)))
    return blocks, previous


def _by_block(first: int, indexes: NDArray[np.intp], entries: list[list[Any]]) -> ByBlock:
    """Entries of records at these indexes, by block."""
    found: dict[int, list[Any]] = {}
    for index, entry in zip(indexes.tolist(), entries, strict=True):
        found.setdefault(first + index // BLOCK_RECORDS_MAX, []).extend(entry)
    return found


def _address(shard: int, first: int, index: int) -> int:
    return int(record_address(shard, first + index // BLOCK_RECORDS_MAX, index % BLOCK_RECORDS_MAX))


def _addresses(shard: int, first: int, indexes: NDArray[np.intp]) -> NDArray[np.int64]:
    blocks, slots = np.divmod(indexes, BLOCK_RECORDS_MAX)
    return record_address(shard, first, 0) + blocks * record_address(0, 1, 0) + slots


def _references(shard: int, first: int, records: Records) -> ByBlock:
    chosen = referring(records)
    targets = records["reference"][chosen].tolist()
    entries = [[(t, _address(shard, first, i))] for t, i in zip(targets, chosen.tolist(), strict=True)]
    return _by_block(first, chosen, entries)


def _anchors(shard: int, first: int, records: Records) -> ByBlock:
    chosen = np.flatnonzero(records["flags"] & _ANCHORS)
    return _by_block(first, chosen, [anchors_of(records[i], _address(shard, first, i)) for i in chosen.tolist()])


def _reviews(shard: int, first: int, records: Records) -> ByBlock:
    chosen = np.flatnonzero(records["flags"] & FLAG_REVIEW)
    found = [review_of(records[i], _address(shard, first, i)) for i in chosen.tolist()]
    return _by_block(first, chosen, [[] if review is None else [review] for review in found])


def _suspended(shard: int, first: int, records: Records) -> ByBlock:
    chosen = np.flatnonzero(is_suspended(records))
    targets = records["reference"][chosen].tolist()
    entries = [[(t, _address(shard, first, i))] for t, i in zip(targets, chosen.tolist(), strict=True)]
    return _by_block(first, chosen, entries)


def is_suspended(records: Records) -> NDArray[np.bool_]:
    """Which records (n,) are legs whose money lies on suspense."""
    found: NDArray[np.bool_] = (records["kind"] == Kind.LEG) & (records["flags"] & FLAG_SUSPENSE != 0)
    return found


def _late(shard: int, first: int, records: Records) -> ByBlock:
    found: dict[int, list[Any]] = {}
    for each in late_of(records, lambda indexes: _addresses(shard, first, indexes)):
        found.setdefault(block_of(each.record), []).append(each)
    return found


def _credit(shard: int, first: int, records: Records) -> ByBlock:
    chosen = np.flatnonzero(is_indexed(records))
    entries = credit_entries(records[chosen], _addresses(shard, first, chosen))
    return _by_block(first, chosen, [[entry] for entry in entries])


_LOOKS: Final[tuple[tuple[int, Callable[[int, int, Records], ByBlock]], ...]] = (
    (survey.REFERRING, _references),
    (survey.ANCHORED, _anchors),
    (survey.REVIEWED, _reviews),
    (survey.SUSPENDED, _suspended),
    (survey.LAGGING, _late),
    (survey.CREDIT, _credit),
)
"""What is looked up of a block, in the order of `Sealed`: of records that the survey says are there."""


def is_indexed(records: Records) -> NDArray[np.bool_]:
    """Which records (n,) table `credit` finds: all credit records but scores, which are found along the chain."""
    found: NDArray[np.bool_] = is_credit(records) & (records["kind"] != Kind.SCORE)
    return found


def credit_entries(records: Records, addresses: NDArray[np.int64]) -> list[CreditEntry]:
    """Of credit records (n,) at these addresses."""
    columns = (records["payer"], addresses, records["kind"], records["reference"], records[ACCOUNT])
    return [CreditEntry(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def review_of(record: Any, address: int) -> Review | None:
    """The case that a record (scalar of RECORD) with FLAG_REVIEW begins or ends; None when it was declined and does neither."""
    if record["code"] != 0:
        return None
    if record["kind"] == Kind.HOLD:
        return Review(address, int(record["record_time"]), int(ReviewStatus.OPEN))
    return Review(int(record["reference"]), 0, int(case_end(int(record["kind"]), int(record["flags"]))))


def referring(records: Records) -> NDArray[np.intp]:
    """Indexes of the records that became a part of what happened to an earlier one."""
    kind = records["kind"]
    return np.flatnonzero((kind >= Kind.CAPTURE) & (kind <= Kind.APPROVAL) & (records["code"] == 0))


def anchors_of(record: Any, address: int) -> list[Anchor]:
    """Anchors that a record (scalar of RECORD) sets; a leg to suspense is on the chain of the suspense wallet."""
    flags, effective = int(record["flags"]), int(record["effective_time"])
    anchors = []
    if flags & FLAG_PAYER_ANCHOR:
        time = int(chain_time(effective, int(record["payer_lag"])))
        anchors.append(Anchor(int(record["payer"]), time, address))
    if flags & FLAG_PAYEE_ANCHOR:
        wallet = suspense_address(int(record["currency"])) if flags & FLAG_SUSPENSE else int(record["payee"])
        anchors.append(Anchor(wallet, int(chain_time(effective, int(record["payee_lag"]))), address))
    return anchors


def header_of(data: bytes | memoryview) -> Header:
    """The header of a block. Raises ValueError if the bytes are no block."""
    if len(data) < HEADER_BYTES:
        raise ValueError("a block is longer than its header")
    header = Header._make(HEADER.unpack_from(data))
    if not 1 <= header.version <= VERSION or len(data) != HEADER_BYTES + header.records * RECORD.itemsize:
        raise ValueError(f"block {header.number}: version {header.version} or length {len(data)} is wrong")
    return header


def _checksum(header: bytes, body: bytes | memoryview) -> int:
    return crc32(body, crc32(header))


def is_whole(data: bytes | memoryview) -> bool:
    """Whether the bytes of a block that has a header are those that were sealed, as far as its checksum tells."""
    read: tuple[int, int] = _CHECKED.unpack_from(data)
    version, checksum = read
    rest = data[_CHECKSUM_AT + len(_NO_CHECKSUM) :]
    return version == 1 or checksum == crc32(rest, crc32(_NO_CHECKSUM, crc32(data[:_CHECKSUM_AT])))


def records_of(data: bytes) -> Records:
    """The records (count,) of a block, read-only."""
    return np.frombuffer(data, RECORD, offset=HEADER_BYTES)


def entries_of(details: bytes | None) -> dict[int, msgspec.Raw]:
    """Details by slot."""
    return {} if details is None else dict(_DETAILS_DECODER.decode(details).entries)


def addresses_of(shard: int, number: int, count: int) -> NDArray[np.int64]:
    """Addresses (count,) of a block's records."""
    return record_address(shard, number, 0) + np.arange(count, dtype=np.int64)


class OpenedBlocks(NamedTuple):
    """Blocks that follow each other, opened: their records, writable, with addresses and the `seen` and `controls` of their block's
    header; number and hash of the last."""

    records: Records
    addresses: NDArray[np.int64]
    seen: NDArray[np.int64]
    controls: NDArray[np.int64]
    number: int
    hash: bytes


class Chain:
    """A shard's journal as read so far: checks that each block is the one that follows."""

    def __init__(self, shard: int, number: int, hash_: bytes) -> None:
        self._shard = shard
        self._number = number
        self._hash = hash_

    def extend(self, blocks: Sequence[tuple[int, bytes | memoryview]]) -> OpenedBlocks:
        """Read further blocks, at least one. Raises ValueError when they do not follow."""
        parts, counts, seen, controls = [], [], [], []
        first = self._number + 1
        for number, data in blocks:
            header = header_of(data)
            if number != self._number + 1 or header.number != number or header.previous != self._hash:
                raise ValueError(f"shard {self._shard}: block {number} does not follow block {self._number}")
            parts.append(data[HEADER_BYTES:])
            counts.append(header.records)
            seen.append(header.seen)
            controls.append(header.controls)
            self._number, self._hash = number, block_hash(data)
        starts = record_address(self._shard, first, 0) + np.arange(len(counts)) * record_address(0, 1, 0)
        addresses = joined_addresses(starts, np.array(counts, np.int64))
        records = joined(parts, RECORD)
        saw, under = (np.repeat(np.array(values, np.int64), counts) for values in (seen, controls))
        return OpenedBlocks(records, addresses, saw, under, self._number, self._hash)


def joined_addresses(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Addresses of all records of blocks: of the first record of each, and how many each holds."""
    addresses: NDArray[np.int64] = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    return addresses
