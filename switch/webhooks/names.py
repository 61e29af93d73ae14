"""Names of receivers are looked up in threads, so many at a time for one account.

A look-up cannot be ended: whoever leads it to servers that say nothing has a thread for as long as they are asked. Its place is given back
when the thread ends, not when nobody waits for it any more.
"""

import asyncio
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from actors.stores.webhook_endpoints import ENDPOINTS_OF_ONE_MAX

NAMES_MAX: Final = 128
"""Looked up at a time, each in a thread: more than there are endpoints, so one whose name takes long keeps no other waiting."""
NAMES_OF_ONE_MAX: Final = ENDPOINTS_OF_ONE_MAX
"""Of one account: each of its endpoints has one."""

_NUMERIC_FLAGS: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

LOOKED_UP_FOR: Final[ContextVar[int]] = ContextVar("account")
"""For whom a request is made: a resolver is asked for a host and is told no more."""


class TooManyNames(OSError):
    """The account's look-ups that have not ended are as many as it may have."""


class FairResolver(AbstractResolver):
    """Looks names up in threads of its own: uvloop has four for all look-ups of a process. Raises TooManyNames at once, since others that
    ask for the same name wait for whoever asked first."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(NAMES_MAX, "names")
        self._of: Counter[int] = Counter()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Addresses of a host. aiohttp runs this in a task that nobody cancels when the time of a request is over."""
        account = LOOKED_UP_FOR.get()
        if self._of[account] >= NAMES_OF_ONE_MAX:
            raise TooManyNames("too many names are being looked up")
        self._of[account] += 1
        work = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._of[account] -= 1
            if not self._of[account]:
                del self._of[account]
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=_NUMERIC_FLAGS
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Begin no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
