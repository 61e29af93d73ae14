"""Disputes of entries, each with its clock; to forward one, to resolve one.

Those that wait for an analyst come the oldest first.
"""

from functools import partial
from typing import Any, Final

from switch.console.credit import listed
from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, with_problem
from switch.problems.table import ProblemError

DISPUTES: Final = "/v1/credit/disputes"
DISPUTE: Final = f"{DISPUTES}/{{id}}"
FORWARD: Final = f"{DISPUTE}/forward"
RESOLVE: Final = f"{DISPUTE}/resolve"
OUTCOMES: Final = ("kept", "corrected", "deleted")
OPEN: Final = frozenset({"open", "forwarded", "answered"})
SHOWN_ON_PAGE: Final = frozenset({"invalid_field", "case_unanswered"})
"""Problems that who resolves sees beside the form."""


async def disputes(visit: Visit) -> Shown:
    """GET /console/disputes?wallet=."""
    page = await listed(visit, DISPUTES)
    data = {"page": page, "wallet": visit.query.get("wallet", "").strip()}
    return View(template="disputes.html", title="Disputes", data=data)


async def dispute(visit: Visit) -> Shown:
    """GET /console/disputes/{id}."""
    return await _shown(visit, done=visit.query.get("done"))


async def _shown(visit: Visit, **more: Any) -> View:
    found = await visit.get(DISPUTE, id=visit.param("id"))
    data = {
        "dispute": found,
        "open": found["status"] in OPEN,
        "outcomes": OUTCOMES,
        "timeline": timeline(found),
        "problem": None,
        "done": None,
        **more,
    }
    return View(template="dispute.html", title=f"Dispute {found['id'][-12:]}", data=data)


def timeline(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What has happened and what its clocks will do, by time; `text`: what was said."""
    moments = [{"at": found["opened_at"], "what": "Opened by the holder", "tone": "info", "text": found["text"]}]
    if "forwarded_at" in found:
        what = f"Forwarded to {found['source'] or 'the bureau'}"
        moments.append({"at": found["forwarded_at"], "what": what, "tone": "info", "text": None})
    elif "forward_by" in found and found["status"] in OPEN:
        moments.append({"at": found["forward_by"], "what": "Goes to its source by itself", "tone": "", "text": None})
    if "answer" in found:
        answer = found["answer"]
        what = f"The source says: {answer['outcome']}"
        moments.append({"at": answer["at"], "what": what, "tone": "warn", "text": answer["text"]})
    if "resolution" in found:
        end = found["resolution"]
        what = f"{end['outcome'].capitalize()} by {end['by'] or 'its clock'}"
        moments.append({"at": end["at"], "what": what, "tone": "good", "text": end["text"]})
    else:
        what = "Due: what nobody has answered by then is deleted"
        moments.append({"at": found["due_at"], "what": what, "tone": "warn", "text": None})
    return sorted(moments, key=lambda moment: str(moment["at"]))


async def forward(visit: Visit) -> Shown:
    """POST /console/disputes/{id}/forward."""
    identity = visit.param("id")
    await visit.send(Wanted(method="POST", path=FORWARD, params={"id": identity}, body={}))
    return Redirect(f"/console/disputes/{identity}?done=forward")


async def resolve(visit: Visit) -> Shown:
    """POST /console/disputes/{id}/resolve."""
    identity, form = visit.param("id"), visit.form
    body = {"outcome": form.get("outcome", ""), "text": form.get("text", "").strip()}
    if form.get("statement", "").strip():
        body["statement"] = form["statement"].strip()
    try:
        await visit.send(Wanted(method="POST", path=RESOLVE, params={"id": identity}, body=body))
    except ProblemError as problem:
        return await with_problem(SHOWN_ON_PAGE, problem, partial(_shown, visit))
    return Redirect(f"/console/disputes/{identity}?done=resolve")


PAGES: Final = (
    Page("GET", "/console/disputes", disputes, query=("wallet", "after")),
    Page("GET", "/console/disputes/{id}", dispute, query=("done",)),
    Page("POST", "/console/disputes/{id}/forward", forward),
    Page("POST", "/console/disputes/{id}/resolve", resolve),
)
