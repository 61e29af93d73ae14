"""Calls that administrators make leave an entry in their log.

They are begun before they change anything, and ended before they are answered. Which calls do so follows from the table of routes, see
`Route.logged`. A call that was refused before its body was read has changed nothing and has no entry; one that was answered before under
its key has the entry of that time.
"""

import asyncio
import hashlib
import os
import platform
import secrets
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import msgspec
from aiohttp import web

from actors.database.pool import StoreUnavailable
from actors.records.admin_entries import SALT_BYTES, AdminCall, Sent, sent_digest
from actors.stores.admin_log import AdminLogStore, Begun, Ended
from switch.http.call import Call
from switch.problems.table import PROBLEMS, ProblemError

T = TypeVar("T")

AT_ONCE: Final = 200
"""Calls that are written by one transaction: as many as come while the one before is under way."""
KEPT_BYTES_MAX: Final = 4_096
"""A body is kept as text up to this size: of a longer one there is the digest."""
HASHED_IN_THREAD: Final = 1 << 18
"""Bytes from which on hashing a body takes longer than to change threads."""
LOOK_EVERY_S: Final = 30.0
"""Between two looks for calls that were never ended."""


class _Made(msgspec.Struct, frozen=True):
    """What an answer says of what was made."""

    id: str = ""


_MADE: Final = msgspec.json.Decoder(_Made)


class Together(Generic[T]):
    """Hands over at once, in order, what comes while it is busy; each comes back when its own was handed over, or raises what that
    raised."""

    def __init__(self, hand_over: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        self._hand_over = hand_over
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, item: T) -> None:
        """Hand one over with others."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        while self._waiting:
            part, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            error: Exception | None = None
            try:
                await self._hand_over([item for item, _ in part])
            except Exception as failed:
                error = failed
            for _, done in part:
                if not done.done():
                    done.set_result(None) if error is None else done.set_exception(error)
        self._task = None


class AdminCalls:
    """All such calls of one front door."""

    def __init__(self, store: AdminLogStore) -> None:
        self._store = store
        self._place = f"{platform.node()}:{os.getpid()}"
        self._begins: Together[Begun] = Together(store.begin)
        self._ends: Together[Ended] = Together(store.end)

    async def follow(self) -> None:
        """Give entries to calls of processes that died. Ends when cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._store.finish_left()
            except StoreUnavailable:
                continue

    def of(self, call: Call, name: str, resource: str, via: str, *, kept: bool) -> "LoggedCall":
        """One call that is let in; `kept`: its body as text."""
        asked = AdminCall(
            account=call.principal.account,
            key=call.principal.key,
            origin=f"{via} {self._place}",
            request=call.request_id(),
            call=name,
            resource=resource,
        )
        return LoggedCall(asked, kept, self._begins.add, self._ends.add)


class LoggedCall:
    """A call on its way into the log."""

    def __init__(
        self,
        call: AdminCall,
        kept: bool,
        begin: Callable[[Begun], Awaitable[None]],
        end: Callable[[Ended], Awaitable[None]],
    ) -> None:
        self._call = call
        self._kept = kept
        self._begin = begin
        self._end = end
        self._begun: Begun | None = None

    async def begin(self, body: bytes) -> None:
        """Its body is there; nothing was changed yet. Raises StoreUnavailable."""
        if self._begun is not None:
            return
        salt = secrets.token_bytes(SALT_BYTES)
        kept = body if self._kept and len(body) <= KEPT_BYTES_MAX else None
        what = Sent(digest=sent_digest(salt, await _hash(body)), salt=salt, body=kept)
        begun = Begun(id=uuid.uuid4(), call=self._call, sent=what)
        await self._begin(begun)
        self._begun = begun

    async def answered(self, response: web.StreamResponse) -> None:
        """It was answered, not yet to the caller. Raises StoreUnavailable."""
        assert self._begun is not None, "a call reads its body before it changes anything"
        made = _id_made(response)
        await self._ended(
            response.status, "", f"{self._call.resource}/{made}" if made else self._call.resource, response
        )

    async def failed(self, error: Exception) -> None:
        """It ended as a problem, or with a fault. What cannot be written now is entered later, as of unknown outcome."""
        if self._begun is None:
            return
        problem = error if isinstance(error, ProblemError) else ProblemError(_code_of(error))
        try:
            await self._ended(PROBLEMS[problem.code].status, problem.code, self._call.resource, problem)
        except StoreUnavailable:
            return

    async def _ended(self, status: int, code: str, resource: str, answer: web.StreamResponse | ProblemError) -> None:
        assert self._begun is not None
        replayed = answer.replayed if isinstance(answer, ProblemError) else "Idempotent-Replayed" in answer.headers
        await self._end(Ended(begun=self._begun, resource=resource, status=status, code=code, logged=not replayed))


async def _hash(body: bytes) -> bytes:
    if len(body) < HASHED_IN_THREAD:
        return hashlib.sha256(body).digest()
    return (await asyncio.to_thread(hashlib.sha256, body)).digest()


def _id_made(response: web.StreamResponse) -> str:
    """The id of what a call made, empty when it made nothing that has one."""
    if response.status != 201 or not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return ""
    try:
        return _MADE.decode(response.body).id
    except msgspec.MsgspecError:
        return ""


def _code_of(error: Exception) -> str:
    return "database_unavailable" if isinstance(error, StoreUnavailable) else "internal_error"
