"""`shardpay keys rotate`: the successor is the same caller, and the old key works on for its overlap."""

import json

import pytest

from actors.stores.api_keys import KeyStore
from tests.front_door import RunningSwitch
from tests.integration.switch.cli.running import run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_retry_under_the_new_key_is_the_same_payment(shared: RunningSwitch) -> None:
    made = await KeyStore(shared.pool).create("shop", ["pay"])
    body = {"payer": await shared.wallet("external"), "payee": await shared.wallet(), "amount": 1, "currency": "EUR"}
    paid = await shared.call("POST", "/v1/transfers", body, key="k", token=made.key)
    done = await run("keys", "rotate", made.id, "--overlap", "1h", "--json", "--database", shared.database_url)
    new = json.loads(done.stdout)
    assert (new["name"], new["scopes"], new["id"] != made.id) == ("shop", ["pay"], True)
    for key in (new["key"], made.key):
        again = await shared.call("POST", "/v1/transfers", body, key="k", token=key)
        assert (again.json["id"], again.json["replayed"]) == (paid.json["id"], True)


async def test_the_key_alone_is_printed_for_scripts(shared: RunningSwitch) -> None:
    made = await KeyStore(shared.pool).create("other", ["read"])
    done = await run("keys", "rotate", made.id, "--database", shared.database_url)
    key, wallet = done.stdout.strip(), await shared.wallet()
    assert "\n" not in key and (await shared.call("GET", f"/v1/wallets/{wallet}", token=key)).status == 200


async def test_what_does_not_work_has_no_successor(shared: RunningSwitch) -> None:
    store = KeyStore(shared.pool)
    made = await store.create("gone", ["read"])
    await store.revoke(made.id)
    for identity in (made.id, "mine", "00003000-0f18-86a7-a655-811d7f69def9"):
        done = await run("keys", "rotate", identity, "--database", shared.database_url)
        assert (done.exit_code, done.stderr) == (1, f"Error: there is no key {identity} that works\n")
    assert (await run("keys", "rotate", made.id, "--overlap", "never")).exit_code == 2
