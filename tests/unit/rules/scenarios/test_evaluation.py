"""A scenario says the same of a wallet alone and among others, and its kernel says what generated code says."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rules.compile.codegen import generate
from rules.language.check import Checker
from rules.language.ir import INT_MAX, INT_MIN, Program
from rules.scenarios.cases import columns_of
from rules.scenarios.catalogue import NAMES, texts
from rules.scenarios.document import read_scenario
from rules.scenarios.evaluation import NOTHING, Evaluator
from rules.vocabulary.columns import NULL
from rules.vocabulary.credit import CREDIT, CREDIT_COLUMNS, CREDIT_FIELDS, CREDIT_INDEX
from tests.unit.rules.language.expressions import run_plain

EDGES = (NULL, INT_MIN + 1, -1, 0, 1, 2, 349, 600, 2**31, 2**53, INT_MAX)


def _program(conditions: Sequence[str], grant: str = "cap") -> tuple[Program, list[int], int]:
    program = Program()
    checker = Checker(program, {}, stored=True, vocabulary=CREDIT)
    roots = [checker.condition(text) for text in conditions]
    return program, roots, checker.value(grant)[0]


def _rows(count: int, seed: int) -> NDArray[np.int64]:
    random = np.random.default_rng(seed)
    rows = random.choice(np.array(EDGES), (count, len(CREDIT_COLUMNS)))
    plain = random.integers(-5, 1_000, rows.shape)
    rows = np.where(random.random(rows.shape) < 0.5, rows, plain)
    always = np.array([not field.unknown for field in CREDIT_FIELDS.values()])
    return np.where(always & (rows == NULL), 0, rows)


CONDITIONS = (
    "score >= 600",
    "!(amount > cap)",
    "amount == null || amount + cap > amount * 3",
    "disputed == (tier > 3)",
    "amount / open_orders >= 2 && kept_orders % open_orders != 1",
    "(disputed ? relations > 5 : amount < 3) || !disputed",
    "-amount < 5 || score in [1, 600, 2, 9, 4, 77, 12, 31, 55, 99, 101]",
    "(tier == 1 ? amount : relations) - cap <= 3 || disputed",
    "relations != null && relations * 1000000 * 1000000 > 0",
    "true",
    "!disputed && (kept_orders < 2 || amount != 0) && history <= ability",
)


def test_the_kernel_says_what_generated_code_says() -> None:
    program, roots, grant = _program(CONDITIONS)
    columns = _rows(4_000, 7)
    hits, unknown = run_plain(generate(program, roots), columns)
    for bit, root in enumerate(roots):
        outcomes = Evaluator(program.ops, [root], grant).evaluate(columns)
        holds = hits[:, 0] >> np.uint64(bit) & np.uint64(1) != 0
        assert (outcomes["reasons"] == ~holds).all(), CONDITIONS[bit]
        assert not (holds & (unknown[:, 0] >> np.uint64(bit) & np.uint64(1) != 0)).any()


@pytest.mark.parametrize("name", NAMES)
def test_one_row_and_many_give_the_same_bits(name: str) -> None:
    evaluator = read_scenario(texts()[name]).evaluator()
    columns = _rows(300, 11)
    together = evaluator.evaluate(columns)
    assert b"".join(evaluator.evaluate(row[None]).tobytes() for row in columns) == together.tobytes()


@given(st.integers(0, 2**53 - 1), st.integers(INT_MIN + 1, INT_MAX))
def test_a_grant_is_never_above_the_cap_nor_below_nothing(cap: int, amount: int) -> None:
    program, roots, grant = _program(["true"], "amount")
    (outcome,) = Evaluator(program.ops, roots, grant).evaluate(columns_of([{"cap": cap, "amount": amount}], {}))
    assert outcome["granted"] == max(0, min(cap, amount))
    assert outcome["yes"] == (outcome["granted"] > 0) and not outcome["reasons"]


def test_a_grant_without_a_value_is_no() -> None:
    for text, known in (("amount", NULL), ("amount * amount", INT_MAX), ("cap / tier", 1)):
        program, roots, grant = _program(["true"], text)
        (outcome,) = Evaluator(program.ops, roots, grant).evaluate(columns_of([{"cap": 100, "amount": known}], {}))
        assert not outcome["yes"] and not outcome["granted"]


def test_the_first_four_of_what_does_not_hold_are_the_reasons() -> None:
    program, roots, _ = _program(["true", "false", "tier == 9", "disputed", "amount > 0", "score == 1"])
    (outcome,) = Evaluator(program.ops, roots, NOTHING).evaluate(columns_of([{"tier": 3}], {}))
    assert outcome["reasons"] == 0b011110 and not outcome["yes"]


def test_columns_are_as_usual_where_a_test_says_nothing() -> None:
    (row,) = columns_of([{"currency": 978}], {"USD": 5, "EUR": 7})
    assert row[CREDIT_INDEX["cap"]] == 7 and row[CREDIT_INDEX["amount"]] == NULL
