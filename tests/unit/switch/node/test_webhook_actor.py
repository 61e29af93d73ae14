"""The actor begins to send with the first look at it, and stops when it is drained."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest

from switch.node import webhook_actor
from switch.node.webhook_actor import WebhookActor, WebhookSpec, WebhookStatus


class Sender:
    """Sends until it is stopped."""

    made: ClassVar[list[Any]] = []

    def __init__(self, options: Any) -> None:
        self.options, self.holds, self.runs = options, False, 0
        self.stopped = asyncio.Event()
        Sender.made.append(self)

    async def run(self) -> None:
        self.runs += 1
        self.holds = True
        await self.stopped.wait()
        self.holds = False

    def stop(self) -> None:
        self.stopped.set()


async def test_it_sends_from_the_first_status_on_until_it_is_drained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_actor, "WebhookSender", Sender)
    monkeypatch.setattr(webhook_actor, "log_to_file", lambda path: None)
    actor = WebhookActor(WebhookSpec(url="u", secret=b"s", shards=3, log_dir=str(tmp_path)))
    (sender,) = Sender.made
    assert sender.options.shards == 3 and sender.runs == 0
    await actor.status()
    await asyncio.sleep(0)
    assert await actor.status() == WebhookStatus(holds=True) and sender.runs == 1
    await asyncio.wait_for(actor.drain(), 1)
    assert await actor.status() == WebhookStatus(holds=False)
