"""While there is no endpoint one small question is asked now and then; when there is one, none any more."""

import asyncio

import pytest

from actors.database.pool import StoreUnavailable
from switch.webhooks import presence
from switch.webhooks.presence import WebhookPresence


async def test_it_looks_until_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "LOOK_EVERY_S", 0.0)
    answers = [False, StoreUnavailable("away"), False, True]
    asked = 0

    async def look() -> bool:
        nonlocal asked
        answer = answers[asked]
        asked += 1
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    found = WebhookPresence(look)
    assert not found.seen
    await asyncio.wait_for(found.follow(), 1)
    assert found.seen and asked == 4
