"""`shardpay rescore publish`: a finished job's scores are what holders see, once however often it is sent; what cannot be is told."""

import json
import uuid
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from actors.stores.rule_packs import VersionConflict
from switch.cli.rescore import group
from tests.front_door import RunningSwitch
from tests.integration.switch.cli.rescore.jobs import inline_pools, scored
from tests.integration.switch.cli.running import at
from tests.score_batches import publish_card

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_pools", inline_pools)


async def test_holders_see_what_the_job_scored_once(shared: RunningSwitch, tmp_path: Path) -> None:
    wallets = [await shared.wallet() for _ in range(5)]
    folder = scored(tmp_path, wallets)
    with suppress(VersionConflict):  # another test has published it
        await publish_card(shared)
    for _ in range(2):
        done = await at(shared, "rescore", "publish", folder, "--run", 3)
        assert (done.exit_code, done.stdout) == (0, "ok: 5 rows\n"), done.output
    found = json.loads((await at(shared, "rescore", "publish", folder, "--run", 3, "--json")).stdout)
    assert found == {"run": 3, "rows": 5, "codes": {"ok": 5}, "replayed": 0}
    shown = (await shared.call("GET", f"/v1/wallets/{wallets[0]}/credit")).json
    rows = [row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]
    (row,) = [each for each in rows if each["wallet"] == uuid.UUID(wallets[0]).bytes]
    assert (shown["score"], shown["run"]) == (row["score"], 3)


async def test_a_run_that_is_not_named_has_the_number_that_is_printed(shared: RunningSwitch, tmp_path: Path) -> None:
    wallet = await shared.wallet()
    folder = scored(tmp_path, [wallet])
    with suppress(VersionConflict):  # another test has published it
        await publish_card(shared)
    done = [await at(shared, "rescore", "publish", folder) for _ in range(2)]
    shown = (await shared.call("GET", f"/v1/wallets/{wallet}/credit")).json
    assert [each.stdout for each in done] == [f"run {shown['run']}\nok: 1 row\n"] * 2, done[0].output
    found = json.loads((await at(shared, "rescore", "publish", folder, "--json")).stdout)
    assert found == {"run": shown["run"], "rows": 1, "codes": {"ok": 1}, "replayed": 0}


async def test_rows_of_nobody_are_counted_and_fail(shared: RunningSwitch, tmp_path: Path) -> None:
    folder = scored(tmp_path, [await shared.wallet(), str(uuid.uuid4())])
    with suppress(VersionConflict):  # another test has published it
        await publish_card(shared)
    done = await at(shared, "rescore", "publish", folder, "--run", 4)
    assert (done.exit_code, len(done.stdout.splitlines())) == (1, 2) and "ok: 1 row" in done.stdout, done.output
    assert done.stdout.count(": 1 row") == 2
    again = await at(shared, "rescore", "publish", folder, "--run", 4)
    assert (again.exit_code, again.stdout) == (1, done.stdout), "all are tried again"


async def test_a_switch_that_lacks_what_it_answered_is_sent_it(shared: RunningSwitch, tmp_path: Path) -> None:
    """As one that was restored from a backup: by the folder's note it had everything."""
    wallet = await shared.wallet()
    folder = scored(tmp_path, [wallet, *[await shared.wallet() for _ in range(4)]])
    with suppress(VersionConflict):  # another test has published it
        await publish_card(shared)
    await at(shared, "rescore", "publish", folder, "--run", 5)
    (note,) = json.loads((folder / "published.json").read_text())
    (folder / "published.json").write_text(json.dumps([{**note, "run": 6}]))
    for _ in range(2):
        done = await at(shared, "rescore", "publish", folder, "--run", 6)
        assert (done.exit_code, done.stdout) == (0, "ok: 5 rows\n"), done.output
    assert (await shared.call("GET", f"/v1/wallets/{wallet}/credit")).json["run"] == 6


async def test_what_cannot_be_published_is_refused(shared: RunningSwitch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    none = await at(shared, "rescore", "publish", tmp_path / "empty", "--run", 1)
    assert (none.exit_code, none.stderr) == (1, f"Error: {tmp_path / 'empty'} holds no finished job\n")
    assert (await at(shared, "rescore", "publish", tmp_path / "empty", "--run", 0)).exit_code == 2
    assert (await at(shared, "rescore", "publish")).exit_code == 2
    bare = scored(tmp_path, [await shared.wallet()], "--scores-only")
    done = await at(shared, "rescore", "publish", bare, "--run", 1)
    assert done.exit_code == 1 and "without --scores-only" in done.stderr


async def test_a_folder_that_is_not_whole_is_refused_in_words(shared: RunningSwitch, tmp_path: Path) -> None:
    folder = scored(tmp_path, [await shared.wallet()])
    manifest = (folder / "manifest.json").read_bytes()
    cases = (
        ("card.json", None, "card.json"),
        ("parts/000000.parquet", None, "parts/000000.parquet is gone: this result is not whole"),
        ("parts/000000.parquet", b"PAR1", "parts/000000.parquet has 4 bytes, and "),
        ("manifest.json", manifest.replace(b'"format"', b'"version"'), "is not a manifest of this version"),
    )
    for name, content, why in cases:
        before = (folder / name).read_bytes()
        (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
        done = await at(shared, "rescore", "publish", folder, "--run", 1)
        assert done.exit_code == 1 and done.stderr.startswith("Error: ") and why in done.stderr, done.output
        (folder / name).write_bytes(before)
