"""`shardpay cards publish`: a card goes to the switch under its own name and version, once; what does not check is told by its field."""

import json
from pathlib import Path
from typing import Any

import pytest

from actors.stores.api_keys import KeyStore
from tests.front_door import RunningSwitch
from tests.integration.switch.cli.running import at

pytestmark = pytest.mark.asyncio(loop_scope="session")


def write(folder: Path, name: str = "own", version: int = 1, **more: Any) -> Path:
    item = {"feature": "amount", "reason": "HIGH", "edges": [1000], "points": [70, 50], "missing": 50}
    path = folder / "card.json"
    path.write_text(json.dumps({"name": name, "version": version, "characteristics": [item], **more}))
    return path


async def test_a_card_is_published_once_however_often(shared: RunningSwitch, tmp_path: Path) -> None:
    path = write(tmp_path)
    for _ in range(2):
        done = await at(shared, "cards", "publish", path)
        assert done.exit_code == 0 and done.stdout.startswith("own@1 is published, SHA-256 "), done.output
    published = json.loads((await at(shared, "cards", "publish", path, "--json")).stdout)
    shown = (await shared.call("GET", "/v1/scorecards/own")).json
    assert (published["version"], published["hash"]) == (1, shown["hash"])


async def test_what_does_not_check_is_told_by_its_field_before_it_is_sent(
    shared: RunningSwitch, tmp_path: Path
) -> None:
    path = write(tmp_path, "wrong", 0)
    done = await at(shared, "cards", "publish", path)
    assert (done.exit_code, done.stdout) == (1, "") and f"{path}: version" in done.stderr
    found = json.loads((await at(shared, "cards", "publish", path, "--json")).stdout)
    assert (found["ok"], found["errors"][0]["field"]) == (False, "version")
    assert (await shared.call("GET", "/v1/scorecards/wrong")).status == 404


async def test_what_the_switch_refuses_is_one_line(shared: RunningSwitch, tmp_path: Path) -> None:
    path = write(tmp_path, "refused", 7)
    skipped = await at(shared, "cards", "publish", path)
    assert skipped.exit_code == 1 and skipped.stderr.startswith(f"{path}: ") and skipped.stderr.count("\n") == 1
    reader = await KeyStore(shared.pool).create("reads", ["read"])
    forbidden = await at(shared, "cards", "publish", write(tmp_path, "refused"), key=reader.key)
    assert forbidden.exit_code == 1 and "scope" in forbidden.stderr
    unknown = await at(shared, "cards", "publish", path, key="sp_wrong")
    assert unknown.exit_code == 1 and "key" in unknown.stderr.lower() and unknown.stderr.count("\n") == 1
    assert (await at(shared, "cards", "publish", tmp_path / "nothing.json")).exit_code == 2
