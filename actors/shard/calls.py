"""A shard's methods, bytes in and bytes out: see `actors.shard.remote` for what travels.

Not the actor's own: Ray wraps each method of an actor in a coroutine.
"""

import socket
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import numpy as np

from actors.records.credit_layout import (
    CREDIT_QUESTION,
    CREDIT_REQUEST,
    CreditResults,
    CreditStates,
    ScoreOutcomes,
)
from actors.records.layout import REQUEST, Results, WalletRows
from actors.rpc.transport import Method
from actors.shard.host import ShardHost
from actors.shard.remote import (
    pack_address,
    pack_attempts,
    pack_condition,
    pack_heads,
    pack_timed,
    unpack_address,
    unpack_key,
    unpack_legs,
    unpack_rows,
    unpack_scores,
)

_NODE: Final = socket.gethostname()


class ShardCalls:
    """Of the host that `host` gives, which raises NotReady before there is one. `free_bytes`: the room on this machine's disk."""

    def __init__(self, host: Callable[[], ShardHost], free_bytes: Callable[[], int | None]) -> None:
        self._host = host
        self._free_bytes = free_bytes
        self.methods: dict[str, Method] = {
            "submit": self.submit,
            "submit_timed": self.submit_timed,
            "wallets": self.wallets,
            "credit": self.credit,
            "credit_states": self.credit_states,
            "publish": self.publish,
            "heads": self.heads,
            "find_key": self.find_key,
            "preview": self.preview,
            "attempts": self.attempts,
            "push": self.push,
            "condition": self.condition,
        }

    def submit(self, data: bytes) -> Awaitable[Results]:
        """As `ShardHost.submit`."""
        return self._host().submit(*unpack_rows(data, REQUEST))

    async def submit_timed(self, data: bytes) -> bytes:
        """As `ShardHost.submit_timed`."""
        return pack_timed(*await self._host().submit_timed(*unpack_rows(data, REQUEST)))

    def wallets(self, data: bytes) -> Awaitable[WalletRows]:
        """As `ShardHost.wallets`; int64 addresses in."""
        return self._host().wallets(np.frombuffer(data, np.int64))

    def credit(self, data: bytes) -> Awaitable[CreditResults]:
        """As `ShardHost.credit`."""
        return self._host().credit(*unpack_rows(data, CREDIT_REQUEST))

    def publish(self, data: bytes) -> Awaitable[ScoreOutcomes]:
        """As `ShardHost.publish`."""
        return self._host().publish(*unpack_scores(data))

    def credit_states(self, data: bytes) -> Awaitable[CreditStates]:
        """As `ShardHost.credit_states`; CREDIT_QUESTION rows in."""
        return self._host().credit_states(np.frombuffer(data, CREDIT_QUESTION))

    async def heads(self, data: bytes) -> bytes:
        """As `ShardHost.heads`; int64 addresses in."""
        return pack_heads(await self._host().heads(np.frombuffer(data, np.int64)))

    async def find_key(self, data: bytes) -> bytes:
        """As `ShardHost.find_key`."""
        return pack_address(await self._host().find_key(*unpack_key(data)))

    def preview(self, data: bytes) -> Awaitable[Results]:
        """As `ShardHost.preview`."""
        return self._host().preview(np.frombuffer(data, REQUEST))

    async def attempts(self, data: bytes) -> bytes:
        """As `ShardHost.attempts`."""
        return pack_attempts(await self._host().attempts(unpack_address(data)))

    async def push(self, data: bytes) -> bytes:
        """As `ShardHost.push`."""
        await self._host().push(unpack_legs(data))
        return b""

    def condition(self, data: bytes) -> bytes:
        """As `ShardHost.condition`, with the machine and the room on its disk."""
        found = self._host().condition()
        return pack_condition(msgspec.structs.replace(found, node=_NODE, disk_free_bytes=self._free_bytes()))
