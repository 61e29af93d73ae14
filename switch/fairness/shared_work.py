"""One computation for all who ask for the same.

Who asks meanwhile waits for the next, so no answer is older than its question; however many ask, one is under way, and a pause lies
between two.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

PAUSE_S: Final = 0.25
"""Between the begins of two: what strangers ask for as often as they like costs as much as four of them a second would."""

T = TypeVar("T")


class SharedWork(Generic[T]):
    """What `work` gives, to any number of callers. Its failure is everybody's who waited for it, too."""

    def __init__(self, work: Callable[[], Awaitable[T]], pause_s: float = PAUSE_S) -> None:
        self._work = work
        self._pause_s = pause_s
        self._wanted: asyncio.Future[T] | None = None
        self._task: asyncio.Task[None] | None = None

    async def result(self) -> T:
        """The result of work that begins from now on. Raises what it raises."""
        if self._wanted is None:
            self._wanted = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(self._wanted)

    async def _run(self) -> None:
        """Work until nobody wants a result. It stays for the pause after the last, so that the next one waits its end."""
        clock = asyncio.get_running_loop().time
        while (wanted := self._wanted) is not None:
            self._wanted, began = None, clock()
            try:
                result = await self._work()
            except asyncio.CancelledError:
                wanted.cancel()
                if self._task is not None and self._task.cancelling():
                    raise
            except Exception as error:
                wanted.set_exception(error)
                wanted.exception()  # nobody may wait for it any more
            else:
                wanted.set_result(result)
            await asyncio.sleep(max(began + self._pause_s - clock(), 0.0))
