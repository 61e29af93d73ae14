"""One shard's ledger as dicts and unbounded integers, written from the design and not from the code.

Shares nothing with the code under test: the numbers are the documented ones of the journal. Rows, records and results are dicts
with the names of the documented fields; a test compares them field by field.
"""

from datetime import UTC, datetime

from tests.oracle.oracle_lifecycle import Modifying
from tests.oracle.oracle_wallet import (
    APPROVAL,
    CAPTURE,
    CLOSED,
    CODES,
    CONTINUES,
    DAY,
    EXACT,
    EXTERNAL,
    FALLBACK,
    FROZEN,
    HOLD,
    HOUR,
    IMPORTED,
    LEG,
    LINKED,
    LIQUIDITY,
    MERCHANT,
    OPEN,
    OPENED,
    PAYEE_ANCHOR,
    PAYER_ANCHOR,
    RECORD_FIELDS,
    REFUND,
    REMOTE,
    RESULT_FIELDS,
    REVIEW,
    SCORED,
    STATUS,
    TO_SUSPENSE,
    TRANSFER,
    USER,
    VOID,
    Hold,
    Row,
    Wallet,
    lag,
)

__all__ = ["CODES", "Oracle", "Row", "lag"]

ATTEMPTS = (TRANSFER, HOLD)


class Oracle(Modifying):
    """Call `admit`, `columns` (only when scored) and `apply` in this order for a batch."""

    # What the scorer sees.

    def columns(self, rows: list[Row]) -> list[tuple[dict[str, int | None], dict[str, int]] | None]:
        """Per admitted row its columns by name, None = not known, and those of what is remembered; None for a row that is no
        payment. Remembers the attempts."""
        return [self._row_columns(row) if row["op"] in ATTEMPTS else None for row in rows]

    def _row_columns(self, row: Row) -> tuple[dict[str, int | None], dict[str, int]]:
        time, payer = row["effective_time"], self.wallets[row["payer"]]
        payee = self._seen_payee(row["payee"])
        values: dict[str, int | None] = {
            "amount": row["amount"],
            "label": row["label"],
            "channel": row["channel"],
            "country": row["country"] or None,
            "device": row["device"] or None,
            "hour": time % DAY // HOUR,
            "currency": row["currency"],
            "hold": int(row["op"] == HOLD),
            "weekday": datetime.fromtimestamp(time / 1000, UTC).isoweekday(),
            "effective_time": time,
            "payer": row["payer"],
            "payee": row["payee"],
            "payer_kind": payer.kind,
            "payee_kind": payee["kind"],
            "payee_tier": payee["tier"],
            "payee_age_days": max(0, time - payee["opened"]) // DAY,
        }
        memory: dict[str, int] = {}
        if payer.is_user:
            values |= {
                "payer_age_days": max(0, time - payer.opened) // DAY,
                "payer_tier": payer.tier,
                "payer_available": payer.free,
                "payer_score": None,
                "payer_day_total": payer.counted_on(time // DAY),
                "payer_credits": payer.credits,
                "payer_debits": payer.debits,
            }
            if payer.received:
                credited, at = payer.received[-1]
                values |= {"payer_credited": credited, "payer_credited_ago_s": max(0, time - at) // 1000}
            values |= payer.attempts.columns(time, row["payee"])
            memory = payer.attempts.remembered_columns(time, row["payee"])
            payer.attempts.add(time, row["amount"], row["payee"])
        return values, memory

    def _seen_payee(self, address: int) -> Row:
        if address in self.wallets:
            wallet = self.wallets[address]
            return {"kind": wallet.kind, "tier": wallet.tier, "opened": wallet.opened}
        return self.profiles[address]

    # Records.

    def apply(self, rows: list[Row], decisions: list[Row] | None, first: int) -> tuple[list[Row], list[Row], list[int]]:
        """Records, a result per row, and each record's row. `first`: address of the first record; 50 to a block."""
        records: list[Row] = []
        results: list[Row] = [dict.fromkeys(RESULT_FIELDS, 0) for _ in rows]
        sources: list[int] = []
        i = 0
        while i < len(rows):
            last = i
            while rows[last]["op"] in ATTEMPTS and rows[last]["flags"] & LINKED:
                last += 1
            made = [self._record(row) for row in rows[i : last + 1]]
            addresses = [first + (n // 50 << 8) + n % 50 for n in range(len(records), len(records) + len(made))]
            if rows[i]["op"] in ATTEMPTS:
                self._payments(rows[i : last + 1], made, decisions and decisions[i : last + 1], addresses)
            elif not self._change(rows[i], made[0], results[i], addresses[0]):
                i += 1
                continue
            for k, (record, address) in enumerate(zip(made, addresses, strict=True)):
                self._file(rows[i + k], record, results[i + k], address)
            records += made
            sources += range(i, last + 1)
            i = last + 1
        return records, results, sources

    def _record(self, row: Row) -> Row:
        record = dict.fromkeys(RECORD_FIELDS, 0)
        for name in ("currency", "caller", "key_hi", "key_lo", "digest"):
            record[name] = row[name]
        record["kind"], record["record_time"] = row["op"], self.now
        return record

    def _file(self, row: Row, record: Row, result: Row, address: int) -> None:
        self.keys[row["key_hi"], row["key_lo"]] = address
        for name in ("code", "points", "reasons", "pack", "record_time", "effective_time", "flags"):
            result[name] = record[name]
        if record["kind"] == HOLD:
            self.promised[record["caller"]] -= 1
            result["code"] = CODES["in_review"] if record["flags"] & REVIEW else record["code"]
        result["action"] = record["decision"]
        result["address"] = record["payee"] if row["op"] == OPENED else address

    def _change(self, row: Row, record: Row, result: Row, address: int) -> bool:
        """A row that is no payment; whether there is a record."""
        known = self._known(row)
        if known > 0:
            result["address"] = -known
            return False
        modifies = row["op"] in (CAPTURE, VOID, REFUND, APPROVAL)
        change = self._modify if modifies else self._wallet_change
        refused = "mismatch" if known else change(row, record, address)
        result["code"] = CODES[refused or "ok"]
        return refused is None

    def _payments(self, rows: list[Row], records: list[Row], decisions: list[Row] | None, addresses: list[int]) -> None:
        """One payment, or a group: each is looked at after those before it, and when one is declined none was made."""
        involved = [self.wallets[a] for r in rows for a in (r["payer"], r["payee"]) if a in self.wallets]
        marks = [(wallet, wallet.mark()) for wallet in involved]
        made: list[Hold] = []
        for i, (row, record) in enumerate(zip(rows, records, strict=True)):
            self._fill_payment(row, record, decisions[i] if decisions is not None else None)
            record["flags"] |= CONTINUES if i else 0
        if len(rows) == 1 and self._wants_review(records[0]):
            self._review(rows[0], records[0], addresses[0])
            return
        for i, (record, address) in enumerate(zip(records, addresses, strict=True)):
            declined = self._decline(record)
            if declined:
                for wallet, mark in marks:
                    wallet.back_to(mark)
                self._decline_all(records, i, declined)
                return
            made += self._pay(record, address)
        self.holds |= {hold.address: hold for hold in made}

    @staticmethod
    def _wants_review(record: Row) -> bool:
        return bool(record["decision"] == 1 and not record["flags"] & IMPORTED)

    def _review(self, row: Row, record: Row, address: int) -> None:
        """A payment that stands alone waits as a hold; when that cannot be it is declined as what it is."""
        record["kind"] = HOLD
        declined = self._decline(record)
        if not declined and row["op"] == TRANSFER:
            declined = "reviews_full" if self._no_room([row["caller"]]) else None
            self.promised[row["caller"]] += not declined
        if declined:
            record["kind"], record["code"] = row["op"], CODES[declined]
            return
        record["flags"] |= REVIEW
        record["payee_lag"] = row["expires_in_s"] if row["op"] == HOLD else 0
        ends = self.now + self.review_ms
        record["expiry"] = min(record["expiry"], ends) if row["op"] == HOLD else ends
        self.holds |= {hold.address: hold for hold in self._pay(record, address)}

    @staticmethod
    def _decline_all(records: list[Row], failed: int, declined: str) -> None:
        for i, record in enumerate(records):
            record |= dict.fromkeys(("payer_posted", "payer_held", "payer_prev", "payer_lag"), 0)
            record |= dict.fromkeys(("payee_posted", "payee_prev", "payee_lag"), 0)
            record["flags"] &= ~(PAYER_ANCHOR | PAYEE_ANCHOR)
            record["code"] = CODES[declined if i == failed else "linked_declined"]

    def _fill_payment(self, row: Row, record: Row, decision: Row | None) -> None:
        for name in ("payer", "payee", "amount", "label", "channel", "country", "device", "effective_time", "flags"):
            record[name] = row[name]
        record["flags"] |= 0 if row["payee"] in self.wallets else REMOTE
        if row["op"] == HOLD:
            record["expiry"] = self.now + 1000 * row["expires_in_s"]
        if decision is not None:
            record["flags"] |= SCORED | (FALLBACK if decision["flags"] else 0)
            record["decision"] = decision["action"]
            for name in ("points", "reasons", "pack"):
                record[name] = decision[name]

    def _pay(self, record: Row, address: int) -> list[Hold]:
        payer = self.wallets[record["payer"]]
        payer.counted.append((record["effective_time"], record["amount"]))
        if record["kind"] == TRANSFER:
            self._move(record, address)
            return []
        payer.holds.append(Hold(record, address))
        payer.show_payer(record, address)
        return payer.holds[-1:]

    def _decline(self, record: Row) -> str | None:
        payer, amount = self.wallets[record["payer"]], record["amount"]
        if payer.status != OPEN:
            return "payer_closed" if payer.status == CLOSED else "payer_frozen"
        if self._payee_closed(record["payee"]):
            return "payee_closed"
        if record["decision"] == 2 and not record["flags"] & IMPORTED:
            return "declined"
        if record["flags"] & (LINKED | CONTINUES) and self._wants_review(record):
            return "linked_in_review"
        if payer.is_user:
            limit = self.limits.get(payer.tier)
            if limit is not None and payer.counted_on(record["effective_time"] // DAY) + amount > limit:
                return "daily_limit"
            if payer.free < amount:
                return "funds"
        if record["kind"] == HOLD:
            return "out_of_range" if payer.held + amount > EXACT else None
        return self._range_decline(record)

    # Wallets.

    def _wallet_change(self, row: Row, record: Row, address: int) -> str | None:
        if row["op"] == OPENED:
            return self._open(row, record, address)
        wallet = self.wallets.get(row["payee"])
        if wallet is None:
            return "wallet_not_found"
        refused = self._status_refusal(wallet, row["kind"]) if row["op"] == STATUS else self._tier_refusal(wallet)
        if refused:
            return refused
        if row["op"] == STATUS:
            wallet.status = row["kind"]
        else:
            wallet.tier = row["tier"]
        record["payee"], record["label"], record["currency"] = row["payee"], wallet.kind, wallet.currency
        record["channel"], record["decision"] = wallet.status, wallet.tier
        record["effective_time"] = self.now
        wallet.show_payee(record, address, self.now)
        return None

    def _status_refusal(self, wallet: Wallet, target: int) -> str | None:
        if wallet.status == CLOSED:
            return None if target == CLOSED else "wallet_closed"
        if target == CLOSED:
            if not wallet.is_user:
                return "operator_wallet"
            return "not_empty" if wallet.posted or wallet.held else None
        return None if target in (OPEN, FROZEN) else "invalid"

    def _tier_refusal(self, wallet: Wallet) -> str | None:
        if not wallet.is_user:
            return "operator_wallet"
        return "wallet_closed" if wallet.status == CLOSED else None

    def _open(self, row: Row, record: Row, address: int) -> str | None:
        at = row["payee"]
        if at == 0:
            if row["kind"] not in (USER, MERCHANT):
                return "invalid"
            if self.open_segment == 0 or self.open_slot == 65536:
                return "deferred"
            at = self.open_segment << 16 | self.open_slot
            self.open_slot += 1
        elif not 1024 <= at < 65536 or not EXTERNAL <= row["kind"] <= LIQUIDITY or at in self.wallets:
            return "invalid"
        opened = row["effective_time"] or self.now
        wallet = Wallet(row["currency"], row["kind"], row["tier"], row["amount"], opened, self.pool)
        self.wallets[at] = wallet
        record["payee"], record["amount"], record["label"], record["decision"] = (
            at,
            row["amount"],
            row["kind"],
            row["tier"],
        )
        record["effective_time"] = opened
        wallet.show_payee(record, address, opened)
        return None

    # What comes from other shards.

    def apply_legs(self, legs: list[Row], addresses: list[int]) -> list[Row]:
        """LEG records filled from the wallets."""
        return [self._land_one(leg, address) for leg, address in zip(legs, addresses, strict=True)]

    def _land_one(self, leg: Row, address: int) -> Row:
        record = {**dict.fromkeys(RECORD_FIELDS, 0), **leg, "kind": LEG, "record_time": self.now}
        record["effective_time"] = leg["effective_time"] or self.now
        wallet = self.wallets.get(leg["payee"])
        unfit = wallet is None or wallet.status == CLOSED or wallet.currency != leg["currency"]
        if unfit or wallet is None or not self._takes(wallet, leg["amount"]):
            record["flags"] |= TO_SUSPENSE
            wallet = self.wallets[leg["currency"]]
        wallet.received.append((leg["amount"], record["effective_time"]))
        wallet.show_payee(record, address, record["effective_time"])
        return record

    def learn(self, profile: Row) -> None:
        """Keep or renew a remote wallet: address, opened, currency, status, kind (0 = there is no such wallet), tier."""
        self.profiles[profile["address"]] = dict(profile)

    def posted_by_currency(self) -> dict[int, int]:
        """Sum of posted balances here, by currency."""
        sums: dict[int, int] = {}
        for wallet in self.wallets.values():
            sums[wallet.currency] = sums.get(wallet.currency, 0) + wallet.posted
        return sums
