"""Payments that wait for an analyst: the soonest due first, decided by button or by key."""

import asyncio
from typing import Any, Final

from actors.records.layout import ReviewStatus
from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, unless
from switch.problems.table import invalid_query

REVIEWS: Final = "/v1/reviews"
APPROVE: Final = "/v1/reviews/{id}/approve"
DECLINE: Final = "/v1/reviews/{id}/decline"
WALLET: Final = "/v1/wallets/{id}"
NO_WALLET: Final = frozenset({"wallet_not_found"})
STATUSES: Final = tuple(status.name.lower() for status in ReviewStatus)
CASES: Final = "25"


async def reviews(visit: Visit) -> Shown:
    """GET /console/reviews."""
    status = visit.query.get("status", "open")
    if status not in STATUSES:
        raise invalid_query("status", f"expected one of: {', '.join(STATUSES)}")
    page = await visit.get(REVIEWS, visit.page_query(status=status, limit=CASES))
    sides = {case[side] for case in page["data"] for side in ("payer", "payee")}
    data = {
        "status": status,
        "statuses": STATUSES,
        "reviews": page,
        "wallets": await _wallets(visit, sorted(sides)),
        "done": visit.query.get("done"),
    }
    return View(template="reviews.html", title="Reviews", data=data)


async def _wallets(visit: Visit, identities: list[str]) -> dict[str, Any]:
    """Wallets of the cases on a page by id, twice as many as cases at most: whose they are, and what they hold. Nothing for a key that may
    not read them."""
    if not visit.may("GET", WALLET):
        return {}
    found = await asyncio.gather(*(unless(NO_WALLET, visit.get(WALLET, id=each)) for each in identities))
    return {identity: each for identity, each in zip(identities, found, strict=True) if each is not None}


async def decide(visit: Visit) -> Shown:
    """POST /console/reviews/{id}/{answer}."""
    answer = visit.param("answer")
    path = APPROVE if answer == "approve" else DECLINE
    await visit.send(Wanted(method="POST", path=path, params={"id": visit.param("id")}, body={}))
    return Redirect(f"/console/reviews?done={answer}")


PAGES: Final = (
    Page("GET", "/console/reviews", reviews, query=("status", "after", "done")),
    Page("POST", "/console/reviews/{id}/{answer:approve|decline}", decide),
)
