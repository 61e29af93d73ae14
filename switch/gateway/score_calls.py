"""Scores on their way to a shard, a call at a time.

Each is sent again until its answer or the deadline comes.

A score has no key: a run scores a wallet once, so what is sent again is answered with what it made.
"""

import asyncio
from typing import Final

import numpy as np

from actors.records.credit_layout import CREDIT_RESULT, CreditResults, ScoreRows
from actors.rpc.interface import ShardClient, ShardUnavailable
from switch.gateway.write_queue import Backoff, DeadlineExceeded

CALL_ROWS_MAX: Final = 2_048
"""Scores of one call: a millisecond or two of the shard's time, after which payments have their turn."""


async def publish(client: ShardClient, rows: ScoreRows, details: dict[int, bytes], deadline: float) -> CreditResults:
    """CREDIT_RESULT rows (n,) for SCORE rows (n,) of one shard and run; `details` by row index. What has no result by `deadline`, a
    time of the event loop's clock, has the code of that."""
    answers = []
    for start in range(0, len(rows), CALL_ROWS_MAX):
        part = rows[start : start + CALL_ROWS_MAX]
        of_part = {at: details[start + at] for at in range(len(part)) if start + at in details}
        answers.append(await _call(client, part, of_part, deadline))
    return np.concatenate(answers)


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
