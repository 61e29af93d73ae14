"""The bytes of a COPY are cut into the same blocks wherever its pieces end."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.journal import copy_stream
from actors.journal.copy_stream import Cutter, copy_of
from actors.journal.interface import Block, ScannedBlock

START = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = struct.pack(">h", -1)
rows = st.lists(
    st.tuples(st.integers(0, 2**63 - 1), st.binary(max_size=60), st.none() | st.binary(max_size=9)), max_size=12
)


def field(value: bytes | None) -> bytes:
    return struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value


def row(number: int, records: bytes, details: bytes | None) -> bytes:
    return struct.pack(">h", 3) + field(struct.pack(">q", number)) + field(records) + field(details)


@given(rows, st.lists(st.integers(1, 70), max_size=30))
def test_wherever_pieces_end_the_blocks_are_the_same(
    written: list[tuple[int, bytes, bytes | None]], cuts: list[int]
) -> None:
    data = START + b"".join(row(*each) for each in written) + END
    cutter = Cutter()
    found: list[ScannedBlock] = []
    cutter.add(data[: len(START)])
    at = len(START)
    for cut in [*cuts, len(data)]:
        cutter.add(data[at : at + cut])
        at += cut
        found += cutter.page()
    cutter.check_end()
    assert found == written


@pytest.mark.parametrize("piece_bytes", [1, 70, 1 << 19])
async def test_what_is_sent_is_a_row_a_block_however_large_its_pieces(
    piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_stream, "PIECE_BYTES", piece_bytes)
    kept: list[tuple[int, bytes, bytes | None]] = [(2**40, b"r" * 50, None), (7, b"", b"why"), (8, b"s" * 30, b"")]
    blocks = [Block(shard=3, number=number, records=body, details=details) for number, body, details in kept]
    pieces = [piece async for piece in copy_of(blocks)]
    assert len(pieces) == {1: 4, 70: 2, 1 << 19: 1}[piece_bytes]
    shard = field(struct.pack(">i", 3))
    sent = [struct.pack(">h", 4) + shard + row(*each)[2:] for each in kept]
    assert b"".join(pieces) == START + b"".join(sent) + END


def test_a_copy_that_breaks_off_is_noticed() -> None:
    cutter = Cutter()
    cutter.add(START + row(1, b"r", None)[:-1])
    assert cutter.page() == []
    with pytest.raises(ValueError, match="too few"):
        cutter.check_end()


@pytest.mark.parametrize("data", [b"x" * 19 + END, START + struct.pack(">hiqi", 2, 8, 1, 0) + END])
def test_another_format_is_refused(data: bytes) -> None:
    cutter = Cutter()
    cutter.add(data)
    with pytest.raises(ValueError, match="COPY"):
        cutter.page()
