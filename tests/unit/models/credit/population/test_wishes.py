"""What people want to pay in a year: in order, among open wallets, as many and as much as their traits say."""

import numpy as np
import pytest
from numpy.typing import NDArray

from models.credit.population.draws import Draws
from models.credit.population.paying import NO_ORDER
from models.credit.population.people import DAYS, NEVER, people_of
from models.credit.population.wishes import (
    ATTEMPTS_AFTER_DAYS,
    DAY_MS,
    EMPLOYERS,
    GRACE_DAYS,
    KINDS,
    NOTES,
    OUTSIDE,
    PLATFORMS,
    STEADY,
    Orders,
    Wishes,
    World,
    all_wishes,
    orders_of,
)

COUNT = 300


@pytest.fixture(scope="module")
def world() -> World:
    draws = Draws(5)
    return World(draws, people_of(draws, COUNT))


@pytest.fixture(scope="module")
def orders(world: World) -> Orders:
    return orders_of(world)


@pytest.fixture(scope="module")
def wishes(world: World, orders: Orders) -> Wishes:
    return all_wishes(world, orders)


def noted(wishes: Wishes, note: str) -> NDArray[np.int64]:
    return np.flatnonzero(wishes.note == NOTES.index(note))


def test_wishes_are_in_order_of_time_within_the_year_and_of_amounts_above_zero(wishes: Wishes) -> None:
    assert (np.diff(wishes.time_ms) >= 0).all()
    assert wishes.time_ms.min() >= 0 and wishes.time_ms.max() < DAYS * DAY_MS
    assert (wishes.amount > 0).all() and (wishes.payer != wishes.payee).all()
    assert len({len(getattr(wishes, name)) for name in Wishes.__struct_fields__}) == 1


def test_nobody_pays_or_is_paid_before_the_wallet_is_open(world: World, wishes: Wishes) -> None:
    opened = np.zeros(world.wallets, np.int64)
    opened[:COUNT] = world.people.opened * DAY_MS
    assert (wishes.time_ms >= np.maximum(opened[wishes.payer], opened[wishes.payee])).all()
    openings = noted(wishes, "opening")
    assert sorted(wishes.payee[openings].tolist()) == list(range(world.outside)), "each wallet once"


@pytest.mark.parametrize(
    ("note", "kind", "payers", "payees"),
    [
        ("salary", "cash_in", "outside", "people"),
        ("work", "cash_in", "outside", "people"),
        ("rent", "payment", "people", "merchants"),
        ("utilities", "payment", "people", "merchants"),
        ("purchase", "payment", "people", "merchants"),
        ("cash", "cash_out", "people", "outside"),
        ("friend", "transfer", "people", "people"),
        ("order", "payment", "people", "merchants"),
        ("opening", "top_up", "outside", "all"),
    ],
)
def test_each_wish_goes_from_and_to_those_it_is_of(
    world: World, wishes: Wishes, note: str, kind: str, payers: str, payees: str
) -> None:
    ranges = {
        "people": (0, COUNT),
        "merchants": (COUNT, world.outside),
        "outside": (world.outside, world.wallets),
        "all": (0, world.outside),
    }
    rows = noted(wishes, note)
    assert len(rows) > 0 and set(wishes.kind[rows].tolist()) == {KINDS.index(kind)}
    for column, (low, high) in ((wishes.payer, ranges[payers]), (wishes.payee, ranges[payees])):
        assert low <= column[rows].min() and column[rows].max() < high


def test_whoever_is_steady_has_a_salary_and_others_work_by_the_job(world: World, wishes: Wishes) -> None:
    people = world.people
    steady = set(np.flatnonzero(people.steadiness >= STEADY).tolist())
    assert set(wishes.payee[noted(wishes, "salary")].tolist()) <= steady
    assert not set(wishes.payee[noted(wishes, "work")].tolist()) & steady
    for note, among in (("salary", EMPLOYERS), ("work", PLATFORMS)):
        rows = noted(wishes, note)
        payer = wishes.payer[rows] - world.outside
        welfare = OUTSIDE.index("welfare")
        assert set(payer.tolist()) <= {*among, welfare}
        fallen = wishes.time_ms[rows] // DAY_MS >= people.setback[wishes.payee[rows]]
        assert ((payer == welfare) == fallen).all(), "after a setback it comes from welfare"


def test_a_wish_of_some_is_the_same_however_many_others_there_are(wishes: Wishes) -> None:
    draws = Draws(5)
    world = World(draws, people_of(draws, 2 * COUNT))
    more = all_wishes(world, orders_of(world))
    for note in ("salary", "work"):
        mine, theirs = noted(wishes, note), noted(more, note)
        theirs = theirs[more.payee[theirs] < COUNT]
        for name in ("payee", "amount", "time_ms"):
            assert getattr(wishes, name)[mine].tolist() == getattr(more, name)[theirs].tolist(), (note, name)


def test_orders_are_due_after_their_grace_and_those_meant_to_be_paid_are_tried_again(
    world: World, orders: Orders, wishes: Wishes
) -> None:
    created, due = orders.created_ms // DAY_MS, orders.due_ms // DAY_MS
    assert (due - created == GRACE_DAYS).all() and (orders.due_ms % DAY_MS == DAY_MS - 1).all()
    assert (created >= world.people.opened[orders.person]).all() and (created < DAYS).all()
    assert COUNT <= orders.merchant.min() and orders.merchant.max() < world.outside
    rows = noted(wishes, "order")
    assert set(np.flatnonzero(wishes.order != NO_ORDER).tolist()) == set(rows.tolist())
    number = wishes.order[rows]
    assert (orders.planned[number] < NEVER).all(), "nobody asks for what is not to be paid"
    assert (wishes.amount[rows] == orders.amount[number]).all() and (
        wishes.time_ms[rows] > orders.created_ms[number]
    ).all()
    assert max(np.bincount(number)) == len(ATTEMPTS_AFTER_DAYS)


def test_the_disciplined_break_fewer_orders() -> None:
    draws = Draws(9)
    world = World(draws, people_of(draws, 4_000))
    orders = orders_of(world)
    discipline = world.people.discipline[orders.person]
    broken = orders.planned == NEVER
    assert broken[discipline > 0.5].mean() < 0.5 * broken[discipline < -0.5].mean()


def test_friends_are_people_of_like_discipline(world: World) -> None:
    each = np.arange(COUNT)
    near, far = (world.friend(each, np.full(COUNT, steps)) for steps in (1, COUNT // 2))
    apart = [np.abs(world.people.discipline[each] - world.people.discipline[other]).mean() for other in (near, far)]
    assert apart[0] < apart[1] and (near != each).all()
    assert world.friend(near, np.full(COUNT, -1)).tolist() == each.tolist()
