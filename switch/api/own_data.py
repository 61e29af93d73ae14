"""A copy of one's own data: all that the bureau holds about a wallet, a page at a time.

The first page has the wallet, its profile and what the shard keeps of its credit; every page has credit records, newest first, each field
by its name, with the texts that are kept beside it.
"""

from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.credit_layout import DIMENSIONS
from actors.records.ids import encode_wallet
from actors.records.layout import ACCOUNT, SCENARIO, TRANSFER_AT, Kind
from actors.stores.wallet_profiles import Profile
from switch.api.credit_services import OwnDataServices
from switch.api.credit_shared import holder_shard, holders_wallet, is_holder, states
from switch.api.credit_wallets import published_card
from switch.api.route import Route
from switch.http.access import Access
from switch.http.auth import HOLDER
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.times import time_text
from switch.problems.table import ProblemError
from switch.views.credit_records import CreditDetails, CreditRecord, Item, has_text
from switch.views.credit_scores import ScoreAnswer, score_answer, score_of
from switch.views.events import CreditData, credit_data
from switch.views.representations import WalletAnswer, json_response, wallet_answer


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
    """A credit record: `kind`, its fields as events have them, the names of merchant and scenario, and the texts that are kept beside it.
    `score`: of a score."""

    kind: str
    at: str
    data: CreditData
    merchant: str | UnsetType = UNSET
    scenario: str | UnsetType = UNSET
    details: OwnTexts | UnsetType = UNSET
    score: ScoreAnswer | UnsetType = UNSET


class DataAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a copy. `wallet` and `credit`: on the first one."""

    data: list[OwnRecord]
    has_more: bool
    next: str | None
    wallet: WalletAnswer | UnsetType = UNSET
    credit: OwnCredit | UnsetType = UNSET


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
            credit=_credit(state["credit"]) if first else UNSET,
            data=await _records(services, wallet, page.records),
            has_more=page.next != 0,
            next=encode_cursor(services.secret, scope, page.next) if page.next else None,
        )
    return json_response(shown)


async def _wallet(services: OwnDataServices, wallet: int) -> WalletAnswer:
    profile = (await services.wallet_store.profiles([wallet])).get(wallet, Profile())
    return wallet_answer(encode_wallet(services.secret, wallet), await services.balance(wallet), profile, UNSET)


def _credit(row: Any) -> OwnCredit:
    scored = bool(row["score"])
    return OwnCredit(
        score=int(row["score"]) or None,
        subtotals=dict(zip(DIMENSIONS, row["subtotals"].tolist(), strict=True)) if scored else UNSET,
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
                details=_texts(each.details),
                score=UNSET
                if published is None
                else score_answer(published, await published_card(services, int(published["card"]))),
            )
        )
    return shown


def _texts(details: CreditDetails) -> OwnTexts | UnsetType:
    if not has_text(details):
        return UNSET
    return OwnTexts(**{name: getattr(details, name) or UNSET for name in OwnTexts.__struct_fields__})


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/data",
        "A copy of all that the bureau holds about a wallet, a page at a time.",
        HOLDER,
        Access.PARTY,
        copy_data,
        answer=DataAnswer,
        query=("limit", "after"),
        problems=frozenset({"wallet_not_found", "cursor_ahead"}),
        long=True,
    ),
)
