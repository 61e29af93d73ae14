"""What a shard knows of the records whose refunds it makes, and how it comes to know it.

The journal says what a record moved and how much of it was refunded; it is asked when a refund needs it. From then on the ledger counts.
When the table is full, an original gives way whose refunds made here are all durable: the journal, asked again, has them all. No sum
read too early can come back, since a record is asked for once at a time, and refunded only when the answer was filed: an answer to a
question that is not open any more is thrown away.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import original_row
from actors.ledger.ledger import Ledger
from actors.records.layout import Kind
from actors.shard.messages import Originals, Output, ReadOriginals

ASK_MAX: Final = 1_024
"""Records in one question."""
ASKING_MAX: Final = 16_384
"""Records asked for at a time; refunds of further ones are deferred until answers have come."""


class RefundableRecords:
    """Asks for originals and files the answers."""

    def __init__(self) -> None:
        self._asking: dict[int, int] = {}

    def want(self, targets: NDArray[np.int64], ledger: Ledger, stamp: int) -> list[Output]:
        """Ask for those of these records that are not known to have moved money and are not being asked for."""
        room = min(ASK_MAX, ASKING_MAX - len(self._asking))
        wanted = [t for t in targets.tolist() if t not in self._asking and not _is_known(ledger, t)][:room]
        if not wanted:
            return []
        self._asking.update(dict.fromkeys(wanted, stamp))
        return [ReadOriginals(stamp=stamp, targets=wanted)]

    def answered(self, message: Originals, ledger: Ledger, durable: int) -> None:
        """File an answer to the question that is open. `durable`: address below which all records are. What finds no room, since each
        original has a refund beyond that, is asked for again when needed."""
        room = True
        for original in message.originals:
            if self._asking.get(int(original["address"])) != message.stamp:
                continue
            del self._asking[int(original["address"])]
            if original["kind"] == 0:
                original["amount"] = message.stamp
            room = room and ledger.know_original(original, durable)


def fill_original(original: Any, record: Any, references: Iterable[Any]) -> None:
    """What a record (scalar of RECORD) and those that refer to it make of an ORIGINAL row."""
    if record["code"] != 0 or record["kind"] not in (Kind.TRANSFER, Kind.CAPTURE):
        return
    for name in ("payer", "payee", "amount", "currency", "kind", "label"):
        original[name] = record[name]
    original["refunded"] = sum(int(r["amount"]) for r in references if r["kind"] == Kind.REFUND)


def _is_known(ledger: Ledger, target: int) -> bool:
    row = int(original_row(ledger.book, target))
    return row >= 0 and bool(ledger.book.originals[row]["kind"] != 0)
