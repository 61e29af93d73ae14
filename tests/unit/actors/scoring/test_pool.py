"""A scorer that hangs or fails is passed over until it answers a probe, and no batch waits for it."""

import asyncio
from typing import Any

import numpy as np
import pytest

from actors.rpc.members import NOBODY, Member, Members, moved
from actors.scoring import pool as pool_module
from actors.scoring.pool import STAND_IN, ScorerPool
from rules.decisions.decision import DECISION
from rules.vocabulary.columns import COLUMN_COUNT

PAYERS, COLUMNS = np.array([65_536]), np.zeros((1, COLUMN_COUNT), np.int64)


class Actor:
    """In place of a handle of Ray; `hangs`: nothing it is asked is answered until it goes on."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.asked = self.decided = 0
        self.fails = False

    def __getattr__(self, name: str) -> Any:
        actor = self

        class Method:
            @staticmethod
            async def remote(method: str = "", _: bytes = b"") -> Any:
                if name == "socket_path":
                    return None
                actor.asked += method == "decide"
                await actor.goes_on.wait()
                if actor.fails:
                    raise RuntimeError("failed")
                if method != "decide":
                    return b""
                actor.decided += 1
                return STAND_IN.pack(1, 2, 3) + np.zeros(1, DECISION).tobytes()

        return Method


def shown(*actors: Actor, version: int = 1, since: tuple[int, ...] = (1, 1)) -> Members:
    scorers = {n: Member(since=since[n], actor=actor) for n, actor in enumerate(actors)}
    return Members(version=version, shards={}, scorers=scorers)


async def whole(pool: ScorerPool) -> None:
    async with asyncio.timeout(60):
        while pool.condition().stops or pool.condition().warnings:
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "PROBE_EVERY_S", 0.01)


async def test_it_is_ready_once_every_scorer_has_answered_and_asks_them_in_turn() -> None:
    one, two = Actor(), Actor()
    two.goes_on.clear()
    pool = ScorerPool()
    assert pool.condition().stops == ["no scorers are known"]
    pool.take(shown(one, two))
    await asyncio.sleep(0.05)
    assert pool.condition().stops == ["scorers are loading their packs"]
    two.goes_on.set()
    await whole(pool)
    for _ in range(10):
        await pool.decide(PAYERS, COLUMNS)
    assert (one.decided, two.decided) == (5, 5)


async def test_a_scorer_that_hangs_costs_one_batch_its_patience_until_it_answers() -> None:
    one, two = Actor(), Actor()
    pool = ScorerPool()
    pool.take(shown(one, two))
    await whole(pool)
    one.goes_on.clear()
    for _ in range(20):
        await pool.decide(PAYERS, COLUMNS)
    assert (one.asked, one.decided, two.decided) == (1, 0, 20)
    assert pool.condition().warnings == ["scorers [0] do not answer"]
    one.goes_on.set()
    await whole(pool)
    for _ in range(10):
        await pool.decide(PAYERS, COLUMNS)
    assert one.decided == 5


async def test_where_all_fail_the_last_failure_is_raised_and_told() -> None:
    one, two = Actor(), Actor()
    pool = ScorerPool()
    with pytest.raises(LookupError, match="there are no scoring actors"):
        await pool.decide(PAYERS, COLUMNS)
    pool.take(shown(one, two))
    await whole(pool)
    one.fails = two.fails = True
    with pytest.raises(RuntimeError, match="failed"):
        await pool.decide(PAYERS, COLUMNS)
    assert pool.condition().warnings == ["no scorer answers: payments are decided by the fallback"]


async def test_where_all_hang_a_batch_ends_with_its_time_and_none_is_asked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Actor(), Actor()
    pool = ScorerPool()
    pool.take(shown(one, two))
    await whole(pool)
    monkeypatch.setattr(pool_module, "DECIDE_TIMEOUT_S", 3 * pool_module.SILENT_S)
    for actor in (one, two):
        actor.goes_on.clear()
    began = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        await pool.decide(PAYERS, COLUMNS)
    assert asyncio.get_running_loop().time() - began >= 3 * pool_module.SILENT_S - 0.01
    assert pool.condition().warnings == ["no scorer answers: payments are decided by the fallback"]
    for actor in (one, two):
        actor.goes_on.set()
    await whole(pool)
    assert (one.decided, two.decided) == (0, 0), "the calls were cancelled"


async def test_one_that_fails_is_followed_by_the_next_at_once() -> None:
    one, two = Actor(), Actor()
    pool = ScorerPool()
    pool.take(shown(one, two))
    await whole(pool)
    one.fails = True
    began = asyncio.get_running_loop().time()
    for _ in range(2):
        await pool.decide(PAYERS, COLUMNS)
    assert two.decided == 2 and asyncio.get_running_loop().time() - began < pool_module.SILENT_S


async def test_one_that_was_replaced_is_asked_after_its_first_answer() -> None:
    one, two, new = Actor(), Actor(), Actor()
    pool = ScorerPool()
    pool.take(shown(one, two))
    await whole(pool)
    one.goes_on.clear()
    await pool.decide(PAYERS, COLUMNS)
    pool.take(shown(new, two, version=2, since=(2, 1)))
    await whole(pool)
    for _ in range(4):
        await pool.decide(PAYERS, COLUMNS)
    assert new.decided == 2 and one.decided == 0


def test_only_those_that_are_new_in_a_place_have_moved() -> None:
    before = {0: Member(since=1, actor="a"), 1: Member(since=1, actor="b")}
    now = {0: Member(since=1, actor="a"), 1: Member(since=3, actor="c"), 2: Member(since=2, actor="d")}
    assert moved(now, before) == {1: "c", 2: "d"}
    assert moved(now, NOBODY.shards) == {0: "a", 1: "c", 2: "d"}
