"""Decision tables: which rows fire, and what is said of a table when it is read."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.compile.compiler import compile_pack
from rules.decisions.pack import Decider
from rules.language.cases import columns_of, run_cases
from rules.language.document import read_pack
from rules.language.ir import INT_MAX, INT_MIN
from rules.language.problems import PackError
from rules.language.tables import _common, _outside, covers, gap, joined, overlap
from tests.unit.rules.language.table_documents import document


def test_cells_are_values_lists_ranges_tests_null_or_anything() -> None:
    rows = ["MM, -, -", "[DE, FR], -, -", "-, 5..7, -", "-, '> 1000', '>= 3'", "in lists.risky, -, -", "null, -, -"]
    given_of = [
        ("country: MM", "t.1"),
        ("country: FR", "t.2"),
        ("country: US, amount: 7", "t.3"),
        ('country: US, amount: 1001, count("1h"): 3', "t.4"),
        ("country: KH", "t.5"),
        ("country: null", "t.6"),
    ]
    tests = "tests:\n" + "".join(
        f"  - {{name: {row}, given: {{{given_text}}}, expect: {{fires: [{row}]}}}}\n" for given_text, row in given_of
    )
    read = document(rows, "collect", tests)
    outcomes = run_cases(read.tests, Decider(compile_pack(read, {}, 1, 1)))
    assert [outcome.differences for outcome in outcomes] == [()] * 6


TIMES = """
name: times
fallback: review
tables:
  - id: t
    hit: HIT
    inputs: [effective_time]
    rows:
      - {when: [2026-01-01T00:00:00Z..2026-02-01T00:00:00Z], action: review, reason: R}
      - {when: ["2026-02-01T00:00:00Z .. 2026-02-01T00:00:00.002Z"], action: review, reason: R}
      - {when: [2026-03-01T00:00:00Z], action: review, reason: R}
"""


def test_a_range_of_times_is_from_the_first_on_before_the_second() -> None:
    fires = {
        "2025-12-31T23:59:59.999Z": "",
        "2026-01-01T00:00:00Z": "t.1",
        "2026-01-31T23:59:59.999Z": "t.1",
        "2026-02-01T00:00:00Z": "t.2",
        "2026-02-01T00:00:00.002Z": "",
        "2026-03-01T00:00:00Z": "t.3",
    }
    tests = "tests:\n" + "".join(
        f"  - {{name: '{time}', given: {{effective_time: {time}}}, expect: {{fires: [{row}]}}}}\n"
        for time, row in fires.items()
    )
    read = read_pack(TIMES.replace("HIT", "collect") + tests)
    outcomes = run_cases(read.tests, Decider(compile_pack(read, {}, 1, 1)))
    assert [outcome.differences for outcome in outcomes] == [()] * len(fires)
    assert [note.message for note in read.notes] == ["a gap: no row fits effective_time = 1970-01-01T00:00:00.001Z"]


def test_a_range_of_times_that_overlaps_or_is_misspelt_is_named() -> None:
    overlapping = TIMES.replace("HIT", "first").replace("[2026-03-01T", "[2026-01-15T")
    assert "row 3 never fires: row 1 fits all that it fits" in [each.message for each in read_pack(overlapping).notes]
    with pytest.raises(PackError) as refused:
        read_pack(TIMES.replace("HIT", "first").replace("..2026-02-01T00:00:00Z]", "..2026-02-01]"))
    (problem,) = refused.value.problems
    assert problem.message.startswith("an RFC 3339 time in UTC is expected") and problem.line == 9, problem.render()


def test_first_lets_only_the_first_row_fire_and_collect_all() -> None:
    for hit, fires in (("first", "[t.1]"), ("collect", "[t.1, t.2]")):
        tests = f"tests: [{{name: x, given: {{country: MM, amount: 9}}, expect: {{fires: {fires}}}}}]\n"
        read = document(["MM, -, -", "-, '> 5', -"], hit, tests)
        (outcome,) = run_cases(read.tests, Decider(compile_pack(read, {}, 1, 1)))
        assert outcome.differences == ()


def test_a_row_behind_one_without_value_has_none_either() -> None:
    read = document(
        ["-, -, '> 5'", "-, '> 5', -"], tests='tests: [{name: x, given: {amount: 9, count("1h"): null}, expect: {}}]\n'
    )
    decider = Decider(compile_pack(read, {}, 1, 1))
    trace = decider.trace(columns_of(read.tests))
    assert not trace.hits.any() and trace.not_evaluated.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("cells", "column", "message"),
    [
        ("MM, -", 16, "3 inputs need 3 cells, not 2"),
        ("Burma, -, -", 17, "'Burma' is no country"),
        ("MM, '> contry', -", 24, "no field is named contry"),
        ("MM, '> ', -", 22, "the expression ends too early"),
        ("MM, {a: 1}, -", 21, "a cell is a value"),
        ("MM, a, -", 21, "a whole number and a text cannot be compared"),
    ],
)
def test_a_wrong_cell_is_refused_at_its_place(cells: str, column: int, message: str) -> None:
    with pytest.raises(PackError) as refused:
        document([cells])
    problem = refused.value.problems[0]
    assert (problem.line, problem.column) == (10, column), problem.render()
    assert message in problem.message


@pytest.mark.parametrize("wrong", ["UK", "M", "K", "'V''N'"])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_wrong_entry_of_a_list_in_a_cell_is_refused_at_its_own_line(wrong: str, at: int) -> None:
    entries = ["MM", "KH", "VN"]
    entries.insert(at, wrong)
    lines = "".join(f"{'          - - ' if not i else '            - '}{each}\n" for i, each in enumerate(entries))
    head = "name: p\nfallback: review\ntables:\n  - id: t\n    hit: first\n    inputs: [country]\n    rows:\n"
    with pytest.raises(PackError) as refused:
        read_pack(f"{head}      - when:\n{lines}        action: approve\n")
    (problem,) = refused.value.problems
    assert (problem.line, problem.column, problem.width) == (9 + at, 15, len(wrong)), problem.render()
    assert "is no country" in problem.message


spans = st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)).map(lambda pair: (min(pair), max(pair))), max_size=3)
sets = spans.map(joined)


@given(sets, sets)
def test_sets_are_what_their_members_say(left: tuple[tuple[int, int], ...], right: tuple[tuple[int, int], ...]) -> None:
    def members(each: tuple[tuple[int, int], ...]) -> set[int]:
        return {number for number in range(-5, 6) if any(low <= number <= high for low, high in each)}

    assert members(_common(left, right)) == members(left) & members(right)
    assert members(_outside(left)) == set(range(-5, 6)) - members(left)
    assert overlap((left,), (right,)) == bool(members(left) & members(right))
    assert covers((left,), (right,)) == (members(left) >= members(right))
    assert _outside(()) == ((INT_MIN, INT_MAX),)


@given(st.lists(st.tuples(sets, sets), max_size=4))
def test_a_gap_is_found_exactly_when_there_is_one(rows: list[tuple[tuple[tuple[int, int], ...], ...]]) -> None:
    domain = ((-4, 4),)
    free = [
        point
        for point in itertools.product(range(-4, 5), repeat=2)
        if not any(all(any(a <= n <= b for a, b in part) for n, part in zip(point, row, strict=True)) for row in rows)
    ]
    found = gap(rows, (domain, domain))
    assert (found is None) == (not free)
    assert found is None or found in free
