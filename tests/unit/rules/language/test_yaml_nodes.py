"""YAML as a tree that knows its places; what a pack has no use for is refused while it is read, and words stay words."""

from typing import Any

import pytest

from rules.language.problems import PackError, Problem
from rules.language.yaml_nodes import DEPTH_MAX, TEXT_MAX, VALUES_MAX, Document, Value


def refused(text: str) -> Problem:
    with pytest.raises(PackError) as error:
        Document(text)
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 5", {"a": 5}),
        ("a: -7", {"a": -7}),
        ("a: +7", {"a": 7}),
        ("a: NO", {"a": "NO"}),
        ("a: on", {"a": "on"}),
        ("a: 'true'", {"a": "true"}),
        ("a: true", {"a": True}),
        ("a: True", {"a": "True"}),
        ("a: null", {"a": None}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 1.5", {"a": "1.5"}),
        ("a: 1e3", {"a": "1e3"}),
        ("a: 0x10", {"a": "0x10"}),
        ("a: 010", {"a": 10}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: 2026-01-31", {"a": "2026-01-31"}),
        ("a: 12:30", {"a": "12:30"}),
        ("a: '5'", {"a": "5"}),
        ("a: ! 5", {"a": "5"}),
        ("- 1\n- [2, {b: 3}]", [1, [2, {"b": 3}]]),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: >\n  x\n  y\n", {"a": "x y\n"}),
        ("1: 2", {"1": 2}),
        ("{}", {}),
        ("just words", "just words"),
    ],
)
def test_only_null_truths_and_whole_numbers_are_anything_but_words(text: str, expected: Any) -> None:
    assert Document(text).root.plain == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "the document is empty"),
        ("# only a comment\n", 1, 1, "the document is empty"),
        ("a: &x 1", 1, 4, "anchors and aliases are not taken"),
        ("a: 1\nb: *x", 2, 4, "anchors and aliases are not taken"),
        ("a: !!python/object:os.system x", 1, 4, "tags are not taken"),
        ("a: !mine x", 1, 4, "tags are not taken"),
        ("a: 1\n---\nb: 2\n", 2, 1, "more than one document"),
        ("a: 1\nb: 2\na: 3", 3, 1, "a stands here twice"),
        ("[a]: 1", 1, 1, "a key is one word"),
        ("a: [1", 1, 7, "no YAML"),
        ("a: b: c", 1, 5, "no YAML"),
        ("a: \x07", 1, 4, "a character that YAML does not allow"),
    ],
)
def test_what_is_not_taken_is_refused_at_its_place(text: str, line: int, column: int, message: str) -> None:
    problem = refused(text)
    assert problem.message.startswith(message) and problem.line == line
    assert abs(problem.column - column) <= 2


@pytest.mark.parametrize("depth", [DEPTH_MAX - 1, DEPTH_MAX])
def test_depth_is_bounded(depth: int) -> None:
    text = "[" * depth + "1" + "]" * depth
    if depth < DEPTH_MAX:
        assert Document(text).root.is_map is False
    else:
        assert refused(text).message == f"more than {DEPTH_MAX} levels deep"


def test_hostile_depth_and_size_are_refused_before_anything_else() -> None:
    message = refused("[" * 100_000).message
    assert "levels deep" in message or "maximum nesting depth" in message
    assert refused("x" * (TEXT_MAX + 1)).message == f"longer than {TEXT_MAX:,} characters"
    assert refused("[" + "1," * VALUES_MAX + "1]").message == f"more than {VALUES_MAX:,} values"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\x85"])
def test_lines_are_counted_by_whatever_ends_them(end: str) -> None:
    document = Document(f"a: 1{end}b: [2, 3]")
    (key, value) = document.root.data["b"]
    problem = document.problem(value.start, value.end, "wrong")
    assert (problem.line, problem.column, problem.text, problem.width) == (2, 4, "b: [2, 3]", 6)
    assert document.line(key.start) == 2 and document.line_start(value.end) == key.start


def test_every_value_knows_where_it_stands() -> None:
    text = "a: 5\nbb:\n  - x # one\n  - [y, z] # two\nc: {d: 1}\n"
    root = Document(text).root
    waiting: list[Value] = [root]
    while waiting:
        value = waiting.pop()
        if value.is_map:
            waiting += [each for pair in value.data.values() for each in pair]
        elif isinstance(value.data, list):
            waiting += value.data
        elif value.data is not None:
            assert text[value.start : value.end] == str(value.data)
    items = root.data["bb"][1]
    assert text[items.start : items.end] == "- x # one\n  - [y, z]", "without what follows"
    assert [each.flow for each in items.data] == [False, True] and not items.flow


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("a: amount > 5", 7, "> 5"),
        ("a: 'amount > 5'", 7, "> 5"),
        ("a: 'it''s > 5'", 5, "> 5"),
        ('a: "amount\\n> 5"', 7, "> 5"),
        ("a: |\n  amount\n  > 5\n", 7, "> 5"),
        ("a: >\n  amount\n  > 5\n", 7, "> 5"),
        ("a: amount\n  > 5\n", 7, "> 5"),
        ("a: amount", 0, "amount"),
    ],
)
def test_a_place_in_a_scalars_text_is_found_in_the_document(text: str, offset: int, expected: str) -> None:
    document = Document(text)
    value = document.root.data["a"][1]
    assert document.text[document.place(value, offset) :].startswith(expected)


def test_a_place_beyond_a_scalar_stays_within_it() -> None:
    document = Document("a: xyz\nb: 1")
    value = document.root.data["a"][1]
    assert value.start <= document.place(value, 99) < value.end
