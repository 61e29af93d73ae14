"""Post transfers, legs and wallet changes: how records are made and what they do.

`captures_refunds` has what ends holds and gives back.

Validate first; after a record has its code its effect must succeed. Replay applies the same effects from recorded
codes and never decides again; every recorded balance is compared with the recomputed one.
"""

from typing import Final

import numpy as np

from actors.ledger.book import (
    M_OPEN_SEGMENT,
    M_OPEN_SLOT,
    M_SEGMENTS,
    local_row,
    profile_row,
    store_profile,
)
from actors.ledger.windows import remember
from actors.records.addresses import OPERATOR_SLOT_FIRST, SEGMENT_SLOTS, segment_of, segment_slot, wallet_address
from actors.records.chain_time import chain_time_of, lag_of
from actors.records.codes import Code
from actors.records.layout import (
    AMOUNT_MAX,
    CHAIN_STRIDE,
    CUMULATIVE_MAX,
    FLAG_CONTINUES,
    FLAG_IMPORTED,
    FLAG_LINKED,
    FLAG_PAYEE_ANCHOR,
    FLAG_PAYER_ANCHOR,
    FLAG_REVIEW,
    FLAG_SUSPENSE,
    FLOOR,
    HELD_FOR,
    OPENED,
    TIER,
    WALLET_KIND,
    WALLET_STATE,
    Kind,
    WalletStatus,
)
from models.jit import inlined, kernel
from rules.decisions.decision import Action
from rules.vocabulary.columns import DAY_MS
from rules.vocabulary.encodings import WalletKind

TRANSFER: Final = int(Kind.TRANSFER)
HOLD: Final = int(Kind.HOLD)
WALLET_OPENED: Final = int(Kind.WALLET_OPENED)
WALLET_STATUS: Final = int(Kind.WALLET_STATUS)
WALLET_TIER: Final = int(Kind.WALLET_TIER)

_OPEN: Final = int(WalletStatus.OPEN)
_FROZEN: Final = int(WalletStatus.FROZEN)
_CLOSED: Final = int(WalletStatus.CLOSED)
_USER: Final = int(WalletKind.USER)
_MERCHANT: Final = int(WalletKind.MERCHANT)
_SUSPENSE: Final = int(WalletKind.SUSPENSE)
_REVIEW: Final = int(Action.REVIEW)
_DECLINE: Final = int(Action.DECLINE)

_PAYER_CLOSED: Final = int(Code.PAYER_CLOSED)
_PAYER_FROZEN: Final = int(Code.PAYER_FROZEN)
_PAYEE_CLOSED: Final = int(Code.PAYEE_CLOSED)
_DECLINED: Final = int(Code.DECLINED)
_LINKED_IN_REVIEW: Final = int(Code.LINKED_IN_REVIEW)
_DAILY_LIMIT: Final = int(Code.DAILY_LIMIT_EXCEEDED)
_FUNDS: Final = int(Code.INSUFFICIENT_FUNDS)
_RANGE: Final = int(Code.BALANCE_OUT_OF_RANGE)
_NOT_FOUND: Final = int(Code.WALLET_NOT_FOUND)
_OPERATOR: Final = int(Code.OPERATOR_WALLET)
_WALLET_CLOSED: Final = int(Code.WALLET_CLOSED)
_NOT_EMPTY: Final = int(Code.WALLET_NOT_EMPTY)
_INVALID: Final = int(Code.INVALID_REQUEST)
_HAS_ORDERS: Final = int(Code.WALLET_HAS_ORDERS)

LIVE: Final = np.bool_(False)
REPLAYED: Final = np.bool_(True)
"""Whether a record is being replayed. Of numpy's type: numba would compile their callees once for each literal."""


@inlined
def posted(wallet):
    """Posted balance of a wallet row."""
    return wallet["credits"] - wallet["debits"]


@inlined
def is_user(wallet):
    """Whether floors, limits and windows apply."""
    return wallet["kind"] <= _MERCHANT


@inlined
def day_of(time):
    """UTC day of a time."""
    return time // DAY_MS


@inlined
def _spent_today(wallet, effective):
    return wallet["day_total"] if wallet["day"] == day_of(effective) else np.int64(0)


@inlined
def fits_payer(wallet, amount, stripe_max):
    """Whether the payer's sums stay in range when it pays."""
    bound = AMOUNT_MAX if is_user(wallet) else stripe_max
    return posted(wallet) - amount >= -bound and wallet["debits"] + amount <= CUMULATIVE_MAX


@inlined
def fits_payee(wallet, amount, stripe_max):
    """Whether the payee's sums stay in range when it is paid."""
    if wallet["kind"] == _SUSPENSE:
        return True
    bound = AMOUNT_MAX if is_user(wallet) else stripe_max
    return posted(wallet) + amount <= bound and wallet["credits"] + amount <= CUMULATIVE_MAX


@inlined
def asks_hold(record):
    """Whether a record was made because a hold was asked for: a payment in review is kept as a hold."""
    return record["kind"] == HOLD and (not record["flags"] & FLAG_REVIEW or record[HELD_FOR] != 0)


@inlined
def wants_review(record):
    """Whether scoring asks for an analyst; what has happened already is not stopped."""
    return record["decision"] == _REVIEW and not record["flags"] & FLAG_IMPORTED


@inlined
def decide_transfer(book, payer_row, payee_row, profile, record, limits, stripe_max):
    """Code of a transfer or hold whose wallets exist; the first rule broken, in the order of the table of codes."""
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
    if record["flags"] & (FLAG_LINKED | FLAG_CONTINUES) and wants_review(record):
        return _LINKED_IN_REVIEW
    if is_user(payer):
        effective = record["effective_time"]
        if _spent_today(payer, effective) + amount > limits[payer["tier"]]:
            return _DAILY_LIMIT
        if posted(payer) - payer["held"] - amount < payer["floor"]:
            return _FUNDS
    if record["kind"] == HOLD:
        return 0 if payer["held"] + amount <= AMOUNT_MAX else _RANGE
    if not fits_payer(payer, amount, stripe_max):
        return _RANGE
    if payee_row >= 0 and not fits_payee(book.wallets[payee_row], amount, stripe_max):
        return _RANGE
    return 0


@inlined
def link(wallet, address, effective, record, anchor):
    """Append a record to a wallet's chain; gives the previous head and the lag, and moves the chain time. Every `CHAIN_STRIDE`th record
    is flagged with `anchor`."""
    before = wallet["head"]
    lag = lag_of(wallet["chain_time"], effective)
    wallet["chain_time"] = chain_time_of(effective, lag)
    wallet["head"] = address
    wallet["chained"] += 1
    if wallet["chained"] % CHAIN_STRIDE == 0:
        record["flags"] |= anchor
    return before, lag


@inlined
def same(replaying, kept, computed):
    """Whether a replayed record says what it should."""
    return not replaying or kept == computed


@inlined
def show_payer(payer, record, address, replaying):
    """Let a record say what the payer is after it, and join it to the payer's chain."""
    good = same(replaying, record["payer_posted"], posted(payer))
    good &= same(replaying, record["payer_held"], payer["held"])
    record["payer_posted"] = posted(payer)
    record["payer_held"] = payer["held"]
    before, lag = link(payer, address, record["effective_time"], record, FLAG_PAYER_ANCHOR)
    good &= same(replaying, record["payer_prev"], before)
    record["payer_prev"] = before
    record["payer_lag"] = lag
    return good


@inlined
def show_payee(payee, record, address, replaying):
    """The same of the payee."""
    good = same(replaying, record["payee_posted"], posted(payee))
    record["payee_posted"] = posted(payee)
    before, lag = link(payee, address, record["effective_time"], record, FLAG_PAYEE_ANCHOR)
    good &= same(replaying, record["payee_prev"], before)
    record["payee_prev"] = before
    record["payee_lag"] = lag
    return good


@inlined
def _credit(wallet, record):
    """Post a record's amount to who gets it."""
    wallet["credits"] += record["amount"]
    wallet["credited"] = record["amount"]
    wallet["credited_time"] = record["effective_time"]


@inlined
def move(book, payer_row, payee_row, record, address, replaying):
    """Move the amount of a record that has its code; `payee_row` -1: the payee is remote and gets it by a leg."""
    payer = book.wallets[payer_row]
    payer["debits"] += record["amount"]
    good = show_payer(payer, record, address, replaying)
    if payee_row >= 0:
        payee = book.wallets[payee_row]
        _credit(payee, record)
        good &= show_payee(payee, record, address, replaying)
    return good


@inlined
def effect_transfer(book, payer_row, payee_row, record, address, windows, replaying):
    """Apply a TRANSFER or HOLD record that has its code. Fills what the record says of the wallets, or, replaying, compares it: False when
    the journal disagrees with itself. A hold is kept by `open_hold` when nothing can undo its record any more."""
    payer = book.wallets[payer_row]
    effective = record["effective_time"]
    amount = record["amount"]
    if is_user(payer):
        payer["payer_time"] = effective
        if windows and replaying:
            remember(book, payer_row, effective, amount, record["payee"])
    if record["code"] != 0:
        return True
    if is_user(payer):
        payer["day_total"] = _spent_today(payer, effective) + amount
        payer["day"] = day_of(effective)
    if record["kind"] == HOLD:
        payer["held"] += amount
        return show_payer(payer, record, address, replaying)
    return move(book, payer_row, payee_row, record, address, replaying)


@inlined
def leg_target(book, record, stripe_max):
    """Row that takes a leg's money, or -1 when only suspense can."""
    row = local_row(book, record["payee"])
    if row < 0:
        return np.int64(-1)
    wallet = book.wallets[row]
    if wallet["status"] == _CLOSED or wallet["currency"] != record["currency"]:
        return np.int64(-1)
    if not fits_payee(wallet, record["amount"], stripe_max):
        return np.int64(-1)
    return row


@inlined
def effect_leg(book, record, address, replaying):
    """Apply a LEG record: credit the payee, or suspense where flagged so."""
    if record["flags"] & FLAG_SUSPENSE:
        row = np.int64(record["currency"])
    else:
        row = local_row(book, record["payee"])
        if row < 0:
            return False
    wallet = book.wallets[row]
    _credit(wallet, record)
    return show_payee(wallet, record, address, replaying)


@kernel
def next_address(book):
    """The address the next user wallet gets; 0 when no local segment has room."""
    segment = book.meta[M_OPEN_SEGMENT]
    if segment == 0 or book.meta[M_OPEN_SLOT] >= SEGMENT_SLOTS:
        return np.int64(0)
    return wallet_address(segment, book.meta[M_OPEN_SLOT])


@kernel
def _row_for(book, address):
    segment = segment_of(address)
    if segment < 0 or segment >= len(book.segments):
        return np.int64(-1)
    if book.segments[segment] == 0:
        if (book.meta[M_SEGMENTS] + 1) * SEGMENT_SLOTS > len(book.wallets):
            return np.int64(-1)
        book.meta[M_SEGMENTS] += 1
        book.segments[segment] = book.meta[M_SEGMENTS]
    if segment > book.meta[M_OPEN_SEGMENT]:
        book.meta[M_OPEN_SEGMENT] = segment
        book.meta[M_OPEN_SLOT] = 0
    if segment == book.meta[M_OPEN_SEGMENT] and segment != 0:
        book.meta[M_OPEN_SLOT] = max(book.meta[M_OPEN_SLOT], segment_slot(address) + 1)
    return (np.int64(book.segments[segment]) - 1) * SEGMENT_SLOTS + segment_slot(address)


@kernel
def effect_opened(book, record, address):
    """Apply a WALLET_OPENED record."""
    row = _row_for(book, record["payee"])
    if row < 0:
        return False
    wallet = book.wallets[row]
    wallet["currency"] = record["currency"]
    wallet["kind"] = record[WALLET_KIND]
    wallet["tier"] = record[TIER]
    wallet["status"] = _OPEN
    wallet["floor"] = record[FLOOR]
    wallet["opened"] = record[OPENED]
    before, lag = link(wallet, address, record["effective_time"], record, FLAG_PAYEE_ANCHOR)
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
def decide_status(book, row, target, orders):
    """Code of a change of status. Any state may become any other, but closed is final and needs an empty user wallet without service
    orders that are not over; `orders` has by row how many there are."""
    if row < 0:
        return _NOT_FOUND
    wallet = book.wallets[row]
    if wallet["status"] == _CLOSED:
        return 0 if target == _CLOSED else _WALLET_CLOSED
    if target == _CLOSED:
        if not is_user(wallet):
            return _OPERATOR
        if posted(wallet) != 0 or wallet["held"] != 0:
            return _NOT_EMPTY
        if orders[row] != 0:
            return _HAS_ORDERS
    return 0 if _OPEN <= target <= _CLOSED else _INVALID


@kernel
def effect_wallet(book, record, address):
    """Apply a WALLET_STATUS or WALLET_TIER record."""
    row = local_row(book, record["payee"])
    if row < 0:
        return False
    wallet = book.wallets[row]
    if record["kind"] == WALLET_STATUS:
        wallet["status"] = record[WALLET_STATE]
    else:
        wallet["tier"] = record[TIER]
    before, lag = link(wallet, address, record["record_time"], record, FLAG_PAYEE_ANCHOR)
    record["payee_prev"] = before
    record["payee_lag"] = lag
    record["payee_posted"] = posted(wallet)
    return True


@kernel
def effect_profile(book, record, scratch):
    """Apply a PROFILE record; `scratch` is one row of dtype PROFILE. One without a time of opening says that what is known, if
    anything is, holds no more."""
    if record[OPENED] == 0 and profile_row(book, record["payee"]) < 0:
        return True
    profile = scratch[0]
    profile["address"] = record["payee"]
    profile["opened"] = record[OPENED]
    profile["currency"] = record["currency"]
    profile["status"] = record[WALLET_STATE]
    profile["kind"] = record[WALLET_KIND] if record[OPENED] != 0 else 0
    profile["tier"] = record[TIER]
    return store_profile(book, profile)
