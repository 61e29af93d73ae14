"""The naive model of payment credit: what journals say of consents, orders and scores, and whether answers and memory agree with it.

Which record may follow which is for the audit to say, whose check reads every block; nothing of the shard's code takes part.
"""

from collections import Counter
from typing import Any, Final

import numpy as np

from actors.audit.credit import COMPLETE_WITHIN_MS, STOPPED_FOR_MS, CreditCheck
from actors.records.addresses import block_of, slot_of
from actors.records.blocks import CreditEntry, Sealed, addresses_of, records_of
from actors.records.codes import FIRST_REFUSED, Code, is_declined
from actors.records.credit_layout import OPEN_STATES, SCORE_ROW, OrderState, Stopped
from actors.records.layout import (
    ACCOUNT,
    CONFIRM_BY,
    DEFAULT_AFTER,
    DUE_AT,
    GRANTED,
    HOME,
    LAST_ORDER,
    ORDER_STATE,
    RESOLUTION,
    RESULT_OF_INQUIRY,
    RUN,
    SCENARIO,
    SCORE_SEEN,
    STANDING,
    STOPPED_BY,
    TRANSFER_AT,
    Kind,
)
from tests.sim.case_model import ShardCases
from tests.sim.questions import CreditQuestion, CreditRequest, ScoreQuestion, StateQuestion
from tests.sim.truth import must

COLLECTION: Final = 1
"""Digest of a transfer that a shard makes by itself to collect an order."""
ROW: Final = ("head", "scored", "kept", "score", "open", "overdue", "defaulted", "run", "disputed")
CONSENTS_MAX: Final = 3
"""Of a holder, in the simulation."""
DAY_MS: Final = 86_400_000
OVER: Final = frozenset(OrderState) - OPEN_STATES
COLLECTING: Final = (Kind.ORDER_PAID, Kind.ORDER_ATTEMPT, Kind.ORDER_CURED)
MADE: Final = {
    Kind.ORDER_COMPLETED: (Kind.ORDER_PAID, Kind.ORDER_ATTEMPT),
    Kind.ORDER_PAID: (Kind.ORDER_PAID, Kind.ORDER_ATTEMPT, Kind.ORDER_CURED),
}
"""The record that answers a call, where it is not of the call's own kind."""
_ASKED: Final = {"account": ACCOUNT, "scenario": SCENARIO}
_OF_KIND: Final = {
    Kind.CONSENT_GRANTED: {"amount": "amount", "expiry": "expiry", "standing": STANDING},
    Kind.CONSENT_WITHDRAWN: {"reference": "reference"},
    Kind.INQUIRY: {
        "amount": "amount", "granted": GRANTED, "expiry": "expiry", "kind": RESULT_OF_INQUIRY, "points": SCORE_SEEN, "home": HOME,
        "reference": "reference",
    },
    Kind.ORDER_CREATED: {
        "payee": "payee", "amount": "amount", "expiry": "expiry", "confirm_by": CONFIRM_BY, "default_after_s": DEFAULT_AFTER,
        "reference": "reference",
    },
    Kind.DISPUTE_OPENED: _ASKED | {"reference": "reference", "expiry": "expiry"},
    Kind.CREDIT_REVIEW_OPENED: _ASKED | {"reference": "reference", "expiry": "expiry"},
    Kind.DISPUTE_FORWARDED: {"expiry": "expiry"},
    Kind.DISPUTE_ANSWERED: {"kind": RESOLUTION},
    Kind.DISPUTE_RESOLVED: {"kind": RESOLUTION},
    Kind.CREDIT_REVIEW_RESOLVED: {"kind": RESOLUTION},
}  # fmt: skip
"""What of a request is in which field of its record."""


def shown_of(state: Any) -> tuple[int, ...]:
    """What a CREDIT_STATE row shows of a holder."""
    return tuple(int(state["credit"][name]) for name in ROW)


OF_FRONT_DOORS: Final = "a second order begins on one receipt"
"""What front doors see to, by a table of receipts; the load asks shards without one."""


class Order:
    """An order, with what it was after each block that changed it."""

    def __init__(self, address: int, record: Any) -> None:
        self.address, self.record = address, record
        self.holder, self.account = record.payer, getattr(record, ACCOUNT)
        self.cap = record.amount
        self.modified = False
        self.state = getattr(record, ORDER_STATE)
        self.ends = self.due = 0
        self.overdue_at = self.defaulted_at = self.deleted_by = 0
        self.corrected = False
        self.history: list[tuple[int, int, int, bool]] = []
        self.keep(block_of(address))

    @property
    def is_cleared(self) -> bool:
        """Whether it counts neither as overdue nor as defaulted."""
        return self.corrected or self.deleted_by != 0

    def keep(self, block: int) -> None:
        """Remember it after a block."""
        self.history.append((block, self.state, self.cap, self.modified))

    def since(self, block: int) -> list[tuple[int, int, int, bool]]:
        """What it was after this block, and then."""
        before = [each for each in self.history if each[0] <= block][-1:]
        return [*before, *(each for each in self.history if each[0] > block)]


class ShardCredit:
    """What one journal says."""

    def __init__(self, counts: Any) -> None:
        self.check = CreditCheck()
        self.cases = ShardCases(counts)
        self.rows: dict[int, dict[str, int]] = {}
        self.states: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        self.consents: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
        self.orders: dict[int, Order] = {}
        self.unclaimed: set[int] = set()
        self.block: Sealed
        self.asked: Counter[tuple[int, int, int]] = Counter()

    def row(self, holder: int) -> dict[str, int]:
        """A holder's row."""
        return self.rows.setdefault(holder, dict.fromkeys(ROW, 0))

    def keep(self, holder: int, block: int) -> None:
        """Remember a row after a block."""
        self.states.setdefault(holder, []).append((block, tuple(self.rows[holder].values())))

    def consent(self, party: tuple[int, int, int], now: int) -> int:
        """Address of the live consent, 0 = none."""
        history = self.consents.get(party)
        return history[-1][1] if history and history[-1][2] > now else 0


class CreditModel:
    """All journals together. `requests`: what clients asked for, by digest; they forget nothing."""

    def __init__(self, shards: int, counts: Any) -> None:
        self.shards = [ShardCredit(counts) for _ in range(shards)]
        self.requests: dict[int, CreditRequest] = {}
        self.entries: list[CreditEntry] = []
        self._counts = counts

    # What became durable.

    def read_block(self, shard: int, sealed: Sealed) -> None:
        """Before the records of a block are read one by one."""
        here, records = self.shards[shard], records_of(sealed.data)
        here.block = sealed
        for address, text in here.check.wrong(records, addresses_of(shard, sealed.number, len(records))):
            must(text == OF_FRONT_DOORS, "record {}: {}", address, text)
        self.entries.extend(here.check.entries)
        here.check.entries.clear()

    def block_read(self, shard: int) -> None:
        """A collection and what it makes of the order are stored together."""
        must(not self.shards[shard].unclaimed, "shard {}: a collection without its order's record", shard)

    def collected(self, shard: int, address: int) -> None:
        """A transfer that nobody asked for: an order's record in the same block must name it."""
        self.shards[shard].unclaimed.add(address)

    def read(self, shard: int, address: int, record: Any, model: Any) -> None:
        """A credit record."""
        here, kind, block = self.shards[shard], Kind(record.kind), block_of(address)
        self._counts[f"recorded {kind.name}"] += 1
        if record.digest:
            self._asked(shard, address, record, model)
        if kind == Kind.SCORE:
            self._scored(here, address, record)
        elif kind == Kind.INQUIRY:
            here.asked[getattr(record, ACCOUNT), getattr(record, HOME), record.record_time // DAY_MS] += 1
        elif kind == Kind.CONSENT_GRANTED:
            self._consents(here, record).append((block, address, record.expiry))
        elif kind == Kind.CONSENT_WITHDRAWN:
            self._consents(here, record).append((block, 0, 0))
        elif Kind.ORDER_CREATED <= kind <= LAST_ORDER:
            self._ordered(here, address, record)
        elif kind == Kind.DATA_ERASED:
            here.cases.was_erased(here.block, slot_of(address))
        else:
            here.cases.read(here, address, record)
        if record.payer:
            here.row(record.payer).update(head=address, **here.cases.counted(here, record.payer))
            here.keep(record.payer, block)

    @staticmethod
    def _consents(here: ShardCredit, record: Any) -> list[tuple[int, int, int]]:
        return here.consents.setdefault((record.payer, getattr(record, ACCOUNT), getattr(record, SCENARIO)), [])

    def _asked(self, shard: int, address: int, record: Any, model: Any) -> None:
        request = self.requests.get(record.digest)
        must(request is not None, "record {} was not asked for", address)
        assert request is not None
        bound = (shard, record.key_hi, record.key_lo)
        must(bound not in model.bound_keys and request.key_id not in model.keys, "record {}: its key was used", address)
        model.bound_keys.add(bound)
        model.keys[request.key_id] = address
        body, op = request.body, Kind(request.body["op"])
        must(record.kind in MADE.get(op, (op,)), "record {}: another kind than asked", address)
        same = (_ASKED if op < Kind.ORDER_CONFIRMED else {}) | _OF_KIND.get(op, {})
        stated = [{name: sent.get(name, 0) for name in same} for sent in request.sent]
        kept = {name: getattr(record, field) for name, field in same.items()}
        must(kept in stated, "record {}: {} is not what was asked: {}", address, kept, stated)
        if op == Kind.INQUIRY and body["holder"]:
            rests_on = [sent for sent, of_record in zip(request.sent, stated, strict=True) if of_record == kept]
            self._decided(shard, address, body["holder"], rests_on, model)
        must(record.payer == body["holder"] and record.caller == body["caller"], "record {}: whose?", address)
        must(op < Kind.ORDER_CONFIRMED or record.reference == body["reference"], "record {}: another order", address)

    def _decided(self, shard: int, address: int, holder: int, sent: list[dict[str, int]], model: Any) -> None:
        """A decision rests on what its own writer had recorded before."""
        rows = [(0,) * len(ROW), *(each[1] for each in self.shards[shard].states.get(holder, []))]
        known, writer = set(map(hash, rows)), model.shards[shard].writer
        true = any(each["writer"] == writer and each["shown"] in known for each in sent)
        must(true, "decision {}: not on what its writer {} has recorded: {}", address, writer, sent)

    def _scored(self, here: ShardCredit, address: int, record: Any) -> None:
        row = here.row(record.payer)
        must(getattr(record, RUN) > row["run"], "record {}: run {} scored the wallet before", address, row["run"])
        row["run"], row["scored"], row["score"] = getattr(record, RUN), address, record.points

    def _ordered(self, here: ShardCredit, address: int, record: Any) -> None:
        row, kind, state = here.row(record.payer), record.kind, getattr(record, ORDER_STATE)
        if kind == Kind.ORDER_CREATED:
            party = (record.payer, getattr(record, ACCOUNT), getattr(record, SCENARIO))
            must(here.consent(party, record.record_time) != 0, "order {}: made without a live consent", address)
            order = here.orders[address] = Order(address, record)
            row["open"] += 1
            late = max(record.expiry, record.record_time) + COMPLETE_WITHIN_MS
            order.ends = getattr(record, CONFIRM_BY) if state == OrderState.CREATED else late
            return
        order = here.orders[record.reference]
        if kind in COLLECTING:
            here.unclaimed.discard(getattr(record, TRANSFER_AT))
        if kind == Kind.ORDER_OVERDUE:
            order.overdue_at = address
        elif kind == Kind.ORDER_DEFAULTED:
            order.defaulted_at = address
        row["open"] -= state in OVER
        row["kept"] += state == OrderState.PAID and not order.deleted_by
        if kind == Kind.ORDER_MODIFIED:
            order.cap, order.modified = record.amount, True
        if kind == Kind.ORDER_COMPLETED:
            order.due = record.expiry
            order.ends = order.due + 1_000 * getattr(order.record, DEFAULT_AFTER)
        elif kind == Kind.ORDER_CONFIRMED:
            order.ends = max(order.record.expiry, record.record_time) + COMPLETE_WITHIN_MS
        elif state in (*OVER, OrderState.DEFAULTED):
            order.ends = 0
        elif kind == Kind.ORDER_ATTEMPT:
            self._attempted(order, record)
        order.state = state
        order.keep(block_of(address))

    def _attempted(self, order: Order, record: Any) -> None:
        """While it cannot be paid an order's clock stands still."""
        order.due = getattr(record, DUE_AT) or order.due
        stopped = getattr(record, STOPPED_BY)
        self._counts["attempts stopped by " + Stopped(stopped).name] += 1
        late = 1_000 * getattr(order.record, DEFAULT_AFTER)
        order.ends = record.record_time + STOPPED_FOR_MS if stopped else order.due + late

    # Answers.

    def judge(self, question: Any, delivery: Any, value: Any, model: Any, reported: set[int]) -> None:
        """An answer is given now."""
        if isinstance(question, CreditQuestion):
            must(len(value) == len(question.requests), "credit: results for other rows")
            for request, result in zip(question.requests, value, strict=True):
                self._judge_result(request, delivery, result, model, reported)
        elif isinstance(question, StateQuestion):
            self._judge_state(question, delivery, value)
        else:
            self._judge_scores(question, value)

    def _judge_result(self, request: CreditRequest, delivery: Any, result: Any, model: Any, reported: set[int]) -> None:
        code, name = Code(int(result["code"])), request.digest
        address = model.keys.get(request.key_id, 0)
        if code == Code.TOO_MANY_DECISIONS:
            body, asked = request.body, self.shards[request.shard].asked
            most = max((n for (*of, _), n in asked.items() if of == [body["account"], body["home"]]), default=0)
            must(0 < body.get("open_max", 0) <= most, "credit {}: {} inquiries are not too many", name, most)
        if code == Code.CASES_FULL:
            must(
                self._is_true(code, request, delivery, delivery.until()),
                "credit {} {}: there is room",
                name,
                request.body,
            )
        if 0 < code < FIRST_REFUSED:
            return
        if code == Code.WALLET_NOT_FOUND:
            wallet = model.wallet(request.body["holder"], request.shard)
            must(wallet is None or wallet.blocks[0] > delivery.shard_head, "credit {}: the wallet is there", name)
            return
        if code == Code.OK or is_declined(code):
            must(address != 0, "credit {}: {} and nothing is durable", name, code.name)
            must(int(result["address"]) == address, "credit {}: address {}, not {}", name, result["address"], address)
            if not result["replayed"]:
                must(address not in reported, "credit {}: told twice as new", name)
                must(model.records[address].digest == name, "credit {}: its key made another's record", name)
                reported.add(address)
            return
        known = 0 < block_of(address) <= delivery.shard_head
        must(not known, "credit {}: {} though its key was known", name, code.name)
        now = max(delivery.until(), model.shards[request.shard].record_time)
        must(self._is_true(code, request, delivery, now), "credit {} {}: {} is not true", name, request.body, code.name)

    def _is_true(self, code: Code, request: CreditRequest, delivery: Any, now: int) -> bool:
        """Whether a refusal was true at one time since the question. `now`: by the process, but never before the last record: a consent
        that has ended stays so when a clock is set back."""
        here, body, op = self.shards[request.shard], request.body, Kind(request.body["op"])
        party = (body["holder"], body["account"], body["scenario"])
        if code == Code.CONSENT_NOT_FOUND:
            history = here.consents.get(party, [])
            lives = [each for each in history if each[0] <= delivery.shard_head][-1:]
            lives += [each for each in history if each[0] > delivery.shard_head]
            if op == Kind.ORDER_CREATED:
                return not lives or any(not each[1] or each[2] <= now for each in lives)
            return not lives or any(each[1] != body["reference"] or each[2] <= now for each in lives)
        if code == Code.TOO_MANY_ORDERS:
            return bool(here.states.get(body["holder"]))
        if code == Code.TOO_MANY_CONSENTS:
            parties = [party for party in here.consents if party[0] == body["holder"]]
            return op == Kind.CONSENT_GRANTED and len(parties) >= CONSENTS_MAX
        if op >= Kind.DISPUTE_OPENED:
            return here.cases.is_true(code, op, body, delivery.shard_head)
        if code == Code.RECEIPT_EXPIRED:
            return op == Kind.ORDER_CREATED
        if code in (Code.INVALID_REQUEST, Code.WALLET_CLOSED):
            return op in (Kind.CONSENT_GRANTED, Kind.ORDER_CREATED, Kind.CONSENT_WITHDRAWN)
        if op < Kind.ORDER_CONFIRMED:
            return False
        order = here.orders.get(body["reference"])
        if order is None or order.holder != body["holder"]:
            return code == Code.ORDER_NOT_FOUND
        if op not in (Kind.ORDER_CONFIRMED, Kind.ORDER_PAID) and order.account != body["account"]:
            return code == Code.ORDER_NOT_FOUND
        return any(self._refuses(code, op, body["amount"], *each[1:]) for each in order.since(delivery.shard_head))

    @staticmethod
    def _refuses(code: Code, op: Kind, amount: int, state: int, cap: int, modified: bool) -> bool:
        new, confirmed = state == OrderState.CREATED, state == OrderState.CONFIRMED
        owed = state in (OrderState.DUE, OrderState.OVERDUE, OrderState.DEFAULTED)
        allowed = {
            Kind.ORDER_CONFIRMED: new,
            Kind.ORDER_MODIFIED: new or confirmed,
            Kind.ORDER_CANCELLED: new or confirmed,
            Kind.ORDER_COMPLETED: confirmed,
            Kind.ORDER_PAID: owed,
            Kind.ORDER_PAID_ELSEWHERE: owed,
        }[op]
        if code == Code.ORDER_NOT_FOUND:
            return state in OVER
        if code == Code.ORDER_STATE:
            return not allowed
        if code == Code.ORDER_CHANGED:
            return allowed and op == Kind.ORDER_MODIFIED and modified
        if code == Code.CAP_EXCEEDED:
            return allowed and (amount > cap or (op == Kind.ORDER_MODIFIED and not 0 < amount < cap))
        return allowed and op in (Kind.ORDER_COMPLETED, Kind.ORDER_PAID)  # the transfer was refused

    def _judge_state(self, question: StateQuestion, delivery: Any, value: Any) -> None:
        """It shows the row as it was at one time since the question."""
        if question.to_record:
            return
        (state,) = value
        shown = shown_of(state)
        history = self.shards[question.shard].states.get(question.holder, [])
        possible = [each[1] for each in history if each[0] <= delivery.shard_head][-1:] or [(0,) * len(ROW)]
        possible += [each[1] for each in history if each[0] > delivery.shard_head]
        must(shown in possible, "holder {}: {} was never so: {}", question.holder, shown, possible)

    def _judge_scores(self, question: ScoreQuestion, value: Any) -> None:
        """What a run is said to have made of a wallet it has made; it is durable."""
        here = self.shards[question.shard]
        for row, result in zip(question.rows, value, strict=True):
            history = here.states.get(int(row["holder"]), [])
            if result["code"] == 0:
                places = [dict(zip(ROW, each[1], strict=True)) for each in history]
                made = any(p["scored"] == result["address"] and p["run"] == row["run"] for p in places)
                must(made, "run {}: no score of wallet {} is durable", row["run"], row["holder"])
            elif result["code"] == Code.RUN_SUPERSEDED:
                later = any(dict(zip(ROW, each[1], strict=True))["run"] > row["run"] for each in history)
                must(later, "run {}: no later one scored wallet {}", row["run"], row["holder"])

    # When all is quiet.

    def outstanding(self, until_ms: int) -> str:
        """An order that ends by itself before this time, and has not."""
        for here in self.shards:
            for order in here.orders.values():
                if order.ends and order.ends <= until_ms:
                    return f"order {order.address} in state {order.state} has not ended, which was due at {order.ends}"
            if text := here.cases.unsettled(until_ms):
                return text
        return ""

    def compare(self, number: int, ledger: Any) -> None:
        """What a shard has in memory is what its journal says."""
        here, credit = self.shards[number], ledger.credit
        for holder, row in here.rows.items():
            kept = credit.row(ledger.book, holder)
            for name, value in row.items():
                must(
                    int(kept[name]) == value,
                    "shard {}: holder {}: {} is {}, not {}",
                    number,
                    holder,
                    name,
                    kept[name],
                    value,
                )
            must(int(ledger.wallet(holder)["score"][0]) == row["score"], "shard {}: score of {}", number, holder)
        wanted = {o.address: (o.state, o.cap, o.holder) for o in here.orders.values() if o.state not in OVER}
        kept = {int(o["address"]): (int(o["state"]), int(o["cap"]), int(o["holder"])) for o in credit.open_orders()}
        must(kept == wanted, "shard {}: orders are {}, not {}", number, kept, wanted)
        here.cases.compare(number, credit)
        now = ledger.record_time
        for party in here.consents:
            live = credit.consent(*party, now)
            record = 0 if live is None else int(live["record"])
            must(record == here.consent(party, now), "shard {}: consent of {} is {}", number, party, record)


def score_rows(holders: list[int], run: int, score: int) -> Any:
    """A run's SCORE_ROW rows (n,)."""
    rows = np.zeros(len(holders), SCORE_ROW)
    rows["holder"], rows["run"], rows["score"], rows["card"] = holders, run, score, 1
    return rows
