"""The table of open holds and its timing wheel alone, against a dict: found by address, ended by time, in constant work each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.ledger import holds as module
from actors.ledger.holds import (
    PROMISED,
    SHARE_FULL,
    TABLE_FULL,
    WHEEL_LEVELS,
    Holds,
    close_hold,
    due_hold,
    find_hold,
    holds_open,
    holds_used,
    index_holds,
    keep_promise,
    new_holds,
    open_hold,
    promise_hold,
    promise_none,
    room_for_holds,
)
from actors.records.layout import RECORD

ROOM = 24
END = 2**48 - 1
"""The last time that the wheel can tell."""


def record_of(expiry: int, amount: int = 5, caller: int = 1) -> Any:
    record = np.zeros(1, RECORD)
    record["expiry"], record["amount"] = expiry, amount
    record["payer"], record["payee"], record["currency"], record["label"] = 65_536, 1024, 978, 3
    record["effective_time"], record["caller"] = 7, caller
    return record[0]


def row_of(holds: Holds, address: int) -> int:
    return int(find_hold(holds, np.int64(address)))


def due(holds: Holds, now: int) -> int:
    return int(due_hold(holds, np.int64(now)))


def collisions(slots: int, count: int) -> list[int]:
    """Addresses that begin at the same few slots, at both ends of the table."""
    found: list[int] = []
    address = 1
    while len(found) < count:
        start = (address * 0x9E3779B97F4A7C15 % 2**64 >> 20) & (slots - 1)
        if start in (0, 1, slots - 2, slots - 1):
            found.append(address)
        address += 1
    return found


MEETING = collisions(64, 40)
addresses = st.one_of(st.sampled_from(MEETING), st.integers(1, 2**62 - 1), st.integers(1, 40).map(lambda n: n << 8))
spans = st.one_of(
    st.sampled_from([0, 0, 1, 63, 64, 65, 4_095, 4_096]),
    st.integers(0, 200),  # no hold is opened that is over already: it lasts a second at least
    st.integers(0, 10**6),
    st.integers(0, 365 * 86_400_000),
    st.integers(0, WHEEL_LEVELS - 1).map(lambda level: 64**level),
    st.just(END),
)


class HoldsMachine(RuleBasedStateMachine):
    """`waiting`: address -> expiry. The wheel is given the time as it goes on, from 0 as after a replay."""

    def __init__(self) -> None:
        super().__init__()
        self.holds = new_holds(ROOM, ROOM)
        self.waiting: dict[int, int] = {}
        self.now = 0
        self.most = 0

    @rule(address=addresses, span=spans, count=st.integers(1, 4))
    def open(self, address: int, span: int, count: int) -> None:
        expiry = min(END, self.now + span)
        for further in range(address, address + count):
            if further in self.waiting:
                continue
            before = self.bytes()
            assert open_hold(self.holds, record_of(expiry, further % 97), np.int64(further)) == (
                len(self.waiting) < ROOM
            )
            if len(self.waiting) == ROOM:
                assert self.bytes() == before
                continue
            self.waiting[further] = expiry
            self.most = max(self.most, len(self.waiting))

    @precondition(lambda self: self.waiting)
    @rule(number=st.integers(0, ROOM))
    def close(self, number: int) -> None:
        address = list(self.waiting)[number % len(self.waiting)]
        close_hold(self.holds, np.int64(row_of(self.holds, address)))
        del self.waiting[address]

    @rule(span=st.integers(0, 70) | spans, most=st.integers(0, ROOM))
    def time_goes_on(self, span: int, most: int) -> None:
        self.now = min(END, max(self.now, self.now + span))
        for _ in range(most):
            row = due(self.holds, self.now)
            if row < 0:
                break
            address = int(self.holds.rows[row]["address"])
            assert self.waiting[address] == min(self.waiting.values()) <= self.now
            assert due(self.holds, self.now) == row, "it stays until it is closed"
            close_hold(self.holds, np.int64(row))
            del self.waiting[address]
        else:
            return
        assert all(expiry > self.now for expiry in self.waiting.values())

    @rule()
    def restore(self) -> None:
        """Rows and wheel are state, the table is an index of them."""
        used = holds_used(self.holds)
        kept, self.holds = self.holds, new_holds(ROOM, ROOM)
        self.holds.rows[:used], self.holds.callers[:used] = kept.rows[:used], kept.callers[:used]
        for name in ("wheel", "filled", "meta"):
            getattr(self.holds, name)[:] = getattr(kept, name)
        index_holds(self.holds)
        assert np.array_equal(self.holds.opened, kept.opened)

    @invariant()
    def same_as_the_dict(self) -> None:
        assert holds_open(self.holds) == len(self.waiting) == np.count_nonzero(self.holds.slots)
        assert holds_used(self.holds) == self.most, "rows are used again before new ones are"
        for address, expiry in self.waiting.items():
            hold = self.holds.rows[row_of(self.holds, address)]
            assert (int(hold["address"]), int(hold["expiry"]), int(hold["left"])) == (address, expiry, address % 97)
        for address in {0, 1, *MEETING[:8]} - self.waiting.keys():
            assert row_of(self.holds, address) == -1
        for level in range(WHEEL_LEVELS):
            filled = sum(1 << slot for slot in range(64) if self.holds.wheel[level, slot])
            assert int(self.holds.filled[level]) == filled

    def teardown(self) -> None:
        ended = []
        while (row := due(self.holds, END)) >= 0:
            ended.append(int(self.holds.rows[row]["expiry"]))
            close_hold(self.holds, np.int64(row))
        assert ended == sorted(self.waiting.values())
        assert not self.holds.slots.any() and not self.holds.wheel.any() and not self.holds.filled.any()

    def bytes(self) -> list[bytes]:
        return [part.tobytes() for part in self.holds]


TestHolds = HoldsMachine.TestCase


def test_many_with_the_same_millisecond_all_end_then_and_not_before() -> None:
    holds = new_holds(1_000, 1_000)
    at = 1_700_000_000_123
    for address in range(1, 1_001):
        assert open_hold(holds, record_of(at), np.int64(address))
    assert due(holds, at - 1) == -1
    ended = set()
    while (row := due(holds, at)) >= 0:
        ended.add(int(holds.rows[row]["address"]))
        close_hold(holds, np.int64(row))
    assert ended == set(range(1, 1_001))


@pytest.mark.parametrize("room", [0, 1, 7, 8, 9, 16, 17])
def test_every_row_is_used_and_the_table_stays_at_most_half_full(room: int) -> None:
    holds = new_holds(room, room)
    for address in range(1, room + 1):
        assert open_hold(holds, record_of(9), np.int64(address))
    assert not open_hold(holds, record_of(9), np.int64(room + 1))
    assert 2 * np.count_nonzero(holds.slots) <= len(holds.slots)
    assert [row_of(holds, address) for address in range(room + 2)] == [-1, *range(room), -1]


@given(st.lists(st.integers(1, 3), max_size=5), st.lists(st.integers(1, 3), max_size=12), st.integers(0, 9))
def test_promises_are_kept_within_the_table_and_within_each_callers_share(
    opened: list[int], asking: list[int], of_one: int
) -> None:
    holds = new_holds(8, of_one)
    for address, caller in enumerate(opened, 1):
        open_hold(holds, record_of(9, caller=caller), np.int64(address))
    promised: list[int] = []
    for caller in asking:
        taken = [*opened, *promised]
        if len(taken) == 8:
            expected = TABLE_FULL
        elif taken.count(caller) >= of_one:
            expected = SHARE_FULL
        else:
            expected = PROMISED
        assert promise_hold(holds, caller) == expected
        promised += [caller] * (expected == PROMISED)
    for caller in promised[::2]:
        keep_promise(holds, caller)
    promise_none(holds)
    assert not holds.promised.any()
    assert room_for_holds(holds, 8 - len(opened)) and not room_for_holds(holds, 9 - len(opened))


def plainly(function: Callable[..., Any]) -> Callable[..., Any]:
    """The plain Python function of a kernel."""
    plain: Callable[..., Any] = getattr(function, "py_func", function)
    return plain


@given(st.lists(st.tuples(spans, st.integers(0, 10**5)), min_size=1, max_size=20), st.lists(spans, max_size=6))
def test_expiry_is_constant_work_for_each_hold(opened: list[tuple[int, int]], steps: list[int]) -> None:
    holds, waits = new_holds(ROOM, ROOM), dict.fromkeys(range(ROOM), 0)
    wait = module._wait

    def counted(holds: Holds, row: int) -> None:
        waits[int(row)] += 1
        plainly(wait)(holds, row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_wait", counted)
        now, looks = 1_700_000_000_000, 0
        for number, (span, gap) in enumerate(opened):
            assert plainly(open_hold)(holds, record_of(min(END, now + span)), np.int64(number + 1))
            now += gap
        for step in [*steps, END]:
            now = min(END, max(now, now + step))
            while (row := int(plainly(due_hold)(holds, now))) >= 0:
                plainly(close_hold)(holds, np.int64(row))
                looks += 1
    assert holds_open(holds) == 0 and looks == len(opened)
    assert max(waits.values()) <= WHEEL_LEVELS


def test_a_full_table_keeps_its_last_row_when_the_last_of_a_slot_is_closed() -> None:
    holds = new_holds(2, 2)
    for address in (5, 6):
        assert open_hold(holds, record_of(1_000), np.int64(address))
    for address in (5, 6):
        close_hold(holds, np.int64(row_of(holds, address)))
    assert not holds.wheel.any() and not holds.filled.any()
    assert due(holds, 2_000) == -1
