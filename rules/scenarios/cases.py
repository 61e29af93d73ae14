"""Tests that stand in a scenario: what is known of a wallet, and what must be answered.

What a test does not say is as usual: a wallet of twelve months with a score of 600, nothing open, nothing late.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from rules.language.problems import did_you_mean, shortened
from rules.language.reading import Reader
from rules.language.words import word_number
from rules.language.yaml_nodes import Value
from rules.scenarios.evaluation import Evaluator
from rules.vocabulary.catalogue import BOOL, INT, Field
from rules.vocabulary.columns import NULL
from rules.vocabulary.credit import BAND_EDGES, CREDIT, CREDIT_FIELDS, CREDIT_INDEX, SCORE_MIN
from rules.vocabulary.currencies import ALPHA, NUMERIC

CASES_MAX: Final = 200
_FIELDS: Final = ("name", "given", "expect")
_EXPECT: Final = ("result", "granted", "reasons")
_RESULTS: Final = ("yes", "no")
USUAL: Final = {
    "amount": NULL,
    "score": 600,
    "band": 3,
    "history": 120,
    "behaviour": 120,
    "ability": 120,
    "identity": 120,
    "relations": 120,
    "months_on_book": 12,
}


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test. `given`: numbers by field; None in what is expected: not said."""

    name: str
    line: int
    given: tuple[tuple[str, int], ...]
    yes: bool | None = None
    granted: int | None = None
    reasons: frozenset[str] | None = None


def read_cases(reader: Reader, value: Value | None, reasons: Collection[str]) -> tuple[Case, ...]:
    """The tests of a scenario that can give these reasons."""
    return tuple(_case(reader, each, reasons) for each in reader.entries(value, "tests", CASES_MAX))


def _case(reader: Reader, value: Value, reasons: Collection[str]) -> Case:
    fields = reader.fields(value, _FIELDS, "a test", needed=_FIELDS)
    expected = reader.fields(fields["expect"], _EXPECT, "expect") if "expect" in fields else {}
    given = reader.fields(fields["given"], CREDIT_FIELDS, "given") if "given" in fields else {}
    result = reader.choice(expected.get("result"), "result", _RESULTS, "yes")
    numbers = {name: _number(reader, CREDIT_FIELDS[name], inner) for name, inner in given.items()}
    if "score" in numbers and "band" in numbers and not reader.problems and not reader.stored:
        band = _band(numbers["score"])
        if numbers["band"] != band:
            reader.wrong(given["band"], f"band: a score of {numbers['score']} is in band {band}", "leave band out")
    return Case(
        name=reader.text(fields.get("name"), "name"),
        line=reader.document.line(value.start),
        given=tuple(numbers.items()),
        yes=result == "yes" if "result" in expected else None,
        granted=reader.integer(expected["granted"], "granted", 2**53 - 1) if "granted" in expected else None,
        reasons=_named(reader, expected["reasons"], reasons) if "reasons" in expected else None,
    )


def _named(reader: Reader, value: Value, reasons: Collection[str]) -> frozenset[str]:
    named = set()
    for item in reader.entries(value, "reasons", len(reasons)):
        word = str(item.data)
        if word not in reasons:
            reader.wrong(item, f"no part gives the reason {shortened(word)}", did_you_mean(word, reasons))
        named.add(word)
    return frozenset(named)


def _number(reader: Reader, field: Field, value: Value) -> int:
    data = value.data
    if data is None and field.unknown:
        return NULL
    if field.type is BOOL and isinstance(data, bool):
        return int(data)
    if field.type is INT and type(data) is int and NULL < data < -NULL:
        if field.range and not field.range[0] <= data <= field.range[1]:
            reader.wrong(value, f"{field.name}: {data} does not occur, only {field.unit} do")
        return data
    if field.type.domain is not None and isinstance(data, str):
        try:
            return word_number(field.type, data)
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            reader.wrong(value, f"{field.name}: {message}", hint)
            return 0
    reader.wrong(value, f"{field.name}: a {field.type.name} is expected", f"{CREDIT.page} lists all fields")
    return 0


def _band(score: int) -> int:
    return 1 + bisect_right(BAND_EDGES, score)


def _of_one_score(row: Mapping[str, int]) -> dict[str, int]:
    """The band of a score that is given, the lowest score of a band that is given alone."""
    if "score" in row:
        return {"band": _band(row["score"])}
    return {"score": (SCORE_MIN, *BAND_EDGES)[row["band"] - 1]} if "band" in row else {}


def columns_of(rows: Sequence[Mapping[str, int]], caps: Mapping[str, int]) -> NDArray[np.int64]:
    """Columns of what is given, the rest as usual; the first of the currencies, and its cap, unless they are given. Score and band follow
    each other."""
    first = next(iter(caps), "XXX")
    columns = np.zeros((len(rows), len(CREDIT_INDEX)), np.int64)
    for column, row in zip(columns, rows, strict=True):
        known = {"currency": NUMERIC[first], **USUAL, **_of_one_score(row), **row}
        known.setdefault("cap", caps.get(ALPHA[known["currency"]], 0))
        for name, number in known.items():
            column[CREDIT_INDEX[name]] = number
    return columns


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a test; it passed if nothing differs."""

    name: str
    line: int
    differences: tuple[str, ...]


def run_cases(
    cases: Sequence[Case], evaluator: Evaluator, reasons: Sequence[str], caps: Mapping[str, int]
) -> tuple[Outcome, ...]:
    """What became of each test of a scenario with these reasons, by bit, and caps, by currency."""
    outcomes = evaluator.evaluate(columns_of([dict(case.given) for case in cases], caps))
    return tuple(
        Outcome(name=case.name, line=case.line, differences=tuple(_differences(case, outcome, reasons)))
        for case, outcome in zip(cases, outcomes, strict=True)
    )


def _differences(case: Case, outcome: Any, reasons: Sequence[str]) -> list[str]:
    mask = int(outcome["reasons"])
    found = (
        ("result", case.yes, bool(outcome["yes"])),
        ("granted", case.granted, int(outcome["granted"])),
        ("reasons", case.reasons, frozenset(reason for bit, reason in enumerate(reasons) if mask >> bit & 1)),
    )
    return [
        f"{what}: {_shown(wanted)} was expected, it is {_shown(is_)}"
        for what, wanted, is_ in found
        if wanted is not None and wanted != is_
    ]


def _shown(value: bool | int | frozenset[str]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(sorted(value)) or "none" if isinstance(value, frozenset) else str(value)
