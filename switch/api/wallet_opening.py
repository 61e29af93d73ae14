"""Open wallets in steps that can be repeated.

Reserve in PostgreSQL, open in the ledger under the reserved key, fill in the address.

Whoever dies in between is healed by a retry, because the reservation names the key and the shard under which the ledger opens.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

import msgspec
import numpy as np
from msgspec import UNSET

from actors.records.codes import Code
from actors.records.layout import OPERATOR_KINDS, REQUEST
from actors.stores.wallet_profiles import Candidate, OperatorWalletsFull, Reason, Refusal, Reservation, WalletStore
from rules.vocabulary.currencies import NO_MONEY
from rules.vocabulary.encodings import WalletKind
from switch.fairness.scheduling import Scheduler, mapped
from switch.gateway.encode import currency_number, wallet_row
from switch.gateway.routing import Topology
from switch.gateway.write_queue import ShardWriteQueue
from switch.http.call import Caller
from switch.http.schema import WALLET_KINDS, Attributes, Metadata, NewWallet, named
from switch.http.times import now_ms
from switch.problems.table import NUMBERS, ProblemError, invalid_field

OK: Final = NUMBERS[Code.OK]
_PACK: Final = msgspec.msgpack.Encoder(order="deterministic").encode
_JSON: Final = msgspec.json.Encoder(order="deterministic").encode
_REFUSED: Final = {
    Reason.KEY_MISMATCH: "idempotency_mismatch",
    Reason.EXTERNAL_ID_TAKEN: "external_id_taken",
}
_TAKEN: Final = _REFUSED[Reason.EXTERNAL_ID_TAKEN]


class OpeningServices(Protocol):
    """What opening wallets uses of the front door."""

    wallet_store: WalletStore
    queues: list[ShardWriteQueue]
    scheduler: Scheduler
    topology: Topology

    def deadline(self) -> float:
        """`Services.deadline`."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet asked for, checked: the body, and what is reserved for it."""

    body: NewWallet
    candidate: Candidate


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one: `code` names a problem unless it is OK; `opened` is the time, 0 when the wallet was there before. `address`
    of one that was refused: the caller's own wallet that has the external id, 0 when there is none to tell."""

    code: str
    address: int = 0
    opened: int = 0


def batch_keys(given: bytes | None, count: int) -> list[bytes]:
    """One key for each wallet of a batch: from the batch's key, or random."""
    if given is None:
        return [os.urandom(16) for _ in range(count)]
    return [hashlib.blake2b(given + index.to_bytes(4, "little"), digest_size=16).digest() for index in range(count)]


def wanted_wallet(
    body: NewWallet, key: bytes, keyless: bool, shards: int, path: str = "", *, test_currencies: bool = False
) -> Wanted:
    """Check one body. Raises ProblemError invalid_field, `path` before the name."""
    kind: WalletKind = named(WALLET_KINDS, body.kind, None, f"{path}kind")
    if kind in OPERATOR_KINDS:
        for name in ("floor", "tier"):
            if getattr(body, name) is not UNSET:
                raise invalid_field(f"{path}{name}", "only user and merchant wallets have one")
    currency = currency_number(body.currency, f"{path}currency")
    if body.currency in NO_MONEY and not test_currencies:
        raise invalid_field(
            f"{path}currency",
            f"{body.currency} is no money: an ISO 4217 code like EUR is expected, unless the configuration file of the switch says "
            "`test_currencies = true`",
        )
    candidate = Candidate(
        key_hash=key,
        keyless=keyless,
        digest=hashlib.blake2b(_PACK(body), digest_size=16).digest(),
        kind=kind,
        currency=currency,
        home=int.from_bytes(key[:8], "little") % shards,
        external_id=body.external_id or None,
        owner=body.owner or None,
        attributes=json_text(body.attributes or None),
        metadata=json_text(body.metadata or None),
    )
    return Wanted(body=body, candidate=candidate)


def json_text(value: Attributes | Metadata | None) -> str | None:
    """A JSON column's value."""
    return None if value is None else _JSON(value).decode()


async def open_wallets(services: OpeningServices, caller: Caller, wanted: Sequence[Wanted]) -> list[Opened]:
    """Open wallets, all that can be; what became of each, in order. Raises ProblemError and StoreUnavailable."""
    deadline = services.deadline()
    if caller.effective_time > now_ms():  # asked before anything is reserved: what is refused leaves no trace
        return [Opened(code=NUMBERS[Code.EFFECTIVE_TIME_IN_FUTURE])] * len(wanted)
    try:
        reserved = await services.wallet_store.reserve(caller.account, [each.candidate for each in wanted])
    except OperatorWalletsFull:
        raise ProblemError("operator_wallets_full") from None
    fresh = {
        place.key_hash: (each, place)
        for each, place in zip(wanted, reserved, strict=True)
        if isinstance(place, Reservation) and place.address == 0
    }
    done = await _open_in_ledger(services, caller, list(fresh.values()), deadline)
    filled = {key: opened.address for key, opened in done.items() if opened.code == OK}
    if filled:
        await services.wallet_store.opened(caller.account, filled)
    return _with_wallets_of_names(wanted, [_outcome(place, done) for place in _each_once(wanted, reserved)])


def _each_once(wanted: Sequence[Wanted], reserved: Sequence[Reservation | Refusal]) -> Iterator[Reservation | Refusal]:
    """A row without a key may share the reservation of an equal one, to go on where a process died. Of equal rows in one batch only the
    first has it: the others get what they would get a moment later."""
    seen = {each.candidate.key_hash for each in wanted}
    for each, place in zip(wanted, reserved, strict=True):
        if isinstance(place, Reservation) and place.key_hash != each.candidate.key_hash:
            if place.key_hash in seen:
                yield Refusal(reason=Reason.EXTERNAL_ID_TAKEN)
                continue
            seen.add(place.key_hash)
        yield place


def _with_wallets_of_names(wanted: Sequence[Wanted], outcomes: Sequence[Opened]) -> list[Opened]:
    """Those refused for a name that a row of the same batch took are answered with its wallet."""
    names = {w.candidate.external_id: o.address for w, o in zip(wanted, outcomes, strict=True) if o.code == OK}
    return [
        Opened(code=o.code, address=o.address or names.get(w.candidate.external_id, 0)) if o.code == _TAKEN else o
        for w, o in zip(wanted, outcomes, strict=True)
    ]


def _outcome(place: Reservation | Refusal, done: dict[bytes, Opened]) -> Opened:
    if isinstance(place, Refusal):
        return Opened(code=_REFUSED[place.reason], address=place.address)
    return done[place.key_hash] if place.address == 0 else Opened(code=OK, address=place.address)


async def _open_in_ledger(
    services: OpeningServices, caller: Caller, fresh: Sequence[tuple[Wanted, Reservation]], deadline: float
) -> dict[bytes, Opened]:
    """Send each to its home, or an operator wallet to every shard; the outcome by key. The place of an operator wallet is reserved for it
    alone: a shard that refuses it has it, from a try so long ago that the key is forgotten."""
    by_shard: dict[int, list[tuple[bytes, bytes]]] = {}
    reserved = {place.key_hash: place.operator_address for _, place in fresh if place.operator_address}

    def send(pair: tuple[Wanted, Reservation]) -> None:
        each, place = pair
        row = wallet_row(
            each.body, each.candidate.kind, place.operator_address, place.key_hash, each.candidate.digest, caller
        )
        shards = range(services.topology.shards) if place.operator_address else (place.home,)
        for shard in shards:
            by_shard.setdefault(shard, []).append((place.key_hash, row))

    await services.scheduler.run(caller.account, mapped(send, fresh))
    answers = await asyncio.gather(
        *(
            services.queues[shard].many(
                np.frombuffer(bytearray(b"".join(row for _, row in pairs)), REQUEST), {}, deadline
            )
            for shard, pairs in by_shard.items()
        )
    )
    done: dict[bytes, Opened] = {}
    for pairs, results in zip(by_shard.values(), answers, strict=True):
        columns = zip(
            pairs,
            results["code"].tolist(),
            results["address"].tolist(),
            np.where(results["replayed"] != 0, 0, results["effective_time"]).tolist(),
            strict=True,
        )
        for (key, _), code, address, opened in columns:
            if code == Code.INVALID_REQUEST and key in reserved:
                code, address = Code.OK, reserved[key]
            if key not in done or code != Code.OK:
                done[key] = Opened(code=NUMBERS[code], address=address, opened=opened)
    return done
