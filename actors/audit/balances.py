"""The audit's own bookkeeping, record by record.

It shares the layout with the ledger and nothing else: were both wrong in the same way, they would have to be wrong twice.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.records.addresses import OPERATOR_SLOT_FIRST, SEGMENT_SLOTS, owned, segment_of, segment_slot
from actors.records.credit_layout import FIRST_CREDIT
from actors.records.layout import (
    AMOUNT_MAX,
    FLAG_FINAL,
    FLAG_IMPORTED,
    FLAG_REMOTE,
    FLAG_SUSPENSE,
    FLOOR,
    WALLET_KIND,
    WALLET_STATE,
    Kind,
    WalletRows,
    WalletStatus,
)
from models.jit import inlined, kernel
from models.prefetch import CACHE_LINE, prefetch
from rules.vocabulary.encodings import WalletKind

AHEAD: Final = 16
"""Records between asking for a wallet's row and using it: some 1 us."""

STATE: Final = np.dtype(
    [
        ("posted", "i8"),
        ("held", "i8"),
        ("floor", "i8"),
        ("head", "i8"),
        ("chain_time", "i8"),
        ("payer_time", "i8"),
        ("currency", "u2"),
        ("kind", "u1"),
        ("status", "u1"),
        ("spare", "u4"),
    ]
)
"""What the audit knows of a wallet so far."""

FAULTS: Final = (
    "",
    "the wallet was never opened",
    "a wallet was opened twice",
    "the amount is out of range",
    "the currency is not the wallet's",
    "the balance after is not the one recomputed",
    "the payer's balance is below its floor",
    "the link to the wallet's previous record is wrong",
    "the record time goes back",
    "the effective time lies after the record time",
    "the payer's effective time goes back",
    "the wallet's chain time is wrong",
    "a wallet that was not open paid",
    "a closed wallet received",
    "the kind of record is unknown",
    "a wallet that was not empty was closed",
    "the amount held is not the one recomputed",
    "an operator wallet and a user wallet are confused",
    "more is released than was held",
)

_NEVER_OPENED, _TWICE, _AMOUNT, _CURRENCY, _BALANCE, _FLOOR, _PREVIOUS, _TIME, _FUTURE = range(1, 10)
_BACK, _CHAIN, _NOT_OPEN, _CLOSED_PAYEE, _KIND, _NOT_EMPTY, _HELD, _OPERATOR, _RELEASED = range(10, 19)

_OPEN: Final = int(WalletStatus.OPEN)
_FROZEN: Final = int(WalletStatus.FROZEN)
_CLOSED: Final = int(WalletStatus.CLOSED)
_MERCHANT: Final = int(WalletKind.MERCHANT)
_SUSPENSE: Final = int(WalletKind.SUSPENSE)
_K_OPEN: Final = int(Kind.OPEN)
_K_OPENED: Final = int(Kind.WALLET_OPENED)
_K_STATUS: Final = int(Kind.WALLET_STATUS)
_K_TIER: Final = int(Kind.WALLET_TIER)
_K_TRANSFER: Final = int(Kind.TRANSFER)
_K_HOLD: Final = int(Kind.HOLD)
_K_CAPTURE: Final = int(Kind.CAPTURE)
_K_EXPIRY: Final = int(Kind.EXPIRY)
_K_REFUND: Final = int(Kind.REFUND)
_K_APPROVAL: Final = int(Kind.APPROVAL)
_K_LEG: Final = int(Kind.LEG)
_K_CURSOR: Final = int(Kind.CURSOR)
_K_PROFILE: Final = int(Kind.PROFILE)
_K_CREDIT: Final = FIRST_CREDIT


class Books(NamedTuple):
    """One shard as recomputed: `wallets` of dtype STATE, `base` per segment the first row (-1: none), `last` [record time]."""

    wallets: WalletRows
    base: NDArray[np.int64]
    last: NDArray[np.int64]


def new_books(segments: int, base: NDArray[np.int64]) -> Books:
    """Of a shard with so many segments, the operators' first: suspense wallets are there, and nothing else."""
    wallets = np.zeros(segments * SEGMENT_SLOTS, STATE)
    suspense = wallets[:OPERATOR_SLOT_FIRST]
    suspense["currency"][1:] = np.arange(1, OPERATOR_SLOT_FIRST)
    suspense["kind"][1:], suspense["status"][1:] = _SUSPENSE, _OPEN
    return Books(wallets, base, np.zeros(1, np.int64))


@inlined
def _row(books, address):
    segment = segment_of(address)
    if segment < 0 or segment >= len(books.base) or books.base[segment] < 0:
        return np.int64(-1)
    return books.base[segment] + segment_slot(address)


@inlined
def _chained(wallet, previous, lag, effective, address):
    if previous != wallet["head"]:
        return _PREVIOUS
    ahead = np.int64(lag)
    if ahead & 2147483648:  # in whole seconds, of the effective time too
        time = (effective // 1000 + (ahead & 2147483647)) * 1000
        if time < wallet["chain_time"] or time - wallet["chain_time"] >= 1000:
            return _CHAIN
    else:
        time = effective + ahead
        if time != max(np.int64(wallet["chain_time"]), effective):
            return _CHAIN
    wallet["chain_time"] = time
    wallet["head"] = address
    return 0


@inlined
def _credit(wallet, record, address):
    wallet["posted"] += record["amount"]
    if wallet["posted"] != record["payee_posted"]:
        return _BALANCE
    return _chained(wallet, record["payee_prev"], record["payee_lag"], record["effective_time"], address)


@inlined
def _times(payer, record):
    """Effective time against record time, and, of attempts to pay, against those before."""
    if not record["flags"] & FLAG_IMPORTED and record["effective_time"] != record["record_time"]:
        return _FUTURE
    if record["kind"] <= _K_HOLD and payer["kind"] <= _MERCHANT:
        if record["effective_time"] < payer["payer_time"]:
            return _BACK
        payer["payer_time"] = record["effective_time"]
    return 0


@inlined
def _held(payer, record, released, i):
    """What a record does to the sum held of its payer. What the last capture of a hold gives back is only in the sum after it; it is
    reported in `released`, to be compared with the hold."""
    kind = record["kind"]
    if kind == _K_HOLD:
        payer["held"] += record["amount"]
    elif kind >= _K_CAPTURE and kind <= _K_EXPIRY:
        payer["held"] -= record["amount"]
        if kind == _K_CAPTURE and record["flags"] & FLAG_FINAL:
            released[i] = payer["held"] - record["payer_held"]
            payer["held"] = record["payer_held"]
            if released[i] < 0:
                return _RELEASED
    if payer["held"] < 0:
        return _RELEASED
    return 0 if payer["held"] == record["payer_held"] else _HELD


@inlined
def _paid(books, record, address):
    """The payee's side of what moves money."""
    if record["flags"] & FLAG_REMOTE:
        return 0 if owned(record["payee"]) else _OPERATOR
    row = _row(books, record["payee"])
    if row < 0 or books.wallets[row]["currency"] == 0:
        return _NEVER_OPENED
    payee = books.wallets[row]
    if payee["currency"] != record["currency"]:
        return _CURRENCY
    if payee["status"] == _CLOSED:
        return _CLOSED_PAYEE
    return _credit(payee, record, address)


@inlined
def _payment(books, record, address, released, i):
    """A transfer or hold, or what became of one."""
    kind = record["kind"]
    row = _row(books, record["payer"])
    if row < 0 or books.wallets[row]["currency"] == 0:
        return _NEVER_OPENED
    payer = books.wallets[row]
    if record["amount"] <= 0 or record["amount"] > AMOUNT_MAX:
        return _AMOUNT
    if payer["currency"] != record["currency"]:
        return _CURRENCY
    fault = _times(payer, record)
    if fault != 0:
        return fault
    if record["code"] != 0:
        return 0
    commits = kind <= _K_HOLD or kind == _K_REFUND
    if (commits and payer["status"] != _OPEN) or payer["status"] == _CLOSED:
        return _NOT_OPEN
    moves = kind == _K_TRANSFER or kind == _K_CAPTURE or kind == _K_REFUND
    if moves:
        payer["posted"] -= record["amount"]
    if payer["posted"] != record["payer_posted"]:
        return _BALANCE
    fault = _held(payer, record, released, i)
    if fault != 0:
        return fault
    if payer["kind"] <= _MERCHANT and payer["posted"] - payer["held"] < payer["floor"]:
        return _FLOOR
    fault = _chained(payer, record["payer_prev"], record["payer_lag"], record["effective_time"], address)
    return fault if fault != 0 or not moves else _paid(books, record, address)


@kernel
def _leg(books, record, address):
    suspended = record["flags"] & FLAG_SUSPENSE
    row = _row(books, np.int64(record["currency"]) if suspended else np.int64(record["payee"]))
    if row < 0:
        return _NEVER_OPENED
    wallet = books.wallets[row]
    if wallet["currency"] != record["currency"]:
        return _CURRENCY
    if wallet["status"] == _CLOSED:
        return _CLOSED_PAYEE
    return _credit(wallet, record, address)


@kernel
def _wallet_record(books, record, address):
    row = _row(books, record["payee"])
    if row < 0:
        return _NEVER_OPENED
    wallet = books.wallets[row]
    if record["kind"] == _K_OPENED:
        if wallet["currency"] != 0:
            return _TWICE
        wallet["currency"] = record["currency"]
        wallet["kind"] = record[WALLET_KIND]
        wallet["status"] = _OPEN
        wallet["floor"] = record[FLOOR]
        if owned(record["payee"]) == (record[WALLET_KIND] > _MERCHANT):
            return _OPERATOR
        return _chained(wallet, record["payee_prev"], record["payee_lag"], record["effective_time"], address)
    if wallet["currency"] == 0:
        return _NEVER_OPENED
    if record["kind"] == _K_STATUS:
        if record[WALLET_STATE] == _CLOSED and (wallet["posted"] != 0 or wallet["held"] != 0):
            return _NOT_EMPTY
        wallet["status"] = record[WALLET_STATE]
    return _chained(wallet, record["payee_prev"], record["payee_lag"], record["record_time"], address)


@inlined
def _holder(books, record):
    """A credit record moves no money; the rest of it is for `CreditCheck`."""
    if record["payer"] == 0:
        return 0
    row = _row(books, record["payer"])
    return 0 if row >= 0 and books.wallets[row]["currency"] != 0 else _NEVER_OPENED


@inlined
def _one(books, record, address, released, i):
    if record["record_time"] < books.last[0]:
        return _TIME
    books.last[0] = record["record_time"]
    kind = record["kind"]
    if kind >= _K_TRANSFER and kind <= _K_APPROVAL:
        if record["effective_time"] > record["record_time"]:
            return _FUTURE
        return _payment(books, record, address, released, i)
    if kind == _K_LEG:
        return _leg(books, record, address)
    if kind == _K_OPENED or kind == _K_STATUS or kind == _K_TIER:
        return _wallet_record(books, record, address)
    if kind == _K_OPEN or kind == _K_CURSOR or kind == _K_PROFILE:
        return 0
    if kind >= _K_CREDIT:
        return _holder(books, record)
    return _KIND


@inlined
def _ask_for(books, records, i):
    """Bring to the cache what the wallets of a record are so far; a row lies in two lines."""
    if i < len(records) and records[i]["kind"] >= _K_TRANSFER:
        for address in (records[i]["payer"], records[i]["payee"]):
            row = _row(books, address)
            if row >= 0:
                prefetch(books.wallets, row, 0)
                prefetch(books.wallets, row, CACHE_LINE)


@kernel
def check_records(books, records, addresses, released):
    """Recompute records in order. Gives (index, fault) of the first that is wrong, or (n, 0). `released` (n,), zeroed: what the last
    capture of a hold gave back."""
    for i in range(len(records)):
        _ask_for(books, records, i + AHEAD)
        fault = _one(books, records[i], addresses[i], released, i)
        if fault != 0:
            return i, fault
    return len(records), 0
