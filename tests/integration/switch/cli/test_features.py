"""`shardpay features`: a file a shard from a database or an export; what cannot be is refused before anything is written."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from actors.credit_features.extract import MANIFEST
from actors.export.export import Job, export
from actors.export.reader import Export
from switch.http.times import now_ms, time_text
from tests.front_door import RunningSwitch
from tests.integration.switch.cli.running import run
from tests.payments import funded, once_posted

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_journal_and_its_export_give_the_same_features(shared: RunningSwitch, tmp_path: Path) -> None:
    _, user = await funded(shared, 1_000)
    shop = await shared.wallet("merchant")
    assert (await shared.pay(user, shop, 10)).status == 201
    await once_posted(shared, shop, 10)
    await shared.log_is_repeated()
    await export(Job(url=shared.database_url, output=tmp_path / "lake"))
    ends = Export(tmp_path / "lake").at_ms
    assert ends is not None
    later = ("--as-of", time_text(ends), "--workers", "1", "--json")
    of_journal = await run("features", "--output", tmp_path / "a", "--database", shared.database_url, *later)
    assert of_journal.exit_code == 0, of_journal.output
    of_export = await run("features", "--output", tmp_path / "b", "--input", tmp_path / "lake", *later)
    first, second = json.loads(of_journal.stdout), json.loads(of_export.stdout)
    assert first["wallets"] == second["wallets"] >= 2
    tables = [pq.read_table(sorted((tmp_path / name).glob("*.parquet"))) for name in ("a", "b")]
    assert tables[0].equals(tables[1]) and len(first["shards"]) == 2
    printed = await run("features", "--output", tmp_path / "c", "--database", shared.database_url, *later[:-1])
    assert printed.stdout.startswith(f"{first['wallets']:,} wallets from {first['records']:,} records, ")


async def test_the_law_of_the_configuration_leaves_relations_out(shared: RunningSwitch, tmp_path: Path) -> None:
    await shared.wallet()
    config = tmp_path / "switch.toml"
    config.write_text("[credit]\nrelations = false\n")
    words = ("--database", shared.database_url, "--workers", "1")
    columns = {}
    for name, more in (("with", ()), ("without", ("--config", config)), ("asked", ("--without-relations",))):
        done = await run("features", "--output", tmp_path / name, *words, *more)
        assert done.exit_code == 0, done.output
        columns[name] = set(pq.read_schema(next((tmp_path / name).glob("*.parquet"))).names)
    assert columns["without"] == columns["asked"] < columns["with"]


async def test_features_of_a_database_are_of_a_time_before_it_was_read(shared: RunningSwitch, tmp_path: Path) -> None:
    await shared.wallet()
    words, begun = ("--database", shared.database_url, "--workers", "1"), now_ms()
    ahead = time_text(begun + 3_600_000)
    refused = await run("features", "--output", tmp_path / "ahead", *words, "--as-of", ahead)
    assert refused.exit_code == 1 and f"no features as of {ahead}" in refused.stderr, refused.output
    assert not (tmp_path / "ahead").exists()
    assert (await run("features", "--output", tmp_path / "now", *words)).exit_code == 0
    as_of = json.loads((tmp_path / "now" / MANIFEST).read_bytes())["as_of"]
    assert begun <= as_of <= now_ms()


async def test_what_cannot_be_is_refused(shared: RunningSwitch, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "other.txt").write_text("x")
    (tmp_path / "wrong.toml").write_text("[credit]\nlaws = 1\n")
    database = ("--database", shared.database_url)
    for code, printed, words in (
        (1, "", ("--output", tmp_path / "full", *database)),
        (1, "", ("--output", tmp_path / "a", "--input", tmp_path / "full")),
        (1, "there is no database in", ("--output", tmp_path / "a", "--data", tmp_path)),
        (2, "wrong.toml", ("--output", tmp_path / "a", "--config", tmp_path / "wrong.toml", *database)),
        (2, "--as-of", ("--output", tmp_path / "a", "--as-of", "yesterday", *database)),
        (2, "--negative-days", ("--output", tmp_path / "a", "--negative-days", "0", *database)),
        (2, "--output", database),
        (2, "s3://bureau/features is a URL", ("--output", "s3://bureau/features", *database)),
    ):
        done = await run("features", *words)
        assert done.exit_code == code and printed in done.stderr and "Traceback" not in done.output, done.output
    assert (tmp_path / "full" / "other.txt").read_text() == "x"
