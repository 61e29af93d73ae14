"""What a shard logs of a database that does not store."""

import logging

import pytest

from actors.journal.interface import JournalUnavailable
from actors.shard.outages import RETRY_MAX_S, Outages, pause_s
from tests.logged import messages


def test_each_reason_is_logged_once_until_it_stores_again(caplog: pytest.LogCaptureFixture) -> None:
    outages = Outages(3)
    with caplog.at_level(logging.WARNING):
        outages.over()
        for reason in ("no room", "no room", "no room", "the session was lost", "no room"):
            outages.waits(OSError(reason))
        outages.over()
        outages.over()
        outages.waits(OSError("no room"))
    waits = "shard 3 waits for the database: "
    assert messages(caplog, "actors.shard.outages") == [
        *(waits + reason for reason in ("no room", "the session was lost", "no room")),
        "shard 3: the database answers again",
        waits + "no room",
    ]


def test_pauses_get_longer_up_to_a_second_however_long_it_takes() -> None:
    assert [pause_s(attempt) for attempt in (0, 1, 2, 10_000)] == [0.02, 0.04, 0.08, RETRY_MAX_S]


async def test_what_is_read_again_ends_the_wait_for_it_and_not_that_of_an_append(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outages, answers = Outages(3), ["away", "", "away", "", "away", ""]

    async def read() -> str:
        if answer := answers.pop(0):
            raise JournalUnavailable(answer)
        return "read"

    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert await outages.patiently(read) == "read"
        outages.waits(OSError("no room"))
        assert await outages.patiently(read) == "read"
        outages.waits(OSError("no room"))
    away = ["shard 3 waits for the database: away", "shard 3: the database answers again"]
    no_room = "shard 3 waits for the database: no room"
    assert messages(caplog, "actors.shard.outages") == [*away, *away, no_room, *away, no_room]
