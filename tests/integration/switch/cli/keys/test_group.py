"""Each command on keys leaves its entry in the log of administrators, in the transaction of what it changes; one that is refused none."""

import json
import uuid

import pytest

from tests.front_door import RunningSwitch
from tests.integration.switch.cli.running import at, run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_change_by_a_command_is_in_the_log_with_who_ran_it(shared: RunningSwitch) -> None:
    name, database = f"cli-{uuid.uuid4().hex[:8]}", ("--database", shared.database_url)
    made = json.loads((await run("keys", "create", "--scope", "read", "--name", name, "--json", *database)).stdout)
    turned = json.loads((await run("keys", "rotate", made["id"], "--overlap", "1h", "--json", *database)).stdout)
    assert (await run("keys", "revoke", turned["id"], *database)).exit_code == 0
    assert (await run("keys", "revoke", str(uuid.uuid4()), *database)).exit_code == 1
    assert (
        await run("keys", "create", "--scope", "credit", "--owner", "ann", "--name", name, *database)
    ).exit_code == 1
    log = (await shared.call("GET", "/v1/admin-log?resource=/v1/keys&limit=100")).json["data"]
    mine = [each for each in log if each["resource"].rpartition("/")[2] in (made["id"], turned["id"])]
    assert [(each["call"], each["resource"].rpartition("/")[2]) for each in mine[::-1]] == [
        ("shardpay keys create", made["id"]),
        ("shardpay keys rotate", turned["id"]),
        ("shardpay keys revoke", turned["id"]),
    ]
    assert {(each["account"], each["outcome"], each["origin"].partition(" ")[0]) for each in mine} == {
        (None, "done", "command")
    }
    assert json.loads(mine[-1]["sent"]) == {"name": name, "scopes": ["read"]}
    assert made["key"] not in json.dumps(log)


async def test_over_http_a_key_is_made_with_the_rights_of_ones_own(shared: RunningSwitch) -> None:
    name = f"http-{uuid.uuid4().hex[:8]}"
    words = ("api-keys", "create", "--name", name, "--scopes", "read", "--scopes", "keys", "--only", "key")
    key = (await at(shared, *words)).stdout.strip()
    listed = [json.loads(line) for line in (await at(shared, "api-keys", "list", "--json")).stdout.splitlines()]
    (made,) = [each for each in listed if each["name"] == name]
    beyond = await at(shared, "api-keys", "create", "--name", name, "--scopes", "admin", key=key)
    assert beyond.exit_code == 1 and "does not have the scope admin" in beyond.stderr
    turned = await at(shared, "api-keys", "rotate", made["id"], "--overlap-s", "0", "--only", "id", key=key)
    assert turned.exit_code == 0, turned.output
    done = await at(shared, "api-keys", "revoke", turned.stdout.strip())
    assert done.exit_code == 0 and "revoked" in done.stdout
    log = await at(shared, "admin-log", "list", "--account", name, "--only", "call")
    assert log.stdout.splitlines() == ["POST /v1/keys/{id}/rotate", "POST /v1/keys"]
