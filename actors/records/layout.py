"""The layout of every byte that the ledger keeps, in memory and in the journal.

Fields are only ever appended.

Little-endian, naturally aligned. Amounts are int64 minor units, times int64 milliseconds since 1970, addresses int64 (see
`ids`). Zero means none: no wallet, no address, no time.
"""

import mmap
import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.arrays import S
from rules.vocabulary.encodings import WalletKind

AMOUNT_MAX: Final = 2**53 - 1
"""Amounts and balances stay within this, so that every JSON client reads them exactly and int64 never wraps."""

CUMULATIVE_MAX: Final = 2**62
"""Credits and debits ever posted to one row stay below this; a movement that would pass it is refused."""


BLOCK_RECORDS_MAX: Final = 50
"""Records in a block: 50 x 160 bytes and the header stay under the 8,100 bytes that PostgreSQL keeps in one plain row."""


class Kind(IntEnum):
    """What a record says happened, and what a request asks for. Numbers are never reused."""

    OPEN = 1
    WALLET_OPENED = 2
    WALLET_STATUS = 3
    WALLET_TIER = 4
    TRANSFER = 10
    HOLD = 11
    CAPTURE = 12
    VOID = 13
    EXPIRY = 14
    REFUND = 15
    APPROVAL = 16
    LEG = 20
    CURSOR = 21
    PROFILE = 22
    CONSENT_GRANTED = 30
    CONSENT_WITHDRAWN = 31
    INQUIRY = 32
    ORDER_CREATED = 40
    ORDER_CONFIRMED = 41
    ORDER_MODIFIED = 42
    ORDER_COMPLETED = 43
    ORDER_ATTEMPT = 44
    ORDER_PAID = 45
    ORDER_CANCELLED = 46
    ORDER_PAID_ELSEWHERE = 47
    ORDER_EXPIRED = 48
    ORDER_OVERDUE = 49
    ORDER_DEFAULTED = 50
    ORDER_CURED = 51
    ORDER_WRITTEN_OFF = 52
    SCORE = 60
    DISPUTE_OPENED = 70
    DISPUTE_FORWARDED = 71
    DISPUTE_RESOLVED = 72
    DISPUTE_REINSERTED = 73
    CREDIT_REVIEW_OPENED = 74
    CREDIT_REVIEW_RESOLVED = 75
    DISPUTE_ANSWERED = 76
    DATA_ERASED = 77


OPERATOR_KINDS: Final = frozenset({WalletKind.EXTERNAL, WalletKind.FEE, WalletKind.LIQUIDITY, WalletKind.SUSPENSE})


class WalletStatus(IntEnum):
    """open: all; frozen: can receive, not pay; closed: neither, for ever."""

    OPEN = 1
    FROZEN = 2
    CLOSED = 3


class ReviewStatus(IntEnum):
    """What became of a case, as table `review` keeps it; numbers are never reused."""

    OPEN = 0
    APPROVED = 1
    DECLINED = 2
    EXPIRED = 3
    VOIDED = 4


FLAG_REMOTE: Final = 1
"""Record: the payee lives on another shard, the credit is in transit until its leg lands there."""
FLAG_SUSPENSE: Final = 2
"""Leg: the payee could not take the money, the currency's suspense wallet did."""
FLAG_IMPORTED: Final = 4
"""Request and record: a historical payment with its own effective time; its decision is kept but does not stop it."""
FLAG_FALLBACK: Final = 8
"""Record: no scorer answered in time, the pack's fallback decided."""
FLAG_SCORED: Final = 16
"""Record: a pack decided; without it the switch ran unscored."""
FLAG_FINAL: Final = 32
"""Request and record of a capture: what is left of the hold is released. Of a void that ends a review: by who asked for the payment."""
FLAG_LINKED: Final = 64
"""Request and record: all or none together with the next one."""
FLAG_PAYER_ANCHOR: Final = 128
"""Record: one of every `CHAIN_STRIDE` of the payer's chain; the journal keeps an anchor of it."""
FLAG_PAYEE_ANCHOR: Final = 256
"""The same of the payee's chain."""

FLAG_CONTINUES: Final = 512
"""Record: all or none together with the one before."""
FLAG_REVIEW: Final = 1024
"""Record of a HOLD: an analyst is asked. Of a CAPTURE, VOID, EXPIRY or APPROVAL: it is what became of the case."""

REQUEST_ANSWER: Final = 1
"""Request of a CAPTURE, VOID or APPROVAL: an analyst's answer. Its record says FLAG_REVIEW, for which a request has no bit."""

CHAIN_STRIDE: Final = 256
"""Records of a wallet's chain from one anchor to the next: the most that a look back in time has to walk."""

ATTEMPTS: Final = (Kind.TRANSFER, Kind.HOLD)
"""What is scored and remembered as an attempt to pay."""
MOVEMENTS: Final = (Kind.TRANSFER, Kind.CAPTURE, Kind.REFUND)
"""What moves money from payer to payee; each may have a leg."""
REFERRING: Final = (Kind.CAPTURE, Kind.VOID, Kind.EXPIRY, Kind.REFUND, Kind.APPROVAL)
"""What refers to an earlier record and so becomes a part of its lifecycle."""
_CASE_ENDS: Final = {
    Kind.CAPTURE: ReviewStatus.APPROVED,
    Kind.APPROVAL: ReviewStatus.APPROVED,
    Kind.VOID: ReviewStatus.DECLINED,
    Kind.EXPIRY: ReviewStatus.EXPIRED,
}


def case_end(kind: int, flags: int) -> ReviewStatus:
    """What a record with FLAG_REVIEW makes of the case that it refers to. A void with FLAG_FINAL is that of who asked for the payment."""
    voided = kind == Kind.VOID and flags & FLAG_FINAL
    return ReviewStatus.VOIDED if voided else _CASE_ENDS[Kind(kind)]


REQUEST: Final = np.dtype(
    [
        ("op", "u1"),
        ("flags", "u1"),
        ("label", "u1"),
        ("channel", "u1"),
        ("kind", "u1"),
        ("tier", "u1"),
        ("currency", "u2"),
        ("caller", "u4"),
        ("device", "u4"),
        ("payer", "i8"),
        ("payee", "i8"),
        ("amount", "i8"),
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("digest", "u8"),
        ("after", "i8"),
        ("effective_time", "i8"),
        ("deferred_at", "i8"),
        ("country", "u2"),
        ("spare", "u2"),
        ("expires_in_s", "u4"),
    ]
)
"""One request row, front door to shard. `key_*` is the caller's key as 16 bytes (see `ids.key_bytes`), not yet bound to a
wallet. For WALLET_OPENED: kind, tier, currency, amount = floor, payee = the address of an operator wallet. For WALLET_STATUS:
payee = the wallet, kind = the status asked for. For CAPTURE, VOID and REFUND: payer and payee of the movement asked for, `after` the
record it refers to, amount 0 = all that is left; so too for APPROVAL, of a HOLD. `expires_in_s`: HOLD only. `deferred_at` echoes an
earlier DEFERRED result."""

RESULT: Final = np.dtype(
    [
        ("code", "u2"),
        ("replayed", "u1"),
        ("action", "u1"),
        ("points", "i4"),
        ("reasons", "u4"),
        ("pack", "u4"),
        ("address", "i8"),
        ("record_time", "i8"),
        ("effective_time", "i8"),
        ("flags", "u2"),
        ("field", "u2"),
        ("spare", "u4"),
    ]
)
"""One result row, shard to front door: `address` of the transfer's record, or of the wallet for WALLET_OPENED; `field` says
which field of a mismatched replay differs (see `FIELDS`); `record_time` is the time to echo as `deferred_at` when DEFERRED."""

FIELDS: Final = (
    "body",
    "payee",
    "amount",
    "currency",
    "kind",
    "channel",
    "country",
    "device",
    "effective_time",
    "payer",
    "expires_in",
    "linked",
)

RECORD: Final = np.dtype(
    [
        ("kind", "u1"),
        ("decision", "u1"),
        ("label", "u1"),
        ("channel", "u1"),
        ("code", "u2"),
        ("currency", "u2"),
        ("payer", "i8"),
        ("payee", "i8"),
        ("amount", "i8"),
        ("payer_posted", "i8"),
        ("payee_posted", "i8"),
        ("payer_held", "i8"),
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("digest", "u8"),
        ("caller", "u4"),
        ("pack", "u4"),
        ("reference", "i8"),
        ("record_time", "i8"),
        ("effective_time", "i8"),
        ("payer_prev", "i8"),
        ("payee_prev", "i8"),
        ("points", "i4"),
        ("reasons", "u4"),
        ("flags", "u2"),
        ("country", "u2"),
        ("device", "u4"),
        ("payer_lag", "u4"),
        ("payee_lag", "u4"),
        ("expiry", "i8"),
    ]
)
"""One journal record, 160 bytes.

TRANSFER: as named; `payer_posted`, `payee_posted`, `payer_held` after it; `*_prev` the address of the local wallet's previous
record; `*_lag` what its chain time is ahead of the effective time (see `chain_time.py`). A declined one has a code and no effect.
HOLD: the amount is held until `expiry`; with FLAG_REVIEW that is when the case expires, and `payee_lag` = the seconds for which
the caller asked it to be held, 0 = a TRANSFER was asked for. CAPTURE, VOID, EXPIRY: of the hold at `reference`; amount = captured, or
released. APPROVAL: the hold at `reference` is an ordinary one from now on, until `expiry`; amount = held.
REFUND: of the TRANSFER or CAPTURE at `reference`, so its payer was the payee there.
LEG: payer, payee, amount and currency of the movement at `reference`, on another shard; `decision` is its kind. Its effective time is the
movement's when that was imported, else that of its own recording (in old journals always the movement's).
CURSOR: payer = sending shard, amount = block read, key_hi/key_lo = first half of that block's hash; payer -1: the log of administrators,
and its last entry.
OPEN: amount = topology version, key_hi = the writer's random number.
PROFILE: payee = a wallet of another shard; label = its kind, channel = status, decision = tier, effective_time = opened; 0: it changed
while it was not known here, and an earlier PROFILE of it holds no more.
WALLET_OPENED: payee = the wallet; label = kind, decision = tier, amount = floor. WALLET_STATUS: channel = status.
WALLET_TIER: decision = tier.
Credit records (30 and on; see `credit_layout`): payer = the holder's wallet, 0 = there is none; payer_prev = the credit record before it
on the holder's chain of these; device = the merchant's account, pack = the scenario, reference = the consent, inquiry or order it is
about."""

TIER: Final = "decision"
WALLET_KIND: Final = "label"
WALLET_STATE: Final = "channel"
FLOOR: Final = "amount"
OPENED: Final = "effective_time"
MOVEMENT: Final = "decision"
"""LEG: the kind of the movement on the other shard."""
SENDER: Final = "payer"
READ_UP_TO: Final = "amount"
"""CURSOR: the last block read of the sender's journal."""
HASH_WORDS: Final = ("key_hi", "key_lo")
"""CURSOR: the first half of that block's hash."""
TOPOLOGY: Final = "amount"
WRITER: Final = "key_hi"
"""OPEN: the number that the process drew which writes from now on."""
HELD_FOR: Final = "payee_lag"
"""HOLD in review: the seconds that a hold was asked for, 0 = a transfer was asked for."""
CREDIT_PREVIOUS: Final = "payer_prev"
"""Credit records: address of the holder's credit record before."""
ACCOUNT: Final = "device"
"""Credit records: the merchant's account."""
RUN: Final = "device"
"""SCORE: the number of the run that scored; later runs have higher ones."""
SCENARIO: Final = "pack"
"""Credit records: the scenario's number."""
SCENARIO_VERSION: Final = "country"
"""INQUIRY: the version of the scenario that decided. CONSENT_GRANTED: that was consented to, 0 in old journals."""
RESULT_OF_INQUIRY: Final = "decision"
CAUSE: Final = "label"
"""INQUIRY: why, for the holder and for auditors."""
GRANTED: Final = "payer_posted"
"""INQUIRY: what was granted, minor units."""
SCORE_SEEN: Final = "points"
"""INQUIRY: the score that the scenario saw, 0 = none."""
STANDING: Final = "channel"
"""CONSENT_GRANTED: 1 = orders up to the cap need no confirmation."""
DISPUTED: Final = "channel"
"""INQUIRY: 1 = the holder disputed an entry then, whose answer was due."""
ORDER_KIND: Final = "label"
ORDER_STATE: Final = "channel"
"""ORDER_*: the state after it."""
CONFIRM_BY: Final = "payee_posted"
"""ORDER_CREATED: when an order that was not confirmed expires."""
DEFAULT_AFTER: Final = "payer_lag"
"""ORDER_CREATED: seconds from the due time to default."""
RESOLUTION: Final = "decision"
"""DISPUTE_RESOLVED and CREDIT_REVIEW_RESOLVED: what became of it. DISPUTE_ANSWERED: what its source says should."""
FORWARD_BY: Final = "payee_posted"
"""DISPUTE_OPENED: when it is forwarded to the entry's source at the latest, 0 = it has none, or in old journals."""
HOME: Final = "payee"
"""INQUIRY: the wallet that was asked about, also where there is none."""
TRANSFER_AT: Final = "payee_prev"
"""ORDER_PAID and ORDER_ATTEMPT: address of the transfer; of an attempt 0 when none could be made."""
STOPPED_BY: Final = "decision"
"""ORDER_ATTEMPT and ORDER_WRITTEN_OFF: what else than the holder's money kept it from being paid, see `Stopped`; 0 in old journals."""
DUE_AT: Final = "payee_posted"
"""ORDER_ATTEMPT: when the order is due from now on; 0 = as before."""

LAST_ORDER: Final = Kind.ORDER_WRITTEN_OFF
"""Kinds from ORDER_CREATED to this one are of service orders."""

_OF_A_MERCHANT: Final = {"holder": "payer", "previous": CREDIT_PREVIOUS, "account": ACCOUNT, "scenario": SCENARIO}
_OF_A_CASE: Final = {**_OF_A_MERCHANT, "case": "reference"}
_OF_AN_ORDER: Final = {**_OF_A_MERCHANT, "state": ORDER_STATE, "order": "reference"}

FIELDS_OF_KIND: Final = {
    Kind.OPEN: {"topology": TOPOLOGY, "writer": WRITER},
    Kind.WALLET_OPENED: {"wallet": "payee", "wallet kind": WALLET_KIND, "tier": TIER, "floor": FLOOR},
    Kind.WALLET_STATUS: {"wallet": "payee", "status": WALLET_STATE},
    Kind.WALLET_TIER: {"wallet": "payee", "tier": TIER},
    Kind.HOLD: {"held for, in review": HELD_FOR},
    Kind.LEG: {"movement": MOVEMENT},
    Kind.CURSOR: {"sender": SENDER, "read up to": READ_UP_TO, "hash": " ".join(HASH_WORDS)},
    Kind.PROFILE: {
        "wallet": "payee",
        "wallet kind": WALLET_KIND,
        "status": WALLET_STATE,
        "tier": TIER,
        "opened": OPENED,
    },
    Kind.CONSENT_GRANTED: {
        **_OF_A_MERCHANT,
        "version": SCENARIO_VERSION,
        "cap": "amount",
        "end": "expiry",
        "standing": STANDING,
    },
    Kind.CONSENT_WITHDRAWN: {**_OF_A_MERCHANT, "consent": "reference"},
    Kind.INQUIRY: {
        **_OF_A_MERCHANT,
        "version": SCENARIO_VERSION,
        "asked about": HOME,
        "consent": "reference",
        "result": RESULT_OF_INQUIRY,
        "cause": CAUSE,
        "granted": GRANTED,
        "score": SCORE_SEEN,
        "disputed": DISPUTED,
        "end": "expiry",
    },
    Kind.ORDER_CREATED: {
        **_OF_AN_ORDER,
        "receipt": "reference",
        "order kind": ORDER_KIND,
        "cap": "amount",
        "confirm by": CONFIRM_BY,
        "due": "expiry",
        "default after": DEFAULT_AFTER,
        "version, of an order of the past": SCENARIO_VERSION,
    },
    Kind.ORDER_CONFIRMED: _OF_AN_ORDER,
    Kind.ORDER_MODIFIED: {**_OF_AN_ORDER, "cap": "amount"},
    Kind.ORDER_COMPLETED: {**_OF_AN_ORDER, "due": "expiry"},
    Kind.ORDER_ATTEMPT: {
        **_OF_AN_ORDER,
        "transfer": TRANSFER_AT,
        "next": "expiry",
        "stopped by": STOPPED_BY,
        "due": DUE_AT,
    },
    Kind.ORDER_PAID: {**_OF_AN_ORDER, "transfer": TRANSFER_AT},
    Kind.ORDER_CANCELLED: _OF_AN_ORDER,
    Kind.ORDER_PAID_ELSEWHERE: _OF_AN_ORDER,
    Kind.ORDER_EXPIRED: _OF_AN_ORDER,
    Kind.ORDER_OVERDUE: _OF_AN_ORDER,
    Kind.ORDER_DEFAULTED: _OF_AN_ORDER,
    Kind.ORDER_CURED: _OF_AN_ORDER,
    Kind.ORDER_WRITTEN_OFF: {**_OF_AN_ORDER, "stopped by": STOPPED_BY},
    Kind.SCORE: {
        "holder": "payer",
        "previous": CREDIT_PREVIOUS,
        "score": SCORE_SEEN,
        "band": "label",
        "cause": "channel",
    },
    Kind.DISPUTE_OPENED: {**_OF_A_MERCHANT, "entry": "reference", "forward by": FORWARD_BY, "due": "expiry"},
    Kind.DISPUTE_FORWARDED: {**_OF_A_CASE, "due": "expiry"},
    Kind.DISPUTE_RESOLVED: {**_OF_A_CASE, "resolution": RESOLUTION},
    Kind.DISPUTE_REINSERTED: _OF_A_CASE,
    Kind.CREDIT_REVIEW_OPENED: {**_OF_A_MERCHANT, "receipt": "reference", "due": "expiry"},
    Kind.CREDIT_REVIEW_RESOLVED: {**_OF_A_CASE, "resolution": RESOLUTION},
    Kind.DATA_ERASED: {"holder": "payer", "previous": CREDIT_PREVIOUS},
    Kind.DISPUTE_ANSWERED: {**_OF_A_CASE, "says": RESOLUTION},
}
"""What records of a kind call fields that other kinds use for something else; all other fields are as they are named."""

WALLET: Final = np.dtype(
    [
        ("credits", "i8"),
        ("debits", "i8"),
        ("held", "i8"),
        ("floor", "i8"),
        ("head", "i8"),
        ("chain_time", "i8"),
        ("currency", "u2"),
        ("status", "u1"),
        ("kind", "u1"),
        ("tier", "u1"),
        ("spare", "u1"),
        ("score", "i2"),
        ("ring", "i4"),
        ("day", "i4"),
        ("day_total", "i8"),
        ("payer_time", "i8"),
        ("opened", "i8"),
        ("chained", "i8"),
        ("credited", "i8"),
        ("credited_time", "i8"),
        ("spare2", "i8", (2,)),
    ]
)
"""One wallet, 128 bytes: what every payment touches is in the first cache line. posted = credits - debits. `ring` is 1 + the
index of its attempts, 0 for none. `day` and `day_total` are today's outgoing sum, UTC by effective time. `score` 0 = none.
`chained` counts the records of its chain. `credited`, `credited_time`: amount and effective time of the credit posted last, 0 = none."""

PROFILE: Final = np.dtype(
    [
        ("address", "i8"),
        ("opened", "i8"),
        ("currency", "u2"),
        ("status", "u1"),
        ("kind", "u1"),
        ("tier", "u1"),
        ("used", "u1"),
        ("batch", "u2"),
    ]
)
"""What a shard knows of a wallet of another shard; kind 0 = there is no such wallet. `used`: a payment asked for it since the hand that
looks for a row to give up came by; `batch`: the last batch that needs it."""

ATTEMPT: Final = np.dtype([("time", "i8"), ("amount", "i8"), ("payee", "i8"), ("same_payee_time", "i8")])
"""A remembered attempt to pay. `same_payee_time`: effective time of the payer's attempt to this payee before it, if remembered."""

RING: Final = np.dtype(
    [
        ("offset", "i8"),
        ("forgotten", "i8"),
        ("newest", "i8"),
        ("owner", "i4"),
        ("capacity", "u1"),
        ("start", "u1"),
        ("count", "u1"),
        ("spare", "u1"),
    ]
)
"""Where a payer's attempts lie. `forgotten`: effective time of the newest attempt that had to be dropped; `newest`: of the last one;
`owner`: 1 + the row of the payer's wallet, 0 = free, then `offset` is 1 + the next free one."""

HOLD: Final = np.dtype(
    [
        ("address", "i8"),
        ("payer", "i8"),
        ("payee", "i8"),
        ("left", "i8"),
        ("expiry", "i8"),
        ("effective_time", "i8"),
        ("next", "i4"),
        ("prev", "i4"),
        ("currency", "u2"),
        ("place", "u2"),
        ("label", "u1"),
        ("review", "u1"),
        ("spare", "u1", (2,)),
    ]
)
"""An open hold. `left`: what is neither captured nor released. `review` 1: it waits for an analyst. `next`, `prev`,
`place`: where it waits for its expiry (see `holds`)."""

ORIGINAL: Final = np.dtype(
    [
        ("address", "i8"),
        ("payer", "i8"),
        ("payee", "i8"),
        ("amount", "i8"),
        ("refunded", "i8"),
        ("currency", "u2"),
        ("kind", "u1"),
        ("label", "u1"),
        ("spare", "u4"),
        ("newest", "i8"),
    ]
)
"""A record of which a refund was asked, and how much of it was refunded. `kind` 0: it moved no money; `amount` is then the stamp at
which the journal was asked. `newest`: address of the newest refund made here since it is known, 0 = none."""

KEY: Final = np.dtype([("hi", "u8"), ("lo", "u8"), ("value", "i8")])
"""A slot of a hash table: a 128-bit key and a value, 0 = empty slot."""

# Arrays of rows, as parameters name them.

Requests = NDArray[np.void]
"""REQUEST rows (n,)."""
Results = NDArray[np.void]
"""RESULT rows (n,)."""
Records = NDArray[np.void]
"""RECORD rows (n,)."""
WalletRows = NDArray[np.void]
"""WALLET rows (n,)."""
Profiles = NDArray[np.void]
"""PROFILE rows (n,)."""
Originals = NDArray[np.void]
"""ORIGINAL rows (n,)."""
AttemptRows = NDArray[np.void]
"""ATTEMPT rows (n,)."""
RingRows = NDArray[np.void]
"""RING rows (n,)."""
HoldRows = NDArray[np.void]
"""HOLD rows (n,)."""
KeyRows = NDArray[np.void]
"""KEY rows (n,)."""


_FORMATS: Final = {"u1": "B", "u2": "H", "u4": "I", "u8": "Q", "i2": "h", "i4": "i", "i8": "q"}


def packing(dtype: np.dtype[Any], *, whole_key: bool = False, padding: tuple[str, ...] = ()) -> struct.Struct:
    """The same bytes as `struct` packs and unpacks them, for single rows as Python numbers, a value a field. `whole_key`: the two words of
    the key are 16 bytes; `padding`: fields that are left out, and zero when packed."""
    parts = []
    for name in dtype.names or ():
        field = dtype[name]
        if name in padding:
            parts.append(f"{field.itemsize}x")
        elif whole_key and name == "key_lo":
            continue
        else:
            parts.append("16s" if whole_key and name == "key_hi" else _FORMATS[field.str[1:]])
    made = struct.Struct("<" + "".join(parts))
    assert made.size == dtype.itemsize
    return made


def offset_of(dtype: np.dtype[Any], field: str) -> int:
    """Where a field begins in a row, in bytes."""
    assert dtype.fields is not None
    return int(dtype.fields[field][1])


_HUGE_FROM_BYTES: Final = 4 << 20


def zeros(count: int, dtype: np.dtype[S]) -> NDArray[S]:
    """An array (count,) of zeros in memory of its own, used only as it is written: at a page's begin, so that a row of two cache lines
    lies in two and not in three; in huge pages; and never counted against the machine's memory as a whole, so that a process with
    much in reserve can be forked."""
    size = max(1, count * dtype.itemsize)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0))
    if size >= _HUGE_FROM_BYTES and hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype, count)


def zeroed(count: int, dtype: np.dtype[S]) -> NDArray[S]:
    """An array (count,) of zeros; `np.zeros` itself spends 2 us on looking at a dtype of many fields."""
    return np.ndarray(count, dtype, np.zeros(count * dtype.itemsize, np.uint8))


def joined(parts: Iterable[Any], dtype: np.dtype[S]) -> NDArray[S]:
    """One writable array of all parts, arrays or bytes of that dtype; `np.concatenate` spends 25 us on comparing structured dtypes."""
    return np.frombuffer(bytearray().join(parts), dtype)


assert (RECORD.itemsize, WALLET.itemsize, REQUEST.itemsize, RESULT.itemsize) == (160, 128, 96, 48)
