"""`shardpay keys list`: each key with its account, scopes, bounds and times, never with its secret."""

import json
from datetime import timedelta

import pytest

from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import Binding, KeyStore
from tests.front_door import SECRET, RunningSwitch
from tests.integration.switch.cli.running import run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def lines(switch: RunningSwitch, name: str) -> list[str]:
    done = await run("keys", "list", "--database", switch.database_url)
    assert done.exit_code == 0, done.output
    return [line for line in done.stdout.splitlines() if name in line]


async def test_a_line_says_whose_it_is_and_what_it_may(shared: RunningSwitch) -> None:
    made = await KeyStore(shared.pool).create("plain", ["pay", "read"], life=timedelta(days=1))
    (line,) = await lines(shared, "plain")
    assert line.startswith(f"{made.id}  active  plain ") and "pay read" in line
    assert "never used, ends 20" in line and made.key not in line and "bound" not in line


@pytest.mark.parametrize("name", ["exactly-16-chars", "a-name-that-is-longer-than-its-column"])
async def test_a_long_name_stands_apart_from_its_scopes(shared: RunningSwitch, name: str) -> None:
    await KeyStore(shared.pool).create(name, ["read"])
    (line,) = await lines(shared, name)
    assert line.split()[2:4] == [name, "read"]


async def test_bounds_and_ends_are_told_as_text_and_as_json(shared: RunningSwitch) -> None:
    wallet = await shared.wallet()
    store = KeyStore(shared.pool)
    binding = Binding(wallets=[decode_wallet(Secret.of(SECRET), wallet)], owners=["ann"], scenarios=["hotel"])
    made = await store.create("inn of ann", ["merchant"], binding)
    await store.revoke(made.id)
    (line,) = await lines(shared, "inn of ann")
    assert "revoked" in line and f"bound to {wallet}, ann, hotel" in line
    listed = json.loads((await run("keys", "list", "--json", "--database", shared.database_url)).stdout)
    (found,) = [each for each in listed if each["id"] == made.id]
    assert (found["state"], found["bound"]["owners"], found["bound"]["wallets"]) == ("revoked", ["ann"], [wallet])
    assert "key" not in found
