"""`shardpay keys rotate`: the successor is the same caller, and the old key works on for its overlap."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from actors.stores.api_keys import KeyStore
from tests.front_door import RunningSwitch
from tests.integration.switch.cli.running import run

pytestmark = pytest.mark.asyncio(loop_scope="session")


def place(switch: RunningSwitch) -> tuple[str, str]:
    """Options of a command that says in which database."""
    return "--database", switch.database_url


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


async def test_a_key_that_soon_ends_is_not_renewed_without_a_word(shared: RunningSwitch) -> None:
    made = await KeyStore(shared.pool).create("habit", ["read"], life=timedelta(hours=1))
    assert made.expires_at is not None
    done = await run("keys", "rotate", made.id, *place(shared))
    soon = f"it ends at {made.expires_at:%Y-%m-%d %H:%M} UTC"
    assert done.stderr == f"{soon}, when the old key would have: --expires-in gives another end\n"
    done = await run("keys", "rotate", made.id, "--expires-in", "90d", *place(shared))
    assert done.stderr.startswith("it ends at ") and soon not in done.stderr and "old key" not in done.stderr
    assert (await run("keys", "rotate", made.id, "--expires-in", "never", *place(shared))).stderr == "it never ends\n"
    shown = json.loads((await run("keys", "rotate", made.id, "--json", *place(shared))).stdout)
    assert datetime.fromisoformat(shown["expires_at"]) == made.expires_at


async def test_the_new_key_ends_as_the_old_one_would_have_unless_it_is_told_otherwise(shared: RunningSwitch) -> None:
    made = await run(
        "keys", "create", "--scope", "read", "--name", "ends", "--expires-in", "90d", "--json", *place(shared)
    )
    old, ends = json.loads(made.stdout)["id"], {}
    for words in ((), ("--expires-in", "never"), ("--expires-in", "1d")):
        done = await run("keys", "rotate", old, *words, "--json", *place(shared))
        ends[words] = json.loads(done.stdout)["id"]
    listed = {
        each["id"]: each["expires_at"]
        for each in json.loads((await run("keys", "list", "--json", *place(shared))).stdout)
    }
    kept, never, day = (datetime.fromisoformat(end) if (end := listed[new]) else None for new in ends.values())
    now = datetime.now(UTC)
    assert kept is not None and timedelta(days=89) < kept - now <= timedelta(days=90)
    assert never is None and day is not None and timedelta(hours=23) < day - now <= timedelta(days=1)
    created = await run(
        "keys", "create", "--scope", "read", "--name", "ends", "--expires-in", "never", "--json", *place(shared)
    )
    again = json.loads(
        (await run("keys", "rotate", json.loads(created.stdout)["id"], "--json", *place(shared))).stdout
    )["id"]
    listed = {
        each["id"]: each["expires_at"]
        for each in json.loads((await run("keys", "list", "--json", *place(shared))).stdout)
    }
    assert listed[again] is None
    assert (await run("keys", "rotate", old, "--expires-in", "later", *place(shared))).exit_code == 2


async def test_what_does_not_work_has_no_successor(shared: RunningSwitch) -> None:
    store = KeyStore(shared.pool)
    made = await store.create("gone", ["read"])
    await store.revoke(made.id)
    for identity in (made.id, "mine", "00003000-0f18-86a7-a655-811d7f69def9"):
        done = await run("keys", "rotate", identity, "--database", shared.database_url)
        assert (done.exit_code, done.stderr) == (1, f"Error: there is no key {identity} that works\n")
    assert (await run("keys", "rotate", made.id, "--overlap", "never")).exit_code == 2
