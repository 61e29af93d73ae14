"""The naive model of disputes, reviews of decisions, and erasures in one journal, and whether answers and memory agree with it."""

from typing import Any, Final

from actors.records.addresses import block_of
from actors.records.blocks import Sealed, details_digest, entries_of, erased_of, header_of
from actors.records.codes import Code
from actors.records.credit_layout import CaseState, OrderState, Resolution
from actors.records.layout import ACCOUNT, FORWARD_BY, RESOLUTION, SCENARIO, Kind
from tests.sim.truth import must

OPENINGS: Final = (Kind.DISPUTE_OPENED, Kind.CREDIT_REVIEW_OPENED)
OF_CASES: Final = {
    Kind.DISPUTE_FORWARDED: Kind.DISPUTE_OPENED,
    Kind.DISPUTE_ANSWERED: Kind.DISPUTE_OPENED,
    Kind.DISPUTE_RESOLVED: Kind.DISPUTE_OPENED,
    Kind.CREDIT_REVIEW_RESOLVED: Kind.CREDIT_REVIEW_OPENED,
}
"""Calls about something that is open, and what opened it."""
REVIEWS_MAX: Final = 2
"""Open at a time, of a holder, in the simulation."""
CASES: Final = 8
"""Disputes and reviews for which a shard has room; reviews take half of it at most."""
BAD: Final = {"overdue": OrderState.OVERDUE, "defaulted": OrderState.DEFAULTED}
_OVER: Final = 0


class Case:
    """A dispute or review, with its state after each block that changed it; 0 = it is over."""

    def __init__(self, address: int, record: Any) -> None:
        self.address, self.opened = address, Kind(record.kind)
        self.holder, self.account, self.entry = record.payer, getattr(record, ACCOUNT), record.reference
        self.scenario = getattr(record, SCENARIO)
        self.due = record.expiry
        self.forward_by = getattr(record, FORWARD_BY) if self.opened == Kind.DISPUTE_OPENED else 0
        self.state = int(CaseState.OPENED)
        self.history: list[tuple[int, int]] = []
        self.enter(CaseState.OPENED, block_of(address))

    def enter(self, state: int, block: int) -> None:
        """It is in another state from a block on."""
        self.state = int(state)
        self.history.append((block, self.state))

    def since(self, block: int) -> list[int]:
        """Its states after this block, and then."""
        before = [state for at, state in self.history if at <= block][-1:]
        return [*before, *(state for at, state in self.history if at > block)]

    @property
    def kept(self) -> tuple[int, ...]:
        """What a shard has of it in memory."""
        return self.state, int(self.opened), self.holder, self.account, self.entry, self.due, self.forward_by


class ShardCases:
    """What one journal says. `deleted`: disputes that deleted an entry which has not come back; `erased`: by block, the digests of what
    erasures have left of its details."""

    def __init__(self, counts: Any) -> None:
        self.all: dict[int, Case] = {}
        self.deleted: set[int] = set()
        self.erased: dict[int, set[bytes]] = {}
        self._counts = counts

    def read(self, here: Any, address: int, record: Any) -> None:
        """A record about a dispute or a review; `here`: the credit of the shard."""
        kind, block = Kind(record.kind), block_of(address)
        if kind in OPENINGS:
            self.all[address] = Case(address, record)
        elif kind == Kind.DISPUTE_REINSERTED:
            self.deleted.remove(record.reference)
            for order in here.orders.values():
                order.deleted_by = 0 if order.deleted_by == record.reference else order.deleted_by
        elif kind in OF_CASES:
            case = self.all[record.reference]
            if not record.digest:
                self._by_itself(case, record)
            if kind == Kind.DISPUTE_FORWARDED:
                case.due = record.expiry
                case.enter(CaseState.FORWARDED, block)
            elif kind == Kind.DISPUTE_ANSWERED:
                must(case.account == getattr(record, ACCOUNT), "dispute {}: answered by another source", case.address)
                case.enter(CaseState.ANSWERED, block)
            else:
                self._resolved(here, case, getattr(record, RESOLUTION))
                case.enter(_OVER, block)

    def _by_itself(self, case: Case, record: Any) -> None:
        """What a shard does, it does in time and for the holder."""
        self._counts[f"{Kind(record.kind).name} by itself"] += 1
        if record.kind == Kind.DISPUTE_FORWARDED:
            in_time = record.record_time >= case.forward_by > 0 and record.expiry == case.due
            must(in_time, "dispute {}: forwarded when nobody asked", case.address)
            return
        must(record.record_time >= case.due, "dispute {}: resolved before it is due", case.address)
        for_holder = getattr(record, RESOLUTION) == Resolution.DELETED and case.opened == Kind.DISPUTE_OPENED
        must(for_holder, "dispute {}: what is late was resolved against the holder", case.address)

    def _resolved(self, here: Any, case: Case, resolution: int) -> None:
        unconfirmed = case.opened == Kind.DISPUTE_OPENED and case.account and case.state != CaseState.ANSWERED
        must(
            resolution != Resolution.KEPT or not unconfirmed,
            "dispute {}: kept though nobody confirmed it",
            case.address,
        )
        if resolution == Resolution.DELETED:
            self.deleted.add(case.address)
            row = here.rows[case.holder]
            if row["scored"] == case.entry:
                row["scored"] = row["score"] = 0
        if resolution in (Resolution.DELETED, Resolution.CORRECTED):
            for order in here.orders.values():
                about = case.entry in (order.address, order.overdue_at, order.defaulted_at)
                if not about or order.holder != case.holder:
                    continue
                if resolution == Resolution.CORRECTED:
                    order.corrected = True
                else:
                    order.deleted_by = order.deleted_by or case.address

    def counted(self, here: Any, holder: int) -> dict[str, int]:
        """What a holder's row must count now."""
        orders = [order for order in here.orders.values() if order.holder == holder and not order.is_cleared]
        bad = {name: sum(order.state == state for order in orders) for name, state in BAD.items()}
        return {**bad, "disputed": len(self.open_of(holder, Kind.DISPUTE_OPENED))}

    def open_of(self, holder: int, opened: Kind) -> list[Case]:
        """A holder's disputes, or reviews, that are open."""
        return [case for case in self.all.values() if case.state and case.opened == opened and case.holder == holder]

    # Answers.

    def is_true(self, code: Code, op: Kind, body: dict[str, int], head: int) -> bool:
        """Whether a refusal was true at one time since block `head`."""
        if code == Code.INVALID_REQUEST:
            return op in (*OPENINGS, Kind.DISPUTE_FORWARDED)  # asked for so late that it is over
        if code == Code.CASES_FULL:
            was_open = [case for case in self.all.values() if any(case.since(head))]
            reviews = [case.holder for case in was_open if case.opened == Kind.CREDIT_REVIEW_OPENED]
            most = reviews.count(body["holder"]) >= REVIEWS_MAX or 2 * len(reviews) >= CASES
            return op in OPENINGS and (len(was_open) >= CASES or (op == Kind.CREDIT_REVIEW_OPENED and most))
        if op not in OF_CASES:
            return False
        case = self.all.get(body["reference"])
        if case is None or case.holder != body["holder"] or case.opened != OF_CASES[op]:
            return code == Code.CASE_NOT_OPEN
        states = case.since(head)
        if code == Code.CASE_UNANSWERED:
            waits = any(state in (CaseState.OPENED, CaseState.FORWARDED) for state in states)
            return op == Kind.DISPUTE_RESOLVED and body["kind"] == Resolution.KEPT and case.account > 0 and waits
        foreign = op == Kind.DISPUTE_ANSWERED and case.account != body["account"]
        too_late = {
            Kind.DISPUTE_FORWARDED: (_OVER, CaseState.FORWARDED, CaseState.ANSWERED),
            Kind.DISPUTE_ANSWERED: (_OVER, CaseState.ANSWERED),
        }.get(op, (_OVER,))
        return code == Code.CASE_NOT_OPEN and (foreign or any(state in too_late for state in states))

    # When all is quiet.

    def unsettled(self, until_ms: int) -> str:
        """A dispute that a shard forwards or resolves by itself before this time, and has not."""
        for case in self.all.values():
            if case.state and case.opened == Kind.DISPUTE_OPENED:
                forwards = case.state == CaseState.OPENED and case.forward_by
                ends = min(case.forward_by, case.due) if forwards else case.due
                if ends <= until_ms:
                    return f"dispute {case.address} in state {case.state} was due at {ends}"
        return ""

    def compare(self, number: int, credit: Any) -> None:
        """What a shard has in memory is what its journal says."""
        names = ("state", "kind", "holder", "account", "entry", "due", "forward_by")
        kept = {int(case["address"]): tuple(int(case[name]) for name in names) for case in credit.open_cases()}
        wanted = {case.address: case.kept for case in self.all.values() if case.state}
        must(kept == wanted, "shard {}: disputes and reviews are {}, not {}", number, kept, wanted)

    # Erasures.

    def was_erased(self, sealed: Sealed, slot: int) -> None:
        """A record says that texts are erased; of which blocks, its details say."""
        entries = {} if sealed.details is None else entries_of(sealed.details)
        must(slot in entries, "block {}: nobody knows what was erased", sealed.number)
        for erased in erased_of(entries[slot]):
            self.erased.setdefault(erased.block, set()).add(erased.digest)

    def compare_details(self, number: int, journal: list[Sealed]) -> None:
        """Details of blocks are those of their headers, or what a recorded erasure has left of them."""
        for block in journal:
            known = {bytes(header_of(block.data).details_digest), *self.erased.get(block.number, ())}
            must(
                details_digest(block.details) in known,
                "shard {}: details of block {} were changed",
                number,
                block.number,
            )
