"""Why a payment was decided as it was: what each rule made of it, what each characteristic gave.

The columns that its decision saw are given again by the journal; the rules and the card are the code that decides online. So what is
explained is what was recorded, bit for bit.
"""

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.backtest.decided_under import DecidedUnder
from actors.backtest.run import recorded_decisions
from actors.ledger.rebuilding import Rebuilt
from models.card_rows import score_rows
from models.jit import read_only
from models.scorecard import Scorecard, flatten
from rules.decisions.decision import Action, Decisions
from rules.decisions.pack import Decider
from rules.vocabulary.catalogue import CODES
from rules.vocabulary.columns import COLUMNS, INDEX, NULL
from rules.vocabulary.encodings import COUNTRIES

LEFT_OUT: Final = ("payer", "payee", "device", "effective_time")
"""Columns that are numbers of the switch's own, or stand with the payment."""
SAME: Final = ("action", "points", "reasons", "pack")

Value = int | str | None


class RuleValue(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule made of a payment: it `fired`, or not, or it had `no_value`. `points` and `reason`: what it gives when it fires; `live`
    false: it runs in shadow and gives nothing."""

    id: str
    action: str
    reason: str
    points: int
    live: bool
    fired: bool
    no_value: bool


class CardLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a characteristic of the scorecard gave for its value, null: not known, and the most that it gives."""

    feature: str
    value: Value
    points: int
    best: int
    reason: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`same`: decided again it comes to what was recorded. `base`: points of the card for everybody; `columns`: what rules and card saw."""

    pack: str
    card: str | None
    action: str
    points: int
    same: bool
    base: int
    columns: dict[str, Value]
    rules: list[RuleValue]
    lines: list[CardLine]


def explained(decider: Decider, rebuilt: Rebuilt, under: DecidedUnder, address: int) -> Explanation | None:
    """The explanation of the attempt at an address, if it is one of these."""
    place = int(np.searchsorted(rebuilt.addresses, address))
    if place == len(rebuilt.addresses) or rebuilt.addresses[place] != address:
        return None
    one = slice(place, place + 1)
    columns = rebuilt.columns[one]
    hits = decider.fired(columns, under.controls, under.of(rebuilt.addresses[one]))
    pack = decider.pack
    bits = zip(_bits(hits.hits, len(pack.rules)), _bits(hits.unknown, len(pack.rules)), strict=True)
    rules = [
        RuleValue(
            id=rule.id,
            action=_name(rule.action),
            reason=rule.reason,
            points=rule.points,
            live=rule.live,
            fired=fired,
            no_value=unknown,
        )
        for rule, (fired, unknown) in zip(pack.rules, bits, strict=True)
    ]
    return Explanation(
        pack=f"{pack.name}@{pack.version}",
        card=None if pack.card is None else f"{pack.card.name}@{pack.card.version}",
        action=_name(hits.decisions["action"][0]),
        points=int(hits.decisions["points"][0]),
        same=_is_same(hits.decisions, recorded_decisions(rebuilt.records[one])),
        base=0 if pack.card is None else pack.card.base,
        columns={name: _value(name, columns[0, INDEX[name]]) for name in COLUMNS if name not in LEFT_OUT},
        rules=rules,
        lines=[] if pack.card is None else _lines(pack.card, columns),
    )


def _is_same(now: Decisions, recorded: Decisions) -> bool:
    return all(bool((now[name] == recorded[name]).all()) for name in SAME)


def _name(action: Any) -> str:
    return Action(int(action)).name.lower()


def _bits(words: NDArray[np.uint64], count: int) -> list[bool]:
    """The first bits of one row."""
    return [bool(int(words[0, at >> 6]) >> (at & 63) & 1) for at in range(count)]


def _value(name: str, number: Any) -> Value:
    """A column's number as people know it."""
    found = int(number)
    if found == NULL:
        return None
    if name == "country":
        return COUNTRIES.get(found)
    words = CODES.get(name)
    return found if words is None else next((word for word, code in words.items() if code == found), None)


def _lines(card: Scorecard, columns: NDArray[np.int64]) -> list[CardLine]:
    """What the kernel that decides online takes away, characteristic by characteristic."""
    totals = np.zeros(1, np.int64)
    shortfalls = np.empty((1, len(card.characteristics)), np.int64)
    score_rows(flatten(card, INDEX, CODES), NULL, read_only(np.ascontiguousarray(columns)), totals, shortfalls)
    return [
        CardLine(
            feature=item.feature,
            value=_value(item.feature, columns[0, INDEX[item.feature]]),
            points=max(item.all_points) - int(lost),
            best=max(item.all_points),
            reason=item.reason,
        )
        for item, lost in zip(card.characteristics, shortfalls[0], strict=True)
    ]
