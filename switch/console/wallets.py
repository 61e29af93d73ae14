"""A wallet: what it holds, its statement, its credit, who asked, and what its holder agreed to."""

import asyncio
from typing import Any, Final

from switch.console.charts import stepped_line
from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, unless

WALLET: Final = "/v1/wallets/{id}"
STATEMENT: Final = "/v1/wallets/{id}/transfers"
CREDIT: Final = "/v1/wallets/{id}/credit"
INQUIRIES: Final = "/v1/wallets/{id}/credit/inquiries"
CONSENTS: Final = "/v1/consents"
CONSENT: Final = "/v1/consents/{id}"
CHANGE: Final = "/v1/wallets/{id}/{change:freeze|unfreeze|close}"
LINES: Final = "30"
NO_CREDIT: Final = frozenset({"wallet_not_found"})
"""Of wallets that are no holder's, and of those that are not this holder's."""


async def wallet(visit: Visit) -> Shown:
    """GET /console/wallets/{id}."""
    identity = visit.param("id")
    shown, statement, credit = await asyncio.gather(
        visit.get(WALLET, id=identity),
        visit.get(STATEMENT, visit.page_query(limit=LINES), id=identity),
        _credit(visit, identity),
    )
    points = [(line["effective_at"], line["balance_after"]) for line in reversed(statement["data"])]
    data = {
        "wallet": shown,
        "statement": statement,
        "chart": stepped_line(points),
        "credit": credit,
        "done": visit.query.get("done"),
        "first": "after" not in visit.query,
    }
    return View(template="wallet.html", title=f"Wallet {shown['owner'] or identity[-12:]}", data=data)


async def _credit(visit: Visit, identity: str) -> Any:
    """What the holder is told, None where the key does not speak for the holder."""
    if not visit.may("GET", CREDIT):
        return None
    score, inquiries, consents = await asyncio.gather(
        unless(NO_CREDIT, visit.get(CREDIT, id=identity)),
        unless(NO_CREDIT, visit.get(INQUIRIES, {"limit": "10"}, id=identity)),
        unless(NO_CREDIT, visit.get(CONSENTS, {"wallet": identity, "limit": "20"})),
    )
    if score is None or inquiries is None or consents is None:
        return None
    return {"score": score, "inquiries": inquiries, "consents": consents}


async def change_wallet(visit: Visit) -> Shown:
    """POST /console/wallets/{id}/{change}."""
    identity, change = visit.param("id"), visit.param("change")
    await visit.send(Wanted(method="POST", path=CHANGE, params={"id": identity, "change": change}, body={}))
    return Redirect(f"/console/wallets/{identity}?done={change}")


async def withdraw_consent(visit: Visit) -> Shown:
    """POST /console/consents/{id}/withdraw."""
    ended = await visit.send(Wanted(method="DELETE", path=CONSENT, params={"id": visit.param("id")}))
    return Redirect(f"/console/wallets/{ended['wallet']}?done=withdraw#consents")


PAGES: Final = (
    Page("GET", "/console/wallets/{id}", wallet, query=("after", "done")),
    Page("POST", "/console/wallets/{id}/{change:freeze|unfreeze}", change_wallet),
    Page("POST", "/console/consents/{id}/withdraw", withdraw_consent),
)
