"""Intermediate form: a flat list of operations over int64 numbers and truth values.

Each is stated once, operands before their users.

A value may be not known: a column that is NULL, an overflow, a division by zero. Truth values are then true, false or neither
(Kleene's strong logic, which is what CEL's && and || do with errors).
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from rules.vocabulary.columns import INDEX

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")
ARITHMETIC: Final = ("add", "sub", "mul", "div", "mod")


class Op(NamedTuple):
    """One operation. By `name`:

    numbers: const (value), column (value: its number), neg, add, sub, mul, div, mod, choose (condition, then, else), local (a time;
    value: the table of a time zone), clock (a local time; value: ms of a unit, units of a cycle, the unit with which 1970 began)
    truth: truth (value), flag (value: a column of 0 and 1), bit (value: column * 64 + bit), eq ne lt le gt ge (numbers), same (truths),
    in (a number; value: sorted numbers), null (value: a column), all, any, not, pick (condition, then, else).
    """

    name: str
    args: tuple[int, ...] = ()
    value: int | tuple[int, ...] = 0
    known: bool = True
    """Whether it always has a value."""


class Program:
    """Operations of a pack; an operation is named by its index."""

    def __init__(self, ops: Iterable[Op] = ()) -> None:
        self.ops = list(ops)
        self._places = {op: place for place, op in enumerate(self.ops)}

    def add(self, op: Op) -> int:
        """Index of an operation, the same for the same one."""
        place = self._places.setdefault(op, len(self.ops))
        if place == len(self.ops):
            self.ops.append(op)
        return place

    def known(self, *places: int) -> bool:
        """Whether all of them always have a value."""
        return all(self.ops[place].known for place in places)

    def column(self, name: str) -> int:
        """A column that is always known."""
        return self.add(Op("column", value=INDEX[name]))

    def constant(self, value: int) -> int:
        return self.add(Op("const", value=value))

    def truth(self, value: bool) -> int:
        return self.add(Op("truth", value=int(value)))

    def apply(self, name: str, *args: int, known: bool = True, value: int | tuple[int, ...] = 0) -> int:
        """An operation over others; it has a value only if they have."""
        return self.add(Op(name, args, value, known and self.known(*args)))

    def all_of(self, places: list[int]) -> int:
        """True if all are."""
        return places[0] if len(places) == 1 else self.apply("all", *places)

    def any_of(self, places: list[int]) -> int:
        """True if one is."""
        return places[0] if len(places) == 1 else self.apply("any", *places)


def divided(a: int, b: int) -> int:
    """Quotient cut towards zero, as CEL and C have it."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def folded(name: str, a: int, b: int) -> int | None:
    """An arithmetic operation of two constants; None where it has no value."""
    if name in ("div", "mod"):
        if b == 0 or (a == INT_MIN and b == -1):
            return None
        quotient = divided(a, b)
        return quotient if name == "div" else a - quotient * b
    value = a + b if name == "add" else a - b if name == "sub" else a * b
    return value if INT_MIN <= value <= INT_MAX else None
