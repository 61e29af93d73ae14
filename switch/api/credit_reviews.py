"""Human review of a decision: the holder asks by the receipt, a named analyst answers in words.

A review has a time by which it is due; being late, it stays open for all to see.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from actors.records.codes import Code
from actors.records.credit_layout import Resolution
from actors.records.layout import ACCOUNT, SCENARIO, Kind
from rules.vocabulary.columns import DAY_MS
from switch.api.credit_cases import (
    Opening,
    case_of_party,
    case_to_decide,
    disputes_of,
    go_on,
    open_case,
    page_of_cases,
    related,
)
from switch.api.credit_services import DecisionServices
from switch.api.credit_shared import record_named
from switch.api.route import KEY, WRITE, Route, named
from switch.http.access import Access
from switch.http.auth import ANALYST, HOLDER, PARTIES
from switch.http.call import Call
from switch.http.decoding import NEW_REVIEW, REVIEW_OUTCOME, decode
from switch.http.schema import NewReview, ReviewOutcome
from switch.http.times import now_ms
from switch.problems.table import ProblemError
from switch.views.credit_cases import OUTCOMES, CreditReviewAnswer, review_answer
from switch.views.credit_records import CreditDetails, CreditRecord
from switch.views.representations import json_response, recorded_response

_NUMBERS: Final = {name: number for number, name in OUTCOMES.items()}
OVERTURNED: Final = OUTCOMES[Resolution.OVERTURNED]


class CreditReviewList(msgspec.Struct, frozen=True):
    """A page of reviews: of a wallet or a merchant newest first, those that wait for an analyst oldest first."""

    data: list[CreditReviewAnswer]
    has_more: bool
    next: str | None


async def create_review(services: DecisionServices, call: Call) -> web.Response:
    """POST /v1/credit/reviews."""
    deadline, key = services.deadline(), call.key_or_random()
    body = decode(NEW_REVIEW, await call.json_body(services.limits.json_bytes_max))
    if not services.law.human_review:
        raise ProblemError("forbidden", "This switch offers no review of decisions: `credit.human_review` is off.")
    receipt = await record_named(services, body.receipt, "receipt_not_found", Kind.INQUIRY)
    record = receipt.record
    if not record["payer"] or not await services.access.holds(call.principal, record["payer"]):
        raise ProblemError("receipt_not_found")
    due = now_ms() + services.law.review_days * DAY_MS
    asked = Opening(Kind.CREDIT_REVIEW_OPENED, receipt, record[ACCOUNT], record[SCENARIO], body.text, due)
    answer = await open_case(services, call, asked, key, deadline)
    (opened,) = await services.credit_history.many([answer.address])
    return await _answered(services, opened, answer.replayed, 201)


async def _answered(
    services: DecisionServices, opened: CreditRecord, replayed: bool, status: int = 200
) -> web.Response:
    (shown,) = await _shown(services, [opened])
    return recorded_response("/v1/credit/reviews", shown, replayed=replayed, status=status)


async def _shown(services: DecisionServices, found: Sequence[CreditRecord]) -> list[CreditReviewAnswer]:
    if not found:
        return []
    now = now_ms()
    steps, receipts, accounts = await related(services, found, (Kind.CREDIT_REVIEW_RESOLVED,))
    return [
        review_answer(services.secret, each, steps[each.address], receipts[each.record["reference"]], accounts, now)
        for each in found
    ]


async def list_credit_reviews(services: DecisionServices, call: Call) -> web.Response:
    """GET /v1/credit/reviews?wallet=&limit=&after=."""
    page = await page_of_cases(services, call, Kind.CREDIT_REVIEW_OPENED)
    return json_response(CreditReviewList(await _shown(services, page.found), page.next is not None, page.next))


async def get_credit_review(services: DecisionServices, call: Call) -> web.Response:
    """GET /v1/credit/reviews/{id}."""
    return await _answered(services, await case_of_party(services, call, Kind.CREDIT_REVIEW_OPENED), False)


async def resolve_review(services: DecisionServices, call: Call) -> web.Response:
    """POST /v1/credit/reviews/{id}/resolve: by an analyst, with the reason in words."""
    body = decode(REVIEW_OUTCOME, await call.json_body(services.limits.json_bytes_max))
    opened = await case_to_decide(services, call, Kind.CREDIT_REVIEW_OPENED)
    details = CreditDetails(text=body.text)
    answer = await go_on(services, call, Kind.CREDIT_REVIEW_RESOLVED, opened, details, kind=_NUMBERS[body.outcome])
    return await _answered(services, opened, answer.replayed)


async def overturned(services: DecisionServices, receipt: CreditRecord) -> bool:
    """Whether a person decided otherwise than this inquiry."""
    opened = (await services.credit_history.about_of_kinds([receipt.address], (Kind.CREDIT_REVIEW_OPENED,)))[
        receipt.address
    ]
    return any(each.status == OVERTURNED for each in await _shown(services, opened))


async def cases_of(services: DecisionServices, receipt: CreditRecord) -> dict[str, Any]:
    """What the holder sees of disputes and a review of a decision, by field."""
    kinds = (Kind.DISPUTE_OPENED, Kind.CREDIT_REVIEW_OPENED)
    cases = (await services.credit_history.about_of_kinds([receipt.address], kinds))[receipt.address]
    reviews = await _shown(services, [each for each in cases if each.record["kind"] == Kind.CREDIT_REVIEW_OPENED])
    disputes = (await disputes_of(services, [receipt.address]))[receipt.address]
    return {"disputes": disputes or UNSET, "review": reviews[0] if reviews else UNSET}


ROUTES: Final = (
    Route(
        "POST",
        "/v1/credit/reviews",
        "Ask that a person looks at a decision again.",
        HOLDER,
        Access.PARTY,
        create_review,
        answer=CreditReviewAnswer,
        bodies=(NewReview,),
        problems=KEY | WRITE | {"case_exists", "receipt_not_found", "wallet_not_found"} | named(Code.CASES_FULL),
    ),
    Route(
        "GET",
        "/v1/credit/reviews",
        "List reviews of decisions: of a wallet, of a merchant's, or all that are open.",
        PARTIES | ANALYST,
        Access.PARTY,
        list_credit_reviews,
        answer=CreditReviewList,
        query=("wallet", "limit", "after"),
        problems=frozenset({"invalid_field", "wallet_not_found"}),
    ),
    Route(
        "GET",
        "/v1/credit/reviews/{id}",
        "A review of a decision: when it is due, and what was answered.",
        PARTIES | ANALYST,
        Access.PARTY,
        get_credit_review,
        answer=CreditReviewAnswer,
        problems=frozenset({"case_not_found"}),
    ),
    Route(
        "POST",
        "/v1/credit/reviews/{id}/resolve",
        "Answer a review: the decision is upheld or overturned, with the reason.",
        ANALYST,
        Access.REFUSED,
        resolve_review,
        answer=CreditReviewAnswer,
        bodies=(ReviewOutcome,),
        problems=KEY | WRITE | {"case_not_found", "wallet_not_found"} | named(Code.CASE_NOT_OPEN),
    ),
)
