"""What the scorer sees of a batch: features as columns, one row a payment, windows included.

The same helper fills a row for a request and for the record that it became, so that what a decision saw can be made again.
"""

from typing import Final

import numpy as np

from actors.ledger.book import READ_AHEAD, local_row, profile_row
from actors.ledger.posting import HOLD, TRANSFER, asks_hold, posted
from actors.ledger.windows import fetch_attempts, fetch_ring, remember, window_columns
from actors.records.layout import FLAG_REMOTE
from models.jit import inlined, kernel
from models.prefetch import CACHE_LINE, prefetch
from rules.vocabulary.columns import DAY_MS, HOUR_MS, INDEX, NULL, USER_PAYER_COLUMNS
from rules.vocabulary.encodings import WalletKind

_MERCHANT: Final = int(WalletKind.MERCHANT)

_AMOUNT: Final = INDEX["amount"]
_LABEL: Final = INDEX["label"]
_CHANNEL: Final = INDEX["channel"]
_COUNTRY: Final = INDEX["country"]
_DEVICE: Final = INDEX["device"]
_HOUR: Final = INDEX["hour"]
_PAYER_AGE: Final = INDEX["payer_age_days"]
_PAYER_TIER: Final = INDEX["payer_tier"]
_AVAILABLE: Final = INDEX["payer_available"]
_PAYER_SCORE: Final = INDEX["payer_score"]
_DAY_TOTAL: Final = INDEX["payer_day_total"]
_PAYEE_KIND: Final = INDEX["payee_kind"]
_PAYEE_AGE: Final = INDEX["payee_age_days"]
_PAYEE_TIER: Final = INDEX["payee_tier"]
_CURRENCY: Final = INDEX["currency"]
_HOLD: Final = INDEX["hold"]
_WEEKDAY: Final = INDEX["weekday"]
_EFFECTIVE: Final = INDEX["effective_time"]
_PAYER: Final = INDEX["payer"]
_PAYEE: Final = INDEX["payee"]
_PAYER_KIND: Final = INDEX["payer_kind"]
_PAYER_CREDITS: Final = INDEX["payer_credits"]
_PAYER_DEBITS: Final = INDEX["payer_debits"]
_CREDITED: Final = INDEX["payer_credited"]
_CREDITED_AGO: Final = INDEX["payer_credited_ago_s"]

_OF_USERS: Final = tuple(INDEX[name] for name in USER_PAYER_COLUMNS)

_THURSDAY: Final = 3
"""1970 began on one; Monday is 0 here."""


@inlined
def _request_columns(row, hold, out):
    effective = row["effective_time"]
    out[_AMOUNT] = row["amount"]
    out[_LABEL] = row["label"]
    out[_CHANNEL] = row["channel"]
    out[_COUNTRY] = row["country"] if row["country"] != 0 else NULL
    out[_DEVICE] = row["device"] if row["device"] != 0 else NULL
    out[_HOUR] = effective % DAY_MS // HOUR_MS
    out[_CURRENCY] = row["currency"]
    out[_HOLD] = hold
    out[_WEEKDAY] = (effective // DAY_MS + _THURSDAY) % 7 + 1
    out[_EFFECTIVE] = effective
    out[_PAYER] = row["payer"]
    out[_PAYEE] = row["payee"]


@inlined
def _payer_columns(book, wallet, row, out):
    effective = row["effective_time"]
    out[_PAYER_AGE] = (effective - wallet["opened"]) // DAY_MS if wallet["opened"] <= effective else 0
    out[_PAYER_TIER] = wallet["tier"]
    out[_AVAILABLE] = posted(wallet) - wallet["held"] - wallet["floor"]
    out[_PAYER_SCORE] = wallet["score"] if wallet["score"] != 0 else NULL
    out[_DAY_TOTAL] = wallet["day_total"] if wallet["day"] == effective // DAY_MS else 0
    out[_PAYER_CREDITS] = wallet["credits"]
    out[_PAYER_DEBITS] = wallet["debits"]
    if wallet["credited"] != 0:
        out[_CREDITED] = wallet["credited"]
        out[_CREDITED_AGO] = max(np.int64(0), effective - wallet["credited_time"]) // 1000
    else:
        out[_CREDITED] = NULL
        out[_CREDITED_AGO] = NULL
    window_columns(book, wallet, effective, row["payee"], out)


@inlined
def _payee_columns(payee, effective, out):
    """`payee`: a row of WALLET or PROFILE."""
    opened = payee["opened"]
    out[_PAYEE_KIND] = payee["kind"]
    out[_PAYEE_TIER] = payee["tier"]
    out[_PAYEE_AGE] = (effective - opened) // DAY_MS if opened <= effective else 0


@inlined
def _attempt(book, row, hold, payer_row, payee_row, profile, out):
    """Fill the columns `out` of an attempt, a row of REQUEST or RECORD, and remember it."""
    _request_columns(row, hold, out)
    payer = book.wallets[payer_row]
    out[_PAYER_KIND] = payer["kind"]
    if payer["kind"] <= _MERCHANT:
        _payer_columns(book, payer, row, out)
        remember(book, payer_row, row["effective_time"], row["amount"], row["payee"])
    else:
        for column in _OF_USERS:
            out[column] = NULL
    if payee_row >= 0:
        _payee_columns(book.wallets[payee_row], row["effective_time"], out)
    else:
        _payee_columns(book.profiles[profile], row["effective_time"], out)


@inlined
def _read_wallets_ahead(book, payer_rows, payee_rows, start, end):
    """Bring wallets and remembered attempts into the cache, each kind for all rows before the next, which it leads to."""
    for i in range(start, end):
        prefetch(book.wallets, payer_rows[i], 0)
        prefetch(book.wallets, payer_rows[i], CACHE_LINE)
        if payee_rows[i] >= 0:
            prefetch(book.wallets, payee_rows[i], 0)
            prefetch(book.wallets, payee_rows[i], CACHE_LINE)
    for i in range(start, end):
        fetch_ring(book, book.wallets[payer_rows[i]])
    for i in range(start, end):
        fetch_attempts(book, book.wallets[payer_rows[i]])


@kernel
def feature_columns(held, rows, payer_rows, payee_rows, profiles, columns):
    """Fill `columns` (n, COLUMN_COUNT) for admitted rows, in order; each transfer and hold is remembered as an attempt of its payer.
    `held`: the book."""
    book = held.value
    for i in range(len(rows)):
        if i % READ_AHEAD == 0:
            _read_wallets_ahead(book, payer_rows, payee_rows, i, min(i + READ_AHEAD, len(rows)))
        row = rows[i]
        if row["op"] == TRANSFER or row["op"] == HOLD:
            _attempt(book, row, row["op"] == HOLD, payer_rows[i], payee_rows[i], profiles[i], columns[i])


@kernel
def recorded_columns(book, record, out):
    """Fill `out` (COLUMN_COUNT,) as it was for the attempt that became this record; the book must be as it was then. False when the
    journal before it lacks a wallet that it names."""
    payer_row = local_row(book, record["payer"])
    payee_row = np.int64(-1)
    profile = np.int64(-1)
    if record["flags"] & FLAG_REMOTE:
        profile = profile_row(book, record["payee"])
    else:
        payee_row = local_row(book, record["payee"])
    if payer_row < 0 or (payee_row < 0 and profile < 0):
        return False
    _attempt(book, record, asks_hold(record), payer_row, payee_row, profile, out)
    return True
