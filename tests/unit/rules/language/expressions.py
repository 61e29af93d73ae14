"""Conditions evaluated for tests: the generated source as plain Python, so that no example waits for a compiler."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rules.compile import codegen
from rules.compile.codegen import Code, generate
from rules.language.check import Checker
from rules.language.ir import Program
from rules.language.lists import NamedList
from rules.vocabulary.catalogue import INPUTS
from rules.vocabulary.columns import COLUMN_COUNT, INDEX, NULL

Payment = Mapping[str, int | None]
"""Column numbers by the name of the field or window; None: not known."""


def code_of(conditions: Sequence[str], lists: Mapping[str, Sequence[str]] | None = None) -> Code:
    """Code in which rule i fires when condition i holds."""
    program = Program()
    named = {name: NamedList(name=name, entries=tuple(entries)) for name, entries in (lists or {}).items()}
    checker = Checker(program, named, stored=True)  # what never holds is an example, too
    return generate(program, [checker.condition(text) for text in conditions])


def columns_of(payments: Sequence[Payment]) -> NDArray[np.int64]:
    columns = np.zeros((len(payments), COLUMN_COUNT), np.int64)
    for row, payment in enumerate(payments):
        for name, value in payment.items():
            columns[row, INDEX[INPUTS[name].column]] = NULL if value is None else value
    return columns


def run_plain(code: Code, columns: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Words of hits and of what had no value."""
    hits, unknown = np.zeros((2, len(columns), 4), np.uint64)
    lists = np.array(code.lists, np.int64)
    names = {name: getattr(value, "py_func", value) for name, value in codegen._NAMES.items()}
    for source in code.sources:
        space = dict(names)
        exec(source, space)
        space["fires"](columns, lists, hits, unknown)
    return hits, unknown


def evaluate(condition: str, payment: Payment, lists: Mapping[str, Sequence[str]] | None = None) -> bool | None:
    """Whether a condition holds; None: it has no value."""
    hits, unknown = run_plain(code_of([condition], lists), columns_of([payment]))
    assert not hits[0, 0] & unknown[0, 0]
    return None if unknown[0, 0] else bool(hits[0, 0])
