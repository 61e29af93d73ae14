"""`shardpay keys revoke`: the key ends for the switch; one that there is not is told, whatever is typed."""

import asyncio

import pytest

from actors.stores.api_keys import KeyStore
from tests.front_door import RunningSwitch
from tests.integration.switch.cli.running import run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_revoked_key_is_taken_no_more(shared: RunningSwitch) -> None:
    made, wallet = await KeyStore(shared.pool).create("leaves", ["read"]), await shared.wallet()
    assert (await shared.call("GET", f"/v1/wallets/{wallet}", token=made.key)).status == 200
    done = await run("keys", "revoke", made.id, "--database", shared.database_url)
    assert (done.exit_code, done.output) == (0, f"revoked {made.id}\n")
    async with asyncio.timeout(60):
        while (await shared.call("GET", f"/v1/wallets/{wallet}", token=made.key)).status != 401:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("identity", ["00003000-0f18-86a7-a655-811d7f69def9", "mine", "", "'; DROP TABLE api_key"])
async def test_a_key_that_there_is_not_is_exit_code_1(shared: RunningSwitch, identity: str) -> None:
    done = await run("keys", "revoke", identity, "--database", shared.database_url)
    assert (done.exit_code, done.stderr) == (1, f"Error: there is no key {identity}\n")
