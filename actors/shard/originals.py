"""What a shard knows of the records whose refunds it makes, and how it comes to know it.

The journal says what a record moved and how much of it was refunded; it is asked when a refund needs it. From then on the ledger counts,
until all is forgotten at once, which happens only while every refund is durable. An answer asked for before that is thrown away.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import original_row
from actors.ledger.layout import Kind
from actors.ledger.ledger import Ledger
from actors.shard.messages import Originals, Output, ReadOriginals

ASK_MAX: Final = 1_024
"""Records in one question."""


class OriginalsDesk:
    """Asks for originals and files the answers."""

    def __init__(self) -> None:
        self._asking: set[int] = set()
        self._forgotten_at = 0

    def want(self, targets: NDArray[np.int64], ledger: Ledger, stamp: int, *, all_durable: bool) -> list[Output]:
        """Ask for those of these records that are not known to have moved money and are not being asked for."""
        if ledger.originals_full:
            if not all_durable:
                return []
            ledger.forget_originals()
            self._forgotten_at = stamp
            self._asking.clear()
        wanted = [t for t in targets.tolist() if t not in self._asking and not _is_known(ledger, t)][:ASK_MAX]
        if not wanted:
            return []
        self._asking.update(wanted)
        return [ReadOriginals(stamp=stamp, targets=wanted)]

    def answered(self, message: Originals, ledger: Ledger) -> None:
        """File an answer; one from before the last forgetting may lack refunds made since, and is asked for again."""
        if message.stamp < self._forgotten_at:
            return
        self._asking.difference_update(int(address) for address in message.originals["address"])
        for original in message.originals:
            if original["kind"] == 0:
                original["amount"] = message.stamp
            ledger.know_original(original)


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
