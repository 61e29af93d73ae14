"""The sender of webhooks as a Ray actor: one for the cluster, made when there is an endpoint.

Which process sends is for the lease in the database to say; a second actor would only wait for it.
"""

import asyncio
import logging
import os
from pathlib import Path

import msgspec

from actors.process.logs import log_to_file
from switch.webhooks.addresses import WebhookKeys
from switch.webhooks.sender import SenderOptions, WebhookSender

log = logging.getLogger(__name__)


class WebhookSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that the sender's process needs to know."""

    url: str
    secret: bytes
    shards: int
    log_dir: str
    keys: WebhookKeys = WebhookKeys()


class WebhookStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it holds the lease."""

    holds: bool


class WebhookActor:
    """Runs as a Ray actor with `max_restarts=-1`; what it has in memory is in the database too."""

    def __init__(self, spec: WebhookSpec) -> None:
        log_to_file(Path(spec.log_dir) / "webhooks.log")
        options = SenderOptions(url=spec.url, secret=spec.secret, shards=spec.shards, keys=spec.keys)
        self._sender = WebhookSender(options)
        self._task: asyncio.Task[None] | None = None

    async def status(self) -> WebhookStatus:
        """Begin to send with the first call; a sender that has failed ends its process."""
        if self._task is None:
            self._task = asyncio.create_task(self._sender.run())
            self._task.add_done_callback(_ended)
            log.info("process %d may send webhooks", os.getpid())
        return WebhookStatus(holds=self._sender.holds)

    async def drain(self) -> None:
        """Send nothing more, and let another process take over at once."""
        self._sender.stop()
        if self._task is not None:
            await asyncio.wait([self._task])


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("the sender of webhooks failed: %r", task.exception())
        logging.shutdown()
        os._exit(73)
