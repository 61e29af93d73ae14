"""A text is a tree that knows where its parts stand, of bounded size; what is no expression is refused at its place."""

import pytest

from rules.language.check import Checker
from rules.language.ir import Program
from rules.language.problems import ExpressionError
from rules.language.syntax import LENGTH_MAX, Node, parse
from tests.unit.rules.language.expressions import evaluate


@pytest.mark.parametrize("condition", ["!" * 100 + "hold", "amount" + " + 1" * 70 + " > 0", "hold || " * 600 + "hold"])
def test_what_is_too_deep_or_too_long_is_refused(condition: str) -> None:
    with pytest.raises(ExpressionError, match=r"levels deep|longer than"):
        Checker(Program(), {}).condition(condition)


def test_many_terms_of_one_kind_are_one_level() -> None:
    assert evaluate(" || ".join(f"amount == {number}" for number in range(200)), {"amount": 199}) is True


def shape(node: Node) -> object:
    """A tree without its places."""
    if not node.items:
        return node.kind if node.value is None else node.value
    inner = [shape(item) for item in node.items]
    return [node.kind if node.value is None else node.value, *inner]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("a && b || c && d", ["any", ["all", "a", "b"], ["all", "c", "d"]]),
        ("!a && b", ["all", ["not", "a"], "b"]),
        ("1 + 2 * 3 - 4", ["-", ["+", 1, ["*", 2, 3]], 4]),
        ("1 - 2 - 3", ["-", ["-", 1, 2], 3]),
        ("a + 1 < b == true", ["==", ["<", ["+", "a", 1], "b"], "true"]),
        ("-a * -3", ["*", ["negative", "a"], -3]),
        ("--3", ["negative", -3]),
        ("a ? b : c ? d : e", ["choose", "a", "b", ["choose", "c", "d", "e"]]),
        ("(a || b) && c", ["all", ["any", "a", "b"], "c"]),
        ('f("x").g(1, 2)', ["g", ["f", "x"], 1, 2]),
        ("lists.names", ["names", "lists"]),
        ('x in ["a", "b",]', ["in", "x", ["list", "a", "b"]]),
        ("x in []", ["in", "x", "list"]),
        ("index in inside", ["in", "index", "inside"]),
        ("0x1F + 0XfF", ["+", 31, 255]),
        (r'"a\n\t\\\"" == ' + r"'\''", ["==", 'a\n\t\\"', "'"]),
        ("a\n  &&\tb", ["all", "a", "b"]),
    ],
)
def test_a_text_is_the_tree_that_its_signs_bind(text: str, expected: object) -> None:
    assert shape(parse(text)) == expected


@pytest.mark.parametrize("text", ["a && (b + 12)", 'x.f("t") == [1, 2]', "!a ? -b : lists.c"])
def test_every_part_knows_where_it_stands(text: str) -> None:
    waiting, seen = [parse(text)], 0
    while waiting:
        node = waiting.pop()
        waiting += node.items
        seen += 1
        assert 0 <= node.start < node.end <= len(text)
        if node.kind in ("name", "number", "text"):
            assert text[node.start : node.end].strip('"') == str(node.value)
        for item in node.items:
            assert node.start <= item.start and item.end <= node.end, node.kind
        assert node.depth == 1 + max((item.depth for item in node.items), default=0)
    assert seen >= 5


@pytest.mark.parametrize(
    ("text", "start", "message", "hint"),
    [
        ("", 0, "an expression is missing", ""),
        (" \n ", 0, "an expression is missing", ""),
        ("a &&", 3, "the expression ends too early", ""),
        ("(a", 1, "the expression ends too early", "a ) is missing"),
        ("a and b", 2, "and is not expected here", "write &&"),
        ("not a", 4, "a is not expected here", "write !"),
        ("a == None", 5, "None is no word of the language", "write null"),
        ("a = 1", 2, "= is not expected here", "write =="),
        ("a & b", 2, "& is not expected here", "write &&"),
        ("1.5 * a", 0, "1.5 is no whole number", "amounts are whole minor units; for 1.5 * a write a * 3 / 2"),
        ("1e3", 0, "1e3 is no whole number", "amounts are whole minor units; for 1.5 * a write a * 3 / 2"),
        ("12ab", 0, "12ab is no whole number", "amounts are whole minor units; for 1.5 * a write a * 3 / 2"),
        ('a == "x', 5, "this text does not end", 'a closing " is missing'),
        (r'"\q"', 1, r"no escape \q is known", "double the backslash"),
        ("a b", 2, "b is not expected here", "an operator like && or == is missing"),
        ("(x > 1 5)", 7, "5 is not expected here", "an operator like && or == is missing"),
        ('a "b"', 2, '"b" is not expected here', "an operator like && or == is missing"),
        ("a && * b", 5, "* is not expected here", ""),
        ("a ; b", 2, "; is not expected here", ""),
        ("a\x00b", 1, "? is not expected here", ""),
        ("[1", 1, "the expression ends too early", ""),
    ],
)
def test_what_is_no_expression_is_refused_at_its_place(text: str, start: int, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    error = refused.value
    assert (error.start, error.message, error.hint) == (start, message, hint) and error.end > error.start


@pytest.mark.parametrize("length", [LENGTH_MAX, LENGTH_MAX + 1])
def test_a_text_has_so_many_characters_at_most(length: int) -> None:
    text = "a" * length
    if length == LENGTH_MAX:
        assert parse(text).value == text
        return
    with pytest.raises(ExpressionError, match="longer than 4,096 characters"):
        parse(text)


@pytest.mark.parametrize("text", ["(" * 2_000 + "a", "!" * 4_000, "a ? " * 1_000, "[" * 4_000, "-" * 4_000])
def test_hostile_depth_is_refused_without_a_crash(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)
