"""What changes of lists and of snoozes have in common.

One is answered once the scorers have been told of it. A scorer that could not be told asks for changes by itself within a second.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from actors.records.secret import Secret
from actors.stores.controls import ControlsFull, ControlStore, Hurried, NewEntry, StoredEntry
from rules.decisions.controls import ENTRIES_MAX, What
from rules.vocabulary.times import time_ms
from switch.api.publisher import Publisher, RolloutStatus
from switch.api.services import Limits
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.times import now_ms, time_text
from switch.problems.table import ProblemError, invalid_field

T = TypeVar("T")

CHANGING: Final = frozenset({"list_full", "too_many_changes"})
"""The problems of a change."""


class ControlServices(Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    limits: Limits
    controls: ControlStore
    publisher: Publisher

    def address(self, text: str) -> int:
        """`Services.address`."""


async def added(services: ControlServices, entry: NewEntry, account: int) -> tuple[StoredEntry, RolloutStatus]:
    """The entry as it is now; one that says the same already stays. Raises ProblemError."""
    there = await services.controls.entry(entry.what, entry.name, entry.number)
    if there is None or (there.value, there.reason, there.until) != (entry.value, entry.reason, entry.until):
        revision = await _changed(lambda: services.controls.add(entry, account))
        there = await services.controls.entry(entry.what, entry.name, entry.number)
        if there is None:  # somebody else removed it since
            raise ProblemError("list_entry_not_found")
    else:
        revision = there.revision
    return there, await services.publisher.tell(revision)


async def removed(services: ControlServices, what: What, name: str, number: int, account: int) -> RolloutStatus:
    """Who has been told that an entry is gone. Raises ProblemError."""
    revision = await _changed(lambda: services.controls.remove(what, name, number, account))
    if revision is None:
        raise ProblemError("list_entry_not_found")
    return await services.publisher.tell(revision)


async def _changed(change: Callable[[], Awaitable[T]]) -> T:
    try:
        return await change()
    except ControlsFull as error:
        raise ProblemError("list_full", f"{str(error)[0].upper()}{str(error)[1:]}.") from None
    except Hurried:
        raise ProblemError("too_many_changes", headers={"Retry-After": "60"}) from None


async def page_of(services: ControlServices, call: Call, what: What, name: str) -> tuple[list[StoredEntry], str | None]:
    """Entries of one name, newest first, and the cursor behind them."""
    query = call.query()
    limit, scope = page_limit(query), f"entries {int(what)} {name}"
    before = decode_cursor(services.secret, scope, query["after"]) if "after" in query else ENTRIES_MAX
    found = await services.controls.entries(what, name, before, limit + 1)
    more = len(found) > limit
    return found[:limit], encode_cursor(services.secret, scope, found[limit - 1].revision) if more else None


def end_of(text: str, field: str) -> int:
    """A time to come, in milliseconds. Raises ProblemError invalid_field."""
    try:
        found = time_ms(text)
    except ValueError as error:
        raise invalid_field(field, str(error)) from None
    if found <= now_ms():
        raise invalid_field(field, "a time to come is expected")
    return found


def end_text(entry: StoredEntry) -> str | None:
    """When an entry ends, as text."""
    return None if entry.until is None else time_text(round(entry.until.timestamp() * 1_000))
