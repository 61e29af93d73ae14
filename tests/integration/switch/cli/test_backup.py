"""`shardpay backup` under load: the copy is a whole switch of one instant."""

import asyncio
import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner, Result

from switch.cli.backup import backup_command
from switch.cli.main import cli
from switch.cli.restore import restore_command
from tests.front_door import RunningSwitch, running_switch

BUSY = 60


async def command(*arguments: str) -> Result:
    for each in (backup_command, restore_command):
        cli.add_command(each)
    return await asyncio.to_thread(CliRunner().invoke, cli, list(arguments))


@contextlib.asynccontextmanager
async def load(switch: RunningSwitch, bank: str, users: list[str]) -> Any:
    """Payments without a pause from before the context begins until after it ends."""
    stop = False
    paid = 0
    busy = asyncio.Event()

    async def pay(number: int) -> None:
        nonlocal paid
        while not stop:
            answer = await switch.pay(
                bank if number % 2 else users[number], users[(number + 1) % len(users)], 1 + number
            )
            assert answer.status in (201, 402), answer.raw
            paid += 1
            if paid == BUSY:
                busy.set()

    tasks = [asyncio.create_task(pay(number)) for number in range(len(users))]
    await busy.wait()
    yield
    stop = True
    await asyncio.gather(*tasks)


async def expected(switch: RunningSwitch) -> dict[str, int]:
    """Balances by the payments that were made."""
    sums: Counter[str] = Counter()
    after = ""
    while True:
        answer = await switch.call("GET", f"/v1/events?types=transfer.posted&limit=100{after}")
        for event in answer.json["data"]:
            sums[event["data"]["payer"]] -= event["data"]["amount"]
            sums[event["data"]["payee"]] += event["data"]["amount"]
        if not answer.json["has_more"]:
            return sums
        after = f"&after={answer.json['next']}"


async def balances(switch: RunningSwitch, wallets: list[str]) -> dict[str, int]:
    return {wallet: (await switch.call("GET", f"/v1/wallets/{wallet}")).json["posted"] for wallet in wallets}


async def test_a_backup_under_load_restores_to_a_switch_that_goes_on(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    async with running_switch(database_url) as switch:
        bank = await switch.wallet("external")
        users = [await switch.wallet() for _ in range(6)]
        async with load(switch, bank, users):
            done = await command("backup", "--output", str(folder), "--database", database_url, "--json")
        assert done.exit_code == 0, done.output
        key = switch.key
    restored = await command("restore", "--input", str(folder), "--database", empty_database_url)
    assert restored.exit_code == 0, restored.output
    assert restored.stdout.splitlines()[-1] == "no difference"
    async with running_switch(empty_database_url) as copy:
        wanted = await expected(copy)
        assert wanted
        async with asyncio.timeout(60):  # what was in transit at that instant lands now
            while await balances(copy, [bank, *users]) != {wallet: wanted.get(wallet, 0) for wallet in (bank, *users)}:
                pass
        answer = await copy.call("GET", f"/v1/wallets/{users[0]}", token=key)
        assert answer.status == 200
        assert (await copy.pay(bank, users[0], 5)).status == 201
    again = await command("restore", "--input", str(folder), "--database", empty_database_url)
    assert (again.exit_code, "not empty" in again.output) == (1, True)


async def test_a_quiet_switch_has_the_same_balances_afterwards(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    async with running_switch(database_url) as switch:
        bank = await switch.wallet("external")
        users = [await switch.wallet(external_id=f"user-{n}") for n in range(4)]
        for number in range(12):
            await switch.pay(bank, users[number % 4], 100 + number)
        before = await balances(switch, [bank, *users])
    folder = tmp_path / "backup"
    assert (await command("backup", "--output", str(folder), "--database", database_url)).exit_code == 0
    done = await command("restore", "--input", str(folder), "--database", empty_database_url, "--json")
    report = msgspec.json.decode(done.stdout)
    assert report["audit"]["differences"] == []
    assert {table["name"] for table in report["restored"]["tables"]} >= {"journal", "cluster", "wallet_profile"}
    async with running_switch(empty_database_url) as copy:
        assert await balances(copy, [bank, *users]) == before
        found = await copy.call("GET", "/v1/wallets?external_id=user-2")
        assert [wallet["id"] for wallet in found.json["data"]] == [users[2]]
