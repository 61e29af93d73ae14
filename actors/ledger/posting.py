"""How records come to be and what they do. `effect_*` is the only code that changes a wallet's money.

Validate first; after a record's code is settled its effect must succeed. Replay applies the same effects from recorded
codes and never decides again; every recorded balance is compared with the recomputed one.
"""

from typing import Any, Final

import numpy as np

from actors.ledger.book import (
    M_OPEN_SEGMENT,
    M_OPEN_SLOT,
    M_SEGMENTS,
    READ_AHEAD,
    fetch_row,
    local_row,
    store_profile,
)
from actors.ledger.codes import Code
from actors.ledger.ids import OPERATOR_SLOT_FIRST, SEGMENT_SLOTS
from actors.ledger.layout import (
    AMOUNT_MAX,
    CUMULATIVE_MAX,
    FLAG_IMPORTED,
    FLAG_REMOTE,
    FLAG_SUSPENSE,
    Kind,
    WalletKind,
    WalletStatus,
)
from actors.ledger.table import fetch_slot, put
from actors.ledger.windows import fetch_attempts, fetch_ring, remember
from models.jit import inlined, kernel
from rules.columns import DAY_MS
from rules.decision import Action

OPEN: Final = int(Kind.OPEN)
TRANSFER: Final = int(Kind.TRANSFER)
LEG: Final = int(Kind.LEG)
CURSOR: Final = int(Kind.CURSOR)
PROFILE: Final = int(Kind.PROFILE)
WALLET_OPENED: Final = int(Kind.WALLET_OPENED)
WALLET_STATUS: Final = int(Kind.WALLET_STATUS)
WALLET_TIER: Final = int(Kind.WALLET_TIER)

_OPEN: Final = int(WalletStatus.OPEN)
_FROZEN: Final = int(WalletStatus.FROZEN)
_CLOSED: Final = int(WalletStatus.CLOSED)
_USER: Final = int(WalletKind.USER)
_MERCHANT: Final = int(WalletKind.MERCHANT)
_SUSPENSE: Final = int(WalletKind.SUSPENSE)
_DECLINE: Final = int(Action.DECLINE)

_PAYER_CLOSED: Final = int(Code.PAYER_CLOSED)
_PAYER_FROZEN: Final = int(Code.PAYER_FROZEN)
_PAYEE_CLOSED: Final = int(Code.PAYEE_CLOSED)
_DECLINED: Final = int(Code.DECLINED)
_DAILY_LIMIT: Final = int(Code.DAILY_LIMIT_EXCEEDED)
_FUNDS: Final = int(Code.INSUFFICIENT_FUNDS)
_RANGE: Final = int(Code.BALANCE_OUT_OF_RANGE)
_NOT_FOUND: Final = int(Code.WALLET_NOT_FOUND)
_OPERATOR: Final = int(Code.OPERATOR_WALLET)
_WALLET_CLOSED: Final = int(Code.WALLET_CLOSED)
_NOT_EMPTY: Final = int(Code.WALLET_NOT_EMPTY)
_INVALID: Final = int(Code.INVALID_REQUEST)

LAG_SECONDS: Final = 1 << 31
"""In a lag, the bit that says: seconds, not milliseconds."""


@inlined
def lag_of(chain_time, effective):
    """What a wallet's chain time is ahead of a record's own effective time, in 32 bits: milliseconds, or from 2^31 ms on, with the
    top bit set, the difference of both in whole seconds, the chain time rounded up."""
    ahead = chain_time - effective
    if ahead <= 0:
        return np.int64(0)
    if ahead < LAG_SECONDS:
        return np.int64(ahead)
    return np.int64(LAG_SECONDS | ((chain_time + 999) // 1000 - effective // 1000))


@inlined
def chain_time_of(effective, lag):
    """`lag_of` undone. Chain times that are far ahead are whole seconds, so rounding never adds up along a chain."""
    value = np.int64(lag)
    if value & LAG_SECONDS:
        return (effective // 1000 + (value & (LAG_SECONDS - 1))) * 1000
    return effective + value


@inlined
def posted(wallet):
    """Posted balance of a wallet row."""
    return wallet["credits"] - wallet["debits"]


@inlined
def _is_user(wallet):
    return wallet["kind"] <= _MERCHANT


@inlined
def _day_of(time):
    return time // DAY_MS


@inlined
def _spent_today(wallet, effective):
    return wallet["day_total"] if wallet["day"] == _day_of(effective) else np.int64(0)


@inlined
def _fits_payer(wallet, amount, stripe_max):
    bound = AMOUNT_MAX if _is_user(wallet) else stripe_max
    return posted(wallet) - amount >= -bound and wallet["debits"] + amount <= CUMULATIVE_MAX


@inlined
def _fits_payee(wallet, amount, stripe_max):
    if wallet["kind"] == _SUSPENSE:
        return True
    bound = AMOUNT_MAX if _is_user(wallet) else stripe_max
    return posted(wallet) + amount <= bound and wallet["credits"] + amount <= CUMULATIVE_MAX


@inlined
def decide_transfer(book, payer_row, payee_row, profile, record, limits, stripe_max):
    """Code of a transfer whose wallets exist; the first rule broken, in the order of the table of codes."""
    payer = book.wallets[payer_row]
    amount = record["amount"]
    if payer["status"] == _CLOSED:
        return _PAYER_CLOSED
    if payer["status"] == _FROZEN:
        return _PAYER_FROZEN
    payee_status = book.wallets[payee_row]["status"] if payee_row >= 0 else book.profiles[profile]["status"]
    if payee_status == _CLOSED:
        return _PAYEE_CLOSED
    if record["decision"] == _DECLINE and not record["flags"] & FLAG_IMPORTED:
        return _DECLINED
    if _is_user(payer):
        effective = record["effective_time"]
        if _spent_today(payer, effective) + amount > limits[payer["tier"]]:
            return _DAILY_LIMIT
        if posted(payer) - payer["held"] - amount < payer["floor"]:
            return _FUNDS
    if not _fits_payer(payer, amount, stripe_max):
        return _RANGE
    if payee_row >= 0 and not _fits_payee(book.wallets[payee_row], amount, stripe_max):
        return _RANGE
    return 0


@inlined
def _link(wallet, address, effective):
    """Append a record to a wallet's chain; gives the previous head and the lag, and moves the chain time."""
    before = wallet["head"]
    lag = lag_of(wallet["chain_time"], effective)
    wallet["chain_time"] = chain_time_of(effective, lag)
    wallet["head"] = address
    return before, lag


@inlined
def _same(replaying, kept, computed):
    return not replaying or kept == computed


@inlined
def effect_transfer(book, payer_row, payee_row, record, address, windows, replaying):
    """Carry out a settled TRANSFER record. Fills what the record says of the wallets, or, replaying, compares it: False when the
    journal disagrees with itself."""
    payer = book.wallets[payer_row]
    effective = record["effective_time"]
    amount = record["amount"]
    if _is_user(payer):
        payer["payer_time"] = effective
        if windows and replaying:
            remember(book, payer, effective, amount, record["payee"])
    if record["code"] != 0:
        return True
    if _is_user(payer):
        payer["day_total"] = _spent_today(payer, effective) + amount
        payer["day"] = _day_of(effective)
    payer["debits"] += amount
    good = _same(replaying, record["payer_posted"], posted(payer))
    good &= _same(replaying, record["payer_held"], payer["held"])
    record["payer_posted"] = posted(payer)
    record["payer_held"] = payer["held"]
    before, lag = _link(payer, address, effective)
    good &= _same(replaying, record["payer_prev"], before)
    record["payer_prev"] = before
    record["payer_lag"] = lag
    if payee_row >= 0:
        payee = book.wallets[payee_row]
        payee["credits"] += amount
        good &= _same(replaying, record["payee_posted"], posted(payee))
        record["payee_posted"] = posted(payee)
        before, lag = _link(payee, address, effective)
        good &= _same(replaying, record["payee_prev"], before)
        record["payee_prev"] = before
        record["payee_lag"] = lag
    return good


@inlined
def leg_target(book, record, stripe_max):
    """Row that takes a leg's money, or -1 when only suspense can."""
    row = local_row(book, record["payee"])
    if row < 0:
        return np.int64(-1)
    wallet = book.wallets[row]
    if wallet["status"] == _CLOSED or wallet["currency"] != record["currency"]:
        return np.int64(-1)
    if not _fits_payee(wallet, record["amount"], stripe_max):
        return np.int64(-1)
    return row


@inlined
def _suspense_row(book, currency):
    wallet = book.wallets[currency]
    if wallet["currency"] == 0:
        wallet["currency"] = currency
        wallet["kind"] = _SUSPENSE
        wallet["status"] = _OPEN
    return np.int64(currency)


@inlined
def effect_leg(book, record, address, replaying):
    """Carry out a LEG record: credit the payee, or suspense where flagged so."""
    if record["flags"] & FLAG_SUSPENSE:
        row = _suspense_row(book, record["currency"])
    else:
        row = local_row(book, record["payee"])
        if row < 0:
            return False
    wallet = book.wallets[row]
    wallet["credits"] += record["amount"]
    good = _same(replaying, record["payee_posted"], posted(wallet))
    record["payee_posted"] = posted(wallet)
    before, lag = _link(wallet, address, record["effective_time"])
    good &= _same(replaying, record["payee_prev"], before)
    record["payee_prev"] = before
    record["payee_lag"] = lag
    return good


@kernel
def next_address(book):
    """The address the next user wallet gets; 0 when no local segment has room."""
    segment = book.meta[M_OPEN_SEGMENT]
    if segment == 0 or book.meta[M_OPEN_SLOT] >= 65536:
        return np.int64(0)
    return segment << 16 | book.meta[M_OPEN_SLOT]


@kernel
def _row_for(book, address):
    segment = address >> 16
    if segment < 0 or segment >= len(book.segments):
        return np.int64(-1)
    if book.segments[segment] == 0:
        if (book.meta[M_SEGMENTS] + 1) * 65536 > len(book.wallets):
            return np.int64(-1)
        book.meta[M_SEGMENTS] += 1
        book.segments[segment] = book.meta[M_SEGMENTS]
    if segment > book.meta[M_OPEN_SEGMENT]:
        book.meta[M_OPEN_SEGMENT] = segment
        book.meta[M_OPEN_SLOT] = 0
    if segment == book.meta[M_OPEN_SEGMENT] and segment != 0:
        book.meta[M_OPEN_SLOT] = max(book.meta[M_OPEN_SLOT], (address & 65535) + 1)
    return (np.int64(book.segments[segment]) - 1) * 65536 + (address & 65535)


@kernel
def effect_opened(book, record, address):
    """Carry out a WALLET_OPENED record."""
    row = _row_for(book, record["payee"])
    if row < 0:
        return False
    wallet = book.wallets[row]
    wallet["currency"] = record["currency"]
    wallet["kind"] = record["label"]
    wallet["tier"] = record["decision"]
    wallet["status"] = _OPEN
    wallet["floor"] = record["amount"]
    wallet["opened"] = record["effective_time"]
    before, lag = _link(wallet, address, record["effective_time"])
    record["payee_prev"] = before
    record["payee_lag"] = lag
    return True


@kernel
def decide_opened(book, address, kind):
    """Code of opening a wallet at this address; 0 is the next user wallet's. An operator wallet has its own, and only once."""
    if address == 0:
        return 0 if _USER <= kind <= _MERCHANT else _INVALID
    if not (OPERATOR_SLOT_FIRST <= address < SEGMENT_SLOTS and _MERCHANT < kind < _SUSPENSE):
        return _INVALID
    return _INVALID if local_row(book, address) >= 0 else 0


@kernel
def decide_status(book, row, target):
    """Code of a change of status. Any state may become any other, but closed is final and needs an empty user wallet."""
    if row < 0:
        return _NOT_FOUND
    wallet = book.wallets[row]
    if wallet["status"] == _CLOSED:
        return 0 if target == _CLOSED else _WALLET_CLOSED
    if target == _CLOSED:
        if not _is_user(wallet):
            return _OPERATOR
        if posted(wallet) != 0 or wallet["held"] != 0:
            return _NOT_EMPTY
    return 0 if _OPEN <= target <= _CLOSED else _INVALID


@kernel
def effect_wallet(book, record, address):
    """Carry out a WALLET_STATUS or WALLET_TIER record."""
    row = local_row(book, record["payee"])
    if row < 0:
        return False
    wallet = book.wallets[row]
    if record["kind"] == WALLET_STATUS:
        wallet["status"] = record["channel"]
    else:
        wallet["tier"] = record["decision"]
    before, lag = _link(wallet, address, record["record_time"])
    record["payee_prev"] = before
    record["payee_lag"] = lag
    record["payee_posted"] = posted(wallet)
    return True


@kernel
def effect_profile(book, record, scratch):
    """Carry out a PROFILE record; `scratch` is one row of dtype PROFILE."""
    profile = scratch[0]
    profile["address"] = record["payee"]
    profile["opened"] = record["effective_time"]
    profile["currency"] = record["currency"]
    profile["status"] = record["channel"]
    profile["kind"] = record["label"]
    profile["tier"] = record["decision"]
    return store_profile(book, profile)


@inlined
def _fetch_ahead(book, records, start, end, windows):
    """Bring what records will touch into the cache, each kind for all of them before the next, which it leads to."""
    for i in range(start, end):
        fetch_slot(book.keys, records[i]["key_hi"], records[i]["key_lo"])
        fetch_row(book, records[i]["payer"])
        fetch_row(book, records[i]["payee"])
    if not windows:
        return
    for i in range(start, end):
        row = local_row(book, records[i]["payer"]) if records[i]["kind"] == TRANSFER else np.int64(-1)
        if row >= 0:
            fetch_ring(book, book.wallets[row])
    for i in range(start, end):
        row = local_row(book, records[i]["payer"]) if records[i]["kind"] == TRANSFER else np.int64(-1)
        if row >= 0:
            fetch_attempts(book, book.wallets[row])


@kernel
def replay(book, records, addresses, windows, scratch):
    """Apply recorded effects in order. Gives the index of the first record that does not fit, else the number of records."""
    for i in range(len(records)):
        if i % READ_AHEAD == 0:
            _fetch_ahead(book, records, i, min(i + READ_AHEAD, len(records)), windows)
        record = records[i]
        kind = record["kind"]
        good: Any = True
        if kind == TRANSFER:
            payer_row = local_row(book, record["payer"])
            payee_row = np.int64(-1)
            if not record["flags"] & FLAG_REMOTE:
                payee_row = local_row(book, record["payee"])
            good = payer_row >= 0 and (payee_row >= 0 or record["flags"] & FLAG_REMOTE != 0)
            if good:
                good = effect_transfer(book, payer_row, payee_row, record, addresses[i], windows, True)
        elif kind == LEG:
            good = effect_leg(book, record, addresses[i], True)
        elif kind == WALLET_OPENED:
            good = effect_opened(book, record, addresses[i])
        elif kind == WALLET_STATUS or kind == WALLET_TIER:
            good = effect_wallet(book, record, addresses[i])
        elif kind == PROFILE:
            good = effect_profile(book, record, scratch)
        elif kind != OPEN and kind != CURSOR:
            good = False
        if not good:
            return i
        if OPEN < kind < LEG and not put(book.keys, record["key_hi"], record["key_lo"], addresses[i]):
            return i
    return len(records)
