"""An audit of a journal as it was written finds nothing, and finds each byte that was changed since."""

import asyncpg
import numpy as np
import pytest

from actors.audit.audit import audit_database
from actors.records.layout import RECORD
from actors.shard.in_process import SMALL
from bench.workload.direct import lone_shard, open_wallets
from bench.workload.payments import payment_rows

HEADER_BYTES = 88


async def _write(url: str) -> None:
    async with lone_shard(url, SMALL) as switch:
        await switch.start()
        host, rng = switch.hosts[0], np.random.default_rng(4)
        addresses = await open_wallets(host, 300, rng)
        results = await host.submit(payment_rows(addresses, 8_000, rng), {0: b"\xc0"})
        assert not results["code"].any()


async def _change(url: str, block: int, byte: int) -> None:
    connection = await asyncpg.connect(url)
    flipped = "set_byte(records, $2, get_byte(records, $2) # 1)"
    await connection.execute(f"UPDATE journal SET records = {flipped} WHERE block = $1", block, byte)
    await connection.close()


async def test_an_honest_journal_has_no_difference(database_url: str) -> None:
    await _write(database_url)
    report = await audit_database(database_url)
    assert report.differences == []
    assert (report.transfers, report.wallets) == (8_000, 300)
    assert report.records >= 8_300 and not any(report.sums.values())


@pytest.mark.parametrize(
    ("block", "byte", "says"),
    [
        (100, HEADER_BYTES + RECORD.itemsize * 3 + 24, "block 100 record 3"),
        (100, 40, "block 100: it does not carry the hash"),
        (100, 16, "block 100: it says it is block"),
        (100, 24, "block 100: it was written by a process that had not opened"),
    ],
)
async def test_a_changed_byte_is_found(database_url: str, block: int, byte: int, says: str) -> None:
    await _write(database_url)
    await _change(database_url, block, byte)
    differences = (await audit_database(database_url)).differences
    assert any(says in each for each in differences), differences


async def test_changed_details_are_found(database_url: str) -> None:
    await _write(database_url)
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE journal SET details = details || '\\x00' WHERE details IS NOT NULL")
    await connection.close()
    assert any("its details are not" in each for each in (await audit_database(database_url)).differences)
