"""Scores are sent a call at a time, again while the shard is away, until the deadline says what is not known."""

import asyncio
from typing import Any, cast

import numpy as np

from actors.records.codes import Code
from actors.records.credit_layout import NOTHING_SEEN, SCORE_OUTCOME, SCORE_ROW, ScoreOutcomes, ScoreRows, SeenHeads
from actors.rpc.interface import ShardClient, ShardUnavailable
from switch.gateway.score_calls import CALL_ROWS_MAX, publish
from switch.problems.table import UNKNOWN_NUMBER


class Shard:
    """Says of every third holder that it was scored before, or answers as it is told to."""

    def __init__(self, *first: Any) -> None:
        self.first = list(first)
        self.calls: list[tuple[int, dict[int, bytes]]] = []
        self.seen: list[list[int]] = []

    async def publish(self, rows: ScoreRows, details: dict[int, bytes], seen: SeenHeads) -> ScoreOutcomes:
        self.calls.append((len(rows), details))
        self.seen.append(seen.tolist())
        results = np.zeros(len(rows), SCORE_OUTCOME)
        results["replayed"] = rows["holder"] % 3 == 0
        say = self.first.pop(0) if self.first else Code.OK
        if isinstance(say, Exception):
            raise say
        results["code"] = say
        return results


async def published(
    shard: Shard,
    count: int,
    details: dict[int, bytes],
    within_s: float = 5.0,
    index: Any = None,
    seen: SeenHeads = NOTHING_SEEN,
) -> ScoreOutcomes:
    rows = np.zeros(count, SCORE_ROW)
    rows["holder"] = np.arange(count)
    deadline = asyncio.get_running_loop().time() + within_s
    results: ScoreOutcomes = np.zeros(count, SCORE_OUTCOME)
    await publish(
        cast(ShardClient, shard), rows, details, np.arange(count) if index is None else index, results, deadline, seen
    )
    return results


async def test_a_batch_is_cut_into_calls_and_details_go_with_their_rows() -> None:
    shard, count = Shard(), CALL_ROWS_MAX + 2
    results = await published(shard, count, {0: b"first", CALL_ROWS_MAX - 1: b"last", CALL_ROWS_MAX + 1: b"next"})
    assert results["replayed"].tolist() == [row % 3 == 0 for row in range(count)]
    assert shard.calls == [(CALL_ROWS_MAX, {0: b"first", CALL_ROWS_MAX - 1: b"last"}), (2, {1: b"next"})]


async def test_rows_between_those_of_the_shard_are_not_sent_and_have_no_result() -> None:
    shard, count = Shard(), 3 * CALL_ROWS_MAX
    index = np.flatnonzero(np.arange(count) % 2 == 0)
    results = await published(shard, count, {3: b"other", 4: b"its own"}, index=index)
    assert results["replayed"].tolist() == [row % 6 == 0 for row in range(count)]
    assert shard.calls == [(CALL_ROWS_MAX, {2: b"its own"}), (CALL_ROWS_MAX // 2, {})] and shard.seen == [[], []]


async def test_heads_go_with_their_rows() -> None:
    shard = Shard()
    await published(shard, 6, {}, index=np.array([1, 2, 5]), seen=np.arange(6) * 10)
    assert shard.seen == [[10, 20, 50]]


async def test_whose_head_is_another_by_now_is_not_sent_again() -> None:
    """It was until the deadline, with the head that had been looked at before."""
    shard = Shard(Code.DEFERRED)
    results = await published(shard, 2, {}, seen=np.arange(2))
    assert results["code"].tolist() == [Code.DEFERRED] * 2 and len(shard.calls) == 1


async def test_what_was_not_tried_or_was_lost_is_sent_again() -> None:
    shard = Shard(ShardUnavailable(True), Code.BUSY, ShardUnavailable(False))
    results = await published(shard, 2, {1: b"x"})
    assert (results["code"] == Code.OK).all()
    assert shard.calls == [(2, {1: b"x"})] * 4


async def test_at_the_deadline_a_lost_answer_is_unknown_and_a_refusal_to_try_is_that() -> None:
    lost = await published(Shard(*[ShardUnavailable(False)] * 99), 2, {}, 0.01)
    assert lost["code"].tolist() == [UNKNOWN_NUMBER] * 2
    busy = await published(Shard(*[Code.BUSY] * 99), 1, {}, 0.01)
    assert busy["code"].tolist() == [Code.BUSY]
