"""Captures, voids and expiries of holds, analysts' decisions, and refunds.

A hold is dead once record time reaches its expiry, timer fired or not. What is released on the day that counted it is given back to
the day's limit. A refund never goes beyond what was moved. While a hold is in review only an analyst's answer ends it: a payment that
was asked for is captured whole or voided, a hold that was asked for becomes an ordinary one or is voided; or who asked for it voids it.
"""

from typing import Final

import numpy as np

from actors.ledger.book import local_row, original_row, profile_row
from actors.ledger.holds import approve_hold, close_hold, due_hold, find_hold
from actors.ledger.posting import LIVE, day_of, fits_payee, fits_payer, is_user, move, posted, same, show_payer
from actors.records.addresses import address_after
from actors.records.codes import Code
from actors.records.layout import (
    FLAG_FINAL,
    FLAG_IMPORTED,
    FLAG_REMOTE,
    FLAG_REVIEW,
    REQUEST_ANSWER,
    Kind,
    WalletStatus,
)
from models.jit import inlined, kernel

CAPTURE: Final = int(Kind.CAPTURE)
VOID: Final = int(Kind.VOID)
EXPIRY: Final = int(Kind.EXPIRY)
REFUND: Final = int(Kind.REFUND)
APPROVAL: Final = int(Kind.APPROVAL)

_FROZEN: Final = int(WalletStatus.FROZEN)
_CLOSED: Final = int(WalletStatus.CLOSED)

_DEFERRED: Final = int(Code.DEFERRED)
_WENT_BACK: Final = int(Code.EFFECTIVE_TIME_WENT_BACK)
_INVALID: Final = int(Code.INVALID_REQUEST)
_NOT_OPEN: Final = int(Code.HOLD_NOT_OPEN)
_EXPIRED: Final = int(Code.HOLD_EXPIRED)
_EXCEEDED: Final = int(Code.HOLD_EXCEEDED)
_NOT_REFUNDABLE: Final = int(Code.NOT_REFUNDABLE)
_REFUND_EXCEEDED: Final = int(Code.REFUND_EXCEEDED)
_IN_REVIEW: Final = int(Code.HOLD_IN_REVIEW)
_NOT_IN_REVIEW: Final = int(Code.NOT_IN_REVIEW)
_PAYER_CLOSED: Final = int(Code.PAYER_CLOSED)
_PAYER_FROZEN: Final = int(Code.PAYER_FROZEN)
_PAYEE_CLOSED: Final = int(Code.PAYEE_CLOSED)
_FUNDS: Final = int(Code.INSUFFICIENT_FUNDS)
_RANGE: Final = int(Code.BALANCE_OUT_OF_RANGE)


@inlined
def _payee_status(book, payee_row, payee):
    """Status of a payee; of one on another shard, what is known of it here, 0 = nothing."""
    if payee_row >= 0:
        return book.wallets[payee_row]["status"]
    profile = profile_row(book, payee)
    return book.profiles[profile]["status"] if profile >= 0 else 0


@kernel
def decide_movement(book, payer_row, payee_row, record, stripe_max):
    """Code of a capture or refund as far as its payee and the range of balances are concerned."""
    if _payee_status(book, payee_row, record["payee"]) == _CLOSED:
        return _PAYEE_CLOSED
    if not fits_payer(book.wallets[payer_row], record["amount"], stripe_max):
        return _RANGE
    if payee_row >= 0 and not fits_payee(book.wallets[payee_row], record["amount"], stripe_max):
        return _RANGE
    return 0


@kernel
def decide_refund(book, payer_row, payee_row, record, stripe_max):
    """Code of a refund that the original allows."""
    payer = book.wallets[payer_row]
    amount = record["amount"]
    if payer["status"] == _CLOSED:
        return _PAYER_CLOSED
    if payer["status"] == _FROZEN:
        return _PAYER_FROZEN
    code = decide_movement(book, payer_row, payee_row, record, stripe_max)
    if code == _PAYEE_CLOSED:
        return code
    if is_user(payer) and posted(payer) - payer["held"] - amount < payer["floor"]:
        return _FUNDS
    return code


@inlined
def _give_back(payer, amount, counted, effective):
    """Take what is released off the day's total, if it is still the day on which it was counted."""
    day = day_of(counted)
    if is_user(payer) and payer["day"] == day and day_of(effective) == day:
        payer["day_total"] -= amount


@inlined
def effect_on_hold(book, hold_row, payer_row, payee_row, record, address, replaying):
    """Apply a CAPTURE, VOID, EXPIRY or APPROVAL record of an open hold; False when, replaying, the journal disagrees with itself."""
    if record["code"] != 0:
        return True
    hold = book.holds.rows[hold_row]
    payer = book.wallets[payer_row]
    if replaying and (record["flags"] & FLAG_REVIEW != 0) != (hold["review"] != 0):
        return False
    if record["kind"] == APPROVAL:
        expiry = approve_hold(book.holds, hold_row)
        good = same(replaying, record["expiry"], expiry)
        record["expiry"] = expiry
        return good & show_payer(payer, record, address, replaying)
    amount = record["amount"]
    rest = hold["left"] - amount
    final = record["kind"] != CAPTURE or record["flags"] & FLAG_FINAL != 0
    good = same(replaying, True, rest >= 0 and (rest == 0 or record["kind"] == CAPTURE))
    payer["held"] -= amount
    if final:
        payer["held"] -= rest
        released = rest if record["kind"] == CAPTURE else amount
        _give_back(payer, released, hold["effective_time"], record["effective_time"])
    hold["left"] = rest
    if record["kind"] == CAPTURE:
        good &= move(book, payer_row, payee_row, record, address, replaying)
    else:
        good &= show_payer(payer, record, address, replaying)
    if final:
        close_hold(book.holds, hold_row)
    return good


@inlined
def _fill(record, row, reference):
    record["payer"] = row["payer"]
    record["payee"] = row["payee"]
    record["label"] = reference["label"]
    record["reference"] = row["after"]
    imported = row["effective_time"] != 0
    record["effective_time"] = row["effective_time"] if imported else record["record_time"]
    flags = FLAG_IMPORTED if imported else 0
    if row["flags"] & REQUEST_ANSWER:
        flags |= FLAG_REVIEW
        if row["op"] == VOID and row["flags"] & FLAG_FINAL:  # by who asked for the payment
            flags |= FLAG_FINAL
    record["flags"] = flags


@inlined
def _refuse_answer(book, hold_row, row):
    """Code of a row whose hold waits for an analyst, or that is an analyst's answer; 0 when it fits or is neither."""
    if not book.holds.rows[hold_row]["review"]:
        return _NOT_IN_REVIEW if row["flags"] & REQUEST_ANSWER else 0
    if not row["flags"] & REQUEST_ANSWER:
        return _IN_REVIEW
    approves_hold = row["op"] == APPROVAL
    return 0 if row["op"] == VOID or approves_hold == (book.holds.kept[hold_row] != 0) else _INVALID


@kernel
def change_hold(book, record, row, address, record_time, stripe_max):
    """Turn an admitted CAPTURE, VOID or APPROVAL row into its record. Gives a code of refusal, or 0 when there is a record."""
    hold_row = find_hold(book.holds, row["after"])
    if hold_row < 0:
        return _NOT_OPEN
    hold = book.holds.rows[hold_row]
    if row["effective_time"] != 0 and row["effective_time"] < hold["effective_time"]:
        return _WENT_BACK
    if hold["payer"] != row["payer"] or hold["payee"] != row["payee"] or hold["currency"] != row["currency"]:
        return _INVALID
    if hold["expiry"] <= record_time:
        return _EXPIRED
    if row["amount"] > hold["left"]:
        return _EXCEEDED
    code = _refuse_answer(book, hold_row, row)
    if code != 0:
        return code
    _fill(record, row, hold)
    record["amount"] = row["amount"] if row["amount"] != 0 else hold["left"]
    payer_row = local_row(book, record["payer"])
    payee_row = local_row(book, record["payee"])
    if record["kind"] == CAPTURE:
        if payee_row < 0:
            record["flags"] |= FLAG_REMOTE
        if row["flags"] & FLAG_FINAL or record["amount"] == hold["left"]:
            record["flags"] |= FLAG_FINAL
        record["code"] = decide_movement(book, payer_row, payee_row, record, stripe_max)
    effect_on_hold(book, hold_row, payer_row, payee_row, record, address, LIVE)
    return 0


@kernel
def give_refund(book, record, row, address, stripe_max):
    """Turn an admitted REFUND row into its record. Gives a code of refusal, or 0 when there is a record."""
    known = original_row(book, row["after"])
    if known < 0:
        return _DEFERRED
    original = book.originals[known]
    if original["kind"] == 0:
        return _NOT_REFUNDABLE
    if (
        original["payer"] != row["payee"]
        or original["payee"] != row["payer"]
        or original["currency"] != row["currency"]
    ):
        return _INVALID
    left = original["amount"] - original["refunded"]
    if left == 0 or row["amount"] > left:
        return _REFUND_EXCEEDED
    _fill(record, row, original)
    record["amount"] = row["amount"] if row["amount"] != 0 else left
    payer_row = local_row(book, record["payer"])
    payee_row = local_row(book, record["payee"])
    if payee_row < 0:
        record["flags"] |= FLAG_REMOTE
    record["code"] = decide_refund(book, payer_row, payee_row, record, stripe_max)
    if record["code"] == 0:
        original["refunded"] += record["amount"]
        original["newest"] = address
        move(book, payer_row, payee_row, record, address, LIVE)
    return 0


@kernel
def expire(book, record_time, first, records):
    """End holds whose time has come, the earliest first, at most as many as there is room in `records` (zeroed). Gives their number.
    `first`: address of slot 0 of the next block."""
    count = np.int64(0)
    while count < len(records):
        hold_row = due_hold(book.holds, record_time)
        if hold_row < 0:
            break
        hold = book.holds.rows[hold_row]
        record = records[count]
        address = address_after(first, count)
        record["kind"] = EXPIRY
        record["payer"] = hold["payer"]
        record["payee"] = hold["payee"]
        record["amount"] = hold["left"]
        record["currency"] = hold["currency"]
        record["label"] = hold["label"]
        record["reference"] = hold["address"]
        record["record_time"] = record_time
        record["effective_time"] = record_time
        record["flags"] = FLAG_REVIEW if hold["review"] else 0
        effect_on_hold(book, hold_row, local_row(book, hold["payer"]), np.int64(-1), record, address, LIVE)
        count += 1
    return count
