"""Who holds a lease, over deaths, sleeps and races. Objects in memory stand for the store."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from actors.storage import lease
from actors.storage.interface import LeaseLost, Owner, StorageRefused, Taken
from actors.storage.lease import Newest, ObjectLease, Written, take


class Clock:
    """Time that passes when somebody sleeps; `asleep` is called each time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asleep: Callable[[], Any] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.asleep()


class Objects:
    """Numbered objects in memory. `on_create`: called before one is created."""

    def __init__(self) -> None:
        self.data: dict[int, bytes] = {}
        self.away = False
        self.on_create: Callable[[], Any] = lambda: None

    def newest(self) -> Newest | None:
        if self.away:
            raise StorageRefused("away")
        return Newest(max(self.data), self.data[max(self.data)]) if self.data else None

    def create(self, number: int, data: bytes) -> bool:
        self.on_create()
        return self.data.setdefault(number, data) == data

    def renew(self, number: int, data: bytes) -> None:
        self.data[number] = data

    def remove(self, up_to: int) -> None:
        self.data = {number: data for number, data in self.data.items() if number > up_to}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lease, "time", clock)
    return clock


def elsewhere(_: str) -> bool:
    return False


def test_a_lease_that_is_renewed_is_refused_to_another_with_the_name_of_its_holder(clock: Clock) -> None:
    store = Objects()
    first = take(store, elsewhere)
    clock.asleep = first.keep
    with pytest.raises(Taken) as refused:
        take(store, elsewhere)
    assert isinstance(refused.value.args[0], Owner)
    assert clock.now <= lease.RENEW_S + lease.LOOK_S


def test_a_lease_that_nobody_renews_is_taken_over_in_its_time_and_its_sleeping_holder_ends(clock: Clock) -> None:
    store = Objects()
    first = take(store, elsewhere)
    second = take(store, elsewhere)
    assert lease.LEASE_S <= clock.now <= lease.LEASE_S + 2 * lease.LOOK_S
    with pytest.raises(LeaseLost):
        first.keep()
    first.give_back()
    assert list(store.data) == [2], "it is another's by now"
    second.give_back()
    assert not store.data


def test_a_sleeping_holder_ends_though_its_successor_has_come_and_gone(clock: Clock) -> None:
    store = Objects()
    first = take(store, elsewhere)
    take(store, elsewhere).give_back()
    assert not store.data
    with pytest.raises(LeaseLost):
        first.keep()
    third = take(store, elsewhere)
    clock.now += lease.RENEW_S
    with pytest.raises(LeaseLost):
        first.keep()
    first.give_back()
    assert list(store.data) == [1], "it has the number of the first one's, and is the third one's"
    third.keep()


def test_the_lease_of_a_process_that_ended_here_is_taken_over_at_once(clock: Clock) -> None:
    store = Objects()
    take(store, elsewhere)
    take(store, lambda process: bool(process))
    assert clock.now == 0 and list(store.data) == [2]


def test_of_two_that_find_a_lease_expired_one_gets_it(clock: Clock) -> None:
    store = Objects()
    take(store, elsewhere)
    quicker: list[ObjectLease] = []

    def before() -> None:
        store.on_create = lambda: None
        quicker.append(take(store, lambda process: not quicker))
        clock.asleep = quicker[0].keep

    store.on_create = before
    with pytest.raises(Taken):
        take(store, elsewhere)
    assert list(store.data) == [2]
    quicker[0].keep()


def test_a_store_that_is_away_costs_no_lease(clock: Clock) -> None:
    store = Objects()
    held = take(store, elsewhere)
    store.away = True
    clock.now += 10 * lease.RENEW_S
    held.keep()
    store.away = False
    clock.now += lease.RENEW_S
    held.keep()
    assert msgspec.json.decode(store.data[1], type=Written).beat == 1


def test_a_lease_is_renewed_when_it_is_due_and_not_at_every_look(clock: Clock) -> None:
    store = Objects()
    held = take(store, elsewhere)
    for _ in range(100):
        clock.now += 0.25
        held.keep()
    assert msgspec.json.decode(store.data[1], type=Written).beat == 25 / lease.RENEW_S


def test_a_lease_that_is_given_back_while_another_waits_is_free(clock: Clock) -> None:
    store = Objects()
    first = take(store, elsewhere)
    clock.asleep = first.give_back
    take(store, elsewhere)
    assert clock.now == lease.LOOK_S


def test_something_else_under_the_name_is_refused(clock: Clock) -> None:
    store = Objects()
    store.data[1] = b"{}"
    with pytest.raises(StorageRefused, match="not one of this version"):
        take(store, elsewhere)
