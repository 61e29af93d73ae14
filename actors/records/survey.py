"""What stands in rows, found by one look at each.

Whoever handles a batch asks many questions of its rows and of the records that they become. Of a payment that comes alone the answer is
nearly always no, and to ask each apart costs more than the payment. A bit says that an answer is worth having.
"""

from typing import Any, Final

import numpy as np

from actors.records.credit_layout import FIRST_CREDIT
from actors.records.layout import (
    FLAG_LINKED,
    FLAG_PAYEE_ANCHOR,
    FLAG_PAYER_ANCHOR,
    FLAG_REVIEW,
    FLAG_SUSPENSE,
    Kind,
    Records,
    Requests,
)
from models.jit import kernel, read_only

SEVERAL: Final = -1
"""Stands for the callers of a request that has rows of more than one."""

OPENINGS: Final = 1
"""A row opens a wallet."""
LINKED: Final = 2
"""A row is linked to the next."""
OPEN_GROUP: Final = 4
"""The last row is."""

REFERRING: Final = 1
"""A record became a part of what happened to an earlier one."""
ANCHORED: Final = 2
"""One sets an anchor."""
REVIEWED: Final = 4
"""One begins or ends a case."""
SUSPENDED: Final = 8
"""One is a leg whose money lies on suspense."""
LAGGING: Final = 16
"""One has a lag, as late records have."""
CREDIT: Final = 32
"""One is a credit record that is looked up."""

_ANCHORS: Final = FLAG_PAYER_ANCHOR | FLAG_PAYEE_ANCHOR
_OPENED: Final = int(Kind.WALLET_OPENED)
_CAPTURE: Final = int(Kind.CAPTURE)
_APPROVAL: Final = int(Kind.APPROVAL)
_LEG: Final = int(Kind.LEG)
_SCORE: Final = int(Kind.SCORE)


def survey_requests(rows: Requests) -> tuple[int, int]:
    """Who sent REQUEST rows (n,), n > 0, or SEVERAL; and the bits of what is among them."""
    found: tuple[int, int] = _requests(read_only(rows))
    return found


def survey_records(records: Records) -> int:
    """The bits of what is among RECORD rows (n,)."""
    found: int = _records(read_only(records))
    return found


@kernel
def _requests(rows):
    caller: Any = np.int64(rows[0]["caller"])
    found = 0
    for i in range(len(rows)):
        row = rows[i]
        if row["caller"] != caller:
            caller = SEVERAL
        if row["op"] == _OPENED:
            found |= OPENINGS
        if row["flags"] & FLAG_LINKED:
            found |= LINKED
    if rows[len(rows) - 1]["flags"] & FLAG_LINKED:
        found |= OPEN_GROUP
    return caller, found


@kernel
def _records(records):
    found = 0
    for i in range(len(records)):
        record = records[i]
        kind, flags = record["kind"], record["flags"]
        if _CAPTURE <= kind <= _APPROVAL and record["code"] == 0:
            found |= REFERRING
        if flags & _ANCHORS:
            found |= ANCHORED
        if flags & FLAG_REVIEW:
            found |= REVIEWED
        if kind == _LEG and flags & FLAG_SUSPENSE:
            found |= SUSPENDED
        if record["payer_lag"] | record["payee_lag"]:
            found |= LAGGING
        if kind >= FIRST_CREDIT and kind != _SCORE:
            found |= CREDIT
    return found
