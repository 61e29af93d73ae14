"""Generate the source of row loops from operations.

It has numbers and names of its own only: no text of a pack ever reaches it.

Truth is kept as two flags, true (t) and false (f), neither where a value is not known; nothing branches, so rules share what they
have in common and run as fast on bad days.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numba import types
from numpy.typing import NDArray

from models.jit import Kernel, compiled
from rules.compile.arithmetic import contains, local, minus, plus, product_fits, quotient, times
from rules.language.ir import INT_MAX, INT_MIN, Op, Program, divided
from rules.vocabulary.columns import NULL

RULES_A_LOOP: Final = 32
"""Compilers take more than twice the time for twice the code; a divisor of `WORD`."""
WORD: Final = 64
RUNS_INLINE_MAX: Final = 8
"""Up to so many runs of consecutive numbers are compared one by one, longer lists are searched."""
STRETCH_ROWS: Final = 512
"""Rows that all loops handle before the next ones, while they are in the second-level cache."""

_SIGNS: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_NAMES: Final[dict[str, Any]] = {
    "NULL": NULL,
    "MIN": INT_MIN,
    "int64": np.int64,
    "uint64": np.uint64,
    "contains": contains,
    "local": local,
    "minus": minus,
    "plus": plus,
    "times": times,
    "product_fits": product_fits,
    "quotient": quotient,
    **{f"B{bit}": np.uint64(bit) for bit in range(WORD)},
}
_SIGNATURE: Final = types.void(
    types.Array(types.int64, 2, "C", readonly=True),
    types.Array(types.int64, 1, "C", readonly=True),
    types.Array(types.uint64, 2, "C"),
    types.Array(types.uint64, 2, "C"),
)


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Sources of row loops and the sorted lists they search."""

    sources: tuple[str, ...]
    lists: tuple[int, ...]


class Fires:
    """All rules of a pack as one call. Compiles at the first, or on demand."""

    def __init__(self, code: Code, *, keep: bool = False) -> None:
        self.code = code
        self._keep = keep
        self._lists: NDArray[np.int64] = np.array(code.lists, np.int64)
        self._loops: tuple[Kernel, ...] | None = None

    def compile(self) -> None:
        """Make machine code, unless that was done."""
        if self._loops is None:
            self._loops = tuple(compiled(source, _NAMES, _SIGNATURE, keep=self._keep) for source in self.code.sources)

    def __call__(self, columns: NDArray[np.int64], hits: NDArray[np.uint64], unknown: NDArray[np.uint64]) -> None:
        """Set bit i % 64 of word i // 64 of a row's hits where rule i fires, of its `unknown` where it has no value."""
        if self._loops is None:
            self.compile()
        assert self._loops is not None
        if len(columns) <= STRETCH_ROWS:
            for loop in self._loops:
                loop(columns, self._lists, hits, unknown)
            return
        for first in range(0, len(columns), STRETCH_ROWS):
            rows = slice(first, first + STRETCH_ROWS)
            for loop in self._loops:
                loop(columns[rows], self._lists, hits[rows], unknown[rows])


def generate(program: Program, roots: Sequence[int]) -> Code:
    """Code in which rule i fires when `roots[i]` is true."""
    lists: list[int] = []
    sources = [
        _Loop(program.ops, roots[first : first + RULES_A_LOOP], first, lists).source()
        for first in range(0, len(roots), RULES_A_LOOP)
    ]
    return Code(sources=tuple(sources), lists=tuple(lists))


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Consecutive numbers as (first, last)."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _literal(number: int) -> str:
    return "MIN" if number == INT_MIN else f"({number})" if number < 0 else str(number)


class _Loop:
    """The source of one row loop."""

    def __init__(self, ops: Sequence[Op], roots: Sequence[int], first: int, lists: list[int]) -> None:
        self._ops, self._roots, self._first, self._lists = ops, roots, first, lists
        self._places: dict[tuple[int, ...], int] = {}

    def source(self) -> str:
        body = [line for place in self._needed() for line in self._lines(place, self._ops[place])]
        word = self._first // WORD
        hits = " | ".join(f"uint64(t{root}) << B{(self._first + i) % WORD}" for i, root in enumerate(self._roots))
        body.append(f"hits[row, {word}] |= {hits}")
        unsure = [(i, root) for i, root in enumerate(self._roots) if not self._ops[root].known]
        if unsure:
            bits = " | ".join(f"uint64(not (t{root} | f{root})) << B{(self._first + i) % WORD}" for i, root in unsure)
            body.append(f"unknown[row, {word}] |= {bits}")
        lines = ["def fires(columns, lists, hits, unknown):", "    for row in range(columns.shape[0]):"]
        return "\n".join([*lines, *(f"        {line}" for line in body)]) + "\n"

    def _needed(self) -> list[int]:
        seen: set[int] = set()
        waiting = list(self._roots)
        while waiting:
            place = waiting.pop()
            if place not in seen:
                seen.add(place)
                waiting.extend(self._ops[place].args)
        return sorted(seen)

    # Names of values.

    def _v(self, place: int) -> str:
        op = self._ops[place]
        if op.name == "const":
            assert isinstance(op.value, int)
            return _literal(op.value)
        return f"v{place}"

    def _f(self, place: int) -> str:
        return f"(not t{place})" if self._ops[place].known else f"f{place}"

    def _k(self, *places: int) -> list[str]:
        return [f"k{place}" for place in places if not self._ops[place].known]

    # Lines of an operation.

    def _lines(self, place: int, op: Op) -> Iterator[str]:
        if op.name == "const":
            return iter(())
        make: Callable[[int, Op], Iterator[str]] = getattr(self, f"_{op.name}", self._comparison)
        return make(place, op)

    def _number(self, place: int, value: str, fits: list[str], args: tuple[int, ...]) -> Iterator[str]:
        yield f"v{place} = {value}"
        known = [*self._k(*args), *fits]
        if not self._ops[place].known:
            yield f"k{place} = {' & '.join(known) or 'True'}"

    def _truth_of(self, place: int, value: str, known: list[str]) -> Iterator[str]:
        """A truth value that is true or false where all of `known` hold."""
        if self._ops[place].known:
            yield f"t{place} = {value}"
            return
        yield f"r{place} = {value}"
        yield f"k{place} = {' & '.join(known)}"
        yield f"t{place} = r{place} & k{place}"
        yield f"f{place} = (not r{place}) & k{place}"

    def _column(self, place: int, op: Op) -> Iterator[str]:
        return self._number(place, f"columns[row, {op.value}]", [f"(v{place} != NULL)"], ())

    def _neg(self, place: int, op: Op) -> Iterator[str]:
        (a,) = op.args
        return self._number(place, f"minus(0, {self._v(a)})", [f"({self._v(a)} != MIN)"], op.args)

    def _add(self, place: int, op: Op) -> Iterator[str]:
        a, b = map(self._v, op.args)
        fits = f"((({a} ^ v{place}) & ({b} ^ v{place})) >= 0)"
        return self._number(place, f"plus({a}, {b})", [fits], op.args)

    def _sub(self, place: int, op: Op) -> Iterator[str]:
        a, b = map(self._v, op.args)
        return self._number(place, f"minus({a}, {b})", [f"((({a} ^ {b}) & ({a} ^ v{place})) >= 0)"], op.args)

    def _mul(self, place: int, op: Op) -> Iterator[str]:
        a, b = map(self._v, op.args)
        fits = f"product_fits({a}, {b})"
        for constant, other in (op.args, op.args[::-1]):
            value = self._ops[constant].value
            if self._ops[constant].name == "const" and isinstance(value, int):
                fits = _product_range(value, self._v(other))
        return self._number(place, f"times({a}, {b})", [fits], op.args)

    def _divisor(self, place: int, op: Op) -> tuple[str, list[str], list[str]]:
        """Divisor that is safe to divide by, lines that make it, what must hold."""
        a, b = map(self._v, op.args)
        divisor = self._ops[op.args[1]]
        if divisor.name == "const" and divisor.value != -1:
            return b, [], []
        good = f"(({b} != 0) & (({a} != MIN) | ({b} != -1)))"
        return f"d{place}", [f"g{place} = {good}", f"d{place} = {b} if g{place} else 1"], [f"g{place}"]

    def _div(self, place: int, op: Op) -> Iterator[str]:
        divisor, lines, fits = self._divisor(place, op)
        yield from lines
        yield from self._number(place, f"quotient({self._v(op.args[0])}, {divisor})", fits, op.args)

    def _mod(self, place: int, op: Op) -> Iterator[str]:
        divisor, lines, fits = self._divisor(place, op)
        a = self._v(op.args[0])
        yield from lines
        yield from self._number(place, f"{a} - quotient({a}, {divisor}) * {divisor}", fits, op.args)

    def _local(self, place: int, op: Op) -> Iterator[str]:
        assert isinstance(op.value, tuple)
        start, changes = self._listed(op.value), len(op.value) // 2
        return self._number(place, f"local(lists, {start}, {changes}, {self._v(op.args[0])})", [], op.args)

    def _clock(self, place: int, op: Op) -> Iterator[str]:
        assert isinstance(op.value, tuple)
        unit, cycle, first = op.value
        return self._number(place, f"({self._v(op.args[0])} // {unit} + {first}) % {cycle}", [], op.args)

    def _listed(self, numbers: tuple[int, ...]) -> int:
        """Where in the lists these numbers begin."""
        start = self._places.setdefault(numbers, len(self._lists))
        if start == len(self._lists):
            self._lists.extend(numbers)
        return start

    def _choose(self, place: int, op: Op) -> Iterator[str]:
        condition, then, other = op.args
        yield f"v{place} = int64({self._v(then)}) if t{condition} else int64({self._v(other)})"
        if not op.known:
            sides = ((f"t{condition}", then), (self._f(condition), other))
            yield f"k{place} = " + " | ".join(
                "(" + " & ".join([truth, *self._k(branch)]) + ")" for truth, branch in sides
            )

    def _truth(self, place: int, op: Op) -> Iterator[str]:
        yield f"t{place} = {bool(op.value)}"

    def _flag(self, place: int, op: Op) -> Iterator[str]:
        yield f"v{place} = columns[row, {op.value}]"
        yield from self._truth_of(place, f"(v{place} != 0)", [f"(v{place} != NULL)"])

    def _bit(self, place: int, op: Op) -> Iterator[str]:
        assert isinstance(op.value, int)
        column, bit = divmod(op.value, 64)
        yield f"v{place} = columns[row, {column}]"
        yield from self._truth_of(place, f"((v{place} & {1 << bit}) != 0)", [f"(v{place} != NULL)"])

    def _null(self, place: int, op: Op) -> Iterator[str]:
        yield f"t{place} = columns[row, {op.value}] == NULL"

    def _comparison(self, place: int, op: Op) -> Iterator[str]:
        a, b = map(self._v, op.args)
        return self._truth_of(place, f"({a} {_SIGNS[op.name]} {b})", self._k(*op.args))

    def _in(self, place: int, op: Op) -> Iterator[str]:
        assert isinstance(op.value, tuple)
        value = self._v(op.args[0])
        runs = _runs(op.value)
        if len(runs) <= RUNS_INLINE_MAX:
            tests = [
                f"({value} == {_literal(low)})"
                if low == high
                else f"(({value} >= {_literal(low)}) & ({value} <= {_literal(high)}))"
                for low, high in runs
            ]
            test = f"({' | '.join(tests) or 'False'})"
        else:
            start = self._listed(op.value)
            test = f"contains(lists, {start}, {start + len(op.value)}, {value})"
        return self._truth_of(place, test, self._k(*op.args))

    def _same(self, place: int, op: Op) -> Iterator[str]:
        a, b = op.args
        yield f"t{place} = (t{a} & t{b}) | ({self._f(a)} & {self._f(b)})"
        if not op.known:
            yield f"f{place} = (t{a} & {self._f(b)}) | ({self._f(a)} & t{b})"

    def _all(self, place: int, op: Op) -> Iterator[str]:
        yield f"t{place} = " + " & ".join(f"t{arg}" for arg in op.args)
        if not op.known:
            yield f"f{place} = " + " | ".join(self._f(arg) for arg in op.args)

    def _any(self, place: int, op: Op) -> Iterator[str]:
        yield f"t{place} = " + " | ".join(f"t{arg}" for arg in op.args)
        if not op.known:
            yield f"f{place} = " + " & ".join(self._f(arg) for arg in op.args)

    def _not(self, place: int, op: Op) -> Iterator[str]:
        (a,) = op.args
        yield f"t{place} = {self._f(a)}"
        if not op.known:
            yield f"f{place} = t{a}"

    def _pick(self, place: int, op: Op) -> Iterator[str]:
        condition, then, other = op.args
        yes, no = f"t{condition}", self._f(condition)
        yield f"t{place} = ({yes} & t{then}) | ({no} & t{other})"
        if not op.known:
            yield f"f{place} = ({yes} & {self._f(then)}) | ({no} & {self._f(other)})"


def _product_range(constant: int, value: str) -> str:
    """That `value` times a constant has no more than 64 bits."""
    if constant == 0:
        return "True"
    ends = sorted((divided(INT_MIN, constant), divided(INT_MAX, constant)))
    low, high = max(ends[0], INT_MIN), min(ends[1], INT_MAX)
    return f"(({value} >= {_literal(low)}) & ({value} <= {_literal(high)}))"
