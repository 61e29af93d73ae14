"""A payment: what was asked, what was decided and by which rules, and all that became of it."""

import asyncio
import json
from collections import OrderedDict
from typing import Any, Final

import msgspec

from rules.language.tables import ANY
from rules.language.yaml_nodes import Document
from switch.console.labels import LABEL, put_label
from switch.console.page import Page, Redirect, Shown, View, Visit, Wanted, unless
from switch.console.sent import sent_of
from switch.console.snoozes import snoozable
from switch.problems.table import PROBLEMS, ProblemError

TRANSFER: Final = "/v1/transfers/{id}"
PACK: Final = "/v1/rule-packs/{name}"
WALLET: Final = "/v1/wallets/{id}"
EXPLANATION: Final = f"{TRANSFER}/explanation"
EVENTS: Final = f"{TRANSFER}/events"
EVENTS_SHOWN: Final = "50"
"""On a page; what follows is on the next one."""
PARTS_SHOWN: Final = 50
"""Captures and refunds that are told with what happened, the newest of each; all are among the events."""
NOT_EXPLAINED: Final = frozenset({"backtest_running", "backtest_too_large", "overloaded"})
"""Problems that who asks sees on the page."""
ASKED: Final = frozenset({"transfer", "hold"})
NO_LABEL: Final = frozenset({"label_not_found"})
PACKS_KEPT: Final = 64
"""Rules of pack versions that are remembered, a few kB each: a version never changes."""
NO_WALLET: Final = frozenset({"forbidden", "wallet_not_found"})
_TONES: Final = {"declined": "bad", "in_review": "warn", "held": "info", "voided": "", "expired": ""}


class RuleLine(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as its pack's text has it."""

    id: str
    description: str
    when: str
    action: str
    points: int
    reason: str
    mode: str


class PackText(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack's text says: its rules in order, and the points below which it reviews or declines; None: it has no such threshold."""

    rules: list[RuleLine]
    review_below: int | None = None
    decline_below: int | None = None


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """What points come to by a pack's thresholds: `points` are at least (`met`), or not, the threshold `of` that says so; `action`: what
    follows from them alone."""

    points: int
    of: int
    met: bool
    action: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a payment. `id`: of the record that says so, None where that is the payment's own."""

    at: str
    what: str
    tone: str
    amount: int | None = None
    id: str | None = None
    by: str | None = None


class PackTexts:
    """Texts by version of a pack: reading one takes milliseconds, so it happens in a thread, and once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, PackText] = OrderedDict()

    async def of(self, label: str, text: str) -> PackText:
        """What the text of name@version says."""
        found = self._kept.get(label)
        if found is None:
            found = self._kept[label] = await asyncio.to_thread(_read, text)
            if len(self._kept) > PACKS_KEPT:
                self._kept.popitem(last=False)
        return found


def _read(text: str) -> PackText:
    """A published pack has been checked, so only what it may leave out is looked at here. Rows of tables are rules."""
    root = Document(text).root.plain
    rules = [_line(rule, _text(rule.get("id")), _condition(rule.get("when")), rule) for rule in root.get("rules") or ()]
    for table in root.get("tables") or ():
        inputs = [_text(each) for each in table["inputs"]]
        for at, row in enumerate(table["rows"], start=1):
            cells = [f"{name}: {_cell(cell)}" for name, cell in zip(inputs, row["when"], strict=True) if cell != ANY]
            rules.append(_line(row, f"{table['id']}.{at}", "; ".join(cells) or "anything", table))
    below = root.get("thresholds") or {}
    return PackText(rules=rules, review_below=below.get("review_below"), decline_below=below.get("decline_below"))


def _line(rule: dict[str, Any], identity: str, when: str, whole: dict[str, Any]) -> RuleLine:
    """`whole`: the rule itself, or the table of a row, which has the description and the mode."""
    return RuleLine(
        id=identity,
        description=_text(whole.get("description")),
        when=when,
        action=_text(rule.get("action")),
        points=rule.get("points", 0),
        reason=_text(rule.get("reason")),
        mode=_text(whole.get("mode", "live")),
    )


def _condition(when: Any) -> str:
    return " ".join(when.split()) if isinstance(when, str) else _cell(when)


def _cell(value: Any) -> str:
    """A value as YAML writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_cell, value))}]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def threshold_of(points: int, text: PackText) -> Threshold | None:
    """The threshold that says what points come to: the strictest under which they lie, else the one that they came nearest to. None: the
    pack has none."""
    if text.decline_below is not None and points < text.decline_below:
        return Threshold(points=points, of=text.decline_below, met=False, action="decline")
    if text.review_below is not None and points < text.review_below:
        return Threshold(points=points, of=text.review_below, met=False, action="review")
    nearest = text.decline_below if text.review_below is None else text.review_below
    return None if nearest is None else Threshold(points=points, of=nearest, met=True, action="approve")


_PACK_TEXTS: Final = PackTexts()


async def transfer(visit: Visit) -> Shown:
    """GET /console/transfers/{id}."""
    visit.get_ready("POST", EXPLANATION)
    return await _shown(visit, done=visit.query.get("done"))


async def explain(visit: Visit) -> Shown:
    """POST /console/transfers/{id}/explain: every rule's value, and the card's points; nothing is recorded."""
    wanted = Wanted(method="POST", path=EXPLANATION, params={"id": visit.param("id")}, body={})
    try:
        answer = await visit.send(wanted)
    except ProblemError as problem:
        if problem.code not in NOT_EXPLAINED:
            raise
        shown = await _shown(visit, unexplained=problem.detail or PROBLEMS[problem.code].title)
        return msgspec.structs.replace(shown, status=PROBLEMS[problem.code].status)
    found = answer["explanation"]
    return await _shown(visit, explanation={**found, "rules": sorted(found["rules"], key=_how_far)})


def _how_far(rule: dict[str, Any]) -> int:
    """Those that fired first, then those that had no value, then the rest, each in the order of the pack."""
    return 0 if rule["fired"] else 1 if rule["no_value"] else 2


async def _shown(visit: Visit, **more: Any) -> View:
    shown, older = _with_newest(await visit.get(TRANSFER, id=visit.param("id")))
    payer, payee, decided, origin, label, events, snoozes = await asyncio.gather(
        _wallet(visit, shown["payer"]),
        _wallet(visit, shown["payee"]),
        _decided(visit, shown),
        _origin(visit, shown),
        _label(visit, shown),
        visit.get(EVENTS, visit.page_query(limit=EVENTS_SHOWN), id=shown["id"]),
        snoozable(visit, shown["payer"]),
    )
    data = {
        "transfer": shown,
        "origin": origin,
        "payer": payer,
        "payee": payee,
        "decided": decided,
        "label": label,
        "events": events,
        "sent": await sent_of(visit, [event["id"] for event in events["data"]]),
        "snoozes": snoozes,
        "snoozable": _of_pack(shown, decided, snoozes),
        "timeline": msgspec.to_builtins(timeline(shown)),
        "older": older,
        "explanation": None,
        "unexplained": None,
        "done": None,
        **more,
    }
    return View(template="transfer.html", title=f"Payment {shown['id'][-12:]}", data=data)


def _with_newest(found: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """A payment with the newest of its captures and refunds, and how many it has besides."""
    parts: dict[str, Any] = {name: found[name] for name in ("captures", "refunds") if name in found}
    newest: dict[str, Any] = {name: each[-PARTS_SHOWN:] for name, each in parts.items()}
    return {**found, **newest}, sum(map(len, parts.values())) - sum(map(len, newest.values()))


async def _wallet(visit: Visit, wallet: str) -> Any:
    """A side's wallet, None where the key may not see it."""
    return await unless(NO_WALLET, visit.get(WALLET, id=wallet)) if visit.may("GET", WALLET) else None


async def _label(visit: Visit, shown: dict[str, Any]) -> Any:
    """Whether it was fraud, and who says so: None where nobody has, or the key may not know, False of what has no label."""
    if shown["type"] not in ASKED:
        return False
    return await unless(NO_LABEL, visit.get(LABEL, id=shown["id"])) if visit.may("GET", LABEL) else None


def _of_pack(shown: dict[str, Any], decided: Any, snoozes: Any) -> list[str]:
    """Rules that could be snoozed for the payer: those that gave a reason first."""
    if snoozes is None or shown["decision"] is None:
        return []
    fired = [f"{decided['name']}/{rule['id']}" for rule in decided["fired"]] if decided else []
    running = frozenset(snoozes["rules"])
    return [name for name in fired if name in running] + [name for name in snoozes["rules"] if name not in fired]


async def _origin(visit: Visit, shown: dict[str, Any]) -> Any:
    """The payment that a capture, void or refund belongs to."""
    if "of" not in shown:
        return None
    return await unless(frozenset({"transfer_not_found"}), visit.get(TRANSFER, id=shown["of"]))


async def _decided(visit: Visit, shown: dict[str, Any]) -> Any:
    """Pack and rules behind a decision: those that gave one of its reasons, how many others there are, and the threshold that its points
    met. None: not scored, or the key may not read packs."""
    decision = shown["decision"]
    if decision is None or not visit.may("GET", PACK):
        return None
    name, _, version = decision["pack"].partition("@")
    found = await unless(
        frozenset({"rule_pack_not_found", "invalid_query"}), visit.get(PACK, {"version": version}, name=name)
    )
    if found is None:
        return None
    text = await _PACK_TEXTS.of(decision["pack"], found["text"])
    rules, threshold = text.rules, None if decision.get("fallback") else threshold_of(decision["points"], text)
    fired = [rule for rule in rules if rule.reason in decision["reasons"]]
    return {
        "name": name,
        "version": found["version"],
        "card": found["card"],
        "fired": msgspec.to_builtins(fired),
        "others": len(rules) - len(fired),
        "threshold": None if threshold is None else msgspec.to_builtins(threshold),
    }


def timeline(shown: dict[str, Any]) -> list[Moment]:
    """What happened to a payment, oldest first, as its record and what refers to it tell."""
    kind = shown["type"]
    asked = {"transfer": "Payment asked for", "hold": "Hold asked for"}.get(kind, kind.capitalize())
    moments = [Moment(at=shown["created_at"], what=asked, tone="info", amount=shown["amount"])]
    decision = shown["decision"]
    if decision is not None:
        tone = {"approve": "good", "review": "warn", "decline": "bad"}.get(decision["action"], "")
        by = decision["pack"] + (" (fallback)" if decision.get("fallback") else "")
        moments.append(Moment(at=shown["created_at"], what=f"Scored: {decision['action']}", tone=tone, by=by))
    moments += _ends(shown)
    moments += [_part(part, "Captured", "good") for part in shown.get("captures", ())]
    moments += [_part(part, "Refunded", "info") for part in shown.get("refunds", ())]
    return sorted(moments, key=lambda moment: moment.at)


def _ends(shown: dict[str, Any]) -> list[Moment]:
    """How a review ended, and what state it left the payment in."""
    moments, review, status = [], shown.get("review"), shown["status"]
    if review is not None and review["status"] != "open":
        tone = "good" if review["status"] == "approved" else "bad"
        at = review["decided_at"] or review["expires_at"]
        moments.append(Moment(at=at, what=f"Review {review['status']}", tone=tone, by=review["decided_by"]))
    elif review is not None:
        moments.append(Moment(at=shown["created_at"], what="Waits for an analyst", tone="warn"))
    elif status == "declined":
        moments.append(Moment(at=shown["created_at"], what=f"Declined: {shown['code']}", tone="bad"))
    elif status == "posted" and shown["type"] == "transfer":
        moments.append(
            Moment(at=shown["created_at"], what="Money moved, committed", tone="good", amount=shown["amount"])
        )
    elif shown["type"] == "hold":
        moments.append(Moment(at=shown["created_at"], what="Held on the payer's wallet", tone="info"))
    if shown["type"] == "hold" and status == "expired":
        moments.append(Moment(at=shown["expires_at"], what="Expired, released", tone="", amount=shown.get("released")))
    return moments


def _part(part: dict[str, Any], what: str, tone: str) -> Moment:
    return Moment(at=part["created_at"], what=what, tone=tone, amount=part["amount"], id=part["id"])


async def label_transfer(visit: Visit) -> Shown:
    """POST /console/transfers/{id}/label: fraud, not-fraud, or the label is taken back."""
    identity, name = visit.param("id"), visit.form.get("do", "")
    await put_label(visit, identity, name)
    return Redirect(f"/console/transfers/{identity}?done={name}")


CHANGES: Final = {
    "capture": "/v1/transfers/{id}/capture",
    "void": "/v1/transfers/{id}/void",
    "refund": "/v1/transfers/{id}/refund",
}


async def change_transfer(visit: Visit) -> Shown:
    """POST /console/transfers/{id}/{change}: capture, void or refund all that is left."""
    identity, change = visit.param("id"), visit.param("change")
    await visit.send(Wanted(method="POST", path=CHANGES[change], params={"id": identity}, body={}))
    return Redirect(f"/console/transfers/{identity}?done={change}")


async def find(visit: Visit) -> Shown:
    """GET /console/find?q=: by id of a payment or wallet, by a payment's reference, by a wallet's external id or owner."""
    wanted = visit.query.get("q", "").strip()
    found: dict[str, Any] = {"find": wanted, "wallets": [], "payments": [], "searched": None}
    if len(wanted) == 36 and wanted.count("-") == 4:
        for path, to in ((TRANSFER, "transfers"), (WALLET, "wallets")):
            if visit.may("GET", path) and await _there(visit, path, wanted):
                return Redirect(f"/console/{to}/{wanted.lower()}")
    if wanted and visit.may("GET", "/v1/wallets"):
        for name in ("external_id", "owner"):
            page = await visit.get("/v1/wallets", {name: wanted, "limit": "20"})
            found["wallets"] += [each for each in page["data"] if each not in found["wallets"]]
    if wanted and visit.may("GET", "/v1/events"):
        page = await visit.get("/v1/events", {"after": "last", "reference": wanted, "limit": "50"})
        found["payments"] = page["data"][::-1]
    return View(template="find.html", title="Find", data=found)


async def _there(visit: Visit, path: str, identity: str) -> bool:
    try:
        await visit.get(path, id=identity)
    except ProblemError as problem:
        if problem.code in ("transfer_not_found", "wallet_not_found"):
            return False
        raise
    return True


PAGES: Final = (
    Page("GET", "/console/find", find, query=("q",)),
    Page("GET", "/console/transfers/{id}", transfer, query=("done", "after")),
    Page("POST", "/console/transfers/{id}/label", label_transfer),
    Page("POST", "/console/transfers/{id}/explain", explain),
    Page("POST", "/console/transfers/{id}/{change:capture|void|refund}", change_transfer),
)
