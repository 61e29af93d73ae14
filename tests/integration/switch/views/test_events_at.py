"""Records are read by their addresses with the details of each block once, in statements of so many bytes of details."""

from typing import Any

import numpy as np
import pytest

from actors.database.connection import connect
from actors.database.pool import Pool
from actors.records.addresses import record_address
from actors.records.header import HEADER_BYTES
from actors.records.layout import RECORD

DETAILS = 1_000
RECORDS = 3


def place(block: int, slot: int, shard: int = 0) -> int:
    return int(record_address(shard, block, slot))


@pytest.fixture
async def blocks(database_url: str) -> str:
    """Four blocks of each of two shards with three records each; the last has no details."""
    connection = await connect(database_url, name="test")
    for shard in range(2):
        for number in range(1, 5):
            records = np.zeros(RECORDS, RECORD)
            records["amount"] = 100 * number + np.arange(RECORDS)
            row = bytes(HEADER_BYTES) + records.tobytes(), None if number == 4 else bytes([number]) * DETAILS
            await connection.execute("INSERT INTO journal VALUES ($1, $2, $3, $4)", shard, number, *row)
    await connection.close()
    return database_url


@pytest.mark.parametrize(
    ("bytes_max", "given"), [(1, 3), (DETAILS, 3), (DETAILS + 1, 5), (2 * DETAILS + 1, 6), (1 << 20, 9)]
)
async def test_a_statement_ends_where_the_details_are_as_many_as_it_may_give(
    blocks: str, bytes_max: int, given: int
) -> None:
    asked = [place(1, 0), place(1, 2), place(1, RECORDS), place(2, 0), place(2, 1), place(3, 1), place(4, 0)]
    asked += [place(9, 0), place(1, 1, shard=7)]
    pool = await Pool.open(blocks, name="test")
    try:
        rows: list[Any] = await pool.fetch("events_at", asked[::-1], bytes_max)
    finally:
        await pool.close()
    assert [row["address"] for row in rows] == asked[:given]
    amounts = [100, 102, None, 200, 201, 301, 400, None, None]
    found = [np.frombuffer(row["record"], RECORD)["amount"].tolist() if row["record"] else [None] for row in rows]
    assert found == [[amount] for amount in amounts[:given]], "none where there is none"
    details = [bytes([1]) * DETAILS, None, None, bytes([2]) * DETAILS, None, bytes([3]) * DETAILS, None, None, None]
    assert [row["details"] for row in rows] == details[:given], "once for each block"
