"""Replay recorded effects; never decide again.

Every balance that was recorded is compared with the one found.

`checking` is REPLAYED for a journal's own records; LIVE for records that were rebuilt from elsewhere: what they say of their wallets is
then filled in.
"""

from typing import Any, Final

import numpy as np

from actors.ledger.book import READ_AHEAD, fetch_row, local_row
from actors.ledger.captures_refunds import APPROVAL, CAPTURE, EXPIRY, REFUND, effect_on_hold
from actors.ledger.holds import find_hold, open_hold
from actors.ledger.posting import (
    HOLD,
    TRANSFER,
    WALLET_OPENED,
    WALLET_STATUS,
    WALLET_TIER,
    effect_leg,
    effect_opened,
    effect_profile,
    effect_transfer,
    effect_wallet,
    move,
)
from actors.ledger.table import fetch_slot, put
from actors.ledger.windows import fetch_attempts, fetch_ring
from actors.records.credit_layout import FIRST_CREDIT
from actors.records.layout import FLAG_REMOTE, Kind
from models.jit import inlined, kernel

OPEN: Final = int(Kind.OPEN)
LEG: Final = int(Kind.LEG)
CURSOR: Final = int(Kind.CURSOR)
PROFILE: Final = int(Kind.PROFILE)
SCORE: Final = int(Kind.SCORE)
CREDIT: Final = FIRST_CREDIT
"""Kinds from this on are applied beside this, see `credit`; those that somebody asked for have a digest and a key."""


@inlined
def _attempts_row(book, record):
    """Row of the payer of an attempt, else -1."""
    if record["kind"] == TRANSFER or record["kind"] == HOLD:
        return local_row(book, record["payer"])
    return np.int64(-1)


@inlined
def fetch_ahead(book, records, start, end, windows):
    """Bring what records will touch into the cache, each kind for all of them before the next, which it leads to."""
    for i in range(start, end):
        fetch_slot(book.keys, records[i]["key_hi"], records[i]["key_lo"])
        fetch_row(book, records[i]["payer"])
        fetch_row(book, records[i]["payee"])
    if not windows:
        return
    for i in range(start, end):
        row = _attempts_row(book, records[i])
        if row >= 0:
            fetch_ring(book, book.wallets[row])
    for i in range(start, end):
        row = _attempts_row(book, records[i])
        if row >= 0:
            fetch_attempts(book, book.wallets[row])


@inlined
def _replay_payment(book, record, address, windows, checking):
    kind = record["kind"]
    payer_row = local_row(book, record["payer"])
    payee_row = np.int64(-1)
    if record["flags"] & FLAG_REMOTE == 0:
        payee_row = local_row(book, record["payee"])
        if payee_row < 0 and (kind == TRANSFER or kind == CAPTURE or kind == REFUND):
            return False
    if payer_row < 0:
        return False
    if kind == TRANSFER or kind == HOLD:
        good = effect_transfer(book, payer_row, payee_row, record, address, windows, checking)
        if kind == HOLD and record["code"] == 0:
            good &= open_hold(book.holds, record, address)
        return good
    if record["code"] != 0:
        return True
    if kind == REFUND:
        return move(book, payer_row, payee_row, record, address, checking)
    hold_row = find_hold(book.holds, record["reference"])
    if hold_row < 0:
        return False
    return effect_on_hold(book, hold_row, payer_row, payee_row, record, address, checking)


@inlined
def _replay_score(book, record):
    """What later decisions see of a score; all else of it is applied beside this, see `credit`."""
    row = local_row(book, record["payer"])
    if row < 0:
        return False
    book.wallets[row]["score"] = record["points"]
    return True


@kernel
def replay(book, records, addresses, windows, checking, scratch):
    """Apply recorded effects in order. Gives the index of the first record that does not fit, else the number of records."""
    for i in range(len(records)):
        if i % READ_AHEAD == 0:
            fetch_ahead(book, records, i, min(i + READ_AHEAD, len(records)), windows)
        record = records[i]
        kind = record["kind"]
        good: Any = True
        if TRANSFER <= kind <= APPROVAL:
            good = _replay_payment(book, record, addresses[i], windows, checking)
        elif kind == LEG:
            good = effect_leg(book, record, addresses[i], checking)
        elif kind == WALLET_OPENED:
            good = effect_opened(book, record, addresses[i])
        elif kind == WALLET_STATUS or kind == WALLET_TIER:
            good = effect_wallet(book, record, addresses[i])
        elif kind == PROFILE:
            good = effect_profile(book, record, scratch)
        elif kind == SCORE:
            good = _replay_score(book, record)
        elif kind != OPEN and kind != CURSOR and kind < CREDIT:
            good = False
        if not good:
            return i
        keyed = (OPEN < kind < LEG and kind != EXPIRY) or (kind >= CREDIT and record["digest"] != 0)
        if keyed and not put(book.keys, record["key_hi"], record["key_lo"], addresses[i]):
            return i
    return len(records)
