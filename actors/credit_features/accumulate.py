"""The pass over a shard's records: each one is added to the wallets that it is of, and forgotten.

Only what was effective at the time asked for or before counts, whatever order it was recorded in.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.credit_features.accounts import COUNTRY, DEVICE, INCOME, PAIR_COUNT
from actors.ledger.table import find, put
from actors.records.addresses import segment_of, segment_slot
from actors.records.codes import Code
from actors.records.layout import FLAG_REMOTE, FLAG_REVIEW, FLAG_SUSPENSE, Kind, Records, WalletStatus
from models.credit.feature import CALENDAR_DAYS, DAY_MS, HALF_YEAR, MONTH_MS, MONTHS
from models.jit import inlined, kernel
from rules.vocabulary.encodings import Label

WALLET_OPENED: Final = int(Kind.WALLET_OPENED)
WALLET_STATUS: Final = int(Kind.WALLET_STATUS)
WALLET_TIER: Final = int(Kind.WALLET_TIER)
TRANSFER: Final = int(Kind.TRANSFER)
HOLD: Final = int(Kind.HOLD)
CAPTURE: Final = int(Kind.CAPTURE)
REFUND: Final = int(Kind.REFUND)
LEG: Final = int(Kind.LEG)
PURCHASE: Final = int(Label.PAYMENT)
TO_PEOPLE: Final = int(Label.TRANSFER)
CASH: Final = int(Label.CASH_OUT)
FROZEN: Final = int(WalletStatus.FROZEN)
OPEN: Final = int(WalletStatus.OPEN)
DECLINED: Final = int(Code.DECLINED)
UNCOVERED: Final = int(Code.INSUFFICIENT_FUNDS)
NIGHT_MS: Final = 6 * 3_600_000
"""Night is from 00:00 to 06:00 UTC: a shard does not know where its holders sleep."""
WORD_BITS: Final = 64


class Events(NamedTuple):
    """Columns (n,) of records in journal order, each as RECORD has it; `state`: field `decision`."""

    kind: NDArray[np.uint8]
    state: NDArray[np.uint8]
    label: NDArray[np.uint8]
    channel: NDArray[np.uint8]
    code: NDArray[np.uint16]
    currency: NDArray[np.uint16]
    flags: NDArray[np.uint16]
    country: NDArray[np.uint16]
    device: NDArray[np.uint32]
    payer: NDArray[np.int64]
    payee: NDArray[np.int64]
    amount: NDArray[np.int64]
    time: NDArray[np.int64]
    reference: NDArray[np.int64]
    address: NDArray[np.int64]


@inlined
def _row(accounts, wallet):
    """Row of a wallet of this shard, -1 of any other."""
    start = accounts.segments[segment_of(wallet)]
    if start == 0:
        return np.int64(-1)
    return np.int64(start) - 1 + segment_slot(wallet)


@inlined
def _mixed(value):
    """SplitMix64's finalizer: one to one, so two different keys never meet."""
    x = value + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@inlined
def _pair(accounts, row, subject):
    """Index of the pair, a new one if there is none. Whoever calls the pass has made room."""
    hi = _mixed(np.uint64(subject) ^ _mixed(np.uint64(row)))
    lo = _mixed(hi + np.uint64(row))
    at = find(accounts.table, hi, lo)
    if at == 0:
        at = accounts.meta[PAIR_COUNT] + 1
        put(accounts.table, hi, lo, at)
        accounts.meta[PAIR_COUNT] = at
        accounts.pairs[at - 1]["subject"] = subject
        accounts.pairs[at - 1]["row"] = row
    return at - 1


@inlined
def _pass_nights(account, day, today):
    """The balance stood until this day began; of the last CALENDAR_DAYS nights before today are counted."""
    nights = min(day, today) - max(np.int64(account["day"]), today - CALENDAR_DAYS)
    if nights > 0:
        balance = account["balance"]
        if account["nights"] == 0 or balance < account["night_min"]:
            account["night_min"] = balance
        account["nights"] += nights
        account["night_sum"] += nights * balance
        if balance <= 0:
            account["empty_nights"] += nights
        if balance < 0:
            account["overdrawn_nights"] += nights
    if day > account["day"]:
        account["day"] = day


@inlined
def _open(accounts, events, i, day):
    row = _row(accounts, events.payee[i])
    if row < 0:
        return
    account = accounts.rows[row]
    account["kind"] = events.label[i]
    account["opened"] = account["tier_time"] = events.time[i]
    account["currency"] = events.currency[i]
    account["tier"] = events.state[i]
    account["status"] = OPEN
    account["day"] = day


@inlined
def _change(accounts, events, i, month):
    """A wallet's tier or status was set."""
    row = _row(accounts, events.payee[i])
    if row < 0:
        return
    account = accounts.rows[row]
    if events.kind[i] == WALLET_TIER:
        account["tier"] = events.state[i]
        account["tier_time"] = events.time[i]
        if month < MONTHS:
            account["tier_changes"] += 1
    else:
        account["status"] = events.channel[i]
        if events.channel[i] == FROZEN:
            account["freezes"] += 1


@inlined
def _attempt(accounts, events, i, row, day):
    """A payment was asked for in the last half year."""
    account = accounts.rows[row]
    code, amount = events.code[i], events.amount[i]
    account["attempts"] += 1
    account["asked"] += amount
    if code != 0:
        account["declined"] += 1
        if code == DECLINED:
            account["by_rules"] += 1
        if code == UNCOVERED:
            account["uncovered"] += amount
    if events.flags[i] & FLAG_REVIEW:
        account["reviewed"] += 1
    if events.time[i] - day * DAY_MS < NIGHT_MS:
        account["at_night"] += 1
    if (day + 3) % 7 >= 5:
        account["at_weekend"] += 1
    if events.channel[i]:
        account["channels"] |= np.uint16(1) << events.channel[i]
    if events.device[i]:
        accounts.pairs[_pair(accounts, row, DEVICE | np.int64(events.device[i]))]["payments"] += 1
    if events.country[i]:
        accounts.pairs[_pair(accounts, row, COUNTRY | np.int64(events.country[i]))]["payments"] += 1


@inlined
def _paid_lately(accounts, events, i, row):
    """A payment of the last half year."""
    account = accounts.rows[row]
    amount, label, payee = events.amount[i], events.label[i], events.payee[i]
    account["largest"] = max(account["largest"], amount)
    account["kinds"] |= np.uint16(1) << label
    if label == PURCHASE:
        account["purchases"] += amount
    elif label == TO_PEOPLE:
        account["transfers"] += amount
    elif label == CASH:
        account["cash"] += amount
    if segment_of(payee) > 0:
        pair = accounts.pairs[_pair(accounts, row, payee)]
        pair["payments"] += 1
        pair["paid"] += amount


@inlined
def _leave(accounts, events, i, row, month, day, today):
    """Money left a wallet."""
    account = accounts.rows[row]
    amount, time = events.amount[i], events.time[i]
    _pass_nights(account, day, today)
    account["balance"] -= amount
    if events.kind[i] == REFUND:
        return
    if account["first"] == 0 or time < account["first"]:
        account["first"] = time
    account["last_payment"] = max(account["last_payment"], time)
    ago = today - day
    if ago < WORD_BITS:
        account["days_low"] |= np.uint64(1) << np.uint64(ago)
    elif ago < CALENDAR_DAYS:
        account["days_high"] |= np.uint64(1) << np.uint64(ago - WORD_BITS)
    if month < MONTHS:
        accounts.amounts[row, month] += amount
        accounts.counts[row, month] += 1
    if month < HALF_YEAR:
        _paid_lately(accounts, events, i, row)


@inlined
def _arrive(accounts, events, i, row, month, day, today):
    """Money came to a wallet."""
    account = accounts.rows[row]
    amount, time, payer = events.amount[i], events.time[i], events.payer[i]
    _pass_nights(account, day, today)
    account["balance"] += amount
    if events.kind[i] == REFUND or (events.kind[i] == LEG and events.state[i] == REFUND):
        if month < HALF_YEAR:
            account["refunds"] += amount
        return
    if account["first"] == 0 or time < account["first"]:
        account["first"] = time
    if month < MONTHS:
        accounts.amounts[row, INCOME + month] += amount
        accounts.counts[row, INCOME + month] += 1
    if month < HALF_YEAR and segment_of(payer) > 0:
        pair = accounts.pairs[_pair(accounts, row, payer)]
        pair["credits"] += 1
        pair["received"] += amount


@kernel
def accumulate(accounts, events, as_of):
    """Add records (n,) to their wallets. Rows of their wallets, and room for their pairs, are there."""
    today = as_of // DAY_MS
    for i in range(len(events.kind)):
        time, kind = events.time[i], events.kind[i]
        if time > as_of:
            continue
        month, day = (as_of - time) // MONTH_MS, time // DAY_MS
        if kind == WALLET_OPENED:
            _open(accounts, events, i, day)
        elif kind in (WALLET_STATUS, WALLET_TIER):
            _change(accounts, events, i, month)
        elif kind == LEG:
            row = _row(accounts, events.payee[i])
            if row >= 0 and not events.flags[i] & FLAG_SUSPENSE:
                _arrive(accounts, events, i, row, month, day, today)
        elif kind in (TRANSFER, HOLD, CAPTURE, REFUND):
            payer, payee = _row(accounts, events.payer[i]), _row(accounts, events.payee[i])
            if payer >= 0 and kind <= HOLD and month < HALF_YEAR:
                _attempt(accounts, events, i, payer, day)
            if events.code[i] == 0 and kind != HOLD:
                if payer >= 0:
                    _leave(accounts, events, i, payer, month, day, today)
                if payee >= 0 and not events.flags[i] & FLAG_REMOTE:
                    _arrive(accounts, events, i, payee, month, day, today)


@kernel
def end_nights(accounts, as_of):
    """The last balance of each wallet stands until the day of the features."""
    today = as_of // DAY_MS
    for row in range(len(accounts.rows)):
        if accounts.rows[row]["kind"]:
            _pass_nights(accounts.rows[row], today, today)


def events_of(records: Records, addresses: NDArray[np.int64]) -> Events:
    """Columns of RECORD rows (n,) at these addresses (n,)."""
    names = {"state": "decision", "time": "effective_time"}
    filled = [name for name in Events._fields if name != "address"]
    columns = {name: np.ascontiguousarray(records[names.get(name, name)]) for name in filled}
    return Events(**columns, address=addresses)
