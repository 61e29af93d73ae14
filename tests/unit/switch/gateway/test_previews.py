"""A dry run is asked for until there is an answer; it never happened, so nothing of it is unknown."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actors.records.codes import Code
from actors.records.layout import REQUEST, RESULT
from actors.rpc.interface import ShardUnavailable
from switch.gateway.previews import previewed
from switch.gateway.write_queue import DeadlineExceeded

Answer = Callable[[], Any]
ROW = np.zeros(1, REQUEST).tobytes()


def result(code: Code, record_time: int = 0) -> Any:
    row = np.zeros(1, RESULT)
    row["code"], row["record_time"], row["points"] = int(code), record_time, 7
    return row


class Shard:
    """Answers one after the other, the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.deferred: list[int] = []

    async def preview(self, row: Any) -> Any:
        self.deferred.append(int(row["deferred_at"][0]))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.sleep(60)
        return answer


async def preview(shard: Shard, seconds: float) -> Any:
    return await previewed(shard, ROW, asyncio.get_running_loop().time() + seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [Code.OK, Code.INSUFFICIENT_FUNDS, Code.PAYER_NOT_FOUND, Code.IN_REVIEW])
async def test_an_answer_is_given_as_it_is(code: Code) -> None:
    shard = Shard(result(code))
    found = await preview(shard, 5.0)
    assert (found.code, found.points, len(shard.deferred)) == (code, 7, 1)


async def test_a_shard_that_is_away_or_busy_is_asked_again() -> None:
    shard = Shard(ShardUnavailable(False), TimeoutError(), result(Code.BUSY), result(Code.MOVED), result(Code.OK))
    assert (await preview(shard, 5.0)).code == Code.OK and len(shard.deferred) == 5


async def test_what_was_deferred_says_since_when_as_a_payment_does() -> None:
    shard = Shard(result(Code.DEFERRED, 500), result(Code.DEFERRED, 900), result(Code.OK))
    await preview(shard, 5.0)
    assert shard.deferred == [0, 500, 500], "the first time counts"


@pytest.mark.parametrize("answer", [ShardUnavailable(False), ShardUnavailable(True), result(Code.BUSY), None])
async def test_when_time_is_over_nothing_can_have_happened(answer: Any) -> None:
    with pytest.raises(DeadlineExceeded) as late:
        await preview(Shard(answer), 0.05)
    assert not late.value.sent


async def test_the_row_of_the_caller_is_left_as_it_was() -> None:
    before = bytes(ROW)
    await preview(Shard(result(Code.DEFERRED, 500), result(Code.OK)), 5.0)
    assert before == ROW
