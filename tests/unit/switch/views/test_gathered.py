"""One statement for all that ask while another is under way; each gets what was there after it asked."""

import asyncio
from collections.abc import Mapping

import pytest

from switch.views.gathered import KEYS_MAX, PACE_S, TURNS, UNDER_WAY, BesideQuestions, Gathered

FLOOD = 1


class Store:
    """Squares of numbers, but for those that are not there; `let_go` ends a statement."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.gates: list[asyncio.Future[None]] = []

    async def read(self, keys: list[int]) -> Mapping[int, int]:
        self.asked.append(keys)
        self.gates.append(asyncio.get_running_loop().create_future())
        await self.gates[-1]
        return {key: key * key for key in keys if key >= 0}

    async def let_go(self, error: Exception | None = None) -> None:
        gate = self.gates.pop(0)
        gate.set_result(None) if error is None else gate.set_exception(error)
        await turned()


async def turned() -> None:
    for _ in range(5 * TURNS):
        await asyncio.sleep(0)


async def waiting(
    gathered: Gathered[int, int], keys: list[int], asker: int | None = None
) -> list["asyncio.Task[int | None]"]:
    tasks = [asyncio.create_task(gathered.get(key, asker)) for key in keys]
    await turned()
    return tasks


async def test_what_comes_while_statements_are_under_way_is_one_statement() -> None:
    store = Store()
    gathered = Gathered(store.read)
    first = [await waiting(gathered, [key]) for key in range(UNDER_WAY)]
    rest = await waiting(gathered, [10, 11, -1])
    assert store.asked == [[key] for key in range(UNDER_WAY)]
    await store.let_go()
    assert store.asked[UNDER_WAY:] == [[10, 11, -1]]
    while store.gates:
        await store.let_go()
    assert [each.result() for (each,) in first] == [key * key for key in range(UNDER_WAY)]
    assert [each.result() for each in rest] == [100, 121, None]


async def test_a_statement_has_no_more_than_so_many_keys_and_all_have_their_turn() -> None:
    store = Store()
    gathered = Gathered(store.read)
    tasks = await waiting(gathered, list(range(3 * KEYS_MAX)))
    while not all(task.done() for task in tasks):
        await store.let_go() if store.gates else await turned()
    assert sorted(key for keys in store.asked for key in keys) == list(range(3 * KEYS_MAX))
    assert max(map(len, store.asked)) <= KEYS_MAX
    assert [each.result() for each in tasks] == [key * key for key in range(3 * KEYS_MAX)]


async def test_who_asks_while_the_same_is_being_read_has_it_read_again() -> None:
    store = Store()
    gathered = Gathered(store.read)
    before = await waiting(gathered, [3])
    after = await waiting(gathered, [3])
    assert store.asked == [[3], [3]]
    while store.gates:
        await store.let_go()
    assert [each.result() for each in (*before, *after)] == [9, 9]


async def test_a_failure_is_raised_for_those_of_its_statement_alone() -> None:
    store = Store()
    gathered = Gathered(store.read)
    failing = await waiting(gathered, [1])
    good = await waiting(gathered, [2])
    await store.let_go(ConnectionError("away"))
    await store.let_go()
    with pytest.raises(ConnectionError, match="away"):
        failing[0].result()
    assert good[0].result() == 4


async def test_who_gives_up_takes_nothing_from_who_waits_for_the_same() -> None:
    store = Store()
    gathered = Gathered(store.read)
    for key in range(UNDER_WAY):
        await waiting(gathered, [key])
    gone, stays = await waiting(gathered, [7, 7])
    gone.cancel()
    while store.gates:
        await store.let_go()
    assert gone.cancelled() and stays.result() == 49


async def test_from_one_answer_to_the_next_the_event_loop_has_turns_for_others() -> None:
    store = Store()
    gathered = Gathered(store.read)
    tasks = await waiting(gathered, list(range(5)))
    store.gates.pop().set_result(None)
    done: list[int] = []
    while len(done) < TURNS * len(tasks):
        await asyncio.sleep(0)
        if done or any(task.done() for task in tasks):
            done.append(sum(task.done() for task in tasks))
    assert done == [1 + turn // TURNS for turn in range(TURNS * len(tasks))]


async def drained(store: Store) -> None:
    """All statements that have begun have ended."""
    while store.gates:
        await store.let_go()


class About:
    """What goes on beside: changed by the test."""

    several = True
    payments = 0

    @property
    def beside(self) -> BesideQuestions:
        return BesideQuestions(lambda: self.several, lambda: self.payments)


async def begun(store: Store, statements: int) -> None:
    while len(store.asked) < statements:
        await asyncio.sleep(0.001)


async def test_while_several_callers_are_about_a_statement_waits_for_more_to_gather(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("switch.views.gathered.PACE_S", 0.2)
    monkeypatch.setattr("switch.views.gathered.SELDOM_S", 3600.0)
    store, about = Store(), About()
    gathered = Gathered(store.read, about.beside)
    busy = await waiting(gathered, [0, 1], FLOOD)
    later = [*await waiting(gathered, [2], FLOOD), *await waiting(gathered, [3], FLOOD)]
    assert store.asked == [[0, 1]], "the first are read at once"
    await begun(store, 2)
    assert store.asked == [[0, 1], [2, 3]]
    await drained(store)
    assert [each.result() for each in (*busy, *later)] == [0, 1, 4, 9]
    about.several = False
    for key in (4, 5):
        await waiting(gathered, [key], FLOOD)
    assert store.asked[2:] == [[4], [5]], "nobody is about who would be held up"
    await drained(store)


async def test_a_statement_waits_longer_for_each_payment_that_was_made_meanwhile_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("switch.views.gathered.PAYMENT_S", 3600.0)
    monkeypatch.setattr("switch.views.gathered.PACE_MAX_S", 3600.0)
    monkeypatch.setattr("switch.views.gathered.SELDOM_S", 3600.0)
    store, about = Store(), About()
    about.payments = 7
    gathered = Gathered(store.read, about.beside)
    flood = await waiting(gathered, [0], FLOOD)
    flood += await waiting(gathered, [1], FLOOD)
    await begun(store, 2)
    store.gates.pop().set_result(None)
    await flood[1]
    flood += await waiting(gathered, [2], FLOOD)
    about.payments += 1
    await asyncio.sleep(3 * PACE_S)
    assert store.asked == [[0], [1]]
    monkeypatch.setattr("switch.views.gathered.PACE_MAX_S", PACE_S)
    await waiting(gathered, [10], 2)
    await begun(store, 3)
    assert store.asked == [[0], [1], [10, 2]]
    flood += await waiting(gathered, [3], FLOOD)
    about.payments += 1_000
    await drained(store)
    await begun(store, 4)
    await drained(store)
    assert [await each for each in flood] == [0, 1, 4, 9]


@pytest.mark.parametrize("asker", [2, None])
async def test_who_asks_now_and_then_is_read_at_once_and_answered_before_a_flood(
    monkeypatch: pytest.MonkeyPatch, asker: int | None
) -> None:
    monkeypatch.setattr("switch.views.gathered.PACE_S", 3600.0)
    monkeypatch.setattr("switch.views.gathered.SELDOM_S", 3600.0)
    monkeypatch.setattr("switch.views.gathered.SELDOM_PACE_S", 0.0)
    store, about = Store(), About()
    gathered = Gathered(store.read, about.beside)
    flood = await waiting(gathered, [0, 1, 2], FLOOD)
    await store.let_go()
    assert [each.result() for each in flood] == [0, 1, 4]
    flood = await waiting(gathered, [3, 4], FLOOD)
    assert store.asked == [[0, 1, 2]], "nothing of it is in line, but it asked a moment ago"
    (few,) = await waiting(gathered, [10], asker)
    assert store.asked[1:] == [[10, 3, 4]]
    store.gates.pop().set_result(None)
    while not few.done():
        await asyncio.sleep(0)
    assert not any(each.done() for each in flood)
    await asyncio.gather(*flood)


async def test_who_asked_nothing_for_a_while_asks_now_and_then_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.views.gathered.PACE_S", 3600.0)
    monkeypatch.setattr("switch.views.gathered.SELDOM_S", 0.0)
    monkeypatch.setattr("switch.views.gathered.SELDOM_PACE_S", 0.0)
    store, about = Store(), About()
    gathered = Gathered(store.read, about.beside)
    for key in range(3):
        (answer,) = await waiting(gathered, [key], 2)
        await drained(store)
        assert await answer == key * key
    assert len(gathered._asked_at) == 1


async def test_many_that_ask_now_and_then_are_no_more_than_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.views.gathered.PACE_S", 3600.0)
    monkeypatch.setattr("switch.views.gathered.SELDOM_PACE_S", 0.05)
    store, about = Store(), About()
    gathered = Gathered(store.read, about.beside)
    tasks = [each for asker in range(5) for each in await waiting(gathered, [asker], asker)]
    assert store.asked == [[0]]
    await begun(store, 2)
    assert store.asked == [[0], [1, 2, 3, 4]]
    await drained(store)
    await asyncio.gather(*tasks)
