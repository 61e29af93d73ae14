"""A shard claims a further segment while there is room in the one in use, once, and never uses a slot again."""

import pytest

from actors.ledger.book import M_OPEN_SEGMENT, M_OPEN_SLOT, M_SEGMENTS_END, M_SEGMENTS_STAMP
from actors.ledger.bounds import Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.addresses import SEGMENT_SLOTS
from actors.shard import messages as m
from actors.shard.segments import SEGMENT_ROOM_MIN, OwnSegments

ME, OTHER = 2, 1
SMALL = Capacity(segments=3, segment_map=8, keys=100, payers=4, attempts=64, profiles=4)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(LedgerConfig(shard=ME, shards=3, secret=bytes(16)), SMALL)


def _leave(ledger: Ledger, room: int) -> None:
    ledger.book.meta[M_OPEN_SLOT] = SEGMENT_SLOTS - room


def test_a_shard_without_a_segment_asks_for_one_and_opens_wallets_in_it(ledger: Ledger) -> None:
    own = OwnSegments(ledger, ME)
    assert own.make_room() == [m.NeedSegment()] and own.make_room() == [], "it is being asked for"
    own.read(m.Segments(owners={1: OTHER, 3: ME}, stamp=7))
    assert own.make_room() == []
    assert int(ledger.book.meta[M_OPEN_SEGMENT]) == 3 and ledger.room() == SEGMENT_SLOTS
    assert ledger.book.owners.tolist() == [0, OTHER + 1, 0, ME + 1, 0, 0, 0, 0]


def _ended(ledger: Ledger) -> bool:
    return bool(ledger.book.meta[M_SEGMENTS_END])


@pytest.mark.parametrize(("room", "asks"), [(SEGMENT_ROOM_MIN, False), (SEGMENT_ROOM_MIN - 1, True)])
def test_a_further_one_is_claimed_while_some_slots_are_left(ledger: Ledger, room: int, asks: bool) -> None:
    own = OwnSegments(ledger, ME)
    own.read(m.Segments(owners={1: ME}))
    own.make_room()
    _leave(ledger, room)
    assert own.make_room() == [m.NeedSegment()] * asks
    assert int(ledger.book.meta[M_OPEN_SEGMENT]) == 1


def test_with_a_spare_segment_none_is_claimed_and_it_is_used_when_the_other_is_full(ledger: Ledger) -> None:
    own = OwnSegments(ledger, ME)
    own.read(m.Segments(owners={5: ME, 4: ME}))
    own.make_room()
    assert int(ledger.book.meta[M_OPEN_SEGMENT]) == 4, "the lower one first"
    _leave(ledger, 1)
    assert own.make_room() == [] and int(ledger.book.meta[M_OPEN_SEGMENT]) == 4
    _leave(ledger, 0)
    assert own.make_room() == [] and int(ledger.book.meta[M_OPEN_SEGMENT]) == 5
    _leave(ledger, 0)
    assert own.make_room() == [m.NeedSegment()]


def test_a_shard_without_memory_for_another_segment_keeps_it_as_spare_and_claims_no_more(ledger: Ledger) -> None:
    own = OwnSegments(ledger, ME)
    own.read(m.Segments(owners={1: ME, 2: ME, 3: ME}))
    for _ in range(2):  # the operators' segment is the third
        own.make_room()
        _leave(ledger, 0)
    assert [own.make_room() for _ in range(2)] == [[], []] and ledger.room() == 0


def test_the_segments_of_the_operators_and_of_others_are_no_spare_ones(ledger: Ledger) -> None:
    own = OwnSegments(ledger, ME)
    own.read(m.Segments(owners={0: ME, 2**20: OTHER, 6: OTHER}))
    assert own.make_room() == [m.NeedSegment()] and ledger.room() == 0


def test_with_a_segment_beyond_the_map_none_is_claimed_in_vain_and_wallets_are_full_not_late(ledger: Ledger) -> None:
    """Each opening had claimed one more, for ever, and nobody was answered."""
    own = OwnSegments(ledger, ME)
    own.read(m.Segments(owners={8: ME, 6: ME}))
    assert _ended(ledger) is False, "6 is left"
    own.make_room()
    _leave(ledger, 0)
    assert own.make_room() == [] and _ended(ledger) is True
    assert ledger.fills()["segment_map"] == (8, 8)
    own.read(m.Segments(owners={8: ME, 6: ME}, closed=frozenset({8})))
    assert own.make_room() == [m.NeedSegment()] and _ended(ledger) is False, (
        "8 would not be used with a larger map either"
    )


def test_segments_in_the_journal_are_the_shards_own_and_not_spare(ledger: Ledger) -> None:
    own = OwnSegments(ledger, ME)
    own.read(m.Segments(owners={4: ME}))
    ledger.use_segment(4)  # as the journal is replayed
    ledger.use_segment(6)  # claimed after the topology was read
    own.opened()
    assert ledger.book.owners.tolist() == [0, 0, 0, 0, ME + 1, 0, ME + 1, 0]
    _leave(ledger, 0)
    assert own.make_room() == [m.NeedSegment()], "4 is in use already"


def test_the_stamp_of_what_was_read_never_goes_back(ledger: Ledger) -> None:
    own = OwnSegments(ledger, ME)
    for stamp, kept in ((9, 9), (4, 9), (10, 10)):
        own.read(m.Segments(owners={}, stamp=stamp))
        assert int(ledger.book.meta[M_SEGMENTS_STAMP]) == kept


def test_where_commits_may_be_lost_wallets_go_on_in_a_new_segment(ledger: Ledger) -> None:
    own = OwnSegments(ledger, ME)
    own.read(m.Segments(owners={1: ME, 2: ME}))
    own.make_room()
    _leave(ledger, 60_000)
    again = OwnSegments(ledger, ME)
    again.read(m.Segments(owners={1: ME, 2: ME}, closed=frozenset({1, 2})))
    assert again.opened() == [m.NeedSegment()] and ledger.room() == 0, "it is asked for before anybody waits"
    again.read(m.Segments(owners={1: ME, 2: ME, 5: ME}, closed=frozenset({1, 2})))
    assert again.make_room() == [] and int(ledger.book.meta[M_OPEN_SEGMENT]) == 5


def test_a_start_on_the_same_timeline_goes_on_where_the_last_one_ended(ledger: Ledger) -> None:
    own = OwnSegments(ledger, ME)
    own.read(m.Segments(owners={1: OTHER, 2: ME}, closed=frozenset({1})))
    own.make_room()
    _leave(ledger, 60_000)
    again = OwnSegments(ledger, ME)
    again.read(m.Segments(owners={1: OTHER, 2: ME}, closed=frozenset({1})))
    assert again.opened() == [] and ledger.room() == 60_000
