"""Decision tables: rules in rows, a column of cells for each input.

A row fires when all its cells hold. Hit policy `first`: only the first such row fires, `collect`: each.

A cell is a value, a list of values, a range `low..high`, a test that begins with an operator (`> 500`, `in lists.risky`), null, or `-` for
anything. A range of times is from the first moment on, before the second, as the dates of rules are.

Where cells are constants, rows that can never fire, overlaps and gaps are found when the table is read.
"""

import bisect
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from rules.language.ir import INT_MAX, INT_MIN, Op, Program
from rules.vocabulary.catalogue import TIME, Type

INPUTS_MAX: Final = 8
BOXES_MAX: Final = 4_096
"""Combinations of cells that are looked through for gaps."""
ANY: Final = "-"

_OPERATOR: Final = re.compile(r"\s*(==|!=|<=|>=|<|>|in\b|\.startsWith\b)")
_RANGE: Final = re.compile(r"\s*(-?[0-9]+)\s*\.\.\s*(-?[0-9]+)\s*")

Span = tuple[int, int]
Set = tuple[Span, ...]
"""Numbers as spans (first, last), in order, apart."""
ALL: Final[Set] = ((INT_MIN, INT_MAX),)


class Cell(msgspec.Struct, frozen=True):
    """A cell as an expression: `text`, of which the first `before` characters are not the cell's own. `entries`: where in it each entry of
    a list begins and ends."""

    text: str
    before: int
    entries: tuple[Span, ...] = ()


def cell_of(source: str, data: Any, type_: Type) -> Cell | None:
    """The condition that a cell puts on an input of a type, None for anything. Raises ValueError."""
    start = f"({source})"
    if data == ANY:
        return None
    if data is None:
        return Cell(f"{start} == null", len(start) + 4)
    if isinstance(data, bool):
        return Cell(f"{start} == {'true' if data else 'false'}", len(start) + 4)
    if isinstance(data, int):
        return Cell(f"{start} == {data}", len(start) + 4)
    if isinstance(data, list):
        return _list_of(start, [_literal(item) for item in data])
    if not isinstance(data, str):
        raise ValueError("a cell is a value, a list, a range, a test or -")
    found = _RANGE.fullmatch(data)
    if found is not None:
        return Cell(f"{start} >= {found[1]} && {start} <= {found[2]}", len(start) + 4)
    if _OPERATOR.match(data) is not None:
        space = "" if data.lstrip().startswith(".") else " "
        return Cell(f"{start}{space}{data}", len(start) + len(space))
    if type_ is TIME:
        return _times(start, data)
    return Cell(f"{start} == {_literal(data)}", len(start) + 5)


def _list_of(start: str, literals: Sequence[str]) -> Cell:
    """One of some values."""
    before = len(start) + len(" in [")
    ends = list(itertools.accumulate((len(each) + 2 for each in literals), initial=before))
    entries = tuple((first, first + len(each)) for first, each in zip(ends, literals, strict=False))
    return Cell(f"{start} in [{', '.join(literals)}]", before, entries)


def _times(start: str, data: str) -> Cell:
    """A moment, or a range of them."""
    moments = [f"timestamp({_literal(part.strip())})" for part in data.split("..", 1)]
    if len(moments) == 1:
        return Cell(f"{start} == {moments[0]}", len(start) + len(' == timestamp("'))
    return Cell(f"{start} >= {moments[0]} && {start} < {moments[1]}", len(start) + len(' >= timestamp("'))


def _literal(data: Any) -> str:
    if isinstance(data, bool) or not isinstance(data, int | str):
        raise ValueError("a list in a cell holds numbers or texts")
    if isinstance(data, int):
        return str(data)
    return '"' + data.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def first_only(program: Program, roots: Sequence[int]) -> list[int]:
    """Conditions under which each row is the first that fires; a row before it that has no value leaves it without one."""
    found: list[int] = []
    before: int | None = None
    for root in roots:
        found.append(root if before is None else program.all_of([root, program.apply("not", before)]))
        before = root if before is None else program.any_of([before, root])
    return found


# What is known of cells before any payment.


def set_of(ops: Sequence[Op], place: int, source: int) -> Set | None:
    """Values of the operation `source` for which the one at `place` is true; None if that depends on anything else."""
    op = ops[place]
    if op.name in _COMPARED and op.args[0] == source and ops[op.args[1]].name == "const":
        return _COMPARED[op.name](ops[op.args[1]].value)
    if op.name == "in" and op.args[0] == source and isinstance(op.value, tuple):
        return joined((number, number) for number in op.value)
    if op.name in ("all", "any", "not"):
        parts = [set_of(ops, arg, source) for arg in op.args]
        sets = [part for part in parts if part is not None]
        if len(sets) < len(parts):
            return None
        if op.name == "not":
            return _outside(sets[0])
        if op.name == "any":
            return joined(span for part in sets for span in part)
        common = ALL
        for part in sets:
            common = _common(common, part)
        return common
    return None


def _upto(number: int) -> Set:
    return ((INT_MIN, number),) if number >= INT_MIN else ()


def _from(number: int) -> Set:
    return ((number, INT_MAX),) if number <= INT_MAX else ()


_COMPARED: Final[dict[str, Callable[[Any], Set]]] = {
    "eq": lambda number: ((number, number),),
    "ne": lambda number: _outside(((number, number),)),
    "lt": lambda number: _upto(number - 1),
    "le": _upto,
    "gt": lambda number: _from(number + 1),
    "ge": _from,
}


def joined(spans: Iterable[Span]) -> Set:
    """Spans in order of which none touch: one form of one set."""
    out: list[Span] = []
    for low, high in sorted(spans):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return tuple(out)


def _outside(spans: Set) -> Set:
    edges = [INT_MIN, *itertools.chain.from_iterable((low - 1, high + 1) for low, high in spans), INT_MAX]
    return tuple((low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low <= high)


def _common(left: Set, right: Set) -> Set:
    out: list[Span] = []
    at = to = 0
    while at < len(left) and to < len(right):
        (a, b), (c, d) = left[at], right[to]
        if max(a, c) <= min(b, d):
            out.append((max(a, c), min(b, d)))
        at, to = (at + 1, to) if b < d else (at, to + 1)
    return tuple(out)


Row = tuple[Set, ...]


def overlap(left: Row, right: Row) -> bool:
    """Whether one payment can fit two rows."""
    return all(_common(a, b) for a, b in zip(left, right, strict=True))


def covers(outer: Row, inner: Row) -> bool:
    """Whether every payment that fits the second row fits the first."""
    return all(_common(a, b) == b for a, b in zip(outer, inner, strict=True))


def gap(rows: Sequence[Row], domains: Row) -> tuple[int, ...] | None:
    """Values that no row fits, one of each input; None if there are none. Raises ValueError when there are too many combinations."""
    points: list[list[int]] = []
    for at, domain in enumerate(domains):
        edges = {low for low, _ in domain}
        for row in rows:
            edges |= {edge for low, high in row[at] for edge in (low, high + 1) if _within(domain, edge)}
        edges |= {0} if _within(domain, 0) else set()
        if len(edges) * len(rows) > BOXES_MAX * 64:
            raise ValueError("too many combinations")
        alike: dict[tuple[bool, ...], int] = {}
        for edge in sorted(edges, key=lambda edge: (edge < 0, edge)):  # A gap is shown where people look first.
            alike.setdefault(tuple(_within(row[at], edge) for row in rows), edge)
        points.append(list(alike.values()))
    count = 1
    for each in points:
        count *= len(each)
    if count * max(1, len(rows)) > BOXES_MAX * 64:
        raise ValueError("too many combinations")
    for point in itertools.product(*points):
        if not any(all(_within(row[at], number) for at, number in enumerate(point)) for row in rows):
            return point
    return None


def _within(spans: Set, number: int) -> bool:
    at = bisect.bisect_right(spans, (number, INT_MAX)) - 1
    return at >= 0 and number <= spans[at][1]
