"""Idempotency: answers for keys that were used before.

The same body gets the original result; another body the field that differs.

All is done on whole columns: a batch of the largest size that is sent again must not cost more than it did the first time.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.codes import Code
from actors.records.layout import (
    ATTEMPTS,
    FIELDS,
    FLAG_CONTINUES,
    FLAG_IMPORTED,
    FLAG_LINKED,
    FLAG_REVIEW,
    FLOOR,
    HELD_FOR,
    REFERRING,
    REQUEST_ANSWER,
    RESULT,
    TIER,
    WALLET_KIND,
    WALLET_STATE,
    Kind,
    Records,
    Requests,
    Results,
)

SAME: Final = -1
"""In place of a field: none differs."""
LINKED: Final = FIELDS.index("linked")

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

Mask = NDArray[np.bool_]


def repeated_results(rows: Requests, records: Records, addresses: NDArray[np.int64], continues: Mask) -> Results:
    """RESULT rows (n,) for REQUEST rows (n,) whose keys made these records (n,) at these addresses. `continues` (n,): which rows are
    in a linked group and not the first there."""
    fields = differences(rows, records, continues)
    results = np.zeros(len(rows), RESULT)
    results["code"] = np.where(_waits(records), int(Code.IN_REVIEW), records["code"])
    results["replayed"] = 1
    results["address"] = np.where(records["kind"] == Kind.WALLET_OPENED, records["payee"], addresses)
    results["action"] = records["decision"]
    for name in ("points", "reasons", "pack", "record_time", "effective_time", "flags"):
        results[name] = records[name]
    differing = np.flatnonzero(fields != SAME)
    if len(differing):
        results[differing] = mismatches(fields[differing])
    return results


def mismatches(fields: NDArray[np.int8]) -> Results:
    """RESULT rows (n,) that say: this key was used before with another body, which differs in this field."""
    results = np.zeros(len(fields), RESULT)
    results["code"] = Code.IDEMPOTENCY_MISMATCH
    results["field"] = fields
    return results


class _Fields:
    """Per row the first field that was found to differ."""

    def __init__(self, count: int) -> None:
        self.found: NDArray[np.int8] = np.full(count, SAME, np.int8)

    def differ(self, which: Mask, name: str) -> None:
        """These rows (n,) differ in a field, if in none before."""
        if which.any():
            self.found[which & (self.found == SAME)] = FIELDS.index(name)


def differences(rows: Requests, records: Records, continues: Mask) -> NDArray[np.int8]:
    """Per row (n,) the index in `FIELDS` of the first field in which it differs from the record its key made, or SAME."""
    kind = records["kind"]
    attempts, referring = np.isin(kind, ATTEMPTS), np.isin(kind, REFERRING)
    fields = _Fields(len(rows))
    fields.differ(rows["op"] != _asked(records), "body")
    fields.differ(referring & _refers_otherwise(rows, records), "body")
    if not (attempts | referring).all():
        fields.differ(~(attempts | referring) & _wallet_differs(rows, records), "body")
    for column, name in _COMPARED:
        fields.differ(attempts & (rows[column] != records[column]), name)
    fields.differ(attempts & (rows["op"] == Kind.HOLD) & (rows["expires_in_s"] != _seconds(records)), "expires_in")
    fields.differ(attempts & _linked_otherwise(rows, records, continues), "linked")
    fields.differ((attempts | referring) & _times_differ(rows, records), "effective_time")
    return fields.found


def _waits(records: Records) -> Mask:
    """Which records put a payment in review."""
    which: Mask = (records["kind"] == Kind.HOLD) & (records["flags"] & FLAG_REVIEW != 0)
    return which


def _asked(records: Records) -> NDArray[np.uint8]:
    """Kinds that the records' requests were for: a transfer in review is recorded as a hold."""
    return np.where(_waits(records) & (records[HELD_FOR] == 0), np.uint8(Kind.TRANSFER), records["kind"])


def _seconds(records: Records) -> NDArray[np.int64]:
    """For how long the requests of HOLD records were."""
    held = (records["expiry"] - records["record_time"]) // 1000
    return np.where(_waits(records), records[HELD_FOR].astype(np.int64), held)


def _linked_otherwise(rows: Requests, records: Records, continues: Mask) -> Mask:
    flags = records["flags"]
    linked = (rows["flags"] ^ flags) & FLAG_LINKED != 0
    which: Mask = linked | (continues != (flags & FLAG_CONTINUES != 0))
    return which


def _times_differ(rows: Requests, records: Records) -> Mask:
    imported = records["flags"] & FLAG_IMPORTED != 0
    wanted = rows["effective_time"]
    which: Mask = ((wanted != 0) != imported) | (imported & (wanted != records["effective_time"]))
    return which


def _refers_otherwise(rows: Requests, records: Records) -> Mask:
    """The amount asked for may have been "all that is left", so the digest stands for it and for `final`."""
    answers = (rows["flags"] & REQUEST_ANSWER != 0) != (records["flags"] & FLAG_REVIEW != 0)
    which: Mask = answers | (rows["after"] != records["reference"]) | (rows["digest"] != records["digest"])
    return which


def _wallet_differs(rows: Requests, records: Records) -> Mask:
    kind = records["kind"]
    tier = rows["tier"] == records[TIER]
    opened = tier & (rows["kind"] == records[WALLET_KIND])
    opened &= (rows["amount"] == records[FLOOR]) & (rows["currency"] == records["currency"])
    status = rows["kind"] == records[WALLET_STATE]
    same = np.where(kind == Kind.WALLET_OPENED, opened, np.where(kind == Kind.WALLET_STATUS, status, tier))
    which: Mask = ~(same & (rows["digest"] == records["digest"]))
    return which
