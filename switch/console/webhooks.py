"""Webhook endpoints: how each does, what was delivered; one is made, changed, removed.

A secret is shown once, on the page that answers the form which made it.
"""

from functools import partial
from typing import Any, Final

from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, with_problem
from switch.problems.table import ProblemError, invalid_query

ENDPOINTS: Final = "/v1/webhook-endpoints"
ENDPOINT: Final = f"{ENDPOINTS}/{{id}}"
DELIVERIES: Final = f"{ENDPOINT}/deliveries"
SENT_AGAIN: Final = f"{DELIVERIES}/{{delivery}}/replay"
SECRET: Final = f"{ENDPOINT}/secret/rotate"
OVERLAPS: Final = {"86400": "a day", "3600": "an hour", "604800": "a week", "0": "not at all"}
"""How long the secret before it signs as well, in seconds."""
SHOWN_ON_PAGE: Final = frozenset({"invalid_field", "webhook_endpoints_full"})
"""Problems that who makes an endpoint sees beside the form."""
STATES: Final = ("all", "pending", "delivered", "dead")
ROWS: Final = "25"


async def endpoints(visit: Visit) -> Shown:
    """GET /console/webhooks."""
    return await _all(visit, done=visit.query.get("done"))


async def _all(visit: Visit, **more: Any) -> View:
    page = await visit.get(ENDPOINTS, visit.page_query(limit=ROWS))
    data = {"endpoints": page, "problem": None, "done": None, **more}
    return View(template="webhooks.html", title="Webhooks", data=data)


async def make(visit: Visit) -> Shown:
    """POST /console/webhooks: the page of the new endpoint with its secret, which no other page shows."""
    form = visit.form
    body: dict[str, Any] = {"url": form.get("url", "").strip(), "ordered": form.get("ordered") == "yes"}
    types = [each.strip() for each in form.get("types", "").split(",") if each.strip()]
    body |= {"types": types} if types else {}
    body |= {"description": form["description"].strip()} if form.get("description", "").strip() else {}
    body |= {"after": "start"} if form.get("after") == "start" else {}
    try:
        made = await visit.send(Wanted(method="POST", path=ENDPOINTS, body=body))
    except ProblemError as problem:
        return await with_problem(SHOWN_ON_PAGE, problem, partial(_all, visit))
    return await _one(visit, made["id"], secret=made["secret"])


async def endpoint(visit: Visit) -> Shown:
    """GET /console/webhooks/{id}."""
    return await _one(visit, visit.param("id"), done=visit.query.get("done"))


async def _one(visit: Visit, identity: str, **more: Any) -> View:
    state = visit.query.get("state", "all")
    if state not in STATES:
        raise invalid_query("state", f"expected one of: {', '.join(STATES)}")
    query = visit.page_query(limit=ROWS, **({} if state == "all" else {"state": state}))
    data = {
        "endpoint": await visit.get(ENDPOINT, id=identity),
        "state": state,
        "states": STATES,
        "deliveries": await visit.get(DELIVERIES, query, id=identity),
        "overlaps": OVERLAPS,
        "secret": None,
        "done": None,
        **more,
    }
    return View(template="webhook.html", title="Webhook endpoint", data=data)


async def rotate(visit: Visit) -> Shown:
    """POST /console/webhooks/{id}/secret: a new secret, shown once; the one before it signs as well for a time."""
    identity, overlap = visit.param("id"), visit.form.get("overlap", "")
    body = {"expires_in": int(overlap)} if overlap in OVERLAPS else {}
    made = await visit.send(Wanted(method="POST", path=SECRET, params={"id": identity}, body=body))
    return await _one(visit, identity, secret=made["secret"])


async def change(visit: Visit) -> Shown:
    """POST /console/webhooks/{id}/{change}: disable, enable or remove."""
    identity, name = visit.param("id"), visit.param("change")
    params = {"id": identity}
    if name == "remove":
        await visit.send(Wanted(method="DELETE", path=ENDPOINT, params=params))
        return Redirect("/console/webhooks?done=remove")
    await visit.send(Wanted(method="PATCH", path=ENDPOINT, params=params, body={"disabled": name == "disable"}))
    return Redirect(f"/console/webhooks/{identity}?done={name}")


async def send(visit: Visit) -> Shown:
    """POST /console/webhooks/{id}/{action}: a test event, or all dead letters."""
    identity, action = visit.param("id"), visit.param("action")
    await visit.send(Wanted(method="POST", path=f"{ENDPOINT}/{action}", params={"id": identity}, body={}))
    return Redirect(f"/console/webhooks/{identity}?done={action}")


async def send_again(visit: Visit) -> Shown:
    """POST /console/webhooks/{id}/deliveries/{delivery}/replay."""
    identity, delivery = visit.param("id"), visit.param("delivery")
    params = {"id": identity, "delivery": delivery}
    await visit.send(Wanted(method="POST", path=SENT_AGAIN, params=params, body={}))
    return Redirect(f"/console/webhooks/{identity}?done=replay")


PAGES: Final = (
    Page("GET", "/console/webhooks", endpoints, query=("after", "done")),
    Page("POST", "/console/webhooks", make),
    Page("GET", "/console/webhooks/{id}", endpoint, query=("state", "after", "done")),
    Page("POST", "/console/webhooks/{id}/secret", rotate),
    Page("POST", "/console/webhooks/{id}/{change:disable|enable|remove}", change),
    Page("POST", "/console/webhooks/{id}/{action:test|replay}", send),
    Page("POST", "/console/webhooks/{id}/deliveries/{delivery}/replay", send_again),
)
