"""A credit that lies on suspense is found from the movement it belongs to, also in a journal that was written before there was a table of
them."""

from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from actors.database.connection import SQL_DIRECTORY, migrate
from actors.journal.interface import Block
from actors.journal.postgres import PostgresJournal
from actors.records.addresses import record_address
from actors.records.blocks import GENESIS, Sealed, Writer, seal
from actors.records.layout import BLOCK_RECORDS_MAX, FLAG_SUSPENSE, RECORD, Kind, Records

SHARD = 3
TABLE = 10
"""The migration that makes the table."""


def legs() -> tuple[list[Sealed], list[tuple[int, int]]]:
    """Blocks with remote credits, some on suspense, among records that only look like them; and the rows of those."""
    records: Records = np.zeros(2 * BLOCK_RECORDS_MAX + 7, RECORD)
    records["kind"] = Kind.LEG
    records["reference"] = record_address(1, 40, 0) + np.arange(len(records))
    lost = [0, 1, BLOCK_RECORDS_MAX - 1, BLOCK_RECORDS_MAX, 2 * BLOCK_RECORDS_MAX + 6]
    records["flags"][lost] = FLAG_SUSPENSE
    records["kind"][5], records["flags"][5] = Kind.TRANSFER, FLAG_SUSPENSE
    blocks, _ = seal(Writer(SHARD, 1, 9, bytes(16)), first=7, previous=GENESIS, seen=0, records=records, details={})
    rows = [
        (
            int(records["reference"][i]),
            int(record_address(SHARD, 7 + i // BLOCK_RECORDS_MAX, i % BLOCK_RECORDS_MAX)),
        )
        for i in lost
    ]
    return blocks, rows


async def kept(connection: Any) -> list[tuple[int, int]]:
    return [tuple(row) for row in await connection.fetch("SELECT movement, leg FROM suspended ORDER BY movement")]


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The migrations before there was the table."""
    for file in (SQL_DIRECTORY / "migrations").glob("*.sql"):
        if int(file.name[:4]) < TABLE:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


async def test_legs_of_an_older_journal_are_found(empty_database_url: str, older: Path) -> None:
    blocks, rows = legs()
    await migrate(empty_database_url, directory=older)
    connection = await asyncpg.connect(empty_database_url)
    for block in blocks:
        await connection.execute("INSERT INTO journal VALUES ($1, $2, $3, NULL)", SHARD, block.number, block.data)
    await migrate(empty_database_url)
    assert await kept(connection) == rows
    await connection.close()


async def test_legs_are_noted_with_their_block(database_url: str) -> None:
    blocks, rows = legs()
    journal = PostgresJournal(database_url, shard=SHARD, writer=9, allow_unsafe=True)
    await journal.append(
        [Block(shard=SHARD, number=b.number, records=b.data, details=None, suspended=b.suspended) for b in blocks]
    )
    await journal.close()
    connection = await asyncpg.connect(database_url)
    assert await kept(connection) == rows
    await connection.close()
