"""What whoever sends asks the database for: one statement for a cursor and its rows, and its own name as holder in each."""

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any, cast

from actors.database.pool import SQL, Pool
from actors.stores.webhook_endpoints import DeliveryState
from actors.stores.webhook_sending import Counts, DeliveryRow, SendingEndpoint, SendingStore


class Session:
    """A session that remembers its statements."""

    def __init__(self) -> None:
        self.done: list[tuple[str, tuple[Any, ...]]] = []

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield

    async def execute(self, text: str, *values: Any) -> None:
        self.done.append((text, values))

    async def fetchval(self, text: str, *values: Any) -> int:
        self.done.append((text, values))
        return 1


class Fake:
    """A pool of that one session."""

    def __init__(self) -> None:
        self.one = Session()

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        yield self.one


async def test_a_cursor_and_its_rows_are_one_statement_that_no_payment_waits_for() -> None:
    pool = Fake()
    endpoint = SendingEndpoint(
        id=uuid.uuid4(), account=1, url="", types=None, ordered=False, version=3, places=(1,), failing_since=None, bound=None, secrets=()
    )  # fmt: skip
    row = DeliveryRow(
        uuid.uuid4(), 7, uuid.uuid4(), "transfer.posted", 1, 2, DeliveryState.PENDING, 0, None, None, None, None, None
    )
    store = SendingStore(cast(Pool, pool))
    assert await store.sent(endpoint, (5, 6), Counts(1, 2, None), [row])
    (before, _), (text, values) = pool.one.done
    assert before == "SET LOCAL synchronous_commit = off" and text == SQL["webhook_sent"]
    assert values[:2] == (endpoint.id, 3) and values[3:7] == ([5, 6], 1, 2, None)
    assert len(values) == 7 + len(DeliveryRow._fields) and values[7] == [row.id]
    assert await store.sent(endpoint, (5, 6), Counts(0, 0, None), [])
    assert pool.one.done[-1][1][7:] == ([],) * len(DeliveryRow._fields)
    assert pool.one.done[-1][1][2] == values[2], "its own name"
