"""`shardpay keys create`: a key is shown once, does what it was made for, and a binding names wallets of this switch alone."""

import json
import uuid

import pytest

from tests.front_door import RunningSwitch
from tests.integration.switch.cli.running import run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_key_does_what_its_scope_says(shared: RunningSwitch) -> None:
    database = ("--database", shared.database_url)
    done = await run("keys", "create", "--scope", "read", "--name", "reader", *database)
    assert done.exit_code == 0, done.output
    key = done.stdout.strip()
    wallet = await shared.wallet()
    assert (await shared.call("GET", f"/v1/wallets/{wallet}", token=key)).status == 200
    assert (await shared.call("POST", f"/v1/wallets/{wallet}/freeze", {}, token=key)).status == 403
    listed = await run("keys", "list", *database)
    assert key not in listed.output, "it is shown once"


@pytest.mark.parametrize(("life", "line"), [("90d", "it ends at "), ("never", "it never ends\n")])
async def test_a_new_key_is_made_with_its_end_beside_it(shared: RunningSwitch, life: str, line: str) -> None:
    words = ("--scope", "read", "--name", "ends", "--expires-in", life, "--database", shared.database_url)
    done = await run("keys", "create", *words)
    assert done.stdout.count("\n") == 1 and done.stderr.startswith(line), done.output
    made = json.loads((await run("keys", "create", *words, "--json")).stdout)
    listed = json.loads((await run("keys", "list", "--json", "--database", shared.database_url)).stdout)
    assert made["expires_at"] == next(each["expires_at"] for each in listed if each["id"] == made["id"])
    assert (made["expires_at"] is None) == (life == "never")


async def test_a_bound_key_sees_its_wallets_alone(shared: RunningSwitch) -> None:
    mine, other = await shared.wallet(), await shared.wallet()
    words = ("--scope", "read", "--name", "bound", "--wallet", mine, "--json", "--database", shared.database_url)
    done = await run("keys", "create", *words)
    made = json.loads(done.stdout)
    assert (made["name"], made["scopes"]) == ("bound", ["read"])
    assert (await shared.call("GET", f"/v1/wallets/{mine}", token=made["key"])).status == 200
    assert (await shared.call("GET", f"/v1/wallets/{other}", token=made["key"])).json["code"] == "wallet_not_found"


@pytest.mark.parametrize(
    ("words", "code", "printed"),
    [
        (("--wallet", str(uuid.uuid4())), 2, "is no wallet of this switch"),
        (("--wallet", "mine"), 2, "mine is no wallet of this switch"),
        (("--scenario", "Two Words"), 2, "is no name of a scenario"),
        (("--expires-in", "soon"), 2, "such as 24h"),
        (("--scope", "credit", "--owner", "ann"), 1, "Error: "),
    ],
)
async def test_what_cannot_be_bound_makes_no_key(
    shared: RunningSwitch, words: tuple[str, ...], code: int, printed: str
) -> None:
    scope = () if "--scope" in words else ("--scope", "merchant")
    name = ("--name", f"refused {words[1]}", "--database", shared.database_url)
    done = await run("keys", "create", *scope, *words, *name)
    assert (done.exit_code, done.stdout) == (code, "") and printed in done.stderr, done.output
    assert "refused" not in (await run("keys", "list", "--database", shared.database_url)).output


async def test_a_folder_without_a_database_is_one_line(tmp_path: object) -> None:
    done = await run("keys", "create", "--scope", "read", "--data", tmp_path)
    assert done.exit_code == 1 and "there is no database in" in done.stderr and done.stderr.count("\n") == 1
