"""What happens to one batch of requests: `admit` sorts out what can be tried, `feature_columns` shows it to the scorer, `carry_out`
turns it into records.

Every row that `admit` lets through ends as a record, or, for a change of a wallet, as a refusal that leaves no trace. Nothing
else is decided between the three, so a batch may wait for its scores while legs are applied.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import M_SEGMENTS_STAMP, READ_AHEAD, fetch_row, local_row, owner_of, profile_row
from actors.ledger.codes import Code
from actors.ledger.ids import OPERATOR_SLOT_FIRST, bind_key
from actors.ledger.layout import (
    AMOUNT_MAX,
    BLOCK_RECORDS_MAX,
    FLAG_FALLBACK,
    FLAG_IMPORTED,
    FLAG_REMOTE,
    FLAG_SCORED,
    WalletKind,
)
from actors.ledger.posting import (
    TRANSFER,
    WALLET_OPENED,
    WALLET_STATUS,
    WALLET_TIER,
    decide_opened,
    decide_status,
    decide_transfer,
    effect_opened,
    effect_transfer,
    effect_wallet,
    next_address,
    posted,
)
from actors.ledger.table import fetch_slot, find, put, reserve
from actors.ledger.windows import fetch_attempts, fetch_ring, remember, window_columns
from models.jit import inlined, kernel
from models.prefetch import CACHE_LINE, prefetch
from rules.columns import DAY_MS, FIRST_WINDOW_COLUMN, HOUR_MS, INDEX, NULL
from rules.decision import FALLBACK

_DEFERRED: Final = int(Code.DEFERRED)
_MOVED: Final = int(Code.MOVED)
_KEYS_FULL: Final = int(Code.KEYS_FULL)
_MISMATCH: Final = int(Code.IDEMPOTENCY_MISMATCH)
_SAME_WALLET: Final = int(Code.SAME_WALLET)
_PAYER_NOT_FOUND: Final = int(Code.PAYER_NOT_FOUND)
_PAYEE_NOT_FOUND: Final = int(Code.PAYEE_NOT_FOUND)
_NOT_FOUND: Final = int(Code.WALLET_NOT_FOUND)
_CURRENCY: Final = int(Code.CURRENCY_MISMATCH)
_IN_FUTURE: Final = int(Code.EFFECTIVE_TIME_IN_FUTURE)
_WENT_BACK: Final = int(Code.EFFECTIVE_TIME_WENT_BACK)
_AFTER: Final = int(Code.AFTER_NOT_FOUND)
_OPERATOR: Final = int(Code.OPERATOR_WALLET)
_WALLET_CLOSED: Final = int(Code.WALLET_CLOSED)
_INVALID: Final = int(Code.INVALID_REQUEST)
_MERCHANT: Final = int(WalletKind.MERCHANT)

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


class Admission(NamedTuple):
    """Per row of a batch: `code` 0 = goes on; `duplicate` > 0 = address of the record its key made before, < 0 = -(1 + row) of the
    same batch; rows of the payer, and of the payee or -1, and the payee's profile or -1."""

    code: NDArray[np.int64]
    duplicate: NDArray[np.int64]
    payer_row: NDArray[np.int64]
    payee_row: NDArray[np.int64]
    profile: NDArray[np.int64]


def new_admission(count: int) -> Admission:
    """Room for `count` rows."""
    return Admission(*np.zeros((5, count), np.int64))


class Channels(NamedTuple):
    """Per shard: `read` = block up to which its journal was read here, `asked` = record time at which the last read of it that
    reached its end began."""

    read: NDArray[np.int64]
    asked: NDArray[np.int64]


@inlined
def _find_wallets(book, me, row, admission, i):
    payer = row["payer"]
    payee = row["payee"]
    if payer == payee and payer != 0:
        return _SAME_WALLET
    payer_row = local_row(book, payer)
    if payer_row < 0:
        owner = owner_of(book, payer)
        return _MOVED if owner > 0 and owner != me + 1 else _PAYER_NOT_FOUND
    admission.payer_row[i] = payer_row
    payee_row = local_row(book, payee)
    admission.payee_row[i] = payee_row
    admission.profile[i] = -1
    if payee_row >= 0:
        if (
            book.wallets[payer_row]["currency"] != row["currency"]
            or book.wallets[payee_row]["currency"] != row["currency"]
        ):
            return _CURRENCY
        return 0
    owner = owner_of(book, payee)
    if owner < 0 or owner == me + 1:
        return _PAYEE_NOT_FOUND
    if owner == 0:
        asked_since = row["deferred_at"] != 0 and book.meta[M_SEGMENTS_STAMP] >= row["deferred_at"]
        return _PAYEE_NOT_FOUND if asked_since else _DEFERRED
    profile = profile_row(book, payee)
    if profile < 0:
        return _DEFERRED
    known = book.profiles[profile]
    if known["kind"] == 0:
        asked_since = row["deferred_at"] != 0 and known["opened"] >= row["deferred_at"]
        return _PAYEE_NOT_FOUND if asked_since else _DEFERRED
    if book.wallets[payer_row]["kind"] > _MERCHANT:
        return _MOVED
    if book.wallets[payer_row]["currency"] != row["currency"] or known["currency"] != row["currency"]:
        return _CURRENCY
    admission.profile[i] = profile
    return 0


@inlined
def _is_valid(row):
    """Whether the values of a row are such that whatever follows stays in range."""
    if row["effective_time"] < 0:
        return False
    if row["op"] == TRANSFER:
        return 1 <= row["amount"] <= AMOUNT_MAX
    if row["op"] == WALLET_OPENED:
        return 0 < row["currency"] < OPERATOR_SLOT_FIRST and -AMOUNT_MAX <= row["amount"] <= AMOUNT_MAX
    return row["op"] == WALLET_STATUS or row["op"] == WALLET_TIER


@inlined
def _check_times(book, channels, me, head, record_time, row, payer_row):
    effective = row["effective_time"]
    payer = book.wallets[payer_row]
    if effective != 0:
        if effective > record_time:
            return _IN_FUTURE
        if payer["kind"] <= _MERCHANT and effective < payer["payer_time"]:
            return _WENT_BACK
    after = row["after"]
    if after != 0:
        shard = after >> 52
        block = after >> 8 & 0xFFFFFFFFFFF
        if shard == me:
            return 0 if after <= head else _AFTER
        if shard < 0 or shard >= len(channels.read):
            return _AFTER
        if block > channels.read[shard]:
            asked_since = row["deferred_at"] != 0 and channels.asked[shard] >= row["deferred_at"]
            return _AFTER if asked_since else _DEFERRED
    return 0


@inlined
def _bind(secret, row):
    """Replace the caller's key by its stored form."""
    home = np.int64(0)
    if row["op"] == TRANSFER:
        home = row["payer"] if row["payer"] >> 16 != 0 or row["payee"] >> 16 == 0 else row["payee"]
    elif row["op"] != WALLET_OPENED:
        home = row["payee"]
    hi, lo = bind_key(secret, np.uint64(row["caller"]), np.uint64(home), row["key_hi"], row["key_lo"])
    row["key_hi"] = hi
    row["key_lo"] = lo


@inlined
def _read_ahead(book, row):
    fetch_slot(book.keys, row["key_hi"], row["key_lo"])
    fetch_slot(book.older_keys, row["key_hi"], row["key_lo"])
    fetch_row(book, row["payer"])
    fetch_row(book, row["payee"])


@inlined
def _admit_one(book, channels, me, head, record_time, row, admission, i):
    hi = row["key_hi"]
    lo = row["key_lo"]
    known = find(book.keys, hi, lo)
    if known == 0:
        known = find(book.older_keys, hi, lo)
    admission.duplicate[i] = known
    if known != 0:
        return 0
    if row["op"] != TRANSFER:
        if row["op"] == WALLET_OPENED and row["effective_time"] > record_time:
            return _IN_FUTURE
        return 0 if _is_valid(row) else _INVALID
    code = _find_wallets(book, me, row, admission, i)
    if code == 0:
        code = _check_times(book, channels, me, head, record_time, row, admission.payer_row[i])
    if code == 0 and not _is_valid(row):
        code = _INVALID
    if code == 0 and not put(book.keys, hi, lo, -(i + 1)):
        code = _KEYS_FULL
    if code != 0:
        return code
    row["flags"] = 0 if row["effective_time"] == 0 else FLAG_IMPORTED
    if row["effective_time"] == 0:
        row["effective_time"] = record_time
    payer = book.wallets[admission.payer_row[i]]
    if payer["kind"] <= _MERCHANT:
        payer["payer_time"] = row["effective_time"]
    return 0


@kernel
def admit(book, channels, secret, me, head, record_time, rows, admission):
    """Fill `admission`. Rows let through have taken their key, whose stored form replaces the caller's in `rows`, their effective time
    and the payer's time. `head`: address of the newest record here."""
    for start in range(0, len(rows), READ_AHEAD):
        end = min(start + READ_AHEAD, len(rows))
        for i in range(start, end):
            _bind(secret, rows[i])
        for i in range(start, end):
            _read_ahead(book, rows[i])
        for i in range(start, end):
            admission.code[i] = _admit_one(book, channels, me, head, record_time, rows[i], admission, i)


@inlined
def _payer_columns(book, wallet, row, out):
    effective = row["effective_time"]
    out[_PAYER_AGE] = (effective - wallet["opened"]) // DAY_MS if wallet["opened"] <= effective else 0
    out[_PAYER_TIER] = wallet["tier"]
    out[_AVAILABLE] = posted(wallet) - wallet["held"] - wallet["floor"]
    out[_PAYER_SCORE] = wallet["score"] if wallet["score"] != 0 else NULL
    out[_DAY_TOTAL] = wallet["day_total"] if wallet["day"] == effective // DAY_MS else 0
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
    """Fill `columns` (n, COLUMN_COUNT) for admitted rows, in order; each transfer is remembered as an attempt of its payer."""
    for i in range(len(rows)):
        if i % READ_AHEAD == 0:
            _read_wallets_ahead(book, payer_rows, payee_rows, i, min(i + READ_AHEAD, len(rows)))
        row = rows[i]
        out = columns[i]
        if row["op"] != TRANSFER:
            continue
        out[0] = row["amount"]
        out[_LABEL] = row["label"]
        out[_CHANNEL] = row["channel"]
        out[_COUNTRY] = row["country"] if row["country"] != 0 else NULL
        out[_DEVICE] = row["device"] if row["device"] != 0 else NULL
        out[_HOUR] = row["effective_time"] % DAY_MS // HOUR_MS
        payer = book.wallets[payer_rows[i]]
        if payer["kind"] <= _MERCHANT:
            _payer_columns(book, payer, row, out)
            remember(book, payer, row["effective_time"], row["amount"], row["payee"])
        else:
            for column in range(_PAYER_AGE, _PAYEE_KIND):
                out[column] = NULL
            for column in range(FIRST_WINDOW_COLUMN - 1, len(out)):
                out[column] = NULL
        if payee_rows[i] >= 0:
            payee = book.wallets[payee_rows[i]]
            kind, opened, tier = payee["kind"], payee["opened"], payee["tier"]
        else:
            known = book.profiles[profiles[i]]
            kind, opened, tier = known["kind"], known["opened"], known["tier"]
        out[_PAYEE_KIND] = kind
        out[_PAYEE_TIER] = tier
        out[_PAYEE_AGE] = (row["effective_time"] - opened) // DAY_MS if opened <= row["effective_time"] else 0


@inlined
def _fill_transfer(record, row, decision, scored, remote):
    record["payer"] = row["payer"]
    record["payee"] = row["payee"]
    record["amount"] = row["amount"]
    record["label"] = row["label"]
    record["channel"] = row["channel"]
    record["country"] = row["country"]
    record["device"] = row["device"]
    record["effective_time"] = row["effective_time"]
    flags = row["flags"] & FLAG_IMPORTED
    if remote:
        flags |= FLAG_REMOTE
    if scored:
        flags |= FLAG_SCORED
        if decision["flags"] & FALLBACK:
            flags |= FLAG_FALLBACK
        record["decision"] = decision["action"]
        record["points"] = decision["points"]
        record["reasons"] = decision["reasons"]
        record["pack"] = decision["pack"]
    record["flags"] = flags


@inlined
def _fill_common(record, row, record_time):
    record["kind"] = row["op"]
    record["currency"] = row["currency"]
    record["caller"] = row["caller"]
    record["key_hi"] = row["key_hi"]
    record["key_lo"] = row["key_lo"]
    record["digest"] = row["digest"]
    record["record_time"] = record_time


@kernel
def _open_wallet(book, record, row, address, record_time):
    code = decide_opened(book, row["payee"], row["kind"])
    if code != 0:
        return code
    wallet = row["payee"] if row["payee"] != 0 else next_address(book)
    if wallet == 0:
        return _DEFERRED
    record["payee"] = wallet
    record["amount"] = row["amount"]
    record["label"] = row["kind"]
    record["decision"] = row["tier"]
    record["effective_time"] = row["effective_time"] if row["effective_time"] != 0 else record_time
    if effect_opened(book, record, address):
        return 0
    record["amount"] = 0
    record["decision"] = 0
    return _DEFERRED


@kernel
def _change_wallet(book, record, row, address, record_time):
    wallet_row = local_row(book, row["payee"])
    if row["op"] == WALLET_STATUS:
        code = decide_status(book, wallet_row, row["kind"])
    elif wallet_row < 0:
        code = _NOT_FOUND
    elif book.wallets[wallet_row]["kind"] > _MERCHANT:
        code = _OPERATOR
    else:
        code = _WALLET_CLOSED if book.wallets[wallet_row]["status"] == 3 else 0
    if code != 0:
        return code
    record["payee"] = row["payee"]
    record["label"] = book.wallets[wallet_row]["kind"]
    record["currency"] = book.wallets[wallet_row]["currency"]
    record["channel"] = row["kind"] if row["op"] == WALLET_STATUS else book.wallets[wallet_row]["status"]
    record["decision"] = row["tier"] if row["op"] == WALLET_TIER else book.wallets[wallet_row]["tier"]
    record["effective_time"] = record_time
    effect_wallet(book, record, address)
    return 0


@inlined
def _result(result, record, address):
    result["code"] = record["code"]
    result["address"] = record["payee"] if record["kind"] == WALLET_OPENED else address
    result["action"] = record["decision"]
    result["points"] = record["points"]
    result["reasons"] = record["reasons"]
    result["pack"] = record["pack"]
    result["record_time"] = record["record_time"]
    result["effective_time"] = record["effective_time"]
    result["flags"] = record["flags"]


@kernel
def carry_out(
    book,
    rows,
    payer_rows,
    payee_rows,
    profiles,
    decisions,
    scored,
    record_time,
    first,
    limits,
    stripe_max,
    records,
    results,
    sources,
):
    """Turn admitted rows into records. `first`: address of slot 0 of the next block; `records` is zeroed and has room for all rows;
    `decisions` count only when `scored`. Gives the number of records; `sources` has each record's row."""
    count = 0
    for i in range(len(rows)):
        if i % READ_AHEAD == 0:
            for j in range(i, min(i + READ_AHEAD, len(rows))):
                _read_ahead(book, rows[j])
        row = rows[i]
        record = records[count]
        address = first + (np.int64(count // BLOCK_RECORDS_MAX) << 8) + count % BLOCK_RECORDS_MAX
        _fill_common(record, row, record_time)
        if row["op"] == TRANSFER:
            remote = payee_rows[i] < 0
            _fill_transfer(record, row, decisions[i], scored, remote)
            code = decide_transfer(book, payer_rows[i], payee_rows[i], profiles[i], record, limits, stripe_max)
            record["code"] = code
            effect_transfer(book, payer_rows[i], payee_rows[i], record, address, False, False)
        else:
            known = find(book.keys, row["key_hi"], row["key_lo"])
            if known > 0:
                results[i]["address"] = -known
                continue
            if known < 0:
                code = _MISMATCH
            elif not reserve(book.keys, row["key_hi"]):
                code = _KEYS_FULL
            elif row["op"] == WALLET_OPENED:
                code = _open_wallet(book, record, row, address, record_time)
            else:
                code = _change_wallet(book, record, row, address, record_time)
            if code != 0:
                results[i]["code"] = code
                continue
        put(book.keys, row["key_hi"], row["key_lo"], address)
        _result(results[i], record, address)
        sources[count] = i
        count += 1
    return count
