"""Admission: decide which rows of a batch can be tried.

`admit` looks up wallets and keys and sorts out what is refused, deferred or was done before.

Every payment that `admit` lets through ends as a record; a change of a wallet, a capture, a void or a refund may still be refused when
it is applied, without a trace. Nothing else is decided in between, so a batch may wait for its scores while legs are applied.
A linked group is let through as a whole or not at all.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import (
    M_SEGMENTS_STAMP,
    READ_AHEAD,
    fetch_row,
    local_row,
    need_profile,
    next_batch,
    original_row,
    owner_of,
    profile_row,
)
from actors.ledger.bounds import HOLD_SECONDS_MAX
from actors.ledger.captures_refunds import APPROVAL, CAPTURE, REFUND, VOID
from actors.ledger.holds import PROMISED, TABLE_FULL, keep_promise, promise_hold, promise_none, room_for_holds
from actors.ledger.posting import HOLD, TRANSFER, WALLET_OPENED, WALLET_STATUS, WALLET_TIER
from actors.ledger.table import fetch_slot, find, put, reserve
from actors.records.addresses import OPERATOR_SLOT_FIRST, block_of, follows, home_wallet, owned, shard_of
from actors.records.codes import Code
from actors.records.ids import bind_key
from actors.records.layout import AMOUNT_MAX, FLAG_IMPORTED, FLAG_LINKED, REQUEST_ANSWER
from models.jit import inlined, kernel
from rules.vocabulary.encodings import WalletKind

BEHIND_MAX: Final = 64
"""Payers with a row that is not tried yet, of which a batch keeps note; the order of times of further ones is their caller's to keep."""

T_GOING_ON: Final = 0
T_ATTEMPTS: Final = 1
T_DEFERRED: Final = 2
T_DUPLICATES: Final = 3
T_LONGEST: Final = 4
T_SIZE: Final = 5

FORGOTTEN: Final = -(2**62)
"""Value of a key that was taken and given back."""

_DEFERRED: Final = int(Code.DEFERRED)
_MOVED: Final = int(Code.MOVED)
_KEYS_FULL: Final = int(Code.KEYS_FULL)
_HOLDS_FULL: Final = int(Code.HOLDS_FULL)
_CALLER_HOLDS_FULL: Final = int(Code.CALLER_HOLDS_FULL)
_MISMATCH: Final = int(Code.IDEMPOTENCY_MISMATCH)
_SAME_WALLET: Final = int(Code.SAME_WALLET)
_PAYER_NOT_FOUND: Final = int(Code.PAYER_NOT_FOUND)
_PAYEE_NOT_FOUND: Final = int(Code.PAYEE_NOT_FOUND)
_CURRENCY: Final = int(Code.CURRENCY_MISMATCH)
_IN_FUTURE: Final = int(Code.EFFECTIVE_TIME_IN_FUTURE)
_WENT_BACK: Final = int(Code.EFFECTIVE_TIME_WENT_BACK)
_AFTER: Final = int(Code.AFTER_NOT_FOUND)
_INVALID: Final = int(Code.INVALID_REQUEST)
_NOT_REFUNDABLE: Final = int(Code.NOT_REFUNDABLE)
_GROUP: Final = int(Code.GROUP_INVALID)
_LINKED_REFUSED: Final = int(Code.LINKED_REFUSED)
_FIRST_REFUSED: Final = 20
# Of numpy's type: numba would compile its callees once for each literal.
_ALONE: Final = np.bool_(False)
_GROUPED: Final = np.bool_(True)
_MERCHANT: Final = int(WalletKind.MERCHANT)


class Admission(NamedTuple):
    """Per row of a batch: `code` 0 = goes on; `duplicate` > 0 = address of the record its key made before, < 0 = -(1 + row) of the
    same batch; rows of the payer, and of the payee or -1, and the payee's profile or -1. `behind`: their number, then payers of which an
    earlier row of the batch is not tried yet. `tally` (T_SIZE,): how many rows go on, and how many of those are attempts to pay; how many
    are deferred; how many have a duplicate; rows of the longest linked group, 0 = there is none."""

    code: NDArray[np.int64]
    duplicate: NDArray[np.int64]
    payer_row: NDArray[np.int64]
    payee_row: NDArray[np.int64]
    profile: NDArray[np.int64]
    behind: NDArray[np.int64]
    tally: NDArray[np.int64]


def new_admission(count: int) -> Admission:
    """Room for `count` rows."""
    code, duplicate, payer_row, payee_row, profile = np.zeros((5, count), np.int64)
    behind, tally = np.zeros(1 + BEHIND_MAX, np.int64), np.zeros(T_SIZE, np.int64)
    return Admission(code, duplicate, payer_row, payee_row, profile, behind, tally)


class Channels(NamedTuple):
    """Per shard: `read` = block up to which its journal was read here, `asked` = record time at which the last read of it that
    reached its end began."""

    read: NDArray[np.int64]
    asked: NDArray[np.int64]


@inlined
def _absent_payer(book, me, payer):
    owner = owner_of(book, payer)
    return _MOVED if owner > 0 and owner != me + 1 else _PAYER_NOT_FOUND


@inlined
def _find_wallets(book, me, row, admission, i, grouped):
    payer = row["payer"]
    payee = row["payee"]
    if payer == payee and payer != 0:
        return _SAME_WALLET
    payer_row = local_row(book, payer)
    if payer_row < 0:
        return _absent_payer(book, me, payer)
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
    if book.wallets[payer_row]["kind"] > _MERCHANT and not grouped:
        return _MOVED
    if book.wallets[payer_row]["currency"] != row["currency"] or known["currency"] != row["currency"]:
        return _CURRENCY
    admission.profile[i] = profile
    need_profile(book, profile)
    return 0


@inlined
def _is_valid(row):
    """Whether the values of a row are such that whatever follows stays in range."""
    op = row["op"]
    if row["effective_time"] < 0:
        return False
    if op == TRANSFER:
        return 1 <= row["amount"] <= AMOUNT_MAX
    if op == HOLD:
        return 1 <= row["amount"] <= AMOUNT_MAX and 1 <= row["expires_in_s"] <= HOLD_SECONDS_MAX
    answer = row["flags"] & REQUEST_ANSWER != 0
    if op == APPROVAL or (op == CAPTURE and answer):
        return answer and row["amount"] == 0 and row["after"] != 0
    if op == CAPTURE or op == REFUND:
        return 0 <= row["amount"] <= AMOUNT_MAX and row["after"] != 0 and not answer
    if op == WALLET_OPENED:
        return 0 < row["currency"] < OPERATOR_SLOT_FIRST and -AMOUNT_MAX <= row["amount"] <= AMOUNT_MAX
    return op == WALLET_STATUS or op == WALLET_TIER or (op == VOID and row["amount"] == 0 and row["after"] != 0)


@inlined
def _check_after(channels, me, head, row):
    """Whether the record named in `after` was seen here."""
    after = row["after"]
    if after == 0:
        return 0
    shard = shard_of(after)
    block = block_of(after)
    if shard == me:
        return 0 if after <= head else _AFTER
    if shard < 0 or shard >= len(channels.read):
        return _AFTER
    if block > channels.read[shard]:
        asked_since = row["deferred_at"] != 0 and channels.asked[shard] >= row["deferred_at"]
        return _AFTER if asked_since else _DEFERRED
    return 0


@inlined
def _check_times(book, record_time, row, payer_row, behind):
    effective = row["effective_time"]
    if effective > record_time:
        return _IN_FUTURE
    payer = book.wallets[payer_row]
    if payer["kind"] <= _MERCHANT:
        if effective != 0 and effective < payer["payer_time"]:
            return _WENT_BACK
        if behind[0] != 0 and _is_behind(behind, row["payer"]):
            return _DEFERRED
    return 0


@kernel
def _is_behind(behind, payer):
    """Whether an earlier row of this payer is not tried yet: a later time, of now too, must not overtake it."""
    for i in range(1, behind[0] + 1):
        if behind[i] == payer:
            return True
    return False


@kernel
def _note_untried(behind, row, code):
    """Operator wallets have no order of times."""
    if code == 0 or code >= _FIRST_REFUSED or row["effective_time"] == 0 or row["op"] > HOLD:
        return
    if behind[0] < BEHIND_MAX and owned(row["payer"]) and not _is_behind(behind, row["payer"]):
        behind[0] += 1
        behind[behind[0]] = row["payer"]


@inlined
def _home(row):
    """Address of the wallet to which a row's key belongs, 0 for the opening of a wallet."""
    if TRANSFER <= row["op"] <= APPROVAL:
        return home_wallet(row["payer"], row["payee"])
    return np.int64(0) if row["op"] == WALLET_OPENED else row["payee"]


@inlined
def _bind(secret, row, home):
    """Replace the caller's key by its stored form."""
    hi, lo = bind_key(secret, np.uint64(row["caller"]), np.uint64(home), row["key_hi"], row["key_lo"])
    row["key_hi"] = hi
    row["key_lo"] = lo


@inlined
def _end_of_group(rows, i):
    """Index of the last row of the group that begins at `i`; a row that is not linked is a group of its own."""
    while rows[i]["flags"] & FLAG_LINKED and i + 1 < len(rows):
        i += 1
    return i


@kernel
def _bind_group(secret, rows, i, last):
    """All keys of a group belong to its user payer, else to the home of its first row."""
    home = np.int64(_home(rows[i]))
    for j in range(last, i - 1, -1):
        if owned(rows[j]["payer"]):
            home = rows[j]["payer"]
    for j in range(i, last + 1):
        _bind(secret, rows[j], home)


@inlined
def find_key(book, hi, lo):
    """What a key made: an address, -(1 + row) of the batch under way, or 0."""
    known = find(book.keys, hi, lo)
    if known == 0:
        known = find(book.older_keys, hi, lo)
    return known if known != FORGOTTEN else np.int64(0)


@inlined
def read_ahead(book, row):
    """Bring what a row will need into the cache."""
    fetch_slot(book.keys, row["key_hi"], row["key_lo"])
    fetch_slot(book.older_keys, row["key_hi"], row["key_lo"])
    fetch_row(book, row["payer"])
    fetch_row(book, row["payee"])


@inlined
def _check_modification(book, channels, me, head, record_time, row):
    """Code of a CAPTURE, VOID, REFUND or APPROVAL row so far; the rest is decided when it is applied."""
    refund = row["op"] == REFUND
    payer_row = local_row(book, row["payer"])
    payee_row = local_row(book, row["payee"])
    if refund and payer_row < 0:
        return _absent_payer(book, me, row["payer"])
    if row["op"] != VOID and row["op"] != APPROVAL and payee_row < 0:
        # A leg to a segment that is unknown here, or to a stripe that is not, would reach nobody.
        owner = owner_of(book, row["payee"])
        asked_since = row["deferred_at"] != 0 and book.meta[M_SEGMENTS_STAMP] >= row["deferred_at"]
        if owner == 0 and not asked_since:
            return _DEFERRED
        if owner <= 0 or owner == me + 1:
            return _PAYEE_NOT_FOUND
    if refund and payee_row < 0 and not owned(row["payer"]):
        return _MOVED
    if refund and book.wallets[payer_row]["currency"] != row["currency"]:
        return _CURRENCY
    if refund and payee_row >= 0 and book.wallets[payee_row]["currency"] != row["currency"]:
        return _CURRENCY
    if row["effective_time"] > record_time:
        return _IN_FUTURE
    code = _check_after(channels, me, head, row) if refund else 0
    if code != 0:
        return code
    if not _is_valid(row):
        return _INVALID
    if refund:
        known = original_row(book, row["after"])
        if known < 0:
            return _DEFERRED
        if book.originals[known]["kind"] == 0:
            asked_since = row["deferred_at"] != 0 and book.originals[known]["amount"] >= row["deferred_at"]
            return _NOT_REFUNDABLE if asked_since else _DEFERRED
    return 0


@inlined
def _check_payment(book, channels, me, head, record_time, row, admission, i, grouped):
    """Code of a TRANSFER or HOLD row whose key is new; changes nothing."""
    code = _find_wallets(book, me, row, admission, i, grouped)
    if code == 0:
        code = _check_times(book, record_time, row, admission.payer_row[i], admission.behind)
    if code == 0:
        code = _check_after(channels, me, head, row)
    if code == 0 and not _is_valid(row):
        code = _INVALID
    return code


@inlined
def _take_payment(book, record_time, row, payer_row, i):
    """Take the key of a row that goes on, its effective time and the payer's. Gives a code when there is no room."""
    if row["op"] == HOLD:
        if not reserve(book.keys, row["key_hi"]):
            return _KEYS_FULL
        promised = promise_hold(book.holds, row["caller"])
        if promised != PROMISED:
            return _HOLDS_FULL if promised == TABLE_FULL else _CALLER_HOLDS_FULL
    if not put(book.keys, row["key_hi"], row["key_lo"], -(i + 1)):
        return _KEYS_FULL
    _take_times(book, record_time, row, payer_row)
    return 0


@inlined
def _take_times(book, record_time, row, payer_row):
    row["flags"] = (row["flags"] & FLAG_LINKED) | (FLAG_IMPORTED if row["effective_time"] != 0 else 0)
    if row["effective_time"] == 0:
        row["effective_time"] = record_time
    payer = book.wallets[payer_row]
    if payer["kind"] <= _MERCHANT:
        payer["payer_time"] = row["effective_time"]


@inlined
def _admit_one(book, channels, me, head, record_time, row, admission, i):
    known = find_key(book, row["key_hi"], row["key_lo"])
    admission.duplicate[i] = known
    if known != 0:
        return 0
    op = row["op"]
    if op == TRANSFER or op == HOLD:
        code = _check_payment(book, channels, me, head, record_time, row, admission, i, _ALONE)
        return code if code != 0 else _take_payment(book, record_time, row, admission.payer_row[i], i)
    if op == CAPTURE or op == VOID or op == REFUND or op == APPROVAL:
        return _check_modification(book, channels, me, head, record_time, row)
    if op == WALLET_OPENED and row["effective_time"] > record_time:
        return _IN_FUTURE
    return 0 if _is_valid(row) else _INVALID


@inlined
def _follows(before, after):
    """Whether two records, or two rows of the batch, made a group one after the other; blocks are cut at any slot."""
    if before < 0:
        return after == before - 1
    return follows(after, before)


@kernel
def _check_group(book, channels, me, head, record_time, rows, admission, i, last):
    """Code of a group as a whole, each row's own in `admission`; changes nothing. Its shape is asked when all its rows are good."""
    known = 0
    untried = 0
    refused = False
    payer = np.int64(0)
    good = rows[last]["flags"] & FLAG_LINKED == 0
    for j in range(i, last + 1):
        row = rows[j]
        admission.duplicate[j] = find_key(book, row["key_hi"], row["key_lo"])
        admission.code[j] = 0
        if admission.duplicate[j] != 0:
            known += 1
            good &= j == i or _follows(admission.duplicate[j - 1], admission.duplicate[j])
        elif row["op"] != TRANSFER and row["op"] != HOLD:
            admission.code[j] = _INVALID
        else:
            admission.code[j] = _check_payment(book, channels, me, head, record_time, row, admission, j, _GROUPED)
            if owned(row["payer"]):
                good &= payer == 0 or payer == row["payer"]
                payer = row["payer"]
            good &= row["effective_time"] == rows[i]["effective_time"]
        if admission.code[j] >= _FIRST_REFUSED:
            refused = True
        elif untried == 0:
            untried = admission.code[j]
    if known != 0:
        return 0 if known == last + 1 - i and good else _MISMATCH
    if refused:
        return _LINKED_REFUSED
    return untried if untried != 0 or good else _GROUP


@kernel
def _take_group(book, record_time, rows, admission, i, last):
    """Take every key of a group and room for all its holds, or, giving back the keys that were taken, nothing."""
    code = 0
    holds = 0
    end = i
    while code == 0 and end <= last:
        row = rows[end]
        if find_key(book, row["key_hi"], row["key_lo"]) != 0:
            code = _GROUP
        elif not put(book.keys, row["key_hi"], row["key_lo"], -(end + 1)):
            code = _KEYS_FULL
        else:
            holds += row["op"] == HOLD
            end += 1
    if code == 0 and not room_for_holds(book.holds, holds):
        code = _HOLDS_FULL
    promised = i
    while code == 0 and promised <= last:
        if rows[promised]["op"] == HOLD and promise_hold(book.holds, rows[promised]["caller"]) != PROMISED:
            code = _CALLER_HOLDS_FULL
        else:
            promised += 1
    if code != 0:
        for j in range(i, promised):
            if rows[j]["op"] == HOLD:
                keep_promise(book.holds, rows[j]["caller"])
    for j in range(i, end):
        if code != 0:
            put(book.keys, rows[j]["key_hi"], rows[j]["key_lo"], FORGOTTEN)
        else:
            _take_times(book, record_time, rows[j], admission.payer_row[j])
    return code


@kernel
def _admit_group(book, channels, me, head, record_time, rows, admission, i, last):
    code = _check_group(book, channels, me, head, record_time, rows, admission, i, last)
    if code == 0 and admission.duplicate[i] == 0:
        code = _take_group(book, record_time, rows, admission, i, last)
    if code == 0:
        return
    for j in range(i, last + 1):
        admission.duplicate[j] = 0
        if code != _LINKED_REFUSED or admission.code[j] < _FIRST_REFUSED:
            admission.code[j] = code


@inlined
def _count(tally, row, code, duplicate):
    if code == 0 and duplicate == 0:
        tally[T_GOING_ON] += 1
        tally[T_ATTEMPTS] += row["op"] == TRANSFER or row["op"] == HOLD
    tally[T_DEFERRED] += code == _DEFERRED
    tally[T_DUPLICATES] += duplicate != 0


@kernel
def admit(held, channels, secret, me, head, record_time, rows, admission):
    """Fill `admission`. `held`: the book. Rows let through have taken their key, whose stored form replaces the caller's in `rows`, their
    effective time and the payer's time. `head`: address of the newest record here."""
    book = held.value
    next_batch(book)
    start: Any = np.int64(0)
    promise_none(book.holds)
    while start < len(rows):
        end = _end_of_group(rows, min(start + READ_AHEAD, len(rows)) - 1) + 1
        i = start
        while i < end:
            last = _end_of_group(rows, i)
            if last == i:
                _bind(secret, rows[i], _home(rows[i]))
            else:
                _bind_group(secret, rows, i, last)
            i = last + 1
        for i in range(start, end):
            read_ahead(book, rows[i])
        i = start
        while i < end:
            last = i
            if rows[i]["flags"] & FLAG_LINKED:
                last = _end_of_group(rows, i)
                _admit_group(book, channels, me, head, record_time, rows, admission, i, last)
                admission.tally[T_LONGEST] = max(admission.tally[T_LONGEST], last + 1 - i)
            else:
                admission.code[i] = _admit_one(book, channels, me, head, record_time, rows[i], admission, i)
            while i <= last:
                _note_untried(admission.behind, rows[i], admission.code[i])
                _count(admission.tally, rows[i], admission.code[i], admission.duplicate[i])
                i += 1
        start = end
