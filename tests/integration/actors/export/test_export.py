"""Exports of journals made by hand: what is new, once, whatever breaks on the way, readable by the usual tools."""

import fcntl
import pickle
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import polars
import pyarrow.dataset as ds
import pytest

from actors.database.connection import connect
from actors.export import export as module
from actors.export.export import ADMIN_LOG, CONTROLS, LABELS, ExportRefused, ExportReport, Job, export
from actors.export.reader import Export, Unreadable
from actors.records.layout import Kind, Records
from actors.stores.topology import cluster_facts
from tests.journal_rows import NOON, journal, record

DAY = 86_400_000


@pytest.fixture(autouse=True)
async def facts(database_url: str) -> None:
    await cluster_facts(database_url, 2)


def batch(time: int, count: int) -> list[Records]:
    """A batch of payments with bookkeeping among them."""
    payments = [
        record(Kind.TRANSFER, record_time=time, payer=65_536 + i % 7, payee=65_600 + i % 5, amount=1 + i)
        for i in range(count)
    ]
    return [record(Kind.CURSOR, record_time=time), *payments]


FIRST = [batch(NOON, 70), batch(NOON + 1, 3), batch(NOON + DAY, 120)]
LATER = [batch(NOON + DAY, 10), batch(NOON + 3 * DAY, 60)]


async def store(url: str, shard: int, *batches: list[Records], seed: int = 0) -> None:
    """The shard's journal, up to these batches; what is there already stays."""
    connection = await connect(url, name="test")
    try:
        head = await connection.fetchval("SELECT coalesce(max(block), 0) FROM journal WHERE shard = $1", shard)
        blocks = journal(shard, [record(Kind.OPEN, key_hi=7, amount=seed)], *batches)
        rows = [(shard, *block[:3]) for block in blocks if block.number > head]
        await connection.copy_records_to_table(
            "journal", columns=["shard", "block", "records", "details"], records=rows
        )
    finally:
        await connection.close()


async def run(url: str, output: Path, since: int | None = None) -> ExportReport:
    return await export(Job(url=url, output=output, since=since))


def files(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*.parquet")}


def everything(output: Path) -> dict[str, bytes | None]:
    """All that is in the folder; None: a folder."""
    paths = sorted(output.rglob("*"))
    return {str(path.relative_to(output)): path.read_bytes() if path.is_file() else None for path in paths}


def manifest(output: Path) -> Any:
    return msgspec.json.decode((output / "_manifest.json").read_bytes())


def exported(output: Path) -> list[tuple[int, int]]:
    """(address, amount) of every record, as DuckDB reads them."""
    query = f"SELECT address, amount FROM read_parquet('{output}/**/*.parquet', hive_partitioning = true) ORDER BY 1"
    return duckdb.execute(query).fetchall()


def wanted(shards: dict[int, list[list[Records]]]) -> list[tuple[int, int]]:
    found = []
    for shard, batches in shards.items():
        for block in journal(shard, [record(Kind.OPEN)], *batches):
            rows = np.frombuffer(block.data, record(Kind.OPEN).dtype, offset=88)
            found += [
                (shard << 52 | block.number << 8 | slot, int(row["amount"]))
                for slot, row in enumerate(rows)
                if row["kind"] == Kind.TRANSFER
            ]
    return sorted(found)


async def test_a_second_run_adds_only_what_is_new(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST)
    await store(database_url, 1, *FIRST[:1])
    report = await run(database_url, tmp_path)
    assert report.records == len(wanted({0: FIRST, 1: FIRST[:1]}))
    before = files(tmp_path)
    assert exported(tmp_path) == wanted({0: FIRST, 1: FIRST[:1]})
    again = await run(database_url, tmp_path)
    assert (again.records, again.blocks, again.files, files(tmp_path)) == (0, 0, 0, before)
    await store(database_url, 0, *FIRST, *LATER)
    further = await run(database_url, tmp_path)
    assert further.records == 70
    after = files(tmp_path)
    assert {name: after[name] for name in before} == before
    assert exported(tmp_path) == wanted({0: [*FIRST, *LATER], 1: FIRST[:1]})


async def test_days_and_shards_are_partitions(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST, *LATER)
    await store(database_url, 1, *FIRST[:1])
    await run(database_url, tmp_path)
    places = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("*.parquet")}
    days = ("day=2026-11-24/shard=0", "day=2026-11-25/shard=0", "day=2026-11-27/shard=0", "day=2026-11-24/shard=1")
    assert places == set(days)
    query = f"""SELECT bool_and(day = record_time::date AND shard = address >> 52)
        FROM read_parquet('{tmp_path}/**/*.parquet', hive_partitioning = true)"""
    assert duckdb.execute(f"SET TimeZone = 'UTC'; {query}").fetchall() == [(True,)]


async def test_the_usual_tools_read_the_same(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST, *LATER)
    await run(database_url, tmp_path)
    total = sum(amount for _, amount in wanted({0: [*FIRST, *LATER]}))
    frame = polars.scan_parquet(tmp_path / "**/*.parquet", hive_partitioning=True).filter(
        polars.col("currency") == "EUR"
    )
    assert frame.select(polars.col("amount").sum()).collect().item() == total
    table = ds.dataset(tmp_path, format="parquet", partitioning="hive").to_table(columns=["amount", "shard", "day"])
    assert sum(table["amount"].to_pylist()) == total


async def test_the_same_range_gives_the_same_bytes(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST, *LATER)
    for name in ("one", "two"):
        await run(database_url, tmp_path / name)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    manifests = [manifest(tmp_path / name) for name in ("one", "two")]
    assert manifests[0]["shards"] == manifests[1]["shards"]
    assert (
        manifests[0]["goal"]["shards"] == manifests[1]["goal"]["shards"] == {"0": len(FIRST) + len(LATER) + 5, "1": 0}
    )


@pytest.mark.parametrize(
    ("step", "survived"), [*(("publish", steps) for steps in range(3)), *(("write_whole", steps) for steps in range(6))]
)
async def test_a_crash_at_any_step_loses_and_doubles_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, survived: int
) -> None:
    await store(database_url, 0, *FIRST)
    await run(database_url, tmp_path)
    await store(database_url, 0, *FIRST, *LATER)
    await store(database_url, 1, *FIRST)
    real, calls = getattr(module, step), 0

    def dies(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > survived:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(module, step, dies)
    with pytest.raises(KeyboardInterrupt):
        await run(database_url, tmp_path)
    monkeypatch.undo()
    if step == "publish" or survived:
        with pytest.raises(Unreadable, match="did not end: shard"):
            Export(tmp_path)
    else:
        assert Export(tmp_path).shards == [0], "as it was"
    await store(database_url, 1, *FIRST, *LATER)
    await run(database_url, tmp_path)
    assert exported(tmp_path) == wanted({0: [*FIRST, *LATER], 1: [*FIRST, *LATER]})
    assert not (tmp_path / "_staging").exists()
    assert Export(tmp_path).shards == [0, 1]


async def test_a_first_run_that_is_cut_off_after_a_shard_gives_no_readable_folder(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(database_url, 0, *FIRST)
    await store(database_url, 1, *FIRST)
    real = module.ShardFiles.commit

    def dies(files: module.ShardFiles) -> None:
        if files.shard == 1:
            raise KeyboardInterrupt
        real(files)

    monkeypatch.setattr(module.ShardFiles, "commit", dies)
    with pytest.raises(KeyboardInterrupt):
        await run(database_url, tmp_path)
    monkeypatch.undo()
    assert exported(tmp_path) == wanted({0: FIRST})
    with pytest.raises(Unreadable, match="did not end: shard 1 is not there up to block 7; run it again"):
        Export(tmp_path)
    await run(database_url, tmp_path)
    assert Export(tmp_path).shards == [0, 1]


async def test_what_was_opened_is_read_as_it_was_though_an_export_goes_on(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST)
    await store(database_url, 1, *FIRST)
    await run(database_url, tmp_path)
    opened = pickle.loads(pickle.dumps(Export(tmp_path)))
    before = [[rows.addresses.tolist() for rows in opened.rows(shard)] for shard in (0, 1)]
    await store(database_url, 0, *FIRST, *LATER)
    await store(database_url, 1, *FIRST, *LATER)
    await run(database_url, tmp_path)
    assert [[rows.addresses.tolist() for rows in opened.rows(shard)] for shard in (0, 1)] == before
    assert sum(len(rows.addresses) for rows in Export(tmp_path).rows(0)) > sum(map(len, before[0]))


async def test_an_export_says_as_of_when_it_is(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST)
    connection = await connect(database_url, name="test")
    clock = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    times: list[int] = []
    for _ in range(2):
        first = await connection.fetchval(clock)
        await run(database_url, tmp_path)
        last = await connection.fetchval(clock)
        times.append(Export(tmp_path).at_ms or 0)
        assert first <= times[-1] <= last
    await connection.close()
    assert times[0] < times[1], "also of a run that found nothing new"


async def test_a_folder_of_the_format_before_is_read_and_gone_on_with(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST)
    await run(database_url, tmp_path)
    old = {name: value for name, value in manifest(tmp_path).items() if name != "goal"}
    (tmp_path / "_manifest.json").write_bytes(msgspec.json.encode({**old, "format": 5}))
    assert (Export(tmp_path).shards, Export(tmp_path).at_ms) == ([0], None)
    await store(database_url, 0, *FIRST, *LATER)
    await run(database_url, tmp_path)
    assert exported(tmp_path) == wanted({0: [*FIRST, *LATER]})
    assert manifest(tmp_path)["format"] == 6 and Export(tmp_path).at_ms is not None


async def test_a_broken_chain_is_not_exported(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST)
    connection = await connect(database_url, name="test")
    await connection.execute("UPDATE journal SET records = set_byte(records, 150, 9) WHERE block = 2")
    await connection.close()
    with pytest.raises(ValueError, match="block 3 does not follow block 2"):
        await run(database_url, tmp_path)
    assert files(tmp_path) == {}


async def test_since_leaves_out_what_was_recorded_before(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST)
    await run(database_url, tmp_path, since=NOON + 1)
    assert exported(tmp_path) == [row for row in wanted({0: FIRST}) if (row[0] >> 8) > 3]
    assert (await run(database_url, tmp_path)).records == 0
    assert (await run(database_url, tmp_path, since=NOON + 1)).records == 0
    with pytest.raises(ExportRefused, match="another --since"):
        await run(database_url, tmp_path, since=NOON)


async def test_since_holds_also_from_a_first_run_that_found_nothing(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST)
    since = NOON + 2 * DAY
    assert (await run(database_url, tmp_path, since=since)).records == 0
    assert files(tmp_path) == {}
    with pytest.raises(ExportRefused, match="another --since"):
        await run(database_url, tmp_path, since=NOON)
    await store(database_url, 0, *FIRST, *LATER)
    await run(database_url, tmp_path)
    assert exported(tmp_path) == wanted({0: [*FIRST, *LATER]})[-60:]
    assert manifest(tmp_path)["since"] == since


async def test_a_folder_of_another_journal_is_refused(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 0, *FIRST, seed=1)
    await run(database_url, tmp_path)
    connection = await connect(database_url, name="test")
    await connection.execute("DELETE FROM journal")
    await connection.close()
    await store(database_url, 0, *FIRST, *LATER, seed=2)
    for name in (CONTROLS, LABELS, ADMIN_LOG, "day=2026-11-24/shard=0/blocks-000000000998-000000000999.parquet"):
        (tmp_path / name).write_bytes(b"of the folder's own journal")
    (tmp_path / "_staging").mkdir()
    before = everything(tmp_path)
    with pytest.raises(ExportRefused, match="another journal"):
        await run(database_url, tmp_path)
    assert everything(tmp_path) == before


async def test_a_database_with_fewer_shards_is_another_journal(database_url: str, tmp_path: Path) -> None:
    await store(database_url, 1, *FIRST)
    await run(database_url, tmp_path)
    connection = await connect(database_url, name="test")
    await connection.execute("DELETE FROM cluster")
    await connection.close()
    await cluster_facts(database_url, 1)
    before = everything(tmp_path)
    with pytest.raises(ExportRefused, match="another journal: this database has no shard 1"):
        await run(database_url, tmp_path)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("text", ["{", '{"format": 1}', '{"unknown": 1}'])
async def test_a_manifest_that_is_none_is_refused(database_url: str, tmp_path: Path, text: str) -> None:
    (tmp_path / "_manifest.json").write_text(text)
    with pytest.raises(ExportRefused, match="manifest"):
        await run(database_url, tmp_path)


async def test_two_exports_into_one_folder_do_not_run_together(database_url: str, tmp_path: Path) -> None:
    with open(tmp_path / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ExportRefused, match="is running"):
            await run(database_url, tmp_path)


async def test_long_journals_end_files_and_the_manifest_follows(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROUP_RECORDS_MIN", 50)
    monkeypatch.setattr(module, "FILE_RECORDS_MIN", 100)
    await store(database_url, 0, *FIRST, *LATER)
    report = await run(database_url, tmp_path)
    assert report.files >= 4
    assert exported(tmp_path) == wanted({0: [*FIRST, *LATER]})
    shards = manifest(tmp_path)["shards"]
    assert shards["0"]["block"] == report.shards["0"] == report.blocks
    assert "1" not in shards


async def test_a_database_that_was_never_served_has_nothing(database_url: str, tmp_path: Path) -> None:
    connection = await connect(database_url, name="test")
    await connection.execute("DELETE FROM cluster")
    await connection.close()
    assert (await run(database_url, tmp_path)).records == 0
