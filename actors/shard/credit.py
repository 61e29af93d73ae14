"""Credit requests of a shard: consents, inquiries and service orders, and what time does to orders.

They are taken between batches of payments, some at a time, and make records like those. A request that rests on what its front door has
read names the head of the holder's credit chain; when another record came between, it is DEFERRED and the front door looks again. The
transfer of a collection is in the unit of the order's record, so one is never stored without the other.
"""

import hashlib
import heapq
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np

from actors.ledger.admission import FORGOTTEN, Channels
from actors.ledger.credit import local_rows
from actors.ledger.inquiries import Turn
from actors.ledger.ledger import Ledger
from actors.ledger.orders import AFTER, ALLOWED, BY_HOLDER, completed_due, ends_at, refusal
from actors.records.addresses import address_after
from actors.records.codes import Code
from actors.records.credit_layout import CREDIT_RESULT, CREDIT_STATE, CreditStates, OrderState
from actors.records.ids import bound_key, key_words, transfer_id
from actors.records.layout import (
    ACCOUNT,
    CONFIRM_BY,
    CREDIT_PREVIOUS,
    DEFAULT_AFTER,
    LAST_ORDER,
    ORDER_KIND,
    ORDER_STATE,
    RECORD,
    REQUEST,
    SCENARIO,
    SCENARIO_VERSION,
    STANDING,
    STOPPED_BY,
    TRANSFER_AT,
    Kind,
    Requests,
    WalletStatus,
    joined,
)
from actors.shard.attempts import after_attempt, looks_again, record_why
from actors.shard.config import ShardConfig
from actors.shard.disputes import CASE_OF, CASE_OPENINGS, case_timer, decide_case, due_case
from actors.shard.journal_writer import JournalWriter
from actors.shard.messages import Answer, Credit, Output, ReadCredit
from actors.shard.order_history import order_history

QUEUE_ROWS_MAX: Final = 8_192
"""Credit requests that wait, some seconds of work; beyond it the answer is BUSY."""
TURN_ROWS_MAX: Final = 256
"""Requests taken at a time, some 10 ms: payments have their turn between."""
TURN_DUE_MAX: Final = 128
"""Due orders and disputes taken at a time, beside the requests: those that always wait must not keep the clocks from running."""
STALE_PLANS_MAX: Final = 1_024
"""Plans that hold no more, beyond as many as hold. An order is confirmed and paid at once; what was planned for it lies a month ahead."""
LOOK_AGAIN_MS: Final = 1_000
"""From one look for a remote payee to the next, when time alone makes an attempt."""

_OF_ONE_RECORD: Final = frozenset({int(Kind.CONSENT_GRANTED), int(Kind.CONSENT_WITHDRAWN)})
"""Requests whose records stand alone, as those of inquiries do, so that those of a turn share a block."""

_TRANSFER: Final = int(Kind.TRANSFER)
"""A name of an enumeration takes as long to look up as a field to read."""

_ENCODE: Final = msgspec.msgpack.Encoder().encode


class _Made(NamedTuple):
    """Records of one request, with the details of some of them by index. `answer`: the index of the one that has its key, and with which
    it is answered."""

    records: list[Any]
    details: dict[int, bytes]
    answer: int = -1


class _Asked:
    """A message that waits or is under way, with the results of its rows so far."""

    def __init__(self, message: Credit) -> None:
        self.message = message
        self.results = np.zeros(len(message.rows), CREDIT_RESULT)
        self.taken = 0


class Core(Protocol):
    """What credit requests use of their shard's core."""

    ledger: Ledger
    writer: JournalWriter
    config: ShardConfig

    @property
    def ready(self) -> bool:
        """Whether requests are taken."""

    @property
    def serving(self) -> bool:
        """Whether it answers."""


class CreditRequests:
    """Takes credit requests in turn. `channels`: how far other shards' journals were read; `fetch`: ask for the payees of REQUEST rows, so
    that they can be tried again."""

    def __init__(
        self,
        core: Core,
        channels: Channels,
        emit: Callable[[list[Output]], None],
        fetch: Callable[[Requests, int], None],
    ) -> None:
        self._core = core
        self._ledger = core.ledger
        self._channels = channels
        self._emit = emit
        self._fetch = fetch
        self._queue: deque[_Asked] = deque()
        self._rows = 0
        self._timers: list[tuple[int, int, int]] = []
        self._planned: dict[int, int] = {}
        self._looking: dict[int, int] = {}  # since when for the payee, by order; a record of an order ends it
        self._unit: list[Any] = []
        self._notes: dict[int, bytes] = {}
        self._decisions: dict[int, Callable[[Any, bytes | None], Any]] = {
            Kind.CONSENT_GRANTED: self._grant,
            Kind.CONSENT_WITHDRAWN: self._withdraw,
            Kind.ORDER_CREATED: self._create,
            **dict.fromkeys(ALLOWED, self._order_call),
            **dict.fromkeys((*CASE_OPENINGS, *CASE_OF, Kind.DISPUTE_REINSERTED), self._case),
            Kind.DATA_ERASED: self._erased,
        }

    @property
    def queued_rows(self) -> int:
        """Rows that wait."""
        return self._rows

    def opened(self) -> None:
        """Plan anew what time does to orders, disputes and reviews: the journal was replayed."""
        self._timers, self._planned, self._looking = [], {}, {}
        for order in self._ledger.credit.open_orders():
            self._plan(int(order["timer"]), int(order["address"]))
        for case in self._ledger.credit.open_cases():
            self._plan(case_timer(case), int(case["address"]))

    def offer(self, message: Credit) -> None:
        """Queue a message, or answer that nothing of it was tried."""
        if self._core.ready and self._rows + len(message.rows) <= QUEUE_ROWS_MAX:
            self._queue.append(_Asked(message))
            self._rows += len(message.rows)
            return
        results = np.zeros(len(message.rows), CREDIT_RESULT)
        results["code"] = Code.BUSY
        self._emit([Answer(ref=message.ref, value=results)])

    def read(self, message: ReadCredit) -> None:
        """Answer with CREDIT_STATE rows (n,) once what they show is durable. Where what is decided on them is recorded, they need not be:
        if this writer commits it, it has committed what it had shown before; and no other writer takes it."""
        if not self._core.serving:
            return
        answer: list[Output] = [Answer(ref=message.ref, value=self._states(message))]
        if message.questions["to_record"].all():
            self._emit(answer)
        else:
            self._core.writer.when_durable(lambda: self._emit(answer))

    def _states(self, message: ReadCredit) -> CreditStates:
        questions = message.questions
        states = np.zeros(len(questions), CREDIT_STATE)
        states["writer"] = self._core.writer.writer.number
        credit, book, now = self._ledger.credit, self._ledger.book, self._ledger.record_time
        rows = local_rows(book, questions["holder"])
        known = rows >= 0
        states["wallet"][known], states["credit"][known] = book.wallets[rows[known]], credit.rows[rows[known]]
        consents = credit.live_consents(questions, now)
        agreed = known & (consents != 0)
        states["consent"][agreed] = credit.consents[consents[agreed] - 1]
        for at in np.flatnonzero((questions["order"] != 0) | (questions["payee"] != 0)).tolist():
            order = credit.order(int(questions["order"][at]))
            if order is not None:
                states["order"][at] = order
            if questions["payee"][at]:
                states["paying"][at] = credit.paying(int(questions["payee"][at]))
        return states

    def turn(self) -> bool:
        """Handle some of the requests that wait and of what is due, between batches. Gives whether there is more."""
        done: list[_Asked] = []
        taken = 0
        while self._queue and taken < TURN_ROWS_MAX:
            asked = self._queue[0]
            inquiries = self._inquire(asked, TURN_ROWS_MAX - taken)
            if not inquiries:
                self._decide_next(asked)
            taken += inquiries or 1
            if asked.taken == len(asked.results):
                done.append(self._queue.popleft())
        self._seal_unit()
        self._rows -= taken
        for _ in range(TURN_DUE_MAX):
            if not self._is_due:
                break
            self._on_timer(*heapq.heappop(self._timers)[1:])
        if done:
            answers: list[Output] = [Answer(ref=asked.message.ref, value=asked.results) for asked in done]
            self._core.writer.when_durable(lambda: self._emit(answers))
        return self.has_work

    @property
    def has_work(self) -> bool:
        """Whether a request waits, or something is due."""
        return bool(self._queue) or self._is_due

    @property
    def _is_due(self) -> bool:
        return bool(self._timers) and self._timers[0][0] <= self._ledger.record_time

    def _inquire(self, asked: _Asked, most: int) -> int:
        """Answer the inquiries that come next, at most so many. Gives how many."""
        rows = asked.message.rows[asked.taken : asked.taken + most]
        others = np.flatnonzero(rows["op"] != Kind.INQUIRY)
        count = int(others[0]) if len(others) else len(rows)
        if count:
            results = asked.results[asked.taken : asked.taken + count]
            asked.taken += count
            writer = self._core.writer
            turn = Turn(self._ledger.record_time, writer.writer.number, writer.next_address, len(self._unit))
            self._unit.extend(self._ledger.credit.inquire(self._ledger.book, turn, rows[:count], results))
        return count

    def _decide_next(self, asked: _Asked) -> None:
        at = asked.taken
        asked.taken += 1
        row, result = asked.message.rows[at], asked.results[at]
        key = self._bound(row)
        known = self._ledger.key_address(*key)
        if known:
            result["address"], result["replayed"] = known, 1
            return
        if not self._ledger.has_key_room(key[0]):
            result["code"] = Code.KEYS_FULL
            return
        details = asked.message.details.get(at)
        decide = self._decisions.get(int(row["op"]))
        if row["op"] not in _OF_ONE_RECORD:
            self._seal_unit()
        if row["writer"] not in (0, self._core.writer.writer.number):
            made: Code | _Made = Code.DEFERRED
        else:
            made = Code.INVALID_REQUEST if decide is None else decide(row, details)
        if isinstance(made, Code):
            result["code"] = made
            if made == Code.DEFERRED:
                result["record_time"] = self._ledger.record_time
            return
        self._keep(made, row, key, result)

    def _bound(self, row: Any) -> tuple[int, int]:
        raw = int(row["key_hi"]).to_bytes(8, "little") + int(row["key_lo"]).to_bytes(8, "little")
        return bound_key(self._ledger.secret, int(row["caller"]), int(row["home"]), raw)

    # Records.

    def _keep(self, made: _Made, row: Any, key: tuple[int, int], result: Any) -> None:
        """Seal what a request made."""
        last, keyed = made.records[-1], made.records[made.answer]
        keyed["key_hi"], keyed["key_lo"] = key
        keyed["digest"] = int(row["digest"]) or 1
        keyed["caller"] = row["caller"]
        address = self._seal(made)
        assert self._ledger.remember_key(*key, address)
        result["address"], result["record_time"] = address, self._ledger.record_time
        if last["kind"] in _OF_ONE_RECORD:
            return
        result["state"] = last[ORDER_STATE] if Kind.ORDER_CREATED <= last["kind"] <= LAST_ORDER else 0
        first = made.records[0]
        if first["kind"] == Kind.TRANSFER:
            result["transfer"] = last[TRANSFER_AT]
            if last["kind"] == Kind.ORDER_ATTEMPT and row["op"] == Kind.ORDER_PAID:
                result["code"] = first["code"]

    def _seal(self, made: _Made) -> int:
        """Give the records that are not applied yet their places and apply them. Gives the address of the one that answers. Consents and
        inquiries of a turn are sealed together, since a block costs more than a record; all else is a unit of its own. A collection is an
        attempt to pay: nobody scored it, but windows remember it, so the header says which records its features saw."""
        credit, book = self._ledger.credit, self._ledger.book
        first, start = self._core.writer.next_address, len(self._unit)
        for at, record in enumerate(made.records, start):
            address = int(address_after(first, at))
            if record["kind"] == _TRANSFER:
                continue
            if record["payer"]:
                record[CREDIT_PREVIOUS] = credit.row(book, int(record["payer"]))["head"]
            self._apply(record, address)
        self._unit += made.records
        self._notes.update((start + at, entry) for at, entry in made.details.items())
        if made.records[0]["kind"] not in _OF_ONE_RECORD:
            assert start == 0, "what was sealed before is a unit of its own"
            self._seal_unit()
        return int(address_after(first, start + made.answer % len(made.records)))

    def _seal_unit(self) -> None:
        if self._unit:
            records = joined(self._unit, RECORD)
            seen = self._core.writer.next_address - 1 if records["kind"][0] == Kind.TRANSFER else 0
            self._core.writer.seal(records, self._notes, seen)
            self._unit, self._notes = [], {}

    def _timer(self, address: int) -> int:
        """When time does something to the order, dispute or review at this address, 0 = never."""
        order, case = self._ledger.credit.order(address), self._ledger.credit.case(address)
        return int(order["timer"]) if order is not None else case_timer(case) if case is not None else 0

    def _apply(self, record: Any, address: int) -> None:
        """Apply a credit record, and plan what time does next, if that has changed."""
        assert self._ledger.credit.effect(self._ledger.book, record, address), "what was decided fits"
        if record["kind"] not in _OF_ONE_RECORD:  # these have no clock
            begins = record["kind"] in (Kind.ORDER_CREATED, *CASE_OPENINGS)
            of = address if begins else int(record["reference"])
            self._looking.pop(of, None)
            self._plan(self._timer(of), of)

    def _plan(self, timer: int, address: int, at: int = 0) -> None:
        """Look at an order, dispute or review when its timer, or `at`, has come; once, however often it is planned."""
        if not timer:
            self._planned.pop(address, None)
        elif self._planned.get(address) != timer:
            self._planned[address] = timer
            heapq.heappush(self._timers, (at or timer, timer, address))
        if len(self._timers) > 2 * len(self._planned) + STALE_PLANS_MAX:
            self._timers = [each for each in self._timers if self._planned.get(each[2]) == each[1]]
            heapq.heapify(self._timers)

    def _record(self, kind: Kind, holder: int, account: int, scenario: int) -> Any:
        record = np.zeros(1, RECORD)[0]
        record["kind"], record["payer"], record[ACCOUNT], record[SCENARIO] = kind, holder, account, scenario
        record["record_time"] = record["effective_time"] = self._ledger.record_time
        return record

    def _of_row(self, row: Any) -> Any:
        return self._record(Kind(int(row["op"])), int(row["holder"]), int(row["account"]), int(row["scenario"]))

    @staticmethod
    def _made(record: Any, details: bytes | None) -> _Made:
        return _Made([record], {} if details is None else {0: details})

    # Consents and inquiries.

    def _holder(self, row: Any) -> Code:
        """Whether the holder's wallet is here, and is as the front door saw it."""
        credit = self._ledger.credit.row(self._ledger.book, int(row["holder"]))
        if credit is None:
            return Code.WALLET_NOT_FOUND
        if row["seen"] >= 0 and credit["head"] != row["seen"]:
            return Code.DEFERRED
        return Code.OK

    def _is_closed(self, holder: int) -> bool:
        wallet = self._ledger.wallet(holder)
        return wallet is not None and wallet["status"][0] == WalletStatus.CLOSED

    def _grant(self, row: Any, details: bytes | None) -> Code | _Made:
        if code := self._holder(row):
            return code
        if self._is_closed(int(row["holder"])):
            return Code.WALLET_CLOSED
        if row["expiry"] <= self._ledger.record_time or row["amount"] < 0:
            return Code.INVALID_REQUEST
        if self._consent(row) is None and (code := self._no_room_for_consent(int(row["holder"]))):
            return code
        record = self._of_row(row)
        record["amount"], record["expiry"], record[STANDING] = row["amount"], row["expiry"], row["standing"]
        record[SCENARIO_VERSION] = row["version"]
        return self._made(record, details)

    def _no_room_for_consent(self, holder: int) -> Code:
        credit, book, now = self._ledger.credit, self._ledger.book, self._ledger.record_time
        if not credit.may_consent(book, holder, now):
            return Code.TOO_MANY_CONSENTS
        return Code.OK if credit.has_consent_room(book, now) else Code.CONSENTS_FULL

    def _withdraw(self, row: Any, details: bytes | None) -> Code | _Made:
        if code := self._holder(row):
            return code
        live = self._consent(row)
        if live is None or live["record"] != row["reference"]:
            return Code.CONSENT_NOT_FOUND
        record = self._of_row(row)
        record["reference"] = row["reference"]
        return self._made(record, details)

    def _consent(self, row: Any) -> Any:
        asked = (int(row["holder"]), int(row["account"]), int(row["scenario"]))
        return self._ledger.credit.consent(*asked, self._ledger.record_time)

    # Orders.

    def _create(self, row: Any, details: bytes | None) -> Code | _Made:
        if row["effective_time"]:
            past = order_history(self._ledger, row, self._core.writer.next_address)
            return past if isinstance(past, Code) else _Made(past, {} if details is None else {0: details}, 0)
        if code := self._holder(row):
            return code
        credit = self._ledger.credit
        holder = int(row["holder"])
        if self._is_closed(holder):
            return Code.WALLET_CLOSED
        if 0 < row["valid_until"] <= self._ledger.record_time:
            return Code.RECEIPT_EXPIRED
        if row["expiry"] <= self._ledger.record_time or row["amount"] <= 0:
            return Code.INVALID_REQUEST
        consent = self._consent(row)
        if consent is None:
            return Code.CONSENT_NOT_FOUND
        if credit.row(self._ledger.book, holder)["open"] >= row["open_max"]:
            return Code.TOO_MANY_ORDERS
        if not credit.has_order_room:
            return Code.ORDERS_FULL
        standing = consent["standing"] and consent["cap"] >= row["amount"]
        wallet = self._ledger.wallet(holder)
        assert wallet is not None
        record = self._of_row(row)
        record["payee"], record["amount"], record["currency"] = row["payee"], row["amount"], wallet["currency"][0]
        record["reference"], record["expiry"], record[CONFIRM_BY] = row["reference"], row["expiry"], row["confirm_by"]
        record[ORDER_KIND], record[DEFAULT_AFTER] = row["kind"], row["default_after_s"]
        record[ORDER_STATE] = OrderState.CONFIRMED if standing else OrderState.CREATED
        return self._made(record, details)

    def _order_call(self, row: Any, details: bytes | None) -> Code | _Made:
        kind = Kind(int(row["op"]))
        order = self._ledger.credit.order(int(row["reference"]))
        if order is None or order["holder"] != row["holder"]:
            return Code.ORDER_NOT_FOUND  # who asks may have seen another, of a commit that a failover lost
        if kind not in BY_HOLDER and order["account"] != row["account"]:
            return Code.ORDER_NOT_FOUND
        if code := refusal(order["state"], kind) or self._amount_refusal(order, kind, int(row["amount"])):
            return code
        if kind in (Kind.ORDER_COMPLETED, Kind.ORDER_PAID):
            if not self._ledger.remember_key(*self._bound(row), FORGOTTEN):
                return Code.KEYS_FULL  # The transfer takes a key, too, and must not take the last one.
            return self._collect(order, kind, int(row["amount"]), details)
        record = self._step(order, kind)
        if kind == Kind.ORDER_MODIFIED:
            record["amount"] = row["amount"]
        return self._made(record, details)

    @staticmethod
    def _amount_refusal(order: Any, kind: Kind, amount: int) -> Code:
        if kind == Kind.ORDER_MODIFIED:
            if order["modified"]:
                return Code.ORDER_CHANGED
            return Code.OK if 0 < amount < order["cap"] else Code.CAP_EXCEEDED
        if kind == Kind.ORDER_COMPLETED and not 0 <= amount <= order["cap"]:
            return Code.CAP_EXCEEDED
        return Code.OK

    def _step(self, order: Any, kind: Kind) -> Any:
        record = self._record(kind, int(order["holder"]), int(order["account"]), int(order["scenario"]))
        record["payee"], record["currency"], record["reference"] = order["payee"], order["currency"], order["address"]
        record["amount"], record[ORDER_KIND] = order["amount"] or order["cap"], order["kind"]
        record[ORDER_STATE] = AFTER.get(kind, OrderState(int(order["state"])))
        return record

    def _collect(self, order: Any, kind: Kind, amount: int, details: bytes | None) -> Code | _Made:
        """Complete an order, or pay what is due of it: the transfer, and what it makes of the order, are stored together."""
        records: list[Any] = []
        notes: dict[int, bytes] = {}
        due = amount if kind == Kind.ORDER_COMPLETED else int(order["amount"])
        transfer = self._transfer(order, due) if due else None
        if isinstance(transfer, Code):
            return transfer
        if transfer is not None:
            records.append(transfer)
            notes[0] = self._reference(order)
        if kind == Kind.ORDER_COMPLETED:
            completed = self._step(order, kind)
            completed["amount"], completed["expiry"] = due, completed_due(int(order["due"]), self._ledger.record_time)
            if details is not None:
                notes[len(records)] = details
            records.append(completed)
        paid = transfer is None or not transfer["code"]
        last = self._step(order, Kind.ORDER_PAID if paid else Kind.ORDER_ATTEMPT)
        last["amount"] = due
        if transfer is not None:
            last[TRANSFER_AT] = self._core.writer.next_address
        if transfer is not None and not paid:
            record_why(order, last, kind, Code(int(transfer["code"])), self._limit(int(order["holder"])))
        records.append(last)
        if paid and order["state"] == OrderState.DEFAULTED:
            records[-1] = self._step(order, Kind.ORDER_CURED)
            records[-1]["amount"], records[-1][TRANSFER_AT] = due, last[TRANSFER_AT]
        return _Made(records, notes)

    def _limit(self, holder: int) -> int:
        """The most that a holder's tier pays on a day."""
        wallet = self._ledger.wallet(holder)
        assert wallet is not None, "an order's holder is here"
        return int(self._ledger.limits[wallet["tier"][0]])

    def _reference(self, order: Any) -> bytes:
        """The collected transfer names its order, as transfers name what they are for."""
        address = int(order["address"])
        created = int(order["created"])
        return _ENCODE({"reference": f"order:{transfer_id(self._ledger.secret, created, address)}"})

    def _transfer(self, order: Any, amount: int) -> Any:
        """The TRANSFER record from holder to payee, applied, at the first address of the next block; a code when it cannot be tried."""
        rows = np.zeros(1, REQUEST)
        seed = b"collection %d %d %d" % (
            int(order["address"]),
            self._core.writer.next_address,
            self._ledger.record_time,
        )
        key = key_words(hashlib.blake2b(seed, digest_size=16).digest())
        rows["op"], rows["caller"], rows["currency"] = Kind.TRANSFER, order["account"], order["currency"]
        rows["payer"], rows["payee"], rows["amount"] = order["holder"], order["payee"], amount
        rows["key_hi"], rows["key_lo"] = key
        rows["digest"] = 1
        admission = self._ledger.admit(rows, self._channels, self._core.writer.next_address - 1)
        code = Code(int(admission.code[0]))
        if code == Code.DEFERRED:
            self._fetch(rows, self._ledger.record_time)
        if code:
            return code
        admitted = self._ledger.going_on(rows, admission)
        if self._core.config.scored:
            self._ledger.columns(admitted)  # An attempt to pay like any other, so windows remember it.
        applied = self._ledger.apply(admitted, None, self._core.writer.next_address)
        return applied.records[0] if len(applied.records) else Code(int(applied.results["code"][0]))

    # Disputes and reviews of decisions.

    def _case(self, row: Any, details: bytes | None) -> Code | _Made:
        record = self._of_row(row)
        begins = record["kind"] not in CASE_OF
        if begins and (code := self._holder(row)):
            return code
        if code := decide_case(self._ledger, row, record):
            return code
        return self._made(record, details)

    def _erased(self, row: Any, details: bytes | None) -> Code | _Made:
        """Record that texts of the holder's records are erased; `details` say of which blocks."""
        return self._holder(row) or self._made(self._of_row(row), details)

    def _case_is_due(self, timer: int, address: int) -> None:
        made = due_case(self._ledger, timer, address)
        if made is not None:
            self._seal(_Made([made], {}))

    # Time.

    def _on_timer(self, timer: int, address: int) -> None:
        if self._planned.get(address) != timer:
            return
        del self._planned[address]
        order = self._ledger.credit.order(address)
        if order is None:
            self._case_is_due(timer, address)
            return
        if order["state"] in ALLOWED[Kind.ORDER_PAID]:
            self._collect_due(order, timer, address)
            return
        self._seal(_Made([self._step(order, Kind.ORDER_EXPIRED)], {}))

    def _collect_due(self, order: Any, timer: int, address: int) -> None:
        """Try to collect; when that fails, the order becomes overdue, defaulted or written off, if its time has come."""
        now = self._ledger.record_time
        if order["state"] == OrderState.DEFAULTED and now >= ends_at(
            OrderState.DEFAULTED, int(order["due"]), int(order["default_after_s"])
        ):
            self._seal(_Made([self._step(order, Kind.ORDER_WRITTEN_OFF)], {}))
            return
        made = self._collect(order, Kind.ORDER_PAID, 0, None)
        if isinstance(made, Code):
            since = self._looking.setdefault(address, now) if made == Code.DEFERRED else now
            if looks_again(made, since, now):
                self._plan(timer, address, now + LOOK_AGAIN_MS)
                return
            last = self._step(order, Kind.ORDER_ATTEMPT)
            record_why(order, last, Kind.ORDER_PAID, made, self._limit(int(order["holder"])))
            made = _Made([last], {})
        last = made.records[-1]
        step = after_attempt(order, last) if last["kind"] == Kind.ORDER_ATTEMPT else None
        if step is not None:
            record = self._step(order, step.kind)
            record["expiry"] = step.next_ms
            if step.kind == Kind.ORDER_WRITTEN_OFF:
                record[STOPPED_BY] = last[STOPPED_BY]
            made.records.append(record)
        self._seal(made)
