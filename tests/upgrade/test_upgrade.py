"""What the last tagged versions wrote opens in this one: restored, migrated, audited, shown as it was, and paid on."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from actors.audit.audit import audit_database
from actors.backup.backup import check, restore
from actors.database.connection import migrate
from tests.front_door import running_switch
from tests.upgrade.make import Expected

ROOT = Path(__file__).parents[2]
VERSIONS = sorted(path.parent for path in Path(__file__).parent.glob("*/expected.json"))


def test_the_newest_version_of_the_changelog_is_this_one_and_each_has_a_backup() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert released[0] == project["version"]
    assert {folder.name for folder in VERSIONS} == set(released)


@pytest.mark.parametrize("folder", VERSIONS, ids=[folder.name for folder in VERSIONS])
async def test_a_backup_of_an_earlier_version_opens_in_this_one(folder: Path, empty_database_url: str) -> None:
    expected = msgspec.json.decode((folder / "expected.json").read_bytes(), type=Expected)
    manifest = check(folder / "backup", lambda done, due: None)
    await restore(empty_database_url, folder / "backup", manifest)
    await migrate(empty_database_url)
    report = await audit_database(empty_database_url)
    assert report.differences == [] and report.transfers and report.captures and report.refunds and report.legs
    async with running_switch(empty_database_url) as switch:
        for wallet, posted in expected.posted.items():
            assert (await switch.call("GET", f"/v1/wallets/{wallet}")).json["posted"] == posted
        for identity, before in expected.transfers.items():
            now = (await switch.call("GET", f"/v1/transfers/{identity}")).json
            assert {name: now.get(name) for name in before} == before
        payer, payee = [wallet for wallet, posted in expected.posted.items() if 90_000 < posted < 110_000][:2]
        assert (await switch.pay(payer, payee, 25)).status == 201
    assert (await audit_database(empty_database_url)).differences == []
