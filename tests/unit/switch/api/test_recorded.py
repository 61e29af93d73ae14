"""A change outside the ledger is made once under its key; a refused one takes no key."""

import contextlib
from typing import Any, cast

import msgspec
import pytest
from aiohttp import web

from actors.stores.batch_keys import Bound
from switch.api import recorded
from switch.api.recorded import answered_once
from switch.fairness.shares import Places
from switch.problems.table import ProblemError

KEY = bytes(16)


class Done(msgspec.Struct):
    """What a change answers."""

    count: int


class Keys:
    """The table of keys, in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, bytes], tuple[bytes, bytes | None]] = {}

    async def bound(self, account: int, key: bytes, digest: bytes) -> Bound:
        known, answer = self.kept.setdefault((account, key), (digest, None))
        return Bound(known == digest, answer)

    async def record(self, account: int, key: bytes, answer: bytes) -> None:
        self.kept[account, key] = (self.kept[account, key][0], answer)

    async def release(self, account: int, key: bytes) -> None:
        del self.kept[account, key]


@pytest.fixture(autouse=True)
def without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn of a key is a lock of the database; tests/integration shows who waits for it."""
    monkeypatch.setattr(recorded, "turn_of_key", lambda *_: contextlib.nullcontext())


class Switch:
    """Changes that count how often they were made."""

    database_url = ""

    def __init__(self) -> None:
        self.batch_keys = Keys()
        self.changing = Places(1, 1, 1.0)
        self.made = 0

    async def change(self) -> Done:
        self.made += 1
        return Done(self.made)

    async def refuse(self) -> Done:
        self.made += 1
        raise ProblemError("wallet_not_found")

    async def call(
        self, body: bytes = b"{}", key: bytes | None = KEY, account: int = 1, path: str = "/v1/a", change: Any = None
    ) -> web.Response:
        call: Any = type("Call", (), {})()
        call.given_key = lambda: key
        call.principal = type("Principal", (), {"account": account})
        call.request = type("Request", (), {"path": path})
        return await answered_once(cast(Any, self), call, body, change or self.change)


def count_of(answer: web.Response) -> int:
    return msgspec.json.decode(cast(bytes, answer.body), type=Done).count


async def test_a_retry_gets_the_first_answer_and_changes_nothing() -> None:
    switch = Switch()
    first, again = await switch.call(), await switch.call()
    assert (count_of(first), count_of(again), switch.made) == (1, 1, 1)
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"


async def test_without_a_key_each_call_is_a_change() -> None:
    switch = Switch()
    assert [count_of(await switch.call(key=None)) for _ in range(2)] == [1, 2] and switch.batch_keys.kept == {}


@pytest.mark.parametrize("other", [{"body": b"{ }"}, {"path": "/v1/b"}], ids=["body", "path"])
async def test_a_key_that_was_used_for_something_else_is_refused_before_the_change(other: dict[str, Any]) -> None:
    switch = Switch()
    await switch.call()
    with pytest.raises(ProblemError) as raised:
        await switch.call(**other)
    assert raised.value.code == "idempotency_mismatch" and switch.made == 1


async def test_a_key_is_its_accounts() -> None:
    switch = Switch()
    assert [count_of(await switch.call(account=account)) for account in (1, 2)] == [1, 2]


async def test_what_was_refused_takes_no_key() -> None:
    switch = Switch()
    with pytest.raises(ProblemError):
        await switch.call(change=switch.refuse)
    assert switch.batch_keys.kept == {} and count_of(await switch.call()) == 2


async def test_a_process_that_died_before_it_recorded_its_answer_leaves_a_key_under_which_the_change_is_made_again() -> (
    None
):
    switch = Switch()
    await switch.call()
    digest, _ = switch.batch_keys.kept[1, KEY]
    switch.batch_keys.kept[1, KEY] = (digest, None)
    assert count_of(await switch.call()) == 2 and count_of(await switch.call()) == 2
