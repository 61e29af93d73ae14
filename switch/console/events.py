"""Everything that happened, event by event: the newest first, or from the beginning."""

from typing import Final

from switch.console.page import Page, Shown, View, Visit
from switch.console.sent import sent_of

EVENTS: Final = "/v1/events"
EVENT: Final = f"{EVENTS}/{{id}}"
PER_PAGE: Final = "50"
GROUPS: Final = {
    "payments": "transfer.posted,transfer.held,transfer.in_review,transfer.declined,transfer.captured,transfer.refunded,"
    "transfer.voided,transfer.expired,transfer.approved",
    "declined": "transfer.declined",
    "wallets": "wallet.opened,wallet.frozen,wallet.unfrozen,wallet.closed,wallet.tier_changed",
    "credit": "credit.consent_granted,credit.consent_withdrawn,credit.inquiry,credit.order_created,credit.order_confirmed,"
    "credit.order_paid,credit.order_cancelled,credit.order_overdue,credit.order_defaulted,credit.score",
}
"""What people look for, by the name that the page has for it."""


async def events(visit: Visit) -> Shown:
    """GET /console/events?types=&after=: the newest, or forwards from a cursor; `start` for the beginning."""
    types, after = visit.query.get("types", ""), visit.query.get("after", "last")
    query = {"limit": PER_PAGE, **({"after": after} if after != "start" else {})}
    if types:
        query["types"] = GROUPS.get(types, types)
    page = await visit.get(EVENTS, query)
    data = {"events": page, "types": types, "groups": list(GROUPS), "newest": after == "last"}
    return View(template="events.html", title="Events", data=data)


async def event(visit: Visit) -> Shown:
    """GET /console/events/{id}: all that it says, and to whom it was sent."""
    found = await visit.get(EVENT, id=visit.param("id"))
    data = {"event": found, "sent": await sent_of(visit, [found["id"]])}
    return View(template="event.html", title=f"Event {found['type']}", data=data)


PAGES: Final = (
    Page("GET", "/console/events", events, query=("types", "after")),
    Page("GET", "/console/events/{id}", event),
)
