"""Operations are stated once, have a value only if their operands have, and constants are folded as machines and CEL have it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.language.ir import INT_MAX, INT_MIN, Op, Program, divided, folded
from rules.vocabulary.columns import INDEX

NUMBERS = st.one_of(st.integers(INT_MIN, INT_MAX), st.sampled_from([INT_MIN, INT_MIN + 1, -1, 0, 1, INT_MAX]))


def test_the_same_operation_has_one_place() -> None:
    program = Program()
    places = [program.constant(5), program.constant(6), program.constant(5), program.truth(True), program.truth(True)]
    assert places == [0, 1, 0, 2, 2] and len(program.ops) == 3
    assert program.apply("add", 0, 1) == program.apply("add", 0, 1) != program.apply("add", 1, 0)
    assert Program(program.ops).constant(6) == 1, "a program goes on where another ended"


def test_a_constant_is_no_truth_and_a_column_that_may_be_null_not_the_one_that_is_known() -> None:
    program = Program()
    assert program.constant(1) != program.truth(True)
    known, unknown = program.column("amount"), program.add(Op("column", value=INDEX["amount"], known=False))
    assert known != unknown and program.known(known) and not program.known(known, unknown)


def test_an_operation_has_a_value_only_if_all_its_operands_have() -> None:
    program = Program()
    known, unknown = program.constant(1), program.add(Op("column", value=3, known=False))
    for args, expected in (((known,), True), ((known, unknown), False), ((unknown,), False)):
        assert program.ops[program.apply("eq", *args)].known is expected
    assert not program.ops[program.apply("add", known, known, known=False)].known, "a sum may overflow"


def test_all_or_any_of_one_is_the_one() -> None:
    program = Program()
    one, other = program.truth(True), program.truth(False)
    assert program.all_of([one]) == one == program.any_of([one])
    assert program.ops[program.all_of([one, other])] == Op("all", (one, other))
    assert program.ops[program.any_of([one, other])] == Op("any", (one, other))


@pytest.mark.parametrize(
    ("a", "b", "quotient"), [(7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3), (0, -5, 0), (INT_MIN, 1, INT_MIN)]
)
def test_a_quotient_is_cut_towards_zero(a: int, b: int, quotient: int) -> None:
    assert divided(a, b) == quotient


@given(NUMBERS, NUMBERS)
def test_constants_are_folded_exactly_or_have_no_value(a: int, b: int) -> None:
    exact = {"add": a + b, "sub": a - b, "mul": a * b}
    if b:
        exact["div"] = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        exact["mod"] = a - exact["div"] * b
    for name in ("add", "sub", "mul", "div", "mod"):
        value = exact.get(name)
        fits = value is not None and INT_MIN <= value <= INT_MAX and not (name == "mod" and (a, b) == (INT_MIN, -1))
        assert folded(name, a, b) == (value if fits else None), name
