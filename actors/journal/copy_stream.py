"""Stream a shard's blocks into PostgreSQL and out of it, each with one COPY.

What comes out is cut into pages whose blocks are views of the bytes that arrived.

Rows encoded or decoded one by one cost more than all that is done with them (see ARCHITECTURE.md).
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, Final

from actors.database.connection import SQL
from actors.journal.interface import Block, ScannedBlock

PAGE_BYTES: Final = 1 << 20
"""Some 130 blocks, about 2 ms of replay: a page and what is made of it stay in the processor's cache and in memory used before."""
PAGES_AHEAD: Final = 4
SCAN_TIMEOUT_S: Final = 60.0
"""A page may have to come from a cold disk."""

# The format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_START: Final = struct.Struct(">11sII")
_ROW: Final = struct.Struct(">hiqi")
"""Number of fields; length 8 and the block's number; length of its records."""
_LENGTH: Final = struct.Struct(">i")
_FIELDS: Final = 3
_END: Final = -1
_NULL: Final = -1
_END_BYTES: Final = 2

PIECE_BYTES: Final = 1 << 19
"""Of what is sent at a time: the appends of payments are one piece."""
_ADDED: Final = struct.Struct(">hiiiqi")
"""Number of fields; length 4 and the shard; length 8 and the block's number; length of its records."""
_ADDED_FIELDS: Final = 4
_HEAD: Final = _START.pack(_SIGNATURE, 0, 0)
_NO_DETAILS: Final = _LENGTH.pack(_NULL)
_TAIL: Final = _END.to_bytes(_END_BYTES, "big", signed=True)


async def copy_of(blocks: Sequence[Block]) -> AsyncIterator[bytes]:
    """The pieces of a COPY (shard int, block bigint, records bytea, details bytea) of blocks: each is copied once, where asyncpg's
    encoder makes room for a block at a time and moves what it has."""
    parts, size = [_HEAD], 0
    for block in blocks:
        parts.append(_ADDED.pack(_ADDED_FIELDS, 4, block.shard, 8, block.number, len(block.records)))
        parts.append(block.records)
        parts += [_NO_DETAILS] if block.details is None else [_LENGTH.pack(len(block.details)), block.details]
        size += block.size
        if size >= PIECE_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join((*parts, _TAIL))


class Cutter:
    """Takes the pieces of a COPY (block bigint, records bytea, details bytea) as they arrive and gives the rows that are whole."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._begun = False
        self.size = 0

    def add(self, piece: bytes) -> None:
        """The next piece; where it ends means nothing."""
        self._pieces.append(piece)
        self.size += len(piece)

    def page(self) -> Sequence[ScannedBlock]:
        """All rows that are whole. Raises ValueError when the bytes are not of that format."""
        data = b"".join(self._pieces)
        view = memoryview(data)
        at = 0 if self._begun else self._start(data)
        rows = []
        while at + _ROW.size <= len(data):
            fields, width, number, length = _ROW.unpack_from(data, at)
            if fields != _FIELDS or width != 8 or length < 0:
                raise ValueError(f"a COPY of blocks has {_FIELDS} fields, not {fields} of {width} and {length} bytes")
            records = at + _ROW.size
            after = records + length + _LENGTH.size
            if after > len(data):
                break
            (length_of_details,) = _LENGTH.unpack_from(data, after - _LENGTH.size)
            end = after + max(0, length_of_details)
            if end > len(data):
                break
            details = None if length_of_details == _NULL else data[after:end]
            rows.append((number, view[records : after - _LENGTH.size], details))
            at = end
        self._pieces = [data[at:]]
        self.size = len(data) - at
        return rows

    def check_end(self) -> None:
        """Raise ValueError unless all rows were given and the end was marked."""
        rest = b"".join(self._pieces)
        if len(rest) != _END_BYTES or int.from_bytes(rest, "big", signed=True) != _END:
            raise ValueError(f"a COPY ended with {len(rest)} bytes too many or too few")

    def _start(self, data: bytes) -> int:
        signature, flags, extension = _START.unpack_from(data)
        if signature != _SIGNATURE or flags or extension:
            raise ValueError("this is no COPY in the binary format as known here")
        self._begun = True
        return _START.size


async def stream_blocks(
    connection: Any, shard: int, first: int, last: int, *, details: bool = False
) -> AsyncGenerator[Sequence[ScannedBlock], None]:
    """Blocks `first` to `last`, as far as there are, ascending, in non-empty pages; the next is received while the caller works on one.
    Details come only if they are asked for.

    The connection serves nothing else meanwhile; left early, it is lost.
    """
    pages: asyncio.Queue[Sequence[ScannedBlock]] = asyncio.Queue()
    room = asyncio.Semaphore(PAGES_AHEAD)
    cutter = Cutter()

    async def take(piece: bytes) -> None:
        cutter.add(piece)
        if cutter.size >= PAGE_BYTES:
            await room.acquire()
            pages.put_nowait(cutter.page())

    query = SQL["journal_copy_details" if details else "journal_copy"]
    copying = asyncio.ensure_future(connection.copy_from_query(query, shard, first, last, output=take, format="binary"))
    copying.add_done_callback(lambda _: pages.put_nowait([]))
    try:
        while page := await asyncio.wait_for(pages.get(), SCAN_TIMEOUT_S):
            room.release()
            yield page
        await copying
        if page := cutter.page():
            yield page
        cutter.check_end()
    finally:
        if not copying.done():
            connection.terminate()
            copying.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await copying
