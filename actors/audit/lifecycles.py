"""Audit of lifecycles: holds, payments, reviews and refunds over whole columns.

It shares the record layout with the ledger and nothing else.

A hold's record comes first, then captures while something is left, at last one end that uses it up: a final capture, a void or an expiry,
the first two before it expires and the last one after. What becomes of a hold in review first is the one answer to its case: of a
payment a capture, of a hold an approval, after which it lives on as it was asked for; or a void, or an expiry. Refunds of a movement
come from its payee, go to its payer, and never add up to more. The rows of a linked group all count or none.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.records.layout import (
    FLAG_CONTINUES,
    FLAG_FINAL,
    FLAG_LINKED,
    FLAG_REVIEW,
    HELD_FOR,
    Kind,
    Records,
    ReviewStatus,
    case_end,
)

EVENT: Final = np.dtype(
    [
        ("target", "i8"),
        ("address", "i8"),
        ("payer", "i8"),
        ("payee", "i8"),
        ("amount", "i8"),
        ("released", "i8"),
        ("time", "i8"),
        ("expiry", "i8"),
        ("seconds", "u4"),
        ("currency", "u2"),
        ("kind", "u1"),
        ("final", "u1"),
        ("review", "u1"),
        ("voided", "u1"),
    ]
)
"""A record that made a hold, ended one, answered its case, or refunded; `target` is the record that it refers to, a hold's is its own.
`voided`: a review, by who asked for the payment. `seconds`: of a hold in review, for how long it was asked to be held, 0 = a payment."""
EventRows = NDArray[np.void]
"""EVENT rows (n,)."""

SHOWN_MAX: Final = 3
"""Differences of one sort that are named; they have one cause."""


def events_of(records: Records, addresses: NDArray[np.int64], released: NDArray[np.int64]) -> EventRows:
    """Events (n,) among records of a journal."""
    kind = records["kind"]
    chosen = np.flatnonzero((kind >= Kind.HOLD) & (kind <= Kind.APPROVAL) & (records["code"] == 0))
    events = np.zeros(len(chosen), EVENT)
    picked = records[chosen]
    for name in ("payer", "payee", "amount", "expiry", "currency", "kind"):
        events[name] = picked[name]
    events["address"] = addresses[chosen]
    events["target"] = np.where(picked["kind"] == Kind.HOLD, events["address"], picked["reference"])
    events["released"] = released[chosen]
    events["time"] = picked["record_time"]
    events["review"] = picked["flags"] & FLAG_REVIEW != 0
    events["seconds"] = np.where((picked["kind"] == Kind.HOLD) & (events["review"] != 0), picked[HELD_FOR], 0)
    events["final"] = (
        (picked["flags"] & FLAG_FINAL != 0) | (picked["kind"] == Kind.VOID) | (picked["kind"] == Kind.EXPIRY)
    )
    events["voided"] = (picked["kind"] == Kind.VOID) & (picked["flags"] & FLAG_FINAL != 0)
    return events


def wrong_holds(events: EventRows) -> Iterator[tuple[int, str]]:
    """Address and fault of records that end a hold as it cannot end. `events`: those of one shard."""
    events = np.sort(events[events["kind"] != Kind.REFUND], order=("target", "address"))
    if not len(events):
        return
    first = np.flatnonzero(np.diff(events["target"], prepend=events["target"][0] - 1))
    group = np.repeat(np.arange(len(first)), np.diff(first, append=len(events)))
    hold = events[first[group]]
    expiry = _expiries(events, hold, first[group])
    opening = np.zeros(len(events), bool)
    opening[first] = True
    used = np.where(opening | (events["kind"] == Kind.APPROVAL), 0, events["amount"] + events["released"])
    total = np.cumsum(used)
    spent = total - total[first[group]]
    last = np.zeros(len(events), bool)
    last[np.append(first[1:], len(events)) - 1] = True
    alike = (
        (events["payer"] == hold["payer"])
        & (events["payee"] == hold["payee"])
        & (events["currency"] == hold["currency"])
    )
    ends = events["final"] != 0
    faults = (
        ((hold["kind"] != Kind.HOLD) | ((events["kind"] == Kind.HOLD) & ~opening), "it refers to no hold"),
        (~alike, "its wallets or currency are not the hold's"),
        (spent > hold["amount"], "more was captured and released than was held"),
        (ends & (spent != hold["amount"]), "the hold ended with something left"),
        (~ends & ~opening & (spent == hold["amount"]), "nothing is left of the hold and it did not end"),
        (ends & ~last, "the hold had ended before"),
        ((events["kind"] == Kind.EXPIRY) & (events["time"] < expiry), "the hold expired too early"),
        (~opening & (events["kind"] != Kind.EXPIRY) & (events["time"] >= expiry), "the hold was dead"),
        *_wrong_answers(events, hold, np.arange(len(events)) - first[group]),
    )
    for wrong, text in faults:
        for event in events[wrong][:SHOWN_MAX]:
            yield int(event["address"]), text


def _expiries(events: EventRows, hold: EventRows, first: NDArray[np.intp]) -> NDArray[np.int64]:
    """Until when the hold of each event lives: its own expiry once it was approved."""
    second = events[np.minimum(first + 1, len(events) - 1)]
    approved = (second["kind"] == Kind.APPROVAL) & (second["target"] == events["target"])
    approved &= np.arange(len(events)) > first + 1
    return np.where(approved, hold["time"] + 1_000 * hold["seconds"].astype(np.int64), hold["expiry"])


def _wrong_answers(
    events: EventRows, hold: EventRows, place: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Faults of answers. `place`: of each event among those of its hold, 0 = the hold itself."""
    answer = (events["review"] != 0) & (place > 0)
    case, asked_hold = hold["review"] != 0, hold["seconds"] != 0
    captured, approved = answer & (events["kind"] == Kind.CAPTURE), events["kind"] == Kind.APPROVAL
    kept = hold["time"] + 1_000 * hold["seconds"].astype(np.int64)
    yield answer != (case & (place == 1)), "a case has not exactly one answer, before all else"
    yield (approved & ~(answer & asked_hold)) | (captured & asked_hold), "a case was approved as what it is not"
    yield captured & (events["final"] == 0), "a case was approved in part"
    yield approved & (events["expiry"] != kept), "an approved hold lives longer or shorter than was asked for"
    yield case & (place == 0) & asked_hold & (events["expiry"] > kept), "a case lives longer than its hold"


def cases_of(events: EventRows) -> list[tuple[int, int, int]]:
    """Rows of table `review` (record, time, status) that follow from events of all shards, ascending."""
    review = events[events["review"] != 0]
    ends = {
        int(e["target"]): int(case_end(int(e["kind"]), FLAG_FINAL * int(e["voided"])))
        for e in review
        if e["kind"] != Kind.HOLD
    }
    opened = review[review["kind"] == Kind.HOLD]
    return sorted(
        (int(e["address"]), int(e["time"]), ends.get(int(e["address"]), int(ReviewStatus.OPEN))) for e in opened
    )


def wrong_refunds(refunds: Records, originals: dict[int, Any]) -> Iterator[tuple[int, str]]:
    """Address and fault of refunds that their original does not allow. `refunds`: of all shards; `originals`: the records they name."""
    refunds = np.sort(refunds, order=("target", "address"))
    left: dict[int, int] = {}
    for refund in refunds:
        target, address = int(refund["target"]), int(refund["address"])
        original = originals.get(target)
        if original is None or original["code"] != 0 or original["kind"] not in (Kind.TRANSFER, Kind.CAPTURE):
            yield address, "it refunds what moved no money"
            continue
        swapped = original["payer"] == refund["payee"] and original["payee"] == refund["payer"]
        if not swapped or original["currency"] != refund["currency"]:
            yield address, "its wallets or currency are not those of what it refunds"
        left[target] = left.get(target, int(original["amount"])) - int(refund["amount"])
        if left[target] < 0:
            yield address, "more was refunded than was paid"


class GroupCheck:
    """Linked groups of one shard, page by page."""

    def __init__(self) -> None:
        self._open: tuple[int, bool] | None = None

    def wrong(self, records: Records, addresses: NDArray[np.int64]) -> Iterator[tuple[int, str]]:
        """Address and fault of records that break a group."""
        links, follows = records["flags"] & FLAG_LINKED != 0, records["flags"] & FLAG_CONTINUES != 0
        done = records["code"] == 0
        kind = records["kind"]
        before_links = np.concatenate(([self._open is not None], links[:-1]))
        before_done = np.concatenate(([self._open is not None and self._open[1]], done[:-1]))
        broken = before_links != follows
        split = follows & before_links & (before_done != done)
        other = (links | follows) & (kind != Kind.TRANSFER) & (kind != Kind.HOLD)
        for wrong, text in (
            (broken, "a linked group is torn"),
            (split, "a linked group was done in part"),
            (other, "a record that is no payment is linked"),
            ((links | follows) & (records["flags"] & FLAG_REVIEW != 0), "a payment of a linked group is in review"),
        ):
            for index in np.flatnonzero(wrong)[:SHOWN_MAX]:
                yield int(addresses[index]), text
        if len(records):
            self._open = (int(addresses[-1]), bool(done[-1])) if links[-1] else None

    def unfinished(self) -> Iterator[tuple[int, str]]:
        """What is open at the journal's end."""
        if self._open is not None:
            yield self._open[0], "a linked group is torn"
