"""Rule packs: which run, what each has decided; to write one, preview it, publish it, let it run."""

import re
from typing import Any, Final

from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted
from switch.console.previews import OF_PAYMENTS, asked_of, chosen
from switch.console.writing import PACK as WRITTEN
from switch.console.writing import writing
from switch.problems.table import ProblemError, invalid_field

PACKS: Final = "/v1/rule-packs"
PACK: Final = "/v1/rule-packs/{name}"
MODE: Final = "/v1/rule-packs/{name}/mode"
BACKTEST: Final = "/v1/rule-packs/backtest"
PER_PAGE: Final = "50"
SHOWN_ON_PAGE: Final = frozenset(
    {"invalid_rule_pack", "invalid_field", "backtest_running", "backtest_too_large", "version_conflict", "overloaded"}
)
"""Problems that the writer of a pack sees beside the text, which is kept."""
_NAME: Final = re.compile(r"^name:\s*[\"']?([\w.-]{1,64})", re.MULTILINE)
EXAMPLE: Final = """name: corner-shop
description: No large payments at cash machines abroad
fallback: approve
rules:
  - id: cash-abroad
    when: channel == "atm" && country != null && country != "DE" && amount > 30000
    action: decline
    reason: CASH_ABROAD
  - id: large
    when: amount > 60000
    action: review
    reason: LARGE_AMOUNT
tests:
  - name: 400 EUR at a cash machine in Spain
    given: {amount: 40000, channel: atm, country: ES}
    expect: {action: decline, fires: [cash-abroad], reasons: [CASH_ABROAD]}
"""
"""What a new pack begins as; that it checks is tested."""


async def packs(visit: Visit) -> Shown:
    """GET /console/rule-packs."""
    page = await visit.get(PACKS, visit.page_query(limit=PER_PAGE))
    return View(template="rule_packs.html", title="Rule packs", data={"packs": page})


async def pack(visit: Visit) -> Shown:
    """GET /console/rule-packs/{name}?version=."""
    query = {"version": visit.query["version"]} if "version" in visit.query else {}
    shown = await visit.get(PACK, query, name=visit.param("name"))
    return _shown(shown, visit.query.get("done"))


def _shown(found: dict[str, Any], done: str | None) -> View:
    """A version's page; `warnings` are with one that was published just now."""
    data = {"pack": found, "warnings": found.get("warnings", []), "done": done}
    return View(template="rule_pack.html", title=f"{found['name']}@{found['version']}", data=data)


async def new_pack(visit: Visit) -> Shown:
    """GET /console/new-rule-pack."""
    visit.get_ready("POST", BACKTEST)
    return writing(WRITTEN, "", 0, EXAMPLE)


async def edit_pack(visit: Visit) -> Shown:
    """GET /console/rule-packs/{name}/edit."""
    visit.get_ready("POST", BACKTEST)
    shown = await visit.get(PACK, name=visit.param("name"))
    return writing(WRITTEN, shown["name"], shown["version"], shown["text"])


async def write_pack(visit: Visit) -> Shown:
    """POST /console/rule-packs: `do` is preview or publish; what does not check is shown with its text, line and column."""
    form = visit.form
    name, text, base = form.get("name", ""), form.get("text", "").replace("\r\n", "\n"), _base(form)
    of = chosen(form.get("of", ""))
    try:
        files = (await visit.get(PACK, {"version": str(base)}, name=name))["files"] if base else {}
        if form.get("do") != "publish":
            body = {"text": text, **({"files": files} if files else {}), **asked_of(of)}
            preview = await visit.send(Wanted(method="POST", path=BACKTEST, body=body))
            return writing(WRITTEN, name, base, text, of=of, preview={**preview, "span": OF_PAYMENTS[of]})
        published = await _publish(visit, name, text, files, base)
    except ProblemError as problem:
        if problem.code not in SHOWN_ON_PAGE:
            raise
        return writing(WRITTEN, name, base, text, of=of, problem=problem)
    if published.get("warnings"):
        return _shown(published, "published")
    return Redirect(f"/console/rule-packs/{published['name']}?done=published")


def _base(form: Any) -> int:
    text = form.get("base", "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise invalid_field("base", "the number of the version that was edited is expected")
    return int(text)


async def _publish(visit: Visit, name: str, text: str, files: dict[str, str], base: int) -> Any:
    """A new version after `base`, refused when somebody else has published one since."""
    found = _NAME.search(text)
    headers = {"If-Match": f'"{base}"'} if base else {"If-None-Match": "*"}
    body = {"text": text, **({"files": files} if files else {})}
    named = name or (found[1] if found else "unnamed")
    return await visit.send(Wanted(method="PUT", path=PACK, params={"name": named}, headers=headers, body=body))


async def set_mode(visit: Visit) -> Shown:
    """POST /console/rule-packs/{name}/mode."""
    name, mode, version = (
        visit.param("name"),
        visit.form.get("mode", ""),
        _base({"base": visit.form.get("version", "")}),
    )
    wanted = Wanted(method="POST", path=MODE, params={"name": name}, body={"mode": mode, "version": version})
    return await visit.change(wanted) or Redirect(f"/console/rule-packs/{name}?version={version}&done={mode}")


PAGES: Final = (
    Page("GET", "/console/rule-packs", packs, query=("after",)),
    Page("POST", "/console/rule-packs", write_pack),
    Page("GET", "/console/new-rule-pack", new_pack),
    Page("GET", "/console/rule-packs/{name}/edit", edit_pack),
    Page("POST", "/console/rule-packs/{name}/mode", set_mode),
    Page("GET", "/console/rule-packs/{name}", pack, query=("version", "done")),
)
