"""Disputes, reviews of decisions, and erasures: holders, merchants, analysts and the front door that acts for them.

It draws from a `Random` of its own, and has only some of the seeds with payment credit, so that the others are what they were.
"""

from random import Random
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actors.records.addresses import block_of, shard_of
from actors.records.blocks import Erased, details_digest, entries_of, records_of, without_entries
from actors.records.codes import Code
from actors.records.credit_layout import InquiryResult, OrderState, Resolution
from actors.records.layout import Kind
from switch.views.credit_records import CreditDetails, credit_details
from tests.sim.case_model import OF_CASES
from tests.sim.questions import CreditRequest
from tests.sim.scheduler import START_MS

if TYPE_CHECKING:
    from tests.sim.load import Known, Load
    from tests.sim.load_credit import CreditLoad

SEEDS_OF_TEN: Final = (4,)
"""Which of ten seeds have disputes; they have credit, too."""
UNTIL_MS: Final = START_MS + 17_000
"""Somewhat longer than payments are asked for: orders become overdue late."""
_BAD: Final = (OrderState.OVERDUE, OrderState.DEFAULTED)
_ENDS: Final = (1_000, 3_000, 20_000)
_FORWARDS: Final = (0, 300, 1_500)


class CaseLoad:
    """What a `CreditLoad` wants of disputes, reviews and erasures."""

    def __init__(self, credit: "CreditLoad", load: "Load") -> None:
        self._credit = credit
        self._load = load
        self._scheduler = load.scheduler
        self._switch = load.switch
        self._random = Random(f"cases {load.scheduler.seed}")
        self._erasing: dict[int, tuple[int, int, bytes, bytes]] = {}
        self._actions = (
            (self._dispute, 8), (self._review, 3), (self._forward, 3), (self._answer, 4), (self._resolve, 7), (self._reinsert, 4),
            (self._erase, 2), (self._credit.spend, 9),
        )  # fmt: skip

    def start(self) -> None:
        """Begin, or begin again, if this seed has disputes at all."""
        if self.begins:
            self._scheduler.after(800, self._act)

    @property
    def begins(self) -> bool:
        """Whether this seed has disputes."""
        return self._scheduler.seed % 10 in SEEDS_OF_TEN

    def _act(self) -> None:
        if self._scheduler.now > UNTIL_MS:
            return
        actions, weights = zip(*self._actions, strict=True)
        self._random.choices(actions, weights)[0]()
        self._scheduler.after(self._random.choice((5, 15, 50, 100)), self._act)

    def is_there(self, body: dict[str, int]) -> bool:
        """Whether the entry is stored that a request is about, or the dispute that had deleted it: a front door reads that first."""
        shard = shard_of(body["holder"])
        if body["op"] == Kind.DISPUTE_REINSERTED:
            return body["reference"] in self._switch.auditor.model.credit.shards[shard].cases.deleted
        record = self._switch.database.record(body["reference"])
        return record is not None and int(record["payer"]) == body["holder"]

    def _later(self, shard: int, choices: tuple[int, ...]) -> int:
        later = self._random.choice(choices)
        return self._credit.time(shard) + later if later else 0

    # Entries and their disputes.

    def _dispute(self) -> None:
        """Somebody disputes an order, that it is late, or a score."""
        shards = self._switch.auditor.model.credit.shards
        here = self._random.choice(shards)
        orders = list(here.orders.values())
        bad = [order for shard in shards for order in shard.orders.values() if order.state in _BAD]
        if bad and self._random.random() < 0.7:
            orders = bad
        if orders and self._random.random() < 0.8:
            order = self._random.choice(orders[-8:])
            entry = self._random.choice([at for at in (order.address, order.overdue_at, order.defaulted_at) if at])
            self._open(Kind.DISPUTE_OPENED, order.holder, entry, order.account)
            return
        scored = [(holder, row["scored"]) for holder, row in here.rows.items() if row["scored"]]
        if scored:
            self._open(Kind.DISPUTE_OPENED, *self._random.choice(scored), 0)

    def _review(self) -> None:
        decision = self._credit.made(Kind.INQUIRY)
        if decision is not None and decision.body["holder"] and decision.body["kind"] != InquiryResult.NOT_AVAILABLE:
            address = int(decision.result["address"])
            self._open(Kind.CREDIT_REVIEW_OPENED, decision.body["holder"], address, decision.body["account"])

    def _open(self, op: Kind, holder: int, entry: int, account: int) -> None:
        known = self._known(holder)
        if known is not None:
            forward_by = self._later(known.shard, _FORWARDS) if op == Kind.DISPUTE_OPENED else 0
            ends = self._later(known.shard, _ENDS)
            self._credit.want(op, known, reference=entry, account=account, confirm_by=forward_by, expiry=ends)

    def _known(self, holder: int) -> "Known | None":
        return next((w for w in self._load.wallets if w.address == holder), None)

    def _case(self, opened: Kind) -> Any:
        """One that is open, sometimes one that was."""
        here = self._random.choice(self._switch.auditor.model.credit.shards).cases
        found = [case for case in here.all.values() if case.opened == opened]
        going_on = [case for case in found if case.state]
        if going_on and self._random.random() < 0.9:
            found = going_on
        return self._random.choice(found) if found else None

    def _about(self, op: Kind, case: Any, **body: int) -> None:
        known = None if case is None else self._known(case.holder)
        if known is not None:
            account = 15 - case.account if self._random.random() < 0.05 and case.account else case.account
            self._credit.want(op, known, **{"reference": case.address, "account": account, **body})

    def _forward(self) -> None:
        case = self._case(Kind.DISPUTE_OPENED)
        if case is not None:
            self._about(Kind.DISPUTE_FORWARDED, case, expiry=self._later(shard_of(case.holder), _ENDS))

    def _answer(self) -> None:
        says = self._random.choice((Resolution.CORRECTED, Resolution.DELETED, Resolution.KEPT))
        self._about(Kind.DISPUTE_ANSWERED, self._case(Kind.DISPUTE_OPENED), kind=says)

    def _resolve(self) -> None:
        op = self._random.choice(list(RESOLVED_AS))
        self._about(op, self._case(OF_CASES[op]), kind=self._random.choice(RESOLVED_AS[op]))

    def _reinsert(self) -> None:
        here = self._random.choice(self._switch.auditor.model.credit.shards).cases
        if here.deleted:
            case = here.all[self._random.choice(sorted(here.deleted))]
            of = {"account": case.account, "scenario": case.scenario}  # as a front door that has read the dispute
            self._about(Kind.DISPUTE_REINSERTED, case, **of)

    # Erasures.

    def _erase(self) -> None:
        """Take the texts of a holder's records out of a block, as a front door does: first it is recorded, then it is done."""
        holder = self._random.choice(self._load.wallets) if self._load.wallets else None
        journal = [] if holder is None else self._switch.database.journals[holder.shard]
        if holder is None or not journal:
            return
        block = self._random.choice(journal)
        mine = set(np.flatnonzero(records_of(block.data)["payer"] == holder.address).tolist())
        if block.details is None or not mine & entries_of(block.details).keys():
            return
        left = without_entries(block.details, dict.fromkeys(mine), self._random.randbytes(16))
        details = credit_details(CreditDetails(erased=[Erased(block.number, details_digest(left))]))
        assert details is not None
        request = self._credit.want(Kind.DATA_ERASED, holder, details, account=0, scenario=0)
        self._erasing[request.digest] = (holder.shard, block.number, block.details, left)

    def answered(self, request: CreditRequest) -> None:
        """What was recorded is done, unless another has erased of the block meanwhile."""
        erasing = self._erasing.pop(request.digest, None)
        if erasing is None or request.result["code"] != Code.OK:
            return
        shard, number, old, new = erasing
        record = self._switch.database.record(int(request.result["address"]))
        journal = self._switch.database.journals[shard]
        if (
            record is None
            or int(record["digest"]) != request.digest
            or block_of(int(request.result["address"])) <= number
        ):
            return  # lost with what was stored after a backup
        if len(journal) >= number and journal[number - 1].details == old:
            journal[number - 1] = journal[number - 1]._replace(details=new)
            self._scheduler.count("texts erased")


RESOLVED_AS: Final = {
    Kind.DISPUTE_RESOLVED: (Resolution.CORRECTED, Resolution.DELETED, Resolution.DELETED, Resolution.KEPT),
    Kind.CREDIT_REVIEW_RESOLVED: (Resolution.OVERTURNED, Resolution.UPHELD),
}
"""What is answered, some of it more often."""
