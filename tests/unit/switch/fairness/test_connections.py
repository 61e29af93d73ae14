"""Who has no key makes room, who has one is bounded, and who tries keys waits."""

import pytest

from switch.fairness.connections import FAILED_KEYS_MAX, Connections, FailedKeys
from switch.fairness.shares import STRANGERS
from switch.problems.table import ProblemError


class Fake:
    def __init__(self) -> None:
        self.is_closed = False

    def close_now(self) -> None:
        self.is_closed = True


def opened(connections: Connections, count: int) -> list[Fake]:
    made = [Fake() for _ in range(count)]
    for each in made:
        connections.opened(each)
    return made


def test_the_oldest_connection_without_a_key_makes_room_for_a_new_one() -> None:
    connections = Connections(4)
    made = opened(connections, 4)
    connections.known(made[0], 1)
    (fifth,) = opened(connections, 1)
    assert [each.is_closed for each in (*made, fifth)] == [False, True, False, False, False]
    connections.closed(made[1])
    connections.closed(made[2])
    (sixth,) = opened(connections, 1)
    assert not made[3].is_closed and not sixth.is_closed


def test_where_all_have_keys_the_new_one_is_closed() -> None:
    connections = Connections(4)
    made = opened(connections, 4)
    for caller, each in enumerate(made):
        connections.known(each, caller // 2)
    (fifth,) = opened(connections, 1)
    assert fifth.is_closed and not any(each.is_closed for each in made)
    connections.closed(fifth)
    connections.closed(made[0])
    (sixth,) = opened(connections, 1)
    assert not sixth.is_closed


def test_a_connection_is_its_callers_from_a_valid_key_to_its_end_and_a_strangers_otherwise() -> None:
    connections = Connections(4)
    (made,) = opened(connections, 1)
    assert connections.caller_of(made) == STRANGERS
    connections.known(made, 7)
    assert connections.caller_of(made) == 7
    connections.closed(made)
    assert connections.caller_of(made) == STRANGERS


@pytest.mark.parametrize("made_room", [False, True])
def test_a_key_that_is_looked_up_until_its_connection_is_gone_counts_for_nobody(made_room: bool) -> None:
    connections = Connections(4)
    for _ in range(3):
        (gone,) = opened(connections, 1)
        if made_room:
            others = opened(connections, 4)
            assert gone.is_closed
        connections.closed(gone)
        connections.known(gone, 7)
        assert connections.caller_of(gone) == STRANGERS
        for each in others if made_room else ():
            connections.closed(each)
    for each in opened(connections, 2):
        connections.known(each, 7)


def test_one_caller_has_at_most_half_of_them_and_a_connection_may_change_its_caller() -> None:
    connections = Connections(4)
    made = opened(connections, 3)
    for each in made[:2]:
        connections.known(each, 1)
        connections.known(each, 1)
    with pytest.raises(ProblemError) as caught:
        connections.known(made[2], 1)
    assert caught.value.code == "too_many_connections"
    connections.known(made[0], 2)
    connections.known(made[2], 1)
    connections.closed(made[2])
    connections.known(made[0], 1)


def test_whoever_tries_keys_waits_longer_each_time_and_has_to_connect_again() -> None:
    failed = FailedKeys()
    pauses = []
    for number in range(FAILED_KEYS_MAX):
        assert not failed.too_many, number
        pauses.append(failed.pause_s())
    assert failed.too_many
    assert pauses[0] == 0 and pauses == sorted(pauses) and pauses[-1] == 1.0
