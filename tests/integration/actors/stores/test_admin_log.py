"""The log of administrators: one chain, whoever appends, and no call that was begun is lost."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from actors.audit.audit import audit_database
from actors.database.connection import connect
from actors.database.pool import Pool
from actors.records.admin_entries import NO_HASH, UNKNOWN, AdminCall, entry_hash, sent
from actors.stores.admin_log import LAST, AdminLogStore, Begun, Ended, StoredEntry, Wanted, append_command, outcome_of

ANY = Wanted()
NOW = timedelta()


def call(**more: Any) -> AdminCall:
    given = {
        "account": 0,
        "key": "",
        "origin": "api here:1",
        "request": "r",
        "call": "PUT /v1/x/{name}",
        "resource": "/v1/x/1",
    }
    return AdminCall(**{**given, **more})


def begun(body: bytes = b'{"reason": "stolen"}', kept: bool = True, **more: Any) -> Begun:
    return Begun(id=uuid.uuid4(), call=call(**more), sent=sent(bytes(16), body, kept))


def ended(each: Begun, status: int = 200, code: str = "", logged: bool = True) -> Ended:
    return Ended(begun=each, resource=each.call.resource, status=status, code=code, logged=logged)


@pytest.fixture
def store(pool: Pool) -> AdminLogStore:
    return AdminLogStore(pool)


async def _all(store: AdminLogStore) -> list[StoredEntry]:
    return (await store.page(ANY, LAST, 1_000))[::-1]


def _is_chain(entries: list[StoredEntry]) -> bool:
    previous = NO_HASH
    for number, each in enumerate(entries, 1):
        if each.entry.number != number or each.hash != entry_hash(previous, each.entry):
            return False
        previous = each.hash
    return True


async def test_a_call_has_one_entry_once_it_has_ended(store: AdminLogStore) -> None:
    first, second = begun(resource="/v1/x/1"), begun(resource="/v1/x/2")
    await store.begin([first, second])
    assert await _all(store) == [], "nothing of it has been done yet"
    await store.end([ended(first, 201), ended(second, 409, "list_full")])
    entries = await _all(store)
    assert [(each.entry.call.resource, each.entry.status, each.entry.code) for each in entries] == [
        ("/v1/x/1", 201, ""),
        ("/v1/x/2", 409, "list_full"),
    ]
    assert _is_chain(entries) and entries[0].body == b'{"reason": "stolen"}'
    assert await store.finish_left(NOW) == 0


async def test_what_a_dead_process_left_becomes_an_entry_of_unknown_outcome_once(store: AdminLogStore) -> None:
    left, done, answered_before = begun(resource="/v1/x/left"), begun(), begun()
    await store.begin([left, done, answered_before])
    await store.end([ended(done), ended(answered_before, logged=False)])
    assert await store.finish_left() == 0, "it may be under way yet"
    assert sum(await asyncio.gather(*(store.finish_left(NOW) for _ in range(4)))) == 1
    entries = await _all(store)
    assert [(each.entry.call.resource, each.entry.status) for each in entries] == [
        ("/v1/x/1", 200),
        ("/v1/x/left", UNKNOWN),
    ]
    assert entries[1].entry.digest == left.sent.digest and _is_chain(entries)


async def test_many_who_append_at_once_make_one_chain(store: AdminLogStore, database_url: str) -> None:
    calls = [begun(resource=f"/v1/x/{number}") for number in range(40)]
    await store.begin(calls)
    await asyncio.gather(*(store.end([ended(each)]) for each in calls))
    entries = await _all(store)
    assert len(entries) == 40 and _is_chain(entries)
    assert len({each.entry.call.resource for each in entries}) == 40
    assert [each.entry.at_ms for each in entries] == sorted(each.entry.at_ms for each in entries)
    report = await audit_database(database_url)
    assert (report.admin_entries, report.differences) == (40, [])


async def test_a_commands_entry_comes_and_goes_with_its_transaction(store: AdminLogStore, pool: Pool) -> None:
    class Failed(Exception):
        pass

    with pytest.raises(Failed):
        async with pool.session() as session, session.transaction():
            await append_command(session, call(call="shardpay keys create"), b"{}")
            raise Failed
    assert await _all(store) == []
    async with pool.session() as session, session.transaction():
        await append_command(session, call(call="shardpay keys create"), b"{}")
    assert [each.entry.call.call for each in await _all(store)] == ["shardpay keys create"]


async def test_entries_are_found_by_who_what_where_when_and_how(store: AdminLogStore, pool: Pool) -> None:
    async with pool.session() as session:
        ann = await session.fetchval("INSERT INTO account (name) VALUES ('ann') RETURNING id")
    calls = [
        begun(account=ann, call="PUT /v1/lists/{name}", resource="/v1/lists/a"),
        begun(account=ann, call="PUT /v1/lists/{name}/entries/{value}", resource="/v1/lists/a/entries/x"),
        begun(call="PUT /v1/lists/{name}", resource="/v1/lists/ab"),
    ]
    await store.begin(calls)
    for each, status in zip(calls, (201, 200, 503), strict=True):
        await store.end([ended(each, status, "" if status < 300 else "timeout")])
        await asyncio.sleep(0.002)

    async def found(**wanted: Any) -> list[int]:
        return [each.entry.number for each in await store.page(Wanted(**wanted), LAST, 10)]

    entries = await _all(store)
    assert [each.name for each in entries] == ["ann", "ann", None]
    assert await store.account("ann") == ann and await store.account("nobody") is None
    assert await found(account=ann) == [2, 1]
    assert await found(call="PUT /v1/lists/{name}") == [3, 1]
    assert await found(resource="/v1/lists/a") == [2, 1], "what is below it, not what begins in the same way"
    for outcome in ("done", "refused", "unknown"):
        expected = [each.entry.number for each in entries[::-1] if outcome_of(each.entry) == outcome]
        assert await found(outcome=outcome) == expected
    assert await found(outcome="unknown") == [3]
    second = entries[1].entry.at_ms
    assert await found(since_ms=second) == [3, 2] and await found(until_ms=second) == [1]
    assert await found(since_ms=second, until_ms=second + 1) == [2]
    assert await found(since_ms=entries[2].entry.at_ms + 1) == [] and await found(until_ms=1) == []
    assert [each.entry.number for each in await store.page(ANY, 3, 1)] == [2]


async def test_what_was_sent_can_be_erased_and_the_chain_stays(
    store: AdminLogStore, pool: Pool, database_url: str
) -> None:
    wallet = str(uuid.uuid4())
    calls = [
        *(begun(resource=f"/v1/wallets/{each}") for each in (wallet, wallet.upper())),
        *(begun(f'{{"wallet": "{each}"}}'.encode()) for each in (wallet, wallet.upper())),
        begun(b'{"tier": 2}', kept=False),
    ]
    await store.begin(calls)
    await store.end([ended(each) for each in calls])
    await pool.fetch("admin_log_erase", [wallet])
    entries = await _all(store)
    assert [(each.salt, each.body) for each in entries] == [(None, None)] * 4 + [(bytes(16), None)]
    assert _is_chain(entries) and (await audit_database(database_url)).differences == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE admin_log SET account = 9 WHERE number = 2", "entry 2 is not what was written"),
        ("UPDATE admin_log SET resource = '/v1/x/9' WHERE number = 1", "entry 1 is not what was written"),
        ("UPDATE admin_log SET at_ms = at_ms + 1 WHERE number = 3", "entry 3 is not what was written"),
        ("UPDATE admin_log SET status = 409 WHERE number = 3", "entry 3 is not what was written"),
        ("UPDATE admin_log SET body = '{}' WHERE number = 2", "entry 2: what the call sent is not what was written"),
        ("DELETE FROM admin_log WHERE number = 2", "entry 3 follows entry 1"),
        ("DELETE FROM admin_log WHERE number = 1", "entry 2 follows entry 0"),
        (
            "UPDATE admin_log SET number = 9 WHERE number = 1; UPDATE admin_log SET number = 1 WHERE number = 2; "
            "UPDATE admin_log SET number = 2 WHERE number = 9",
            "entry 1 is not what was written",
        ),
    ],
)
async def test_the_audit_names_the_entry_that_was_changed(
    store: AdminLogStore, database_url: str, statement: str, says: str
) -> None:
    calls = [begun(resource=f"/v1/x/{number}") for number in range(3)]
    await store.begin(calls)
    await store.end([ended(each) for each in calls])
    assert (await audit_database(database_url)).differences == []
    session = await connect(database_url, name="somebody")
    try:
        await session.execute(statement)
    finally:
        await session.close()
    (found,) = (await audit_database(database_url)).differences
    assert says in found, found


def test_the_hash_is_of_every_field_of_an_entry() -> None:
    first = msgspec.convert(
        {"number": 1, "at_ms": 2, "call": call(), "status": 200, "code": "", "digest": bytes(32)},
        StoredEntry.__annotations__["entry"],
    )
    hashes = {entry_hash(NO_HASH, first), entry_hash(bytes(31) + b"1", first)}
    changed = {"number": 2, "at_ms": 3, "status": 201, "code": "x", "digest": bytes(31) + b"1"}
    hashes |= {entry_hash(NO_HASH, msgspec.structs.replace(first, **{name: value})) for name, value in changed.items()}
    others = {"account": 1, "key": "k", "origin": "d", "request": "q", "call": "c", "resource": "s"}
    for name, value in others.items():
        hashes.add(
            entry_hash(NO_HASH, msgspec.structs.replace(first, call=msgspec.structs.replace(call(), **{name: value})))
        )
    assert len(hashes) == 2 + len(changed) + len(others)
