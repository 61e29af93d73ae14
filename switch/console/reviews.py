"""Payments that wait for an analyst: decided, given, labelled, written about, by button or by key.

Decisions of credit that a person is to look at again wait on the same page.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from actors.records.layout import ReviewStatus
from switch.console.credit_reviews import waiting
from switch.console.labels import put_label
from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, unless
from switch.console.sessions import own_path
from switch.http.times import now_ms, time_text
from switch.problems.table import invalid_query

REVIEWS: Final = "/v1/reviews"
REVIEW: Final = f"{REVIEWS}/{{id}}"
APPROVE: Final = f"{REVIEW}/approve"
DECLINE: Final = f"{REVIEW}/decline"
ASSIGNEE: Final = f"{REVIEW}/assignee"
NOTES: Final = f"{REVIEW}/notes"
ANALYSTS: Final = "/v1/analysts"
WALLET: Final = "/v1/wallets/{id}"
PLACE: Final = "/console/reviews"
NO_WALLET: Final = frozenset({"wallet_not_found"})
STATUSES: Final = tuple(status.name.lower() for status in ReviewStatus)
ASSIGNED: Final = {"all": "All", "me": "Mine", "nobody": "Nobody's"}
DUE: Final = {"any": "Any time", "hour": "Within an hour", "day": "Within a day"}
_WITHIN: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
CASES: Final = "25"


async def reviews(visit: Visit) -> Shown:
    """GET /console/reviews?status=&assigned=&due=."""
    status = _one_of(visit, "status", STATUSES, "open")
    assigned, due = _one_of(visit, "assigned", ASSIGNED, "all"), _one_of(visit, "due", DUE, "any")
    only = {**({} if assigned == "all" else {"assigned": assigned}), **_due_before(due)}
    page, credit = await asyncio.gather(
        visit.get(REVIEWS, visit.page_query(status=status, limit=CASES, **only)),
        waiting(visit) if status == "open" else _nothing(),
    )
    sides = {case[side] for case in page["data"] for side in ("payer", "payee")}
    data = {
        "status": status,
        "statuses": STATUSES,
        "assigned": assigned,
        "assignments": ASSIGNED,
        "due": due,
        "spans": DUE,
        "reviews": page,
        "credit": credit,
        "wallets": await _wallets(visit, sorted(sides)),
        "done": visit.query.get("done"),
    }
    return View(template="reviews.html", title="Reviews", data=data)


def _one_of(visit: Visit, name: str, possible: Any, default: str) -> str:
    value = visit.query.get(name, default)
    if value not in possible:
        raise invalid_query(name, f"expected one of: {', '.join(possible)}")
    return value


def _due_before(span: str) -> dict[str, str]:
    if span not in _WITHIN:
        return {}
    moment = datetime.fromtimestamp(now_ms() / 1_000, UTC) + _WITHIN[span]
    return {"due_before": time_text(round(moment.timestamp() * 1_000))}


async def _nothing() -> None:
    return None


async def _wallets(visit: Visit, identities: list[str]) -> dict[str, Any]:
    """Wallets of the cases on a page by id, twice as many as cases at most: whose they are, and what they hold. Nothing for a key that may
    not read them."""
    if not visit.may("GET", WALLET):
        return {}
    found = await asyncio.gather(*(unless(NO_WALLET, visit.get(WALLET, id=each)) for each in identities))
    return {identity: each for identity, each in zip(identities, found, strict=True) if each is not None}


async def review(visit: Visit) -> Shown:
    """GET /console/reviews/{id}: one case, who works on it and what was written about it."""
    identity = visit.param("id")
    case, work, analysts = await asyncio.gather(
        visit.get(REVIEW, id=identity), visit.get(NOTES, id=identity), visit.get(ANALYSTS)
    )
    data = {
        "case": case,
        "notes": work["notes"],
        "analysts": analysts["data"],
        "wallets": await _wallets(visit, sorted({case["payer"], case["payee"]})),
        "done": visit.query.get("done"),
    }
    return View(template="review.html", title=f"Review {case['id'][-12:]}", data=data)


# What people do about a case.


async def decide(visit: Visit) -> Shown:
    """POST /console/reviews/{id}/{answer}: approve or decline."""
    answer = visit.param("answer")
    path = APPROVE if answer == "approve" else DECLINE
    await visit.send(Wanted(method="POST", path=path, params={"id": visit.param("id")}, body={}))
    return _back(visit, answer)


async def assign(visit: Visit) -> Shown:
    """POST /console/reviews/{id}/assignee: to oneself (`do` take), to nobody (let-go), or to whom `assignee` names."""
    action = visit.form.get("do", "give")
    names = {"take": visit.who.name, "let-go": None}
    assignee = names[action] if action in names else visit.form.get("assignee", "").strip()
    params = {"id": visit.param("id")}
    await visit.send(Wanted(method="PUT", path=ASSIGNEE, params=params, body={"assignee": assignee}))
    return _back(visit, action)


async def write_note(visit: Visit) -> Shown:
    """POST /console/reviews/{id}/notes."""
    body = {"text": visit.form.get("text", "").replace("\r\n", "\n").strip()}
    await visit.send(Wanted(method="POST", path=NOTES, params={"id": visit.param("id")}, body=body))
    return _back(visit, "note")


async def label(visit: Visit) -> Shown:
    """POST /console/reviews/{id}/label: fraud, not-fraud, or what is known is taken back."""
    name = visit.form.get("do", "")
    await put_label(visit, visit.param("id"), name)
    return _back(visit, name)


def _back(visit: Visit, done: str) -> Redirect:
    """Where the form was sent from, at the same case, saying what was done."""
    origin = own_path(visit.form.get("back", ""))
    path, _, text = (origin if origin.startswith(PLACE) else PLACE).partition("?")
    query = [(name, value) for name, value in parse_qsl(text) if name != "done"]
    return Redirect(f"{path}?{urlencode([*query, ('done', done)])}#case-{visit.param('id')}")


PAGES: Final = (
    Page("GET", "/console/reviews", reviews, query=("status", "assigned", "due", "after", "done")),
    Page("GET", "/console/reviews/{id}", review, query=("done",)),
    Page("POST", "/console/reviews/{id}/assignee", assign),
    Page("POST", "/console/reviews/{id}/notes", write_note),
    Page("POST", "/console/reviews/{id}/label", label),
    Page("POST", "/console/reviews/{id}/{answer:approve|decline}", decide),
)
