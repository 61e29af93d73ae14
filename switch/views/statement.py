"""A wallet's statement: a walk along its chain of records, done by the database.

Nothing is kept for it, and it is never stale.

It is in the order of effective times, as the balance at a time is. The chain is in the order of booking, and what was imported after
something that counts from later on does not lie on it where it belongs: such late records are passed over on the chain and read from a
table of their own (see actors/records/late.py, which has the law).

The shard's process names the places where the chain may begin; the database says in one statement which of them is durable, and
whether another process has opened the journal since. So nothing waits for an append.

Only what moves money is listed; openings and changes of a wallet, holds and their ends are walked over. An operator wallet has one
chain a shard. A look back in time begins at an anchor, so it never walks far.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from actors.database.pool import Pool
from actors.records.addresses import block_start, shard_of, slot_of
from actors.records.blocks import entries_of
from actors.records.chain_time import chain_time
from actors.records.ids import encode_wallets, transfer_id
from actors.records.layout import (
    ATTEMPTS,
    FLAG_REMOTE,
    FLAG_SUSPENSE,
    MOVEMENTS,
    RECORD,
    REFERRING,
    Kind,
    Records,
    ReviewStatus,
    joined,
    packing,
)
from actors.records.secret import Secret
from actors.rpc.interface import ChainHead
from rules.vocabulary.currencies import ALPHA
from switch.gateway.encode import Details, details_of
from switch.http.times import time_text
from switch.views.gathered import NOBODY, BesideQuestions, Gathered
from switch.views.representations import LABEL_NAMES

OTHERS_MAX: Final = 1_000
"""Records that move nothing and that one page walks over at most; then the page ends early."""
DETAILS_BYTES_MAX: Final = 16 << 20
"""Of details that a page reads; then it ends early, but never before its first step."""
PAGE_BYTES_MAX: Final = 2 * DETAILS_BYTES_MAX
"""With the records, and the block that goes beyond."""
PARTS_MAX: Final = 1_000
"""Captures and refunds of one transfer that are listed at most, 25 ms of the event loop; all of them count, and its events have all."""
FEW_PARTS: Final = 32
"""Those of most transfers, which are read together with those of others."""
RECORDS_AT_ONCE: Final = 8_192
"""Records that one statement reads at most: 1.3 MB."""
LISTED: Final = (*MOVEMENTS, Kind.LEG)
ASKED: Final = (*ATTEMPTS, *REFERRING)
"""Records that have an id which can be asked for."""

_NAMES: Final = RECORD.names or ()
_UNPACK: Final = packing(RECORD).unpack


class Step(NamedTuple):
    """One record of a chain with the movement it comes from (itself, unless it is a leg)."""

    address: int
    record: dict[str, int]
    origin: int
    origin_record: dict[str, int]
    details: Details


class Origin(NamedTuple):
    """What a capture, refund or other end refers to: when that was recorded, and reference and metadata of the transfer that all began
    with."""

    time: int
    details: Details


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of one page, newest first, and the place to go on from, 0 at the end; its time matters among late records alone. `origins`: by
    address, of what steps refer to; `suspended`: addresses of movements whose credit lies on suspense."""

    steps: list[Step]
    next: int
    next_time: int = 0
    origins: dict[int, Origin] = {}
    suspended: frozenset[int] = frozenset()


class HoldSteps(NamedTuple):
    """Holds on a stretch of their payer's chain that nothing on it ended, newest first, and the place to go on from, 0 at the end."""

    steps: list[Step]
    next: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a statement."""

    id: str
    type: str
    of: str | UnsetType = UNSET
    direction: str
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    balance_after: int
    suspense: bool | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    created_at: str
    effective_at: str


def as_dict(record: Any) -> dict[str, int]:
    """A journal record (scalar of RECORD) as Python numbers."""
    return dict(zip(_NAMES, record.item(), strict=True))


class Found(NamedTuple):
    """A record and what is kept beside it. `referred`: whether anything refers to it, as far as that was read with it."""

    record: dict[str, int]
    details: Details
    referred: bool = True


class Part(NamedTuple):
    """A record that refers to another, the `target`."""

    target: int
    address: int
    record: dict[str, int]


class PartPlace(NamedTuple):
    """Where a record stands among what a payment left: `part` refers to the payment, `behind` to that part. 0: none, so the part itself,
    or the payment."""

    part: int
    behind: int

    @property
    def address(self) -> int:
        """Of the record there, 0: the payment's own."""
        return self.behind or self.part


PAYMENT: Final = PartPlace(0, 0)
"""Where the payment itself stands."""


class PlacedPart(NamedTuple):
    """A record that a payment left, and where."""

    place: PartPlace
    record: dict[str, int]


class Parts(NamedTuple):
    """What refers to a record, and what refers to that, oldest first: `listed` holds what ended it, `captured` and `refunded` are what all
    come to, also those that are too many to be listed."""

    listed: Sequence[Part]
    captured: int
    refunded: int


NO_PARTS: Final = Parts((), 0, 0)


class Place(NamedTuple):
    """The newest record of a wallet's chain that is not after a time, 0: none, and the balance by effective time at that time. `newest`: of
    the whole chain when that was read, if the wallet has late records, else 0."""

    address: int
    posted: int
    newest: int


NOWHERE: Final = Place(0, 0, 0)
"""Of a wallet that has no record."""


class WriterFenced(Exception):
    """Another process has opened the journal after the one that was asked."""


class ReviewRow(NamedTuple):
    """A payment that is or was in review, with the record that ended its review."""

    address: int
    found: Found
    answer: dict[str, int] | None


class CaseFilter(NamedTuple):
    """Which cases are asked for: those that an account works on, those of nobody, those that are due before a time."""

    assignee: int | None = None
    unassigned: bool = False
    due_before_ms: int | None = None


ALL_CASES: Final = CaseFilter()


class History:
    """Reads of the journal for the front door. `asker`, where there is one: the account that only asks."""

    def __init__(self, pool: Pool, beside: BesideQuestions = NOBODY) -> None:
        self._pool = pool
        self._found = Gathered(self._records, beside)
        self._few_parts = Gathered(self._parts, beside)

    async def transfer(self, address: int, asker: int | None = None) -> Found | None:
        """The record at an address, None when it is nothing that a caller may ask for by id."""
        found = await self._found.get(address, asker)
        return None if found is None or found.record["kind"] not in ASKED else found

    async def parts(self, address: int, asker: int | None = None) -> Parts:
        """What became of the record at an address."""
        rows = await self._few_parts.get(address, asker) or []
        if len(rows) > FEW_PARTS:
            rows = await self._pool.fetch("transfer_parts", [address], PARTS_MAX, None)
        if not rows:
            return NO_PARTS
        listed = [Part(row["target"], row["address"], record_of(row["record"])) for row in rows]
        return Parts(listed, rows[0]["captured"], rows[0]["refunded"])

    async def parts_after(self, address: int, after: PartPlace, limit: int) -> list[PlacedPart]:
        """The first `limit` of what became of the record at an address, behind a place: in order, the refunds of a capture behind it."""
        rows = await self._pool.fetch("transfer_parts_after", address, *after, limit)
        return [PlacedPart(PartPlace(row["part"], row["behind"]), record_of(row["record"])) for row in rows]

    async def _parts(self, addresses: list[int]) -> dict[int, list[Any]]:
        """What became of records, by address; of what has many parts one more than FEW_PARTS of them."""
        found: dict[int, list[Any]] = {}
        for row in await self._pool.fetch("transfer_parts", addresses, FEW_PARTS + 1, FEW_PARTS + 1):
            found.setdefault(row["root"], []).append(row)
        return found

    async def suspended(self, records: Iterable[tuple[int, dict[str, int]]]) -> frozenset[int]:
        """Addresses of those of these records, told with their addresses, whose credit lies on suspense. Only what left its shard can."""
        gone = [address for address, record in records if record["flags"] & FLAG_REMOTE]
        rows = await self._pool.fetch("suspended", gone) if gone else []
        return frozenset(row["movement"] for row in rows)

    async def origins(self, addresses: Collection[int]) -> dict[int, Origin]:
        """What stands at addresses that others refer to. A refund may refer to a capture, which refers to its hold."""
        found = await self._records(addresses)
        further = {each.record["reference"] for each in found.values() if each.record["kind"] in REFERRING}
        first = await self._records(further) if further else {}
        return {
            address: _origin(each, first[each.record["reference"]] if each.record["kind"] in REFERRING else each)
            for address, each in found.items()
        }

    async def _records(self, addresses: Collection[int]) -> dict[int, Found]:
        rows = await self._pool.fetch("records_with_details", sorted(addresses))
        return {
            row["address"]: Found(
                record_of(row["record"]),
                details_of(entries_of(row["details"]).get(slot_of(row["address"]))),
                row["referred"],
            )
            for row in rows
            if len(row["record"]) == RECORD.itemsize
        }

    async def records(self, addresses: NDArray[np.int64]) -> Records:
        """The RECORD rows (n,) at these addresses (n,), ascending; zeros where there is none."""
        records = np.zeros(len(addresses), RECORD)
        for start in range(0, len(addresses), RECORDS_AT_ONCE):
            part = addresses[start : start + RECORDS_AT_ONCE]
            rows = await self._pool.fetch("records_at", part.tolist())
            at = np.searchsorted(part, np.fromiter((row["address"] for row in rows), np.int64, len(rows)))
            records[start + at] = joined([row["record"] for row in rows], RECORD)
        return records

    async def record_times(self, addresses: Collection[int]) -> dict[int, int]:
        """Record times of records by address."""
        return {row["address"]: row["time"] for row in await self._pool.fetch("event_times", list(addresses))}

    async def review_ends(self, addresses: Sequence[int], now_ms: int) -> dict[int, ReviewStatus]:
        """How the reviews of payments stand, by their addresses."""
        rows = await self._pool.fetch("review_ends", addresses, now_ms)
        return {row["record"]: ReviewStatus(row["status"]) for row in rows}

    async def cases(
        self, status: int, place: Sequence[int], limit: int, now_ms: int, only: CaseFilter = ALL_CASES
    ) -> list[ReviewRow]:
        """Cases of a status behind a place (record time, address), oldest first, of those that are asked for."""
        rows = await self._pool.fetch("review_page", status, *place, limit, now_ms, *only)
        return [
            ReviewRow(
                row["address"],
                Found(record_of(row["record"]), details_of(entries_of(row["details"]).get(slot_of(row["address"])))),
                None if row["answer"] is None else record_of(row["answer"]),
            )
            for row in rows
        ]

    async def at(self, wallet: int, shard: int, head: ChainHead, time_ms: int) -> Place | None:
        """Where a wallet's chain is at a time, as far as it is durable. None: the wallet is not. Raises WriterFenced."""
        row = await self._pool.fetchrow("chain_at", wallet, shard, time_ms, head.places, head.successors, head.writer)
        if row["superseded"]:
            raise WriterFenced
        if row["newest"] is None:
            return None if head.places else NOWHERE
        posted = 0 if row["record"] is None else _posted(record_of(row["record"]), wallet)
        return Place(row["address"] or 0, posted + row["later"], row["newest"] if row["late"] else 0)

    async def newest(
        self, wallet: int, shard: int, head: ChainHead, limit: int, since_ms: int = 0
    ) -> tuple[Place, Statement] | None:
        """The newest page of a wallet's chain, back to a time, and where it begins.

        None: the wallet is not durable. Raises WriterFenced.
        """
        rows = await self._chain(wallet, shard, head, limit)
        if rows[0]["superseded"]:
            raise WriterFenced
        if rows[0]["address"] is None:  # a built-in wallet has no record of its opening
            return None if head.places else (NOWHERE, Statement(steps=[], next=0))
        first = rows[0]["address"]
        place = Place(first, _posted(record_of(rows[0]["record"]), wallet), first if rows[0]["late"] else 0)
        return place, await self._whole(_page(wallet, rows, limit, since_ms))

    async def statement(self, wallet: int, start: int, limit: int, since_ms: int = 0) -> Statement | None:
        """A page of a wallet's chain from the durable record at `start` on, back to a time, without late records. None: the journal does
        not reach there."""
        if start == 0:
            return Statement(steps=[], next=0)
        rows = await self._chain(wallet, shard_of(start), ChainHead(0, 0, [start], []), limit)
        return None if rows[0]["address"] is None else await self._whole(_page(wallet, rows, limit, since_ms))

    async def late(
        self, wallet: int, shard: int, place: tuple[int, int], newest: int, limit: int, since_ms: int = 0
    ) -> Statement:
        """A page of a wallet's late records from a place (effective time, address) on, back to a time, of what is booked up to `newest`."""
        bounds = *place, newest, since_ms, limit + 1, DETAILS_BYTES_MAX
        rows = await self._pool.fetch("late_page", wallet, shard, *bounds)
        if not rows:
            return Statement(steps=[], next=0)
        last = rows[:limit][-1]
        page = Statement(
            steps=_steps(rows[:limit]), next=last["next_address"] or 0, next_time=last["next_effective"] or 0
        )
        return await self._whole(page)

    async def holds(self, wallet: int, shard: int, head: ChainHead) -> HoldSteps | None:
        """The newest stretch of a wallet's chain as holds. None: the wallet, or where it is to begin, is not durable. Raises
        WriterFenced."""
        rows = await self._chain(wallet, shard, head, OTHERS_MAX)
        if rows[0]["superseded"]:
            raise WriterFenced
        if rows[0]["address"] is None:
            return None if head.places else HoldSteps([], 0)
        steps = _steps(rows)
        ends = {step.record["reference"] for step in steps if step.record["kind"] in (Kind.VOID, Kind.EXPIRY)}
        holds = [step for step in steps if step.record["kind"] == Kind.HOLD and step.address not in ends]
        return HoldSteps([s for s in holds if pays(s.record, wallet)], _previous(steps[-1].record, wallet))

    async def _whole(self, page: Statement) -> Statement:
        """A page with what its captures and refunds refer to, and with what lies on suspense."""
        targets = {step.origin_record["reference"] for step in page.steps if step.origin_record["kind"] in REFERRING}
        origins = await self.origins(targets) if targets else {}
        suspended = await self.suspended((step.address, step.record) for step in page.steps)
        return msgspec.structs.replace(page, origins=origins, suspended=suspended)

    async def _chain(self, wallet: int, shard: int, head: ChainHead, limit: int) -> list[Any]:
        sizes = limit + 1, limit + OTHERS_MAX
        return await self._pool.fetch(
            "wallet_chain",
            wallet,
            head.places,
            *sizes,
            shard,
            head.successors,
            head.writer,
            DETAILS_BYTES_MAX,
            back=PAGE_BYTES_MAX,
        )


def _page(wallet: int, rows: list[Any], limit: int, since_ms: int) -> Statement:
    steps = _steps(rows)
    young = [step for step in steps if _chain_time(step.record, wallet) >= since_ms]
    listed = [step for step in young if step.record["kind"] in LISTED and not _lag(step.record, wallet)]
    if len(listed) > limit:
        return Statement(steps=listed[:limit], next=listed[limit].address)
    cut_short = (len(rows) == limit + OTHERS_MAX or len(rows) < rows[0]["there"]) and len(young) == len(steps)
    return Statement(steps=listed, next=_previous(steps[-1].record, wallet) if cut_short else 0)


def _origin(target: Found, first: Found) -> Origin:
    named = Details(reference=first.details.reference, metadata=first.details.metadata)
    return Origin(target.record["record_time"], named)


def pays(record: dict[str, int], wallet: int) -> bool:
    """Whether a record lies on a wallet's chain as its payer's."""
    return Kind.TRANSFER <= record["kind"] <= Kind.APPROVAL and record["payer"] == wallet


def _previous(record: dict[str, int], wallet: int) -> int:
    """Address of the record before this one in a wallet's chain."""
    return record["payer_prev"] if pays(record, wallet) else record["payee_prev"]


def _posted(record: dict[str, int], wallet: int) -> int:
    return record["payer_posted" if pays(record, wallet) else "payee_posted"]


def _lag(record: dict[str, int], wallet: int) -> int:
    return record["payer_lag" if pays(record, wallet) else "payee_lag"]


def _chain_time(record: dict[str, int], wallet: int) -> int:
    return int(chain_time(record["effective_time"], _lag(record, wallet)))


def _steps(rows: list[Any]) -> list[Step]:
    details: dict[int, dict[int, msgspec.Raw]] = {}
    steps = []
    for row in rows:
        block = block_start(row["origin"])
        if block not in details:
            details[block] = entries_of(row["details"])
        steps.append(
            Step(
                address=row["address"],
                record=record_of(row["record"]),
                origin=row["origin"],
                origin_record=record_of(row["origin_record"]),
                details=details_of(details[block].get(slot_of(row["origin"]))),
            )
        )
    return steps


def record_of(raw: bytes) -> dict[str, int]:
    """A journal record's bytes as Python numbers."""
    return dict(zip(_NAMES, _UNPACK(raw), strict=True))


def entries_of_page(secret: Secret, wallet: int, page: Statement) -> list[Entry]:
    """A page as lines of the wallet's statement."""
    steps = page.steps
    wallets = np.array([(step.record["payer"], step.record["payee"]) for step in steps], np.int64).ravel()
    ids = [str(uuid.UUID(bytes=raw.tobytes())) for raw in encode_wallets(secret, wallets)]
    return [
        _entry(secret, wallet, page, step, payer, payee)
        for step, payer, payee in zip(steps, ids[::2], ids[1::2], strict=True)
    ]


def _entry(secret: Secret, wallet: int, page: Statement, step: Step, payer: str, payee: str) -> Entry:
    record = step.record
    out = pays(record, wallet)
    suspense = (record["kind"] == Kind.LEG and record["flags"] & FLAG_SUSPENSE) or step.address in page.suspended
    target = step.origin_record["reference"] if step.origin_record["kind"] in REFERRING else 0
    details = page.origins[target].details if target else step.details
    return Entry(
        id=transfer_id(secret, step.origin_record["record_time"], step.origin),
        type=Kind(step.origin_record["kind"]).name.lower(),
        of=transfer_id(secret, page.origins[target].time, target) if target else UNSET,
        direction="out" if out else "in",
        payer=payer,
        payee=payee,
        amount=record["amount"],
        currency=ALPHA[record["currency"]],
        kind=LABEL_NAMES[step.origin_record["label"]],
        balance_after=record["payer_posted"] if out else record["payee_posted"],
        suspense=True if suspense else UNSET,
        reference=details.reference or UNSET,
        metadata=details.metadata or UNSET,
        created_at=time_text(record["record_time"]),
        effective_at=time_text(record["effective_time"]),
    )
