"""When a call leaves: as soon as enough wait, or when the event loop brings no more."""

import asyncio
import sys

from switch.gateway.gathering import QUIET_TURNS, Gathering


class Queue:
    """Rows that wait, and those of each call that left."""

    def __init__(self, most: int = sys.maxsize) -> None:
        self.rows = 0
        self.calls: list[int] = []
        self.gathering = Gathering(lambda: self.rows, self.start, most)

    def start(self) -> None:
        self.calls.append(self.rows)
        self.gathering.left(self.rows)
        self.rows = 0

    async def turns(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)


async def test_a_row_alone_leaves_at_once_when_nothing_is_under_way() -> None:
    queue = Queue()
    queue.rows = 1
    queue.gathering.wake()
    await queue.turns(1)
    assert queue.calls == [1]


async def test_while_a_call_is_under_way_rows_are_gathered_until_as_many_wait() -> None:
    queue = Queue()
    queue.gathering.left(6)
    queue.gathering.wake()
    for _ in range(5):
        queue.rows += 1
        await queue.turns(1)
    assert queue.calls == []
    queue.rows += 1
    await queue.turns(1)
    assert queue.calls == [6]


async def test_what_waits_leaves_once_the_loop_is_quiet() -> None:
    queue = Queue()
    queue.gathering.left(100)
    queue.rows = 2
    queue.gathering.wake()
    await queue.turns(QUIET_TURNS)
    assert queue.calls == []
    await queue.turns(1)
    assert queue.calls == [2]


async def test_after_an_answer_half_of_the_last_call_is_enough() -> None:
    queue = Queue()
    queue.gathering.left(8)
    queue.gathering.returned(8)
    queue.rows = 4
    queue.gathering.wake()
    await queue.turns(1)
    assert queue.calls == [4]


async def test_more_than_enough_is_never_waited_for() -> None:
    queue = Queue(most=3)
    queue.gathering.left(100)
    queue.rows = 2
    queue.gathering.wake()
    await queue.turns(1)
    assert queue.calls == []
    queue.rows = 3
    await queue.turns(1)
    assert queue.calls == [3]


async def test_two_wakes_are_one_look() -> None:
    queue = Queue()
    queue.rows = 1
    queue.gathering.wake()
    queue.gathering.wake()
    await queue.turns(QUIET_TURNS + 2)
    assert queue.calls == [1]
