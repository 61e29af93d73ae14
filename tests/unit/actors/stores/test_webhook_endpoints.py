"""Ids of deliveries ascend, also within a millisecond and when the clock goes back; a row becomes the delivery that it was."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from actors.stores.webhook_endpoints import Attempt, DeliveryState, OrderedIds, delivery_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_ids_ascend_whatever_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, moments = OrderedIds(), [1_000, 1_000, 999, 1_001, 1, 2_000]
    monkeypatch.setattr(time, "time_ns", lambda: moments[0] * 1_000_000)
    made = []
    while moments:
        made += [ids.next() for _ in range(5_000)]  # more than a millisecond has room for
        moments.pop(0)
        if not moments:
            break
    assert made == sorted(made) and len(set(made)) == len(made)
    assert {each.version for each in made} == {7} and {each.variant for each in made} == {uuid.RFC_4122}


def row(**fields: Any) -> dict[str, Any]:
    return {
        "endpoint": uuid.UUID(int=1),
        "id": uuid.UUID(int=2),
        "event": 3,
        "message": uuid.UUID(int=4),
        "type": "transfer.posted",
        "payer": 5,
        "payee": 6,
        "state": 1,
        "attempts": 2,
        "next_at": None,
        "tried_at": NOW,
        "took_ms": 7,
        "status": 200,
        "error": None,
        "history": "[]",
        **fields,
    }


def test_attempts_are_those_of_the_history_and_the_last_one() -> None:
    earlier = {"tried_at": NOW, "took_ms": 1, "status": None, "error": "no connection"}
    found = delivery_of(row(history=msgspec.json.encode([earlier]).decode()))
    assert [each.status for each in found.attempts] == [None, 200] and found.state is DeliveryState.DELIVERED
    assert found.attempts[0] == Attempt(tried_at=NOW, took_ms=1, status=None, error="no connection")


def test_what_was_not_tried_has_no_attempt() -> None:
    found = delivery_of(row(tried_at=None, took_ms=None, status=None, state=0, attempts=0))
    assert found.attempts == () and found.state is DeliveryState.PENDING
