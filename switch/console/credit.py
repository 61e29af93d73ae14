"""Consents and service orders: a merchant's own, or those of a wallet."""

from typing import Any, Final

from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, unless
from switch.problems.table import invalid_field

CONSENTS: Final = "/v1/consents"
ORDERS: Final = "/v1/credit/orders"
ORDER: Final = f"{ORDERS}/{{id}}"
BY_HOLDER: Final = f"{ORDERS}/{{id}}/{{change:confirm|pay}}"
BY_MERCHANT: Final = f"{ORDERS}/{{id}}/{{change:cancel|paid-elsewhere}}"
ROWS: Final = "25"
TONES: Final = {
    "created": "info",
    "confirmed": "info",
    "completed": "info",
    "paid": "good",
    "paid_elsewhere": "good",
    "cured": "good",
    "attempt": "warn",
    "overdue": "warn",
    "defaulted": "bad",
    "written_off": "bad",
}
"""What a step of an order means for whoever looks for trouble."""
CHANGES: Final = {"confirm": BY_HOLDER, "pay": BY_HOLDER, "cancel": BY_MERCHANT, "paid-elsewhere": BY_MERCHANT}
POSSIBLE: Final = {
    "created": ("confirm", "cancel"),
    "confirmed": ("cancel",),
    "due": ("pay", "paid-elsewhere"),
    "overdue": ("pay", "paid-elsewhere"),
    "defaulted": ("pay", "paid-elsewhere"),
}
"""Buttons by state; the shard decides whether they do anything."""


async def listed(visit: Visit, path: str) -> Any:
    """A page of what a merchant or a holder is a party of; None where neither a wallet is named nor the key is a merchant's."""
    wallet = visit.query.get("wallet", "").strip()
    query = visit.page_query(limit=ROWS, **({"wallet": wallet} if wallet else {}))
    if not wallet:
        return await unless(frozenset({"invalid_query"}), visit.get(path, query))
    return await visit.get(path, query)


def _asked(visit: Visit, page: Any, **more: Any) -> dict[str, Any]:
    return {"page": page, "wallet": visit.query.get("wallet", "").strip(), **more}


async def consents(visit: Visit) -> Shown:
    """GET /console/consents?wallet=."""
    data = _asked(visit, await listed(visit, CONSENTS))
    return View(template="consents.html", title="Consents", data=data)


async def orders(visit: Visit) -> Shown:
    """GET /console/orders?wallet=."""
    data = _asked(visit, await listed(visit, ORDERS))
    return View(template="orders.html", title="Service orders", data=data)


async def order(visit: Visit) -> Shown:
    """GET /console/orders/{id}."""
    found = await visit.get(ORDER, id=visit.param("id"))
    possible = [each for each in POSSIBLE.get(found["status"], ()) if visit.may("POST", CHANGES[each])]
    data = {
        "order": found,
        "steps": [{**step, "tone": TONES.get(step["step"], "")} for step in found["steps"]],
        "possible": possible,
        "done": visit.query.get("done"),
    }
    return View(template="order.html", title=f"Order {found['number']}", data=data)


async def change_order(visit: Visit) -> Shown:
    """POST /console/orders/{id}/{change}: by the holder or the merchant, as their keys allow."""
    identity, change = visit.param("id"), visit.param("change")
    if change not in CHANGES:
        raise invalid_field("change", f"expected one of: {', '.join(CHANGES)}")
    params = {"id": identity, "change": change}
    await visit.send(Wanted(method="POST", path=CHANGES[change], params=params, body={}))
    return Redirect(f"/console/orders/{identity}?done={change}")


PAGES: Final = (
    Page("GET", "/console/consents", consents, query=("wallet", "after")),
    Page("GET", "/console/orders", orders, query=("wallet", "after")),
    Page("GET", "/console/orders/{id}", order, query=("done",)),
    Page("POST", "/console/orders/{id}/{change}", change_order),
)
