"""`shardpay rescore undo`: wallets of a published job have the scores before it again, once however often it is sent."""

import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from actors.stores.rule_packs import VersionConflict
from switch.cli.rescore import group
from tests.front_door import RunningSwitch
from tests.integration.switch.cli.rescore.jobs import inline_pools, scored
from tests.integration.switch.cli.running import at
from tests.score_batches import publish_card, publish_scores, reported, score_row

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_pools", inline_pools)


async def test_the_scores_before_a_published_job_hold_again(shared: RunningSwitch, tmp_path: Path) -> None:
    wallets = [await shared.wallet() for _ in range(4)]
    folder = scored(tmp_path, wallets)
    with suppress(VersionConflict):  # another test has published it
        await publish_card(shared)
    await publish_scores(shared, [score_row(wallet, 655, 1) for wallet in wallets[:3]])
    assert (await at(shared, "rescore", "publish", folder, "--run", 2)).exit_code == 0

    async def shown(wallet: str) -> Any:
        return (await shared.call("GET", f"/v1/wallets/{wallet}/credit")).json

    assert [(await shown(wallet))["run"] for wallet in wallets] == [2] * 4
    for _ in range(2):
        done = await at(shared, "rescore", "undo", folder, "--run", 2, "--as", 3)
        assert (done.exit_code, done.stdout) == (0, "ok: 4 rows\n"), done.output
    assert [(await shown(wallet))["score"] for wallet in wallets] == [655, 655, 655, None]
    assert (await shown(wallets[3]))["na_cause"] == "withdrawn"
    for taken, why in ((2, "run 2 was undone by run 3"), (3, "run 3 has undone run 2 before")):
        refused = await at(shared, "rescore", "publish", folder, "--run", taken)
        assert refused.exit_code == 1 and f"{why}: take a number above it" in refused.stderr


async def test_wallets_of_a_later_run_are_counted_and_fail(shared: RunningSwitch, tmp_path: Path) -> None:
    wallets = [await shared.wallet() for _ in range(2)]
    folder = scored(tmp_path, [*wallets, str(uuid.uuid4())])
    with suppress(VersionConflict):
        await publish_card(shared)
    await at(shared, "rescore", "publish", folder, "--run", 2)
    assert reported(await publish_scores(shared, [score_row(wallets[0], 655, 3)])) == [("ok", False)]
    done = await at(shared, "rescore", "undo", folder, "--run", 2, "--as", 4)
    assert done.exit_code == 1
    assert sorted(done.stdout.splitlines()) == ["ok: 1 row", "run_superseded: 1 row", "wallet_not_found: 1 row"]


async def test_a_run_is_not_undone_by_one_below_it(shared: RunningSwitch, tmp_path: Path) -> None:
    done = await at(shared, "rescore", "undo", tmp_path, "--run", 2, "--as", 2)
    assert done.exit_code == 2 and "--as is a run above 2" in done.stderr
