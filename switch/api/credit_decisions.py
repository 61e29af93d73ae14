"""Decisions of credit: the scenario answers a merchant, and the inquiry is recorded before.

Without a consent, for an unknown wallet and for one without a score the answer is the same, and so is the work: the holder's state is
read, the scenario is asked, and the inquiry is committed.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Collection
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from aiohttp import web
from msgspec import UNSET
from numpy.typing import NDArray

from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_STATE, Cause, InquiryResult
from actors.records.ids import decode_wallet, uuid_bytes
from actors.records.layout import (
    ACCOUNT,
    CAUSE,
    DISPUTED,
    GRANTED,
    OPERATOR_KINDS,
    RESULT_OF_INQUIRY,
    SCORE_SEEN,
    Kind,
    WalletStatus,
)
from rules.vocabulary.columns import DAY_MS, NULL
from rules.vocabulary.credit import BAND_EDGES, CREDIT_INDEX, DIMENSIONS
from rules.vocabulary.currencies import ALPHA
from switch.api.credit_reviews import OVERTURNED, cases_of, overturned
from switch.api.credit_services import DecisionServices
from switch.api.credit_shared import (
    body_hash,
    callers_fields,
    holders_wallet,
    record_named,
    recorded,
    scenario_of,
    states,
    submit,
)
from switch.api.route import KEY, WRITE, Route
from switch.api.scenario_catalogue import LoadedScenario
from switch.api.scenarios import scenario_named
from switch.gateway.credit_queue import CreditAnswer, CreditRow, row_of
from switch.http.access import Access, may_ask
from switch.http.auth import HOLDER, MERCHANT, PARTIES
from switch.http.call import Call, page_limit
from switch.http.cursors import decode_cursor, encode_cursor
from switch.http.decoding import CREDIT_QUESTION, decode
from switch.http.schema import CreditQuestion
from switch.http.times import now_ms
from switch.problems.table import NUMBERS, ProblemError, invalid_field
from switch.views.credit import DecisionAnswer, InquiryAnswer, decision_answer, inquiry_answer
from switch.views.credit_records import CreditDetails, CreditRecord
from switch.views.representations import json_response

HOUR_MS: Final = 3_600_000
MONTH_MS: Final = 30 * DAY_MS
OPERATOR_NUMBERS: Final = frozenset(map(int, OPERATOR_KINDS))
NOBODY: Final = 1 << 60
"""From here on lie numbers that keys about ids of nobody are bound to; no wallet has such an address."""
_NO_DETAILS: Final = CreditDetails()
_NOT_AVAILABLE, _YES, _NO = (int(result) for result in InquiryResult)
_DECIDED: Final = int(Cause.DECIDED)
_CLOSED: Final = int(WalletStatus.CLOSED)


class InquiryList(msgspec.Struct, frozen=True):
    """A page of questions about a wallet, newest first."""

    data: list[InquiryAnswer]
    has_more: bool
    next: str | None


class _Asked(NamedTuple):
    """A question on its way. `holder`: address of the wallet, 0 for one of nobody; `home`: what the key is bound to in either case."""

    loaded: LoadedScenario
    account: int
    amount: int
    holder: int
    home: int
    shard: int


class _State(NamedTuple):
    """What a decision rests on, of a CREDIT_STATE row: each field is named after its table there and the table's field."""

    wallet_currency: int
    wallet_kind: int
    wallet_status: int
    wallet_tier: int
    wallet_opened: int
    credit_head: int
    credit_as_of: int
    credit_card: int
    credit_score: int
    credit_subtotals: NDArray[np.int16]
    credit_open: int
    credit_overdue: int
    credit_defaulted: int
    credit_kept: int
    credit_disputed: int
    consent_holder: int
    consent_record: int
    consent_version: int
    writer: int


def _laid_out(name: str) -> tuple[Any, int]:
    """Dtype and offset of a field of `_State` in CREDIT_STATE."""
    dtype, offset = CREDIT_STATE, 0
    for part in filter(None, name.partition("_")[::2]):
        assert dtype.fields is not None
        dtype, further = dtype.fields[part][:2]
        offset += further
    return dtype, offset


_STATE: Final = np.dtype(
    {
        "names": list(_State._fields),
        "formats": [_laid_out(name)[0] for name in _State._fields],
        "offsets": [_laid_out(name)[1] for name in _State._fields],
        "itemsize": CREDIT_STATE.itemsize,
    }
)
"""The same memory as CREDIT_STATE; all fields are read at once: one by one each costs as much as all."""


async def decide(services: DecisionServices, call: Call) -> web.Response:
    """POST /v1/credit/decisions."""
    deadline, key = services.deadline(), call.key_or_random()
    body = decode(CREDIT_QUESTION, await call.json_body(services.limits.json_bytes_max))
    asked = await _asked(services, call, body)
    digest = body_hash(body.wallet.lower(), body.scenario, 0 if body.amount is UNSET else body.amount)
    first = callers_fields(Kind.INQUIRY, call.principal, key, digest)
    sent = first | await _decided(services, asked)

    async def decided_again(_row: CreditRow, _answer: CreditAnswer) -> CreditRow:
        """Something was recorded of the holder since the look, or another process has taken over its shard."""
        nonlocal sent
        sent = first | await _decided(services, asked)
        return row_of(sent)

    answer = await submit(services, asked.shard, row_of(sent), None, deadline, decided_again)
    if answer.code != Code.OK:
        raise ProblemError(NUMBERS[answer.code], headers=_when_again(answer.code))
    found = await recorded(services, answer, digest) if answer.replayed else _made(sent, answer)
    loaded = await scenario_of(services, found)
    shown = decision_answer(services.secret, found, loaded.scenario)
    headers = {"Location": f"/v1/credit/decisions/{shown.receipt}"}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return json_response(shown, 201, headers)


def _when_again(code: int) -> dict[str, str]:
    """What a merchant may ask of a wallet is counted anew each day (UTC); other refusals are over sooner."""
    left_ms = DAY_MS - now_ms() % DAY_MS
    return {"Retry-After": str(1 + left_ms // 1_000)} if code == Code.TOO_MANY_DECISIONS else {}


async def _asked(services: DecisionServices, call: Call, body: CreditQuestion) -> _Asked:
    raw = uuid_bytes(body.wallet)
    if raw is None:
        raise invalid_field("wallet", "a wallet id (UUID) is expected")
    loaded = await scenario_named(services, body.scenario)
    if not may_ask(call.principal, body.scenario):
        raise ProblemError("forbidden", f"The account of this key may not ask in the scenario {body.scenario}.")
    holder = decode_wallet(services.secret, body.wallet)
    shard = await services.topology.owner_of(holder) if holder else -1
    amount = 0 if body.amount is UNSET else body.amount
    if shard >= 0:
        return _Asked(loaded, call.principal.account, amount, holder, holder, shard)
    nobody = NOBODY | int.from_bytes(hashlib.blake2b(raw, digest_size=7).digest(), "little")
    return _Asked(loaded, call.principal.account, amount, 0, nobody, nobody % services.topology.shards)


async def _state(services: DecisionServices, asked: _Asked) -> _State:
    """The holder's state. A consent to an older version that used less data is none, but for its version."""
    stored = asked.loaded.stored
    question = (asked.holder, 0, asked.account, stored.number)
    found = await states(services, asked.shard, [question], to_record=True)
    state = _State._make(found.view(_STATE)[0].item())
    if not await services.scenarios.is_covered(asked.loaded, state.consent_version):
        return state._replace(consent_holder=0, consent_record=0)
    return state


async def _decided(services: DecisionServices, asked: _Asked) -> dict[str, int]:
    """Fields of what is decided on the holder's state. The scenario is asked in any case, so that each answer takes as long; which
    dimensions a card has is looked up only for who is told yes or no: the first time of a card takes longer."""
    state = await _state(services, asked)
    terms, now, score = asked.loaded.scenario.terms, now_ms(), state.credit_score
    cap = terms.cap.get(ALPHA.get(state.wallet_currency, ""), 0)
    cause = _why_not(state, cap)
    has = await services.card_dimensions.of(state.credit_card) if cause == _DECIDED else frozenset()
    (outcome,) = asked.loaded.evaluator.evaluate(_columns(asked, state, cap, now, has)).tolist()
    granted, reasons, yes = outcome
    exists = not _is_nobody(state)
    result = _NOT_AVAILABLE
    if cause == _DECIDED:
        result = _YES if yes else _NO
        cause = _DECIDED if yes or reasons else int(Cause.NOTHING_GRANTED)
    return {
        "kind": result,
        "cause": cause,
        "scenario": asked.loaded.stored.number,
        "version": asked.loaded.stored.version,
        "open_max": terms.decisions,
        "holder": asked.holder if exists else 0,
        "home": asked.home,
        "seen": state.credit_head
        if result
        else -1,  # else never looked at again: that would take longer where there is a wallet
        "writer": state.writer,
        "amount": asked.amount,
        "points": score if result else 0,
        "granted": granted if result == _YES else 0,
        "reasons": reasons if result == _NO else 0,
        "reference": state.consent_record if exists else 0,
        "standing": int(bool(result) and state.credit_disputed > 0),
        "expiry": now + terms.receipt_hours * HOUR_MS,
    }


def _why_not(state: _State, cap: int) -> int:
    """Why a question is not answered, `_DECIDED` when it is."""
    if _is_nobody(state) or state.wallet_status == _CLOSED:
        return int(Cause.NO_WALLET)
    if not state.consent_holder:
        return int(Cause.CONSENT_OUTDATED if state.consent_version else Cause.NO_CONSENT)
    if not state.credit_score:
        return int(Cause.NOT_SCORED)
    return _DECIDED if cap else int(Cause.NOT_OFFERED)


def _is_nobody(state: _State) -> bool:
    return state.wallet_currency == 0 or state.wallet_kind in OPERATOR_NUMBERS


def _columns(asked: _Asked, state: _State, cap: int, now: int, has: Collection[str]) -> Any:
    """CREDIT_COLUMNS (1, columns) of a holder's state; `has`: the dimensions of the score's card."""
    subtotals = zip(DIMENSIONS, state.credit_subtotals.tolist(), strict=True)
    known = {
        "amount": asked.amount if asked.amount else NULL,
        "cap": cap,
        "currency": state.wallet_currency,
        "score": state.credit_score,
        "band": 1 + bisect_right(BAND_EDGES, state.credit_score),
        "score_age_days": max(0, now - state.credit_as_of) // DAY_MS,
        **{name: points if name in has else NULL for name, points in subtotals},
        "open_orders": state.credit_open,
        "overdue_orders": state.credit_overdue,
        "defaulted_orders": state.credit_defaulted,
        "kept_orders": state.credit_kept,
        "tier": state.wallet_tier,
        "months_on_book": max(0, now - state.wallet_opened) // MONTH_MS,
        "disputed": int(state.credit_disputed != 0),
    }
    return np.array([[known[name] for name in CREDIT_INDEX]], np.int64)


def _made(sent: dict[str, int], answer: CreditAnswer) -> CreditRecord:
    """The record that these fields became, without asking the journal again."""
    record = {
        "kind": int(Kind.INQUIRY),
        "payer": sent["holder"],
        ACCOUNT: sent["account"],
        "pack": sent["scenario"],
        "country": sent["version"],
        "amount": sent["amount"],
        GRANTED: sent["granted"],
        RESULT_OF_INQUIRY: sent["kind"],
        CAUSE: sent["cause"],
        DISPUTED: sent["standing"],
        SCORE_SEEN: sent["points"],
        "reasons": sent["reasons"],
        "reference": sent["reference"],
        "expiry": sent["expiry"],
        "record_time": answer.record_time,
    }
    return CreditRecord(answer.address, record, _NO_DETAILS)


# Asking afterwards.


async def get_decision(services: DecisionServices, call: Call) -> web.Response:
    """GET /v1/credit/decisions/{receipt}: the merchant's view, or the holder's with causes and notice."""
    call.query()
    found = await record_named(services, call.request.match_info["receipt"], "receipt_not_found", Kind.INQUIRY)
    holder = found.record["payer"]
    if holder and await services.access.holds(call.principal, holder):
        (shown,) = await _for_holder(services, [found])
        return json_response(msgspec.structs.replace(shown, **await cases_of(services, found)))
    if "merchant" not in call.principal.scopes or found.record[ACCOUNT] != call.principal.account:
        raise ProblemError("receipt_not_found")
    loaded = await scenario_of(services, found)
    answered = decision_answer(services.secret, found, loaded.scenario)
    if await overturned(services, found):
        answered = msgspec.structs.replace(answered, review=OVERTURNED)
    return json_response(answered)


async def _for_holder(services: DecisionServices, found: list[CreditRecord]) -> list[InquiryAnswer]:
    accounts = await services.keys.accounts(each.record[ACCOUNT] for each in found)
    consents = await services.credit_history.many(sorted({each.record["reference"] for each in found} - {0}))
    by_address = {each.address: each for each in consents}
    shown = []
    for each in found:
        loaded = await scenario_of(services, each)
        merchant = accounts.get(each.record[ACCOUNT], "")
        consent = by_address.get(each.record["reference"])
        shown.append(inquiry_answer(services.secret, each, loaded.stored, loaded.scenario, merchant, consent))
    return shown


async def list_inquiries(services: DecisionServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/credit/inquiries?limit=&after=."""
    query = call.query()
    wallet = await holders_wallet(services, call)
    limit, scope = page_limit(query), f"inquiries {wallet}"
    before = decode_cursor(services.secret, scope, query["after"]) if "after" in query else 0
    page = await services.credit_history.of_wallet(wallet, Kind.INQUIRY, before, limit + 1)
    data = await _for_holder(services, page[:limit])
    more = len(page) > limit
    following = encode_cursor(services.secret, scope, page[limit - 1].address) if more else None
    return json_response(InquiryList(data, more, following))


ROUTES: Final = (
    Route(
        "POST",
        "/v1/credit/decisions",
        "Ask whether a scenario says yes to a holder, with the holder's consent.",
        MERCHANT,
        Access.PARTY,
        decide,
        answer=DecisionAnswer,
        bodies=(CreditQuestion,),
        problems=KEY | WRITE | {"scenario_not_found"},
    ),
    Route(
        "GET",
        "/v1/credit/decisions/{receipt}",
        "A decision as its merchant was answered; the holder sees causes and notice.",
        PARTIES,
        Access.PARTY,
        get_decision,
        answer=InquiryAnswer | DecisionAnswer,
        problems=frozenset({"receipt_not_found"}),
    ),
    Route(
        "GET",
        "/v1/wallets/{id}/credit/inquiries",
        "Everybody who asked about a wallet, and what they were answered, newest first.",
        HOLDER,
        Access.PARTY,
        list_inquiries,
        answer=InquiryList,
        query=("limit", "after"),
        problems=frozenset({"wallet_not_found"}),
    ),
)
