"""Whatever a cell holds, a table keeps its columns."""

import re

from hypothesis import given
from hypothesis import strategies as st

from switch.reference.markdown import GENERATED, cell, code, page, table


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), max_size=5))
def test_a_table_has_one_line_a_row_and_one_cell_a_column(rows: list[list[str]]) -> None:
    lines = table(("a", "b", "c"), rows).split("\n")
    assert len(lines) == 2 + len(rows)
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines if "\\\\" not in line)


def test_a_bar_is_escaped_and_a_line_break_is_a_space() -> None:
    assert cell("one | two\nthree") == "one \\| two three"
    assert code(7) == "`7`"


def test_a_page_says_that_it_is_generated() -> None:
    assert page("Title", "one", "two") == f"# Title\n\n{GENERATED}\n\none\n\ntwo\n"
