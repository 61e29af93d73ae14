"""What clients and shards ask of a shard, and how the answer gets back to them."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from actors.records.credit_layout import CREDIT_REQUEST
from actors.records.layout import FLAG_LINKED, REQUEST, Kind

_ROW_NAMES: Final = tuple(REQUEST.names or ())


class Known(Protocol):
    """What a front door knows of a request by the attempts to send it; see `switch.gateway.attempts`."""

    @property
    def sent(self) -> bool:
        """Whether it may have happened."""

    def lost(self, *, not_sent: bool) -> None:
        """No answer came."""

    def untried(self, code: int) -> None:
        """A shard answered that it has not tried."""


class Request:
    """One row that a client wants done. `shard`: its home. `digest` is unique to the body, so a record tells whose it is. `unit`: the
    linked group that it is a row of, or itself alone; `part`: digest of the row that it repeats, of a group
    that is sent again otherwise than it was; 0 = none."""

    __slots__ = (
        "attempt",
        "body",
        "deferred_at",
        "digest",
        "first_sent",
        "flags",
        "key",
        "known",
        "part",
        "result",
        "shard",
        "source",
        "unit",
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
        self.known: Known | None = None
        self.source: Request | None = None
        self.waits = False
        self.flags = 0
        self.part = 0
        self.unit: tuple[Request, ...] = (self,)

    @property
    def key_id(self) -> tuple[int, int, int, int]:
        """What an idempotency key is bound to: shard, caller, home wallet, key."""
        return self.shard, self.body["caller"], self.home(), self.key

    def home(self) -> int:
        """The wallet that the key belongs to: for a group its user payer, else what the first row says."""
        op = self.body["op"]
        if op == Kind.WALLET_OPENED:
            return 0
        if op in (Kind.WALLET_STATUS, Kind.WALLET_TIER) and len(self.unit) == 1:
            return self.body["payee"]
        payers = [row.body["payer"] for row in self.unit if row.body["payer"] >> 16]
        first = self.unit[0].body
        return payers[0] if payers else first["payee"] if first["payee"] >> 16 else first["payer"]

    def row(self) -> tuple[Any, ...]:
        """As it is sent, one row of REQUEST."""
        sent = {
            **self.body,
            "key_hi": self.key & 2**64 - 1,
            "key_lo": self.key >> 64,
            "digest": self.digest,
            "deferred_at": self.deferred_at,
            "flags": self.flags,
            "spare": 0,
        }
        return tuple(sent[name] for name in _ROW_NAMES)


def linked(rows: list[Request]) -> list[Request]:
    """Make requests for one shard a linked group."""
    for request in rows:
        request.unit = tuple(rows)
        request.flags |= FLAG_LINKED
    rows[-1].flags &= ~FLAG_LINKED
    return rows


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


class HeadQuestion(NamedTuple):
    """Where do the chains of wallets begin? `head`: the journal's head when it was asked."""

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


_CREDIT_NAMES: Final = tuple(CREDIT_REQUEST.names or ())


class CreditRequest:
    """One credit request that a client wants done; as `Request`. `sent`: each body with which it was; a front door may decide anew."""

    __slots__ = ("attempt", "body", "details", "digest", "key", "result", "sent", "shard")

    def __init__(self, shard: int, key: int, digest: int, body: dict[str, int]) -> None:
        self.shard, self.key, self.digest, self.body = shard, key, digest, body
        self.attempt = 0
        self.sent: list[dict[str, int]] = []
        self.details: bytes | None = None
        self.result: Any = None

    @property
    def key_id(self) -> tuple[int, int, int, int]:
        """What its key is bound to: shard, caller, home wallet, key."""
        return self.shard, self.body["caller"], self.body["home"], self.key

    def row(self) -> Any:
        """As it is sent, (1,) of CREDIT_REQUEST."""
        sent = {**self.body, "key_hi": self.key & 2**64 - 1, "key_lo": self.key >> 64, "digest": self.digest}
        return np.array([tuple(sent.get(name, 0) for name in _CREDIT_NAMES)], CREDIT_REQUEST)


class CreditQuestion(NamedTuple):
    """Credit requests sent together."""

    requests: list[CreditRequest]
    reply: Callable[[Any], None]


class StateQuestion(NamedTuple):
    """What does a shard know of a holder? `to_record`: its answer need not be durable, what is decided on it will be."""

    shard: int
    holder: int
    reply: Callable[[Any], None]
    to_record: bool = False


class ScoreQuestion(NamedTuple):
    """Scores of a run, SCORE_ROW rows (n,)."""

    shard: int
    rows: Any
    reply: Callable[[Any], None]
