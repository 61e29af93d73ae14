"""Notes on a condition before any payment is seen.

Whether it may be without a value where a field is null, and whether a comparison can differ at all.
"""

from collections.abc import Callable, Sequence
from typing import Final

from rules.language.ir import ARITHMETIC, Op

_TRUE: Final = 1
_FALSE: Final = 2
_NONE: Final = 4
"""No value."""
_KNOWN: Final = _TRUE | _FALSE
"""Of a number: some value."""


def outcome(sign: str, among: tuple[int, int], number: int) -> bool | None:
    """Whether a comparison of a field, which is among two numbers, with a number always holds, or never does; None: it depends."""
    low, high = among
    if sign in ("eq", "ne"):
        if low <= number <= high:
            return None if low < high else sign == "eq"
        return sign == "ne"
    ends = {_SIGNS[sign](low, number), _SIGNS[sign](high, number)}
    return ends.pop() if len(ends) == 1 else None


_SIGNS: Final[dict[str, Callable[[int, int], bool]]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def may_lack_value(ops: Sequence[Op], roots: Sequence[int], column: int) -> list[bool]:
    """Whether each of the truths at `roots` may be without a value where a column is null, though every other field is known and nothing
    overflows. Parts are taken to be independent of each other."""
    return [bool(bits & _NONE) for bits in _all_possible(ops, roots, column)]


def may_hold(ops: Sequence[Op], roots: Sequence[int], column: int) -> list[bool]:
    """Whether each may be true there."""
    return [bool(bits & _TRUE) for bits in _all_possible(ops, roots, column)]


def _all_possible(ops: Sequence[Op], roots: Sequence[int], column: int) -> list[int]:
    found: dict[int, int] = {}
    for place in _needed(ops, roots):
        op = ops[place]
        found[place] = _possible(op, [found[arg] for arg in op.args], column)
    return [found[root] for root in roots]


def columns_of(ops: Sequence[Op], roots: Sequence[int]) -> set[int]:
    """Columns that values depend on."""
    used = (ops[place] for place in _needed(ops, roots))
    return {op.value for op in used if op.name in ("column", "flag") and isinstance(op.value, int)}


def _needed(ops: Sequence[Op], roots: Sequence[int]) -> list[int]:
    """Indexes of operations that values are made of, operands first."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        place = waiting.pop()
        if place not in seen:
            seen.add(place)
            waiting.extend(ops[place].args)
    return sorted(seen)


def _possible(op: Op, args: list[int], column: int) -> int:
    """What an operation can be, as bits, by what its operands can be."""
    if op.name in ("column", "flag"):
        return _NONE if op.value == column else _KNOWN
    if op.name == "bit":
        assert isinstance(op.value, int)
        return _NONE if op.value // 64 == column else _KNOWN
    if op.name == "null":
        return _TRUE if op.value == column else _KNOWN
    if op.name == "const":
        return _KNOWN
    if op.name == "truth":
        return _TRUE if op.value else _FALSE
    if op.name == "not":
        return _negated(args[0])
    if op.name in ("all", "any"):
        return _all(args) if op.name == "all" else _negated(_all([_negated(arg) for arg in args]))
    if op.name in ("choose", "pick"):
        condition, then, other = args
        return condition & _NONE | then * bool(condition & _TRUE) | other * bool(condition & _FALSE)
    assert op.name in _STRICT, op.name
    return _KNOWN * all(arg & _KNOWN for arg in args) | _NONE * any(arg & _NONE for arg in args)


_STRICT: Final = frozenset([*ARITHMETIC, "neg", "eq", "ne", *_SIGNS, "in", "same", "local", "clock"])
"""Operations that have a value exactly if their operands have."""


def _negated(bits: int) -> int:
    return bits & _NONE | (bits & _TRUE) << 1 | (bits & _FALSE) >> 1


def _all(args: list[int]) -> int:
    everywhere = args[0]
    somewhere = 0
    for arg in args:
        everywhere &= arg
        somewhere |= arg
    missing = somewhere & _NONE and all(arg & (_TRUE | _NONE) for arg in args)
    return everywhere & _TRUE | somewhere & _FALSE | _NONE * bool(missing)
