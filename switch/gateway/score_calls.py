"""Scores on their way to a shard, a call at a time.

Each is sent again until its answer or the deadline comes.

A score has no key: a run scores a wallet once, so what is sent again is answered with what it made.
"""

import asyncio
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.codes import Code
from actors.records.credit_layout import (
    NOTHING_SEEN,
    SCORE_OUTCOME,
    SCORE_ROW,
    ScoreOutcomes,
    ScoreRows,
    SeenHeads,
)
from actors.rpc.interface import ShardClient, ShardUnavailable
from switch.gateway.write_queue import Backoff, DeadlineExceeded

CALL_ROWS_MAX: Final = 2_000
"""Scores of one call: some turns of the shard, and full blocks of its journal."""

_WHOLE: Final = np.dtype((np.void, SCORE_ROW.itemsize))
"""A row as its bytes: NumPy copies one of fields field by field, in ten times as long."""


async def publish(
    client: ShardClient,
    rows: ScoreRows,
    details: dict[int, bytes],
    index: NDArray[np.intp],
    results: ScoreOutcomes,
    deadline: float,
    seen: SeenHeads = NOTHING_SEEN,
) -> None:
    """Fill `results`, SCORE_OUTCOME rows (n,), for those of SCORE_ROW rows (n,) of a run that `index` picks, (k,) of one shard, ascending.

    `details`: by row; `seen`: as of `ShardClient.publish`. What has no result by `deadline`, a time of the event loop's clock, has the
    code of that. Rows are picked a call at a time: all at once would hold the loop.
    """
    for start in range(0, len(index), CALL_ROWS_MAX):
        part = index[start : start + CALL_ROWS_MAX]
        places = enumerate(part.tolist()) if details else ()
        of_part = {place: details[row] for place, row in places if row in details}
        some = _together(part)
        heads = seen[some] if len(seen) else seen
        answer = await _call(client, rows.view(_WHOLE)[some].view(SCORE_ROW), of_part, heads, deadline)
        results[some] = answer


def _together(index: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """What an ascending index picks, without a copy where nothing lies between."""
    first, last = int(index[0]), int(index[-1])
    return slice(first, last + 1) if last - first < len(index) else index


async def _call(
    client: ShardClient, rows: ScoreRows, details: dict[int, bytes], seen: SeenHeads, deadline: float
) -> ScoreOutcomes:
    pause = Backoff(asyncio.get_running_loop(), deadline)
    try:
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    answer = await client.publish(rows, details, seen)
            except ShardUnavailable as error:
                pause.lost(not_sent=error.not_sent)
            except TimeoutError:
                pause.lost(not_sent=False)
                raise pause.over() from None
            else:
                first = int(
                    answer["code"][0]
                )  # BUSY is said of all of them or of none; DEFERRED of some, until somebody looks again
                if first == Code.DEFERRED or pause.is_final(first):
                    return answer
                pause.untried(first)
            await pause.take()
    except DeadlineExceeded as error:
        unanswered = np.zeros(len(rows), SCORE_OUTCOME)
        unanswered["code"] = error.code
        return unanswered
