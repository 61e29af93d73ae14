"""Calls of administrators leave an entry each, exactly one, whatever becomes of them; questions and repeats leave none."""

import asyncio
import hashlib
import uuid
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from actors.audit.audit import audit_database
from actors.database.pool import StoreUnavailable
from actors.records.admin_entries import LOG_SENDER, sent_digest
from actors.records.blocks import records_of
from actors.records.ids import decode_wallet
from actors.records.layout import FLOOR, SENDER, Kind
from actors.records.secret import Secret
from actors.shard.channels import cursor_of
from actors.stores.admin_log import LAST, AdminLogStore, StoredEntry, Wanted
from actors.stores.api_keys import KeyStore
from switch.api.admin_calls import KEPT_BYTES_MAX, Together
from switch.api.four_eyes import FourEyes
from switch.api.services import Limits
from tests.front_door import SECRET, RunningSwitch, running_front_door, running_switch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def entries(switch: RunningSwitch, **wanted: Any) -> list[StoredEntry]:
    """What the log has, oldest first."""
    found = await AdminLogStore(switch.pool).page(Wanted(**wanted), LAST, 1_000)
    return found[::-1]


def line(stored: StoredEntry) -> tuple[str, str, int, str]:
    """What it says."""
    return stored.entry.call.call, stored.entry.call.resource, stored.entry.status, stored.entry.code


async def test_each_call_has_one_entry_with_who_what_and_what_came_of_it(shared: RunningSwitch) -> None:
    name = f"l{uuid.uuid4().hex[:8]}"
    made = await KeyStore(shared.pool).create(f"ann-{name}", ["analyst"])
    path = f"/v1/lists/{name}"
    assert (await shared.call("PUT", path, {"type": "device"}, token=made.key)).status == 201
    refused = await shared.call("PUT", path, {"type": "wallet"}, token=made.key)
    reason = {"reason": "reported by the holder"}
    assert (await shared.call("PUT", f"{path}/entries/a%20b", reason, token=made.key)).status == 200
    assert (await shared.call("DELETE", f"{path}/entries/a%20b", token=made.key)).status == 200
    found = await entries(shared, resource=path)
    assert [line(each) for each in found] == [
        ("PUT /v1/lists/{name}", path, 201, ""),
        ("PUT /v1/lists/{name}", path, 422, refused.json["code"]),
        ("PUT /v1/lists/{name}/entries/{value}", f"{path}/entries/a%20b", 200, ""),
        ("DELETE /v1/lists/{name}/entries/{value}", f"{path}/entries/a%20b", 200, ""),
    ]
    assert {(each.name, each.entry.call.key) for each in found} == {(f"ann-{name}", made.id)}
    assert all(each.entry.call.origin.startswith("api ") for each in found)
    assert len({each.entry.call.request for each in found}) == len(found)
    assert found[2].body == b'{"reason":"reported by the holder"}'
    assert await left(shared) == 0


async def left(switch: RunningSwitch) -> int:
    """Calls that were begun and not ended."""
    async with switch.pool.session() as session:
        count: int = await session.fetchval("SELECT count(*) FROM admin_call")
        return count


async def test_what_names_persons_leaves_its_digest_alone_and_what_is_long_too(shared: RunningSwitch) -> None:
    owner = f"ann-{uuid.uuid4().hex}"
    wallets = {"wallets": [{"kind": "user", "currency": "EUR", "owner": owner}]}
    assert (await shared.call("POST", "/v1/wallets/batch", wallets)).status == 200
    opened = (await entries(shared, call="POST /v1/wallets/batch"))[-1]
    assert opened.body is None and opened.salt is not None
    name = f"l{uuid.uuid4().hex[:8]}"
    text = "x" * KEPT_BYTES_MAX
    await shared.call("PUT", f"/v1/lists/{name}", {"type": "device", "description": text})
    (long,) = await entries(shared, resource=f"/v1/lists/{name}")
    assert long.body is None
    async with shared.pool.session() as session:
        rows = await session.fetch("SELECT * FROM admin_log")
    assert not any(owner in str(row) for row in rows)


async def test_a_wallet_that_is_opened_has_its_account_in_the_journal_and_no_entry(shared: RunningSwitch) -> None:
    """A batch has one entry, and its wallets are in the journal too."""
    made = await KeyStore(shared.pool).create(f"opener-{uuid.uuid4().hex[:8]}", ["admin"])
    body = {"kind": "user", "currency": "EUR", "floor": -5}
    opened = await shared.call("POST", "/v1/wallets", body, token=made.key)
    assert opened.status == 201
    async with shared.pool.session() as session:
        account = await session.fetchval("SELECT id FROM account WHERE name = $1", made.name)
        rows = await session.fetch("SELECT records FROM journal ORDER BY shard, block")
    records = np.concatenate([records_of(row["records"]) for row in rows])
    wallet = decode_wallet(Secret.of(SECRET), opened.json["id"])
    (record,) = records[(records["kind"] == Kind.WALLET_OPENED) & (records["payee"] == wallet)]
    assert (record["caller"], record[FLOOR]) == (account, -5)
    assert record["digest"].any()
    assert await entries(shared, account=account) == [] and await left(shared) == 0
    assert (await shared.call("POST", "/v1/wallets/batch", {"wallets": [body] * 2}, token=made.key)).status == 200
    assert [line(each)[0] for each in await entries(shared, account=account)] == ["POST /v1/wallets/batch"]


async def test_a_repeat_and_a_question_leave_nothing(shared: RunningSwitch) -> None:
    wallet = await shared.wallet()
    path, key = f"/v1/wallets/{wallet}/freeze", uuid.uuid4().hex
    for _ in range(3):
        assert (await shared.call("POST", path, {}, key=key)).status == 200
    assert [line(each)[0] for each in await entries(shared, resource=path)] == [
        "POST /v1/wallets/{id}/{change:freeze|unfreeze|close}"
    ]
    before = len(await entries(shared))
    await shared.call("POST", "/v1/rule-packs/backtest", {"name": "default"})
    await shared.call("GET", f"/v1/wallets/{wallet}")
    assert len(await entries(shared)) == before and await left(shared) == 0


async def test_what_was_never_read_whole_changed_nothing_and_has_no_entry(shared: RunningSwitch) -> None:
    name = f"l{uuid.uuid4().hex[:8]}"
    wrong = await shared.call("PUT", f"/v1/lists/{name}", data=b"{}", headers={"Content-Type": "text/plain"})
    assert wrong.status == 415
    assert await entries(shared, resource=f"/v1/lists/{name}") == []


async def test_no_call_is_made_that_cannot_be_written_down(
    shared: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"l{uuid.uuid4().hex[:8]}"

    async def away(_: Any) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(shared.services.admin_calls._begins, "_hand_over", away)
        answer = await shared.call("PUT", f"/v1/lists/{name}", {"type": "device"})
    assert (answer.status, answer.json["code"]) == (503, "database_unavailable")
    assert (await shared.call("GET", f"/v1/lists/{name}/entries")).status == 404


async def test_a_change_whose_end_is_not_written_is_not_answered_and_is_entered_later(
    shared: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"l{uuid.uuid4().hex[:8]}"

    async def away(_: Any) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(shared.services.admin_calls._ends, "_hand_over", away)
        answer = await shared.call("PUT", f"/v1/lists/{name}", {"type": "device"})
    assert answer.status == 503
    assert await entries(shared, resource=f"/v1/lists/{name}") == []
    assert await AdminLogStore(shared.pool).finish_left(timedelta()) == 1
    assert [line(each) for each in await entries(shared, resource=f"/v1/lists/{name}")] == [
        ("PUT /v1/lists/{name}", f"/v1/lists/{name}", 0, "")
    ]


async def test_what_is_approved_is_entered_as_the_askers_and_the_approvers(database_url: str) -> None:
    async with running_switch(database_url, shards=1, four_eyes=FourEyes(four_eyes=True)) as switch:
        store = KeyStore(switch.pool)
        ann, bob = await store.create("ann", ["analyst"]), await store.create("bob", ["analyst"])
        await switch.call("PUT", "/v1/lists/stolen", {"type": "device"}, token=ann.key)
        asked = {"method": "PUT", "path": "/v1/lists/stolen/entries/x", "content": {"reason": "r"}, "reason": "case"}
        asked_for = await switch.call("POST", "/v1/proposals", asked, token=ann.key)
        assert asked_for.status == 201, asked_for.raw
        proposal = asked_for.json["id"]
        assert (await switch.call("POST", f"/v1/proposals/{proposal}/approve", token=bob.key)).status == 200
        made, change, approved = (await entries(switch))[1:]
        assert line(made)[:2] == ("POST /v1/proposals", f"/v1/proposals/{proposal}") and made.name == "ann"
        assert line(change)[:2] == ("PUT /v1/lists/{name}/entries/{value}", "/v1/lists/stolen/entries/x")
        assert (change.name, change.entry.call.key, change.entry.call.origin.partition(" ")[0]) == (
            "ann",
            "",
            "proposal",
        )
        assert (approved.name, approved.entry.call.key) == ("bob", bob.id)
        assert change.entry.call.request == approved.entry.call.request != made.entry.call.request


async def test_many_at_once_over_two_front_doors_make_one_chain_that_the_journal_repeats(database_url: str) -> None:
    async with running_switch(database_url, shards=2) as switch, running_front_door(switch, Limits()) as other:
        calls = [
            (switch, other)[number % 2].call("PUT", f"/v1/lists/l{number}", {"type": "device"}) for number in range(40)
        ]
        assert {each.status for each in await asyncio.gather(*calls)} == {201}
        found = await entries(switch)
        assert len(found) == 40 and len({each.entry.call.resource for each in found}) == 40
        async with asyncio.timeout(60):
            while (await repeated(switch))[-1:] != [(40, found[-1].hash[:16])]:
                await asyncio.sleep(0.05)
        report = await audit_database(database_url)
        assert (report.admin_entries, report.differences) == (40, [])
        async with switch.pool.session() as session:
            await session.execute("DELETE FROM admin_log WHERE number > 38")
        (found_out,) = (await audit_database(database_url)).differences
        assert "ends at entry 38, and the journal names entry 40" in found_out


async def repeated(switch: RunningSwitch) -> list[tuple[int, bytes]]:
    """What shard 0's journal says of the log."""
    async with switch.pool.session() as session:
        rows = await session.fetch("SELECT records FROM journal WHERE shard = 0 ORDER BY block")
    records = np.concatenate([records_of(row["records"]) for row in rows])
    found = records[(records["kind"] == Kind.CURSOR) & (records[SENDER] == LOG_SENDER)]
    return [(cursor.block, cursor.hash) for cursor in map(cursor_of, found)]


async def test_what_comes_together_is_handed_over_together_and_fails_together() -> None:
    handed: list[list[int]] = []
    gate = asyncio.Event()

    async def hand_over(items: Any) -> None:
        handed.append(list(items))
        await gate.wait()
        if 3 in items:
            raise StoreUnavailable("away")

    together: Together[int] = Together(hand_over)
    first = asyncio.create_task(together.add(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(together.add(number)) for number in (2, 3)]
    given_up = asyncio.create_task(together.add(4))
    await asyncio.sleep(0)
    given_up.cancel()
    gate.set()
    await first
    results = await asyncio.gather(*others, return_exceptions=True)
    assert handed == [[1], [2, 3, 4]] and all(isinstance(each, StoreUnavailable) for each in results)
    await together.add(5)
    assert handed[-1] == [5]


async def test_a_request_is_known_by_the_id_that_came_with_it(shared: RunningSwitch) -> None:
    name = f"l{uuid.uuid4().hex[:8]}"
    for given in ("edge-17", "two words", "x" * 65):
        headers = {"X-Request-Id": given}
        assert (await shared.call("PUT", f"/v1/lists/{name}", {"type": "device"}, headers=headers)).status < 300
    first, *others = [each.entry.call.request for each in await entries(shared, resource=f"/v1/lists/{name}")]
    assert first == "edge-17" and all(uuid.UUID(each) for each in others)


async def test_what_was_sent_can_be_checked_by_whoever_has_it(shared: RunningSwitch) -> None:
    name = f"l{uuid.uuid4().hex[:8]}"
    body = {"type": "device", "description": "x" * KEPT_BYTES_MAX}
    await shared.call("PUT", f"/v1/lists/{name}", body)
    (found,) = await entries(shared, resource=f"/v1/lists/{name}")
    assert found.salt is not None and found.body is None
    assert sent_digest(found.salt, hashlib.sha256(msgspec.json.encode(body)).digest()) == found.entry.digest
