"""A wallet with late records by the million: neither a page nor a look back reads more of them than among a few."""

import json
from typing import Any

import pytest

from actors.database.connection import SQL_DIRECTORY, connect, parse_queries
from actors.database.pool import Pool
from actors.records.header import HEADER_BYTES
from actors.records.late import SPAN_BITS, WIDTHS
from actors.records.layout import CHAIN_STRIDE, RECORD, Kind
from actors.rpc.interface import ChainHead
from switch.views.statement import History
from tests.integration.test_history_plan import _scans
from tests.journal_rows import record

WALLET = 256
STEP_MS = 1_000
EARLY = 1_700_000_000_000
"""Effective time from which the late ones count, a second apart, the newest booked from the earliest on."""
PAGE = 50
THERE = 1_500
"""Blocks of the journal that are there, at either end of the run of late records: a plan that visited others would miss them."""
SUMS_MAX = len(WIDTHS) * ((1 << SPAN_BITS) - 1)

REST = bytes(49 * RECORD.itemsize)
"""Of a block, so that the journal is as large as its blocks make it, and a plan reads it by its key."""


@pytest.mark.parametrize("late", [12_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
async def test_late_records_cost_a_page_and_a_look_back_nothing_however_many(database_url: str, late: int) -> None:
    await _filled(database_url, late)
    newest, middle = (late + 1) << 8, EARLY + late // 2 * STEP_MS
    pool = await Pool.open(database_url, name="test-plan")
    try:
        history, head = History(pool), ChainHead(7, 978, [newest], [])
        for at in (EARLY - 1, EARLY, middle, EARLY + late * STEP_MS - 1, EARLY + late * STEP_MS):
            place = await history.at(WALLET, 0, head, at)
            counted = (at - EARLY) // STEP_MS + 1
            assert place is not None and place.posted == -counted, at
        found = await history.newest(WALLET, 0, head, PAGE)
        assert found is not None and [step.address for step in found[1].steps] == [1 << 8]
        plans = await _plans(pool, newest, middle)
    finally:
        await pool.close()
    page, chain, at_middle = plans
    assert _read(page, "late") <= PAGE + 1 and _read(page, "journal") <= 2 * (PAGE + 1)
    assert _read(chain, "late") <= 2 and _read(chain, "journal") <= 6
    assert _read(at_middle, "late") <= 3 and _read(at_middle, "late_sum") <= SUMS_MAX
    assert _read(at_middle, "journal") <= 2 * CHAIN_STRIDE


async def _plans(pool: Pool, newest: int, middle: int) -> list[dict[str, Any]]:
    """What the three statements do: a page of late records, the newest page of the chain, and the balance at a time."""
    asked = {
        "late_page": (WALLET, 0, 1 << 62, 1 << 62, newest, 0, PAGE + 1, 1 << 24),
        "wallet_chain": (WALLET, f"ARRAY[{newest}]", PAGE + 1, 1_050, 0, "ARRAY[]::bigint[]", 7, 1 << 24),
        "chain_at": (WALLET, 0, middle, f"ARRAY[{newest}]", "ARRAY[]::bigint[]", 7),
    }
    return [await _explained(pool, name, *parameters) for name, parameters in asked.items()]


async def _filled(database_url: str, late: int) -> None:
    """One record that counts from after all late ones, then those, each of one minor unit; blocks at both ends are there."""
    there = [*range(1, min(THERE, late + 2)), *range(max(THERE, late + 2 - THERE), late + 2)]
    blocks = [(0, n, bytes(HEADER_BYTES) + _booked(n, late) + REST, None) for n in there]
    connection = await connect(database_url, name="test")
    await connection.copy_records_to_table("journal", records=blocks, columns=("shard", "block", "records", "details"))
    for number in range(CHAIN_STRIDE, late, CHAIN_STRIDE):
        await connection.execute(
            "INSERT INTO anchor VALUES ($1, 0, $2, $3)", WALLET, EARLY + late * STEP_MS, number << 8
        )
    await connection.execute(
        f"INSERT INTO late SELECT {WALLET}, 0, {EARLY + late * STEP_MS} - n * {STEP_MS}, (n + 1)::bigint << 8, 1 << 8, -1, -n "
        f"FROM generate_series(1::bigint, {late}) n"
    )
    await connection.execute(
        "INSERT INTO late_sum SELECT wallet, shard, width, effective >> width, sum(amount) FROM late "
        f"CROSS JOIN unnest(ARRAY{[*WIDTHS]}) width GROUP BY wallet, shard, width, effective >> width"
    )
    for table in ("late", "late_sum", "journal", "anchor"):
        await connection.execute(f"VACUUM ANALYZE {table}")
    await connection.close()


def _booked(number: int, late: int) -> bytes:
    """The record of a block: the wallet pays one minor unit each time."""
    lag = (number - 1) * STEP_MS
    fields = {"effective_time": EARLY + late * STEP_MS - lag, "payer_lag": lag, "payer_prev": (number - 1) << 8}
    return record(Kind.TRANSFER, payer=WALLET, payee=512, amount=1, payer_posted=-number, **fields).tobytes()


async def _explained(pool: Pool, name: str, *parameters: object) -> dict[str, Any]:
    statement = parse_queries((SQL_DIRECTORY / "front_door.sql").read_text())[name]
    for literal, value in reversed(list(enumerate(parameters, 1))):
        statement = statement.replace(f"${literal}", str(value))
    async with pool.session() as session:
        (plan,) = json.loads(await session.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", timeout=120))
    found: dict[str, Any] = plan["Plan"]
    return found


def _read(plan: dict[str, Any], relation: str) -> float:
    """Rows of a table that a plan read, those that it left out counted."""
    scans = _scans(plan, relation)
    return sum((scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"] for scan in scans)
