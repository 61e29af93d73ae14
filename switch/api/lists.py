"""Lists that the switch keeps: an operator adds and removes entries without a new rule pack.

Each entry has a reason and, if it is to, an end. A rule pack that names a list as `kept: NAME` looks into it; every scorer has a change
within a second.
"""

import re
from datetime import UTC, datetime
from typing import Final, Literal, cast

import msgspec
from aiohttp import web
from msgspec import UNSET

from actors.records.ids import encode_wallet
from actors.stores.controls import ControlsFull, KeptList, NewEntry, StoredEntry
from rules.decisions.controls import What
from rules.language.words import word_number
from rules.vocabulary.catalogue import COUNTRY, DEVICE
from switch.api.control_changes import CHANGING, ControlServices, added, end_of, end_text, page_of, removed
from switch.api.publisher import RolloutStatus
from switch.api.route import BODY, Route
from switch.api.rule_packs import name_in_path
from switch.http.access import Access
from switch.http.auth import PUBLISH, READ_DOCUMENTS
from switch.http.call import Call
from switch.http.decoding import LIST_ENTRY, NEW_LIST, decode
from switch.http.schema import DEVICE_CHARACTERS_MAX, PRINTED, ListEntry, NewList
from switch.http.times import datetime_text
from switch.problems.table import ProblemError, invalid_field
from switch.views.representations import json_response

ListType = Literal["wallet", "device", "country"]


class ListShown(msgspec.Struct, frozen=True, kw_only=True):
    """A list that the switch keeps. `entries`: how many it has, those that are over for less than a day among them."""

    name: str
    type: ListType
    description: str
    entries: int
    made_by: str
    made_at: str


class AllLists(msgspec.Struct, frozen=True):
    """All lists, by name."""

    data: list[ListShown]


class EntryShown(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a list. `expires_at` null: it stays until it is removed; `revision`: that added it, as blocks keep it of decisions."""

    list: str
    value: str
    reason: str
    expires_at: str | None
    made_by: str
    made_at: str
    revision: int


class EntryChanged(EntryShown, frozen=True, kw_only=True):
    """An entry that was added, and which scorers have it."""

    scorers: RolloutStatus


class EntryRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was removed, and which scorers know it."""

    list: str
    value: str
    scorers: RolloutStatus


class EntryPage(msgspec.Struct, frozen=True):
    """A page of entries that hold, newest first."""

    data: list[EntryShown]
    has_more: bool
    next: str | None


async def list_lists(services: ControlServices, call: Call) -> web.Response:
    """GET /v1/lists."""
    call.query()
    return json_response(AllLists([_list_shown(each) for each in await services.controls.lists()]))


async def put_list(services: ControlServices, call: Call) -> web.Response:
    """PUT /v1/lists/{name}: a list is made once and keeps its type."""
    name = name_in_path(call)
    body = decode(NEW_LIST, await call.json_body(services.limits.json_bytes_max))
    description = "" if body.description is UNSET else body.description
    there = (await services.controls.list_types()).get(name)
    try:
        made = there is None and await services.controls.add_list(name, body.type, description, call.principal.account)
    except ControlsFull as error:
        raise ProblemError("list_full", f"{str(error).capitalize()}.") from None
    found = next(each for each in await services.controls.lists() if each.name == name)
    if found.type != body.type:
        raise invalid_field("type", f"the list {name} is there and holds values of the type {found.type}")
    return json_response(_list_shown(found), 201 if made else 200)


async def list_entries(services: ControlServices, call: Call) -> web.Response:
    """GET /v1/lists/{name}/entries."""
    call.query()
    name, _ = await _list_in_path(services, call)
    found, cursor = await page_of(services, call, What.LIST, name)
    return json_response(EntryPage([_shown(name, each) for each in found], cursor is not None, cursor))


async def get_entry(services: ControlServices, call: Call) -> web.Response:
    """GET /v1/lists/{name}/entries/{value}: also one that is over and takes room yet."""
    call.query()
    name, type_ = await _list_in_path(services, call)
    found = await services.controls.entry(What.LIST, name, _value_in_path(services, call, type_)[0])
    if found is None:
        raise ProblemError("list_entry_not_found")
    return json_response(_shown(name, found))


async def put_entry(services: ControlServices, call: Call) -> web.Response:
    """PUT /v1/lists/{name}/entries/{value}: in the place of what there is of this value."""
    name, type_ = await _list_in_path(services, call)
    number, value = _value_in_path(services, call, type_)
    body = decode(LIST_ENTRY, await call.json_body(services.limits.json_bytes_max))
    until = None
    if body.expires_at is not UNSET:
        until = datetime.fromtimestamp(end_of(body.expires_at, "expires_at") / 1_000, UTC)
    entry = NewEntry(what=What.LIST, name=name, number=number, value=value, reason=body.reason, until=until)
    stored, scorers = await added(services, entry, call.principal.account)
    return json_response(EntryChanged(**msgspec.structs.asdict(_shown(name, stored)), scorers=scorers))


async def delete_entry(services: ControlServices, call: Call) -> web.Response:
    """DELETE /v1/lists/{name}/entries/{value}."""
    call.query()
    name, type_ = await _list_in_path(services, call)
    number, value = _value_in_path(services, call, type_)
    scorers = await removed(services, What.LIST, name, number, call.principal.account)
    return json_response(EntryRemoved(list=name, value=value, scorers=scorers))


async def _list_in_path(services: ControlServices, call: Call) -> tuple[str, str]:
    """A list's name and the type of its values. Raises ProblemError."""
    name = name_in_path(call)
    type_ = (await services.controls.list_types()).get(name)
    if type_ is None:
        raise ProblemError("list_not_found")
    return name, type_


def _value_in_path(services: ControlServices, call: Call, type_: str) -> tuple[int, str]:
    """The number that a value is compared by, and the value. Raises ProblemError invalid_field."""
    text = call.request.match_info["value"]
    if type_ == "wallet":
        address = services.address(text)
        if address <= 0:
            raise invalid_field("value", "a wallet id of this switch is expected")
        return address, encode_wallet(services.secret, address)
    if type_ == "country":
        try:
            return word_number(COUNTRY, text), text
        except ValueError as error:
            raise invalid_field("value", str(error)) from None
    if not (1 <= len(text) <= DEVICE_CHARACTERS_MAX and _DEVICE.match(text)):
        raise invalid_field("value", f"a device's name is expected, up to {DEVICE_CHARACTERS_MAX} characters")
    return word_number(DEVICE, text), text


def _shown(name: str, stored: StoredEntry) -> EntryShown:
    return EntryShown(
        list=name,
        value=stored.value,
        reason=stored.reason,
        expires_at=end_text(stored),
        made_by=stored.made_by,
        made_at=datetime_text(stored.made_at),
        revision=stored.revision,
    )


def _list_shown(kept: KeptList) -> ListShown:
    return ListShown(
        name=kept.name,
        type=cast("ListType", kept.type),
        description=kept.description,
        entries=kept.entries,
        made_by=kept.made_by,
        made_at=datetime_text(kept.made_at),
    )


_NAMED: Final = frozenset({"invalid_field", "list_not_found"})
_ENTRIES: Final = "/v1/lists/{name}/entries"

_DEVICE: Final = re.compile(PRINTED)

ROUTES: Final = (
    Route(
        "GET",
        "/v1/lists",
        "All lists that the switch keeps.",
        READ_DOCUMENTS,
        Access.REFUSED,
        list_lists,
        answer=AllLists,
    ),
    Route(
        "PUT",
        "/v1/lists/{name}",
        "Make a list that rule packs can name.",
        PUBLISH,
        Access.REFUSED,
        put_list,
        answer=ListShown,
        bodies=(NewList,),
        problems=BODY | {"list_full"},
        body_kept=True,
    ),
    Route(
        "GET",
        _ENTRIES,
        "Entries of a list that hold, newest first.",
        READ_DOCUMENTS,
        Access.REFUSED,
        list_entries,
        answer=EntryPage,
        query=("limit", "after"),
        problems=_NAMED,
    ),
    Route(
        "GET",
        f"{_ENTRIES}/{{value}}",
        "One entry of a list.",
        READ_DOCUMENTS,
        Access.REFUSED,
        get_entry,
        answer=EntryShown,
        problems=_NAMED | {"list_entry_not_found"},
    ),
    Route(
        "PUT",
        f"{_ENTRIES}/{{value}}",
        "Add an entry to a list, or change it: every scorer has it within a second.",
        PUBLISH,
        Access.REFUSED,
        put_entry,
        answer=EntryChanged,
        bodies=(ListEntry,),
        problems=BODY | _NAMED | CHANGING | {"list_entry_not_found"},
        long=True,
        four_eyes=True,
        body_kept=True,
    ),
    Route(
        "DELETE",
        f"{_ENTRIES}/{{value}}",
        "Remove an entry from a list.",
        PUBLISH,
        Access.REFUSED,
        delete_entry,
        answer=EntryRemoved,
        problems=_NAMED | CHANGING | {"list_entry_not_found"},
        long=True,
        four_eyes=True,
    ),
)
