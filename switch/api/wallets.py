"""Wallets: open, show, change, list."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.addresses import is_operator
from actors.records.codes import Code
from actors.records.ids import encode_wallet
from actors.records.layout import WalletStatus
from actors.records.secret import Secret
from actors.stores.wallet_profiles import Change, Profile
from switch.api.credit_services import StateServices
from switch.api.credit_shared import refuse_while_owed
from switch.api.route import KEY, WRITE, Route, named
from switch.api.services import Limits, deadline_problem
from switch.api.wallet_opening import (
    OK,
    Opened,
    OpeningServices,
    Wanted,
    batch_keys,
    json_text,
    open_wallets,
    wanted_wallet,
)
from switch.fairness.scheduling import Steps, mapped
from switch.fairness.shares import Places
from switch.gateway.encode import currency_number, status_row, tier_row
from switch.gateway.write_queue import DeadlineExceeded
from switch.http.access import Access
from switch.http.auth import READ, WRITE_WALLETS
from switch.http.call import Call, name_in, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.decoding import EMPTY, NEW_WALLET, WALLET_BATCH, WALLET_PATCH, decode
from switch.http.schema import Attributes, Empty, Metadata, NewWallet, WalletBatch, WalletPatch
from switch.problems.table import PROBLEMS, ProblemError, invalid_field, invalid_query
from switch.views.representations import Balance, WalletAnswer, json_response, recorded_response, refusal, wallet_answer

_STATUS_OF: Final = {
    "freeze": WalletStatus.FROZEN,
    "unfreeze": WalletStatus.OPEN,
    "close": WalletStatus.CLOSED,
}
LIST_ROWS: Final = 8
"""Of one step of a list, each with a profile to decode."""


class WalletRow(msgspec.Struct, frozen=True):
    """One row of a wallet batch's answer. `id` of a refused one: the caller's own wallet that has the external_id."""

    id: str | None
    status: str
    code: str
    detail: str | UnsetType = UNSET


class WalletRows(msgspec.Struct, frozen=True):
    """The answer to POST /v1/wallets/batch."""

    results: list[WalletRow]


class WalletList(msgspec.Struct, frozen=True):
    """A page of wallets."""

    data: list[WalletAnswer]
    has_more: bool
    next: str | None


class WalletServices(OpeningServices, StateServices, Protocol):
    """What these handlers use of the front door."""

    secret: Secret
    limits: Limits
    batches: Places
    pages: Places
    test_currencies: bool

    async def wallet_in_path(self, call: Call) -> int:
        """`Services.wallet_in_path`."""

    async def balance(self, address: int) -> Balance:
        """`Services.balance`."""

    async def balances(self, addresses: Iterable[int]) -> dict[int, Balance]:
        """`Services.balances`."""

    async def shards_of(self, address: int) -> Sequence[int]:
        """`Services.shards_of`."""


# Opening.


async def create_wallet(services: WalletServices, call: Call) -> web.Response:
    """POST /v1/wallets."""
    key, caller = call.given_key(), call.caller()
    body = decode(NEW_WALLET, await call.json_body(services.limits.json_bytes_max))
    chosen = key or call.key_or_random()
    wanted = wanted_wallet(
        body, chosen, key is None, services.topology.shards, test_currencies=services.test_currencies
    )
    (opened,) = await open_wallets(services, caller, [wanted])
    if opened.code != OK:
        raise ProblemError(opened.code, _taken_by(services, opened))
    replayed = opened.opened == 0
    answer = await _shown(services, opened.address, False) if replayed else _new_wallet(services, wanted, opened)
    return recorded_response("/v1/wallets", answer, replayed=replayed)


def _taken_by(services: WalletServices, opened: Opened) -> str | None:
    """The caller's own wallet that has the external_id."""
    return f"Wallet {encode_wallet(services.secret, opened.address)} has this external_id." if opened.address else None


def _new_wallet(services: WalletServices, wanted: Wanted, opened: Opened) -> WalletAnswer:
    """A wallet just opened, without asking the ledger again."""
    body, candidate = wanted.body, wanted.candidate
    balance = Balance(
        currency=currency_number(body.currency, "currency"),
        kind=candidate.kind,
        status=WalletStatus.OPEN,
        tier=body.tier or 0,
        posted=0,
        held=0,
        floor=body.floor or 0,
        opened=opened.opened,
    )
    profile = Profile(
        external_id=candidate.external_id,
        owner=candidate.owner,
        attributes=candidate.attributes,
        metadata=candidate.metadata,
    )
    return wallet_answer(encode_wallet(services.secret, opened.address), balance, profile, False)


async def create_wallets(services: WalletServices, call: Call) -> web.Response:
    """POST /v1/wallets/batch."""
    given, caller = call.given_key(), call.caller()
    account = call.principal.account
    body = await call.json_body(services.limits.wallet_batch_bytes_max)
    async with services.batches.place(account):
        wanted = await services.scheduler.run(account, _wanted(services, body, given))
        opened = await open_wallets(services, caller, wanted)
        return json_response(WalletRows(await services.scheduler.run(account, mapped(partial(_row, services), opened))))


def _wanted(services: WalletServices, body: bytes, given: bytes | None) -> Steps[list[Wanted]]:
    _, wallets = yield from WALLET_BATCH.decode(body)
    keys = batch_keys(given, len(wallets))
    shards = services.topology.shards

    def wanted(i: int) -> Wanted:
        return wanted_wallet(
            wallets[i], keys[i], given is None, shards, f"wallets[{i}].", test_currencies=services.test_currencies
        )

    return (yield from mapped(wanted, range(len(wallets))))


def _row(services: WalletServices, opened: Opened) -> WalletRow:
    if opened.code == OK:
        return WalletRow(encode_wallet(services.secret, opened.address), "created", OK)
    taken_by = encode_wallet(services.secret, opened.address) if opened.address else None
    return WalletRow(
        taken_by,
        "not_tried" if PROBLEMS[opened.code].retryable else "refused",
        opened.code,
        PROBLEMS[opened.code].title,
    )


# Showing.


async def get_wallet(services: WalletServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}."""
    call.query()
    return json_response(await _shown(services, await services.wallet_in_path(call)))


async def _shown(services: WalletServices, address: int, replayed: bool | UnsetType = UNSET) -> WalletAnswer:
    balance = await services.balance(address)
    profile = (await services.wallet_store.profiles([address])).get(address, Profile())
    return wallet_answer(encode_wallet(services.secret, address), balance, profile, replayed)


async def list_wallets(services: WalletServices, call: Call) -> web.Response:
    """GET /v1/wallets?external_id=X or ?owner=X."""
    query = call.query()
    limit = page_limit(query)
    if ("external_id" in query) == ("owner" in query):
        raise invalid_query("external_id", "either external_id or owner is needed")
    name = "owner" if "owner" in query else "external_id"
    text = name_in(query, name)
    scope = f"wallets {name} {text}"
    start = decode_cursor(services.secret, scope, query["after"]) if "after" in query else 0
    find = services.wallet_store.with_owner if name == "owner" else services.wallet_store.with_external_id
    async with services.pages.place(call.principal.account):
        addresses = await find(text, start, limit + 1, call.principal.bound)
        page = addresses[:limit]
        balances, profiles = await services.balances(page), await services.wallet_store.profiles(page)
        data = await services.scheduler.run(
            call.principal.account,
            mapped(
                partial(_listed, services, balances, profiles), [each for each in page if each in balances], LIST_ROWS
            ),
        )
    more = len(addresses) > limit
    return json_response(WalletList(data, more, encode_cursor(services.secret, scope, page[-1]) if more else None))


def _listed(
    services: WalletServices, balances: Mapping[int, Balance], profiles: Mapping[int, Profile], address: int
) -> WalletAnswer:
    return wallet_answer(encode_wallet(services.secret, address), balances[address], profiles.get(address, Profile()))


# Changing.


async def patch_wallet(services: WalletServices, call: Call) -> web.Response:
    """PATCH /v1/wallets/{id}: the tier in the ledger, the rest beside it."""
    address = await services.wallet_in_path(call)
    key, caller = call.key_or_random(), call.caller()
    body = decode(WALLET_PATCH, await call.json_body(services.limits.json_bytes_max))
    await services.balance(address)
    if body.tier is not UNSET:
        if is_operator(address):
            raise ProblemError("operator_wallet")
        await _change(services, address, tier_row(address, body.tier, key, caller))
    owner = None if body.owner is UNSET else Change(body.owner)
    attributes, metadata = _change_of(body.attributes), _change_of(body.metadata)
    if owner or attributes or metadata:
        if not await services.wallet_store.patch(address, owner, attributes, metadata):
            raise invalid_field("", "a built-in wallet has no profile")
    return json_response(await _shown(services, address))


def _change_of(value: Attributes | Metadata | UnsetType | None) -> Change | None:
    return None if value is UNSET else Change(json_text(value))


async def change_status(services: WalletServices, call: Call) -> web.Response:
    """POST /v1/wallets/{id}/freeze, /unfreeze and /close."""
    address = await services.wallet_in_path(call)
    status = _STATUS_OF[call.request.match_info["change"]]
    key, caller = call.key_or_random(), call.caller()
    decode(EMPTY, await call.json_body(services.limits.json_bytes_max) or b"{}")
    if status is WalletStatus.CLOSED and not is_operator(address):
        await refuse_while_owed(services, address)
    replayed = await _change(services, address, status_row(address, status, key, caller))
    return recorded_response("/v1/wallets", await _shown(services, address), replayed=replayed, status=200)


async def _change(services: WalletServices, address: int, row: bytes) -> bool:
    """Change a wallet on every shard that has it; whether a request before had changed all. Raises ProblemError."""
    deadline = services.deadline()
    shards = await services.shards_of(address)
    if not shards:
        raise ProblemError("wallet_not_found")
    try:
        results = await asyncio.gather(*(services.queues[shard].one(row, None, deadline) for shard in shards))
    except DeadlineExceeded as error:
        raise deadline_problem(error, moves_money=False) from None
    for result in results:
        if result.code != Code.OK:
            raise refusal(services.secret, result)
    return all(result.replayed for result in results)


_OPENING: Final = KEY | WRITE | {"external_id_taken", "operator_wallets_full"}
_CHANGING: Final = KEY | WRITE | {"wallet_not_found"} | named(Code.OPERATOR_WALLET, Code.WALLET_CLOSED)

ROUTES: Final = (
    Route(
        "POST",
        "/v1/wallets",
        "Open a wallet.",
        WRITE_WALLETS,
        Access.REFUSED,
        create_wallet,
        answer=WalletAnswer,
        bodies=(NewWallet,),
        problems=_OPENING,
        journalled=True,
    ),
    Route(
        "POST",
        "/v1/wallets/batch",
        "Open many wallets.",
        WRITE_WALLETS,
        Access.REFUSED,
        create_wallets,
        answer=WalletRows,
        bodies=(WalletBatch,),
        problems=_OPENING,
        long=True,
    ),
    Route(
        "GET",
        "/v1/wallets",
        "List wallets by external id or owner.",
        READ,
        Access.FILTERED,
        list_wallets,
        answer=WalletList,
        query=("external_id", "owner", "limit", "after"),
        long=True,
    ),
    Route(
        "GET",
        "/v1/wallets/{id}",
        "A wallet: balance, what is held, status, profile.",
        READ,
        Access.WALLET,
        get_wallet,
        answer=WalletAnswer,
        problems=frozenset({"wallet_not_found"}),
    ),
    Route(
        "PATCH",
        "/v1/wallets/{id}",
        "Change a wallet's tier, owner, attributes or metadata.",
        WRITE_WALLETS,
        Access.REFUSED,
        patch_wallet,
        answer=WalletAnswer,
        bodies=(WalletPatch,),
        problems=_CHANGING,
        body_kept=True,
    ),
    Route(
        "POST",
        "/v1/wallets/{id}/{change:freeze|unfreeze|close}",
        "Freeze, unfreeze or close a wallet.",
        WRITE_WALLETS,
        Access.REFUSED,
        change_status,
        answer=WalletAnswer,
        bodies=(Empty,),
        problems=_CHANGING | named(Code.WALLET_NOT_EMPTY, Code.WALLET_HAS_ORDERS),
    ),
)
