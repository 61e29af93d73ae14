"""Snoozes: for which wallets a rule does not fire, why, until when; one is made, or ended."""

import asyncio
from typing import Any, Final

from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted
from switch.console.sessions import own_path
from switch.console.until import SPANS, end_of
from switch.problems.table import invalid_field

PACKS: Final = "/v1/rule-packs"
PACK: Final = f"{PACKS}/{{name}}"
SNOOZES: Final = f"{PACK}/rules/{{rule}}/snoozes"
SNOOZE: Final = f"{SNOOZES}/{{wallet}}"
OF_WALLET: Final = "/v1/wallets/{id}/snoozes"
ROWS: Final = "50"


async def rule(visit: Visit) -> Shown:
    """GET /console/rule-packs/{name}/rules/{rule}: the wallets for which it is snoozed."""
    name, wanted = visit.param("name"), visit.param("rule")
    page = await visit.get(SNOOZES, visit.page_query(limit=ROWS), name=name, rule=wanted)
    data = {"pack": name, "rule": wanted, "snoozes": page, "spans": SPANS, "done": visit.query.get("done")}
    return View(template="rule.html", title=f"Rule {wanted}", data=data)


async def snoozable(visit: Visit, wallet: str) -> dict[str, Any] | None:
    """What is snoozed for a wallet and what can be: rules of the packs that run, as pack/rule. None: the key sees no packs."""
    if not visit.may("GET", OF_WALLET):
        return None
    found, running = await asyncio.gather(visit.get(OF_WALLET, id=wallet), _running(visit))
    rules = [f"{pack['name']}/{each['id']}" for pack in running for each in pack["rules"]]
    return {"wallet": wallet, "snoozes": found["data"], "rules": rules, "spans": SPANS}


async def _running(visit: Visit) -> list[Any]:
    """The packs that run, the live one first."""
    deployments = (await visit.get(PACKS, {"limit": "1"}))["deployments"]
    if not deployments:
        return []
    now = deployments[0]
    labels = [now["live"], *([now["challenger"]] if now["challenger"] else []), *now["shadows"]]
    versions = [label.rpartition("@") for label in labels]
    return await asyncio.gather(*(visit.get(PACK, {"version": version}, name=name) for name, _, version in versions))


async def snooze(visit: Visit) -> Shown:
    """POST /console/snoozes: the rule `rule` (pack/rule) for `wallet`."""
    form = visit.form
    until = end_of(form, "until")
    if until is None:
        raise invalid_field("until", "a snooze has an end: so many days, or a time")
    body = {"reason": form.get("reason", "").strip(), "until": until}
    wanted = Wanted(method="PUT", path=SNOOZE, params=_snoozed(visit), body=body)
    return await visit.change(wanted) or _back(visit, "snoozed")


async def end_snooze(visit: Visit) -> Shown:
    """POST /console/snoozes/end."""
    wanted = Wanted(method="DELETE", path=SNOOZE, params=_snoozed(visit))
    return await visit.change(wanted) or _back(visit, "awake")


def _snoozed(visit: Visit) -> dict[str, str]:
    """The rule and the wallet of a form. Raises ProblemError invalid_field."""
    pack, slash, name = visit.form.get("rule", "").partition("/")
    if not (pack and slash and name):
        raise invalid_field("rule", "PACK/RULE is expected")
    return {"name": pack, "rule": name, "wallet": visit.form.get("wallet", "").strip()}


def _back(visit: Visit, done: str) -> Redirect:
    origin = own_path(visit.form.get("back", "")).partition("?")[0]
    return Redirect(f"{origin}?done={done}#snoozes")


PAGES: Final = (
    Page("GET", "/console/rule-packs/{name}/rules/{rule}", rule, query=("after", "done")),
    Page("POST", "/console/snoozes", snooze),
    Page("POST", "/console/snoozes/end", end_snooze),
)
