"""Window columns against brute force over all attempts ever made, and when they say that they are not all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ledger.book import Book, new_book
from actors.ledger.bounds import Capacity
from actors.ledger.windows import remember, window_columns
from actors.records.layout import ATTEMPT
from rules.vocabulary.columns import COLUMN_COUNT, COLUMNS, INDEX
from tests.oracle.oracle_windows import HOUR, Attempts, Pool
from tests.unit.actors.ledger.both import START, assert_same_columns

DAY = 24 * HOUR
SMALL = Capacity(segments=1, segment_map=1, keys=1, payers=20, attempts=4_000, profiles=1)


class Payers:
    """Some payers in a book, and the same in the oracle; every attempt is compared before it is remembered."""

    def __init__(self, capacity: Capacity = SMALL) -> None:
        self.book: Book = new_book(capacity)
        self.pool = Pool(capacity.payers, capacity.attempts)
        self.attempts = [Attempts(self.pool) for _ in range(100)]

    def columns(self, payer: int, time: int, payee: int) -> dict[str, int | None]:
        out = np.full(COLUMN_COUNT, -7, np.int64)
        window_columns(self.book, self.book.wallets[payer], time, payee, out)
        return {name: int(out[INDEX[name]]) for name in self.attempts[0].columns(time, payee)}

    def compare(self, payer: int, time: int, payee: int) -> dict[str, int | None]:
        got = self.columns(payer, time, payee)
        naive = self.attempts[payer]
        everything = {**dict.fromkeys(COLUMNS), **got}
        assert_same_columns(everything, dict(naive.columns(time, payee)), naive.remembered_columns(time, payee))
        return got

    def pay(self, payer: int, time: int, amount: int, payee: int) -> dict[str, int | None]:
        got = self.compare(payer, time, payee)
        remember(self.book, payer, time, amount, payee)
        self.attempts[payer].add(time, amount, payee)
        return got


gaps = st.one_of(st.just(0), st.integers(0, 5_000), st.sampled_from([HOUR - 1, HOUR, DAY, 7 * DAY - 1, 7 * DAY]))
steps = st.lists(
    st.tuples(st.integers(0, 2), gaps, st.integers(1, 2**53 - 1), st.integers(1, 6), st.integers(1, 12)), max_size=40
)


@given(steps)
def test_columns_are_those_of_all_attempts(steps: list[tuple[int, int, int, int, int]]) -> None:
    payers, time = Payers(), START
    for payer, gap, amount, payee, times in steps:
        time += gap
        for i in range(times):
            payers.pay(payer, time, amount, payee + i % 3)
    for payer in range(4):
        payers.compare(payer, time, 1)


@given(steps, st.integers(0, 3), st.integers(0, 300))
def test_columns_say_so_when_memory_ran_out(
    steps: list[tuple[int, int, int, int, int]], room: int, places: int
) -> None:
    capacity = Capacity(segments=1, segment_map=1, keys=1, payers=room, attempts=places, profiles=1)
    payers, time = Payers(capacity), START
    for payer, gap, amount, payee, times in steps:
        time += gap
        for i in range(times):
            payers.pay(payer, time, amount, payee + i % 3)
    assert ATTEMPT.itemsize * places == payers.book.attempts.nbytes


@pytest.mark.parametrize(("name", "width"), [("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY)])
def test_a_window_is_open_at_its_beginning_and_closed_at_its_end(name: str, width: int) -> None:
    payers = Payers()
    payers.pay(0, START, 5, 1)
    assert payers.compare(0, START, 1)[f"count_{name}"] == 1
    assert payers.compare(0, START + width - 1, 1)[f"count_{name}"] == 1
    assert payers.compare(0, START + width, 1)[f"count_{name}"] == 0


def test_attempts_of_one_moment_all_count() -> None:
    payers = Payers()
    for i in range(10):
        payers.pay(0, START, 10 + i, i % 3)
    got = payers.compare(0, START, 0)
    assert (got["count_1h"], got["sum_1h"], got["max_1h"], got["payees_1h"], got["payee_seen"]) == (10, 145, 19, 3, 4)
    assert got["saturated"] == 0


def test_64_attempts_are_remembered_and_the_65th_says_so() -> None:
    payers = Payers()
    for i in range(64):
        payers.pay(0, START + i, 1, i)
    assert payers.compare(0, START + 64, 0)["saturated"] == 0
    payers.pay(0, START + 64, 1, 0)
    got = payers.compare(0, START + 65, 0)
    assert (got["saturated"], got["count_7d"]) == (0b111, 64)
    later = START + HOUR
    assert payers.compare(0, later, 0)["saturated"] == 0b110
    assert payers.compare(0, START + 7 * DAY - 1, 0)["saturated"] == 0b100
    assert payers.compare(0, START + 7 * DAY, 0)["saturated"] == 0


def test_a_slow_payer_needs_only_8_places_and_never_saturates() -> None:
    payers = Payers()
    for i in range(40):
        payers.pay(0, START + i * DAY, 1, i % 2)
        assert payers.compare(0, START + i * DAY, 0)["saturated"] == 0
    assert int(payers.book.rings[0]["capacity"]) == 8


@pytest.mark.parametrize(("age", "capacity"), [(7 * DAY - 1, 64), (7 * DAY, 8)])
def test_memory_is_widened_only_for_what_the_longest_window_still_holds(age: int, capacity: int) -> None:
    payers = Payers()
    for _ in range(8):
        payers.pay(0, START, 1, 1)
    payers.pay(0, START + age, 1, 1)
    assert int(payers.book.rings[0]["capacity"]) == capacity
    assert payers.compare(0, START + age, 1)["saturated"] == 0


def test_the_ninth_attempt_in_a_week_widens_the_memory_and_its_old_place_is_used_again() -> None:
    payers = Payers()
    for i in range(9):
        payers.pay(0, START + i, 1, 1)
    assert int(payers.book.rings[0]["capacity"]) == 64
    payers.pay(1, START + 9, 1, 1)
    assert int(payers.book.rings[1]["offset"]) == 0
    assert payers.compare(0, START + 9, 1)["count_7d"] == 9


def test_a_payer_for_whom_there_is_no_memory_is_said_to_be_saturated() -> None:
    payers = Payers(Capacity(segments=1, segment_map=1, keys=1, payers=1, attempts=8, profiles=1))
    payers.pay(0, START, 1, 1)
    assert payers.pay(1, START, 1, 1)["saturated"] == 0
    got = payers.compare(1, START + 1, 1)
    assert (got["count_1h"], got["saturated"]) == (0, 0b111)
    assert payers.compare(0, START + 1, 1)["saturated"] == 0


def test_memory_that_comes_with_a_restart_does_not_hide_what_was_lost_before() -> None:
    payers = Payers(Capacity(segments=1, segment_map=1, keys=1, payers=1, attempts=8, profiles=1))
    payers.pay(0, START, 1, 1)
    payers.pay(1, START + 1, 1, 1)
    small, large = payers.book, new_book(SMALL)
    for name in ("rings", "attempts"):
        getattr(large, name)[: len(getattr(small, name))] = getattr(small, name)
    payers.book = small._replace(rings=large.rings, attempts=large.attempts)
    remember(payers.book, 1, START + 2, 1, 1)
    got = payers.columns(1, START + 3, 1)
    assert (got["count_1h"], got["saturated"]) == (1, 0b111)


@pytest.mark.parametrize(("name", "width"), [("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY)])
def test_a_payee_paid_just_before_a_window_counts_as_new_in_it(name: str, width: int) -> None:
    payers = Payers()
    payers.pay(0, START, 5, 1)
    payers.pay(0, START + 1, 5, 1)
    assert payers.compare(0, START + width - 1, 1)[f"payees_{name}"] == 1
    assert payers.compare(0, START + width, 1)[f"payees_{name}"] == 1
