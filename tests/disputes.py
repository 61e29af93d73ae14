"""Disputes for tests: an order that is due, what an analyst answers, and how a case stands."""

import asyncio
from typing import Any

from tests.credit_scene import CreditScene
from tests.front_door import Answer

WRONG = "I paid this in cash on 3 May, here is the receipt's number: 4711."


async def due_order(scene: CreditScene, number: str = "A1") -> str:
    """An order of Ann's whose bill she cannot pay."""
    await scene.consent()
    order: str = (await scene.order(number=number)).json["id"]
    await scene.do(order, "confirm", scene.ann)
    due = await scene.do(order, "complete", scene.inn, items=[{"name": "Room", "amount": 9_000}])
    assert due.json["status"] == "due"
    return order


async def seen(scene: CreditScene, dispute: str, status: str, token: str = "") -> Any:
    """The dispute, once it has this status: its shard's own clock takes a moment."""
    for _ in range(200):
        found = (await scene.get(f"/v1/credit/disputes/{dispute}", token or scene.ann)).json
        if found["status"] == status:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(found)


async def resolved(scene: CreditScene, dispute: str, outcome: str, key: str | None = None, **more: str) -> Answer:
    """What an analyst's answer gives."""
    body = {"outcome": outcome, "text": "The bank's statement shows it.", **more}
    return await scene.post(f"/v1/credit/disputes/{dispute}/resolve", body, scene.switch.key, key)
