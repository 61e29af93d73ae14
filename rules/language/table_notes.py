"""Notes on a decision table: rows that never fire, that overlap, payments that fit none."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from rules.language.ir import INT_MAX, INT_MIN, Op
from rules.language.problems import Problem
from rules.language.remarks import columns_of, may_hold, may_lack_value
from rules.language.tables import ALL, Row, Set, covers, gap, joined, overlap, set_of
from rules.language.yaml_nodes import Document, Value
from rules.vocabulary.catalogue import FIELDS, INT, NOT_GIVEN, TIME, Type
from rules.vocabulary.columns import INDEX
from rules.vocabulary.times import time_text

NOTES_MAX: Final = 20


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """What a column of cells is about: its text, the index of its operation, its type."""

    text: str
    place: int
    type: Type


def notes_of(
    document: Document,
    table: Value,
    rows: Sequence[Value],
    cells: Sequence[Sequence[int | None]],
    inputs: Sequence[Input],
    ops: Sequence[Op],
    first: bool,
) -> list[Problem]:
    """Notes on a table, `first`: by its hit policy; of overlaps only those that no order explains."""
    domains = [_domain(each.type) for each in inputs]
    known = [_row(each, inputs, domains, ops) for each in cells]
    found: list[Problem] = []
    for at, message in _pairs(known, first):
        found.append(document.problem(rows[at].start, rows[at].end, message))
        if len(found) == NOTES_MAX:
            return found
    if any(row is None for row in known):
        found.append(document.problem(table.start, table.end, "gaps were not looked for: a cell is no constant"))
        return found
    try:
        point = gap([row for row in known if row is not None], tuple(domains))
    except ValueError as error:
        found.append(document.problem(table.start, table.end, f"gaps were not looked for: {error}"))
        return found
    if point is not None:
        values = ", ".join(
            f"{each.text} = {_word(each.type, number)}" for each, number in zip(inputs, point, strict=True)
        )
        found.append(document.problem(table.start, table.end, f"a gap: no row fits {values}"))
    return found


def nothing_given(
    document: Document,
    rows: Sequence[Value],
    roots: Sequence[int],
    firing: Sequence[int],
    does: Sequence[bool],
    inputs: Sequence[Input],
    ops: Sequence[Op],
) -> Iterator[Problem]:
    """Notes on a table of which only the first row that fits fires: a row without a value, as where the caller leaves out what its cell is
    about, keeps those after it from firing. `roots`: each row's condition; `firing`: and that it is the first; `does`: whether it
    does anything."""
    used = columns_of(ops, [each.place for each in inputs])
    for field in FIELDS.values():
        column = INDEX[field.column]
        if field.unknown != NOT_GIVEN or column not in used:
            continue
        lacking = may_lack_value(ops, firing, column)
        at = lacking.index(True) if True in lacking else len(rows)
        kept = [row for row, holds in enumerate(may_hold(ops, roots, column)) if row > at and holds and does[row]]
        if kept:
            message = f"without a {field.name} row {at + 1} has no value, so row {kept[0] + 1} does not fire"
            hint = f"begin with a row whose cell for {field.name} is null"
            yield document.problem(rows[at].start, rows[at].end, message, hint)


def _pairs(rows: Sequence[Row | None], first: bool) -> Iterator[tuple[int, str]]:
    """Row, and the note on it and an earlier one."""
    for at, row in enumerate(rows):
        if row is None:
            continue
        if not all(row):
            yield at, f"row {at + 1} fits nothing"
            continue
        for before, other in enumerate(rows[:at]):
            if other is None or not overlap(other, row):
                continue
            if first and covers(other, row):
                yield at, f"row {at + 1} never fires: row {before + 1} fits all that it fits"
            elif first and not covers(row, other):
                yield at, f"rows {before + 1} and {at + 1} overlap: the first of them decides"
            elif not first:
                yield at, f"rows {before + 1} and {at + 1} overlap: both fire"


def _row(cells: Sequence[int | None], inputs: Sequence[Input], domains: Sequence[Set], ops: Sequence[Op]) -> Row | None:
    sets = [
        domain if cell is None else set_of(ops, cell, each.place)
        for cell, each, domain in zip(cells, inputs, domains, strict=True)
    ]
    found = [part for part in sets if part is not None]
    return tuple(found) if len(found) == len(sets) else None


def _domain(type_: Type) -> Set:
    """All values of a type."""
    if type_ is TIME:
        return ((1, INT_MAX),)
    if type_ is INT or type_.domain is None or type_.domain.words is None:
        return ((INT_MIN + 1, INT_MAX),) if type_ is INT else ALL
    return joined((number, number) for number in type_.domain.words.values())


def _word(type_: Type, number: int) -> str:
    if type_ is TIME:
        return time_text(number)
    words = type_.domain.words if type_.domain is not None else None
    if words is None:
        return str(number)
    return next((word for word, own in words.items() if own == number), str(number))
