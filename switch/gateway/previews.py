"""What a shard says a payment would become.

It is asked until there is an answer, as for payments, but nothing waits in a queue for it.
"""

import asyncio
from typing import Final

import numpy as np

from actors.records.codes import Code
from actors.records.layout import REQUEST, RESULT, packing
from actors.rpc.interface import ShardClient, ShardUnavailable
from switch.gateway.write_queue import Backoff, Result

_RESULT: Final = packing(RESULT, padding=("spare",))


async def previewed(client: ShardClient, row: bytes, deadline: float) -> Result:
    """The result that one row (packed REQUEST) would have. Raises DeadlineExceeded; `deadline` is a time of the event loop's clock."""
    pause = Backoff(asyncio.get_running_loop(), deadline)
    asked = np.frombuffer(bytearray(row), REQUEST)
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                answer = await client.preview(asked)
        except (ShardUnavailable, TimeoutError):
            pause.lost(not_sent=True)  # there is nothing that could have happened
        else:
            result = Result._make(_RESULT.unpack(answer.tobytes()))
            if pause.is_final(result.code):
                return result
            pause.untried(result.code)
            if result.code == Code.DEFERRED and not asked["deferred_at"][0]:
                asked["deferred_at"] = result.record_time
        await pause.take()
