"""What the scorer sees of a batch: features as columns, one row a payment, windows included."""

from typing import Final

import numpy as np

from actors.ledger.book import READ_AHEAD
from actors.ledger.layout import WalletKind
from actors.ledger.posting import HOLD, TRANSFER, posted
from actors.ledger.windows import fetch_attempts, fetch_ring, remember, window_columns
from models.jit import inlined, kernel
from models.prefetch import CACHE_LINE, prefetch
from rules.columns import DAY_MS, HOUR_MS, INDEX, NULL, PAYER_COLUMNS, WINDOW_COLUMNS

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

_OF_USERS: Final = tuple(
    INDEX[name]
    for name in (
        *(column.name for column in (*PAYER_COLUMNS, *WINDOW_COLUMNS)),
        "payee_seen",
        "saturated",
        "payer_credits",
        "payer_debits",
        "payer_credited",
        "payer_credited_ago_s",
    )
)
"""Columns that an operator wallet does not fill."""

_THURSDAY: Final = 3
"""1970 began on one; Monday is 0 here."""


@inlined
def _request_columns(row, out):
    effective = row["effective_time"]
    out[_AMOUNT] = row["amount"]
    out[_LABEL] = row["label"]
    out[_CHANNEL] = row["channel"]
    out[_COUNTRY] = row["country"] if row["country"] != 0 else NULL
    out[_DEVICE] = row["device"] if row["device"] != 0 else NULL
    out[_HOUR] = effective % DAY_MS // HOUR_MS
    out[_CURRENCY] = row["currency"]
    out[_HOLD] = 1 if row["op"] == HOLD else 0
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
def feature_columns(book, rows, payer_rows, payee_rows, profiles, columns):
    """Fill `columns` (n, COLUMN_COUNT) for admitted rows, in order; each transfer and hold is remembered as an attempt of its payer."""
    for i in range(len(rows)):
        if i % READ_AHEAD == 0:
            _read_wallets_ahead(book, payer_rows, payee_rows, i, min(i + READ_AHEAD, len(rows)))
        row = rows[i]
        out = columns[i]
        if row["op"] != TRANSFER and row["op"] != HOLD:
            continue
        _request_columns(row, out)
        payer = book.wallets[payer_rows[i]]
        if payer["kind"] <= _MERCHANT:
            _payer_columns(book, payer, row, out)
            remember(book, payer, row["effective_time"], row["amount"], row["payee"])
        else:
            for column in _OF_USERS:
                out[column] = NULL
        out[_PAYER_KIND] = payer["kind"]
        if payee_rows[i] >= 0:
            payee = book.wallets[payee_rows[i]]
            kind, opened, tier = payee["kind"], payee["opened"], payee["tier"]
        else:
            known = book.profiles[profiles[i]]
            kind, opened, tier = known["kind"], known["opened"], known["tier"]
        out[_PAYEE_KIND] = kind
        out[_PAYEE_TIER] = tier
        out[_PAYEE_AGE] = (row["effective_time"] - opened) // DAY_MS if opened <= row["effective_time"] else 0
