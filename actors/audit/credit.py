"""The audit of credit records: chains, consents, inquiries, orders, scores, disputes.

They are recomputed from one shard's journal. It shares the layout with the ledger and nothing else; what may follow what is said here
once more.

Every credit record names the one before it of its holder. A consent ends when it is withdrawn, when another takes its place, or at its
end. An inquiry that was answered rests on a consent that was live. An order begins on a receipt that said yes and that no other order began
on, takes only the steps of NEXT, and is collected at most once, by a transfer of its own.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.audit.order_numbers import OrderMade
from actors.records.addresses import block_start
from actors.records.blocks import CreditEntry, credit_entries, is_indexed
from actors.records.codes import Code
from actors.records.credit_layout import FIRST_CREDIT, InquiryResult, OrderState, Resolution
from actors.records.layout import (
    ACCOUNT,
    CONFIRM_BY,
    CREDIT_PREVIOUS,
    DEFAULT_AFTER,
    DUE_AT,
    FLAG_IMPORTED,
    GRANTED,
    LAST_ORDER,
    ORDER_STATE,
    RESOLUTION,
    RESULT_OF_INQUIRY,
    RUN,
    SCENARIO,
    STANDING,
    STOPPED_BY,
    TRANSFER_AT,
    Kind,
    Records,
)

_S = OrderState
NEXT: Final[dict[tuple[int, int], int]] = {
    (_S.CREATED, Kind.ORDER_CONFIRMED): _S.CONFIRMED,
    (_S.CREATED, Kind.ORDER_MODIFIED): _S.CREATED,
    (_S.CONFIRMED, Kind.ORDER_MODIFIED): _S.CONFIRMED,
    (_S.CREATED, Kind.ORDER_CANCELLED): _S.CANCELLED,
    (_S.CONFIRMED, Kind.ORDER_CANCELLED): _S.CANCELLED,
    (_S.CREATED, Kind.ORDER_EXPIRED): _S.EXPIRED,
    (_S.CONFIRMED, Kind.ORDER_EXPIRED): _S.EXPIRED,
    (_S.CONFIRMED, Kind.ORDER_COMPLETED): _S.DUE,
    (_S.DUE, Kind.ORDER_ATTEMPT): _S.DUE,
    (_S.DUE, Kind.ORDER_PAID): _S.PAID,
    (_S.DUE, Kind.ORDER_PAID_ELSEWHERE): _S.PAID_ELSEWHERE,
    (_S.DUE, Kind.ORDER_OVERDUE): _S.OVERDUE,
    (_S.OVERDUE, Kind.ORDER_ATTEMPT): _S.OVERDUE,
    (_S.OVERDUE, Kind.ORDER_PAID): _S.PAID,
    (_S.OVERDUE, Kind.ORDER_PAID_ELSEWHERE): _S.PAID_ELSEWHERE,
    (_S.OVERDUE, Kind.ORDER_DEFAULTED): _S.DEFAULTED,
    (_S.DEFAULTED, Kind.ORDER_ATTEMPT): _S.DEFAULTED,
    (_S.DEFAULTED, Kind.ORDER_CURED): _S.PAID,
    (_S.DEFAULTED, Kind.ORDER_PAID_ELSEWHERE): _S.PAID_ELSEWHERE,
    (_S.DUE, Kind.ORDER_WRITTEN_OFF): _S.WRITTEN_OFF,
    (_S.OVERDUE, Kind.ORDER_WRITTEN_OFF): _S.WRITTEN_OFF,
    (_S.DEFAULTED, Kind.ORDER_WRITTEN_OFF): _S.WRITTEN_OFF,
}
"""The state of an order after a record, by the state before and the record's kind; there are no others."""

COLLECTS: Final = frozenset({Kind.ORDER_PAID, Kind.ORDER_CURED, Kind.ORDER_ATTEMPT})
"""Records that name a transfer: one that moved the money, or of an attempt one that was declined."""

OPENS: Final = frozenset({Kind.DISPUTE_OPENED, Kind.CREDIT_REVIEW_OPENED})
CASES_OF: Final[dict[int, frozenset[Kind]]] = {
    Kind.DISPUTE_FORWARDED: frozenset({Kind.DISPUTE_OPENED}),
    Kind.DISPUTE_ANSWERED: frozenset({Kind.DISPUTE_OPENED, Kind.DISPUTE_FORWARDED}),
    Kind.DISPUTE_RESOLVED: frozenset({Kind.DISPUTE_OPENED, Kind.DISPUTE_FORWARDED, Kind.DISPUTE_ANSWERED}),
    Kind.CREDIT_REVIEW_RESOLVED: frozenset({Kind.CREDIT_REVIEW_OPENED}),
}
"""The newest record about a dispute or review that an answer may follow."""
_OF_DISPUTES: Final = frozenset({Resolution.CORRECTED, Resolution.DELETED, Resolution.KEPT})
RESOLVED_AS: Final = {
    Kind.DISPUTE_ANSWERED: _OF_DISPUTES,
    Kind.DISPUTE_RESOLVED: _OF_DISPUTES,
    Kind.CREDIT_REVIEW_RESOLVED: frozenset({Resolution.OVERTURNED, Resolution.UPHELD}),
}

STOPPED_OF: Final[dict[int | None, frozenset[int]]] = {
    None: frozenset({1}),
    Code.PAYEE_CLOSED: frozenset({0, 1}),
    Code.BALANCE_OUT_OF_RANGE: frozenset({0, 1}),
    Code.PAYER_FROZEN: frozenset({0, 2}),
    Code.DAILY_LIMIT_EXCEEDED: frozenset({0, 3}),
}
"""What may have stopped an attempt, by the code of its transfer, or None; 0 also where it was something, as in old journals."""

_COLUMNS: Final = (
    "kind", "payer", CREDIT_PREVIOUS, ACCOUNT, SCENARIO, "reference", "amount", "record_time", "expiry",
    RESULT_OF_INQUIRY, GRANTED, STANDING, "payee", CONFIRM_BY, DEFAULT_AFTER, TRANSFER_AT, "currency", "flags", "effective_time",
)  # fmt: skip
assert STANDING == ORDER_STATE and RESULT_OF_INQUIRY == RESOLUTION == STOPPED_BY and ACCOUNT == RUN, (
    "one column of both"
)
assert CONFIRM_BY == DUE_AT, "one column of both"


class _Record(NamedTuple):
    """What of a credit record is compared, as ints."""

    address: int
    kind: int
    holder: int
    previous: int
    account: int
    scenario: int
    about: int
    amount: int
    time: int
    expiry: int
    result: int
    granted: int
    state: int
    payee: int
    confirm_by: int
    default_after: int
    transfer: int
    currency: int
    flags: int
    effective: int

    @property
    def resolution(self) -> int:
        """What a dispute or review ended with; in one column with the result of an inquiry."""
        return self.result

    @property
    def stopped(self) -> int:
        """What stopped an attempt, in one column with the result of an inquiry."""
        return self.result

    @property
    def due_at(self) -> int:
        """When an order is due after an attempt, 0 = as before."""
        return self.confirm_by

    @property
    def party(self) -> tuple[int, int, int]:
        """Whose record it is: holder, merchant's account, scenario."""
        return self.holder, self.account, self.scenario


class _Consent(NamedTuple):
    record: int
    expiry: int
    cap: int
    standing: bool


class _Receipt(NamedTuple):
    party: tuple[int, int, int]
    granted: int
    expiry: int


class _Order:
    """An order as its records say it is so far."""

    __slots__ = (
        "cap",
        "created",
        "defaults_after",
        "due",
        "expires",
        "modified",
        "owed",
        "state",
        "stopped",
        "stopped_at",
    )

    def __init__(self, created: _Record) -> None:
        self.created = created
        self.state = created.state
        self.cap = created.amount
        self.owed = 0
        self.due = created.expiry
        self.expires = created.confirm_by if created.state == OrderState.CREATED else self.complete_by(created)
        self.defaults_after = 1_000 * created.default_after
        self.modified = False
        self.stopped = self.stopped_at = 0

    def complete_by(self, confirmed: _Record) -> int:
        """When it expires once it is confirmed."""
        return max(self.due, confirmed.time) + COMPLETE_WITHIN_MS


WRITTEN_OFF_AFTER_MS: Final = 5 * 365 * 86_400_000
"""From default to the end of an order that nobody pays."""
STOPPED_FOR_MS: Final = 90 * 86_400_000
"""To the end of an order that something else than the holder's money keeps from being paid, at the earliest: one whose holder could not pay
lasts longer, but did not always."""
COMPLETE_WITHIN_MS: Final = 90 * 86_400_000
"""From the due time of an order, or from its confirmation if that is later, to its end when nobody completes it."""


class CreditCheck:
    """The credit records of one shard, page by page. `entries`: what table `credit` must have of them; `erasures`: addresses of
    the records that say what was erased; `made`: orders, in order."""

    def __init__(self) -> None:
        self.entries: list[CreditEntry] = []
        self.erasures: list[int] = []
        self.made: list[OrderMade] = []
        self.inquiries = 0
        self._heads: dict[int, int] = {}
        self._consents: dict[tuple[int, int, int], _Consent] = {}
        self._receipts: dict[int, _Receipt] = {}
        self._used: set[int] = set()
        self._open: dict[int, _Order] = {}
        self._runs: dict[int, int] = {}
        self._cases: dict[int, tuple[Kind, tuple[int, int, int]]] = {}
        self._deleted: dict[int, tuple[int, int, int]] = {}
        self._collected = 0

    def wrong(self, records: Records, addresses: NDArray[np.int64]) -> Iterator[tuple[int, str]]:
        """Address and fault of records that contradict those before them. A transfer lies in the block of the record that names it."""
        chosen = np.flatnonzero(records["kind"] >= FIRST_CREDIT)
        if not len(chosen):
            return
        picked = records[chosen]
        indexed = is_indexed(picked)
        self.entries += credit_entries(picked[indexed], addresses[chosen[indexed]])
        columns = (addresses[chosen].tolist(), *(picked[name].tolist() for name in _COLUMNS))
        for row in zip(*columns, strict=True):
            record = _Record._make(row)
            for text in (*self._chained(record), *self._one(record, records, addresses)):
                yield record.address, text

    def _chained(self, record: _Record) -> Iterator[str]:
        if not record.holder:
            if record.previous or record.kind != Kind.INQUIRY:
                yield "a credit record names no holder"
            return
        if self._heads.get(record.holder, 0) != record.previous:
            yield "the link to the holder's previous credit record is wrong"
        self._heads[record.holder] = record.address

    def _one(self, record: _Record, records: Records, addresses: NDArray[np.int64]) -> Iterator[str]:
        if record.kind == Kind.CONSENT_GRANTED:
            yield from self._granted(record)
        elif record.kind == Kind.CONSENT_WITHDRAWN:
            yield from self._withdrawn(record)
        elif record.kind == Kind.INQUIRY:
            yield from self._inquired(record)
        elif record.kind == Kind.ORDER_CREATED:
            yield from self._created(record)
        elif Kind.ORDER_CREATED < record.kind <= LAST_ORDER:
            yield from self._stepped(record, records, addresses)
        elif record.kind == Kind.SCORE:
            yield from self._scored(record)
        elif record.kind == Kind.DATA_ERASED:
            self.erasures.append(record.address)
        else:
            yield from self._disputed(record)

    # Consents and inquiries.

    def _live(self, record: _Record) -> _Consent | None:
        consent = self._consents.get(record.party)
        return consent if consent is not None and consent.expiry > record.time else None

    def _granted(self, record: _Record) -> Iterator[str]:
        if record.expiry <= record.time or record.amount < 0:
            yield "a consent had ended when it was given"
        self._consents[record.party] = _Consent(record.address, record.expiry, record.amount, record.state != 0)

    def _withdrawn(self, record: _Record) -> Iterator[str]:
        live = self._live(record)
        if live is None or live.record != record.about:
            yield "a consent was withdrawn that was not live"
        self._consents.pop(record.party, None)

    def _inquired(self, record: _Record) -> Iterator[str]:
        self.inquiries += 1
        if record.result == InquiryResult.NOT_AVAILABLE:
            return
        live = self._live(record)
        if live is None or live.record != record.about:
            yield "an inquiry was answered without a live consent"
        if record.result == InquiryResult.YES:
            self._receipts[record.address] = _Receipt(record.party, record.granted, record.expiry)

    # Scores, disputes and reviews.

    def _scored(self, record: _Record) -> Iterator[str]:
        """A run scores a wallet once, and none goes back behind a later one."""
        if record.account <= self._runs.get(record.holder, 0):
            yield "a run scored a wallet that it, or a later one, had scored"
        self._runs[record.holder] = record.account

    def _disputed(self, record: _Record) -> Iterator[str]:
        kind = Kind(record.kind)
        if kind == Kind.DISPUTE_REINSERTED:
            if self._deleted.get(record.about) != record.party:
                yield "an entry came back that no dispute had deleted"
            self._deleted.pop(record.about, None)
            return
        if kind in OPENS:
            self._cases[record.address] = (kind, record.party)
            return
        opened, party = self._cases.get(record.about, (None, (0, 0, 0)))
        if opened not in CASES_OF[kind] or party != record.party:
            yield "it answers no dispute or review that is open"
            return
        if kind == Kind.DISPUTE_FORWARDED:
            self._cases[record.about] = (kind, party)
            return
        if record.resolution not in RESOLVED_AS[kind]:
            yield "a dispute or review was resolved as none can be"
        if kind == Kind.DISPUTE_ANSWERED:
            self._cases[record.about] = (kind, party)
            return
        del self._cases[record.about]
        if record.resolution == Resolution.DELETED:
            self._deleted[record.about] = party

    # Orders.

    def _created(self, record: _Record) -> Iterator[str]:
        self.made.append(OrderMade(record.address, record.account, record.about))
        self._open[record.address] = _Order(record)
        if record.flags & FLAG_IMPORTED:
            if record.about or record.state != OrderState.CONFIRMED or record.effective > record.time:
                yield "an order of the past begins as none can"
            return
        receipt = self._receipts.get(record.about)
        if receipt is None or receipt.party != record.party:
            yield "an order begins without a receipt that said yes"
        elif record.time >= receipt.expiry or record.amount > receipt.granted:
            yield "an order goes beyond its receipt"
        if record.about in self._used:
            yield "a second order begins on one receipt"
        self._used.add(record.about)
        if record.state == OrderState.CONFIRMED:
            live = self._live(record)
            if live is None or not live.standing or record.amount > live.cap:
                yield "an order was taken for confirmed without a standing consent"
        elif record.state != OrderState.CREATED:
            yield "an order begins in a state that is none to begin in"

    def _stepped(self, record: _Record, records: Records, addresses: NDArray[np.int64]) -> Iterator[str]:
        order = self._open.get(record.about)
        if order is None:
            yield "it is about no order that is open"
            return
        created = order.created
        if (*record.party, record.payee, record.currency) != (*created.party, created.payee, created.currency):
            yield "its parties are not the order's"
        past = record.flags & created.flags & FLAG_IMPORTED
        if record.effective > record.time or (not past and record.effective != record.time):
            yield "it has a time that is not its own"
        before = order.state
        if NEXT.get((before, record.kind)) != record.state:
            yield f"an order cannot go on like this: {Kind(record.kind).name.lower()} in state {before}"
        yield from self._timely(order, record)
        if record.kind == Kind.ORDER_MODIFIED:
            if order.modified or not 0 < record.amount < order.cap:
                yield "an order's cap was not lowered once"
            order.cap, order.modified = record.amount, True
        elif record.kind == Kind.ORDER_COMPLETED:
            if not 0 <= record.amount <= order.cap:
                yield "more is asked for than the order's cap"
            order.owed, order.due = record.amount, record.expiry
        elif record.kind == Kind.ORDER_CONFIRMED:
            order.expires = order.complete_by(record)
        elif record.kind in COLLECTS:
            yield from self._collected_by(order, record, records, addresses)
        order.state = record.state
        if record.state >= OrderState.PAID:
            del self._open[record.about]

    @staticmethod
    def _timely(order: _Order, record: _Record) -> Iterator[str]:
        """What time does is not done early."""
        due = {
            Kind.ORDER_EXPIRED: order.expires,
            Kind.ORDER_OVERDUE: order.due,
            Kind.ORDER_DEFAULTED: order.due + order.defaults_after,
            Kind.ORDER_WRITTEN_OFF: order.stopped_at + STOPPED_FOR_MS
            if record.stopped
            else order.due + order.defaults_after + WRITTEN_OFF_AFTER_MS,
        }.get(Kind(record.kind), 0)
        if record.time < due:
            yield f"{Kind(record.kind).name.lower()} comes too early"
        if record.kind in (Kind.ORDER_OVERDUE, Kind.ORDER_DEFAULTED) and order.stopped:
            yield "it counts against the holder that something else kept the order from being paid"
        if record.kind == Kind.ORDER_WRITTEN_OFF:
            never_paid = not record.stopped and order.state == OrderState.DEFAULTED
            if not never_paid and (not record.stopped or record.stopped != order.stopped):
                yield "an order was written off for no reason"

    @staticmethod
    def _attempted(order: _Order, record: _Record, code: int | None) -> Iterator[str]:
        """What stopped an attempt follows from the code of its transfer; an order's clock goes on where it stood."""
        whose = STOPPED_OF.get(code, frozenset({0}))
        if record.stopped not in whose:
            yield "what a record names as having stopped an attempt did not"
        if record.due_at:
            began = order.stopped and not record.stopped and record.due_at >= order.due + record.time - order.stopped_at
            if not began:
                yield "an order's clock was set though it had not stood still, or not by as long"
            order.due = record.due_at
        if record.stopped and not order.stopped:
            order.stopped_at = record.time
        order.stopped = record.stopped

    def _collected_by(
        self, order: _Order, record: _Record, records: Records, addresses: NDArray[np.int64]
    ) -> Iterator[str]:
        """The transfer that an order's record names is the order's own."""
        if record.amount != order.owed:
            yield "another amount is collected than is owed"
        if not record.transfer:
            if record.kind == Kind.ORDER_ATTEMPT:
                yield from self._attempted(order, record, None)
            elif order.owed:
                yield "an order was paid without a transfer"
            return
        at = int(np.searchsorted(addresses, record.transfer))
        own = (
            at < len(addresses)
            and addresses[at] == record.transfer
            and block_start(record.transfer) == block_start(record.address)
        )
        if not own or record.transfer <= self._collected:
            yield "the transfer that it names is not its own"
            return
        self._collected = record.transfer
        transfer: Any = records[at]
        moved = (transfer["kind"], transfer["payer"], transfer["payee"], transfer["amount"], transfer["currency"])
        created = order.created
        if moved != (Kind.TRANSFER, created.holder, created.payee, record.amount, created.currency):
            yield "the transfer that it names is another's"
        if record.kind == Kind.ORDER_ATTEMPT:
            yield from self._attempted(order, record, int(transfer["code"]))
        if (transfer["code"] == 0) == (record.kind == Kind.ORDER_ATTEMPT):
            yield "its transfer moved the money, or did not, and it says otherwise"
