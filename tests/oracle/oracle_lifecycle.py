"""What becomes of a transfer after it was made, as the design says it: captures, voids, expiries, analysts' answers and refunds.

Shares nothing with the code under test. What is left to refund is always counted again from every refund ever recorded.
"""

from tests.oracle.oracle_admission import Admitting
from tests.oracle.oracle_wallet import (
    ANSWER,
    APPROVAL,
    CAPTURE,
    CLOSED,
    CODES,
    CUMULATIVE,
    EXACT,
    EXPIRE_MAX,
    EXPIRY,
    FINAL,
    FROZEN,
    IMPORTED,
    RECORD_FIELDS,
    REMOTE,
    REVIEW,
    SUSPENSE,
    VOID,
    Hold,
    Row,
    Wallet,
)


class Modifying(Admitting):
    """Rows past `admit`, one at a time: each gives a refusal, or None when it fills its record."""

    # What moves money, whatever it is called.

    def _bound(self, wallet: Wallet) -> int:
        return EXACT if wallet.is_user else self.stripe_max

    def _takes(self, wallet: Wallet, amount: int) -> bool:
        if wallet.kind == SUSPENSE:
            return True
        return wallet.posted + amount <= self._bound(wallet) and wallet.credits + amount <= CUMULATIVE

    def _gives(self, wallet: Wallet, amount: int) -> bool:
        return wallet.posted - amount >= -self._bound(wallet) and wallet.debits + amount <= CUMULATIVE

    def _range_decline(self, record: Row) -> str | None:
        payee = self.wallets.get(record["payee"])
        good = self._gives(self.wallets[record["payer"]], record["amount"])
        return None if good and (payee is None or self._takes(payee, record["amount"])) else "out_of_range"

    def _payee_closed(self, address: int) -> bool:
        """A payee of another shard is as it was last read; one that was never read is taken to be open."""
        payee = self.wallets.get(address)
        status = payee.status if payee else self.profiles.get(address, {"status": 0})["status"]
        return bool(status == CLOSED)

    def _move(self, record: Row, address: int) -> None:
        payer, payee = self.wallets[record["payer"]], self.wallets.get(record["payee"])
        payer.paid.append(record["amount"])
        payer.show_payer(record, address)
        if payee:
            payee.received.append((record["amount"], record["effective_time"]))
            payee.show_payee(record, address, record["effective_time"])

    def _fill_modification(self, row: Row, record: Row, label: int) -> None:
        record["payer"], record["payee"], record["effective_time"] = (
            row["payer"],
            row["payee"],
            row["effective_time"] or self.now,
        )
        record["reference"], record["label"], record["flags"] = (
            row["after"],
            label,
            IMPORTED if row["effective_time"] else 0,
        )
        if row["flags"] & ANSWER:
            record["flags"] |= REVIEW | (row["flags"] & FINAL if row["op"] == VOID else 0)

    # Holds.

    def _change_hold(self, row: Row, record: Row, address: int) -> str | None:
        """A capture, a void or an approval."""
        hold = self.holds.get(row["after"])
        if hold is None or not hold.open:
            return "hold_not_open"
        if row["effective_time"] and row["effective_time"] < hold.effective:
            return "went_back"
        if (row["payer"], row["payee"], row["currency"]) != (hold.payer, hold.payee, hold.currency):
            return "invalid"
        if self.now >= hold.expiry:
            return "hold_expired"
        if row["amount"] > hold.left:
            return "hold_exceeded"
        refused = self._answer_refusal(row, hold)
        if refused:
            return refused
        self._fill_modification(row, record, hold.label)
        record["amount"] = row["amount"] or hold.left
        if row["op"] == VOID:
            self._end(hold, record, address)
            return None
        if row["op"] == APPROVAL:
            hold.review, hold.expiry = 0, hold.kept
            record["expiry"] = hold.kept
            self.wallets[hold.payer].show_payer(record, address)
            return None
        record["flags"] |= 0 if hold.payee in self.wallets else REMOTE
        final = row["flags"] & FINAL or record["amount"] == hold.left
        record["flags"] |= FINAL if final else 0
        declined = "payee_closed" if self._payee_closed(hold.payee) else self._range_decline(record)
        if declined:
            record["code"] = CODES[declined]
            return None
        hold.taken += record["amount"]
        if final:
            self.wallets[hold.payer].release(hold, hold.left, record["effective_time"])
            hold.open = False
        self._move(record, address)
        return None

    @staticmethod
    def _answer_refusal(row: Row, hold: Hold) -> str | None:
        """Only an analyst answers a case, only a case, and with what its payment is."""
        if not hold.review:
            return "not_in_review" if row["flags"] & ANSWER else None
        if not row["flags"] & ANSWER:
            return "hold_in_review"
        wanted = (VOID, APPROVAL) if hold.kept else (VOID, CAPTURE)
        return None if row["op"] in wanted else "invalid"

    def _end(self, hold: Hold, record: Row, address: int) -> None:
        """All that is left of a hold is released."""
        payer = self.wallets[hold.payer]
        payer.release(hold, hold.left, record["effective_time"])
        hold.open = False
        payer.show_payer(record, address)

    def due(self) -> list[Hold]:
        """Holds whose time has come, the earliest first."""
        return sorted((h for h in self.open_holds if h.expiry <= self.now), key=lambda hold: hold.expiry)

    def expire(self, order: list[int], addresses: list[int]) -> list[Row]:
        """EXPIRY records. `order`: the holds in the order that the ledger chose, free only among equal times."""
        due = self.due()[:EXPIRE_MAX]
        assert [self.holds[address].expiry for address in order] == [hold.expiry for hold in due]
        assert len(set(order)) == len(order) and all(self.holds[address].open for address in order)
        records = []
        for target, address in zip(order, addresses, strict=True):
            hold = self.holds[target]
            record = dict.fromkeys(RECORD_FIELDS, 0)
            record |= {"kind": EXPIRY, "payer": hold.payer, "payee": hold.payee, "amount": hold.left}
            record |= {"currency": hold.currency, "label": hold.label, "reference": target}
            record |= {"record_time": self.now, "effective_time": self.now}
            record["flags"] = REVIEW if hold.review else 0
            self._end(hold, record, address)
            records.append(record)
        return records

    # Refunds.

    def know_original(self, original: Row) -> None:
        """What the journal says of a record: address, payer, payee, amount, refunded, currency, kind, label. Until it is forgotten
        the first word counts, but for one that says that no money was moved."""
        known = self.originals.get(original["address"])
        room = known is not None or len(self.originals) < self.originals_max
        if room and (known is None or known["kind"] == 0):
            self.originals[original["address"]] = dict(original)

    def refunded(self, address: int) -> int:
        """Sum of all refunds ever made of a record."""
        return sum(self.refunds.get(address, []))

    def _refund(self, row: Row, record: Row, address: int) -> str | None:
        original = self.originals[row["after"]]
        if (row["payee"], row["payer"], row["currency"]) != tuple(original[n] for n in ("payer", "payee", "currency")):
            return "invalid"
        left = original["amount"] - self.refunded(row["after"])
        if left == 0 or row["amount"] > left:
            return "refund_exceeded"
        self._fill_modification(row, record, original["label"])
        record["amount"] = row["amount"] or left
        record["flags"] |= 0 if row["payee"] in self.wallets else REMOTE
        declined = self._refund_decline(record)
        if declined:
            record["code"] = CODES[declined]
            return None
        self.refunds.setdefault(row["after"], []).append(record["amount"])
        self._move(record, address)
        return None

    def _refund_decline(self, record: Row) -> str | None:
        payer = self.wallets[record["payer"]]
        if payer.status == CLOSED:
            return "payer_closed"
        if payer.status == FROZEN:
            return "payer_frozen"
        if self._payee_closed(record["payee"]):
            return "payee_closed"
        if payer.is_user and payer.free < record["amount"]:
            return "funds"
        return self._range_decline(record)

    def _modify(self, row: Row, record: Row, address: int) -> str | None:
        modifies = row["op"] in (CAPTURE, VOID, APPROVAL)
        return self._change_hold(row, record, address) if modifies else self._refund(row, record, address)
