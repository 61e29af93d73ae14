"""Lists of a pack: what a file of entries says, and how wrong entries are named with their lines."""

import pytest

from rules.language.lists import NamedList, entries_of_file, entry_number, odd_one
from rules.vocabulary.catalogue import COUNTRY, INT
from rules.vocabulary.encodings import country_number

DE, FR = country_number("DE"), country_number("FR")


def listed(*entries: str | int, file: str = "", lines: tuple[int, ...] = ()) -> NamedList:
    return NamedList(name="known", entries=entries, file=file, lines=lines or tuple(range(3, 3 + len(entries))))


@pytest.mark.parametrize(
    ("text", "entries", "lines"),
    [
        ("DE\nFR\n", ("DE", "FR"), (1, 2)),
        ("\ufeffDE\r\n\r\n# none\n FR  # France\n", ("DE", "FR"), (1, 4)),
        ('"a # b"\n"c" # d\n""\n', ("a # b", "c"), (1, 2)),
        ('"a" b\n', ('"a" b',), (1,)),
        ("", (), ()),
    ],
    ids=["plain", "marks and comments", "quotes", "half quoted", "empty"],
)
def test_a_file_has_an_entry_a_line_and_comments(text: str, entries: tuple[str, ...], lines: tuple[int, ...]) -> None:
    assert entries_of_file(text) == (entries, lines)


def test_numbers_are_sorted_and_each_there_once() -> None:
    assert listed("FR", "DE", "FR").numbers(COUNTRY) == tuple(sorted({DE, FR}))
    assert listed(5, -3, 5).numbers(INT) == (-3, 5)


def test_whole_numbers_in_a_file_are_texts_and_meant_as_numbers() -> None:
    assert listed("12", "-7", file="numbers.txt").numbers(INT) == (-7, 12)
    with pytest.raises(ValueError, match="'12' is no whole number"):
        listed("12").numbers(INT)


@pytest.mark.parametrize(
    ("entry", "among", "message"),
    [
        ("twelve", None, "'twelve' is no whole number"),
        (2**63, None, "is beyond 64 bits"),
        (25, (0, 23), "25 does not occur, only 0..23 do"),
    ],
)
def test_a_wrong_number_is_refused(entry: str | int, among: tuple[int, int] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        entry_number(INT, entry, among)


def test_a_number_among_countries_wants_quotes() -> None:
    with pytest.raises(ValueError, match="put quotes around it"):
        entry_number(COUNTRY, 276)


def test_the_first_wrong_entry_is_named_with_its_line_and_the_lines_of_others() -> None:
    with pytest.raises(ValueError) as raised:
        listed(1, "x", 2, "y", file="").numbers(INT)
    assert str(raised.value) == "lists.known, line 4: 'x' is no whole number (1 more: line 6)"
    with pytest.raises(ValueError, match=r"line 9 of far\.txt: .*\(7 more: line 10, 11, 12, 13, 14, \.\.\.\)"):
        listed(*"abcdefgh", file="far.txt", lines=tuple(range(9, 17))).numbers(INT)


@pytest.mark.parametrize(
    ("entries", "odd"),
    [(["a", "b"], None), ([1, 2], None), ([], None), (["a", 1], 1), ([1, True], 1), ([2.5], 0), ([None], 0)],
)
def test_entries_are_all_texts_or_all_whole_numbers(entries: list[object], odd: int | None) -> None:
    assert odd_one(entries) == odd
