"""Holders, merchants and a bureau: consents, inquiries, orders all of their life, scores.

It draws from a `Random` of its own, and has only some of the seeds, so that the others are what they were.
"""

from collections.abc import Container
from random import Random
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actors.ledger.orders import ALLOWED
from actors.records.codes import FIRST_REFUSED, Code
from actors.records.credit_layout import CREDIT_QUESTION, InquiryResult, OrderKind, OrderState
from actors.records.layout import ACCOUNT, RESULT_OF_INQUIRY, SCENARIO, Kind, WalletStatus
from actors.shard import messages as m
from actors.shard.disputes import CASE_OPENINGS
from tests.sim.credit_model import score_rows, shown_of
from tests.sim.load_cases import CaseLoad
from tests.sim.questions import CreditQuestion, CreditRequest, ScoreQuestion, StateQuestion

if TYPE_CHECKING:
    from tests.sim.load import Known, Load

SEEDS_OF_TEN: Final = (4, 5)
"""Which of ten seeds have credit."""
ACCOUNTS: Final = (7, 8)
SCENARIOS: Final = (1, 2)
READ_FIRST: Final = frozenset({Kind.INQUIRY, Kind.ORDER_CREATED, Kind.DISPUTE_REINSERTED, *CASE_OPENINGS})
"""What rests on what the front door has read before."""
WAIT_MS: Final = (200, 2_500)
HOLDERS: Final = 8
_REPORTED: Final = {
    Kind.ORDER_CONFIRMED: 9, Kind.ORDER_MODIFIED: 3, Kind.ORDER_COMPLETED: 10, Kind.ORDER_PAID: 6, Kind.ORDER_CANCELLED: 2,
    Kind.ORDER_PAID_ELSEWHERE: 2,
}  # fmt: skip

_NEXT: Final = {
    OrderState.CREATED: Kind.ORDER_CONFIRMED,
    OrderState.CONFIRMED: Kind.ORDER_COMPLETED,
    OrderState.OVERDUE: Kind.ORDER_PAID,
    OrderState.DEFAULTED: Kind.ORDER_PAID,
}


class CreditLoad:
    """What a `Load` wants of payment credit, and the front door that asks for it."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._switch = load.switch
        self._scheduler = load.scheduler
        self._random = Random(f"credit {load.scheduler.seed}")
        self.unfinished: dict[int, CreditRequest] = {}
        self._done: list[CreditRequest] = []
        self._mixed_up = Random(f"mixed up {load.scheduler.seed}")
        self._runs = 0
        self._cases = CaseLoad(self, load)
        self._actions = (
            (self._grant, 8), (self._withdraw, 1), (self._ask, 9), (self._order, 20), (self._call, 26), (self._again, 5),
            (self._publish, 4), (self._look, 5), (self._fund, 3), (self._close_payee, 1),
            (self._freeze_debtor, 1), (self.spend, 6),
        )  # fmt: skip

    def start(self) -> None:
        """Begin, if this seed has credit at all."""
        if self._scheduler.seed % 10 in SEEDS_OF_TEN:
            self._scheduler.after(500, self._act)
            self._cases.start()

    def begin_again(self) -> None:
        """As `FrontDoor.begin_again`."""
        if self._scheduler.seed % 10 in SEEDS_OF_TEN:
            for request in list(self.unfinished.values()):
                self._scheduler.after(self._random.randint(0, 200), self._decide, request)
            self._scheduler.after(60, self._act)
            self._cases.start()

    def _act(self) -> None:
        if self._load.left <= 0:
            return
        actions, weights = zip(*self._actions, strict=True)
        self._random.choices(actions, weights)[0]()
        self._scheduler.after(self._random.choice((1, 6, 15, 40)), self._act)

    # Requests.

    def _holder(self) -> "Known | None":
        return self._random.choice(self._load.wallets[:HOLDERS]) if self._load.wallets else None

    def want(self, op: Kind, holder: "Known", /, *details: bytes, **body: int) -> CreditRequest:
        """Ask for something until it is answered."""
        full = {
            "op": int(op), "caller": 7, "account": self._random.choice(ACCOUNTS), "scenario": self._random.choice(SCENARIOS),
            "holder": holder.address, "home": holder.address, "seen": -1, "amount": 0, "reference": 0, **body,
        }  # fmt: skip
        request = CreditRequest(
            holder.shard,
            self._random.getrandbits(128),
            self._random.getrandbits(62) + 2,
            {k: int(v) for k, v in full.items()},
        )
        request.details = details[0] if details else None
        self.unfinished[request.digest] = request
        self._switch.auditor.model.credit.requests[request.digest] = request
        self._decide(request)
        return request

    def _decide(self, request: CreditRequest) -> None:
        """Look where a decision rests on what was read, then send."""
        if request.digest not in self.unfinished:
            return
        if request.body["op"] in READ_FIRST and request.body["holder"]:
            request.attempt += 1
            attempt = request.attempt
            to_record = request.body["op"] == Kind.INQUIRY
            self._read(request.shard, request.body, lambda state: self._decided(request, state), to_record=to_record)
            self._scheduler.after(self._random.randint(*WAIT_MS), self._overdue, request, attempt)
        else:
            self._send(request)

    def _decided(self, request: CreditRequest, state: Any) -> None:
        body = dict(request.body)
        body["seen"] = int(state["credit"]["head"])
        if body["op"] == Kind.INQUIRY:
            body["writer"], body["shown"] = int(state["writer"]), hash(shown_of(state))
            consent = int(state["consent"]["record"])
            body["kind"] = int(InquiryResult.YES if consent else InquiryResult.NOT_AVAILABLE)
            body["reference"], body["points"] = consent, int(state["credit"]["score"])
        elif not self._is_there(body):
            self.unfinished.pop(request.digest, None)  # lost with what was stored after a backup
            return
        elif body["op"] == Kind.ORDER_CREATED:
            body |= self._times(request.shard)
        request.body = body
        self._send(request)

    def _is_there(self, body: dict[str, int]) -> bool:
        """Whether what a request is about is still stored."""
        if body["op"] == Kind.ORDER_CREATED:
            return self._is_receipt(body)
        return body["op"] not in READ_FIRST or self._cases.is_there(body)

    def _is_receipt(self, body: dict[str, int]) -> bool:
        """Whether the receipt that an order names is there, by what is recorded: that may not be what was sent last, and after a restore
        another party's may lie where it was."""
        address, party = body["reference"], (body["holder"], body["account"], body["scenario"])
        record = self._switch.database.record(address)
        if record is None or record[RESULT_OF_INQUIRY] != InquiryResult.YES:
            return False
        return (record["payer"], record[ACCOUNT], record[SCENARIO]) == party and any(
            r.result is not None and r.result["address"] == address and r.digest == record["digest"] for r in self._done
        )

    def _send(self, request: CreditRequest) -> None:
        if request.digest not in self.unfinished and request.result is None:
            return
        if request.body not in request.sent:
            request.sent.append(request.body)
        request.attempt += 1
        attempt = request.attempt
        row = request.row()
        details = {} if request.details is None else {0: request.details}
        if not details and request.digest % 5 == 0:
            details = {0: b"\x01"}
        question = CreditQuestion([request], lambda results: self._answered(request, results[0]))
        self._switch.call(request.shard, question, lambda ref: m.Credit(ref=ref, rows=row.copy(), details=details))
        self._scheduler.after(self._random.randint(*WAIT_MS), self._overdue, request, attempt)

    def _overdue(self, request: CreditRequest, attempt: int) -> None:
        if request.result is None and request.attempt == attempt:
            self._scheduler.count("credit calls sent again")
            self._decide(request)

    def _answered(self, request: CreditRequest, result: Any) -> None:
        code = int(result["code"])
        self._scheduler.count(f"credit {Code(code).name}")
        self._scheduler.count("credit replays", int(result["replayed"]))
        if 0 < code < FIRST_REFUSED and code not in (Code.TOO_MANY_DECISIONS, Code.CASES_FULL):
            self._scheduler.after(self._random.randint(5, 300), self._retry, request, request.attempt)
        elif request.result is None:
            request.result = result.copy()
            self.unfinished.pop(request.digest, None)
            self._done.append(request)
            self._cases.answered(request)

    def _retry(self, request: CreditRequest, attempt: int) -> None:
        if request.result is None and request.attempt == attempt:
            self._decide(request)

    def _read(self, shard: int, of: dict[str, int], reply: Any, *, to_record: bool = False) -> None:
        asked = np.zeros(1, CREDIT_QUESTION)
        asked["to_record"] = to_record
        for name in ("holder", "account", "scenario"):
            asked[name] = of[name]
        question = StateQuestion(shard, of["holder"], lambda states: reply(states[0]), to_record)
        self._switch.call(shard, question, lambda ref: m.ReadCredit(ref=ref, questions=asked))

    def time(self, shard: int) -> int:
        """As front doors tell it: a shard goes on from its last record, however far its database's clock had been set ahead."""
        return max(self._scheduler.now, int(self._switch.auditor.model.shards[shard].record_time))

    # What is wanted.

    def _grant(self) -> None:
        holder = self._holder()
        if holder is not None:
            expiry = self.time(holder.shard) + self._random.choice((1_500, 20_000, 60_000, 60_000))
            cap = self._random.choice((0, 700, 5_000))
            self.want(Kind.CONSENT_GRANTED, holder, expiry=expiry, amount=cap, standing=cap > 0)

    def _withdraw(self) -> None:
        given = self.made(Kind.CONSENT_GRANTED)
        if given is not None:
            body = given.body
            of = {name: body[name] for name in ("account", "scenario")}
            self.want(Kind.CONSENT_WITHDRAWN, self.whose(given), reference=int(given.result["address"]), **of)

    def made(self, op: Kind) -> CreditRequest | None:
        """A recent request of a kind that was done."""
        found = [r for r in self._done[-90:] if r.body["op"] == op and r.result["code"] == 0]
        return self._random.choice(found[-8:]) if found else None

    def whose(self, request: CreditRequest) -> "Known":
        return next(w for w in self._load.wallets if w.address == request.body["holder"])

    def _ask(self) -> None:
        holder = self._holder()
        if holder is None:
            return
        stated: dict[str, int] = {"amount": 900, "granted": 900}
        given = self.made(Kind.CONSENT_GRANTED)
        if given is not None and self._random.random() < 0.7:
            holder = self.whose(given)
            stated |= {name: given.body[name] for name in ("account", "scenario")}
        stated["expiry"] = self.time(holder.shard) + 20_000
        if self._random.random() < 0.1:
            stated |= {"holder": 0, "home": 777_777 + self._random.randint(0, 3)}
        if self._random.random() < 0.15:
            stated["open_max"] = 2
        self.want(Kind.INQUIRY, holder, **stated)

    def _order(self) -> None:
        receipts = [r for r in self._done if r.body["op"] == Kind.INQUIRY and r.body.get("kind") == InquiryResult.YES]
        receipts = [r for r in receipts if r.result["code"] == 0 and r.body["expiry"] > self.time(r.shard) + 10_000]
        if not receipts:
            return
        receipt = self._random.choice(receipts[-6:])
        holder = self.whose(receipt)
        payees = [w for w in self._load.wallets if w.currency == holder.currency and w.address != holder.address]
        if payees:
            of = {name: receipt.body[name] for name in ("account", "scenario")}
            self.want(
                Kind.ORDER_CREATED, holder, reference=int(receipt.result["address"]), payee=self._random.choice(payees).address,
                amount=self._random.choice((500, 900)), kind=OrderKind.PAY_LATER, open_max=4,
                valid_until=receipt.body["expiry"], default_after_s=self._random.choice((1, 2)), **of,
            )  # fmt: skip

    def _times(self, shard: int) -> dict[str, int]:
        """Until when an order is to be confirmed and paid, told anew with each attempt: the longest take longer than the shortest terms."""
        now, due = self.time(shard), self._random.choice((300, 1_000) if self._cases.begins else (3_000, 8_000))
        return {"confirm_by": now + self._random.choice((1_500, 6_000)), "expiry": now + due}

    def _call(self) -> None:
        """Something is asked of an order, mostly what comes next, by whoever may, or may not."""
        order = self.made(Kind.ORDER_CREATED)
        if order is None:
            return
        known = self._switch.auditor.model.credit.shards[order.shard].orders.get(int(order.result["address"]))
        op = self._random.choices(list(_REPORTED), list(_REPORTED.values()))[0]
        if known is not None and self._random.random() < 0.6:
            op = _NEXT.get(known.state, op)
        amount = self._random.choice((0, 300, 500, 900)) if op in (Kind.ORDER_COMPLETED, Kind.ORDER_MODIFIED) else 0
        of = {name: order.body[name] for name in ("account", "scenario")}
        if self._random.random() < 0.05:
            of["account"] = 15 - of["account"]
        address = int(order.result["address"])
        if self._mixed_up.random() < 0.25:
            address = self._another(order) or address
        self.want(op, self.whose(order), reference=address, amount=amount, **of)

    def _another(self, order: CreditRequest) -> int | None:
        """Another holder's order at the same merchant, as one that has taken the place of an order that a failover lost."""
        holder, account = order.body["holder"], order.body["account"]
        orders = self._switch.auditor.model.credit.shards[order.shard].orders.values()
        others = [each.address for each in orders if each.holder != holder and each.account == account]
        return self._mixed_up.choice(others[-8:]) if others else None

    def _again(self) -> None:
        """Send once more what was answered already."""
        if self._done:
            request = self._random.choice(self._done[-30:])
            if request.body["op"] == Kind.INQUIRY or self._is_there(request.body):
                self._send(request)  # as a front door that reads first

    def _look(self) -> None:
        holder = self._holder()
        if holder is not None:
            of = {"holder": holder.address, "account": 7, "scenario": 1}
            self._read(holder.shard, of, lambda _: self._scheduler.count("credit states read"))

    def _fund(self) -> None:
        """Holders are poor, so that collections fail, and then are not."""
        holder = self._holder()
        if holder is not None:
            slot = 1024 if holder.currency == 978 else 1027
            fields = {"payer": slot, "payee": holder.address, "currency": holder.currency, "amount": 1_500}
            self._load.front_door.want([self._load.request(holder.shard, **fields)])

    def _in_state(self, states: Container[int]) -> CreditRequest | None:
        """The request of an order that is in one of these states."""
        shards = self._switch.auditor.model.credit.shards
        found = {at for here in shards for at, order in here.orders.items() if order.state in states}
        made = [r for r in self._done if r.body["op"] == Kind.ORDER_CREATED and int(r.result["address"]) in found]
        return self._random.choice(made) if made else None

    def _all_of(self, wallet: "Known") -> list[Any]:
        """A request to pay out what a wallet has."""
        known = self._switch.auditor.model.wallet(wallet.address, wallet.shard)
        credits, debits, *_ = (0, 0) if known is None else known.at(known.blocks[-1])
        slot = 1024 if wallet.currency == 978 else 1027
        fields = {"payer": wallet.address, "payee": slot, "currency": wallet.currency, "amount": credits - debits}
        return [self._load.request(wallet.shard, **fields)] if credits > debits else []

    def spend(self) -> None:
        """Who will be billed has nothing left; some are billed soon."""
        order = self._in_state({OrderState.CONFIRMED})
        if order is not None and (paying := self._all_of(self.whose(order))):
            self._load.front_door.want(paying)
            if self._random.random() < 0.5:
                self._scheduler.after(self._random.randint(50, 900), self._bill, order)

    def _bill(self, order: CreditRequest) -> None:
        of = {name: order.body[name] for name in ("account", "scenario")}
        self.want(Kind.ORDER_COMPLETED, self.whose(order), reference=int(order.result["address"]), amount=400, **of)

    def _freeze_debtor(self) -> None:
        """Who owes something is frozen for a while."""
        order = self._in_state(ALLOWED[Kind.ORDER_PAID])
        if order is None:
            return
        holder = self.whose(order)
        changes = [
            self._load.request(holder.shard, op=Kind.WALLET_STATUS, kind=status, payee=holder.address)
            for status in (WalletStatus.FROZEN, WalletStatus.OPEN)
        ]
        self._load.front_door.want(changes[:1])
        self._scheduler.after(self._random.randint(300, 6_000), self._load.front_door.want, changes[1:])

    def _close_payee(self) -> None:
        """A shop gives up: it pays out what it has, and closes, whoever still owes it."""
        order = self._in_state(ALLOWED[Kind.ORDER_PAID]) or self.made(Kind.ORDER_CREATED)
        if order is None:
            return
        payee = next(w for w in self._load.wallets if w.address == order.body["payee"])
        closing = self._load.request(payee.shard, op=Kind.WALLET_STATUS, kind=WalletStatus.CLOSED, payee=payee.address)
        self._load.front_door.want([*self._all_of(payee), closing])

    def _publish(self) -> None:
        """A run, or one that was published before once more."""
        shards = {w.shard for w in self._load.wallets}
        if not shards:
            return
        shard = self._random.choice(sorted(shards))
        if not self._runs or self._random.random() < 0.6:
            self._runs += 1
        run = max(1, self._runs - self._random.choice((0, 0, 0, 1)))
        holders = [w.address for w in self._load.wallets[: HOLDERS + 3] if w.shard == shard]
        if holders:
            rows = score_rows(self._random.choices(holders, k=min(4, len(holders) + 1)), run, 350 + run)
            question = ScoreQuestion(shard, rows, lambda _: self._scheduler.count("scores answered"))
            self._switch.call(shard, question, lambda ref: m.Publish(ref=ref, rows=rows))
