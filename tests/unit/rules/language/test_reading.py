"""Values of a document, read one by one: what is right comes back, what is wrong is named with its place, all of it at once."""

from collections.abc import Callable
from typing import Any

import pytest

from rules.language.problems import PROBLEMS_MAX, PackError
from rules.language.reading import TEXT_LENGTH_MAX, Reader
from rules.language.yaml_nodes import Document, Value


def read(text: str, take: Callable[[Reader, Value], Any]) -> tuple[Any, list[tuple[int, int, str]]]:
    """What a reading gives of the document's root, and its problems: line, column, message."""
    document = Document(text)
    reader = Reader(document)
    found = take(reader, document.root)
    return found, [(problem.line, problem.column, problem.message) for problem in reader.problems]


def value(text: str, take: Callable[[Reader, Value], Any]) -> tuple[Any, list[str]]:
    found, problems = read(f"a: {text}\n", lambda reader, root: take(reader, root.data["a"][1]))
    return found, [message for _, _, message in problems]


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("-10", -10), ("10", 10), ("0", 0)])
def test_a_whole_number_within_its_bounds(text: str, number: int) -> None:
    assert value(text, lambda reader, each: reader.integer(each, "a", 10)) == (number, [])


@pytest.mark.parametrize("text", ["11", "-11", "1.0", "true", '"5"', "[5]", ""])
def test_no_whole_number_or_one_beyond_its_bounds_is_refused(text: str) -> None:
    found, problems = value(text, lambda reader, each: reader.integer(each, "a", 10, default=3))
    assert (found, problems) == (3, ["a: a whole number from -10 to 10 is expected"])


@pytest.mark.parametrize("text", ["x", "X9_.-a", "a" * 64])
def test_a_name(text: str) -> None:
    assert value(text, lambda reader, each: reader.name(each)) == (text, [])


@pytest.mark.parametrize("text", ["9a", "a b", "a" * 65, "[a]", "5", "ä"])
def test_no_name(text: str) -> None:
    found, problems = value(text, lambda reader, each: reader.name(each))
    assert found == "" and len(problems) == 1 and problems[0].endswith("is no name")


def test_a_reason_is_of_capital_letters() -> None:
    assert value("TOO_MUCH_9", lambda reader, each: reader.reason(each)) == ("TOO_MUCH_9", [])
    assert value("too_much", lambda reader, each: reader.reason(each))[1] == ["too_much is no name"]


def test_a_text_has_its_length() -> None:
    kept, longer = "x" * TEXT_LENGTH_MAX, "x" * (TEXT_LENGTH_MAX + 1)
    assert value(kept, lambda reader, each: reader.text(each, "name")) == (kept, [])
    assert value(longer, lambda reader, each: reader.text(each, "name"))[0] == ""
    assert value("", lambda reader, each: reader.text(each, "name")) == ("", [])


def test_a_word_among_some_and_what_it_may_have_meant() -> None:
    def take(reader: Reader, each: Value) -> str:
        return reader.choice(each, "action", ("approve", "decline"), "approve")

    assert value("decline", take) == ("decline", [])
    assert value("declined", take) == ("approve", ["action declined is not known"])
    assert value("[decline]", take) == ("approve", ["action a list is not known"])


def test_fields_that_are_known_come_back_and_others_are_named_where_they_stand() -> None:
    text = "name: a\ncolour_of: b\n"
    found, problems = read(text, lambda reader, root: reader.fields(root, ("name", "rules"), "a pack", ("rules",)))
    assert list(found) == ["name"]
    assert problems == [(2, 1, "a pack has no field colour_of"), (1, 1, "a pack needs the field rules")]


@pytest.mark.parametrize("text", ["- a\n", "5\n", "text\n"])
def test_what_is_no_mapping_has_no_fields_and_no_names(text: str) -> None:
    assert len(read(text, lambda reader, root: reader.fields(root, ("name",), "a pack"))[1]) == 1
    found, problems = read(text, lambda reader, root: list(reader.named(root, "lists", 2)))
    assert found == [] and len(problems) == 1


def test_of_too_many_entries_as_many_as_are_allowed_are_read() -> None:
    found, problems = read("[1, 2, 3]", lambda reader, root: [each.data for each in reader.entries(root, "rules", 2)])
    assert found == [1, 2] and problems == [(1, 8, "more than 2 rules")]
    found, problems = read(
        "a: 1\n9: 2\nc: 3\n", lambda reader, root: [name for name, _ in reader.named(root, "lists", 2)]
    )
    assert found == ["a"] and [message for _, _, message in problems] == ["9 is no name", "more than 2 lists"]


def test_what_is_not_there_is_empty_and_no_problem() -> None:
    reader = Reader(Document("a: 1"))
    assert (reader.name(None), reader.text(None, "a"), reader.integer(None, "a", 9, 4)) == ("", "", 4)
    assert (list(reader.entries(None, "a", 1)), list(reader.named(None, "a", 1))) == ([], [])
    assert reader.choice(None, "a", ("b",), "b") == "b" and reader.problems == []


def test_reading_ends_when_there_are_too_many_problems() -> None:
    reader = Reader(Document("a: 1"))
    with pytest.raises(PackError) as raised:
        for _ in range(PROBLEMS_MAX + 1):
            reader.wrong(reader.document.root, "wrong")
    assert len(raised.value.problems) == PROBLEMS_MAX
