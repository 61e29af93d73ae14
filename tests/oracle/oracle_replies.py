"""What a repeated request is answered, one row at a time: the plain form of `actors.shard.idempotency`."""

from typing import Final

import numpy as np

from actors.records.codes import Code
from actors.records.layout import (
    ATTEMPTS,
    FIELDS,
    FLAG_CONTINUES,
    FLAG_IMPORTED,
    FLAG_LINKED,
    FLAG_REVIEW,
    REFERRING,
    REQUEST_ANSWER,
    RESULT,
    Kind,
    Records,
    Requests,
    Results,
)

_COMPARED: Final = (
    ("payer", "payer"),
    ("payee", "payee"),
    ("amount", "amount"),
    ("currency", "currency"),
    ("label", "kind"),
    ("channel", "channel"),
    ("country", "country"),
    ("device", "device"),
    ("digest", "body"),
)


def difference(row: Requests, record: Records, continues: bool) -> str | None:
    """Name of the first field in which a request row (1,) differs from the record (1,) its key made, or None. `continues`: it is in a
    linked group and not the first there."""
    if row["op"][0] != _asked(record):
        return "body"
    if record["kind"][0] in REFERRING:
        return _modification_difference(row, record)
    if record["kind"][0] not in ATTEMPTS:
        return _wallet_difference(row, record)
    for column, name in _COMPARED:
        if row[column][0] != record[column][0]:
            return name
    if row["op"][0] == Kind.HOLD and row["expires_in_s"][0] != _seconds(record):
        return "expires_in"
    flags = int(record["flags"][0])
    if (int(row["flags"][0]) ^ flags) & FLAG_LINKED or continues != bool(flags & FLAG_CONTINUES):
        return "linked"
    return None if _same_time(row, record) else "effective_time"


def _waits(record: Records) -> bool:
    """Whether a record (1,) put a payment in review."""
    return bool(record["kind"][0] == Kind.HOLD and record["flags"][0] & FLAG_REVIEW)


def _asked(record: Records) -> int:
    """Kind of record (1,) that its request was for: a transfer in review is recorded as a hold."""
    return int(Kind.TRANSFER if _waits(record) and not record["payee_lag"][0] else record["kind"][0])


def _seconds(record: Records) -> int:
    """For how long the request of a HOLD record (1,) was."""
    return int(record["payee_lag"][0] if _waits(record) else (record["expiry"][0] - record["record_time"][0]) // 1000)


def _same_time(row: Requests, record: Records) -> bool:
    imported = int(record["flags"][0]) & FLAG_IMPORTED
    wanted = int(row["effective_time"][0])
    return bool((wanted != 0) == (imported != 0) and (not imported or wanted == record["effective_time"][0]))


def _modification_difference(row: Requests, record: Records) -> str | None:
    """The amount asked for may have been "all that is left", so the digest stands for it and for `final`."""
    if row["after"][0] != record["reference"][0] or row["digest"][0] != record["digest"][0]:
        return "body"
    if bool(row["flags"][0] & REQUEST_ANSWER) != bool(record["flags"][0] & FLAG_REVIEW):
        return "body"
    return None if _same_time(row, record) else "effective_time"


def _wallet_difference(row: Requests, record: Records) -> str | None:
    if record["kind"][0] == Kind.WALLET_OPENED:
        same = row["kind"][0] == record["label"][0] and row["tier"][0] == record["decision"][0]
        same = same and row["amount"][0] == record["amount"][0] and row["currency"][0] == record["currency"][0]
    elif record["kind"][0] == Kind.WALLET_STATUS:
        same = row["kind"][0] == record["channel"][0]
    else:
        same = row["tier"][0] == record["decision"][0]
    return None if same and row["digest"][0] == record["digest"][0] else "body"


def fill_replay(result: Results, row: Requests, record: Records, address: int, *, continues: bool) -> None:
    """Complete one result (1,) of a repeated request; `continues` as for `difference`."""
    field = difference(row, record, continues)
    if field is not None:
        fill_mismatch(result, field)
        return
    result["code"] = Code.IN_REVIEW if _waits(record) else record["code"]
    result["replayed"] = 1
    result["address"] = record["payee"] if record["kind"][0] == Kind.WALLET_OPENED else address
    result["action"] = record["decision"]
    for name in ("points", "reasons", "pack", "record_time", "effective_time", "flags"):
        result[name] = record[name]


def fill_mismatch(results: Results, field: str) -> None:
    """Let results (n,) say that their key was used before with another body, which differs in this field."""
    results[:] = np.zeros(1, RESULT)
    results["code"] = Code.IDEMPOTENCY_MISMATCH
    results["field"] = FIELDS.index(field)
