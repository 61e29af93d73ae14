"""Reads of the newest blocks of the journals, shared by all streams of a front door."""

import asyncio
from typing import Any

import numpy as np
import pytest

from actors.database.pool import StoreUnavailable
from actors.records.addresses import record_address
from actors.records.layout import RECORD, Kind
from switch.fairness.scheduling import Callers, Scheduler
from switch.views.event_feed import EventFeed
from tests.logged import text


def here() -> bool:
    """Who waits is not gone."""
    return False


class _Pool:
    """In place of `Pool`: each look has the next outcome."""

    def __init__(self, *outcomes: Any) -> None:
        self._outcomes = list(outcomes)

    async def fetch(self, *_: Any, **__: Any) -> Any:
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def _feed(*outcomes: Any) -> EventFeed:
    pool: Any = _Pool(*outcomes)
    return EventFeed(pool, 1, Scheduler(Callers(asyncio.get_running_loop().time, 60), 1))


async def test_a_database_that_is_away_keeps_streams_waiting() -> None:
    assert await _feed(StoreUnavailable("away"), [{"shard": 0, "block": 5}]).grown([5 << 8], 5.0, here)


async def test_any_other_failure_is_told_to_all_who_wait_and_the_next_look_begins_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    feed = _feed(ValueError("no such column"), [{"shard": 0, "block": 5}])
    waits = [asyncio.create_task(feed.grown([5 << 8], 5.0, here)) for _ in range(2)]
    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no such column"] * 2
    assert "cannot be read" in text(caplog, "switch.views.event_feed")
    assert await feed.grown([5 << 8], 5.0, here)


async def test_events_are_read_by_address_and_what_the_reader_may_not_see_is_left_out() -> None:
    records = np.zeros(3, RECORD)
    records["kind"], records["payer"], records["payee"] = Kind.TRANSFER, [70_001, 70_002, 70_003], 70_009
    records["code"][2] = 1
    rows = [
        {"address": record_address(0, 5 - index, index), "record": records[index].tobytes(), "details": None}
        for index in range(3)
    ]

    async def own(wallets: Any) -> Any:
        return np.isin(wallets, [70_002, 70_009])

    rows.sort(key=lambda row: row["address"])
    everything = await _feed(rows).at(0, [row["address"] for row in rows])
    assert [each.address for each in everything] == sorted(row["address"] for row in rows)
    assert [each.record["payer"] for each in everything] == [70_003, 70_002, 70_001]
    mine = await _feed(rows).at(0, [1, 2, 3], own)
    assert [(each.record["payer"], each.payers) for each in mine] == [(70_002, True), (70_001, False)], (
        "what was declined is its payer's alone"
    )
    assert await _feed([{"address": 7, "record": None, "details": None}]).at(0, [7]) == []
    some = await _feed(rows[:2], rows[2:]).at(0, [1, 2, 3])
    assert some == everything, "where details are many a statement ends early and the next one goes on"
