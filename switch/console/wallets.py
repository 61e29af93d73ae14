"""A wallet: what it holds, its statement, its credit, who asked, and what its holder agreed to."""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from models.credit.what_if import FIXED, INFLUENCED
from switch.console.charts import radar, stepped_line
from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, unless
from switch.console.snoozes import snoozable
from switch.problems.table import PROBLEMS, ProblemError, invalid_field

WALLET: Final = "/v1/wallets/{id}"
STATEMENT: Final = "/v1/wallets/{id}/transfers"
CREDIT: Final = "/v1/wallets/{id}/credit"
INQUIRIES: Final = "/v1/wallets/{id}/credit/inquiries"
POINTS: Final = "/v1/wallets/{id}/credit/points"
HISTORY: Final = "/v1/wallets/{id}/credit/history"
WHAT_IF: Final = "/v1/wallets/{id}/credit/what-if"
CONSENTS: Final = "/v1/consents"
CONSENT: Final = "/v1/consents/{id}"
CHANGE: Final = "/v1/wallets/{id}/{change:freeze|unfreeze|close}"
HOLDS: Final = f"{WALLET}/holds"
WINDOWS: Final = f"{WALLET}/windows"
ORDERS: Final = "/v1/credit/orders"
LINES: Final = "30"
BESIDE: Final = "10"
"""Of holds and of orders, beside the statement."""
NO_CREDIT: Final = frozenset({"wallet_not_found"})
"""Of wallets that are no holder's, and of those that are not this holder's."""
NO_POINTS: Final = frozenset({"wallet_not_found", "features_not_published"})
ROWS_OF_WHAT_IF: Final = (1, 2, 3)


async def wallet(visit: Visit) -> Shown:
    """GET /console/wallets/{id}."""
    return await _shown(visit, done=visit.query.get("done"))


async def _shown(visit: Visit, **more: Any) -> View:
    identity = visit.param("id")
    shown, statement, credit, holds, orders, snoozes, windows = await asyncio.gather(
        visit.get(WALLET, id=identity),
        visit.get(STATEMENT, visit.page_query(limit=LINES), id=identity),
        _credit(visit, identity),
        visit.get(HOLDS, {"limit": BESIDE}, id=identity),
        _orders(visit, identity),
        snoozable(visit, identity),
        visit.get(WINDOWS, id=identity),
    )
    points = [(line["effective_at"], line["balance_after"]) for line in reversed(statement["data"])]
    data = {
        "wallet": shown,
        "statement": statement,
        "chart": stepped_line(points),
        "credit": credit,
        "holds": holds,
        "orders": orders,
        "snoozes": snoozes,
        "windows": windows,
        "first": "after" not in visit.query,
        "what_if": None,
        "what_if_problem": None,
        "done": None,
        **more,
    }
    return View(template="wallet.html", title=f"Wallet {shown['owner'] or identity[-12:]}", data=data)


async def _orders(visit: Visit, identity: str) -> Any:
    """The newest service orders of the holder; None where the key does not speak for the holder."""
    if not visit.may("GET", CREDIT):
        return None
    return await unless(NO_CREDIT, visit.get(ORDERS, {"wallet": identity, "limit": BESIDE}))


async def _credit(visit: Visit, identity: str) -> Any:
    """What the holder is told, None where the key does not speak for the holder."""
    if not visit.may("GET", CREDIT):
        return None
    score, inquiries, consents, history, points = await asyncio.gather(
        unless(NO_CREDIT, visit.get(CREDIT, id=identity)),
        unless(NO_CREDIT, visit.get(INQUIRIES, {"limit": "10"}, id=identity)),
        unless(NO_CREDIT, visit.get(CONSENTS, {"wallet": identity, "limit": "20"})),
        unless(NO_CREDIT, visit.get(HISTORY, {"limit": "5"}, id=identity)),
        unless(NO_POINTS, visit.get(POINTS, id=identity)),
    )
    if score is None or inquiries is None or consents is None or history is None:
        return None
    return {
        "score": score,
        "inquiries": inquiries,
        "consents": consents,
        "history": history,
        "radar": None if points is None else radar(_dimensions(points)),
        "possible": [] if points is None else [line for line in points["lines"] if _can_change(line)],
    }


def _dimensions(points: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Each dimension with its points, and the most that anybody gets there."""
    most: Counter[str] = Counter()
    for line in points["lines"]:
        most[line["dimension"]] += line["best"]
    return [(name, value, most[name]) for name, value in points["subtotals"].items() if name in most]


def _can_change(line: dict[str, Any]) -> bool:
    """Whether the holder's own doing counts there; the API refuses the others too."""
    return line["dimension"] in INFLUENCED and line["feature"] not in FIXED


async def what_if(visit: Visit) -> Shown:
    """POST /console/wallets/{id}/what-if: nothing is recorded."""
    try:
        changes = _changes(visit.form)
        wanted = Wanted(method="POST", path=WHAT_IF, params={"id": visit.param("id")}, body={"changes": changes})
        answer = await visit.send(wanted)
    except ProblemError as problem:
        if problem.code not in ("invalid_field", "features_not_published"):
            raise
        why = "; ".join(error.message for error in problem.errors) or problem.detail
        shown = await _shown(visit, what_if_problem=why)
        return msgspec.structs.replace(shown, status=PROBLEMS[problem.code].status)
    return await _shown(visit, what_if={**answer, "changes": changes})


def _changes(form: Mapping[str, str]) -> dict[str, float | str]:
    """Values by feature: numbers where they are numbers. Raises ProblemError invalid_field."""
    changes: dict[str, float | str] = {}
    for row in ROWS_OF_WHAT_IF:
        feature, value = form.get(f"feature_{row}", ""), form.get(f"value_{row}", "").strip()
        if not feature:
            continue
        if not value:
            raise invalid_field(f"value_{row}", f"say what {feature} would be")
        try:
            number = float(value)
        except ValueError:
            changes[feature] = value
        else:
            if not math.isfinite(number):
                raise invalid_field(f"value_{row}", f"{feature}: a number is expected")
            changes[feature] = int(number) if number.is_integer() else number
    if not changes:
        raise invalid_field("feature_1", "choose what would be otherwise")
    return changes


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
    Page("POST", "/console/wallets/{id}/what-if", what_if),
    Page("POST", "/console/consents/{id}/withdraw", withdraw_consent),
)
