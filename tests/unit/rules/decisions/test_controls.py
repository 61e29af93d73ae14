"""An entry holds from its revision to the one that removed it, before its end by effective time, however many revisions are looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rules.compile.compiler import compile_pack
from rules.decisions.controls import (
    ALWAYS,
    NO_CONTROLS,
    SEARCHED_MS,
    Changed,
    ControlEntry,
    Controls,
    Timed,
    What,
    kept_bits,
    snooze_name,
    whole_revisions,
)
from rules.decisions.decision import Action
from rules.decisions.pack import Decider
from rules.language.document import read_pack
from rules.language.words import word_number
from rules.vocabulary.catalogue import COUNTRY
from rules.vocabulary.columns import COLUMN_COUNT, INDEX, NULL

PACK = """
name: guard
fallback: approve
lists:
  stolen: {kept: stolen-devices}
  mules: {kept: mules}
rules:
  - {id: device, when: device in lists.stolen, action: decline, reason: STOLEN}
  - {id: mule, when: payer in lists.mules || payee in lists.mules, action: review, reason: MULE}
"""
DECIDER = Decider(compile_pack(read_pack(PACK), {}, 7, 1))

numbers = st.integers(-3, 3)
lives = st.lists(
    st.tuples(numbers, st.integers(1, 8), st.integers(1, 4), st.one_of(st.just(ALWAYS), st.integers(0, 9)))
)


def entries_of(drawn: list[tuple[int, int, int, int]]) -> list[ControlEntry]:
    """Entries of one number never overlap: one that would is left out."""
    found: list[ControlEntry] = []
    for number, added, length, until in drawn:
        entry = ControlEntry("x", number, until, added, added + length if length < 4 else ALWAYS)
        if all(e.number != number or e.removed <= added or entry.removed <= e.added for e in found):
            found.append(entry)
    return found


@given(lives, st.lists(st.tuples(numbers, st.integers(0, 9), st.integers(0, 12)), min_size=1))
def test_what_holds_is_what_a_walk_through_all_entries_finds(
    drawn: list[tuple[int, int, int, int]], asked: list[tuple[int, int, int]]
) -> None:
    entries = entries_of(drawn)
    columns = np.array(asked, np.int64)
    found = Timed(entries).holds(columns[:, 0], columns[:, 1], columns[:, 2])
    assert found.tolist() == [
        any(e.number == number and e.added <= revision < e.removed and time < e.until for e in entries)
        for number, time, revision in asked
    ]


@given(st.integers(0, 200_000), st.integers(-SEARCHED_MS + 1, SEARCHED_MS), st.integers(1, 60))
def test_a_revision_is_found_again_by_its_bits_and_the_time_of_its_record(revision: int, skew: int, pace: int) -> None:
    made = np.arange(1, 262_145, dtype=np.int64) * 60 * max(pace, 1)  # at most 60,000 an hour
    decided = int(made[revision - 1]) if revision else 0
    time = np.array([decided + (0 if skew > 0 else -skew)])
    later = min(int(made[min(revision, len(made) - 1)]), int(time[0]))  # the next one was not known yet
    bits = np.array([kept_bits(revision)])
    assert whole_revisions(bits, np.array([max(later, decided)]), made).tolist() == [revision]


def row(**values: int) -> NDArray[np.int64]:
    columns = np.zeros((1, COLUMN_COUNT), np.int64)
    for name, value in values.items():
        columns[0, INDEX[name]] = value
    return columns


def guard(*entries: tuple[What, ControlEntry], revision: int = 9) -> Controls:
    return Changed(revision, entries).controls()


def test_a_pack_looks_into_kept_lists_by_the_field_that_is_looked_for() -> None:
    controls = guard(
        (What.LIST, ControlEntry("stolen-devices", 5, 100, 1, ALWAYS)),
        (What.LIST, ControlEntry("mules", 77, ALWAYS, 3, 6)),
    )
    cases = [
        (row(device=5, effective_time=99), None, Action.DECLINE),
        (row(device=5, effective_time=100), None, Action.APPROVE),
        (row(device=77, effective_time=5), None, Action.APPROVE),
        (row(payer=77), None, Action.APPROVE),
        (row(payer=77), 5, Action.REVIEW),
        (row(payee=77), 3, Action.REVIEW),
        (row(payee=77), 2, Action.APPROVE),
        (row(payer=5, payee=5), None, Action.APPROVE),
    ]
    for columns, revision, action in cases:
        as_of = None if revision is None else np.array([revision])
        decided = DECIDER.fired(columns, controls, as_of).decisions[0]
        assert (decided["action"], decided["controls"]) == (action, 9 if revision is None else revision)
    assert DECIDER.decide(row(device=5))["action"][0] == Action.APPROVE, "without controls a kept list is empty"


def test_a_field_that_is_not_given_is_in_no_list_and_out_of_none() -> None:
    controls = guard((What.LIST, ControlEntry("stolen-devices", 5, ALWAYS, 1, ALWAYS)))
    text = PACK.replace("when: device in lists.stolen", 'when: "!(device in lists.stolen)"')
    decider = Decider(compile_pack(read_pack(text), {}, 7, 1))
    fired = [decider.fired(row(device=value), controls) for value in (5, 6, NULL)]
    assert [int(each.hits[0, 0]) & 1 for each in fired] == [0, 1, 0]
    assert [int(each.unknown[0, 0]) & 1 for each in fired] == [0, 0, 1]


def test_a_snoozed_rule_neither_fires_nor_lacks_a_value_for_its_wallet_until_its_end() -> None:
    snooze = ControlEntry(snooze_name("guard", "device"), 42, 1_000, 1, ALWAYS)
    controls = guard((What.LIST, ControlEntry("stolen-devices", 5, ALWAYS, 1, ALWAYS)), (What.SNOOZE, snooze))
    assert DECIDER.fired(row(device=5, payer=42), controls).decisions["action"][0] == Action.APPROVE
    assert (
        DECIDER.fired(row(device=5, payer=42, effective_time=1_000), controls).decisions["action"][0] == Action.DECLINE
    )
    assert DECIDER.fired(row(device=5, payer=43), controls).decisions["action"][0] == Action.DECLINE
    assert not DECIDER.fired(row(device=NULL, payer=42), controls).unknown.any()
    other = Decider(compile_pack(read_pack(PACK.replace("name: guard", "name: other")), {}, 8, 1))
    assert other.fired(row(device=5, payer=42), controls).decisions["action"][0] == Action.DECLINE


@pytest.mark.parametrize("rules", [1, 70])
def test_one_rule_of_many_is_snoozed_and_no_other(rules: int) -> None:
    text = "name: many\nfallback: approve\nrules:\n" + "".join(
        f"  - {{id: r{i}, when: amount > 0, action: decline, reason: R}}\n" for i in range(rules)
    )
    decider = Decider(compile_pack(read_pack(text), {}, 1, 1))
    controls = guard((What.SNOOZE, ControlEntry(snooze_name("many", f"r{rules - 1}"), 42, ALWAYS, 1, ALWAYS)))
    hits = np.unpackbits(decider.fired(row(amount=1, payer=42), controls).hits.view(np.uint8), bitorder="little")
    assert hits.sum() == rules - 1 and not hits[rules - 1]


TABLES = """
name: tabled
fallback: approve
lists: {{stolen: {{kept: stolen-devices}}}}
rules:
{rules}
tables:
  - id: one
    hit: first
    from: 1970-01-01T00:00:01Z
    inputs: [amount, device in lists.stolen, country]
    rows:
{one}
  - id: other
    hit: first
    mode: shadow
    inputs: [amount]
    rows:
{other}
"""
ONE = {
    1: "{when: [-, true, -], action: decline, reason: STOLEN}",
    2: '{when: ["> 500", -, SE], action: review, reason: LARGE}',
    3: '{when: ["> 700", -, -], action: decline, reason: HUGE, points: -5}',
    4: "{when: [-, -, DE], action: approve, points: 3}",
    5: "{when: [-, -, -], action: review, reason: ELSE}",
}
OTHER = {at: f"{{when: ['> {100 * (9 - at)}'], action: review, reason: R}}" for at in range(1, 9)}


def tabled(one: dict[int, str], other: dict[int, str]) -> Decider:
    """Behind so many rules that a table's bits lie in two words."""
    rules = "\n".join(f"  - {{id: r{at}, when: amount > {at}, action: approve, points: 1}}" for at in range(60))
    lines = ["\n".join(f"      - {row}" for row in rows.values()) for rows in (one, other)]
    text = TABLES.format(rules=rules, one=lines[0], other=lines[1])
    return Decider(compile_pack(read_pack(text), {}, 7, 1))


def payments_of_one_wallet(count: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(5)
    columns = np.zeros((count, COLUMN_COUNT), np.int64)
    columns[:, INDEX["payer"]] = rng.choice([42, 43], count)
    columns[:, INDEX["amount"]] = rng.integers(0, 1_000, count)
    columns[:, INDEX["device"]] = rng.choice([5, 6, NULL], count)
    columns[:, INDEX["country"]] = rng.choice([word_number(COUNTRY, "SE"), word_number(COUNTRY, "DE"), NULL], count)
    columns[:, INDEX["effective_time"]] = rng.choice([500, 1_500], count)
    return columns


@pytest.mark.parametrize("snoozed", [{1}, {2}, {3}, {5}, {1, 2}, {2, 4}, {1, 2, 3, 4, 5}])
def test_a_table_without_the_rows_that_are_snoozed_decides(snoozed: set[int]) -> None:
    stolen = (What.LIST, ControlEntry("stolen-devices", 5, ALWAYS, 1, ALWAYS))
    names = [snooze_name("tabled", f"one.{at}") for at in snoozed] + [snooze_name("tabled", "other.3")]
    controls = guard(stolen, *((What.SNOOZE, ControlEntry(name, 42, ALWAYS, 1, ALWAYS)) for name in names))
    whole, columns = tabled(ONE, OTHER), payments_of_one_wallet(600)
    never = '{when: ["> 5000", -, -], action: approve}'
    without = tabled(
        {at: never if at in snoozed else row for at, row in ONE.items()},
        {**OTHER, 3: '{when: ["> 5000"], action: approve}'},
    )
    found, plain, expected = (
        whole.fired(columns, controls),
        whole.fired(columns, guard(stolen)),
        without.fired(columns, guard(stolen)),
    )
    theirs = columns[:, INDEX["payer"]] == 42
    for name in ("hits", "unknown"):
        bits = getattr(found, name)
        assert (bits[theirs] == getattr(expected, name)[theirs]).all()
        assert (bits[~theirs] == getattr(plain, name)[~theirs]).all(), "nobody else is let through"
    for name in ("action", "points"):
        assert (found.decisions[name][theirs] == expected.decisions[name][theirs]).all()
    assert (found.decisions["action"] != plain.decisions["action"]).any()
    one_by_one = [whole.fired(columns[at : at + 1], controls).decisions[0] for at in range(len(columns))]
    assert (np.array(one_by_one) == found.decisions).all()


def test_a_snoozed_row_lets_its_wallet_past_no_row_behind_it() -> None:
    decider = tabled(ONE, OTHER)
    payment = row(payer=42, amount=900, device=6, country=word_number(COUNTRY, "SE"), effective_time=1_500)
    assert decider.decide(payment)["action"][0] == Action.REVIEW
    controls = guard((What.SNOOZE, ControlEntry(snooze_name("tabled", "one.2"), 42, ALWAYS, 1, ALWAYS)))
    assert decider.fired(payment, controls).decisions["action"][0] == Action.DECLINE


def test_nothing_was_ever_added_to_begin_with() -> None:
    assert NO_CONTROLS.revision == 0 and not NO_CONTROLS.any_snoozed
