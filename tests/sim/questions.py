"""What clients and shards ask of a shard, and how the answer gets back to them."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from actors.ledger.layout import REQUEST, Kind

_ROW_NAMES: Final = tuple(REQUEST.names or ())


class Request:
    """One row that a client wants done. `shard`: its home. `digest` is unique to the body, so a record tells whose it is."""

    __slots__ = (
        "attempt",
        "body",
        "deferred_at",
        "digest",
        "first_sent",
        "key",
        "result",
        "shard",
        "source",
        "waits",
    )

    def __init__(self, shard: int, key: int, digest: int, body: dict[str, int]) -> None:
        self.shard = shard
        self.key = key
        self.digest = digest
        self.body = body
        self.first_sent = 0
        self.deferred_at = 0
        self.attempt = 0
        self.result: Any = None
        self.source: Request | None = None
        self.waits = False

    @property
    def key_id(self) -> tuple[int, int, int, int]:
        """What an idempotency key is bound to: shard, caller, home wallet, key."""
        body = self.body
        home = 0
        if body["op"] == Kind.TRANSFER:
            home = body["payer"] if body["payer"] >> 16 or not body["payee"] >> 16 else body["payee"]
        elif body["op"] != Kind.WALLET_OPENED:
            home = body["payee"]
        return self.shard, body["caller"], home, self.key

    def row(self) -> tuple[Any, ...]:
        """As it is sent, one row of REQUEST."""
        sent = {
            **self.body,
            "key_hi": self.key & 2**64 - 1,
            "key_lo": self.key >> 64,
            "digest": self.digest,
            "deferred_at": self.deferred_at,
            "flags": 0,
            "spare": 0,
        }
        return tuple(sent[name] for name in _ROW_NAMES)


def rows_of(requests: list[Request]) -> Any:
    """What is sent for requests, (n,) of REQUEST."""
    return np.array([request.row() for request in requests], REQUEST)


class SubmitQuestion(NamedTuple):
    """Requests sent together."""

    requests: list[Request]
    reply: Callable[[Any], None]


class ReadQuestion(NamedTuple):
    """Wallets to be shown. `head`: the journal's head when it was asked."""

    addresses: Any
    head: int
    reply: Callable[[Any], None]


class FindQuestion(NamedTuple):
    """A key to be looked up. `head`: the journal's head when it was asked."""

    key_id: tuple[int, int, int, int]
    head: int
    reply: Callable[[Any], None]


class ProfileQuestion(NamedTuple):
    """A shard asks another for wallets. `head`: the other's journal's head when it asked."""

    addresses: Any
    head: int
    reply: Callable[[Any], None]
