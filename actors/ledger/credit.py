"""What a shard keeps of payment credit: rows beside wallets, live consents, open orders.

Here are the tables and the effects of credit records. Effects never decide: they are the same live and in a replay. They are Python, not
kernels: a shard has thousands of these a second, not millions; scores, of which it has millions, are applied a run at a time.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.book import Book, Capacity, local_row
from actors.ledger.table import find, new_table, put, remove, table_slots
from actors.records.addresses import SEGMENT_SLOTS
from actors.records.credit_layout import (
    CONSENT,
    CREDIT,
    FIRST_CREDIT,
    OPEN_STATES,
    ORDER,
    SCORE,
    CreditRows,
    OrderState,
)
from actors.records.ids import Secret, bind_key
from actors.records.layout import (
    ACCOUNT,
    CONFIRM_BY,
    CREDIT_PREVIOUS,
    DEFAULT_AFTER,
    ORDER_KIND,
    ORDER_STATE,
    SCENARIO,
    STANDING,
    Kind,
    Records,
    zeros,
)

_CONSENTS: Final = 0
_FREE_CONSENT: Final = 1
_CONSENTS_FREE: Final = 2
_CONSENT_HAND: Final = 3
_ORDERS: Final = 4
_FREE_ORDER: Final = 5
_ORDERS_FREE: Final = 6
_TOUCHED: Final = 7
"""1 once a wallet has a credit record: before that there is nothing to keep of the rows."""
_META: Final = 8
_SWEEP_ROWS: Final = 4_096
"""Rows of consents that are looked at for one that has ended before a new one is refused."""


class CreditBook:
    """The credit tables of one shard. `rows` lie beside the wallets of a `Book`, by the same row numbers."""

    def __init__(self, capacity: Capacity, secret: Secret) -> None:
        self._secret = secret
        self.rows: CreditRows = zeros(capacity.segments * SEGMENT_SLOTS, CREDIT)
        self.consents: NDArray[Any] = zeros(capacity.consents, CONSENT)
        self.orders: NDArray[Any] = zeros(capacity.orders, ORDER)
        self.consent_table = new_table(capacity.consents)
        self.order_table = new_table(capacity.orders)
        self.meta = np.zeros(_META, np.int64)
        self._effects: dict[int, Callable[[Any, int], None]] = {
            Kind.CONSENT_GRANTED: self._granted,
            Kind.CONSENT_WITHDRAWN: self._withdrawn,
            Kind.ORDER_CREATED: self._created,
            Kind.ORDER_MODIFIED: self._modified,
            Kind.ORDER_ATTEMPT: self._attempted,
        }

    # Looking.

    def row(self, book: Book, address: int) -> Any:
        """The row (scalar of CREDIT) of a wallet that lives here, else None."""
        at = int(local_row(book, address))
        return None if at < 0 else self.rows[at]

    def consent(self, holder: int, account: int, scenario: int, now: int) -> Any:
        """The live consent (scalar of CONSENT) of a holder for a merchant's account and scenario, else None."""
        at = int(find(self.consent_table, *self._consent_key(holder, account, scenario)))
        if at == 0:
            return None
        consent = self.consents[at - 1]
        return consent if consent["expiry"] > now else None

    def order(self, address: int) -> Any:
        """An order (scalar of ORDER) that is not over, else None."""
        at = int(find(self.order_table, *self._order_key(address)))
        return None if at == 0 else self.orders[at - 1]

    def open_orders(self) -> NDArray[Any]:
        """All that are not over (n,), of dtype ORDER."""
        used = self.orders[: self.meta[_ORDERS]]
        found: NDArray[Any] = used[used["address"] != 0]
        return found

    def has_consent_room(self, now: int) -> bool:
        """Whether a further consent fits; those that have ended make room."""
        return self.meta[_CONSENTS] < len(self.consents) or self.meta[_CONSENTS_FREE] > 0 or self._sweep(now)

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
        }

    def _key(self, account: int, address: int, scenario: int) -> Any:
        """Words of a hash key that callers cannot foresee."""
        words = bind_key(self._secret, np.uint64(account), np.uint64(address), np.uint64(scenario), np.uint64(0))
        return np.uint64(words[0]), np.uint64(words[1])

    def _consent_key(self, holder: int, account: int, scenario: int) -> Any:
        return self._key(account, holder, scenario)

    def _order_key(self, address: int) -> Any:
        return self._key(0, address, 0)

    # Snapshots.

    def parts(self, segments: int) -> Iterator[tuple[str, NDArray[Any], int]]:
        """Arrays with how much of each is in use; `segments`: of wallets."""
        yield "credit.rows", self.rows, segments * SEGMENT_SLOTS if self.meta[_TOUCHED] else 0
        yield "credit.consents", self.consents, int(self.meta[_CONSENTS])
        yield "credit.orders", self.orders, int(self.meta[_ORDERS])
        yield "credit.meta", self.meta, _META
        for name, table in (("consent_table", self.consent_table), ("order_table", self.order_table)):
            yield f"credit.{name}.slots", table.slots, table_slots(table)
            yield f"credit.{name}.parts", table.parts, len(table.parts)
            yield f"credit.{name}.meta", table.meta, len(table.meta)

    # Effects.

    def effect(self, book: Book, record: Any, address: int) -> bool:
        """Apply one credit record (scalar of RECORD). False when it does not fit those before."""
        holder = int(record["payer"])
        row = self.row(book, holder) if holder else None
        if holder and (row is None or row["head"] != record[CREDIT_PREVIOUS]):
            return False
        kind = int(record["kind"])
        if kind == Kind.SCORE:
            self._scored(book, record, address)
        elif Kind.ORDER_CREATED < kind <= Kind.ORDER_CURED:
            if not self._ordered(row, kind, record, address):
                return False
        elif kind in self._effects:
            self._effects[kind](record, address)
        if row is not None:
            row["open"] += kind == Kind.ORDER_CREATED
            row["head"] = address
            self.meta[_TOUCHED] = 1
        return True

    def replay(self, book: Book, records: Records, addresses: NDArray[np.int64]) -> int:
        """Apply those of these records (n,) that are credit records. Gives the index of the first that does not fit, else n."""
        for at in np.flatnonzero(records["kind"] >= FIRST_CREDIT).tolist():
            if not self.effect(book, records[at], int(addresses[at])):
                return int(at)
        return len(records)

    def _scored(self, book: Book, record: Any, address: int) -> None:
        at = int(local_row(book, int(record["payer"])))
        (said,) = np.frombuffer(record.tobytes(), SCORE)
        row = self.rows[at]
        row["scored"], row["as_of"], row["card"] = address, said["as_of"], said["card"]
        row["score"], row["subtotals"] = said["score"], said["subtotals"]
        row["band"], row["cause"] = said["band"], said["cause"]
        book.wallets[at]["score"] = said["score"]

    def _granted(self, record: Any, address: int) -> None:
        holder, account, scenario = int(record["payer"]), int(record[ACCOUNT]), int(record[SCENARIO])
        key = self._consent_key(holder, account, scenario)
        at = int(find(self.consent_table, *key)) - 1
        if at < 0:
            if self.meta[_FREE_CONSENT] == 0 and self.meta[_CONSENTS] == len(self.consents):
                self._sweep(int(record["record_time"]))
            at = self._take(_CONSENTS, _FREE_CONSENT, _CONSENTS_FREE, self.consents, "record")
            put(self.consent_table, *key, at + 1)
        consent = self.consents[at]
        consent["holder"], consent["record"], consent["expiry"] = holder, address, record["expiry"]
        consent["cap"], consent["account"], consent["scenario"] = record["amount"], account, scenario
        consent["standing"] = record[STANDING]

    def _withdrawn(self, record: Any, _: int) -> None:
        key = self._consent_key(int(record["payer"]), int(record[ACCOUNT]), int(record[SCENARIO]))
        at = int(find(self.consent_table, *key)) - 1
        if at >= 0 and self.consents[at]["record"] == record["reference"]:
            self._free_consent(at)

    def _sweep(self, now: int) -> bool:
        """Free consents that have ended, a stretch of the table at a time. Whether there was one."""
        start = int(self.meta[_CONSENT_HAND]) % max(1, len(self.consents))
        part = self.consents[start : start + _SWEEP_ROWS]
        ended = np.flatnonzero((part["holder"] != 0) & (part["expiry"] <= now))
        for at in ended.tolist():
            self._free_consent(start + at)
        self.meta[_CONSENT_HAND] = (start + len(part)) % max(1, len(self.consents))
        return bool(len(ended))

    def _free_consent(self, at: int) -> None:
        consent = self.consents[at]
        remove(
            self.consent_table,
            *self._consent_key(int(consent["holder"]), int(consent["account"]), int(consent["scenario"])),
        )
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
        order["timer"] = record[CONFIRM_BY] if record[ORDER_STATE] == OrderState.CREATED else 0

    def _modified(self, record: Any, _: int) -> None:
        order = self.order(int(record["reference"]))
        order["cap"], order["modified"] = record["amount"], 1

    def _attempted(self, record: Any, _: int) -> None:
        order = self.order(int(record["reference"]))
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
            order["timer"] = 0
        elif kind == Kind.ORDER_OVERDUE:
            order["timer"] = record["expiry"]
        elif kind == Kind.ORDER_DEFAULTED:
            order["timer"] = 0
        order["state"] = after
        for count, counted in (("overdue", OrderState.OVERDUE), ("defaulted", OrderState.DEFAULTED)):
            row[count] = int(row[count]) + (after is counted) - (before is counted)
        row["kept"] += after is OrderState.PAID
        if after not in OPEN_STATES:
            row["open"] -= 1
            key = self._order_key(int(order["address"]))
            at = int(find(self.order_table, *key)) - 1
            remove(self.order_table, *key)
            self._give(at, _FREE_ORDER, _ORDERS_FREE, self.orders, "holder")
        return True

    def _take(self, top: int, free: int, count: int, rows: NDArray[Any], link: str) -> int:
        """A free row: one that was given back, else the next."""
        at = int(self.meta[free]) - 1
        if at >= 0:
            self.meta[free] = rows[at][link]
            self.meta[count] -= 1
            return at
        at = int(self.meta[top])
        assert at < len(rows), "room was looked for before"
        self.meta[top] = at + 1
        return at

    def _give(self, at: int, free: int, count: int, rows: NDArray[Any], link: str) -> None:
        rows[at] = np.zeros(1, rows.dtype)[0]
        rows[at][link] = self.meta[free]
        self.meta[free] = at + 1
        self.meta[count] += 1
