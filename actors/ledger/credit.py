"""What a shard keeps of payment credit: rows beside wallets, live consents, open orders.

Here are the tables and the effects of credit records. Effects never decide: they are the same live and in a replay. They are Python, not
kernels, but for inquiries, of which a shard has thousands a second, and for scores, of which it has millions.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import Book
from actors.ledger.bounds import Capacity
from actors.ledger.inquiries import (
    DAY,
    TOUCHED,
    CreditTables,
    Turn,
    credit_key,
    decide_inquiries,
    find_consents,
    live_consent,
    replay_inquiries,
)
from actors.ledger.orders import complete_by, ends_at
from actors.ledger.scores import publish_scores, replay_scores
from actors.ledger.table import Table, find, new_table, put, remove, table_slots
from actors.records.addresses import SEGMENT_SLOTS, segment_of, segment_slot
from actors.records.codes import Code
from actors.records.credit_layout import (
    CASE,
    CONSENT,
    CREDIT,
    FIRST_CREDIT,
    NOTHING_SEEN,
    OPEN_STATES,
    ORDER,
    SCORE_WORDS,
    CaseRows,
    CaseState,
    ConsentRows,
    CreditQuestions,
    CreditRequests,
    CreditResults,
    CreditRows,
    OrderRows,
    OrderState,
    Resolution,
    ScoreRows,
    SeenHeads,
)
from actors.records.layout import (
    ACCOUNT,
    CONFIRM_BY,
    CREDIT_PREVIOUS,
    DEFAULT_AFTER,
    DUE_AT,
    FORWARD_BY,
    LAST_ORDER,
    ORDER_KIND,
    ORDER_STATE,
    RECORD,
    RESOLUTION,
    SCENARIO,
    SCENARIO_VERSION,
    STANDING,
    STOPPED_BY,
    Kind,
    Records,
    zeros,
)
from actors.records.secret import Secret
from models.arrays import Array, Rows
from models.jit import read_only
from rules.vocabulary.columns import DAY_MS

_CONSENTS: Final = 0
_FREE_CONSENT: Final = 1
_CONSENTS_FREE: Final = 2
_CONSENT_HAND: Final = 3
_ORDERS: Final = 4
_FREE_ORDER: Final = 5
_ORDERS_FREE: Final = 6
_CASES: Final = 8
_FREE_CASE: Final = 9
_CASES_FREE: Final = 10
_META: Final = 12
CONSENTS_OF_HOLDER_MAX: Final = 256
"""Live consents that one holder may have: more than there are shops that a person lets look at all times, and few enough that nobody fills
the table of all, and that those of one are looked through in a fraction of a millisecond."""
_SWEEP_ROWS: Final = 4_096
"""Rows of consents that are looked at for one that has ended before a new one is refused."""
_BY_ADDRESS, _BY_HOLDER, _BY_PAYEE = range(3)
"""Keys in the table of orders: of an order, 1 + its row; of a holder, 1 + the first row of its list; of a payee, how many pay it."""
_ROOM: Final = {_CONSENTS: "consents", _ORDERS: "orders", _CASES: "cases"}

_COUNTED: Final = (("overdue", OrderState.OVERDUE), ("defaulted", OrderState.DEFAULTED))
"""States of orders that a holder's row counts."""


OF_A_CASE: Final = frozenset(
    {Kind.DISPUTE_FORWARDED, Kind.DISPUTE_ANSWERED, Kind.DISPUTE_RESOLVED, Kind.CREDIT_REVIEW_RESOLVED}
)
"""Records about a dispute or review that is open before them."""


_STEPS: Final = frozenset(int(kind) for kind in Kind if Kind.ORDER_CREATED < kind <= LAST_ORDER)
_RECOUNTED: Final = frozenset({int(Kind.DISPUTE_RESOLVED), int(Kind.DISPUTE_REINSERTED)})
_COUNTS: Final = {
    int(Kind.ORDER_CREATED): ("open", 1),
    int(Kind.DISPUTE_OPENED): ("disputed", 1),
    int(Kind.DISPUTE_RESOLVED): ("disputed", -1),
}
"""What a record adds to in its holder's row. Kinds are numbers here: a name of an enumeration takes longer to look up than a row."""


def local_rows(book: Book, addresses: NDArray[np.int64]) -> NDArray[np.int64]:
    """As `local_row`, of many wallets (n,)."""
    segments = segment_of(addresses)
    known = (segments >= 0) & (segments < len(book.segments))
    numbers = np.where(known, book.segments[np.where(known, segments, 0)], 0).astype(np.int64)
    rows = np.where(numbers > 0, (numbers - 1) * SEGMENT_SLOTS + segment_slot(addresses), 0)
    there: NDArray[np.int64] = np.where((numbers > 0) & (book.wallets["currency"][rows] != 0), rows, -1)
    return there


def place(book: Book, address: int) -> int:
    """As `local_row`, in Python: to hand all arrays of a book to a kernel takes longer than to look."""
    segment = segment_of(address)
    number = int(book.segments[segment]) if 0 <= segment < len(book.segments) else 0
    row = (number - 1) * SEGMENT_SLOTS + segment_slot(address)
    return row if number and book.wallets["currency"][row] else -1


def _is_cleared(order: Any) -> bool:
    """Whether a dispute found that an order (scalar of ORDER) counts neither as overdue nor as defaulted."""
    return bool(order["deleted_by"] or order["corrected"])


def _entries(order: Any) -> tuple[int, int, int]:
    """Addresses of the records of an order (scalar of ORDER) that a dispute may be about."""
    return int(order["address"]), int(order["overdue_at"]), int(order["defaulted_at"])


_KINDS: Final = frozenset(int(kind) for kind in Kind if kind >= FIRST_CREDIT)


class Published(NamedTuple):
    """Records (k,) of scores, and of which rows (k,) they are."""

    records: Records
    rows: NDArray[np.int64]


class CreditBook:
    """The credit tables of one shard. `rows` lie beside the wallets of a `Book`, by the same row numbers."""

    def __init__(self, capacity: Capacity, secret: Secret) -> None:
        self._secret = secret
        self.rows: CreditRows = zeros(capacity.segments * SEGMENT_SLOTS, CREDIT)
        self.consents: ConsentRows = zeros(capacity.consents, CONSENT)
        self.orders: OrderRows = zeros(capacity.orders, ORDER)
        self.consent_table = new_table(capacity.consents)
        self.order_table = new_table(3 * capacity.orders)
        self.cases: CaseRows = zeros(capacity.cases, CASE)
        self.case_table = new_table(capacity.cases)
        self._inquirers = capacity.inquirers
        self.inquiry_table = new_table(capacity.inquirers)
        self.meta = np.zeros(_META, np.int64)
        self._effects: dict[int, Callable[[Any, int], None]] = {
            Kind.ORDER_CREATED: self._created,
            Kind.ORDER_MODIFIED: self._modified,
            Kind.ORDER_ATTEMPT: self._attempted,
            Kind.DISPUTE_OPENED: self._opened,
            Kind.CREDIT_REVIEW_OPENED: self._opened,
            Kind.DISPUTE_FORWARDED: self._forwarded,
            Kind.DISPUTE_ANSWERED: self._answered,
            Kind.DISPUTE_RESOLVED: self._resolved,
            Kind.CREDIT_REVIEW_RESOLVED: self._resolved,
        }

        self._by_columns: dict[int, Callable[[Book, Records, NDArray[np.int64]], int]] = {
            int(Kind.SCORE): self._replay_scores,
            int(Kind.INQUIRY): self._replay_inquiries,
        }

    # Looking.

    def row(self, book: Book, address: int) -> Any:
        """The row (scalar of CREDIT) of a wallet that lives here, else None."""
        at = place(book, address)
        return None if at < 0 else self.rows[at]

    def consent(self, holder: int, account: int, scenario: int, now: int) -> Any:
        """The live consent (scalar of CONSENT) of a holder for a merchant's account and scenario, else None."""
        at = int(live_consent(self._tables, self._secret, holder, account, scenario, now))
        return None if at == 0 else self.consents[at - 1]

    def live_consents(self, questions: CreditQuestions, now: int) -> NDArray[np.int64]:
        """1 + the row in `consents` of the live consent that each of CREDIT_QUESTION rows (n,) asks about, 0 = none."""
        found = np.zeros(len(questions), np.int64)
        find_consents(self._tables, self._secret, read_only(questions), now, found)
        return found

    def order(self, address: int) -> Any:
        """An order (scalar of ORDER) that is not over, else None."""
        at = int(find(self.order_table, *self._order_key(address)))
        return None if at == 0 else self.orders[at - 1]

    def case(self, address: int) -> Any:
        """A dispute or review (scalar of CASE) that is open, else None."""
        at = int(find(self.case_table, *self._case_key(address)))
        return None if at == 0 else self.cases[at - 1]

    def open_cases(self) -> CaseRows:
        """All that are open (n,), of dtype CASE."""
        used = self.cases[: self.meta[_CASES]]
        found: CaseRows = used[used["address"] != 0]
        return found

    @property
    def has_case_room(self) -> bool:
        """Whether a further dispute or review fits."""
        return bool(self.meta[_CASES] < len(self.cases) or self.meta[_CASES_FREE] > 0)

    def open_orders(self) -> OrderRows:
        """All that are not over (n,), of dtype ORDER."""
        used = self.orders[: self.meta[_ORDERS]]
        found: OrderRows = used[used["address"] != 0]
        return found

    def paying(self, payee: int) -> int:
        """How many orders that are not over pay this wallet, which may live elsewhere."""
        return int(find(self.order_table, *self._order_key(payee, _BY_PAYEE)))

    def _orders_of(self, holder: int) -> Iterator[int]:
        at = int(find(self.order_table, *self._order_key(holder, _BY_HOLDER))) - 1
        while at >= 0:
            yield at
            at = int(self.orders[at]["next"]) - 1

    def has_consent_room(self, book: Book, now: int) -> bool:
        """Whether a further consent fits; those that have ended make room."""
        return self._has_free_consent() or self._sweep(book, now)

    def may_consent(self, book: Book, holder: int, now: int) -> bool:
        """Whether a holder may give a further consent; its own that have ended make room."""
        row = self.row(book, holder)
        if row["consents"] >= CONSENTS_OF_HOLDER_MAX:
            self._free_consents(row, lambda consent: consent["expiry"] <= now)
        return bool(row["consents"] < CONSENTS_OF_HOLDER_MAX)

    def _consents_of(self, row: Any) -> Iterator[int]:
        at = int(row["first_consent"]) - 1
        while at >= 0:
            yield at
            at = int(self.consents[at]["next"]) - 1

    def _has_free_consent(self) -> bool:
        return bool(self.meta[_CONSENTS] < len(self.consents) or self.meta[_CONSENTS_FREE] > 0)

    @property
    def has_order_room(self) -> bool:
        """Whether a further order fits."""
        return bool(self.meta[_ORDERS] < len(self.orders) or self.meta[_ORDERS_FREE] > 0)

    def fills(self) -> dict[str, tuple[int, int]]:
        """As `Ledger.fills`."""
        meta = self.meta
        return {
            "consents": (int(meta[_CONSENTS] - meta[_CONSENTS_FREE]), len(self.consents)),
            "orders": (int(meta[_ORDERS] - meta[_ORDERS_FREE]), len(self.orders)),
            "cases": (int(meta[_CASES] - meta[_CASES_FREE]), len(self.cases)),
        }

    def _key(self, account: int, address: int, scenario: int) -> Any:
        """As `credit_key`, with types of NumPy."""
        words = credit_key(self._secret, np.uint64(account), np.uint64(address), np.uint64(scenario))
        return np.uint64(words[0]), np.uint64(words[1])

    def _consent_key(self, holder: int, account: int, scenario: int) -> Any:
        return self._key(account, holder, scenario)

    def _case_key(self, address: int) -> Any:
        return self._key(0, address, 0)

    def _order_key(self, address: int, by: int = _BY_ADDRESS) -> Any:
        return self._key(0, address, by)

    @property
    def _tables(self) -> CreditTables:
        return CreditTables(
            self.rows, self.consents, self.consent_table, self.inquiry_table, self._inquirers, self.meta
        )

    # Snapshots.

    def parts(self, segments: int) -> Iterator[tuple[str, Array, int]]:
        """Arrays with how much of each is in use; `segments`: of wallets."""
        yield "credit.rows", self.rows, segments * SEGMENT_SLOTS if self.meta[TOUCHED] else 0
        yield "credit.consents", self.consents, int(self.meta[_CONSENTS])
        yield "credit.orders", self.orders, int(self.meta[_ORDERS])
        yield "credit.cases", self.cases, int(self.meta[_CASES])
        yield "credit.meta", self.meta, _META
        for name in ("consent_table", "order_table", "case_table", "inquiry_table"):
            table: Table = getattr(self, name)
            yield f"credit.{name}.slots", table.slots, table_slots(table)
            yield f"credit.{name}.parts", table.parts, len(table.parts)
            yield f"credit.{name}.meta", table.meta, len(table.meta)

    # Inquiries.

    def inquire(self, book: Book, turn: Turn, requests: CreditRequests, results: CreditResults) -> Records:
        """Answer INQUIRY rows (n,) in `results` (n,). Gives the records of those that are not refused, applied."""
        records, begun = np.zeros(len(requests), RECORD), (0, 0)
        while True:
            begun = decide_inquiries(
                book, self._tables, self._secret, turn, read_only(requests), begun, results, records
            )
            done, made = begun
            if done == len(requests):
                return records[:made]
            self._begin_day(turn.now)

    def _replay_inquiries(self, book: Book, records: Records, addresses: NDArray[np.int64]) -> int:
        """As `replay`, of INQUIRY records."""
        done = 0
        while True:
            done = int(
                replay_inquiries(book, self._tables, self._secret, read_only(records), read_only(addresses), done)
            )
            if done == len(records) or self.meta[DAY] == records["record_time"][done] // DAY_MS:
                return done
            self._begin_day(int(records["record_time"][done]))

    def _begin_day(self, now: int) -> None:
        """Inquiries are counted by day of record time in UTC."""
        self.meta[DAY] = now // DAY_MS
        self.inquiry_table = new_table(self._inquirers)

    # Scores.

    def publish(
        self, book: Book, turn: Turn, run: int, rows: ScoreRows, results: CreditResults, seen: SeenHeads = NOTHING_SEEN
    ) -> Published:
        """Answer SCORE_ROW rows (n,) of a run in `results` (n,) of zeros. Gives the records of those that are new, applied. `seen`: as of
        `ShardClient.publish`."""
        records = np.zeros(len(rows), RECORD)
        given = read_only(rows.view(SCORE_WORDS))
        made = publish_scores(book, self._tables, turn, run, given, read_only(seen), results, records)
        return Published(records[:made], np.flatnonzero((results["code"] == Code.OK) & (results["replayed"] == 0)))

    # Effects.

    def effect(self, book: Book, record: Any, address: int) -> bool:
        """Apply one credit record (scalar of RECORD). False when it does not fit those before."""
        kind, holder = int(record["kind"]), int(record["payer"])
        if kind == Kind.INQUIRY:
            return self._replay_inquiries(book, np.array([record]), np.array([address])) == 1
        row = self.row(book, holder) if holder else None
        if kind not in _KINDS or (holder and (row is None or row["head"] != record[CREDIT_PREVIOUS])):
            return False
        if kind in _STEPS:
            if not self._ordered(row, kind, record, address):
                return False
        elif kind in OF_A_CASE and self.case(int(record["reference"])) is None:
            return False
        else:
            if row is not None and kind in _RECOUNTED:
                self._recount(row, record)
                self._unscore(book, row, record)
            if kind in self._effects:
                self._effects[kind](record, address)
        if kind == Kind.CONSENT_GRANTED:
            self._granted(book, row, record, address)
        elif kind == Kind.CONSENT_WITHDRAWN:
            self._withdrawn(book, record)
        if row is not None:
            row["head"] = address
            if kind in _COUNTS:
                count, more = _COUNTS[kind]
                row[count] = int(row[count]) + more
            self.meta[TOUCHED] = 1
        return True

    def replay(self, book: Book, records: Records, addresses: NDArray[np.int64]) -> int:
        """Apply those of these records (n,) that are credit records. Gives the index of the first that does not fit, else n."""
        chosen = np.flatnonzero(records["kind"] >= FIRST_CREDIT)
        kinds = records["kind"][chosen]
        sorts = np.where(np.isin(kinds, list(self._by_columns)), kinds, 0)
        ends = np.flatnonzero(sorts[1:] != sorts[:-1]) + 1
        for part in np.split(chosen, ends) if len(chosen) else ():
            together = self._by_columns.get(int(records["kind"][part[0]]))
            if together is not None:
                good = together(book, records[part], addresses[part])
            else:
                good = next(
                    (i for i, at in enumerate(part) if not self.effect(book, records[at], int(addresses[at]))),
                    len(part),
                )
            if good < len(part):
                return int(part[good])
        return len(records)

    def _replay_scores(self, book: Book, records: Records, addresses: NDArray[np.int64]) -> int:
        """As `replay`, of SCORE records."""
        return int(replay_scores(book, self._tables, read_only(records), read_only(addresses)))

    def _opened(self, record: Any, address: int) -> None:
        at = self._take(_CASES, _FREE_CASE, _CASES_FREE, self.cases, "holder")
        put(self.case_table, *self._case_key(address), at + 1)
        case = self.cases[at]
        case["address"], case["holder"], case["entry"] = address, record["payer"], record["reference"]
        case["due"], case["account"], case["scenario"] = record["expiry"], record[ACCOUNT], record[SCENARIO]
        case["kind"], case["state"] = record["kind"], CaseState.OPENED
        case["forward_by"] = record[FORWARD_BY] if record["kind"] == Kind.DISPUTE_OPENED else 0

    def _forwarded(self, record: Any, _: int) -> None:
        case = self.case(int(record["reference"]))
        case["state"], case["due"] = CaseState.FORWARDED, record["expiry"]

    def _answered(self, record: Any, _: int) -> None:
        self.case(int(record["reference"]))["state"] = CaseState.ANSWERED

    def _resolved(self, record: Any, _: int) -> None:
        key = self._case_key(int(record["reference"]))
        at = int(find(self.case_table, *key)) - 1
        remove(self.case_table, *key)
        self._give(at, _FREE_CASE, _CASES_FREE, self.cases, "holder")

    def _recount(self, row: Any, record: Any) -> None:
        """A dispute ends: that an order is overdue, or defaulted, counts no more when it is deleted or corrected, also where it becomes so
        later; what was deleted counts again by a record that says so, unless it was corrected. `row`: the holder's."""
        dispute, resolution = int(record["reference"]), int(record[RESOLUTION])
        orders = [self.orders[at] for at in self._orders_of(int(record["payer"]))]
        if record["kind"] == Kind.DISPUTE_REINSERTED:
            about, mark, value = [order for order in orders if order["deleted_by"] == dispute], "deleted_by", 0
        elif resolution in (Resolution.DELETED, Resolution.CORRECTED):
            entry = int(self.case(dispute)["entry"])
            mark, value = ("deleted_by", dispute) if resolution == Resolution.DELETED else ("corrected", 1)
            about = [order for order in orders if entry in _entries(order) and not order[mark]]
        else:
            return
        for order in about:
            before = _is_cleared(order)
            order[mark] = value
            more = before - _is_cleared(order)
            for count, counted in _COUNTED:
                row[count] = int(row[count]) + more * int(order["state"] == counted)

    def _unscore(self, book: Book, row: Any, record: Any) -> None:
        """A score that was deleted is none, until a run gives another."""
        if record["kind"] != Kind.DISPUTE_RESOLVED or record[RESOLUTION] != Resolution.DELETED:
            return
        if row["scored"] and row["scored"] == self.case(int(record["reference"]))["entry"]:
            for name in ("score", "subtotals", "band", "cause", "as_of", "scored"):
                row[name] = 0
            book.wallets["score"][local_rows(book, np.array([record["payer"]]))] = 0

    def _granted(self, book: Book, row: Any, record: Any, address: int) -> None:
        holder, account, scenario = int(record["payer"]), int(record[ACCOUNT]), int(record[SCENARIO])
        key = self._consent_key(holder, account, scenario)
        at = int(find(self.consent_table, *key)) - 1
        if at < 0:
            swept = 0
            while not self._has_free_consent() and swept < len(
                self.consents
            ):  # a replay may have to look further than was looked then
                self._sweep(book, int(record["record_time"]))
                swept += _SWEEP_ROWS
            at = self._take(_CONSENTS, _FREE_CONSENT, _CONSENTS_FREE, self.consents, "record")
            put(self.consent_table, *key, at + 1)
            self.consents[at]["next"], row["first_consent"] = row["first_consent"], at + 1
            row["consents"] += 1
        consent = self.consents[at]
        consent["holder"], consent["record"], consent["expiry"] = holder, address, record["expiry"]
        consent["cap"], consent["account"], consent["scenario"] = record["amount"], account, scenario
        consent["standing"], consent["version"] = record[STANDING], record[SCENARIO_VERSION]

    def _withdrawn(self, book: Book, record: Any) -> None:
        key = self._consent_key(int(record["payer"]), int(record[ACCOUNT]), int(record[SCENARIO]))
        at = int(find(self.consent_table, *key)) - 1
        if at >= 0 and self.consents[at]["record"] == record["reference"]:
            reference = int(record["reference"])
            self._free_consents(self.row(book, int(record["payer"])), lambda consent: consent["record"] == reference)

    def _sweep(self, book: Book, now: int) -> bool:
        """Free consents that have ended, a stretch of the table at a time. Whether there was one."""
        start = int(self.meta[_CONSENT_HAND]) % max(1, len(self.consents))
        part = self.consents[start : start + _SWEEP_ROWS]
        ended = np.flatnonzero((part["holder"] != 0) & (part["expiry"] <= now))
        for holder in np.unique(part["holder"][ended]).tolist():
            self._free_consents(self.row(book, holder), lambda consent: consent["expiry"] <= now)
        self.meta[_CONSENT_HAND] = (start + len(part)) % max(1, len(self.consents))
        return bool(len(ended))

    def _free_consents(self, row: Any, is_over: Callable[[Any], bool]) -> None:
        """Those of a holder's list that are over, in one walk along it. `row`: the holder's."""
        last, link = row, "first_consent"
        for at in list(self._consents_of(row)):
            consent = self.consents[at]
            if not is_over(consent):
                last, link = consent, "next"
                continue
            last[link] = consent["next"]
            row["consents"] -= 1
            key = self._consent_key(int(consent["holder"]), int(consent["account"]), int(consent["scenario"]))
            remove(self.consent_table, *key)
            self._give(at, _FREE_CONSENT, _CONSENTS_FREE, self.consents, "record")

    def _created(self, record: Any, address: int) -> None:
        at = self._take(_ORDERS, _FREE_ORDER, _ORDERS_FREE, self.orders, "holder")
        put(self.order_table, *self._order_key(address), at + 1)
        order = self.orders[at]
        order["address"], order["created"] = address, record["record_time"]
        order["holder"], order["payee"] = record["payer"], record["payee"]
        order["cap"], order["amount"], order["due"] = record["amount"], 0, record["expiry"]
        order["receipt"], order["account"], order["scenario"] = record["reference"], record[ACCOUNT], record[SCENARIO]
        order["currency"], order["kind"], order["state"] = record["currency"], record[ORDER_KIND], record[ORDER_STATE]
        order["default_after_s"], order["modified"], order["attempts"] = record[DEFAULT_AFTER], 0, 0
        late = complete_by(int(record["expiry"]), int(record["record_time"]))
        order["timer"] = record[CONFIRM_BY] if record[ORDER_STATE] == OrderState.CREATED else late
        holder, payee = (
            self._order_key(int(order["holder"]), _BY_HOLDER),
            self._order_key(int(order["payee"]), _BY_PAYEE),
        )
        order["next"] = find(self.order_table, *holder)
        put(self.order_table, *holder, at + 1)
        put(self.order_table, *payee, find(self.order_table, *payee) + 1)

    def _modified(self, record: Any, _: int) -> None:
        order = self.order(int(record["reference"]))
        order["cap"], order["modified"] = record["amount"], 1

    def _attempted(self, record: Any, _: int) -> None:
        """One that the holder asked for leaves the timer, and counts for nothing."""
        order = self.order(int(record["reference"]))
        if not record[STOPPED_BY] or not order["stopped"]:
            order["stopped_at"] = record["record_time"] if record[STOPPED_BY] else 0
        order["stopped"], order["due"] = record[STOPPED_BY], record[DUE_AT] or order["due"]
        if order["timer"] != record["expiry"]:
            order["attempts"], order["timer"] = min(255, int(order["attempts"]) + 1), record["expiry"]

    def _ordered(self, row: Any, kind: int, record: Any, address: int) -> bool:
        """A step of an order's life: the counts of the holder's row follow the state before and after."""
        order = self.order(int(record["reference"]))
        if order is None or row is None or order["holder"] != record["payer"]:
            return False
        before, after = OrderState(int(order["state"])), OrderState(int(record[ORDER_STATE]))
        if kind in self._effects:
            self._effects[kind](record, address)
        elif kind == Kind.ORDER_COMPLETED:
            order["amount"], order["due"], order["timer"] = record["amount"], record["expiry"], record["expiry"]
        elif kind == Kind.ORDER_CONFIRMED:
            order["timer"] = complete_by(int(order["due"]), int(record["record_time"]))
        elif kind == Kind.ORDER_OVERDUE:
            order["timer"], order["overdue_at"] = record["expiry"], address
        elif kind == Kind.ORDER_DEFAULTED:
            ends = ends_at(OrderState.DEFAULTED, int(order["due"]), int(order["default_after_s"]))
            order["timer"], order["defaulted_at"] = record["expiry"] or ends, address  # 0 in old journals
        order["state"] = after
        if not _is_cleared(order):
            for count, counted in _COUNTED:
                row[count] = int(row[count]) + (after is counted) - (before is counted)
        if not order["deleted_by"]:
            row["kept"] += after is OrderState.PAID
        if after not in OPEN_STATES:
            row["open"] -= 1
            self._over(order)
        return True

    def _over(self, order: Any) -> None:
        key, payee = self._order_key(int(order["address"])), self._order_key(int(order["payee"]), _BY_PAYEE)
        at = int(find(self.order_table, *key)) - 1
        remove(self.order_table, *key)
        self._set(payee, int(find(self.order_table, *payee)) - 1)
        before = [each for each in self._orders_of(int(order["holder"])) if self.orders[each]["next"] == at + 1]
        if before:
            self.orders[before[0]]["next"] = order["next"]
        else:
            self._set(self._order_key(int(order["holder"]), _BY_HOLDER), int(order["next"]))
        self._give(at, _FREE_ORDER, _ORDERS_FREE, self.orders, "holder")

    def _set(self, key: Any, value: int) -> None:
        """Of the table of orders, in which 0 is nothing."""
        if value:
            put(self.order_table, *key, value)
        else:
            remove(self.order_table, *key)

    def _take(self, top: int, free: int, count: int, rows: Rows, link: str) -> int:
        """A free row: one that was given back, else the next."""
        at = int(self.meta[free]) - 1
        if at >= 0:
            self.meta[free] = rows[at][link]
            self.meta[count] -= 1
            return at
        at = int(self.meta[top])
        if at >= len(rows):  # room is looked for before a record is made, so it was made when there was more
            name = _ROOM[top]
            raise ValueError(
                f"the table of {name} is full: raise `capacity.{name}` to what it was when its records were made"
            )
        self.meta[top] = at + 1
        return at

    def _give(self, at: int, free: int, count: int, rows: Rows, link: str) -> None:
        rows[at] = np.zeros(1, rows.dtype)[0]
        rows[at][link] = self.meta[free]
        self.meta[free] = at + 1
        self.meta[count] += 1
