"""API keys as an administrator sees them: never the key itself.

Whose each is, what it may do, until when; nothing gives a key back. Keys are made, rotated and revoked where the database is, by
`shardpay keys`.
"""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol

import msgspec
from aiohttp import web

from actors.records.ids import Secret
from actors.stores.api_keys import KeyStore, ListedKey
from switch.api.route import Route
from switch.http.access import Access
from switch.http.auth import WRITE_WALLETS
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_places, encode_cursor, halves
from switch.http.times import time_text
from switch.views.representations import json_response

_SCOPE: Final = "keys"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class KeyServices(Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    keys: KeyStore


class KeyBound(msgspec.Struct, frozen=True, kw_only=True):
    """To what a key's account is bound."""

    wallets: list[str]
    owners: list[str]
    scenarios: list[str]


class KeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A key. `bound` null: on all wallets; `last_used_at`: to a minute."""

    id: str
    name: str
    scopes: list[str]
    status: Literal["active", "expired", "revoked"]
    bound: KeyBound | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class KeyList(msgspec.Struct, frozen=True):
    """A page of keys, newest first."""

    data: list[KeyShown]
    has_more: bool
    next: str | None


async def list_keys(services: KeyServices, call: Call) -> web.Response:
    """GET /v1/keys."""
    query = call.query()
    limit, after = page_limit(query), None
    if "after" in query:
        micros, high, low = decode_places(services.secret, _SCOPE, query["after"], 3)
        after = _EPOCH + micros * _MICROSECOND, uuid.UUID(int=high << 64 | low)
    found = await services.keys.page(services.secret, after, limit + 1)
    page, more = found[:limit], len(found) > limit
    following = _cursor(services.secret, page[-1]) if more else None
    return json_response(KeyList([_shown(each) for each in page], more, following))


def _cursor(secret: Secret, last: ListedKey) -> str:
    return encode_cursor(secret, _SCOPE, (last.created_at - _EPOCH) // _MICROSECOND, *halves(uuid.UUID(last.id)))


def _shown(key: ListedKey) -> KeyShown:
    bound = key.bound
    return KeyShown(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        status=key.state,
        bound=None
        if bound is None
        else KeyBound(wallets=list(bound.wallets), owners=list(bound.owners), scenarios=list(bound.scenarios)),
        created_at=_time(key.created_at) or "",
        expires_at=_time(key.expires_at),
        revoked_at=_time(key.revoked_at),
        last_used_at=_time(key.last_used_at),
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_text((at - _EPOCH) // timedelta(milliseconds=1))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/keys",
        "List API keys: names, scopes, bounds, ends; no secrets.",
        WRITE_WALLETS,
        Access.REFUSED,
        list_keys,
        answer=KeyList,
        query=("limit", "after"),
    ),
)
