"""Items are written in order; an error comes to whoever hands on the next one; nothing hangs when it is left early."""

import threading

import pytest

from actors.process.write_behind import WriteBehind


def test_items_are_written_in_their_order_before_close_returns() -> None:
    written: list[int] = []
    behind = WriteBehind(written.append)
    for item in range(50):
        behind.put(item)
    behind.close()
    assert written == list(range(50))


def test_an_error_comes_out_at_the_next_call_and_later_items_are_dropped() -> None:
    written: list[int] = []

    def write(item: int) -> None:
        if item == 3:
            raise OSError(28, "no space")
        written.append(item)

    behind = WriteBehind(write)
    with pytest.raises(OSError, match="no space"):
        for item in range(50):
            behind.put(item)
        behind.close()
    behind.abandon()
    assert written == [0, 1, 2]


def test_a_thread_that_is_behind_ends_when_it_is_abandoned() -> None:
    go_on = threading.Event()
    behind: WriteBehind[int] = WriteBehind(lambda _: (go_on.wait(10), None)[1])
    behind.put(1)
    behind.put(2)
    go_on.set()
    behind.abandon()
    with pytest.raises(RuntimeError, match="abandoned"):
        behind.put(3)
