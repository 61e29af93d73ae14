"""Rows that never fire, that overlap, and payments that fit none are named with the row."""

import time
from collections.abc import Sequence

import pytest

from rules.language.document import RULES_MAX
from rules.language.table_notes import NOTES_MAX
from tests.unit.rules.language.table_documents import HEAD, document


def messages(rows: Sequence[str], hit: str = "first") -> list[str]:
    return [note.message for note in document(rows, hit).notes]


def test_rows_that_never_fire_overlaps_and_gaps_are_named() -> None:
    assert messages(["-, -, -"]) == []
    assert messages(["-, '> 5', -", "-, '<= 5', -"]) == []
    assert messages(["-, '> 5', -", "-, '< 5', -"]) == ['a gap: no row fits country = AA, amount = 5, count("1h") = 0']
    assert "row 2 never fires: row 1 fits all that it fits" in messages(["-, '> 5', -", "MM, '> 6', -"])
    assert "rows 1 and 2 overlap: the first of them decides" in messages(["MM, -, -", "-, '> 6', -"])
    assert "rows 1 and 2 overlap: both fire" in messages(["MM, -, -", "-, '> 6', -"], "collect")
    assert "row 1 fits nothing" in messages(["-, 7..5, -", "-, -, -"])
    assert "gaps were not looked for: a cell is no constant" in messages(["-, '> payer_available', -"])


def test_a_row_that_nothing_passes_when_no_country_is_given_is_named() -> None:
    stated = "without a country row 1 has no value, so row 2 does not fire"
    assert stated in messages(["MM, -, -", "-, -, -"])
    assert stated in messages(["'!= \"MM\"', -, -", "-, -, -"])
    assert not any("without a" in each for each in messages(["null, -, -", "MM, -, -", "-, -, -"]))
    assert not any("without a" in each for each in messages(["-, '> 5', -", "MM, -, -"]))
    assert not any("without a" in each for each in messages(["MM, -, -", "DE, -, -"]))
    assert not any("without a" in each for each in messages(["MM, -, -", "-, -, -"], "collect"))


def test_of_very_many_notes_a_bounded_number_is_given() -> None:
    assert len(messages(["-, '> 5', -"] * 60)) == NOTES_MAX


def test_a_note_stands_at_its_row() -> None:
    (note,) = [each for each in document(["MM, -, -", "-, -, -", "KH, -, -"]).notes if "never fires" in each.message]
    assert note.line == HEAD.count("\n") + 3 and "[KH, -, -]" in note.text


@pytest.mark.parametrize(
    ("rows", "point"),
    [
        (["-, -, '> 0'"], 'country = AA, amount = 0, count("1h") = 0'),
        (["-, '< 0', -", "-, '> 0', -"], "amount = 0"),
        (["MM, -, -", "'!= \"MM\"', '> 1', -"], "amount = 0"),
    ],
)
def test_a_gap_names_a_payment_that_no_row_fits(rows: list[str], point: str) -> None:
    (gap,) = [message for message in messages(rows) if message.startswith("a gap")]
    assert point.rpartition(", ")[2] in gap or point in gap


def test_rows_that_do_not_touch_have_no_notes() -> None:
    assert messages(["-, '< 0', -", "-, 0..9, -", "-, '>= 10', -"]) == []
    assert messages(["-, '< 0', -", "-, '>= 0', -"], "collect") == []


@pytest.mark.parametrize("hit", ["first", "collect"])
def test_a_table_of_as_many_rows_as_are_allowed_is_read_quickly(hit: str) -> None:
    """Each of the 676 countries by itself took more than ten minutes for 100 rows: the analyst's pack was given up."""
    rows = [
        "-, '< 0', -",
        *(f"-, {at * 10}..{at * 10 + 9}, -" for at in range(RULES_MAX - 2)),
        f"-, '>= {(RULES_MAX - 2) * 10}', -",
    ]
    begun = time.process_time()
    assert messages(rows, hit) == []
    assert time.process_time() - begun < 10
