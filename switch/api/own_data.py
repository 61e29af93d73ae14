"""A copy of one's own data: a wallet's profile and all credit records about it, a page at a time.

The first page has the wallet, its profile, what the shard keeps of its credit, and what is left out and who shows it; every page has
credit records, newest first, each field by its name, with the texts that are kept beside it.
"""

from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.credit_layout import DIMENSIONS, InquiryResult
from actors.records.ids import encode_wallet
from actors.records.layout import (
    ACCOUNT,
    CONFIRM_BY,
    DEFAULT_AFTER,
    DISPUTED,
    DUE_AT,
    FORWARD_BY,
    ORDER_KIND,
    RESULT_OF_INQUIRY,
    SCENARIO,
    SCENARIO_VERSION,
    STANDING,
    TRANSFER_AT,
    Kind,
)
from actors.stores.wallet_profiles import Profile
from switch.api.credit_services import OwnDataServices
from switch.api.credit_shared import holder_shard, holders_wallet, is_holder, scenario_of, states
from switch.api.credit_wallets import published_card
from switch.api.route import Route
from switch.http.access import Access
from switch.http.auth import HOLDER
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.times import time_text
from switch.problems.table import ProblemError
from switch.views.credit import reasons_of
from switch.views.credit_orders import KINDS
from switch.views.credit_records import CreditDetails, CreditRecord, Item, has_text
from switch.views.credit_scores import ScoreAnswer, score_answer, score_of
from switch.views.events import CreditData, credit_data
from switch.views.representations import WalletAnswer, json_response, wallet_answer

DAY_S: Final = 86_400


class OwnCredit(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions read of a wallet: the published score and its subtotals, and counts of orders and disputes."""

    score: int | None
    subtotals: dict[str, int] | UnsetType = UNSET
    as_of: str | UnsetType = UNSET
    open: int
    overdue: int
    defaulted: int
    kept: int
    disputed: int


class OwnTexts(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside a credit record. `features`: what a score is of, in the order of its card."""

    number: str | UnsetType = UNSET
    introduction: str | UnsetType = UNSET
    items: list[Item] | UnsetType = UNSET
    discounts: list[Item] | UnsetType = UNSET
    features: list[int | float | str | None] | UnsetType = UNSET
    text: str | UnsetType = UNSET
    statement: str | UnsetType = UNSET


class OwnRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A credit record: `kind`, its fields as events have them and those that events leave out, the names of merchant and scenario, and the
    texts that are kept beside it. `score`: of a score."""

    kind: str
    at: str
    data: CreditData
    merchant: str | UnsetType = UNSET
    scenario: str | UnsetType = UNSET
    version: int | UnsetType = UNSET
    standing: bool | UnsetType = UNSET
    reasons: tuple[str, ...] | UnsetType = UNSET
    disputed: bool | UnsetType = UNSET
    order_kind: str | UnsetType = UNSET
    confirm_by: str | UnsetType = UNSET
    default_days: int | UnsetType = UNSET
    due_at: str | UnsetType = UNSET
    forward_by: str | UnsetType = UNSET
    details: OwnTexts | UnsetType = UNSET
    score: ScoreAnswer | UnsetType = UNSET


class LeftOut(msgspec.Struct, frozen=True):
    """Something that is held of a wallet beside the copy, and who shows it."""

    what: str
    where: str


LEFT_OUT: Final = (
    LeftOut(
        "The wallet's payments, with reference, metadata and how they were made.",
        "GET /v1/wallets/{id}/transfers and GET /v1/transfers/{id}, by a key with the scope read.",
    ),
    LeftOut(
        "What people wrote: notes on payments, reasons of list entries, snoozes and proposals, what calls of administrators sent.",
        "The operator of this switch.",
    ),
)
"""What an erasure erases, too, and the copy does not have."""


class DataAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a copy. `wallet`, `credit` and `left_out`: on the first one."""

    data: list[OwnRecord]
    has_more: bool
    next: str | None
    wallet: WalletAnswer | UnsetType = UNSET
    credit: OwnCredit | UnsetType = UNSET
    left_out: tuple[LeftOut, ...] | UnsetType = UNSET


async def copy_data(services: OwnDataServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/data?limit=&after=."""
    query = call.query()
    wallet = await holders_wallet(services, call)
    limit, scope = page_limit(query), f"data {wallet}"
    async with services.pages.place(call.principal.account):
        (state,) = await states(services, await holder_shard(services, wallet), [(wallet, 0, 0, 0)])
        if not is_holder(state["wallet"]):
            raise ProblemError("wallet_not_found")
        first = "after" not in query
        start = int(state["credit"]["head"]) if first else decode_cursor(services.secret, scope, query["after"])
        page = await services.credit_history.chain(start, limit)
        if any(each.record["payer"] != wallet for each in page.records) or bool(start) != bool(page.records):
            raise ProblemError("cursor_ahead")
        shown = DataAnswer(
            wallet=await _wallet(services, wallet) if first else UNSET,
            credit=await _credit(services, state["credit"]) if first else UNSET,
            left_out=LEFT_OUT if first else UNSET,
            data=await _records(services, wallet, page.records),
            has_more=page.next != 0,
            next=encode_cursor(services.secret, scope, page.next) if page.next else None,
        )
    return json_response(shown)


async def _wallet(services: OwnDataServices, wallet: int) -> WalletAnswer:
    profile = (await services.wallet_store.profiles([wallet])).get(wallet, Profile())
    return wallet_answer(encode_wallet(services.secret, wallet), await services.balance(wallet), profile, UNSET)


async def _credit(services: OwnDataServices, row: Any) -> OwnCredit:
    scored = bool(row["score"])
    has = await services.card_dimensions.of(int(row["card"])) if scored else frozenset()
    subtotals = zip(DIMENSIONS, row["subtotals"].tolist(), strict=True)
    return OwnCredit(
        score=int(row["score"]) or None,
        subtotals={name: points for name, points in subtotals if name in has} if scored else UNSET,
        as_of=time_text(int(row["as_of"])) if scored else UNSET,
        **{name: int(row[name]) for name in ("open", "overdue", "defaulted", "kept", "disputed")},
    )


async def _records(services: OwnDataServices, wallet: int, found: list[CreditRecord]) -> list[OwnRecord]:
    """Each with the names and ids of what it is about."""
    if not found:
        return []
    others = [each for each in found if each.record["kind"] != Kind.SCORE]
    named = {each.record["reference"] for each in others} | {each.record[TRANSFER_AT] for each in others}
    times = await services.history.record_times(sorted(named - {0}))
    accounts = await services.keys.accounts({each.record[ACCOUNT] for each in others})
    numbers = {each.record[SCENARIO] for each in others} - {0}
    loaded = {number: await services.scenarios.newest(number) for number in numbers}
    scenarios = {number: each.stored.name for number, each in loaded.items() if each is not None}
    shown = []
    for each in found:
        record, is_score = each.record, each.record["kind"] == Kind.SCORE
        published = score_of(record) if is_score else None
        shown.append(
            OwnRecord(
                kind=Kind(record["kind"]).name.lower(),
                at=time_text(record["record_time"]),
                data=credit_data(services.secret, each.address, record, times),
                merchant=UNSET if is_score else accounts.get(record[ACCOUNT], UNSET),
                scenario=UNSET if is_score else scenarios.get(record[SCENARIO], UNSET),
                **await _further(services, each),
                details=_texts(each.details),
                score=UNSET
                if published is None
                else score_answer(published, await published_card(services, int(published["card"]))),
            )
        )
    return shown


async def _further(services: OwnDataServices, found: CreditRecord) -> dict[str, Any]:
    """What a record says that its event leaves out, by field of OwnRecord."""
    record, kind = found.record, found.record["kind"]
    if kind == Kind.CONSENT_GRANTED:
        return {"version": record[SCENARIO_VERSION] or found.details.version, "standing": bool(record[STANDING])}
    if kind == Kind.INQUIRY:
        no = record[RESULT_OF_INQUIRY] == InquiryResult.NO
        reasons = reasons_of(record, (await scenario_of(services, found)).scenario) if no else UNSET
        return {"version": record[SCENARIO_VERSION], "disputed": bool(record[DISPUTED]), "reasons": reasons}
    if kind == Kind.ORDER_CREATED:
        return {
            "order_kind": KINDS[record[ORDER_KIND]],
            "confirm_by": time_text(record[CONFIRM_BY]) if record[CONFIRM_BY] else UNSET,
            "default_days": record[DEFAULT_AFTER] // DAY_S,
        }
    if kind == Kind.ORDER_ATTEMPT and record[DUE_AT]:
        return {"due_at": time_text(record[DUE_AT])}
    if kind == Kind.DISPUTE_OPENED and record[FORWARD_BY]:
        return {"forward_by": time_text(record[FORWARD_BY])}
    return {}


def _texts(details: CreditDetails) -> OwnTexts | UnsetType:
    if not has_text(details):
        return UNSET
    return OwnTexts(**{name: getattr(details, name) or UNSET for name in OwnTexts.__struct_fields__})


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/data",
        "A copy of a wallet's profile and of all its credit records, a page at a time.",
        HOLDER,
        Access.PARTY,
        copy_data,
        answer=DataAnswer,
        query=("limit", "after"),
        problems=frozenset({"wallet_not_found", "cursor_ahead"}),
        long=True,
    ),
)
