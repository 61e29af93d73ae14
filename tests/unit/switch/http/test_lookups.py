"""Look-ups share questions, remember answers for their time, and fail with the question for all who wait for it."""

import asyncio

import pytest

from actors.database.pool import StoreUnavailable
from switch.http import lookups
from switch.http.lookups import REFRESH_S, TTL_S, Lookups
from switch.problems.table import ProblemError


class Table:
    """Keys of even numbers have a value, their name; keeps what was asked."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[list[int]] = []
        self.names: dict[int, str] = {}
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def find(self, keys: list[int]) -> dict[int, str]:
        self.asked.append(keys)
        await self.gate.wait()
        if self.fails:
            raise StoreUnavailable("away")
        return {key: self.names.get(key, f"n{key}") for key in keys if key % 2 == 0}

    def lookups(self) -> Lookups[int, str]:
        return Lookups(self.find, lambda: self.now)


async def test_an_answer_is_remembered_for_its_time_also_that_there_is_none() -> None:
    table = Table()
    found = table.lookups()
    for _ in range(3):
        assert (await found.get(2), await found.get(3)) == ("n2", None)
    assert table.asked == [[2], [3]]
    table.now += TTL_S
    table.names[2] = "newer"
    assert (await found.get(2), await found.get(3)) == ("newer", None) and len(table.asked) == 4


async def test_what_is_asked_for_meanwhile_waits_for_one_question() -> None:
    table = Table()
    found = table.lookups()
    table.gate.clear()
    waiting = [asyncio.create_task(found.get(key)) for key in (2, 2, 4, 5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    table.gate.set()
    assert await asyncio.gather(*waiting) == ["n2", "n2", "n4", None]
    assert sum(keys.count(2) for keys in table.asked) == 1 and len(table.asked) <= 2


async def test_who_gives_up_takes_nothing_from_the_others() -> None:
    table = Table()
    found = table.lookups()
    table.gate.clear()
    leaves, stays = asyncio.create_task(found.get(2)), asyncio.create_task(found.get(2))
    await asyncio.sleep(0.01)
    leaves.cancel()
    await asyncio.sleep(0)
    table.gate.set()
    assert await stays == "n2"


async def test_what_is_used_shortly_before_its_end_is_asked_for_anew_without_waiting() -> None:
    table = Table()
    found = table.lookups()
    assert await found.get(2) == "n2"
    table.now += TTL_S - REFRESH_S / 2
    table.names[2] = "newer"
    assert await found.get(2) == "n2", "nobody waits"
    await asyncio.sleep(0.01)
    table.now += REFRESH_S / 4
    assert await found.get(2) == "newer" and len(table.asked) == 2


async def test_a_refresh_that_fails_is_met_by_the_next_who_needs_the_value() -> None:
    table = Table()
    found = table.lookups()
    assert await found.get(2) == "n2"
    table.now += TTL_S - REFRESH_S / 2
    table.fails = True
    assert await found.get(2) == "n2"
    await asyncio.sleep(0.01)
    assert await found.get(2) == "n2", "it holds until its end"
    table.now += TTL_S
    with pytest.raises(StoreUnavailable):
        await found.get(2)
    table.fails = False
    assert await found.get(2) == "n2"


async def test_a_question_that_takes_too_long_has_failed_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "FIND_TIMEOUT_S", 0.01)
    table = Table()
    found = table.lookups()
    table.gate.clear()
    outcomes = await asyncio.gather(found.get(2), found.get(2), found.many([4]), return_exceptions=True)
    assert [type(each) for each in outcomes] == [StoreUnavailable] * 3


async def test_forgetting_asks_again() -> None:
    table = Table()
    found = table.lookups()
    assert (await found.get(2), await found.get(3)) == ("n2", None)
    table.names[2] = "newer"
    found.forget(2)
    assert await found.get(2) == "newer"
    found.forget_all()
    assert (await found.get(2), await found.get(3)) == ("newer", None)
    assert table.asked == [[2], [3], [2], [2], [3]]


async def test_many_are_asked_for_at_once_but_for_what_is_known() -> None:
    table = Table()
    found = table.lookups()
    await found.get(2)
    assert await found.many([2, 4, 5]) == {2: "n2", 4: "n4"}
    assert table.asked[1:] == [[4, 5]] and await found.many([]) == {}


async def test_what_waits_is_bounded_and_what_was_there_may_still_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "WANTED_MAX", 1)
    table = Table()
    found = table.lookups()
    assert await found.get(2) == "n2"
    table.now += TTL_S
    table.gate.clear()
    waiting = [asyncio.create_task(found.get(4))]
    await asyncio.sleep(0.01)
    waiting.append(asyncio.create_task(found.get(6)))
    await asyncio.sleep(0)
    with pytest.raises(ProblemError) as refused:
        await found.get(8)
    waiting.append(asyncio.create_task(found.get(2)))
    await asyncio.sleep(0)
    table.gate.set()
    assert refused.value.code == "overloaded" and await asyncio.gather(*waiting) == ["n4", "n6", "n2"]


async def test_what_has_none_pushes_out_nothing_that_has_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "KNOWN_MAX", 2)
    table = Table()
    found = table.lookups()
    for key in (2, 1, 3, 5, 7, 4):
        await found.get(key)
    asked = len(table.asked)
    assert (await found.get(2), await found.get(4), await found.get(7)) == ("n2", "n4", None)
    assert len(table.asked) == asked
    await found.get(6)
    await found.get(2)
    assert len(table.asked) == asked + 2, "the oldest value was forgotten"
