"""Four eyes: what accounts ask for, what it would change, and who approves or declines it."""

import asyncio
import difflib
import re
from collections import Counter
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec

from switch.console.page import PROPOSALS, Page, Redirect, Shown, View, Visit, Wanted, unless, with_problem
from switch.problems.table import ProblemError

PROPOSAL: Final = f"{PROPOSALS}/{{id}}"
APPROVE: Final = f"{PROPOSAL}/approve"
DECLINE: Final = f"{PROPOSAL}/decline"
PACKS: Final = "/v1/rule-packs"
PACK: Final = f"{PACKS}/{{name}}"
CARD: Final = "/v1/scorecards/{name}"
ENTRY: Final = "/v1/lists/{name}/entries/{value}"
OF_WALLET: Final = "/v1/wallets/{id}/snoozes"
ROWS: Final = "25"
CONTEXT_LINES: Final = 3
DIFFERENCES_MAX: Final = 400
"""Lines of a difference that a page shows: of more, people read the versions."""
DECIDES: Final = frozenset({"live", "challenger"})
"""Modes in which a pack decides payments."""
SHOWN_ON_PAGE: Final = frozenset({"own_proposal", "proposal_over"})
GONE: Final = frozenset(
    {"list_entry_not_found", "list_not_found", "rule_pack_not_found", "scorecard_not_found", "wallet_not_found"}
)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a proposal would change: in words, what holds now and what would, and between texts the lines that differ; `left_out`: how many
    more of them there are."""

    what: str
    now: str
    then: str
    place: str
    difference: list[str] = []
    left_out: int = 0


class _Kind(NamedTuple):
    """Calls that need a second person, by their method and path."""

    name: str
    method: str
    path: re.Pattern[str]


_PART: Final = r"([^/]+)"
KINDS: Final = (
    _Kind("pack_mode", "POST", re.compile(f"/v1/rule-packs/{_PART}/mode")),
    _Kind("card_mode", "POST", re.compile(f"/v1/scorecards/{_PART}/mode")),
    _Kind("entry", "PUT", re.compile(f"/v1/lists/{_PART}/entries/{_PART}")),
    _Kind("entry_end", "DELETE", re.compile(f"/v1/lists/{_PART}/entries/{_PART}")),
    _Kind("snooze", "PUT", re.compile(f"/v1/rule-packs/{_PART}/rules/{_PART}/snoozes/{_PART}")),
    _Kind("snooze_end", "DELETE", re.compile(f"/v1/rule-packs/{_PART}/rules/{_PART}/snoozes/{_PART}")),
)


async def proposals(visit: Visit) -> Shown:
    """GET /console/proposals?all=true."""
    every = {"all": visit.query["all"]} if "all" in visit.query else {}
    page = await visit.get(PROPOSALS, visit.page_query(limit=ROWS, **every))
    data = {
        "proposals": page,
        "words": {each["id"]: words_of(each) for each in page["data"]},
        "all": visit.query.get("all") == "true",
        "four_eyes": visit.four_eyes,
    }
    return View(template="proposals.html", title="Proposals", data=data)


async def proposal(visit: Visit) -> Shown:
    """GET /console/proposals/{id}."""
    return await _shown(visit, done=visit.query.get("done"))


async def _shown(visit: Visit, **more: Any) -> View:
    found = await visit.get(PROPOSAL, id=visit.param("id"))
    data = {
        "proposal": found,
        "own": found["made_by"] == visit.who.name,
        "change": msgspec.to_builtins(await change_of(visit, found)),
        "problem": None,
        "done": None,
        **more,
    }
    return View(template="proposal.html", title=f"Proposal {found['id'][-12:]}", data=data)


def _kind_of(found: dict[str, Any]) -> tuple[str, list[str]]:
    """Which call a proposal asks for, and the parts of its path; "" for one that this version does not know."""
    for kind in KINDS:
        matched = kind.path.fullmatch(found["path"])
        if matched is not None and kind.method == found["method"]:
            return kind.name, [unquote(part) for part in matched.groups()]
    return "", []


def words_of(found: dict[str, Any]) -> str:
    """What a proposal asks for, in a line."""
    kind, parts = _kind_of(found)
    content = found["content"] or {}
    modes = {"pack_mode": "Run {}@{} {}", "card_mode": "Run the scorecard {}@{} {}"}
    if kind in modes:
        through = f" through {_label(content)}" if "pack" in content else ""
        return modes[kind].format(parts[0], content.get("version", "newest"), content.get("mode", "")) + through
    return {
        "entry": "Put {1} on the list {0}",
        "entry_end": "Take {1} off the list {0}",
        "snooze": "Snooze {0}/{1} for {2}",
        "snooze_end": "End the snooze of {0}/{1} for {2}",
        "": f"{found['method']} {found['path']}",
    }[kind].format(*parts)


def _label(content: dict[str, Any]) -> str:
    """The pack through which a card is to decide."""
    return f"{content['pack']}@{content.get('pack_version', 'newest')}"


async def change_of(visit: Visit, found: dict[str, Any]) -> Change:
    """What approving would change, as things stand now."""
    kind, parts = _kind_of(found)
    what, content = words_of(found), found["content"] or {}
    if kind in _MODES:
        return await _of_mode(visit, kind, what, parts[0], content)
    if kind in ("entry", "entry_end"):
        there = await unless(GONE, visit.get(ENTRY, name=parts[0], value=parts[1]))
        then = _entry(content) if kind == "entry" else "not on it"
        now = "not on it" if there is None else _entry(there)
        return Change(what=what, now=now, then=then, place=f"/console/lists/{parts[0]}")
    if kind in ("snooze", "snooze_end"):
        there = await unless(GONE, visit.get(OF_WALLET, id=parts[2]))
        pack, rule, _ = parts
        held = [each for each in (there or {"data": []})["data"] if (each["pack"], each["rule"]) == (pack, rule)]
        now = _snooze(held[0]) if held else "the rule fires"
        then = _snooze(content) if kind == "snooze" else "the rule fires"
        return Change(what=what, now=now, then=then, place=f"/console/rule-packs/{pack}/rules/{rule}")
    return Change(what=what, now="", then="", place="/console/proposals")


class _Document(NamedTuple):
    """What modes are given to: where it is in the API and the console, and what people call it."""

    path: str
    place: str
    name: str


_MODES: Final = {
    "pack_mode": _Document(PACK, "/console/rule-packs", "pack"),
    "card_mode": _Document(CARD, "/console/scorecards", "scorecard"),
}


async def _of_mode(visit: Visit, kind: str, what: str, name: str, content: dict[str, Any]) -> Change:
    """A mode of a pack or a card: what is live now, and how what would decide differs from that."""
    document = _MODES[kind]
    query = {"version": str(content["version"])} if "version" in content else {}
    wanted = await unless(GONE, visit.get(document.path, query, name=name))
    if wanted is None:
        return Change(what=what, now=f"there is no such {document.name}", then="", place=document.place)
    live = await _live(visit)
    now, differences = "no pack is live" if live is None else f"{_version(live)} is live", []
    if kind == "pack_mode":
        now = f"{_version(wanted)} has the mode {wanted['mode']}; {now}"
    elif live is not None:
        now += f" with the scorecard {live['card']}" if live["card"] else " with no scorecard"
    if content.get("mode") in DECIDES and live is not None:
        differ = _pack_differs if kind == "pack_mode" else _card_differs
        differences = await differ(visit, live, wanted, content)
    place = f"{document.place}/{name}?version={wanted['version']}"
    lines, left_out = await asyncio.to_thread(_shown_lines, differences)
    return Change(what=what, now=now, then=_then(content), place=place, difference=lines, left_out=left_out)


def _then(content: dict[str, Any]) -> str:
    share = f" for {content['share']} ‰ of the wallets" if "share" in content else ""
    through = f" through {_label(content)}" if "pack" in content else ""
    return f"mode {content.get('mode', '')}{share}{through}"


def _version(pack: dict[str, Any]) -> str:
    return f"{pack['name']}@{pack['version']}"


async def _live(visit: Visit) -> Any:
    """The pack that is live, None where none is."""
    deployments = (await visit.get(PACKS, {"limit": "1"}))["deployments"]
    if not deployments:
        return None
    name, _, version = deployments[0]["live"].rpartition("@")
    return await visit.get(PACK, {"version": version}, name=name)


class _Difference(NamedTuple):
    """Two texts and what they are called; the order of lines says nothing in a list of values."""

    before: str
    after: str
    old: str
    new: str
    ordered: bool = True


async def _pack_differs(
    visit: Visit, live: dict[str, Any], wanted: dict[str, Any], content: dict[str, Any]
) -> list[_Difference]:
    return _packs_differ(live, wanted)


def _packs_differ(live: dict[str, Any], wanted: dict[str, Any]) -> list[_Difference]:
    """Of their texts, and of the lists in their files."""
    old, new = _version(live), _version(wanted)
    texts = _Difference(live["text"], wanted["text"], old, new)
    names = sorted({*live["files"], *wanted["files"]})
    files = [(live["files"].get(name, ""), wanted["files"].get(name, ""), name) for name in names]
    return [
        texts,
        *(_Difference(before, after, f"{old} {name}", f"{new} {name}", False) for before, after, name in files),
    ]


async def _card_differs(
    visit: Visit, live: dict[str, Any], wanted: dict[str, Any], content: dict[str, Any]
) -> list[_Difference]:
    """Of the cards, and of the packs where the card is to decide through another one than the live one."""
    label, before = live["card"], {}
    if label:
        name, _, version = label.rpartition("@")
        before = (await visit.get(CARD, {"version": version}, name=name))["document"]
    cards = _Difference(_text(before), _text(wanted["document"]), label or "no scorecard", _version(wanted))
    through = await _through(visit, live, content)
    return [cards, *_packs_differ(live, through)]


async def _through(visit: Visit, live: dict[str, Any], content: dict[str, Any]) -> Any:
    """The pack through which a card is to decide."""
    name = content.get("pack")
    if name is None or (name == live["name"] and "pack_version" not in content):
        return live
    query = {"version": str(content["pack_version"])} if "pack_version" in content else {}
    gone = {"name": name, "version": "", "text": "", "files": {}}
    return await unless(GONE, visit.get(PACK, query, name=name)) or gone


def _text(document: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _shown_lines(differences: list[_Difference]) -> tuple[list[str], int]:
    """Lines that differ, DIFFERENCES_MAX at most, and how many more there are."""
    lines = [line for each in differences if each.before != each.after for line in _lines_of(each)]
    return lines[:DIFFERENCES_MAX], max(0, len(lines) - DIFFERENCES_MAX)


def _lines_of(each: _Difference) -> list[str]:
    before, after = each.before.splitlines(), each.after.splitlines()
    if each.ordered:
        lines = list(difflib.unified_diff(before, after, each.old, each.new, lineterm="", n=CONTEXT_LINES))
    else:
        lines = [*(f"-{line}" for line in _without(before, after)), *(f"+{line}" for line in _without(after, before))]
        lines = [f"--- {each.old}", f"+++ {each.new}", *lines] if lines else []
    return lines or [f"--- {each.old}", f"+++ {each.new}", "@@ they differ in the order or the ends of lines only @@"]


def _without(lines: list[str], others: list[str]) -> list[str]:
    """Those of `lines` that are not among the others, as often as there are more of them. In linear time: lists have up to 8 MiB."""
    left, found = Counter(others), []
    for line in lines:
        if left[line]:
            left[line] -= 1
        else:
            found.append(line)
    return found


def _entry(entry: dict[str, Any]) -> str:
    end = entry.get("expires_at")
    return f"on it {f'until {end}' if end else 'until it is taken off'}{_why(entry)}"


def _snooze(entry: dict[str, Any]) -> str:
    return f"snoozed until {entry.get('until', '')}{_why(entry)}"


def _why(entry: dict[str, Any]) -> str:
    """A reason, unless there is none or it was erased."""
    return f": {entry['reason']}" if entry.get("reason") else ""


async def answer(visit: Visit) -> Shown:
    """POST /console/proposals/{id}/{answer}: approve or decline; what the call itself refuses leaves the proposal open."""
    identity, word = visit.param("id"), visit.param("answer")
    path = APPROVE if word == "approve" else DECLINE
    try:
        await visit.send(Wanted(method="POST", path=path, params={"id": identity}, body={}))
    except ProblemError as problem:
        return await with_problem(SHOWN_ON_PAGE, problem, partial(_shown, visit))
    return Redirect(f"/console/proposals/{identity}?done={word}")


PAGES: Final = (
    Page("GET", "/console/proposals", proposals, query=("all", "after")),
    Page("GET", "/console/proposals/{id}", proposal, query=("done",)),
    Page("POST", "/console/proposals/{id}/{answer:approve|decline}", answer),
)
