"""Decisions of credit that a person is to look at again: when each is due, upheld or overturned."""

from functools import partial
from typing import Any, Final

from switch.console.credit import listed
from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, with_problem
from switch.problems.table import ProblemError

REVIEWS: Final = "/v1/credit/reviews"
REVIEW: Final = f"{REVIEWS}/{{id}}"
RESOLVE: Final = f"{REVIEW}/resolve"
DECISION: Final = "/v1/credit/decisions/{receipt}"
OUTCOMES: Final = ("upheld", "overturned")
WAITING: Final = "10"
"""Of those on the page of all reviews."""
SHOWN_ON_PAGE: Final = frozenset({"invalid_field"})


async def waiting(visit: Visit) -> Any:
    """The oldest ones that are open; None where the key answers none."""
    return await visit.get(REVIEWS, {"limit": WAITING}) if visit.may("POST", RESOLVE) else None


async def credit_reviews(visit: Visit) -> Shown:
    """GET /console/credit-reviews?wallet=."""
    page = await listed(visit, REVIEWS)
    data = {"page": page, "wallet": visit.query.get("wallet", "").strip()}
    return View(template="credit_reviews.html", title="Reviews of decisions", data=data)


async def credit_review(visit: Visit) -> Shown:
    """GET /console/credit-reviews/{id}."""
    return await _shown(visit, done=visit.query.get("done"))


async def _shown(visit: Visit, **more: Any) -> View:
    found = await visit.get(REVIEW, id=visit.param("id"))
    data = {
        "review": found,
        "open": found["status"] == "open",
        "outcomes": OUTCOMES,
        "timeline": timeline(found),
        "problem": None,
        "done": None,
        **more,
    }
    return View(template="credit_review.html", title=f"Review {found['id'][-12:]}", data=data)


def timeline(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What has happened, and when it is due; `text`: what was said."""
    opened = {"at": found["opened_at"], "what": "Asked for by the holder", "tone": "info", "text": None}
    if "resolution" not in found:
        text = "It stays open for all to see when it is late."
        return [opened, {"at": found["due_at"], "what": "Due", "tone": "warn", "text": text}]
    end = found["resolution"]
    what = end["outcome"].capitalize() + (f" by {end['by']}" if end["by"] else "")
    return [opened, {"at": end["at"], "what": what, "tone": "good", "text": end["text"]}]


async def resolve(visit: Visit) -> Shown:
    """POST /console/credit-reviews/{id}/resolve."""
    identity, form = visit.param("id"), visit.form
    body = {"outcome": form.get("outcome", ""), "text": form.get("text", "").replace("\r\n", "\n").strip()}
    try:
        await visit.send(Wanted(method="POST", path=RESOLVE, params={"id": identity}, body=body))
    except ProblemError as problem:
        return await with_problem(SHOWN_ON_PAGE, problem, partial(_shown, visit))
    return Redirect(f"/console/credit-reviews/{identity}?done=resolve")


PAGES: Final = (
    Page("GET", "/console/credit-reviews", credit_reviews, query=("wallet", "after")),
    Page("GET", "/console/credit-reviews/{id}", credit_review, query=("done",)),
    Page("POST", "/console/credit-reviews/{id}/resolve", resolve),
)
