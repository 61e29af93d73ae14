"""API keys over HTTP: made, rotated, given limits and an end, revoked.

A key is shown once, to whoever makes it; nothing gives it back, a repeat neither. It never gives more than the key that makes it has. A
bound account sees and changes its own keys, and the last key that can make keys of all accounts stays until another one is there.
"""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.secret import Secret
from actors.stores.api_keys import (
    Also,
    Binding,
    Bound,
    CreatedKey,
    KeyLimits,
    KeyRefused,
    KeyStore,
    LastKey,
    Limit,
    ListedKey,
    Principal,
    key_in,
)
from models.wording import counted
from rules.vocabulary.times import time_ms
from switch.api.four_eyes import FourEyes
from switch.api.recorded import RecordedServices, answered_once
from switch.api.route import BODY, Route
from switch.api.services import Limits
from switch.http.access import Access
from switch.http.auth import KEYS, PUBLISH, SEE_KEYS
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_places, encode_cursor, halves
from switch.http.decoding import EMPTY, KEY_PATCH, KEY_ROTATION, NEW_KEY, decode
from switch.http.schema import KEY_OVERLAP_S, Empty, KeyPatch, KeyRotation, NewKey
from switch.http.times import datetime_text, now_ms
from switch.problems.table import ProblemError, invalid_field
from switch.views.representations import json_response

_SCOPE: Final = "keys"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
SECOND_PERSON: Final = PUBLISH | KEYS
"""Scopes with which somebody could propose and approve, or make whoever does."""


class KeyServices(RecordedServices, Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    limits: Limits
    keys: KeyStore
    four_eyes: FourEyes

    def address(self, text: str) -> int:
        """`Services.address`."""


class KeyBound(msgspec.Struct, frozen=True, kw_only=True):
    """To what a key's account is bound."""

    wallets: list[str]
    owners: list[str]
    scenarios: list[str]


class KeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A key. `bound` null: on all wallets; `last_used_at`: to a minute; a limit that is null: that of its account."""

    id: str
    name: str
    scopes: list[str]
    status: Literal["active", "expired", "revoked"]
    bound: KeyBound | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    reads_per_s: int | None
    writes_per_s: int | None


class KeyMade(KeyShown, frozen=True, kw_only=True):
    """A new key. `key`: shown once; null in the answer to a repeat."""

    key: str | None


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
    found = await services.keys.page(services.secret, after, limit + 1, _own_account(call.principal))
    page, more = found[:limit], len(found) > limit
    following = _cursor(services.secret, page[-1]) if more else None
    return json_response(KeyList([_shown(each) for each in page], more, following))


async def get_key(services: KeyServices, call: Call) -> web.Response:
    """GET /v1/keys/{id}."""
    call.query()
    return json_response(_shown(await _in_path(services, call)))


async def create_key(services: KeyServices, call: Call) -> web.Response:
    """POST /v1/keys."""
    raw = await call.json_body(services.limits.json_bytes_max)
    body = decode(NEW_KEY, raw)
    maker = call.principal
    own = (await services.keys.accounts([maker.account])).get(maker.account) == body.name
    binding = Binding(
        wallets=_addresses(services, _list(body.wallets)), owners=_list(body.owners), scenarios=_list(body.scenarios)
    )
    limits = _within(maker, _limit(body.reads_per_s), _limit(body.writes_per_s))
    _demand_scopes(maker, body.scopes)
    _demand_binding(maker, own, binding)
    _demand_second_person(services, body.scopes, own)
    ends = _end(body.expires_at)

    async def make() -> KeyMade:
        scopes = list(dict.fromkeys(body.scopes))
        try:
            made = await services.keys.create(
                body.name, scopes, binding, None if ends is UNSET else ends, limits, _kept(services, call)
            )
        except KeyRefused as error:
            raise ProblemError("key_refused", f"{str(error)[0].upper()}{str(error)[1:]}.") from None
        return await _made(services, made)

    return await answered_once(services, call, raw, make, 201, keeps=True)


async def rotate_key(services: KeyServices, call: Call) -> web.Response:
    """POST /v1/keys/{id}/rotate: a new key of the same account, scopes, limits and end."""
    raw = await call.json_body(services.limits.json_bytes_max) or b"{}"
    body = decode(KEY_ROTATION, raw)
    found = await _in_path(services, call)
    _demand_scopes(call.principal, found.scopes)
    _demand_second_person(services, found.scopes, found.account == call.principal.account)
    overlap = timedelta(seconds=KEY_OVERLAP_S if body.overlap_s is UNSET else body.overlap_s)
    ends = _end(body.expires_at)

    async def make() -> KeyMade:
        try:
            made = await services.keys.rotate(found.id, overlap, ends, _kept(services, call))
        except KeyRefused:
            raise ProblemError("api_key_over") from None
        return await _made(services, made)

    return await answered_once(services, call, raw, make, 201, keeps=True)


async def patch_key(services: KeyServices, call: Call) -> web.Response:
    """PATCH /v1/keys/{id}: what is not named stays."""
    body = decode(KEY_PATCH, await call.json_body(services.limits.json_bytes_max))
    found = await _in_path(services, call)
    _demand_scopes(call.principal, found.scopes)
    _demand_limits(call.principal, body.reads_per_s, body.writes_per_s)
    try:
        changed = await services.keys.change(found.id, _end(body.expires_at), body.reads_per_s, body.writes_per_s)
    except LastKey:
        raise ProblemError("last_key") from None
    if not changed:
        raise ProblemError("api_key_over")
    return json_response(_shown(await _in_path(services, call)))


async def revoke_key(services: KeyServices, call: Call) -> web.Response:
    """POST /v1/keys/{id}/revoke: within a second no front door takes it any more."""
    raw = await call.json_body(services.limits.json_bytes_max) or b"{}"
    decode(EMPTY, raw)
    found = await _in_path(services, call)

    async def revoke() -> KeyShown:
        try:
            await services.keys.revoke(found.id, keep_last=True)
        except LastKey:
            raise ProblemError("last_key") from None
        return _shown(await _in_path(services, call))

    return await answered_once(services, call, raw, revoke)


# What a maker may give.


def _demand_scopes(maker: Principal, scopes: Collection[str]) -> None:
    beyond = sorted(set(scopes) - maker.scopes)
    if beyond:
        raise _beyond(f"Your key does not have the scope {' or '.join(beyond)}.")


def _demand_binding(maker: Principal, own: bool, binding: Binding) -> None:
    """A bound account makes keys for itself, and binds itself to nothing more."""
    bound = maker.bound
    if bound is None:
        return
    if not own:
        raise _beyond("A bound account makes keys under its own name.")
    if not _inside(binding, bound):
        raise _beyond("Your account is not bound to all of these wallets, owners and scenarios.")


def _inside(binding: Binding, bound: Bound) -> bool:
    return (
        set(binding.wallets) <= bound.wallets
        and set(binding.owners) <= bound.owners
        and set(binding.scenarios) <= bound.scenarios
    )


def _demand_second_person(services: KeyServices, scopes: Collection[str], own: bool) -> None:
    """Who could make a key of another account would be the second person too."""
    if services.four_eyes.four_eyes and not own and SECOND_PERSON & set(scopes):
        raise ProblemError("key_needs_command")


def _within(maker: Principal, reads_per_s: int | None, writes_per_s: int | None) -> KeyLimits:
    """Limits of a new key: those of the maker's where none are given."""
    _demand_limits(maker, reads_per_s or UNSET, writes_per_s or UNSET)
    return KeyLimits(
        reads_per_s=reads_per_s or maker.reads_per_s or None, writes_per_s=writes_per_s or maker.writes_per_s or None
    )


def _demand_limits(maker: Principal, reads_per_s: Limit, writes_per_s: Limit) -> None:
    """A key that has a limit gives none that is higher, and takes none away."""
    for given, most in ((reads_per_s, maker.reads_per_s), (writes_per_s, maker.writes_per_s)):
        if given is not UNSET and most and (given is None or given > most):
            raise _beyond(f"Your key makes {counted(most, 'request')} of this kind a second.")


def _beyond(detail: str) -> ProblemError:
    return ProblemError("key_beyond_maker", detail)


# What is said and kept of a key.


def _kept(services: KeyServices, call: Call) -> Also:
    """Records what repeats of this call are answered, in the transaction of the change: the key itself is not in it."""
    account, key = call.principal.account, call.given_key()

    async def keep(session: object, identity: str) -> None:
        if key is not None:
            shown = _with(_there(await key_in(session, services.secret, identity)), None)
            await services.batch_keys.record_in(session, account, key, msgspec.json.encode(shown))

    return keep


def _there(found: ListedKey | None) -> ListedKey:
    assert found is not None, "it was made in this transaction"
    return found


async def _made(services: KeyServices, made: CreatedKey) -> KeyMade:
    found = await services.keys.one(services.secret, made.id)
    return _with(_there(found), made.key)


def _with(found: ListedKey, key: str | None) -> KeyMade:
    return KeyMade(**msgspec.structs.asdict(_shown(found)), key=key)


def _own_account(principal: Principal) -> int | None:
    """Whose keys it sees; None: everybody's."""
    return None if principal.bound is None else principal.account


async def _in_path(services: KeyServices, call: Call) -> ListedKey:
    found = await services.keys.one(services.secret, call.request.match_info["id"])
    if found is None or _own_account(call.principal) not in (None, found.account):
        raise ProblemError("api_key_not_found")
    return found


def _addresses(services: KeyServices, wallets: list[str]) -> list[int]:
    found = [services.address(wallet) for wallet in wallets]
    for index, address in enumerate(found):
        if address <= 0:
            raise invalid_field(f"wallets[{index}]", "a wallet id of this switch is expected")
    return found


def _list(given: list[str] | UnsetType) -> list[str]:
    return [] if given is UNSET else given


def _limit(given: int | UnsetType | None) -> int | None:
    return None if given is UNSET else given


def _end(given: str | UnsetType | None) -> datetime | UnsetType | None:
    if given is UNSET or given is None:
        return given
    try:
        at = time_ms(given)
    except ValueError as error:
        raise invalid_field("expires_at", str(error)) from None
    if at <= now_ms():
        raise invalid_field("expires_at", "a time to come is expected")
    return _EPOCH + timedelta(milliseconds=at)


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
        created_at=datetime_text(key.created_at),
        expires_at=_time(key.expires_at),
        revoked_at=_time(key.revoked_at),
        last_used_at=_time(key.last_used_at),
        reads_per_s=key.limits.reads_per_s,
        writes_per_s=key.limits.writes_per_s,
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else datetime_text(at)


_KEYED: Final = frozenset({"idempotency_mismatch", "invalid_idempotency_key"})
_ONE: Final = frozenset({"api_key_not_found"})
_GIVEN: Final = frozenset({"key_beyond_maker"})

ROUTES: Final = (
    Route(
        "GET",
        "/v1/keys",
        "List API keys: names, scopes, bounds, ends; no secrets.",
        SEE_KEYS,
        Access.ACCOUNT,
        list_keys,
        answer=KeyList,
        query=("limit", "after"),
    ),
    Route(
        "POST",
        "/v1/keys",
        "Make an API key, which is shown once.",
        KEYS,
        Access.ACCOUNT,
        create_key,
        answer=KeyMade,
        bodies=(NewKey,),
        problems=BODY | _KEYED | _GIVEN | {"key_needs_command", "key_refused"},
    ),
    Route("GET", "/v1/keys/{id}", "One API key.", SEE_KEYS, Access.ACCOUNT, get_key, answer=KeyShown, problems=_ONE),
    Route(
        "PATCH",
        "/v1/keys/{id}",
        "Change an API key's end and limits.",
        KEYS,
        Access.ACCOUNT,
        patch_key,
        answer=KeyShown,
        bodies=(KeyPatch,),
        problems=BODY | _ONE | _GIVEN | {"api_key_over", "last_key"},
        body_kept=True,
    ),
    Route(
        "POST",
        "/v1/keys/{id}/rotate",
        "Make a key in place of another, which works on for a while.",
        KEYS,
        Access.ACCOUNT,
        rotate_key,
        answer=KeyMade,
        bodies=(KeyRotation,),
        problems=BODY | _KEYED | _ONE | _GIVEN | {"api_key_over", "key_needs_command"},
        body_kept=True,
    ),
    Route(
        "POST",
        "/v1/keys/{id}/revoke",
        "End an API key's life.",
        KEYS,
        Access.ACCOUNT,
        revoke_key,
        answer=KeyShown,
        bodies=(Empty,),
        problems=BODY | _KEYED | _ONE | {"last_key"},
    ),
)
