"""The journal as a stream of events.

They are in order per shard and merged by record time; from any cursor on none is lost or repeated.

A place is the next record to read of one shard: block and slot, the low bits of its address. A cursor holds a place for each shard,
so a shard that lags loses nothing. OPEN, CURSOR and PROFILE records are no events: they are between shards.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from actors.records.addresses import place_of, record_address, record_at, shard_of, slot_of, suspense_address
from actors.records.blocks import entries_of, joined_addresses
from actors.records.credit_layout import FIRST_CREDIT, Cause, InquiryResult, OrderState, Resolution, Stopped
from actors.records.header import HEADER_BYTES
from actors.records.ids import encode_wallet, encode_wallets, transfer_id
from actors.records.layout import (
    ACCOUNT,
    ATTEMPTS,
    CAUSE,
    FLAG_FINAL,
    FLAG_REVIEW,
    FLAG_SUSPENSE,
    FLOOR,
    GRANTED,
    LAST_ORDER,
    MOVEMENT,
    MOVEMENTS,
    ORDER_STATE,
    RECORD,
    REFERRING,
    RESOLUTION,
    RESULT_OF_INQUIRY,
    SCENARIO,
    SCORE_SEEN,
    STOPPED_BY,
    TIER,
    TRANSFER_AT,
    WALLET_KIND,
    WALLET_STATE,
    Kind,
    Records,
    ReviewStatus,
    WalletStatus,
    case_end,
    joined,
)
from actors.records.secret import Secret
from rules.vocabulary.currencies import ALPHA
from switch.fairness.scheduling import Steps, mapped
from switch.gateway.encode import details_of
from switch.http.schema import Context
from switch.http.times import time_text
from switch.problems.table import NUMBERS
from switch.views.credit_scores import score_of
from switch.views.lifecycle import asked_kind, context_of
from switch.views.pack_names import Names
from switch.views.representations import KIND_NAMES, LABEL_NAMES, STATUS_NAMES, Decision, recorded_decision
from switch.views.statement import as_dict

TYPES: Final = (
    "",
    "transfer.posted",
    "transfer.declined",
    "transfer.held",
    "transfer.captured",
    "transfer.voided",
    "transfer.expired",
    "transfer.refunded",
    "leg.landed",
    "leg.suspended",
    "wallet.opened",
    "wallet.frozen",
    "wallet.unfrozen",
    "wallet.closed",
    "wallet.tier_changed",
    "transfer.in_review",
    "transfer.approved",
    "credit.consent_granted",
    "credit.consent_withdrawn",
    "credit.inquiry",
    "credit.order_created",
    "credit.order_confirmed",
    "credit.order_modified",
    "credit.order_completed",
    "credit.order_attempt",
    "credit.order_paid",
    "credit.order_cancelled",
    "credit.order_paid_elsewhere",
    "credit.order_expired",
    "credit.order_overdue",
    "credit.order_defaulted",
    "credit.order_cured",
    "credit.order_written_off",
    "credit.score",
    "credit.dispute_opened",
    "credit.dispute_forwarded",
    "credit.dispute_resolved",
    "credit.dispute_reinserted",
    "credit.review_opened",
    "credit.review_resolved",
    "credit.dispute_answered",
    "credit.data_erased",
)
"""Every type there is, by number; 0 is no event."""

_NUMBER: Final = {name: number for number, name in enumerate(TYPES)}
_OF_KIND: Final = {
    Kind.TRANSFER: "transfer.posted",
    Kind.HOLD: "transfer.held",
    Kind.CAPTURE: "transfer.captured",
    Kind.VOID: "transfer.voided",
    Kind.EXPIRY: "transfer.expired",
    Kind.REFUND: "transfer.refunded",
    Kind.APPROVAL: "transfer.approved",
    Kind.LEG: "leg.landed",
    Kind.WALLET_OPENED: "wallet.opened",
    Kind.WALLET_TIER: "wallet.tier_changed",
    **{kind: f"credit.{kind.name.lower().removeprefix('credit_')}" for kind in Kind if kind >= FIRST_CREDIT},
}
_OF_STATUS: Final = {
    WalletStatus.OPEN: "wallet.unfrozen",
    WalletStatus.FROZEN: "wallet.frozen",
    WalletStatus.CLOSED: "wallet.closed",
}
_BYTES: Final = 256
STEP_EVENTS: Final = 16
"""Events rendered in one step: one takes 20 to 30 microseconds."""


_ABOUT: Final = frozenset(
    {*REFERRING, Kind.LEG, *(kind for kind in Kind if kind >= FIRST_CREDIT and kind != Kind.SCORE)}
)
_COLLECTING: Final = frozenset({Kind.ORDER_PAID, Kind.ORDER_ATTEMPT, Kind.ORDER_CURED})


_RESOLVING: Final = frozenset({Kind.DISPUTE_ANSWERED, Kind.DISPUTE_RESOLVED, Kind.CREDIT_REVIEW_RESOLVED})


def _named(members: Iterable[IntEnum]) -> dict[int, str]:
    return {int(member): member.name.lower() for member in members}


_RESULTS: Final = _named(InquiryResult)
_RESOLUTIONS: Final = _named(Resolution)
_STATES: Final = _named(OrderState)
_CAUSES: Final = _named(Cause)
_STOPS: Final = _named(each for each in Stopped if each)
_STOPPING: Final = frozenset({Kind.ORDER_ATTEMPT, Kind.ORDER_WRITTEN_OFF})
assert RESULT_OF_INQUIRY == RESOLUTION, "one column of both"


def _lookup(names: Mapping[Any, str]) -> NDArray[np.uint8]:
    table = np.zeros(_BYTES, np.uint8)
    for number, name in names.items():
        table[number] = _NUMBER[name]
    return table


_KIND_TABLE: Final = _lookup(_OF_KIND)
_STATUS_TABLE: Final = _lookup(_OF_STATUS)
_TRANSFERS: Final = np.array(sorted({*ATTEMPTS, *MOVEMENTS, *REFERRING}), np.uint8)


def types_of(records: Records) -> NDArray[np.uint8]:
    """Numbers of the types (n,) of records (n,); see TYPES."""
    kind = records["kind"]
    types: NDArray[np.uint8] = _KIND_TABLE[kind]
    types[(kind == Kind.HOLD) & (records["flags"] & FLAG_REVIEW != 0)] = _NUMBER["transfer.in_review"]
    types[(records["code"] != 0) & np.isin(kind, _TRANSFERS)] = _NUMBER["transfer.declined"]
    types[(kind == Kind.LEG) & (records["flags"] & FLAG_SUSPENSE != 0)] = _NUMBER["leg.suspended"]
    changed = kind == Kind.WALLET_STATUS
    types[changed] = _STATUS_TABLE[records["channel"][changed]]
    return types


# What comes next.


class ReadBlock(NamedTuple):
    """A block of the journal as it was read."""

    shard: int
    number: int
    records: bytes
    details: bytes | None


class FoundEvent(NamedTuple):
    """One event before it is rendered: its record, its details, and the place after it on its shard. `payers`: whether the reader is on
    the payer's side."""

    address: int
    type: int
    record: dict[str, int]
    details: msgspec.Raw | None
    place: int
    payers: bool


class EventPage(NamedTuple):
    """Events in order, the places from which to go on, by shard, and whether more is known to follow."""

    events: list[FoundEvent]
    places: tuple[int, ...]
    has_more: bool


class InOrder(NamedTuple):
    """Blocks as they were read with their records (m,), and of what comes next, in order: places in those (n,), addresses, the addresses
    after them, numbers of their types (0: not wanted), and the blocks that they lie in. Shards in `cut` have more."""

    blocks: Sequence[ReadBlock]
    cut: frozenset[int]
    records: Records
    order: NDArray[np.intp]
    addresses: NDArray[np.int64]
    after: NDArray[np.int64]
    types: NDArray[np.uint8]
    block: NDArray[np.intp]


def in_order(
    blocks: Sequence[ReadBlock], cut: frozenset[int], places: Sequence[int], types: NDArray[np.uint8]
) -> InOrder:
    """What comes next. `blocks`: what follows `places`, ascending on each shard."""
    records = joined([block.records[HEADER_BYTES:] for block in blocks], RECORD)
    sizes = np.array([len(block.records) - HEADER_BYTES for block in blocks], np.int64) // RECORD.itemsize
    firsts = np.array([record_address(block.shard, block.number, 0) for block in blocks], np.int64)
    addresses = joined_addresses(firsts, sizes)
    after = addresses + 1
    after[np.cumsum(sizes) - 1] += _BYTES - sizes  # behind a block's last record comes the next block
    order = _merged(records, addresses, places, cut)
    numbers = types_of(records)[order]
    numbers[~np.isin(numbers, types)] = 0
    owners = np.repeat(np.arange(len(blocks)), sizes)
    return InOrder(blocks, cut, records, order, addresses[order], after[order], numbers, owners[order])


def page_of(
    read: InOrder, places: Sequence[int], limit: int, payers: NDArray[np.bool_], payees: NDArray[np.bool_]
) -> EventPage:
    """The next `limit` events of what was read. `payers`, `payees` (n,): on which sides of the records the reader stands."""
    wanted = np.flatnonzero(read.types)
    records = read.order[wanted]
    shown = read.records["code"][records] == 0
    shown &= read.records["kind"][records] != Kind.INQUIRY  # whom one asks about is no party to it
    hits = wanted[payers[wanted] | payees[wanted] & shown]
    full = len(hits) > limit
    hits = hits[:limit]
    end = hits[-1] + 1 if full else len(read.order)
    reached = list(places)
    shards = shard_of(read.addresses[:end])
    for shard in np.unique(shards).tolist():
        reached[shard] = place_of(int(read.after[:end][shards == shard].max()))
    blocks = read.block[hits].tolist()
    entries = {block: entries_of(read.blocks[block].details) for block in set(blocks)}
    columns = (column[hits].tolist() for column in (read.addresses, read.types, read.after, payers))
    events = [
        FoundEvent(
            address,
            number,
            as_dict(read.records[read.order[hit]]),
            _own(entries[block].get(slot_of(address))),
            place_of(after),
            own,
        )
        for hit, block, address, number, after, own in zip(hits, blocks, *columns, strict=True)
    ]
    return EventPage(events, tuple(reached), full or bool(read.cut))


def _own(details: msgspec.Raw | None) -> msgspec.Raw | None:
    """Details of one record alone: they lie in their block's, which would be kept as long."""
    return None if details is None else details.copy()


def _merged(
    records: Records, addresses: NDArray[np.int64], places: Sequence[int], cut: frozenset[int]
) -> NDArray[np.intp]:
    """Indices by record time, each shard in its own order; nothing later than where the first shard in `cut` ends."""
    shards = shard_of(addresses)
    times = records["record_time"].copy()
    horizon = np.iinfo(np.int64).max
    for shard in np.unique(shards).tolist():
        own = shards == shard
        times[own] = np.maximum.accumulate(times[own])
        if shard in cut:
            horizon = min(horizon, int(times[own].max()))
    fresh = np.flatnonzero((addresses >= record_at(shards, np.array(places)[shards])) & (times <= horizon))
    order: NDArray[np.intp] = fresh[np.lexsort((addresses[fresh], times[fresh]))]
    return order


# How they are shown.


class TransferData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of transfer.*: the record's kind as `type`; of what became of an earlier transfer, that one's id as `of`. `review`: how the
    review stands from this record on, which began or ended it."""

    id: str
    type: str
    of: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    final: bool | UnsetType = UNSET
    review: str | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    context: Context | UnsetType = UNSET
    decision: Decision | UnsetType | None = UNSET


class LegData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of leg.*: the credit of a movement on another shard has arrived, at the payee or on suspense, which then is `wallet`."""

    of: str
    type: str
    payer: str
    payee: str
    wallet: str | UnsetType = UNSET
    amount: int
    currency: str
    kind: str


class WalletData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of wallet.*."""

    id: str
    currency: str
    kind: str
    status: str | UnsetType = UNSET
    tier: int | UnsetType = UNSET
    floor: int | UnsetType = UNSET


class CreditData(msgspec.Struct, frozen=True, kw_only=True):
    """`data` of credit.*: the record as `id`, what it is about as `of` (consent, receipt, order, entry, dispute). `holder` is null where
    nobody has the wallet that was asked about; `cause` and `score` are for the holder's side alone. `run` and `as_of`: of a
    score, which run made it, and where its data end."""

    id: str
    of: str | UnsetType = UNSET
    holder: str | None
    account: int | UnsetType = UNSET
    scenario: int | UnsetType = UNSET
    payee: str | UnsetType = UNSET
    amount: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    result: str | UnsetType = UNSET
    cause: str | UnsetType = UNSET
    granted: int | UnsetType = UNSET
    score: int | UnsetType = UNSET
    transfer: str | UnsetType = UNSET
    stopped_by: str | UnsetType = UNSET
    expires_at: str | UnsetType = UNSET
    run: int | UnsetType = UNSET
    as_of: str | UnsetType = UNSET


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event; `id` is that of its record."""

    id: str
    type: str
    shard: int
    created_at: str
    effective_at: str
    data: TransferData | LegData | WalletData | CreditData


def referred(found: Sequence[FoundEvent]) -> list[int]:
    """Addresses of the records that these refer to."""
    about = {each.record["reference"] for each in found if each.record["kind"] in _ABOUT}
    transfers = {each.record[TRANSFER_AT] for each in found if each.record["kind"] in _COLLECTING}
    return sorted((about | transfers) - {0})


def packs_of(found: Sequence[FoundEvent]) -> set[int]:
    """Numbers of the packs that decided these."""
    return {each.record["pack"] for each in found if each.record["kind"] in ATTEMPTS}


def render(secret: Secret, names: Names, found: Sequence[FoundEvent], times: Mapping[int, int]) -> Steps[list[Event]]:
    """Events for callers; `times`: record times by address, of what `referred` gave."""

    def some(part: Sequence[FoundEvent]) -> list[Event]:
        wallets = np.array([(each.record["payer"], each.record["payee"]) for each in part], np.int64).ravel()
        ids = [str(uuid.UUID(bytes=raw.tobytes())) for raw in encode_wallets(secret, wallets)]
        return [
            _event(secret, names, each, payer, payee, times)
            for each, payer, payee in zip(part, ids[::2], ids[1::2], strict=True)
        ]

    parts = [found[start : start + STEP_EVENTS] for start in range(0, len(found), STEP_EVENTS)]
    rendered = yield from mapped(some, parts, 1)
    return [event for part in rendered for event in part]


def _event(secret: Secret, names: Names, found: FoundEvent, payer: str, payee: str, times: Mapping[int, int]) -> Event:
    record = found.record
    kind = record["kind"]
    data: TransferData | LegData | WalletData | CreditData
    if kind >= FIRST_CREDIT:
        data = credit_data(secret, found.address, found.record, times, found.payers)
    elif kind == Kind.LEG:
        data = _leg(secret, record, payer, payee, times)
    elif kind in (Kind.WALLET_OPENED, Kind.WALLET_STATUS, Kind.WALLET_TIER):
        data = _wallet(record, payee)
    else:
        data = _transfer(secret, names, found, payer, payee, times)
    return Event(
        id=transfer_id(secret, record["record_time"], found.address),
        type=TYPES[found.type],
        shard=shard_of(found.address),
        created_at=time_text(record["record_time"]),
        effective_at=time_text(record["effective_time"]),
        data=data,
    )


def _review(record: dict[str, int]) -> str | UnsetType:
    if not record["flags"] & FLAG_REVIEW or record["code"]:
        return UNSET
    opens = record["kind"] == Kind.HOLD
    return (ReviewStatus.OPEN if opens else case_end(record["kind"], record["flags"])).name.lower()


def _referred_id(secret: Secret, record: dict[str, int], times: Mapping[int, int]) -> str | UnsetType:
    reference = record["reference"]
    return transfer_id(secret, times[reference], reference) if reference in times else UNSET


def _transfer(
    secret: Secret, names: Names, found: FoundEvent, payer: str, payee: str, times: Mapping[int, int]
) -> TransferData:
    record, details = found.record, details_of(found.details)
    kind = Kind(record["kind"])
    attempt = kind in ATTEMPTS
    return TransferData(
        id=transfer_id(secret, record["record_time"], found.address),
        type=asked_kind(record).name.lower(),
        of=_referred_id(secret, record, times) if kind in REFERRING else UNSET,
        code=NUMBERS[record["code"]] if record["code"] else UNSET,
        payer=payer,
        payee=payee,
        amount=record["amount"],
        currency=ALPHA[record["currency"]],
        kind=LABEL_NAMES[record["label"]],
        final=record["flags"] & FLAG_FINAL != 0 if kind == Kind.CAPTURE else UNSET,
        review=_review(record) if found.payers else UNSET,
        expires_at=time_text(record["expiry"]) if record["expiry"] else UNSET,
        reference=details.reference or UNSET,
        metadata=details.metadata or UNSET,
        context=context_of(record, details) if attempt and found.payers else UNSET,
        decision=recorded_decision(names, record) if attempt and found.payers else UNSET,
    )


def _leg(secret: Secret, record: dict[str, int], payer: str, payee: str, times: Mapping[int, int]) -> LegData:
    moved = Kind(record[MOVEMENT]) if record[MOVEMENT] in MOVEMENTS else Kind.TRANSFER
    origin = _referred_id(secret, record, times)
    assert origin is not UNSET, "the journal of the sender holds what a leg refers to"
    suspended = record["flags"] & FLAG_SUSPENSE
    return LegData(
        of=origin,
        type=moved.name.lower(),
        payer=payer,
        payee=payee,
        wallet=encode_wallet(secret, suspense_address(record["currency"])) if suspended else UNSET,
        amount=record["amount"],
        currency=ALPHA[record["currency"]],
        kind=LABEL_NAMES[record["label"]],
    )


def credit_data(
    secret: Secret, address: int, record: dict[str, int], times: Mapping[int, int], holders: bool = True
) -> CreditData:
    """A credit record. `times`: record times of what it is about; `holders`: whether the reader is on the holder's side."""
    kind = Kind(record["kind"])
    payer, payee = (encode_wallet(secret, record[side]) for side in ("payer", "payee"))
    scored, inquiry = kind == Kind.SCORE, kind == Kind.INQUIRY
    of_order = Kind.ORDER_CREATED <= kind <= LAST_ORDER
    collected = record[TRANSFER_AT] if kind in _COLLECTING else 0
    results = _RESULTS if inquiry else _RESOLUTIONS if kind in _RESOLVING else {}
    return CreditData(
        id=transfer_id(secret, record["record_time"], address),
        of=UNSET if scored else _referred_id(secret, record, times),
        holder=payer if record["payer"] else None,
        account=UNSET if scored else record[ACCOUNT],
        scenario=UNSET if scored else record[SCENARIO],
        payee=payee if of_order else UNSET,
        amount=UNSET if scored or not record["amount"] else record["amount"],
        currency=ALPHA[record["currency"]] if record["currency"] else UNSET,
        state=_STATES.get(record[ORDER_STATE], UNSET) if of_order else UNSET,
        result=results.get(record[RESULT_OF_INQUIRY], UNSET),
        cause=_CAUSES.get(record[CAUSE], UNSET) if inquiry and holders else UNSET,
        granted=record[GRANTED] if inquiry and record[GRANTED] else UNSET,
        score=record[SCORE_SEEN] if (scored or inquiry) and holders and record[SCORE_SEEN] else UNSET,
        transfer=transfer_id(secret, times[collected], collected) if collected in times else UNSET,
        stopped_by=_STOPS.get(record[STOPPED_BY], UNSET) if kind in _STOPPING else UNSET,
        expires_at=time_text(record["expiry"]) if record["expiry"] else UNSET,
        run=int(score_of(record)["run"]) if scored else UNSET,
        as_of=time_text(record["effective_time"]) if scored else UNSET,
    )


def _wallet(record: dict[str, int], identity: str) -> WalletData:
    opened, changed = record["kind"] == Kind.WALLET_OPENED, record["kind"] == Kind.WALLET_STATUS
    status = WalletStatus.OPEN if opened else record[WALLET_STATE]
    return WalletData(
        id=identity,
        currency=ALPHA[record["currency"]],
        kind=KIND_NAMES[record[WALLET_KIND]],
        status=STATUS_NAMES[status] if opened or changed else UNSET,
        tier=UNSET if changed else record[TIER],
        floor=record[FLOOR] if opened else UNSET,
    )


EVENT_TYPES: Final = frozenset(TYPES[1:])
_ALL: Final = np.arange(1, len(TYPES), dtype=np.uint8)


def type_numbers(names: Sequence[str] | None) -> NDArray[np.uint8]:
    """Numbers of types by name; None: of all."""
    return _ALL if names is None else np.array([_NUMBER[name] for name in names], np.uint8)


assert RECORD.fields is not None and RECORD.fields["record_time"][1] == 96, "statement event_times reads it there"
