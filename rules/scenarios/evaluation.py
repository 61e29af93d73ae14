"""What a scenario says of wallets: yes or no, reasons for a no, what is granted.

One kernel walks the checked operations of any scenario, so a scenario is ready as soon as it is read: compiling 300 of them would take
minutes. It means to the bit what generated code means (tests compare them): a value that overflows, is divided by zero or is made of
what is not known is unknown, and a requirement without a value does not hold.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.jit import inlined, kernel
from rules.compile.arithmetic import contains, minus, plus, product_fits, quotient, times
from rules.language.ir import INT_MIN, Op
from rules.vocabulary.columns import NULL
from rules.vocabulary.credit import CREDIT_INDEX

OPERATIONS: Final = (
    *("const", "column", "flag", "truth", "null", "in", "neg", "choose", "pick", "not", "all", "any", "same"),
    *("add", "sub", "mul", "div", "mod", "eq", "ne", "lt", "le", "gt", "ge"),
)
"""What the kernel knows; a scenario has no windows and no clocks."""
_CONST, _COLUMN, _FLAG, _TRUTH, _NULL, _IN, _NEG, _CHOOSE, _PICK, _NOT, _ALL, _ANY, _SAME = range(13)
_ADD, _SUB, _MUL, _DIV, _MOD, _EQ, _NE, _LT, _LE, _GT, _GE = range(13, 24)
_CODES: Final = {name: code for code, name in enumerate(OPERATIONS)}
_NAME, _FIRST, _COUNT, _VALUE, _STOP = range(5)
"""Columns of an operation: its name, where its operands begin and how many they are, its value, or where its list begins and ends."""

REASONS_MAX: Final = 4
"""Of a refusal: more than a person takes in, as everywhere in the field."""
NOTHING: Final = -1
"""The root of a scenario that grants nothing."""

OUTCOME: Final = np.dtype([("granted", "i8"), ("reasons", "u4"), ("yes", "u4")])
"""`reasons` has bit i set when requirement i does not hold, the first four of them; `granted`: minor units, at most the cap. A yes of a
scenario that grants has a grant above 0; without reasons and without yes, nothing would be granted."""
Outcomes = NDArray[np.void]
"""OUTCOME rows (n,)."""


class Tables(NamedTuple):
    """Operations laid out for the kernel: (n, 5), and the numbers of operands and lists."""

    ops: NDArray[np.int64]
    numbers: NDArray[np.int64]
    roots: NDArray[np.int64]


class Evaluator:
    """A scenario's operations, ready. Stateless between calls but for its scratch: one thread at a time."""

    def __init__(self, ops: Sequence[Op], requirements: Sequence[int], grant: int = NOTHING) -> None:
        self._tables = _laid_out(ops, requirements)
        self._grant = grant
        self._values = np.zeros(max(1, len(ops)), np.int64)
        self._known = np.zeros(max(1, len(ops)), np.bool_)

    def evaluate(self, columns: NDArray[np.int64]) -> Outcomes:
        """OUTCOME rows (n,) for CREDIT_COLUMNS (n, columns)."""
        outcomes = np.zeros(len(columns), OUTCOME)
        _evaluate(self._tables, np.ascontiguousarray(columns), self._grant, self._values, self._known, outcomes)
        return outcomes


def _laid_out(ops: Sequence[Op], requirements: Sequence[int]) -> Tables:
    numbers: list[int] = []
    rows = np.zeros((len(ops), 5), np.int64)
    for row, op in zip(rows, ops, strict=True):
        row[_NAME], row[_FIRST], row[_COUNT] = _CODES[op.name], len(numbers), len(op.args)
        numbers += op.args
        if isinstance(op.value, tuple):
            row[_VALUE], row[_STOP] = len(numbers), len(numbers) + len(op.value)
            numbers += op.value
        else:
            row[_VALUE] = op.value
    return Tables(rows, np.array(numbers, np.int64), np.array(requirements, np.int64))


@inlined
def _arithmetic(name, a, b):
    """The value, wrapped, and whether it is one."""
    if name == _ADD:
        value = plus(a, b)
        return value, ((a ^ value) & (b ^ value)) >= 0
    if name == _SUB:
        value = minus(a, b)
        return value, ((a ^ b) & (a ^ value)) >= 0
    if name == _MUL:
        return times(a, b), product_fits(a, b)
    if b == 0 or (a == INT_MIN and b == -1):
        return np.int64(0), False
    if name == _DIV:
        return quotient(a, b), True
    return a - quotient(a, b) * b, True


@inlined
def _compared(name, a, b):
    if name == _EQ or name == _SAME:
        return a == b
    if name == _NE:
        return a != b
    if name == _LT:
        return a < b
    if name == _LE:
        return a <= b
    if name == _GT:
        return a > b
    return a >= b


@inlined
def _decided(tables, op, values, known):
    """all and any, by Kleene: what decides needs no others. `all` is decided by a false, `any` by a true."""
    decisive = op[_NAME] == _ANY
    unknown = False
    for i in range(op[_FIRST], op[_FIRST] + op[_COUNT]):
        arg = tables.numbers[i]
        if not known[arg]:
            unknown = True
        elif (values[arg] != 0) == decisive:
            return np.int64(decisive), True
    return np.int64(not decisive), not unknown


@inlined
def _from_columns(name, op, columns, row):
    if name == _CONST or name == _TRUTH:
        return op[_VALUE], True
    value = columns[row, op[_VALUE]]
    if name == _NULL:
        return np.int64(value == NULL), True
    if name == _FLAG:
        return np.int64(value != 0), value != NULL
    return value, value != NULL


@inlined
def _operation(tables, op, columns, row, values, known):
    """Value of an operation and whether it has one, those of its operands given."""
    name = op[_NAME]
    if name <= _NULL:
        return _from_columns(name, op, columns, row)
    if name == _ALL or name == _ANY:
        return _decided(tables, op, values, known)
    first = tables.numbers[op[_FIRST]]
    a = values[first]
    if name == _NOT:
        return np.int64(a == 0), known[first]
    if name == _NEG:
        return minus(0, a), known[first] and a != INT_MIN
    if name == _IN:
        return np.int64(contains(tables.numbers, op[_VALUE], op[_STOP], a)), known[first]
    second = tables.numbers[op[_FIRST] + 1]
    if name == _CHOOSE or name == _PICK:
        branch = second if a != 0 else tables.numbers[op[_FIRST] + 2]
        return values[branch], known[first] and known[branch]
    both = known[first] and known[second]
    b = values[second]
    if name >= _EQ or name == _SAME:
        return np.int64(_compared(name, a, b)), both
    value, fits = _arithmetic(name, a, b)
    return value, both and fits


@kernel
def _evaluate(tables, columns, grant, values, known, outcomes):
    for row in range(len(columns)):
        for place in range(len(tables.ops)):
            value, has = _operation(tables, tables.ops[place], columns, row, values, known)
            values[place] = value
            known[place] = has
        mask = np.int64(0)
        given = 0
        for i in range(len(tables.roots)):
            root = tables.roots[i]
            if given < REASONS_MAX and not (known[root] and values[root] != 0):
                mask |= np.int64(1) << i
                given += 1
        granted = np.int64(0)
        if grant >= 0 and given == 0 and known[grant]:
            granted = max(np.int64(0), min(values[grant], columns[row, _CAP]))
        outcomes[row]["reasons"] = mask
        outcomes[row]["granted"] = granted
        outcomes[row]["yes"] = given == 0 and (grant < 0 or granted > 0)


_CAP: Final = CREDIT_INDEX["cap"]
