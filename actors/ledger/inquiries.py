"""Inquiries about wallets: what is refused, the records of the others, and their effects.

They are kernels: a shard has thousands of inquiries a second, and a journal millions. The effects are the same live and in a replay.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.admission import find_key
from actors.ledger.book import local_row
from actors.ledger.table import COUNT, Table, find, put, reserve
from actors.records.addresses import address_after
from actors.records.codes import Code
from actors.records.credit_layout import ConsentRows, CreditRows, InquiryResult
from actors.records.ids import bind_key
from actors.records.layout import (
    ACCOUNT,
    CAUSE,
    CREDIT_PREVIOUS,
    DISPUTED,
    GRANTED,
    HOME,
    RESULT_OF_INQUIRY,
    SCENARIO,
    SCENARIO_VERSION,
    SCORE_SEEN,
    Kind,
)
from models.jit import inlined, kernel
from rules.vocabulary.columns import DAY_MS

TOUCHED: Final = 7
"""In `CreditTables.meta`: 1 once a wallet has a credit record; before that there is nothing to keep of the rows."""
DAY: Final = 11
"""The day of record time whose inquiries are counted."""

_PAIRS_PERCENT: Final = 25
"""How many of a day's pairs of account and wallet may be of one account: who asks about everybody must not use up the count that keeps all
others from probing."""
_OF_WALLET: Final = np.uint64((1 << 64) - 1)
_OF_ACCOUNT: Final = np.uint64((1 << 64) - 2)
"""In place of a scenario, in the keys of counts."""
_OK: Final = int(Code.OK)
_DEFERRED: Final = int(Code.DEFERRED)
_KEYS_FULL: Final = int(Code.KEYS_FULL)
_WALLET_NOT_FOUND: Final = int(Code.WALLET_NOT_FOUND)
_TOO_MANY_DECISIONS: Final = int(Code.TOO_MANY_DECISIONS)
_NOT_AVAILABLE: Final = int(InquiryResult.NOT_AVAILABLE)
_INQUIRY: Final = int(Kind.INQUIRY)


class CreditTables(NamedTuple):
    """What inquiries look at and change: rows beside wallets, live consents, and the day's inquiries by account and wallet, of whose pairs
    there are `inquirers` at most."""

    rows: CreditRows
    consents: ConsentRows
    consent_table: Table
    inquiry_table: Table
    inquirers: int
    meta: NDArray[np.int64]


class Turn(NamedTuple):
    """When inquiries are taken, by which writer, the address of the block's first record, and how many records are before theirs."""

    now: int
    writer: int
    first: int
    start: int


@inlined
def credit_key(secret, account, address, scenario):
    """Words of a hash key of consents, orders or counts, that callers cannot foresee."""
    return bind_key(secret, account, address, np.uint64(scenario), np.uint64(0))


@inlined
def live_consent(tables, secret, holder, account, scenario, now):
    """1 + the row of the live consent of a holder for a merchant's account and scenario, 0 = none."""
    hi, lo = credit_key(secret, account, holder, scenario)
    at = find(tables.consent_table, hi, lo)
    return at if at > 0 and tables.consents[at - 1]["expiry"] > now else np.int64(0)


@kernel
def find_consents(tables, secret, questions, now, found):
    """`live_consent` of CREDIT_QUESTION rows (n,), into `found` (n,)."""
    for i in range(len(questions)):
        asked = questions[i]
        found[i] = live_consent(tables, secret, asked["holder"], asked["account"], asked["scenario"], now)


@inlined
def _may_inquire(tables, secret, row, now):
    """Whether the account may ask about the wallet once more today. What cannot be counted is not answered: a full count would leave all
    wallets to be probed."""
    if tables.meta[DAY] != now // DAY_MS:
        return True
    hi, lo = credit_key(secret, row["account"], row["home"], _OF_WALLET)
    asked = find(tables.inquiry_table, hi, lo)
    if asked > 0:
        return asked < row["open_max"]
    hi, lo = credit_key(secret, row["account"], np.int64(0), _OF_ACCOUNT)
    pairs = find(tables.inquiry_table, hi, lo)
    return pairs < tables.inquirers * _PAIRS_PERCENT // 100 and tables.inquiry_table.meta[COUNT] < tables.inquirers


@inlined
def _refusal(book, tables, secret, turn, row, at):
    """Code of an INQUIRY row whose key is new; `at`: row of the holder, -1 = no such wallet, or nobody's."""
    if row["writer"] != 0 and row["writer"] != turn.writer:
        return _DEFERRED
    if row["holder"] != 0:
        if at < 0:
            return _WALLET_NOT_FOUND
        if row["seen"] >= 0 and tables.rows[at]["head"] != row["seen"]:
            return _DEFERRED
    if row["open_max"] != 0 and not _may_inquire(tables, secret, row, turn.now):
        return _TOO_MANY_DECISIONS
    if row["kind"] != _NOT_AVAILABLE:
        consent = live_consent(tables, secret, row["holder"], row["account"], row["scenario"], turn.now)
        if consent == 0 or tables.consents[consent - 1]["record"] != row["reference"]:
            return _DEFERRED
    return _OK


@inlined
def _fill(record, row, hi, lo, now):
    record["kind"], record["payer"], record[ACCOUNT] = _INQUIRY, row["holder"], row["account"]
    record[SCENARIO], record[SCENARIO_VERSION] = row["scenario"], row["version"]
    record["record_time"], record["effective_time"] = now, now
    record["amount"], record[GRANTED], record["expiry"] = row["amount"], row["granted"], row["expiry"]
    record[HOME], record[DISPUTED] = row["home"], row["standing"]
    record[RESULT_OF_INQUIRY], record[CAUSE], record[SCORE_SEEN] = row["kind"], row["cause"], row["points"]
    record["reasons"], record["reference"] = row["reasons"], row["reference"]
    record["key_hi"], record["key_lo"], record["caller"] = hi, lo, row["caller"]
    record["digest"] = row["digest"] if row["digest"] != 0 else np.uint64(1)


@inlined
def _effect(tables, secret, record, at, address):
    """An inquiry of the day that is counted is recorded; `at`: row of the holder, -1 = nobody's."""
    account = record[ACCOUNT]
    hi, lo = credit_key(secret, account, record[HOME], _OF_WALLET)
    asked = find(tables.inquiry_table, hi, lo)
    if put(tables.inquiry_table, hi, lo, asked + 1) and asked == 0:
        hi, lo = credit_key(secret, account, np.int64(0), _OF_ACCOUNT)
        put(tables.inquiry_table, hi, lo, find(tables.inquiry_table, hi, lo) + 1)
    if at >= 0:
        tables.rows[at]["head"] = address
        tables.meta[TOUCHED] = 1


@kernel
def decide_inquiries(book, tables, secret, turn, rows, begun, results, records):
    """Answer INQUIRY rows (n,) in `results` (n,); the records (n,) of those that are not refused are made and applied. `begun`, and given:
    how many rows are answered and records made. Rows are left where a new day begins."""
    done, made = begun
    while done < len(rows):
        row, result = rows[done], results[done]
        hi, lo = bind_key(secret, row["caller"], row["home"], row["key_hi"], row["key_lo"])
        known = find_key(book, hi, lo)
        at = local_row(book, row["holder"])
        code = _OK
        if known == 0:
            code = _refusal(book, tables, secret, turn, row, at) if reserve(book.keys, hi) else _KEYS_FULL
        if known == 0 and code == _OK and tables.meta[DAY] != turn.now // DAY_MS:
            break
        done += 1
        result["code"] = code
        if known != 0:
            result["address"], result["replayed"] = known, 1
        elif code == _DEFERRED:
            result["record_time"] = turn.now
        elif code == _OK:
            address = address_after(turn.first, turn.start + made)
            record = records[made]
            made += 1
            _fill(record, row, hi, lo, turn.now)
            record[CREDIT_PREVIOUS] = tables.rows[at]["head"] if at >= 0 else 0
            _effect(tables, secret, record, at, address)
            put(book.keys, hi, lo, address)
            result["address"], result["record_time"] = address, turn.now
    return done, made


@kernel
def replay_inquiries(book, tables, secret, records, addresses, done):
    """Apply INQUIRY records (n,) from the index `done` on. Gives the index of the first that does not fit or is of another day, else n."""
    while done < len(records):
        record = records[done]
        at = local_row(book, record["payer"])
        if record["payer"] != 0 and (at < 0 or tables.rows[at]["head"] != record[CREDIT_PREVIOUS]):
            break
        if tables.meta[DAY] != record["record_time"] // DAY_MS:
            break
        _effect(tables, secret, record, at, addresses[done])
        done += 1
    return done
