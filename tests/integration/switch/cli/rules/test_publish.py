"""`shardpay rules publish` publishes what checks, with its files, and tells what does not at its place."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from switch.cli.main import cli
from tests.front_door import RunningSwitch, running_switch


def pack(name: str, rule: str = "amount >= 1000", action: str = "decline", reason: str = "BIG", **more: str) -> bytes:
    """A pack with one rule."""
    fields = "".join(f"{field}: {value}\n" for field, value in {"fallback": "approve", **more}.items())
    rule = f"rules:\n  - id: big\n    when: {rule}\n    action: {action}\n    reason: {reason}\n"
    return f"name: {name}\n{fields}{rule}".encode()


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


async def payers(switch: RunningSwitch, count: int = 1) -> tuple[str, list[str]]:
    """A bank, and wallets with money."""
    bank = await switch.wallet("external")
    wallets = [await switch.wallet() for _ in range(count)]
    for wallet in wallets:
        assert (await switch.pay(bank, wallet, 100_000)).status == 201
    return bank, wallets


def card(version: int, points: int, name: str = "risk") -> dict[str, Any]:
    """A card with one characteristic: `points` below an amount of 1000, else 50."""
    amount = {"feature": "amount", "reason": "HIGH", "edges": [1000], "points": [points, 50], "missing": 50}
    return {"name": name, "version": version, "characteristics": [amount]}


def carded(version: int) -> bytes:
    return f"name: carded\nfallback: approve\ncard: risk@{version}\nthresholds: {{decline_below: 60}}\nrules: []\n".encode()


def command(switch: RunningSwitch, *arguments: str) -> Any:
    """What a command said, and its exit code."""
    return CliRunner().invoke(cli, [*arguments, "--url", switch.base, "--key", switch.key])


async def test_documents_are_published_from_the_command_line(switch: RunningSwitch, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps(card(1, 100)))
    done = await asyncio.to_thread(command, switch, "cards", "publish", str(tmp_path / "card.json"))
    assert (done.exit_code, done.output.startswith("risk@1 is published")) == (0, True), done.output
    (tmp_path / "risky.txt").write_text("FR\n")
    text = carded(1).decode().replace("rules: []", "lists: {risky: {file: risky.txt}}\nrules: []")
    (tmp_path / "pack.yaml").write_text(text)
    arguments = ("rules", "publish", str(tmp_path / "pack.yaml"), "--mode", "live")
    done = await asyncio.to_thread(command, switch, *arguments)
    assert (done.exit_code, done.output) == (0, "carded@1 is live on 1 of 1 scorer\n")
    assert (await switch.call("GET", "/v1/rule-packs/carded")).json["files"] == {"risky.txt": "FR\n"}
    again = await asyncio.to_thread(command, switch, *arguments, "--json")
    assert json.loads(again.output)["deployment"]["revision"] == 2
    (tmp_path / "pack.yaml").write_text(text.replace("rules: []", "rules: [nonsense]"))
    refused = await asyncio.to_thread(command, switch, *arguments)
    assert refused.exit_code == 1
    assert "pack.yaml:" in refused.output
    (tmp_path / "pack.yaml").write_text(text.replace("risk@1", "risk@9"))
    refused = await asyncio.to_thread(command, switch, *arguments)
    assert (refused.exit_code, "pack.yaml:3:7: there is no such card" in refused.output) == (1, True), refused.output


async def test_a_list_of_100_000_entries_is_published_and_decides(switch: RunningSwitch, tmp_path: Path) -> None:
    """What checks can be published: its files are longer than other documents may be. So can local time, whose tables scorers make."""
    _, (listed, other) = await payers(switch, 2)
    others = (str(uuid.UUID(int=1 << 127 | number << 92 | 0x8 << 76 | 2 << 62)) for number in range(1, 100_000))
    (tmp_path / "mules.txt").write_text("\n".join([*others, listed]), encoding="utf-8")
    text = pack(
        "long",
        'payer in lists.mules && effective_time.getMinutes("Europe/Berlin") >= 0',
        lists="{mules: {file: mules.txt}}",
    )
    (tmp_path / "long.yaml").write_bytes(text)
    arguments = ("rules", "publish", str(tmp_path / "long.yaml"), "--mode", "live")
    done = await asyncio.to_thread(command, switch, *arguments)
    assert done.stdout == "long@1 is live on 1 of 1 scorer\n"
    bank = await switch.wallet("external")
    assert (await switch.pay(listed, bank, 5)).json["decision"]["reasons"] == ["BIG"]
    assert (await switch.pay(other, bank, 5)).status == 201
    listed_packs = (await switch.call("GET", "/v1/rule-packs")).raw
    assert len(listed_packs) < 4_096
