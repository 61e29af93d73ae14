"""The one sender of a cluster: while it holds the lease, it runs a task for each endpoint.

None of them waits for another. A process that cannot renew the lease stops sending before another may begin; one that was stopped and
comes back finds the lease taken, and what it still wants to store is refused.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from typing import Final

import msgspec

from actors.database.pool import Pool, StoreUnavailable
from actors.records.secret import Secret
from actors.stores.wallet_profiles import WalletStore
from actors.stores.webhook_endpoints import OrderedIds
from actors.stores.webhook_sending import LEASE_S, SendingEndpoint, SendingStore
from switch.fairness.scheduling import BESIDE_S, Callers, Scheduler
from switch.http.access import WalletAccess
from switch.views.event_feed import EventFeed
from switch.webhooks.addresses import AddressGuard, WebhookKeys
from switch.webhooks.endpoint_sender import EndpointSender, Replaced, SenderParts
from switch.webhooks.messages import Messages
from switch.webhooks.posting import Poster

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
"""So late is noticed that an endpoint was made or changed, or that something was asked for."""
LOOK_TIMEOUT_S: Final = 2.0
"""A look that takes longer counts as failed: the lease must not end meanwhile."""
SURE_S: Final = LEASE_S - LOOK_TIMEOUT_S
"""So long after it was last renewed the lease is surely held."""
RESTART_S: Final = 5.0
"""After a failure of ours an endpoint's task begins anew so much later."""
TURN_WAIT_S: Final = 60.0
STOP_S: Final = 3.0
"""So long may what is under way still be answered and stored when the process is to end."""


class SenderOptions(msgspec.Struct, frozen=True, kw_only=True):
    """All that the sender needs to know."""

    url: str
    secret: bytes
    shards: int
    keys: WebhookKeys = WebhookKeys()


class _Running:
    """An endpoint's task. `again_at`: when it may begin anew, on the monotonic clock."""

    def __init__(self, sender: EndpointSender) -> None:
        self.sender = sender
        self.task = asyncio.create_task(sender.run())
        self.again_at: float | None = None


class WebhookSender:
    """Run one in each process that may send."""

    def __init__(self, options: SenderOptions) -> None:
        self._options = options
        self._running: dict[uuid.UUID, _Running] = {}
        self._stopped = asyncio.Event()
        self.holds = False
        """Whether it has the lease, as far as it knows."""

    async def run(self) -> None:
        """Send until `stop` is called."""
        options = self._options
        pool = await Pool.open(options.url, name="shardpay-webhooks")
        poster = Poster(AddressGuard(options.keys))
        store = SendingStore(pool)
        try:
            await self._run(store, self._parts(pool, store, poster))
            await self._stop_all()
        finally:
            await self._end_all()
            with contextlib.suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    await store.end_lease()
            await poster.close()
            await pool.close()

    def stop(self) -> None:
        """Begin nothing more, and end soon."""
        self._stopped.set()

    def _parts(self, pool: Pool, store: SendingStore, poster: Poster) -> SenderParts:
        options, now = self._options, asyncio.get_running_loop().time
        secret = Secret.of(options.secret)
        scheduler = Scheduler(Callers(now, BESIDE_S), TURN_WAIT_S)
        feed = EventFeed(pool, options.shards, scheduler)
        messages = Messages(pool, secret, feed, scheduler)
        access = WalletAccess(WalletStore(pool).owners, now)
        return SenderParts(store, feed, messages, access, poster, OrderedIds())

    async def _run(self, store: SendingStore, parts: SenderParts) -> None:
        renewed = -LEASE_S
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    if await store.take_lease():
                        renewed, self.holds = began, True
                        await self._look(store, parts)
                    else:
                        renewed = -LEASE_S
            except (StoreUnavailable, TimeoutError) as error:
                log.info("the webhook tables cannot be read: %r", error)
            if self.holds and time.monotonic() - renewed > SURE_S:
                self.holds = False
                log.warning("another process may send webhooks now; this one stops")
                await self._end_all()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._stopped.wait()

    async def _look(self, store: SendingStore, parts: SenderParts) -> None:
        """Have a task for each endpoint as it is now, and pass on what was asked for."""
        wanted = {each.id: each for each in await store.endpoints()}
        for identity in self._running.keys() - wanted.keys():
            await _end(self._running.pop(identity))
        for endpoint in wanted.values():
            await self._see_to(endpoint, parts)
        asked = await store.asked(list(self._running))
        for each in asked:  # before it is noted: what is asked twice is sent twice at most, what is noted alone never
            self._running[each.endpoint].sender.ask(each)
        if asked:
            await store.taken(asked)

    async def _see_to(self, endpoint: SendingEndpoint, parts: SenderParts) -> None:
        running = self._running.get(endpoint.id)
        if running is None:
            self._running[endpoint.id] = _Running(EndpointSender(endpoint, parts))
        elif running.task.done():
            if running.again_at is None:
                running.again_at = time.monotonic() + _pause_after(running.task, endpoint.id)
            if time.monotonic() >= running.again_at:
                self._running[endpoint.id] = _Running(EndpointSender(endpoint, parts))
        elif running.sender.endpoint.version != endpoint.version:
            await _end(running)
            self._running[endpoint.id] = _Running(EndpointSender(endpoint, parts))
        else:
            running.sender.endpoint = endpoint

    async def _stop_all(self) -> None:
        """Let what was sent be stored, so that nothing of it is sent again."""
        for running in self._running.values():
            running.sender.stop()
        if self._running:
            await asyncio.wait([running.task for running in self._running.values()], timeout=STOP_S)

    async def _end_all(self) -> None:
        running, self._running = self._running, {}
        await asyncio.gather(*map(_end, running.values()))


async def _end(running: _Running) -> None:
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)


def _pause_after(task: "asyncio.Task[None]", endpoint: uuid.UUID) -> float:
    """How long an endpoint's task that has ended stays so."""
    error = None if task.cancelled() else task.exception()
    if error is None or isinstance(error, Replaced):
        return 0.0
    log.error("sending to webhook endpoint %s failed", endpoint, exc_info=error)
    return RESTART_S
