"""A rule is snoozed for a wallet until a time: it does not fire on what the wallet pays.

It is kept and told to scorers as entries of lists are, so a backtest knows of it.
"""

import re
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
from aiohttp import web

from actors.records.ids import encode_wallet
from actors.stores.controls import NewEntry, StoredEntry
from actors.stores.rule_packs import PackStore
from rules.decisions.controls import ENTRIES_MAX, What, rule_of, snooze_name
from switch.api.control_changes import CHANGING, ControlServices, added, end_of, end_text, page_of, removed
from switch.api.publisher import RolloutStatus
from switch.api.route import BODY, Route
from switch.api.rule_packs import name_in_path
from switch.http.access import Access
from switch.http.auth import PUBLISH, READ_DOCUMENTS
from switch.http.call import Call
from switch.http.decoding import NEW_SNOOZE, decode
from switch.http.schema import NewSnooze
from switch.http.times import datetime_text
from switch.problems.table import ProblemError
from switch.views.representations import json_response


class SnoozeShown(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that is snoozed for a wallet. `revision`: that added it, as blocks keep it of decisions."""

    pack: str
    rule: str
    wallet: str
    reason: str
    until: str
    made_by: str
    made_at: str
    revision: int


class SnoozeChanged(SnoozeShown, frozen=True, kw_only=True):
    """A snooze that was made, and which scorers have it."""

    scorers: RolloutStatus


class SnoozeRemoved(msgspec.Struct, frozen=True, kw_only=True):
    """A snooze that was ended, and which scorers know it."""

    pack: str
    rule: str
    wallet: str
    scorers: RolloutStatus


class SnoozePage(msgspec.Struct, frozen=True):
    """A page of snoozes that hold, newest first."""

    data: list[SnoozeShown]
    has_more: bool
    next: str | None


class WalletSnoozes(msgspec.Struct, frozen=True):
    """Rules of the packs that run which are snoozed for a wallet, the newest snooze first."""

    data: list[SnoozeShown]


class SnoozeServices(ControlServices, Protocol):
    """What these handlers use of the front door."""

    packs: PackStore


async def list_snoozes(services: SnoozeServices, call: Call) -> web.Response:
    """GET /v1/rule-packs/{name}/rules/{rule}/snoozes."""
    call.query()
    pack, rule = await _snoozed_in_path(services, call)
    found, cursor = await page_of(services, call, What.SNOOZE, snooze_name(pack, rule))
    return json_response(SnoozePage([_shown(pack, rule, each) for each in found], cursor is not None, cursor))


async def list_wallet_snoozes(services: SnoozeServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/snoozes: of the packs that run; a rule of another pack fires on nothing."""
    call.query()
    wallet = services.address(call.request.match_info["id"])
    if wallet <= 0:
        raise ProblemError("wallet_not_found")
    running = await services.packs.packs((await services.packs.deployment()).packs)
    names = {snooze_name(each.facts.name, rule) for each in running.values() for rule in each.facts.rules}
    found = await services.controls.entries_of(What.SNOOZE, names, wallet)
    return json_response(WalletSnoozes([_shown(*rule_of(each.name), each) for each in found]))


async def put_snooze(services: SnoozeServices, call: Call) -> web.Response:
    """PUT /v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}: in the place of the one that there is."""
    pack, rule = await _rule_in_path(services, call)
    wallet = _wallet_in_path(services, call)
    body = decode(NEW_SNOOZE, await call.json_body(services.limits.json_bytes_max))
    entry = NewEntry(
        what=What.SNOOZE,
        name=snooze_name(pack, rule),
        number=wallet,
        value=encode_wallet(services.secret, wallet),
        reason=body.reason,
        until=datetime.fromtimestamp(end_of(body.until, "until") / 1_000, UTC),
    )
    stored, scorers = await added(services, entry, call.principal.account)
    return json_response(SnoozeChanged(**msgspec.structs.asdict(_shown(pack, rule, stored)), scorers=scorers))


async def delete_snooze(services: SnoozeServices, call: Call) -> web.Response:
    """DELETE /v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}."""
    call.query()
    pack, rule = await _snoozed_in_path(services, call)
    wallet = _wallet_in_path(services, call)
    name = snooze_name(pack, rule)
    scorers = await removed(services, What.SNOOZE, name, wallet, call.principal.account)
    identity = encode_wallet(services.secret, wallet)
    return json_response(SnoozeRemoved(pack=pack, rule=rule, wallet=identity, scorers=scorers))


async def _rule_in_path(services: SnoozeServices, call: Call) -> tuple[str, str]:
    """A rule of the newest version of a pack, or of one that runs. Raises ProblemError."""
    name, rule = name_in_path(call), call.request.match_info["rule"]
    newest = await services.packs.pack(name)
    if newest is None:
        raise ProblemError("rule_pack_not_found")
    running = await services.packs.packs((await services.packs.deployment()).packs)
    versions = [newest, *(each for each in running.values() if each.facts.name == name)]
    if not any(rule in each.facts.rules for each in versions):
        raise ProblemError("rule_not_found")
    return name, rule


async def _snoozed_in_path(services: SnoozeServices, call: Call) -> tuple[str, str]:
    """As `_rule_in_path`, or a rule that is snoozed though it is in none of these versions: where an earlier one runs again, the snooze
    holds."""
    try:
        return await _rule_in_path(services, call)
    except ProblemError as problem:
        pack, rule = call.request.match_info["name"], call.request.match_info["rule"]
        if problem.code != "rule_not_found" or _RULE.fullmatch(rule) is None:
            raise
        if not await services.controls.entries(What.SNOOZE, snooze_name(pack, rule), ENTRIES_MAX, 1):
            raise
        return pack, rule


def _wallet_in_path(services: SnoozeServices, call: Call) -> int:
    address = services.address(call.request.match_info["wallet"])
    if address <= 0:
        raise ProblemError("wallet_not_found")
    return address


def _shown(pack: str, rule: str, stored: StoredEntry) -> SnoozeShown:
    return SnoozeShown(
        pack=pack,
        rule=rule,
        wallet=stored.value,
        reason=stored.reason,
        until=end_text(stored) or "",
        made_by=stored.made_by,
        made_at=datetime_text(stored.made_at),
        revision=stored.revision,
    )


_RULE: Final = re.compile(r"[A-Za-z0-9_.-]{1,68}")
"""Of a rule, or of a table and the number of its row."""
_NAMED: Final = frozenset({"invalid_field", "rule_not_found", "rule_pack_not_found"})
_SNOOZES: Final = "/v1/rule-packs/{name}/rules/{rule}/snoozes"

ROUTES: Final = (
    Route(
        "GET",
        _SNOOZES,
        "Wallets for which a rule is snoozed, newest first.",
        READ_DOCUMENTS,
        Access.REFUSED,
        list_snoozes,
        answer=SnoozePage,
        query=("limit", "after"),
        problems=_NAMED,
    ),
    Route(
        "GET",
        "/v1/wallets/{id}/snoozes",
        "Rules of the packs that run which are snoozed for a wallet.",
        READ_DOCUMENTS,
        Access.REFUSED,
        list_wallet_snoozes,
        answer=WalletSnoozes,
        problems=frozenset({"wallet_not_found"}),
    ),
    Route(
        "PUT",
        f"{_SNOOZES}/{{wallet}}",
        "Snooze a rule for a wallet until a time.",
        PUBLISH,
        Access.REFUSED,
        put_snooze,
        answer=SnoozeChanged,
        bodies=(NewSnooze,),
        problems=BODY | _NAMED | CHANGING | {"list_entry_not_found", "wallet_not_found"},
        long=True,
        four_eyes=True,
        body_kept=True,
    ),
    Route(
        "DELETE",
        f"{_SNOOZES}/{{wallet}}",
        "End the snooze of a rule for a wallet.",
        PUBLISH,
        Access.REFUSED,
        delete_snooze,
        answer=SnoozeRemoved,
        problems=_NAMED | CHANGING | {"list_entry_not_found", "wallet_not_found"},
        long=True,
        four_eyes=True,
    ),
)
