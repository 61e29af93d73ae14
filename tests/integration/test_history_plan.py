"""The front door's sessions read a page of history along the journal's key, whatever its size: never the journal as a whole."""

import json
from typing import Any

import pytest

from actors.database.connection import SQL_DIRECTORY, connect, parse_queries
from actors.database.pool import Pool

BLOCKS = 3_000
BLOCK_BYTES = 88 + 50 * 160
PAGES = {
    "wallet_chain": ((1, "ARRAY[256]", 51, 1_050, 0, "ARRAY[2]", 7, 1 << 24), 6),
    "credit_chain": ((256, 1_000, 21), 2),
}
"""Statements with their parameters, and how often each names the journal."""


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_of_history_visits_blocks_one_by_one(database_url: str, name: str) -> None:
    parameters, times = PAGES[name]
    connection = await connect(database_url, name="test")
    await connection.execute(
        f"INSERT INTO journal SELECT 0, n, decode(repeat('00', {BLOCK_BYTES}), 'hex'), '' FROM generate_series(1, {BLOCKS}) n"
    )
    await connection.execute("ANALYZE journal")
    await connection.close()
    statement = parse_queries((SQL_DIRECTORY / "front_door.sql").read_text())[name]
    pool = await Pool.open(database_url, name="test-plan")
    try:
        async with pool.session() as session:
            for literal, value in enumerate(parameters, 1):
                statement = statement.replace(f"${literal}", str(value))
            (plan,) = json.loads(await session.fetchval(f"EXPLAIN (FORMAT JSON) {statement}"))
    finally:
        await pool.close()
    assert json.dumps(plan).count('"Relation Name": "journal"') == times
    for scan in _scans(plan["Plan"]):
        assert scan["Node Type"] in ("Index Scan", "Index Only Scan") and "block" in scan.get("Index Cond", ""), scan


async def test_a_page_of_open_cases_reads_no_case_that_is_over(database_url: str) -> None:
    connection = await connect(database_url, name="test")
    await connection.execute(
        f"INSERT INTO journal SELECT 0, n, decode(repeat('00', {BLOCK_BYTES}), 'hex'), '' FROM generate_series(1, {BLOCKS}) n"
    )
    await connection.execute(
        "INSERT INTO review SELECT n::bigint << 8, n, CASE WHEN n % 100 > 0 THEN 1 + n % 3 ELSE 0 END "
        f"FROM generate_series(1, {BLOCKS}) n"
    )
    await connection.execute("ANALYZE journal, review")
    await connection.close()
    statement = parse_queries((SQL_DIRECTORY / "front_door.sql").read_text())["review_page"]
    for literal, value in enumerate((0, 500, 0, 51, -1, "NULL", "false", "NULL"), 1):
        statement = statement.replace(f"${literal}", str(value))
    pool = await Pool.open(database_url, name="test-plan")
    try:
        async with pool.session() as session:
            (plan,) = json.loads(await session.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"))
    finally:
        await pool.close()
    (cases,) = _scans(plan["Plan"], "review")
    assert cases["Index Name"] == "review_list" and "status" in cases["Index Cond"], cases
    assert cases["Actual Rows"] <= 51 and not cases.get("Rows Removed by Filter")
    for scan in _scans(plan["Plan"]):
        assert scan["Node Type"] == "Index Scan" and "block" in scan.get("Index Cond", ""), scan


@pytest.mark.parametrize("later", [False, True], ids=["first", "later"])
@pytest.mark.parametrize(("parts", "behind"), [(2_000, 0), (1_000, 2), (1, 3_000)], ids=["refunds", "captures", "one"])
async def test_a_page_of_what_a_payment_left_reads_as_much_as_it_gives(
    database_url: str, parts: int, behind: int, later: bool
) -> None:
    limit, root = 5, 1 << 60
    place = (0, 0) if not later else (700 << 8, 0) if parts > 1 else (1 << 8, 1 << 52 | 700 << 8)
    connection = await connect(database_url, name="test")
    await connection.execute(
        f"INSERT INTO journal SELECT s, n, decode(repeat('00', {BLOCK_BYTES}), 'hex'), '' "
        f"FROM generate_series(0, 1) s, generate_series(1, {BLOCKS}) n"
    )
    await connection.execute(f"INSERT INTO reference SELECT {root}, n << 8 FROM generate_series(1::bigint, {parts}) n")
    await connection.execute(
        f"INSERT INTO reference SELECT n << 8, (1::bigint << 52) | (m << 8) | (n % 50) "
        f"FROM generate_series(1::bigint, {parts}) n, generate_series(1::bigint, {behind}) m"
    )
    await connection.execute("ANALYZE journal, reference")
    await connection.close()
    statement = parse_queries((SQL_DIRECTORY / "front_door.sql").read_text())["transfer_parts_after"]
    for literal, value in enumerate((root, *place, limit), 1):
        statement = statement.replace(f"${literal}", str(value))
    pool = await Pool.open(database_url, name="test-plan")
    try:
        async with pool.session() as session:
            (plan,) = json.loads(await session.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"))
            rows = await session.fetch(statement)
    finally:
        await pool.close()
    assert [(row["part"], row["behind"]) for row in rows] == sorted((row["part"], row["behind"]) for row in rows)
    assert all((row["part"], row["behind"]) > place for row in rows)
    read = sum(scan["Actual Rows"] * scan["Actual Loops"] for scan in _scans(plan["Plan"], "reference"))
    assert read <= (limit + 1) * (limit + 1), plan
    blocks = sum(scan["Actual Rows"] * scan["Actual Loops"] for scan in _scans(plan["Plan"]))
    assert blocks == len(rows) == limit, plan
    for scan in [*_scans(plan["Plan"]), *_scans(plan["Plan"], "reference")]:
        assert scan["Node Type"] in ("Index Scan", "Index Only Scan"), scan
        assert not scan.get("Rows Removed by Filter") and scan["Index Cond"], scan


def _scans(node: dict[str, Any], relation: str = "journal") -> list[dict[str, Any]]:
    """Nodes of a plan that read a table."""
    here = [node] if node.get("Relation Name") == relation else []
    return here + [scan for child in node.get("Plans", []) for scan in _scans(child, relation)]
