"""Webhook endpoints: how each does, what was delivered and what was not, and buttons that send again."""

from typing import Final

from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted
from switch.problems.table import invalid_query

ENDPOINTS: Final = "/v1/webhook-endpoints"
ENDPOINT: Final = f"{ENDPOINTS}/{{id}}"
DELIVERIES: Final = f"{ENDPOINT}/deliveries"
SENT_AGAIN: Final = f"{DELIVERIES}/{{delivery}}/replay"
STATES: Final = ("all", "pending", "delivered", "dead")
ROWS: Final = "25"


async def endpoints(visit: Visit) -> Shown:
    """GET /console/webhooks."""
    page = await visit.get(ENDPOINTS, visit.page_query(limit=ROWS))
    return View(template="webhooks.html", title="Webhooks", data={"endpoints": page})


async def endpoint(visit: Visit) -> Shown:
    """GET /console/webhooks/{id}."""
    identity, state = visit.param("id"), visit.query.get("state", "all")
    if state not in STATES:
        raise invalid_query("state", f"expected one of: {', '.join(STATES)}")
    query = visit.page_query(limit=ROWS, **({} if state == "all" else {"state": state}))
    data = {
        "endpoint": await visit.get(ENDPOINT, id=identity),
        "state": state,
        "states": STATES,
        "deliveries": await visit.get(DELIVERIES, query, id=identity),
        "done": visit.query.get("done"),
    }
    return View(template="webhook.html", title="Webhook endpoint", data=data)


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
    Page("GET", "/console/webhooks", endpoints, query=("after",)),
    Page("GET", "/console/webhooks/{id}", endpoint, query=("state", "after", "done")),
    Page("POST", "/console/webhooks/{id}/{action:test|replay}", send),
    Page("POST", "/console/webhooks/{id}/deliveries/{delivery}/replay", send_again),
)
