"""The plan keeps every wallet's order, against a switch that delays and reorders whatever it may."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.importer import plan as planning
from switch.importer.plan import NONE, Plan, make_plan, requests, slices
from tests.unit.switch.importer.adversary import Adversary, World, in_order


@pytest.fixture(scope="module", autouse=True)
def short_slices() -> Iterator[None]:
    """Slices of a few rows, so that small examples have several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "SLICE_ROWS_MIN", 8)
        yield


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, list[int], list[int]]:
    """A world, the places that tell which wallets surely share a shard, and the times of its rows."""
    wallets = draw(st.integers(2, 7))
    shards = draw(st.integers(1, 3))
    operator = [True] + [False] * wallets + [True] * draw(st.integers(0, 1))
    place = [draw(st.integers(0, 4)) for _ in operator]
    shard = [number % shards for number in place]
    floor = [draw(st.sampled_from([0, 0, -50])) for _ in operator]
    numbers = st.integers(0, len(operator) - 1)
    pairs = st.tuples(numbers, numbers, st.integers(1, 60)).filter(lambda row: row[0] != row[1])
    rows = draw(st.lists(pairs, min_size=1, max_size=40))
    steps = draw(st.lists(st.integers(0, 40), min_size=len(rows), max_size=len(rows)))
    return World(operator, floor, shard, rows), place, np.cumsum(steps).tolist()


def _plan(world: World, place: list[int], times: list[int]) -> Plan:
    payer = np.array([row[0] for row in world.rows], np.int32)
    payee = np.array([row[1] for row in world.rows], np.int32)
    return make_plan(payer, payee, np.array(times, np.int64), 100, np.array(world.operator), np.array(place, np.int64))


def _apply_batch(world: World, plan: Plan, rows_max: int, seed: int) -> Adversary:
    payer = np.array([row[0] for row in world.rows], np.int32)
    payee = np.array([row[1] for row in world.rows], np.int32)
    adversary = Adversary(world, seed)
    for wave in range(plan.waves):
        for row in plan.confirm.get(wave, ()):
            adversary.confirm(world.rows[row][0])
        parts = requests(plan.rows(wave), payer, payee, np.array(world.operator), rows_max)
        adversary.wave([part.tolist() for part in parts], plan.after)
    return adversary


@settings(max_examples=150, deadline=None)
@given(worlds(), st.integers(1, 20), st.integers(0, 2**32))
def test_every_row_has_the_outcome_it_has_in_order(
    drawn: tuple[World, list[int], list[int]], rows_max: int, seed: int
) -> None:
    world, place, times = drawn
    adversary = _apply_batch(world, _plan(world, place, times), rows_max, seed)
    assert [adversary.outcome[row] for row in range(len(world.rows))] == in_order(world)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(1, 20), st.integers(0, 2**32))
def test_the_rows_that_a_wallet_pays_are_handled_in_order(
    drawn: tuple[World, list[int], list[int]], rows_max: int, seed: int
) -> None:
    world, place, times = drawn
    adversary = _apply_batch(world, _plan(world, place, times), rows_max, seed)
    for wallet, operator in enumerate(world.operator):
        paid = [row for row in adversary.sequence if world.rows[row][0] == wallet]
        assert operator or paid == sorted(paid)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_every_row_is_in_one_wave_and_slices_do_not_mix(drawn: tuple[World, list[int], list[int]]) -> None:
    world, place, times = drawn
    plan = _plan(world, place, times)
    assert sorted(plan.order.tolist()) == list(range(len(world.rows)))
    waves = [plan.rows(wave) for wave in range(plan.waves)]
    assert all(len(rows) and (np.diff(rows) > 0).all() for rows in waves)
    for start, end in slices(np.array(times), 100):
        inside = [((rows >= start) & (rows < end)) for rows in waves]
        assert all(part.all() or not part.any() for part in inside)


def _simple(pairs: list[tuple[int, int]], operators: set[int], places: list[int]) -> Plan:
    operator = np.array([number in operators for number in range(len(places))])
    payer, payee = np.array(pairs, np.int32).T
    return make_plan(payer, payee, np.zeros(len(pairs), np.int64), 1, operator, np.array(places))


def test_payments_from_and_to_operators_need_no_further_wave() -> None:
    assert _simple([(0, 1), (1, 0), (0, 1), (1, 0)], {0}, [0, 1]).waves == 1


def test_a_payee_new_to_the_payers_shard_ends_the_turn_and_a_known_one_does_not() -> None:
    plan = _simple([(1, 2), (1, 2), (1, 2), (1, 2)], {0}, [0, 1, 2])
    assert [plan.rows(wave).tolist() for wave in range(plan.waves)] == [[0], [1, 2, 3]]
    assert _simple([(1, 2), (1, 2), (1, 2)], {0}, [0, 1, 1]).waves == 1


def test_two_payers_of_one_place_both_may_wait_for_a_new_payee() -> None:
    plan = _simple([(1, 3), (2, 3), (2, 0), (2, 3), (2, 0)], {0}, [0, 1, 1, 2])
    assert [plan.rows(wave).tolist() for wave in range(plan.waves)] == [[0, 1], [2, 3, 4]]


def test_a_payee_that_pays_is_paid_after_its_earlier_rows_are_answered() -> None:
    plan = _simple([(2, 0), (1, 2), (2, 0)], {0}, [0, 1, 2])
    assert [plan.rows(wave).tolist() for wave in range(plan.waves)] == [[0], [1], [2]]


def test_who_spends_what_came_from_another_shard_names_it_in_after() -> None:
    plan = _simple([(1, 2), (2, 0), (2, 0)], {0}, [0, 1, 2])
    assert plan.after.tolist() == [NONE, 0, NONE]
    assert plan.confirm == {}


def test_money_from_two_other_shards_is_confirmed_before_it_is_spent() -> None:
    plan = _simple([(1, 3), (2, 3), (3, 0)], {0}, [0, 1, 2, 3])
    assert plan.after.tolist() == [NONE] * 3
    assert plan.confirm == {2: [2]}


def test_a_payer_has_a_bounded_number_of_rows_in_a_wave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "TURN_ROWS_MAX", 3)
    plan = _simple([(1, 0)] * 8, {0}, [0, 1])
    assert [len(plan.rows(wave)) for wave in range(plan.waves)] == [3, 3, 2]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(6, 9)), min_size=1, max_size=80), st.integers(1, 30))
def test_requests_keep_a_home_together_and_in_order(pairs: list[tuple[int, int]], rows_max: int) -> None:
    payer, payee = np.array(pairs, np.int32).T
    operator = np.zeros(10, np.bool_)
    parts = requests(np.arange(len(pairs)), payer, payee, operator, rows_max)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(pairs)))
    homes = [set(payer[part].tolist()) for part in parts]
    assert sum(map(len, homes)) == len(set.union(*homes))
    largest = max(np.bincount(payer))
    assert all((np.diff(part) > 0).all() and len(part) < rows_max + largest for part in parts)


def test_thin_slices_go_together_until_there_are_enough_rows() -> None:
    times = np.repeat(np.arange(10), planning.SLICE_ROWS_MIN // 2)
    found = list(slices(times, 1))
    assert [end - start for start, end in found] == [planning.SLICE_ROWS_MIN] * 5
    assert list(slices(np.array([1, 2, 3]), 1)) == [(0, 3)]
    assert list(slices(np.zeros(0, np.int64), 1)) == []
