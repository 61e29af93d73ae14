"""Lists that the switch keeps: what is on each, why, until when, by whom; entries are added, ended."""

from functools import partial
from typing import Any, Final

from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, with_problem
from switch.console.until import SPANS, end_of
from switch.problems.table import ProblemError

LISTS: Final = "/v1/lists"
LIST: Final = f"{LISTS}/{{name}}"
ENTRIES: Final = f"{LIST}/entries"
ENTRY: Final = f"{ENTRIES}/{{value}}"
TYPES: Final = ("wallet", "device", "country")
ROWS: Final = "50"
SHOWN_ON_PAGE: Final = frozenset({"invalid_field", "list_full", "too_many_changes", "list_entry_not_found"})
"""Problems that who changes a list sees beside the form."""


async def lists(visit: Visit) -> Shown:
    """GET /console/lists."""
    return await _all(visit)


async def _all(visit: Visit, **more: Any) -> View:
    data = {"lists": (await visit.get(LISTS))["data"], "types": TYPES, "problem": None, **more}
    return View(template="lists.html", title="Lists", data=data)


async def make_list(visit: Visit) -> Shown:
    """POST /console/lists: a list is made once and keeps its type."""
    form = visit.form
    name, body = form.get("name", "").strip(), {"type": form.get("type", "")}
    if form.get("description", "").strip():
        body["description"] = form["description"].strip()
    try:
        await visit.send(Wanted(method="PUT", path=LIST, params={"name": name}, body=body))
    except ProblemError as problem:
        return await with_problem(SHOWN_ON_PAGE, problem, partial(_all, visit))
    return Redirect(f"/console/lists/{name}?done=made")


async def one_list(visit: Visit) -> Shown:
    """GET /console/lists/{name}."""
    return await _one(visit, done=visit.query.get("done"))


async def _one(visit: Visit, **more: Any) -> View:
    name = visit.param("name")
    entries = await visit.get(ENTRIES, visit.page_query(limit=ROWS), name=name)
    found = next(each for each in (await visit.get(LISTS))["data"] if each["name"] == name)
    data = {"list": found, "entries": entries, "spans": SPANS, "problem": None, "done": None, **more}
    return View(template="list.html", title=f"List {name}", data=data)


async def add_entry(visit: Visit) -> Shown:
    """POST /console/lists/{name}/entries: in the place of what there is of the value."""
    name, form = visit.param("name"), visit.form
    value, body = form.get("value", "").strip(), {"reason": form.get("reason", "").strip()}
    end = end_of(form, "expires_at")
    if end is not None:
        body["expires_at"] = end
    return await _changed(visit, Wanted(method="PUT", path=ENTRY, params={"name": name, "value": value}, body=body))


async def end_entry(visit: Visit) -> Shown:
    """POST /console/lists/{name}/entries/end."""
    params = {"name": visit.param("name"), "value": visit.form.get("value", "")}
    return await _changed(visit, Wanted(method="DELETE", path=ENTRY, params=params))


async def _changed(visit: Visit, wanted: Wanted) -> Shown:
    try:
        proposed = await visit.change(wanted)
    except ProblemError as problem:
        return await with_problem(SHOWN_ON_PAGE, problem, partial(_one, visit))
    done = "added" if wanted.method == "PUT" else "ended"
    return proposed or Redirect(f"/console/lists/{visit.param('name')}?done={done}")


PAGES: Final = (
    Page("GET", "/console/lists", lists),
    Page("POST", "/console/lists", make_list),
    Page("GET", "/console/lists/{name}", one_list, query=("after", "done")),
    Page("POST", "/console/lists/{name}/entries", add_entry),
    Page("POST", "/console/lists/{name}/entries/end", end_entry),
)
