"""The log over HTTP: newest first, page by page, by who, what, where, when and how, for auditors and administrators alone."""

import hashlib
import uuid
from typing import Any
from urllib.parse import quote

import pytest

from actors.records.admin_entries import AdminCall, AdminEntry, entry_hash, sent_digest
from actors.stores.api_keys import CreatedKey, KeyStore
from tests.front_door import RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _key(switch: RunningSwitch, *scopes: str) -> CreatedKey:
    return await KeyStore(switch.pool).create(f"{scopes[0]}-{uuid.uuid4().hex[:8]}", scopes)


async def _log(switch: RunningSwitch, query: str, token: str | None = None) -> Any:
    answer = await switch.call("GET", f"/v1/admin-log?{query}", token=token)
    assert answer.status == 200, answer.raw
    return answer.json


async def test_an_entry_says_who_did_what_when_from_where_and_what_came_of_it(shared: RunningSwitch) -> None:
    ann = await _key(shared, "analyst")
    name = f"l{uuid.uuid4().hex[:8]}"
    path = f"/v1/lists/{name}"
    sent = {"X-Request-Id": "edge-17"}
    await shared.call("PUT", path, {"type": "device"}, token=ann.key, headers=sent)
    await shared.call("PUT", path, {"type": "wallet"}, token=ann.key)
    refused, made = (await _log(shared, f"resource={path}"))["data"]
    assert (made["account"], made["key"], made["call"]) == (ann.name, ann.id, "PUT /v1/lists/{name}")
    assert (made["resource"], made["request"], made["outcome"], made["status"]) == (path, "edge-17", "done", 201)
    assert made["origin"].startswith("api ") and made["code"] is None and made["at"].endswith("Z")
    assert (refused["outcome"], refused["status"], refused["code"]) == ("refused", 422, "invalid_field")
    body = hashlib.sha256(made["sent"].encode()).digest()
    assert sent_digest(bytes.fromhex(made["salt"]), body).hex() == made["digest"]


async def test_whoever_has_two_pages_can_prove_one_by_the_other(shared: RunningSwitch) -> None:
    """By what docs/reference/controls.md says of hashes, from answers alone, for calls of accounts whose number is known."""
    for _ in range(3):
        assert (await shared.call("PUT", f"/v1/lists/l{uuid.uuid4().hex[:8]}", {"type": "device"})).status == 201
    newest, before = (await _log(shared, "limit=2"))["data"]
    async with shared.pool.session() as session:
        account = await session.fetchval("SELECT id FROM account WHERE name = $1", newest["account"])
        at_ms = await session.fetchval("SELECT at_ms FROM admin_log WHERE number = $1", newest["number"])
    names = ("key", "origin", "request", "call", "resource")
    call = AdminCall(account=account, **{name: newest[name] for name in names})
    entry = AdminEntry(
        number=newest["number"],
        at_ms=at_ms,
        call=call,
        status=newest["status"],
        code=newest["code"] or "",
        digest=bytes.fromhex(newest["digest"]),
    )
    assert entry_hash(bytes.fromhex(before["hash"]), entry).hex() == newest["hash"]


async def test_pages_hold_each_entry_once_and_filters_hold_across_pages(shared: RunningSwitch) -> None:
    ann = await _key(shared, "analyst")
    for number in range(5):
        await shared.call("PUT", f"/v1/lists/{ann.name}-{number}", {"type": "device"}, token=ann.key)
        wallet = await shared.wallet()
        assert (await shared.call("POST", f"/v1/wallets/{wallet}/freeze", {})).status == 200
    seen: list[int] = []
    path = f"account={ann.name}&limit=2"
    while path:
        page = await _log(shared, path)
        assert {each["account"] for each in page["data"]} == {ann.name}
        seen += [each["number"] for each in page["data"]]
        path = f"account={ann.name}&limit=2&after={page['next']}" if page["has_more"] else ""
    assert len(seen) == 5 and seen == sorted(seen, reverse=True)
    first = (await _log(shared, f"account={ann.name}"))["data"][-1]["at"]
    assert len((await _log(shared, f"account={ann.name}&since={first}"))["data"]) == 5
    assert (await _log(shared, f"account={ann.name}&until={first}"))["data"] == []
    assert (await _log(shared, "account=nobody"))["data"] == []
    freezing = "POST /v1/wallets/{id}/{change:freeze|unfreeze|close}"
    calls = (await _log(shared, f"call={quote(freezing, safe='')}&outcome=done&limit=5"))["data"]
    assert {each["call"] for each in calls} == {freezing} and len(calls) == 5


async def test_wrong_questions_are_refused(shared: RunningSwitch) -> None:
    for query in ("outcome=perhaps", "since=today", "until=2026", "limit=0", "after=x", "who=ann", "account=%00"):
        answer = await shared.call("GET", f"/v1/admin-log?{query}")
        assert (answer.status, answer.json["code"]) == (422, "invalid_query"), query


async def test_auditors_and_administrators_read_it_and_nobody_else(shared: RunningSwitch) -> None:
    for scope, status in (
        ("audit", 200),
        ("admin", 200),
        ("read", 403),
        ("analyst", 403),
        ("keys", 403),
        ("pay", 403),
        ("credit", 403),
    ):
        key = await _key(shared, scope)
        assert (await shared.call("GET", "/v1/admin-log", token=key.key)).status == status, scope
    auditor = await _key(shared, "audit")
    assert (await shared.call("GET", "/v1/journal/heads", token=auditor.key)).status == 200
    assert (await shared.call("PUT", "/v1/lists/x", {"type": "device"}, token=auditor.key)).status == 403
