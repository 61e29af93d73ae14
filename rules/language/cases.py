"""Tests that stand in a pack: what a payment looks like, and what must become of it.

What a test does not give has its usual value.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from rules.decisions.decision import Action
from rules.decisions.pack import Decider, Pack
from rules.language.ir import INT_MAX, INT_MIN
from rules.language.problems import did_you_mean, shortened
from rules.language.reading import Reader
from rules.language.words import word_number
from rules.language.yaml_nodes import Value
from rules.vocabulary.catalogue import BOOL, FIELDS, INPUTS, INT, TIME, Field
from rules.vocabulary.columns import COLUMN_COUNT, INDEX, NULL, USER_PAYER_COLUMNS, WINDOW_NAMES
from rules.vocabulary.encodings import WalletKind
from rules.vocabulary.times import time_ms

CASES_MAX: Final = 1_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
THURSDAY: Final = 4
"""The weekday of 1970-01-01, Monday first from 1."""

_FIELDS: Final = ("name", "given", "expect")
_EXPECT: Final = ("action", "reasons", "points", "fires")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test. `given`: columns and their numbers; None in what is expected: not checked. `fires`: ids, shadow rules included."""

    name: str
    line: int
    given: tuple[tuple[int, int], ...]
    action: Action | None = None
    reasons: frozenset[str] | None = None
    points: int | None = None
    fires: frozenset[str] | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test; it passed if nothing differs."""

    name: str
    line: int
    differences: tuple[str, ...]


def read_cases(reader: Reader, value: Value | None, rules: Collection[str]) -> tuple[Case, ...]:
    """The tests of a pack whose rules are called so."""
    return tuple(_case(reader, each, rules) for each in reader.entries(value, "tests", CASES_MAX))


def _case(reader: Reader, value: Value, rules: Collection[str]) -> Case:
    fields = reader.fields(value, _FIELDS, "a test", needed=_FIELDS)
    expected = reader.fields(fields["expect"], _EXPECT, "expect") if "expect" in fields else {}
    given: dict[int, int] = {}
    if "given" in fields and fields["given"].is_map:
        for name, (key, inner) in fields["given"].data.items():
            _give(reader, given, name, key, inner)
        _follow_the_time(reader, given, fields["given"])
        _follow_the_payer(reader, given, fields["given"])
    elif "given" in fields:
        reader.wrong(fields["given"], "fields are expected, like `amount: 500`")
    action = reader.choice(expected.get("action"), "action", [each.name.lower() for each in Action], "approve")
    fires = _names(reader, expected.get("fires"), "fires")
    for item in expected["fires"].data if fires else ():
        if isinstance(item.data, str) and item.data not in rules:
            reader.wrong(item, f"no rule is called {shortened(item.data)}", did_you_mean(item.data, rules))
    return Case(
        name=reader.text(fields.get("name"), "name"),
        line=reader.document.problem(value.start, value.end, "").line,
        given=tuple(given.items()),
        action=Action[action.upper()] if "action" in expected else None,
        reasons=_names(reader, expected.get("reasons"), "reasons"),
        points=reader.integer(expected["points"], "points", INT_MAX) if "points" in expected else None,
        fires=fires,
    )


def _names(reader: Reader, value: Value | None, what: str) -> frozenset[str] | None:
    if value is None:
        return None
    return frozenset(reader.name(item) for item in reader.entries(value, what, 256))


def _give(reader: Reader, given: dict[int, int], name: str, key: Value, value: Value) -> None:
    field = INPUTS.get(name)
    if field is None:
        hint = did_you_mean(name, INPUTS, "docs/reference/rules.md lists all fields")
        reader.wrong(key, f"no field is named {shortened(name)}", hint)
        return
    try:
        number = _number(field, value.data, reader.stored)
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        reader.wrong(value, f"{name}: {message}", hint)
        return
    column = INDEX[field.column]
    given[column] = (
        _saturated(reader, given.get(column), name, value, number) if field.column == "saturated" else number
    )


def _saturated(reader: Reader, before: int | None, name: str, value: Value, number: int) -> int:
    """The column of all windows, `before` of those that stand before this one: a bit each, or null for all of them."""
    if before is not None and (before == NULL) != (number == NULL) and not reader.stored:
        reader.wrong(value, f"{name}: it is null for all windows or for none", "give null alone, or true and false")
    if NULL in (before, number):
        return NULL
    return (before or 0) | number << [f'saturated("{window}")' for window in WINDOW_NAMES].index(name)


def _follow_the_time(reader: Reader, given: dict[int, int], value: Value) -> None:
    """Hour and weekday are those of the effective time where that is given; one that contradicts it is wrong. Where it is not given, it
    is the hour of that weekday."""
    time = given.get(INDEX["effective_time"])
    if time is None:
        hour, weekday = (given.get(INDEX[name], FIELDS[name].usual) for name in ("hour", "weekday"))
        given[INDEX["effective_time"]] = (weekday - THURSDAY) % 7 * DAY_MS + hour % 24 * HOUR_MS
        return
    days, of_day = divmod(time, DAY_MS)
    for name, number in (("hour", of_day // HOUR_MS), ("weekday", (days + THURSDAY - 1) % 7 + 1)):
        if given.setdefault(INDEX[name], number) != number:
            wrong = value.data[name][1]
            reader.wrong(wrong, f"{name}: at the effective_time given it is {number}", f"leave {name} out")


def _follow_the_payer(reader: Reader, given: dict[int, int], value: Value) -> None:
    """Where an operator wallet pays, what is known of users only is unknown, as it is online."""
    if given.get(INDEX["payer_kind"], WalletKind.USER) <= WalletKind.MERCHANT:
        return
    for name, (_, inner) in value.data.items():
        field = INPUTS.get(name)
        if field and field.column in USER_PAYER_COLUMNS and inner.data is not None and not reader.stored:
            reader.wrong(inner, f"{name}: it is unknown when an operator wallet pays", f"leave {name} out")
    for column in USER_PAYER_COLUMNS:
        given.setdefault(INDEX[column], NULL)


def _number(field: Field, data: Any, stored: bool) -> int:
    if data is None:
        if not field.unknown:
            raise ValueError("it is always known")
        return INT_MIN
    if field.type is INT and type(data) is int and INT_MIN < data <= INT_MAX:
        if field.range and not stored and not field.range[0] <= data <= field.range[1]:
            raise ValueError(f"{data} does not occur, only {field.range[0]}..{field.range[1]} do")
        return data
    if field.type is BOOL and isinstance(data, bool):
        return int(data)
    if field.type is TIME and isinstance(data, str):
        return time_ms(data)
    if field.type.domain is not None and isinstance(data, str):
        return word_number(field.type, data, stored=stored)
    expected = {INT: "a whole number", BOOL: "true or false", TIME: "a time"}.get(field.type, f"a {field.type.name}")
    raise ValueError(f"{expected} is expected")


def columns_of(cases: Sequence[Case]) -> NDArray[np.int64]:
    """Columns (n, COLUMN_COUNT) of what the tests are given."""
    columns = np.zeros((len(cases), COLUMN_COUNT), np.int64)
    for field in INPUTS.values():
        columns[:, INDEX[field.column]] = field.usual
    for row, case in enumerate(cases):
        for column, number in case.given:
            columns[row, column] = number
    return columns


def run_cases(cases: Sequence[Case], decider: Decider) -> tuple[Outcome, ...]:
    """What became of each test."""
    trace = decider.trace(columns_of(cases))
    return tuple(
        Outcome(name=case.name, line=case.line, differences=_differences(case, decider.pack, decision, hits))
        for case, decision, hits in zip(cases, trace.decisions, trace.hits, strict=True)
    )


def _differences(case: Case, pack: Pack, decision: Any, hits: NDArray[np.bool_]) -> tuple[str, ...]:
    mask = int(decision["reasons"])
    reasons = frozenset(reason for bit, reason in enumerate(pack.reasons) if mask >> bit & 1)
    fired = frozenset(rule.id for rule, hit in zip(pack.rules, hits, strict=True) if hit)
    found = (
        ("action", case.action, Action(int(decision["action"]))),
        ("points", case.points, int(decision["points"])),
        ("reasons", case.reasons, reasons),
        ("fires", case.fires, fired),
    )
    return tuple(
        f"{what}: {_shown(wanted)} was expected, it is {_shown(is_)}"
        for what, wanted, is_ in found
        if wanted is not None and wanted != is_
    )


def _shown(value: Action | int | frozenset[str]) -> str:
    if isinstance(value, Action):
        return value.name.lower()
    return ", ".join(sorted(value)) or "none" if isinstance(value, frozenset) else str(value)
