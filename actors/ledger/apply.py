"""Apply an admitted batch: rows become records.

The records of a linked group all count or none.

A payment that scoring wants reviewed becomes the record of a hold, which an analyst's answer ends (see `captures_refunds`); where
the hold cannot be made the payment is declined as what it was.
"""

from typing import Any, Final

import numpy as np

from actors.ledger.admission import find_key, read_ahead
from actors.ledger.book import M_SEGMENTS, M_SEGMENTS_END, READ_AHEAD, local_row, next_batch
from actors.ledger.captures_refunds import APPROVAL, CAPTURE, REFUND, VOID, change_hold, give_refund
from actors.ledger.holds import PROMISED, keep_promise, open_hold, promise_hold, promise_none
from actors.ledger.posting import (
    HOLD,
    LIVE,
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
    wants_review,
)
from actors.ledger.table import put, reserve
from actors.records.addresses import SEGMENT_SLOTS, address_after
from actors.records.codes import Code
from actors.records.layout import (
    FLAG_CONTINUES,
    FLAG_FALLBACK,
    FLAG_IMPORTED,
    FLAG_LINKED,
    FLAG_REMOTE,
    FLAG_REVIEW,
    FLAG_SCORED,
    FLOOR,
    OPENED,
    TIER,
    WALLET_KIND,
    WALLET_STATE,
)
from models.jit import inlined, kernel
from rules.decisions.decision import FALLBACK
from rules.vocabulary.encodings import WalletKind

_DEFERRED: Final = int(Code.DEFERRED)
_WALLETS_FULL: Final = int(Code.WALLETS_FULL)
_KEYS_FULL: Final = int(Code.KEYS_FULL)
_MISMATCH: Final = int(Code.IDEMPOTENCY_MISMATCH)
_NOT_FOUND: Final = int(Code.WALLET_NOT_FOUND)
_OPERATOR: Final = int(Code.OPERATOR_WALLET)
_WALLET_CLOSED: Final = int(Code.WALLET_CLOSED)
_LINKED_DECLINED: Final = int(Code.LINKED_DECLINED)
_IN_REVIEW: Final = int(Code.IN_REVIEW)
_REVIEWS_FULL: Final = int(Code.REVIEWS_FULL)
_MERCHANT: Final = int(WalletKind.MERCHANT)


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
    flags = row["flags"] & (FLAG_IMPORTED | FLAG_LINKED)
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
        full = book.meta[M_SEGMENTS_END] != 0 or (book.meta[M_SEGMENTS] + 1) * SEGMENT_SLOTS > len(book.wallets)
        return _WALLETS_FULL if full else _DEFERRED
    record["payee"] = wallet
    record[FLOOR] = row["amount"]
    record[WALLET_KIND] = row["kind"]
    record[TIER] = row["tier"]
    record[OPENED] = row["effective_time"] if row["effective_time"] != 0 else record_time
    if effect_opened(book, record, address):
        return 0
    record[FLOOR] = 0
    record[TIER] = 0
    return _DEFERRED


@kernel
def _change_wallet(book, record, row, address, record_time, orders):
    wallet_row = local_row(book, row["payee"])
    if row["op"] == WALLET_STATUS:
        code = decide_status(book, wallet_row, row["kind"], orders)
    elif wallet_row < 0:
        code = _NOT_FOUND
    elif book.wallets[wallet_row]["kind"] > _MERCHANT:
        code = _OPERATOR
    else:
        code = _WALLET_CLOSED if book.wallets[wallet_row]["status"] == 3 else 0
    if code != 0:
        return code
    record["payee"] = row["payee"]
    record[WALLET_KIND] = book.wallets[wallet_row]["kind"]
    record["currency"] = book.wallets[wallet_row]["currency"]
    record[WALLET_STATE] = row["kind"] if row["op"] == WALLET_STATUS else book.wallets[wallet_row]["status"]
    record[TIER] = row["tier"] if row["op"] == WALLET_TIER else book.wallets[wallet_row]["tier"]
    record["effective_time"] = record_time
    effect_wallet(book, record, address)
    return 0


@inlined
def _result(result, record, address):
    waits = record["kind"] == HOLD and record["flags"] & FLAG_REVIEW
    result["code"] = _IN_REVIEW if waits else record["code"]
    result["address"] = record["payee"] if record["kind"] == WALLET_OPENED else address
    result["action"] = record["decision"]
    result["points"] = record["points"]
    result["reasons"] = record["reasons"]
    result["pack"] = record["pack"]
    result["record_time"] = record["record_time"]
    result["effective_time"] = record["effective_time"]
    result["flags"] = record["flags"]


@inlined
def _fill_payment(record, row, decision, scored, remote, record_time):
    _fill_common(record, row, record_time)
    _fill_transfer(record, row, decision, scored, remote)
    if row["op"] == HOLD:
        record["expiry"] = record_time + np.int64(row["expires_in_s"]) * 1000


@inlined
def _fill_linked(record, rows, i, j, decisions, scored, payee_rows, record_time):
    """Row `j` of the group that begins at `i`."""
    _fill_payment(record, rows[j], decisions[j], scored, payee_rows[j] < 0, record_time)
    if j > i:
        record["flags"] |= FLAG_CONTINUES


@inlined
def _decide(book, payer_row, payee_row, profile, record, limits, stripe_max, row, review_ms):
    """Decide the code of a payment that stands alone; one that is to be reviewed becomes a hold, if it is not declined at once."""
    reviewed = wants_review(record)
    if reviewed:
        record["kind"] = HOLD
    code = decide_transfer(book, payer_row, payee_row, profile, record, limits, stripe_max)
    if reviewed and code == 0 and row["op"] == TRANSFER and promise_hold(book.holds, row["caller"]) != PROMISED:
        code = _REVIEWS_FULL
    record["code"] = code
    if reviewed and code == 0:
        expiry = record["record_time"] + review_ms
        if row["op"] == HOLD:
            record["payee_lag"] = row["expires_in_s"]
            expiry = min(expiry, np.int64(record["expiry"]))
        record["expiry"] = expiry
        record["flags"] |= FLAG_REVIEW
    elif reviewed:
        record["kind"] = row["op"]


@inlined
def _file(book, record, result, address):
    """A payment's record has its code: keep its hold, its key and its result."""
    if record["kind"] == HOLD:
        keep_promise(book.holds, record["caller"])
        if record["code"] == 0:
            open_hold(book.holds, record, address)
    put(book.keys, record["key_hi"], record["key_lo"], address)
    _result(result, record, address)


@kernel
def _apply_group(
    book, rows, payer_rows, payee_rows, profiles, decisions, scored, record_time, first, limits, stripe_max, records,
    count, results, i, last, undo,
):  # fmt: skip
    """Turn a linked group into records from number `count` on: each is decided after the effects of those before it; when one is
    declined all effects are undone from the copies in `undo`, and the others say so."""
    failed = -1
    code = 0
    saved = 0
    for j in range(i, last + 1):
        record = records[count + j - i]
        _fill_linked(record, rows, i, j, decisions, scored, payee_rows, record_time)
        code = decide_transfer(book, payer_rows[j], payee_rows[j], profiles[j], record, limits, stripe_max)
        if code != 0:
            failed = j
            break
        undo[saved] = book.wallets[payer_rows[j]]
        undo[saved + 1] = book.wallets[max(payee_rows[j], 0)]
        saved += 2
        effect_transfer(book, payer_rows[j], payee_rows[j], record, address_after(first, count + j - i), LIVE, LIVE)
    for j in range(failed - 1, i - 1, -1):
        saved -= 2
        if payee_rows[j] >= 0:
            book.wallets[payee_rows[j]] = undo[saved + 1]
        book.wallets[payer_rows[j]] = undo[saved]
        records[count + j - i] = records[len(records) - 1]
    for j in range(i, last + 1):
        record = records[count + j - i]
        if failed >= 0:
            _fill_linked(record, rows, i, j, decisions, scored, payee_rows, record_time)
            record["code"] = code if j == failed else _LINKED_DECLINED
            effect_transfer(book, payer_rows[j], payee_rows[j], record, np.int64(0), LIVE, LIVE)
        _file(book, record, results[j], address_after(first, count + j - i))


@inlined
def _apply_change(book, record, row, address, record_time, stripe_max, orders, result):
    """Turn a row that is no payment into a record. False when there is none: it was done before, or is refused."""
    known = find_key(book, row["key_hi"], row["key_lo"])
    if known > 0:
        result["address"] = -known
        return False
    code = 0
    if known < 0:
        code = _MISMATCH
    elif not reserve(book.keys, row["key_hi"]):
        code = _KEYS_FULL
    elif row["op"] == WALLET_OPENED:
        code = _open_wallet(book, record, row, address, record_time)
    elif row["op"] == WALLET_STATUS or row["op"] == WALLET_TIER:
        code = _change_wallet(book, record, row, address, record_time, orders)
    elif row["op"] == REFUND:
        code = give_refund(book, record, row, address, stripe_max)
    elif row["op"] == CAPTURE or row["op"] == VOID or row["op"] == APPROVAL:
        code = change_hold(book, record, row, address, record_time, stripe_max)
    result["code"] = code
    return code == 0


@kernel
def apply(
    held,
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
    review_ms,
    orders,
    records,
    results,
    sources,
    undo,
):
    """Turn admitted rows into records. `held`: the book. `review_ms`: how long an analyst has for an answer. `orders`: by wallet row, how
    many orders of the wallet are not over. `first`: address of slot 0 of the next block; `records` is zeroed and has room for all rows and
    one more; `decisions` count only when `scored`; `undo`: two WALLET rows for each row of the longest group. Gives the number of records,
    of rows that repeat one and of rows that are deferred; `sources` has each record's row."""
    book = held.value
    count = np.int64(0)
    repeated = np.int64(0)
    deferred = np.int64(0)
    ahead: Any = np.int64(0)
    i: Any = np.int64(0)
    while i < len(rows):
        if i >= ahead:
            ahead = min(i + READ_AHEAD, len(rows))
            for j in range(i, ahead):
                read_ahead(book, rows[j])
        row = rows[i]
        record = records[count]
        address = address_after(first, count)
        last = i
        if row["op"] != TRANSFER and row["op"] != HOLD:
            _fill_common(record, row, record_time)
            if not _apply_change(book, record, row, address, record_time, stripe_max, orders, results[i]):
                repeated += results[i]["address"] < 0
                deferred += results[i]["code"] == _DEFERRED
                i += 1
                continue
            put(book.keys, row["key_hi"], row["key_lo"], address)
            _result(results[i], record, address)
        elif row["flags"] & FLAG_LINKED:
            while rows[last]["flags"] & FLAG_LINKED and last + 1 < len(rows):
                last += 1
            _apply_group(
                book, rows, payer_rows, payee_rows, profiles, decisions, scored, record_time, first, limits, stripe_max,
                records, count, results, i, last, undo,
            )  # fmt: skip
        else:
            _fill_payment(record, row, decisions[i], scored, payee_rows[i] < 0, record_time)
            _decide(book, payer_rows[i], payee_rows[i], profiles[i], record, limits, stripe_max, row, review_ms)
            effect_transfer(book, payer_rows[i], payee_rows[i], record, address, LIVE, LIVE)
            _file(book, record, results[i], address)
        while i <= last:
            sources[count] = i
            count += 1
            i += 1
    promise_none(book.holds)
    next_batch(book)
    return count, repeated, deferred
