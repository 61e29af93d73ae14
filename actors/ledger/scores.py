"""Scores that a run publishes: which wallets take theirs, the records of these, and their effects.

They are kernels: a run has a score for everybody. The effects are the same live and in a replay.
"""

from typing import Final

from actors.ledger.book import local_row
from actors.ledger.inquiries import TOUCHED
from actors.records.addresses import address_after
from actors.records.codes import Code
from actors.records.credit_layout import DIMENSIONS, SCORE_RANGE
from actors.records.layout import CREDIT_PREVIOUS, RUN, Kind
from models.jit import inlined, kernel

_OK: Final = int(Code.OK)
_INVALID_REQUEST: Final = int(Code.INVALID_REQUEST)
_WALLET_NOT_FOUND: Final = int(Code.WALLET_NOT_FOUND)
_DEFERRED: Final = int(Code.DEFERRED)
_RUN_SUPERSEDED: Final = int(Code.RUN_SUPERSEDED)
_SCORE: Final = int(Kind.SCORE)
_LOW, _HIGH = SCORE_RANGE.start, SCORE_RANGE.stop
_BITS: Final = 16
"""Of a subtotal, a reason or a gap: a SCORE has them one after the other in fields of 64 bits, see `credit_layout.SCORE`."""
_PARTS: Final = 64 // _BITS


@inlined
def _is_valid(row, run, now):
    """One run in a message; a score in its range, or none and a cause; as of no later than now."""
    if row["run"] == 0 or row["run"] != run or not 0 <= row["as_of"] <= now:
        return False
    if row["cause"] == 0:
        return _LOW <= row["score"] < _HIGH
    return row["score"] == 0


@inlined
def _fill(record, row, previous, now):
    """What a run says is taken as it is; links and record time are the shard's."""
    record["kind"], record["payer"] = _SCORE, row["holder"]
    record[CREDIT_PREVIOUS], record["record_time"] = previous, now
    record["label"], record["channel"], record["points"] = row["band"], row["cause"], row["score"]
    record["pack"], record[RUN], record["effective_time"] = row["card"], row["run"], row["as_of"]
    record["amount"], record["payer_posted"] = row["first"], row["second"]
    record["payee_posted"], record["payer_held"] = row["third"], row["last"]


@inlined
def _effect(book, tables, record, at, address):
    kept = tables.rows[at]
    kept["head"], kept["scored"], kept["as_of"] = address, address, record["effective_time"]
    kept["card"], kept["run"], kept["score"] = record["pack"], record[RUN], record["points"]
    kept["band"], kept["cause"] = record["label"], record["channel"]
    subtotals = kept["subtotals"]
    for i in range(len(DIMENSIONS)):
        words = record["amount"] if i < _PARTS else record["payer_posted"]
        subtotals[i] = (words << (64 - _BITS * (1 + i % _PARTS))) >> (64 - _BITS)
    book.wallets[at]["score"] = record["points"]
    tables.meta[TOUCHED] = 1


@kernel
def publish_scores(book, tables, turn, run, rows, seen, results, records):
    """Answer SCORE_WORDS rows (n,) of a run in `results` (n,) of zeros. Records (n,) of those that are new are made and applied, in their
    order. `seen`: heads of the wallets' chains (n,) under which alone they are made, or none. Gives how many."""
    made = 0
    for i in range(len(rows)):
        row, result = rows[i], results[i]
        at = local_row(book, row["holder"])
        if not _is_valid(row, run, turn.now):
            result["code"] = _INVALID_REQUEST
        elif at < 0:
            result["code"] = _WALLET_NOT_FOUND
        elif tables.rows[at]["run"] > row["run"]:
            result["code"] = _RUN_SUPERSEDED
        elif tables.rows[at]["run"] == row["run"]:
            result["code"], result["replayed"], result["address"] = _OK, 1, tables.rows[at]["scored"]
        elif len(seen) and tables.rows[at]["head"] != seen[i]:
            result["code"] = _DEFERRED
        else:
            address = address_after(turn.first, turn.start + made)
            _fill(records[made], row, tables.rows[at]["head"], turn.now)
            _effect(book, tables, records[made], at, address)
            result["code"], result["address"], result["record_time"] = _OK, address, turn.now
            made += 1
    return made


@kernel
def replay_scores(book, tables, records, addresses):
    """Apply SCORE records (n,). Gives the index of the first that does not fit, else n."""
    for i in range(len(records)):
        at = local_row(book, records[i]["payer"])
        if at < 0 or tables.rows[at]["head"] != records[i][CREDIT_PREVIOUS]:
            return i
        _effect(book, tables, records[i], at, addresses[i])
    return len(records)
