"""Shards as other processes see them: what a shard's methods take and give, as the bytes that travel.

Arrays cross as they lie in memory: pickling a structured array costs 36 us, its bytes 2 us.
"""

import asyncio
import struct
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.database.connection import travel_s
from actors.records.credit_layout import (
    CREDIT_RESULT,
    CREDIT_STATE,
    NOTHING_SEEN,
    SCORE_OUTCOME,
    SCORE_ROW,
    CreditQuestions,
    CreditRequests,
    CreditResults,
    CreditStates,
    ScoreOutcomes,
    ScoreRows,
    SeenHeads,
)
from actors.records.layout import RECORD, RESULT, WALLET, Requests, Results, WalletRows
from actors.rpc.interface import Attempts, BatchTimes, ChainHead, Condition, NotReady, ShardUnavailable
from actors.rpc.transport import Caller, CallLost
from actors.shard.messages import Legs
from models.arrays import Rows, bytes_of

PEER_TIMEOUT_S: Final = 2.0
"""And what the bytes take. A shard that was stopped never answers and never fails; what it missed it reads from the journal."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DETAILS: Final = msgspec.msgpack.Decoder(dict[int, bytes])
_LEGS: Final = msgspec.msgpack.Decoder(tuple[int, int, int, int, bytes, int, bytes, bytes, bytes])
_HEADS: Final = msgspec.msgpack.Decoder(list[ChainHead])
_ATTEMPTS: Final = msgspec.msgpack.Decoder(Attempts | None)
_CONDITION: Final = msgspec.msgpack.Decoder(Condition)
_COUNT: Final = struct.Struct("<I")
_KEY: Final = struct.Struct("<qq16s")
_ADDRESS: Final = struct.Struct("<q")
_TIMES: Final = struct.Struct("<qqqq")


def _parts(rows: Rows, details: dict[int, bytes]) -> tuple[bytes | memoryview, ...]:
    return _COUNT.pack(len(rows)), bytes_of(rows), _ENCODER.encode(details) if details else b""


def pack_rows(rows: Requests, details: dict[int, bytes]) -> bytes:
    """REQUEST or CREDIT_REQUEST rows and their details."""
    return b"".join(_parts(rows, details))


def unpack_rows(data: bytes | memoryview, dtype: np.dtype[np.void]) -> tuple[Rows, dict[int, bytes]]:
    """`pack_rows` undone; `dtype` of the rows."""
    (count,) = _COUNT.unpack_from(data)
    rows = np.frombuffer(data, dtype, count, _COUNT.size)
    rest = data[_COUNT.size + rows.nbytes :]
    return rows, _DETAILS.decode(rest) if rest else {}


def pack_scores(rows: ScoreRows, details: dict[int, bytes], seen: SeenHeads) -> bytes:
    """SCORE_ROW rows, heads and details."""
    return b"".join((_COUNT.pack(len(seen)), seen.tobytes(), *_parts(rows, details)))


def unpack_scores(data: bytes) -> tuple[ScoreRows, dict[int, bytes], SeenHeads]:
    """`pack_scores` undone."""
    (count,) = _COUNT.unpack_from(data)
    # A copy: machine code takes numbers to lie where their size divides the address.
    seen = np.frombuffer(data, np.int64, count, _COUNT.size).copy()
    rows, details = unpack_rows(memoryview(data)[_COUNT.size + seen.nbytes :], SCORE_ROW)
    return rows, details, seen


def pack_legs(legs: Legs) -> bytes:
    """A push."""
    arrays = legs.records.tobytes(), legs.addresses.tobytes()
    heads = legs.since, legs.since_hash, legs.until, legs.until_hash
    return _ENCODER.encode((legs.sender, legs.writer, legs.timeline, *heads, *arrays))


def unpack_legs(data: bytes) -> Legs:
    """`pack_legs` undone."""
    sender, writer, timeline, since, since_hash, until, until_hash, records, addresses = _LEGS.decode(data)
    return Legs(
        sender=sender,
        writer=writer,
        timeline=timeline,
        since=since,
        since_hash=since_hash,
        until=until,
        until_hash=until_hash,
        records=np.frombuffer(records, RECORD),
        addresses=np.frombuffer(addresses, np.int64),
    )


def unpack_key(data: bytes) -> tuple[int, int, bytes]:
    """Caller, home wallet and key of a `find_key`."""
    caller, home, key = _KEY.unpack(data)
    return caller, home, key


def pack_timed(results: Results, times: BatchTimes) -> bytes:
    """The answer of a `submit_timed`."""
    return _TIMES.pack(*times) + results.tobytes()


def pack_address(address: int) -> bytes:
    """The answer of a `find_key`."""
    return _ADDRESS.pack(address)


def unpack_address(data: bytes) -> int:
    """The wallet of an `attempts`."""
    address: int = _ADDRESS.unpack(data)[0]
    return address


def pack_attempts(attempts: Attempts | None) -> bytes:
    """The answer of an `attempts`."""
    return _ENCODER.encode(attempts)


def pack_heads(heads: list[ChainHead]) -> bytes:
    """The answer of a `heads`."""
    return _ENCODER.encode(heads)


def pack_condition(condition: Condition) -> bytes:
    """The answer of a `condition`."""
    return _ENCODER.encode(condition)


class RemotePeer:
    """Another shard, as a shard sees it."""

    def __init__(self, actor: Any) -> None:
        self._caller = Caller(actor)
        self.replace = self._caller.replace

    async def push(self, legs: Legs) -> None:
        """As `ShardHost.push`."""
        data = pack_legs(legs)
        async with asyncio.timeout(PEER_TIMEOUT_S + travel_s(len(data))):
            await self._caller.call("push", data)

    async def profiles(self, addresses: NDArray[np.int64]) -> WalletRows:
        """As `ShardHost.wallets`."""
        async with asyncio.timeout(PEER_TIMEOUT_S + travel_s(len(addresses) * WALLET.itemsize)):
            return np.frombuffer(await self._caller.call("wallets", addresses.tobytes()), WALLET)


class RemoteShard:
    """A shard, as a front door sees it. The actor behind it can be replaced after a takeover."""

    def __init__(self, actor: Any) -> None:
        self._caller = Caller(actor)
        self.replace = self._caller.replace

    async def submit(self, rows: Requests, details: dict[int, bytes]) -> Results:
        """As `ShardClient.submit`."""
        return np.frombuffer(await self._called("submit", pack_rows(rows, details)), RESULT)

    async def submit_timed(self, rows: Requests, details: dict[int, bytes]) -> tuple[Results, BatchTimes]:
        """As `ShardClient.submit_timed`."""
        data = await self._called("submit_timed", pack_rows(rows, details))
        return np.frombuffer(data, RESULT, offset=_TIMES.size), BatchTimes(*_TIMES.unpack_from(data))

    async def wallets(self, addresses: NDArray[np.int64]) -> WalletRows:
        """As `ShardClient.wallets`."""
        return np.frombuffer(await self._called("wallets", addresses.tobytes()), WALLET)

    async def credit(self, rows: CreditRequests, details: dict[int, bytes]) -> CreditResults:
        """As `ShardClient.credit`."""
        return np.frombuffer(await self._called("credit", pack_rows(rows, details)), CREDIT_RESULT)

    async def publish(
        self, rows: ScoreRows, details: dict[int, bytes], seen: SeenHeads = NOTHING_SEEN
    ) -> ScoreOutcomes:
        """As `ShardClient.publish`."""
        return np.frombuffer(await self._called("publish", pack_scores(rows, details, seen)), SCORE_OUTCOME)

    async def credit_states(self, questions: CreditQuestions) -> CreditStates:
        """As `ShardClient.credit_states`."""
        return np.frombuffer(await self._called("credit_states", questions.tobytes()), CREDIT_STATE)

    async def heads(self, addresses: NDArray[np.int64]) -> list[ChainHead]:
        """As `ShardClient.heads`."""
        return _HEADS.decode(await self._called("heads", addresses.tobytes()))

    async def condition(self) -> Condition:
        """As `ShardClient.condition`."""
        return _CONDITION.decode(await self._called("condition", b""))

    async def find_key(self, caller: int, home: int, key: bytes) -> int:
        """As `ShardClient.find_key`."""
        address: int = _ADDRESS.unpack(await self._called("find_key", _KEY.pack(caller, home, key)))[0]
        return address

    async def preview(self, row: Requests) -> Results:
        """As `ShardClient.preview`."""
        return np.frombuffer(await self._called("preview", row.tobytes()), RESULT)

    async def attempts(self, wallet: int) -> Attempts | None:
        """As `ShardClient.attempts`."""
        found: Attempts | None = _ATTEMPTS.decode(await self._called("attempts", _ADDRESS.pack(wallet)))
        return found

    async def _called(self, method: str, data: bytes) -> bytes:
        try:
            return await self._caller.call(method, data)
        except NotReady as error:
            raise ShardUnavailable(not_sent=True) from error
        except CallLost as error:
            raise ShardUnavailable(not_sent=False) from error
