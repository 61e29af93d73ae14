"""What a shard logs of a database that does not store."""

import logging

import pytest

from actors.shard.outages import Outages


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
    assert caplog.messages == [
        *(waits + reason for reason in ("no room", "the session was lost", "no room")),
        "shard 3: the database stores again",
        waits + "no room",
    ]
