"""Blocks hold what was sealed, in a chain that any change breaks."""

import hashlib
import struct
import zlib

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.records import blocks
from actors.records.blocks import (
    GENESIS,
    Chain,
    Sealed,
    Writer,
    addresses_of,
    block_hash,
    header_of,
    is_whole,
    records_of,
    referring,
    seal,
)
from actors.records.header import HEADER_BYTES
from actors.records.layout import BLOCK_RECORDS_MAX, RECORD, Kind, Records

WRITER = Writer(shard=3, topology=7, number=2**64 - 1, salt_key=bytes(16))
counts = st.integers(1, 3 * BLOCK_RECORDS_MAX + 1)


def records_like(count: int) -> Records:
    rng = np.random.default_rng(count)
    return np.frombuffer(rng.bytes(count * RECORD.itemsize), RECORD)


def sealed(count: int, details: dict[int, bytes] | None = None, first: int = 5) -> tuple[list[Sealed], bytes]:
    records = records_like(count)
    return seal(WRITER, first=first, previous=GENESIS, seen=99, records=records, details=details or {})


@given(counts)
def test_blocks_hold_the_records_in_a_chain(count: int) -> None:
    made, last = sealed(count)
    assert len(made) == -(-count // BLOCK_RECORDS_MAX)
    previous, parts = GENESIS, []
    for i, block in enumerate(made):
        header = header_of(block.data)
        assert (header.version, header.shard, header.topology) == (2, 3, 7)
        assert (header.number, header.writer, header.seen) == (5 + i, 2**64 - 1, 99)
        assert block.number == header.number
        assert header.previous == previous
        assert header.details_digest == bytes(16)
        assert block.details is None
        parts.append(records_of(block.data))
        assert header.records == len(parts[-1])
        assert blocks.addresses_of(3, header.number, header.records).tolist() == [
            3 << 52 | header.number << 8 | slot for slot in range(header.records)
        ]
        previous = block_hash(block.data)
    assert last == previous == hashlib.sha256(made[-1].data).digest()
    assert np.concatenate(parts).tobytes() == records_like(count).tobytes()


def test_a_full_block_stays_in_one_plain_database_row() -> None:
    made, _ = sealed(BLOCK_RECORDS_MAX)
    assert len(made) == 1
    assert len(made[0].data) == HEADER_BYTES + 50 * 160 <= 8_100
    assert len(sealed(BLOCK_RECORDS_MAX + 1)[0]) == 2


def test_nothing_makes_no_block() -> None:
    assert sealed(0) == ([], GENESIS)


@given(counts, st.data())
def test_details_lie_with_their_record_and_their_digest_in_the_header(count: int, data: st.DataObject) -> None:
    texts = data.draw(st.dictionaries(st.integers(0, count - 1), st.text(max_size=20), max_size=5))
    made, _ = sealed(count, {index: msgspec.msgpack.encode(text) for index, text in texts.items()})
    found = {}
    for i, block in enumerate(made):
        assert header_of(block.data).details_digest == blocks.details_digest(block.details)
        for slot, raw in blocks.entries_of(block.details).items():
            found[i * BLOCK_RECORDS_MAX + slot] = msgspec.msgpack.decode(raw)
    assert found == texts


def test_erased_details_leave_the_chain_intact() -> None:
    made, _ = sealed(60, {0: msgspec.msgpack.encode("a name"), 55: msgspec.msgpack.encode("another")})
    erased = [block._replace(details=None) for block in made]
    assert header_of(erased[1].data).previous == block_hash(erased[0].data)
    assert header_of(erased[0].data).details_digest != blocks.details_digest(None)
    assert blocks.entries_of(None) == {}


def test_equal_details_of_two_blocks_have_different_digests() -> None:
    entry = msgspec.msgpack.encode("a name")
    made, _ = sealed(60, {0: entry, 50: entry})
    assert len({header_of(block.data).details_digest for block in made}) == 2


@given(st.integers(0, 51 * 160 + HEADER_BYTES - 1), st.integers(0, 7))
def test_any_changed_bit_breaks_the_chain(at: int, bit: int) -> None:
    made, _ = sealed(51)
    data = bytearray(made[0].data)
    at %= len(data)
    data[at] ^= 1 << bit
    assert header_of(made[1].data).previous != block_hash(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(HEADER_BYTES - 1),
        bytes(HEADER_BYTES),
        sealed(2)[0][0].data[:-1],
        sealed(2)[0][0].data + b"\0",
        struct.pack("<H", 3) + sealed(2)[0][0].data[2:],
    ],
)
def test_what_is_no_block_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="block"):
        header_of(data)


@given(counts, st.integers(1, 4))
def test_a_chain_opens_pages_of_blocks_that_follow_each_other(count: int, width: int) -> None:
    made, last = sealed(count)
    chain = Chain(3, 4, GENESIS)
    parts = [made[i : i + width] for i in range(0, len(made), width)]
    runs = [chain.extend([(b.number, memoryview(b.data)) for b in part]) for part in parts]
    assert b"".join(run.records.tobytes() for run in runs) == records_like(count).tobytes()
    expected = [addresses_of(3, b.number, header_of(b.data).records) for b in made]
    assert np.array_equal(np.concatenate([run.addresses for run in runs]), np.concatenate(expected))
    assert (runs[-1].number, runs[-1].hash) == (made[-1].number, last)
    assert runs[0].records.flags.writeable


def test_a_chain_refuses_a_block_that_does_not_follow() -> None:
    made, _ = sealed(3 * BLOCK_RECORDS_MAX)
    one, two, three = [(b.number, b.data) for b in made]
    changed = (two[0], two[1][:-1] + bytes([two[1][-1] ^ 1]))
    renumbered = (two[0], three[1])
    of_another_number = sealed(1, first=9)[0][0].data
    moved = ([(5, of_another_number)], [(9, of_another_number)])
    for wrong in ([one, three], [two], [one, changed, three], [one, renumbered], [one, one], *moved):
        with pytest.raises(ValueError, match="does not follow"):
            Chain(3, 4, GENESIS).extend(wrong)


def test_a_block_knows_its_own_bytes() -> None:
    data = sealed(7)[0][0].data
    assert is_whole(data)
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 4
        assert not is_whole(bytes(changed)), place


def test_the_checksum_is_the_crc_32_of_the_block_with_0_in_its_place() -> None:
    for block in sealed(60)[0]:
        at = struct.calcsize("<HHHHI")
        (checksum,) = struct.unpack_from("<I", block.data, at)
        assert checksum == zlib.crc32(block.data[:at] + bytes(4) + block.data[at + 4 :])


def test_what_became_of_an_earlier_record_is_found_from_capture_to_approval() -> None:
    records = np.zeros(2 * len(Kind), RECORD)
    records["kind"], records["code"][len(Kind) :] = [*Kind, *Kind], 9
    found = [Kind(kind) for kind in records["kind"][referring(records)]]
    assert found == [Kind.CAPTURE, Kind.VOID, Kind.EXPIRY, Kind.REFUND, Kind.APPROVAL]
