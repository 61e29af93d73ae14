"""Consents: a holder lets a merchant ask in one scenario until a time, and ends it with one call."""

from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from actors.records.codes import Code
from actors.records.layout import ACCOUNT, SCENARIO, Kind
from models.wording import counted
from rules.vocabulary.columns import DAY_MS
from rules.vocabulary.currencies import ALPHA
from rules.vocabulary.times import time_ms
from switch.api.credit_services import ConsentServices
from switch.api.credit_shared import (
    NO_MERCHANT,
    body_hash,
    credit_row,
    holder_shard,
    is_holder,
    own_wallet,
    record_named,
    recorded,
    scenario_of,
    states,
    submit,
    wallet_address,
)
from switch.api.route import KEY, WRITE, Route, named
from switch.api.scenario_catalogue import LoadedScenario
from switch.api.scenarios import scenario_named
from switch.http.access import Access
from switch.http.auth import HOLDER, PARTIES
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.decoding import NEW_CONSENT, decode
from switch.http.schema import NewConsent
from switch.http.times import now_ms
from switch.problems.table import NUMBERS, ProblemError, invalid_field, invalid_query
from switch.views.credit import ConsentAnswer, consent_answer
from switch.views.credit_records import CreditDetails, CreditRecord, credit_details
from switch.views.representations import json_response, recorded_response


class ConsentList(msgspec.Struct, frozen=True):
    """A page of consents, newest first."""

    data: list[ConsentAnswer]
    has_more: bool
    next: str | None


async def create_consent(services: ConsentServices, call: Call) -> web.Response:
    """POST /v1/consents."""
    deadline, key = services.deadline(), call.key_or_random()
    body = decode(NEW_CONSENT, await call.json_body(services.limits.json_bytes_max))
    wallet = await own_wallet(services, call.principal, body.wallet)
    shard = await holder_shard(services, wallet)
    loaded = await scenario_named(services, body.scenario)
    merchant = await services.merchants.get(body.merchant)
    if merchant is None:
        raise invalid_field("merchant", NO_MERCHANT)
    cap = 0 if body.standing is UNSET else body.standing.cap
    digest = body_hash(body.wallet.lower(), body.scenario, body.merchant, body.expires_at, cap)
    row = credit_row(Kind.CONSENT_GRANTED, call.principal, key, digest)
    row["account"], row["scenario"], row["holder"], row["home"] = merchant, loaded.stored.number, wallet, wallet
    row["expiry"], row["amount"], row["standing"] = _end(body, loaded), cap, cap > 0
    row["version"] = loaded.stored.version
    if cap:
        await _check_standing(services, shard, wallet, cap, loaded)
    details = credit_details(CreditDetails(version=loaded.stored.version))
    answer = await submit(services, shard, row, details, deadline)
    found = await recorded(services, answer, digest)
    (shown,) = await _shown(services, [found])
    return recorded_response("/v1/consents", shown, replayed=answer.replayed)


def _end(body: NewConsent, loaded: LoadedScenario) -> int:
    """When the consent ends. A repeat may come when that is over: its shard knows, so only what could never be is refused here."""
    try:
        end = time_ms(body.expires_at)
    except ValueError as error:
        raise invalid_field("expires_at", str(error)) from None
    days = loaded.scenario.terms.consent_days
    if end > now_ms() + days * DAY_MS:
        raise invalid_field("expires_at", f"a consent in this scenario lasts {counted(days, 'day')} at most")
    return end


async def _check_standing(services: ConsentServices, shard: int, wallet: int, cap: int, loaded: LoadedScenario) -> None:
    terms = loaded.scenario.terms
    if not terms.standing:
        raise invalid_field("standing", "orders of this scenario are confirmed one by one")
    (state,) = await states(services, shard, [(wallet, 0, 0, 0)])
    if not is_holder(state["wallet"]):
        raise ProblemError("wallet_not_found")
    most = terms.cap.get(ALPHA[int(state["wallet"]["currency"])], 0)
    if cap > most:
        raise invalid_field("standing.cap", f"at most {most}, the scenario's cap in the wallet's currency")


async def list_consents(services: ConsentServices, call: Call) -> web.Response:
    """GET /v1/consents?wallet=&limit=&after=: all of a holder's wallet, or those given to the merchant who asks."""
    query = call.query()
    if "wallet" not in query and "merchant" not in call.principal.scopes:
        raise invalid_query("wallet", "the parameter is needed")
    wallet = wallet_address(services, query["wallet"]) if "wallet" in query else 0
    holder = wallet != 0 and await services.access.holds(call.principal, wallet)
    if not holder and "merchant" not in call.principal.scopes:
        raise ProblemError("wallet_not_found")
    account, limit = call.principal.account, page_limit(query)
    scope = f"consents {wallet} {holder} {account}"
    before = decode_cursor(services.secret, scope, query["after"]) if "after" in query else 0
    history = services.credit_history
    if "wallet" in query:
        only = None if holder else account
        page = await history.of_wallet(wallet, Kind.CONSENT_GRANTED, before, limit + 1, only)
    else:
        page = await history.of_account(account, Kind.CONSENT_GRANTED, before, limit + 1)
    data = await _shown(services, page[:limit])
    more = len(page) > limit
    following = encode_cursor(services.secret, scope, page[limit - 1].address) if more else None
    return json_response(ConsentList(data, more, following))


async def get_consent(services: ConsentServices, call: Call) -> web.Response:
    """GET /v1/consents/{id}."""
    call.query()
    found = await _own(services, call, "merchant" in call.principal.scopes)
    (shown,) = await _shown(services, [found])
    return json_response(shown)


async def end_consent(services: ConsentServices, call: Call) -> web.Response:
    """DELETE /v1/consents/{id}: ended for good, however often it is sent."""
    deadline = services.deadline()
    found = await _own(services, call, False)
    record = found.record
    digest = body_hash(found.address)
    row = credit_row(Kind.CONSENT_WITHDRAWN, call.principal, call.key_or_random(), digest)
    row["account"], row["scenario"], row["reference"] = record[ACCOUNT], record[SCENARIO], found.address
    row["holder"] = row["home"] = record["payer"]
    answer = await submit(services, await holder_shard(services, record["payer"]), row, None, deadline)
    if answer.code not in (Code.OK, Code.CONSENT_NOT_FOUND):
        raise ProblemError(NUMBERS[answer.code])
    if answer.replayed:  # Whoever used the key for something else must not believe that the consent has ended.
        await recorded(services, answer, digest)
    (shown,) = await _shown(services, [found])
    return json_response(shown)


async def _own(services: ConsentServices, call: Call, as_merchant: bool) -> CreditRecord:
    """The consent whose id is in the path, if the caller is its holder, or its merchant where that is enough. Raises ProblemError
    consent_not_found."""
    found = await record_named(services, call.request.match_info["id"], "consent_not_found", Kind.CONSENT_GRANTED)
    mine = as_merchant and found.record[ACCOUNT] == call.principal.account
    if not mine and not await services.access.holds(call.principal, found.record["payer"]):
        raise ProblemError("consent_not_found")
    return found


async def _shown(services: ConsentServices, found: list[CreditRecord]) -> list[ConsentAnswer]:
    if not found:
        return []
    accounts = await services.keys.accounts(each.record[ACCOUNT] for each in found)
    statuses = await _statuses(services, found)
    shown = []
    for each in found:
        loaded = await scenario_of(services, each)
        merchant, status = accounts.get(each.record[ACCOUNT], ""), statuses[each.address]
        shown.append(consent_answer(services.secret, each, loaded.stored, loaded.scenario, merchant, status))
    return shown


async def _statuses(services: ConsentServices, found: list[CreditRecord]) -> dict[int, str]:
    """How consents stand, by address: the shard knows which is live, the journal which was withdrawn, the scenario whether its data have
    become more."""
    by_shard: dict[int, list[CreditRecord]] = {}
    for each in found:
        by_shard.setdefault(await holder_shard(services, each.record["payer"]), []).append(each)
    live: dict[int, int] = {}
    for shard, group in by_shard.items():
        questions = [(each.record["payer"], 0, each.record[ACCOUNT], each.record[SCENARIO]) for each in group]
        consents = (await states(services, shard, questions))["consent"]
        live.update(zip(consents["record"].tolist(), consents["version"].tolist(), strict=True))
    over = [each for each in found if each.address not in live]
    withdrawn = await services.credit_history.withdrawn(each.address for each in over) if over else frozenset()
    now, statuses = now_ms(), {}
    for each in found:
        newest = await services.scenarios.newest(each.record[SCENARIO])
        covered = newest is None or await services.scenarios.is_covered(newest, live.get(each.address, 0))
        statuses[each.address] = "active" if covered else "outdated"
    for each in over:
        ended = "expired" if each.record["expiry"] <= now else "replaced"
        statuses[each.address] = "withdrawn" if each.address in withdrawn else ended
    return statuses


_GRANTING: Final = (
    KEY
    | WRITE
    | {"scenario_not_found", "wallet_not_found"}
    | named(Code.CONSENTS_FULL, Code.INVALID_REQUEST, Code.TOO_MANY_CONSENTS, Code.WALLET_CLOSED)
)

ROUTES: Final = (
    Route(
        "POST",
        "/v1/consents",
        "Let a merchant ask about a wallet in one scenario, until a time.",
        HOLDER,
        Access.PARTY,
        create_consent,
        answer=ConsentAnswer,
        bodies=(NewConsent,),
        problems=_GRANTING,
    ),
    Route(
        "GET",
        "/v1/consents",
        "List a wallet's consents, or those given to the merchant who asks.",
        PARTIES,
        Access.PARTY,
        list_consents,
        answer=ConsentList,
        query=("wallet", "limit", "after"),
        problems=frozenset({"invalid_field", "wallet_not_found"}),
    ),
    Route(
        "GET",
        "/v1/consents/{id}",
        "A consent.",
        PARTIES,
        Access.PARTY,
        get_consent,
        answer=ConsentAnswer,
        problems=frozenset({"consent_not_found", "wallet_not_found"}),
    ),
    Route(
        "DELETE",
        "/v1/consents/{id}",
        "End a consent, at once and for good.",
        HOLDER,
        Access.PARTY,
        end_consent,
        answer=ConsentAnswer,
        problems=KEY | WRITE | {"consent_not_found", "wallet_not_found"},
    ),
)
