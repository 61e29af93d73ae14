"""Call an actor: bytes in, bytes out, three possible ends.

They are its answer, NotReady, or CallLost - and then it may have happened.

Ray creates, names, restarts and supervises the actors, and can always carry a call. Where both ends run on one machine, calls go along a
Unix stream socket in a private directory instead, as soon as it is connected: much cheaper, and the end of a process is seen at once.
"""

import asyncio
import itertools
import logging
import os
import struct
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from actors.rpc.interface import NotReady
from models.arrays import Rows

log = logging.getLogger(__name__)

Answer = bytes | Rows
"""An array travels as it lies in memory."""
Method = Callable[[bytes], Answer | Awaitable[Answer]]
"""Answers at once where it can: a task for each call would cost more than a short answer."""

FRAME_BYTES_MAX: Final = 256 << 20
"""Far above the largest batch with all its details; a longer frame means that the two ends do not speak the same language."""
APART_FROM_BYTES: Final = 16 << 10
"""What is so long leaves beside the head of its frame: to put both in one piece would copy it."""
SWEEP_MIN: Final = 64
"""A connection keeps at most so many calls that nobody waits for any more, and twice those that somebody does."""

_FRAME: Final = struct.Struct("<IIB")
"""Bytes that follow; number of the call; in a call the length of the method's name, which follows, in an answer how it ended."""
_DONE: Final = 0
_NOT_READY: Final = 1
_FAILED: Final = 2


class CallLost(Exception):
    """No answer came. The call may have happened, or may still."""


class _Frames(asyncio.Protocol):
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._parts: list[bytes] = []
        self._have = 0
        self._need = _FRAME.size

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def _write(self, head: bytes, data: bytes) -> None:
        if len(data) < APART_FROM_BYTES:
            self._transport.write(head + data)
        else:
            self._transport.writelines((head, data))

    def data_received(self, data: bytes) -> None:
        if self._parts:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return
            data = b"".join(self._parts)
            self._parts.clear()
        at, end = 0, len(data)
        self._need = _FRAME.size
        while end - at >= _FRAME.size:
            size, number, what = _FRAME.unpack_from(data, at)
            if size > FRAME_BYTES_MAX:
                self._transport.abort()
                return
            if end - at - _FRAME.size < size:
                self._need = _FRAME.size + size
                break
            at += _FRAME.size
            self._frame(number, what, data, at, at + size)
            at += size
        if at < end:
            self._parts.append(data[at:])
            self._have = end - at

    def _frame(self, number: int, what: int, data: bytes, start: int, end: int) -> None:
        raise NotImplementedError


# The callee.


class CallServer:
    """Answers calls with methods, by name. `directory` None: it does not listen, all calls come through Ray."""

    def __init__(self, directory: str | None, methods: Mapping[str, Method]) -> None:
        self._directory = directory
        self._methods = methods
        self._by_frame = {name.encode(): method for name, method in methods.items()}
        self._listening: asyncio.Task[str] | None = None
        self._server: asyncio.AbstractServer | None = None
        self._connections: set[_Served] = set()

    async def path(self) -> str | None:
        """Where it listens, from the first time that somebody asks. Each process has a path of its own, so a caller that has been
        told one cannot reach another."""
        if self._directory is None:
            return None
        if self._listening is None or _failed(self._listening):
            self._listening = asyncio.get_running_loop().create_task(self._listen(Path(self._directory)))
        return await self._listening

    async def call(self, method: str, data: bytes) -> bytes:
        """Answer a call that came through Ray: the actor's method `call`."""
        answer = self._methods[method](data)
        return _bytes(answer if isinstance(answer, (bytes, np.ndarray)) else await answer)

    async def _listen(self, directory: Path) -> str:
        path = str(directory / f"{os.getpid()}-{os.urandom(4).hex()}")
        self._server = await asyncio.get_running_loop().create_unix_server(self._serve, path)
        return path

    def _serve(self) -> "_Served":
        return _Served(self._by_frame, self._connections)

    async def close(self) -> None:
        """Listen no longer, and hang up on all callers."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._connections):
                connection.close()


class _Served(_Frames):
    """One caller's connection."""

    def __init__(self, methods: Mapping[bytes, Method], connections: "set[_Served]") -> None:
        super().__init__()
        self._methods = methods
        self._connections = connections
        self._under_way: set[asyncio.Future[Answer]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)

    def close(self) -> None:
        """Hang up; calls under way go on, their answers go nowhere."""
        self._transport.abort()

    def _frame(self, number: int, what: int, data: bytes, start: int, end: int) -> None:
        try:
            answer = self._methods[data[start : start + what]](data[start + what : end])
        except Exception as error:
            self._send(number, *_failure(error))
            return
        if isinstance(answer, (bytes, np.ndarray)):
            self._send(number, _bytes(answer), _DONE)
            return
        future = asyncio.ensure_future(answer)
        self._under_way.add(future)  # the loop alone would not keep a task
        future.add_done_callback(partial(self._ended, number))

    def _ended(self, number: int, future: "asyncio.Future[Answer]") -> None:
        self._under_way.discard(future)
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._send(number, _bytes(future.result()), _DONE)
        else:
            self._send(number, *_failure(error))

    def _send(self, number: int, answer: bytes, end: int) -> None:
        if not self._transport.is_closing():
            self._write(_FRAME.pack(len(answer), number, end), answer)


def _bytes(answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else answer.tobytes()


def _failure(error: BaseException) -> tuple[bytes, int]:
    """The answer of a call that failed, and how it ended."""
    if isinstance(error, NotReady):
        return str(error).encode(), _NOT_READY
    log.error("a call failed", exc_info=error)
    return repr(error).encode(), _FAILED


# The caller.


class _Link(_Frames):
    """A connection to an actor's process, with any number of calls under way."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._sweep_at = SWEEP_MIN

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(CallLost("the other end has gone"))

    def begin(self, method: str, data: bytes) -> "asyncio.Future[bytes]":
        if len(self._waiting) >= self._sweep_at:
            self._sweep()
        name = method.encode()
        number = next(self._numbers) & 0xFFFFFFFF
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[number] = future
        if self._transport.is_closing():  # `connection_lost` follows in the loop's next turn, and ends it
            return future
        self._write(_FRAME.pack(len(name) + len(data), number, len(name)) + name, data)
        return future

    def _sweep(self) -> None:
        """Forget calls whose callers had no more patience: of a process that hangs no answer comes that would end them."""
        self._waiting = {number: future for number, future in self._waiting.items() if not future.done()}
        self._sweep_at = SWEEP_MIN + 2 * len(self._waiting)

    def _frame(self, number: int, what: int, data: bytes, start: int, end: int) -> None:
        future = self._waiting.pop(number, None)
        if future is None or future.done():
            return  # The caller had no more patience.
        if what == _DONE:
            future.set_result(data[start:end])
        else:
            text = data[start:end].decode()
            future.set_exception(NotReady(text) if what == _NOT_READY else CallLost(text))

    def close(self) -> None:
        """End the connection; what was under way is lost."""
        self.is_open = False
        self._transport.abort()


class Caller:
    """Calls the methods of one actor, which must have the methods `socket_path` and `call`, those of its CallServer."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._link: _Link | None = None
        self._seeking: asyncio.Task[None] | None = None
        self._only_ray = False
        self._logged: str | None = None

    def replace(self, actor: Any) -> None:
        """Another actor has taken over. What is under way at the old one is lost."""
        self.close()
        self._actor, self._link, self._seeking, self._only_ray = actor, None, None, False

    def close(self) -> None:
        """Hang up."""
        if self._seeking is not None:
            self._seeking.cancel()
        if self._link is not None:
            self._link.close()

    async def call(self, method: str, data: bytes) -> bytes:
        """The answer of a method. Raises NotReady when nothing was taken in, else CallLost."""
        return await self.begin(method, data)

    def begin(self, method: str, data: bytes) -> "asyncio.Future[bytes]":
        """As `call`. The call leaves now."""
        if self._link is not None and self._link.is_open:
            return self._link.begin(method, data)
        if not self._only_ray and (self._seeking is None or self._seeking.done()):
            self._seeking = asyncio.get_running_loop().create_task(self._seek())
        return asyncio.ensure_future(_through_ray(self._actor, method, data))

    async def _seek(self) -> None:
        """Connect, if the actor listens. When this fails the next call tries again."""
        from ray.exceptions import RayActorError

        try:
            path = await self._actor.socket_path.remote()
            if path is None:
                self._only_ray = True
            else:
                _, self._link = await asyncio.get_running_loop().create_unix_connection(_Link, path)
        except RayActorError:
            pass  # it starts, or has just died; the call itself says so
        except Exception as error:
            if repr(error) != self._logged:
                log.warning("no direct way: calls go through Ray until there is one", exc_info=error)
            self._logged = repr(error)
        else:
            self._logged = None


def _failed(task: asyncio.Task[str]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _through_ray(actor: Any, method: str, data: bytes) -> bytes:
    from ray.exceptions import RayActorError, RayError

    try:
        answer: bytes = await actor.call.remote(method, data)
    except NotReady:
        raise
    except RayActorError as error:
        raise CallLost(str(error)) from error
    except RayError as error:
        log.exception("%s failed in another process", method)
        raise CallLost(str(error)) from error
    return answer
