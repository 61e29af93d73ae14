"""Scorecards: which decide through which packs, and the points of each.

A monitor tells whether payments are still those that a card was made for.
"""

import asyncio
from functools import partial
from itertools import pairwise
from typing import Any, Final

import msgspec

from rules.vocabulary.columns import INDEX
from switch.console.charts import paired_bars
from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, with_problem
from switch.console.previews import OF_PAYMENTS, asked_of, chosen
from switch.console.writing import CARD as WRITTEN
from switch.console.writing import writing
from switch.problems.table import ProblemError, invalid_field

CARDS: Final = "/v1/scorecards"
CARD: Final = f"{CARDS}/{{name}}"
MODE: Final = f"{CARD}/mode"
BACKTEST: Final = f"{CARDS}/backtest"
POPULATION: Final = f"{CARDS}/population"
PACKS: Final = "/v1/rule-packs"
PACK: Final = f"{PACKS}/{{name}}"
PER_PAGE: Final = "50"
VERSION_DIGITS_MAX: Final = 9
SHOWN_ON_PAGE: Final = frozenset(
    {"invalid_scorecard", "invalid_field", "backtest_running", "backtest_too_large", "version_conflict", "overloaded"}
)
"""Problems that the writer of a card sees beside the text, which is kept."""
CALM, CHANGED = 0.1, 0.25
"""Below the one a PSI is no change to speak of, from the other on it is another population."""
EXAMPLE: Final = """{
  "name": "corner-shop",
  "version": 1,
  "range": [-30, 40],
  "characteristics": [
    {"feature": "amount", "reason": "LARGE_AMOUNT", "edges": [5000, 50000], "points": [20, 5, -15], "missing": 0},
    {"feature": "count_1h", "reason": "MANY_PAYMENTS", "edges": [5, 20], "points": [20, 0, -15], "missing": 0}
  ]
}
"""
"""What a new card begins as; that it checks is tested."""


async def cards(visit: Visit) -> Shown:
    """GET /console/scorecards."""
    page, modes = await asyncio.gather(visit.get(CARDS, visit.page_query(limit=PER_PAGE)), _modes(visit))
    return View(template="scorecards.html", title="Scorecards", data={"cards": page, "modes": modes})


async def _modes(visit: Visit) -> dict[str, str]:
    """By card, as name@version, the mode of the packs that run with it: that of the most say where there are several."""
    page = await visit.get(PACKS, {"limit": "1"})
    if not page["deployments"]:
        return {}
    now = page["deployments"][0]
    running = [(pack, "shadow") for pack in now["shadows"]]
    running += [(now["challenger"], "challenger")] if now["challenger"] else []
    running.append((now["live"], "live"))
    found = await asyncio.gather(*(_pack(visit, pack) for pack, _ in running))
    return {pack["card"]: mode for (_, mode), pack in zip(running, found, strict=True) if pack["card"]}


async def _pack(visit: Visit, label: str) -> Any:
    name, _, version = label.rpartition("@")
    return await visit.get(PACK, {"version": version}, name=name)


async def card(visit: Visit) -> Shown:
    """GET /console/scorecards/{name}?version=."""
    query = {"version": visit.query["version"]} if "version" in visit.query else {}
    return await _shown(visit, query, done=visit.query.get("done"))


async def _shown(visit: Visit, query: dict[str, str], **more: Any) -> View:
    found, modes = await asyncio.gather(visit.get(CARD, query, name=visit.param("name")), _modes(visit))
    data = {
        "card": found,
        "mode": modes.get(f"{found['name']}@{found['version']}", "off"),
        "modes": modes,
        "table": points_table(found["document"]),
        "of_payments": all(item["feature"] in INDEX for item in found["document"]["characteristics"]),
        "monitor": None,
        "problem": None,
        "done": None,
        **more,
    }
    return View(template="scorecard.html", title=f"{found['name']}@{found['version']}", data=data)


def points_table(document: dict[str, Any]) -> list[dict[str, Any]]:
    """A card's characteristics with the bins of each in words: what stands in its document."""
    table = []
    for item in document["characteristics"]:
        bins = [{"of": text, "points": points} for text, points in zip(_bins(item), item["points"], strict=True)]
        if isinstance(item.get("unknown"), int):
            bins.append({"of": "any other", "points": item["unknown"]})
        bins.append({"of": "not known", "points": item["missing"]})
        most = max(abs(each["points"]) for each in bins) or 1
        shown = [{**each, "share": abs(each["points"]) / most} for each in bins]
        table.append({**{name: item.get(name) for name in ("feature", "reason", "dimension")}, "bins": shown})
    return table


def _bins(item: dict[str, Any]) -> list[str]:
    if item.get("categories") is not None:
        return [", ".join(group) for group in item["categories"]]
    scale = item.get("scale", 1)
    edges = [edge if scale == 1 else edge / scale for edge in item["edges"] or ()]
    if not edges:
        return ["all"]
    between = [f"{low} to below {high}" for low, high in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"{edges[-1]} and more"]


async def population(visit: Visit) -> Shown:
    """POST /console/scorecards/{name}/population: payments since a time against those before it."""
    name, version = visit.param("name"), _version(visit.form.get("version", ""))
    divided = visit.form.get("divided_at", "").strip()
    body = {"name": name, "version": version, **({"divided_at": divided} if divided else {})}
    asked = {"version": str(version)}
    try:
        answer = await visit.send(Wanted(method="POST", path=POPULATION, body=body))
    except ProblemError as problem:
        return await with_problem(SHOWN_ON_PAGE, problem, partial(_shown, visit, asked))
    return await _shown(visit, asked, monitor={**answer, "chart": _chart(answer["population"])})


def _chart(found: dict[str, Any]) -> Any:
    pairs = [(bar["before"], bar["since"]) for bar in found["distribution"]]
    return paired_bars(pairs) if found["before"] or found["since"] else None


def _version(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= VERSION_DIGITS_MAX):
        raise invalid_field("version", "the number of a version is expected")
    return int(text)


async def new_card(visit: Visit) -> Shown:
    """GET /console/new-scorecard."""
    visit.get_ready("POST", BACKTEST)
    return writing(WRITTEN, "", 0, EXAMPLE)


async def edit_card(visit: Visit) -> Shown:
    """GET /console/scorecards/{name}/edit: the version after the newest."""
    visit.get_ready("POST", BACKTEST)
    found = await visit.get(CARD, name=visit.param("name"))
    document = {**found["document"], "version": found["version"] + 1}
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return writing(WRITTEN, found["name"], found["version"], text)


async def write_card(visit: Visit) -> Shown:
    """POST /console/scorecards: `do` is preview or publish; what does not check is shown beside its text."""
    form = visit.form
    name, text, base = form.get("name", ""), form.get("text", ""), _version(form.get("base", "0"))
    of = chosen(form.get("of", ""))
    try:
        document = _document(text)
        if form.get("do") != "publish":
            body = {"document": document, **asked_of(of)}
            preview = await visit.send(Wanted(method="POST", path=BACKTEST, body=body))
            return writing(WRITTEN, name, base, text, of=of, preview={**preview, "span": OF_PAYMENTS[of]})
        headers = {"If-Match": f'"{base}"'} if base else {"If-None-Match": "*"}
        named = name or str(document.get("name", ""))[:100] or "unnamed"
        wanted = Wanted(method="PUT", path=CARD, params={"name": named}, headers=headers, body=document)
        published = await visit.send(wanted)
    except ProblemError as problem:
        if problem.code not in SHOWN_ON_PAGE:
            raise
        return writing(WRITTEN, name, base, text, of=of, problem=problem)
    return Redirect(f"/console/scorecards/{published['name']}?done=published")


def _document(text: str) -> dict[str, Any]:
    """The JSON object that was written. Raises ProblemError invalid_field."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # the last: it is nested too deeply
        raise invalid_field("text", f"a scorecard is a JSON object: {error}"[:500]) from None


async def set_mode(visit: Visit) -> Shown:
    """POST /console/scorecards/{name}/mode."""
    name, mode = visit.param("name"), visit.form.get("mode", "")
    version = _version(visit.form.get("version", ""))
    body = {"mode": mode, "version": version}
    wanted = Wanted(method="POST", path=MODE, params={"name": name}, body=body)
    return await visit.change(wanted) or Redirect(f"/console/scorecards/{name}?version={version}&done={mode}")


PAGES: Final = (
    Page("GET", "/console/scorecards", cards, query=("after",)),
    Page("POST", "/console/scorecards", write_card),
    Page("GET", "/console/new-scorecard", new_card),
    Page("GET", "/console/scorecards/{name}/edit", edit_card),
    Page("POST", "/console/scorecards/{name}/mode", set_mode),
    Page("POST", "/console/scorecards/{name}/population", population),
    Page("GET", "/console/scorecards/{name}", card, query=("version", "done")),
)
