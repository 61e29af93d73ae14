"""The client for programs with an event loop."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .async_resources import AsyncResources
from .calls import EVENT_STREAM, Attempts, Call, Feed, Lost, NoStream, decoded, no_stream, query
from .errors import ShardpayError
from .schema import Event
from .settings import CONNECTIONS, RETRY_S, STREAM_SILENCE_S, TIMEOUT_S, switch_key, switch_url
from .transport_async import AsyncTransport

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")


class EventStream:
    """Events as they happen. `cursor`: where another stream goes on and misses nothing, behind the last event that is dealt with.

    To ask for the next event says that the last one is; so does `advance`.
    """

    def __init__(self, events: AsyncGenerator[Event | None, None], feed: Feed) -> None:
        self._events = events
        self._feed = feed
        self._behind = self.cursor = feed.cursor

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        self.advance()
        while True:
            event = await anext(self._events)
            self._behind = self._feed.cursor
            if event is not None:
                return event
            self.advance()

    def advance(self) -> None:
        """The last event is dealt with: `cursor` is behind it."""
        self.cursor = self._behind

    async def aclose(self) -> None:
        """End it."""
        await self._events.aclose()


class AsyncClient(AsyncResources):
    """A switch at `url`, called with an API key. Without them, SHARDPAY_URL and SHARDPAY_API_KEY of the environment say.

    `timeout_s`: how long to wait for one answer. `retry_s`: how long a call is sent again, under its idempotency key, where that can help.
    `connections`: how many calls at once. Use it as `async with AsyncClient() as client:`.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retry_s: float = RETRY_S,
        connections: int = CONNECTIONS,
    ) -> None:
        super().__init__(self.call, self.pages)
        self._transport = AsyncTransport(switch_url(url), switch_key(key), connections)
        self._timeout_s = timeout_s
        self._retry_s = retry_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def call(self, call: Call, kind: type[T]) -> T:
        """Send a call until it has its answer, of the type `kind`. Raises ShardpayError."""
        return decoded(await self.send(call), kind, call.key)

    async def send(self, call: Call) -> bytes:
        """Send a call until it has its answer, as bytes. Raises ShardpayError."""
        attempts = Attempts(call, time.monotonic(), self._retry_s)
        while True:
            try:
                reply = await self._transport.send(call, self._timeout_s)
                pause = attempts.after_reply(reply, time.monotonic())
                if pause is None:
                    return reply.body
            except Lost as error:
                pause = attempts.after_loss(error, time.monotonic())
            await asyncio.sleep(pause)

    async def pages(self, path: str, kind: type[T], /, **parameters: Any) -> AsyncIterator[T]:
        """The pages of a list, each with `data`, `has_more` and `next`. Raises ShardpayError."""
        while True:
            page: Any = await self.call(Call("GET", path + query(**parameters)), kind)
            yield page
            if not page.has_more:
                return
            parameters["after"] = page.next

    async def pay_table(self, table: "pa.Table") -> "pa.Table":
        """Pay the rows of an Arrow table with the columns of `POST /v1/transfers/batch`: the table with `id`, `code`, `replayed` a row.

        A table without the column `idempotency_key` gets new keys. Ids are 16 bytes or texts. Rows of one `group` go in one call. Raises
        ShardpayError, and ValueError, before anything is sent, for ids that are none and for a group that is larger than a call.
        """
        return await self._send_table("/v1/transfers/batch", table, keyed=True)

    async def publish_scores(self, table: "pa.Table") -> "pa.Table":
        """Publish credit scores, with the columns of `POST /v1/scores/batch`: the table with `code` and `replayed` a row."""
        return await self._send_table("/v1/scores/batch", table, keyed=False)

    async def undo_scores(self, table: "pa.Table") -> "pa.Table":
        """Undo a run, with the columns of `POST /v1/scores/undo`: the table with `code` and `replayed` a row."""
        return await self._send_table("/v1/scores/undo", table, keyed=False)

    async def _send_table(self, path: str, table: "pa.Table", *, keyed: bool) -> "pa.Table":
        from .tables import TableSending

        sending = TableSending(path, table, keyed=keyed, silence_max_s=self._retry_s)
        while (call := sending.call()) is not None:
            try:
                pause = sending.took(await self.send(call), time.monotonic())
            except ShardpayError as error:
                raise sending.ended(error) from None
            await asyncio.sleep(pause)
        return sending.result()

    def stream_events(self, after: str | None = None, types: str | None = None) -> EventStream:
        """Events as they happen, from the first or behind a cursor (`now`: only later ones). It goes on over broken connections.

        Each event comes at least once; its `id` tells it from others. The stream ends when the caller stops it. Its `cursor` is where
        another one goes on. Raises ShardpayError.
        """
        feed = Feed(after)
        return EventStream(self._streamed(feed, types), feed)

    async def _streamed(self, feed: Feed, types: str | None) -> AsyncGenerator[Event | None, None]:
        """Events, and None where only the cursor has moved."""
        attempts = Attempts(self._stream_call(feed, types), time.monotonic(), self._retry_s)
        while True:
            call = self._stream_call(feed, types)
            try:
                async with contextlib.aclosing(self._events(call, feed)) as events:
                    async for event in events:
                        yield event
            except NoStream as refused:
                pause = attempts.after_reply(refused.reply, time.monotonic())
                if pause is None:
                    raise no_stream(refused) from None
                await asyncio.sleep(pause)
            except Lost as error:
                if feed.heard:
                    attempts = Attempts(call, time.monotonic(), self._retry_s)
                await asyncio.sleep(attempts.after_loss(error, time.monotonic()))

    async def _events(self, call: Call, feed: Feed) -> AsyncGenerator[Event | None, None]:
        async with contextlib.aclosing(self._transport.lines(call, STREAM_SILENCE_S)) as lines:
            async for line in lines:
                if (data := feed.line(line)) is not None:
                    yield decoded(data, Event, None) if data else None

    def _stream_call(self, feed: Feed, types: str | None) -> Call:
        feed.begin_again()
        return Call("GET", "/v1/events" + query(after=feed.cursor, types=types), accept=EVENT_STREAM)
