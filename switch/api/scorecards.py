"""Scorecards: list, show, publish, and let one decide.

A version never changes and never goes, so a pack that names one can rely on it.

A card decides through a pack: to give it a mode is to publish the pack with that card and to give that version the mode.
"""

import asyncio
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw, UnsetType

from actors.stores.rule_packs import StoredCard, StoredPack, VersionConflict
from models.scorecard import CardError, Scorecard, canonical, card_hash, parse
from switch.api.publisher import RolloutStatus, version_conflict
from switch.api.recorded import answered_once
from switch.api.route import BODY, Route
from switch.api.rule_packs import (
    Deployed,
    PackServices,
    deployment_now,
    document_name,
    mode_asked,
    name_in_path,
    share_of,
    version_asked,
    version_matched,
)
from switch.http.access import Access
from switch.http.auth import PUBLISH, READ_DOCUMENTS
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.decoding import CARD_MODE, decode
from switch.http.schema import CardMode
from switch.http.times import datetime_text
from switch.problems.table import FieldError, ProblemError, invalid_field
from switch.views.representations import json_response

_SCOPE: Final = "scorecards"


class CardVersionShown(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a scorecard, without its document."""

    name: str
    version: int
    hash: str
    made_by: str | None
    made_at: str


class CardShown(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a scorecard, whole; `used_by`: the packs, as name@version, that name it."""

    name: str
    version: int
    hash: str
    made_by: str | None
    made_at: str
    document: Raw
    used_by: list[str]
    versions: list[CardVersionShown]


class CardList(msgspec.Struct, frozen=True):
    """A page of scorecards, each in its newest version."""

    data: list[CardVersionShown]
    has_more: bool
    next: str | None


class CardDeployed(Deployed, frozen=True, kw_only=True):
    """The answer to a change of mode; `pack`: the version, as name@version, that has the card and the mode, not with `off`."""

    pack: str | UnsetType = UNSET


async def list_cards(services: PackServices, call: Call) -> web.Response:
    """GET /v1/scorecards."""
    query = call.query()
    limit = page_limit(query)
    start = decode_cursor(services.secret, _SCOPE, query["after"]) if "after" in query else 0
    cards = await services.packs.newest_cards(start, limit + 1)
    more = len(cards) > limit
    cursor = encode_cursor(services.secret, _SCOPE, cards[limit - 1][0]) if more else None
    return json_response(CardList([_version(card) for _, card in cards[:limit]], more, cursor))


async def get_card(services: PackServices, call: Call) -> web.Response:
    """GET /v1/scorecards/{name}?version=."""
    query = call.query()
    return await _answer(services, name_in_path(call), version_asked(query), 200)


async def put_card(services: PackServices, call: Call) -> web.Response:
    """PUT /v1/scorecards/{name}: the document, whose own version is the next one."""
    name = name_in_path(call)
    newest = version_matched(call)
    card = await checked_card(await call.json_body(services.limits.document_bytes_max))
    if card.name != name:
        raise invalid_field("name", f"the scorecard calls itself {card.name[:100]}")
    there = await services.packs.card(name)
    last = 0 if there is None else there.version
    if newest is not None and newest != last:
        raise version_conflict(last)
    same = await services.packs.card(name, card.version)
    document, hash_ = await asyncio.to_thread(_written, card)
    if same is not None and same.hash == hash_:
        return await _answer(services, name, card.version, 200)
    if card.version != last + 1:
        raise invalid_field("version", f"the next version of {name} is {last + 1}; published ones never change")
    try:
        await services.packs.add_card(name, card.version, document, hash_, call.principal.account)
    except VersionConflict as error:
        raise version_conflict(error.newest) from None
    return await _answer(services, name, card.version, 201)


def _written(card: Scorecard) -> tuple[str, str]:
    """A scorecard's canonical text and its hash."""
    return canonical(card).decode(), card_hash(card)


async def checked_card(body: bytes, within: str = "") -> Scorecard:
    """The scorecard that a JSON text describes; `within`: the field that holds it. Raises ProblemError invalid_scorecard."""
    try:
        return await asyncio.to_thread(parse, body)
    except CardError as error:
        field = ".".join(part for part in (within, error.field[:200]) if part)
        raise ProblemError(
            "invalid_scorecard", str(error)[:500], errors=(FieldError(field, error.message[:500]),)
        ) from None


# Deciding.


async def set_card_mode(services: PackServices, call: Call) -> web.Response:
    """POST /v1/scorecards/{name}/mode."""
    name = name_in_path(call)
    raw, body = await mode_asked(services, call, CARD_MODE)
    _check_mode(body)
    return await answered_once(services, call, raw, lambda: _with_mode(services, call, name, body))


async def _with_mode(services: PackServices, call: Call, name: str, body: CardMode) -> CardDeployed:
    card = await published_card(services, name, body.version)
    account = call.principal.account
    used: str | UnsetType = UNSET
    if body.mode == "off":
        rollout = await _stop(services, card, body.pack, account)
    else:
        live = (await services.packs.deployment()).live
        base = await _base(services, body, live)
        pack = await services.publisher.publish_with_card(base, f"{card.name}@{card.version}", account)
        if body.if_live is not UNSET and live != pack.number:
            await _demand_live(services, body.if_live, live)
        rollout = await services.publisher.deploy(pack, body.mode, share_of(body), account, live=live)
        used = f"{pack.facts.name}@{pack.version}"
    shown = await deployment_now(services)
    return CardDeployed(name=name, version=card.version, mode=body.mode, pack=used, deployment=shown, scorers=rollout)


def _check_mode(body: CardMode) -> None:
    """Raise ProblemError invalid_field for what does not go together."""
    if body.pack_version is not UNSET and (body.pack is UNSET or body.mode == "off"):
        raise invalid_field("pack_version", "it goes with a pack, and with every mode but off")
    if body.if_live is not UNSET and body.mode != "live":
        raise invalid_field("if_live", "it goes with the mode live")


async def _demand_live(services: PackServices, wanted: str, live: int) -> None:
    """Raise ProblemError version_conflict where another pack is live than the one that this was asked for over: it would be taken back, and
    who approves would not know."""
    running = await _label_of(services, live)
    if running != wanted:
        raise ProblemError(
            "version_conflict", f"{running} is live, and this was asked for while {wanted} was: ask again."
        )


async def _label_of(services: PackServices, number: int) -> str:
    pack = (await services.packs.packs([number]))[number]
    return f"{pack.facts.name}@{pack.version}"


async def versioned_card_mode(services: PackServices, name: str, body: bytes) -> CardMode:
    """As `versioned_mode`: the versions of the card and of the pack through which it would decide now, and which is live where it is that
    pack."""
    asked = decode(CARD_MODE, body)
    _check_mode(asked)
    card = await published_card(services, document_name(name), asked.version)
    versioned = msgspec.structs.replace(asked, version=card.version)
    if asked.mode == "off":
        return versioned
    live = (await services.packs.deployment()).live
    base = await _base(services, asked, live)
    if asked.mode == "live" and asked.if_live is UNSET and asked.pack_version is UNSET and base.number == live:
        versioned = msgspec.structs.replace(versioned, if_live=await _label_of(services, live))
    return msgspec.structs.replace(versioned, pack=base.facts.name, pack_version=base.version)


async def _base(services: PackServices, asked: CardMode, live: int | None = None) -> StoredPack:
    """The pack that a version with the card is made of. `live`: as in `pack_of_card`. Raises ProblemError rule_pack_not_found."""
    if asked.pack is UNSET or asked.pack_version is UNSET:
        return await pack_of_card(services, asked.pack, live)
    found = await services.packs.pack(asked.pack, asked.pack_version)
    if found is None:
        raise ProblemError("rule_pack_not_found")
    return found


async def _stop(services: PackServices, card: StoredCard, pack: str | UnsetType, account: int) -> RolloutStatus:
    """Take away whatever runs and names a card, of one pack if that is said; refused, before any is taken, when the live one does."""
    only = None if pack is UNSET else (await pack_of_card(services, pack)).facts.name
    deployment = await services.packs.deployment()
    running = await services.packs.packs(deployment.packs)
    rollout = None
    for number in deployment.packs:  # the live one first
        facts = running[number].facts
        if facts.card == (card.name, card.version) and only in (None, facts.name):
            rollout = await services.publisher.deploy(running[number], "off", 0, account)
    return rollout or await services.publisher.activate(deployment)


async def published_card(services: PackServices, name: str, version: int | UnsetType) -> StoredCard:
    """A version of a scorecard, the newest unless said. Raises ProblemError scorecard_not_found."""
    card = await services.packs.card(name, None if version is UNSET else version)
    if card is None:
        raise ProblemError("scorecard_not_found")
    return card


async def pack_of_card(services: PackServices, name: str | UnsetType, number: int | None = None) -> StoredPack:
    """The pack through which a card is to decide: the live one, which has this number where that is known; of another name, the newest.
    Raises ProblemError rule_pack_not_found."""
    number = (await services.packs.deployment()).live if number is None else number
    live = (await services.packs.packs([number]))[number]
    if name is UNSET or name == live.facts.name:
        return live
    found = await services.packs.pack(name)
    if found is None:
        raise ProblemError("rule_pack_not_found")
    return found


async def _answer(services: PackServices, name: str, version: int | None, status: int) -> web.Response:
    card = await services.packs.card(name, version)
    if card is None:
        raise ProblemError("scorecard_not_found")
    versions = await services.packs.versions_of_card(name)
    shown = CardShown(
        **msgspec.structs.asdict(_version(card)),
        document=Raw(card.document.encode()),
        used_by=await services.packs.users_of_card(card.name, card.version),
        versions=[_version(each) for each in versions],
    )
    return json_response(shown, status, {"ETag": f'"{card.version}"'})


def _version(card: StoredCard) -> CardVersionShown:
    return CardVersionShown(
        name=card.name,
        version=card.version,
        hash=card.hash,
        made_by=card.made_by,
        made_at=datetime_text(card.made_at),
    )


ROUTES: Final = (
    Route(
        "GET",
        "/v1/scorecards",
        "List scorecards.",
        READ_DOCUMENTS,
        Access.REFUSED,
        list_cards,
        answer=CardList,
        query=("limit", "after"),
    ),
    Route(
        "GET",
        "/v1/scorecards/{name}",
        "A version of a scorecard, and the packs that use it.",
        READ_DOCUMENTS,
        Access.REFUSED,
        get_card,
        answer=CardShown,
        query=("version",),
        problems=frozenset({"invalid_field", "scorecard_not_found"}),
    ),
    Route(
        "PUT",
        "/v1/scorecards/{name}",
        "Publish a version of a scorecard.",
        PUBLISH,
        Access.REFUSED,
        put_card,
        answer=CardShown,
        bodies=(Scorecard,),
        problems=BODY | {"invalid_scorecard", "scorecard_not_found", "version_conflict"},
        long=True,
    ),
    Route(
        "POST",
        "/v1/scorecards/{name}/mode",
        "Let a scorecard decide through a rule pack, or stop it.",
        PUBLISH,
        Access.REFUSED,
        set_card_mode,
        answer=CardDeployed,
        bodies=(CardMode,),
        problems=BODY
        | {
            "deployment_refused",
            "idempotency_mismatch",
            "invalid_idempotency_key",
            "invalid_rule_pack",
            "invalid_scorecard",
            "rule_pack_not_found",
            "scorecard_not_found",
            "version_conflict",
        },
        four_eyes=True,
        body_kept=True,
    ),
)
