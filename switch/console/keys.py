"""API keys: whose, for what, until when; a new key is shown once, on the page that answers the form.

What a form may ask for is what the key of whoever is signed in has; the API refuses the rest.
"""

import re
from typing import Any, Final

from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted
from switch.console.until import after
from switch.problems.table import invalid_field

KEYS: Final = "/v1/keys"
KEY: Final = f"{KEYS}/{{id}}"
ROWS: Final = "50"
PLACE: Final = "/console/keys"
LIVES: Final = {"": "until it is revoked", "1": "a day", "30": "30 days", "90": "90 days", "365": "a year"}
"""For how long a new key works, in days, with words."""
AS_BEFORE: Final = "as_before"
NEXT_LIVES: Final = {AS_BEFORE: "as the old one", **LIVES}
"""The same of a key in place of another, which by default ends when that one would have."""
OVERLAPS: Final = {
    "0": "ends at once",
    "3600": "works an hour more",
    "86400": "works a day more",
    "604800": "a week more",
}
"""What a rotated key does, in seconds, with words."""
_SCOPE: Final = "scope."
_LISTED: Final = re.compile(r"[,\s]+")


async def keys(visit: Visit) -> Shown:
    """GET /console/keys."""
    page = await visit.get(KEYS, visit.page_query(limit=ROWS))
    principal = visit.who.principal
    data = {
        "keys": page,
        "scopes": sorted(principal.scopes) if visit.may("POST", KEYS) else [],
        "own_name": visit.who.name if principal.bound is not None else None,
        "lives": LIVES,
        "next_lives": NEXT_LIVES,
        "overlaps": OVERLAPS,
        "done": visit.query.get("done"),
    }
    return View(template="keys.html", title="Keys", data=data)


async def make(visit: Visit) -> Shown:
    """POST /console/keys: the answer has the key, and nothing else ever will."""
    form = visit.form
    body: dict[str, Any] = {
        "name": form.get("name", "").strip(),
        "scopes": [name.removeprefix(_SCOPE) for name in form if name.startswith(_SCOPE)],
    }
    for field in ("wallets", "owners", "scenarios"):
        listed = [text for text in _LISTED.split(form.get(field, "")) if text]
        body |= {field: listed} if listed else {}
    for field in ("reads_per_s", "writes_per_s"):
        if form.get(field):
            body[field] = _number(form, field)
    body |= _end(form, form.get("life", ""))
    return _made(await visit.send(Wanted(method="POST", path=KEYS, body=body)), "A new key")


async def rotate(visit: Visit) -> Shown:
    """POST /console/keys/{id}/rotate."""
    form = visit.form
    body: dict[str, Any] = {"overlap_s": _number(form, "overlap_s")}
    if (life := form.get("life", AS_BEFORE)) != AS_BEFORE:
        body |= {"expires_at": None} | _end(form, life)
    wanted = Wanted(method="POST", path=f"{KEY}/rotate", params={"id": visit.param("id")}, body=body)
    return _made(await visit.send(wanted), "The key after it")


async def revoke(visit: Visit) -> Shown:
    """POST /console/keys/{id}/revoke."""
    params = {"id": visit.param("id")}
    await visit.send(Wanted(method="POST", path=f"{KEY}/revoke", params=params, body={}))
    return Redirect(f"{PLACE}?done=revoked")


def _made(made: dict[str, Any], title: str) -> View:
    return View(template="key_made.html", title=title, data={"made": made}, status=201)


def _end(form: Any, days: str) -> dict[str, str]:
    """When a new key ends, where that is after so many of LIVES."""
    if days not in LIVES:
        raise invalid_field("life", f"expected one of: {', '.join(LIVES)}")
    return {"expires_at": after(form, int(days))} if days else {}


def _number(form: Any, field: str) -> int:
    text = form.get(field, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise invalid_field(field, "a whole number is expected")
    return int(text)


PAGES: Final = (
    Page("GET", PLACE, keys, query=("after", "done")),
    Page("POST", PLACE, make),
    Page("POST", f"{PLACE}/{{id}}/rotate", rotate),
    Page("POST", f"{PLACE}/{{id}}/revoke", revoke),
)
