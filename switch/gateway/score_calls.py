"""Scores on their way to a shard, a call at a time.

Each is sent again until its answer or the deadline comes.

A score has no key: a run scores a wallet once, so what is sent again is answered with what it made.
"""

import asyncio
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.credit_layout import CREDIT_RESULT, CreditResults, ScoreRows
from actors.rpc.interface import ShardClient, ShardUnavailable
from switch.gateway.write_queue import Backoff, DeadlineExceeded

CALL_ROWS_MAX: Final = 2_000
"""Scores of one call: some turns of the shard, and full blocks of its journal."""


async def publish(
    client: ShardClient,
    rows: ScoreRows,
    details: dict[int, bytes],
    index: NDArray[np.intp],
    results: CreditResults,
    deadline: float,
) -> None:
    """Fill `results`, CREDIT_RESULT rows (n,), for those of SCORE rows (n,) of a run that `index` (k,) picks, all of one shard.

    `details`: by row. What has no result by `deadline`, a time of the event loop's clock, has the code of that. Rows are picked a call at a
    time: all at once would hold the loop for 10 ms.
    """
    for start in range(0, len(index), CALL_ROWS_MAX):
        part = index[start : start + CALL_ROWS_MAX]
        places = enumerate(part.tolist()) if details else ()
        of_part = {place: details[row] for place, row in places if row in details}
        results[part] = await _call(client, rows[part], of_part, deadline)


async def _call(client: ShardClient, rows: ScoreRows, details: dict[int, bytes], deadline: float) -> CreditResults:
    pause = Backoff(asyncio.get_running_loop(), deadline)
    try:
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    answer = await client.publish(rows, details)
            except ShardUnavailable as error:
                pause.lost(not_sent=error.not_sent)
            except TimeoutError:
                pause.lost(not_sent=False)
                raise pause.over() from None
            else:
                first = int(answer["code"][0])  # BUSY is said of all of them or of none
                if pause.is_final(first):
                    return answer
                pause.untried(first)
            await pause.take()
    except DeadlineExceeded as error:
        unanswered = np.zeros(len(rows), CREDIT_RESULT)
        unanswered["code"] = error.code
        return unanswered
