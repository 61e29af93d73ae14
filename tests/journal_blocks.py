"""Blocks to append to a journal, and what it gives of them."""

from actors.journal.interface import Block, Journal, StoredBlock

OLD, NEW = 0xA1, 0xB2
"""Two writers of one shard."""


def blocks(
    first: int,
    count: int,
    *,
    shard: int = 1,
    mark: bytes = b"r",
    size: int = 50,
    details: bytes | None = None,
) -> list[Block]:
    return [
        Block(shard=shard, number=number, records=mark * size, details=details)
        for number in range(first, first + count)
    ]


async def stored(journal: Journal, shard: int = 1) -> list[Block]:
    """All that is stored, with details."""
    pages = journal.scan(shard, 0, details=True)
    return [
        Block(shard=shard, number=number, records=bytes(records), details=details)
        async for page in pages
        for number, records, details in page
    ]


def read(written: list[Block]) -> list[StoredBlock]:
    """What reads give of these blocks."""
    return [StoredBlock(block.number, block.records) for block in written]
