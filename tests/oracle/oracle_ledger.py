"""One shard's ledger as dicts and unbounded integers, written from the design and not from the code.

Shares nothing with the code under test: the numbers below are the documented ones of the journal. Rows, records and results are dicts
with the names of the documented fields; a test compares them field by field.
"""

from typing import Any

from tests.oracle.oracle_siphash import siphash128
from tests.oracle.oracle_windows import Attempts, Pool

DAY, HOUR = 86_400_000, 3_600_000
EXACT = 2**53 - 1
CUMULATIVE = 2**62

OPENED, STATUS, TIER, TRANSFER, LEG, PROFILE = 2, 3, 4, 10, 20, 22
USER, MERCHANT, EXTERNAL, LIQUIDITY, SUSPENSE = 1, 2, 3, 5, 6
OPEN, FROZEN, CLOSED = 1, 2, 3
REMOTE, TO_SUSPENSE, IMPORTED, FALLBACK, SCORED = 1, 2, 4, 8, 16

CODES = {
    "ok": 0,
    "deferred": 1,
    "moved": 2,
    "keys_full": 4,
    "mismatch": 20,
    "same_wallet": 21,
    "payer_not_found": 22,
    "payee_not_found": 23,
    "wallet_not_found": 24,
    "currency": 25,
    "in_future": 26,
    "went_back": 27,
    "after_not_found": 28,
    "operator_wallet": 29,
    "wallet_closed": 30,
    "not_empty": 31,
    "invalid": 32,
    "payer_closed": 100,
    "payer_frozen": 101,
    "payee_closed": 102,
    "declined": 110,
    "daily_limit": 120,
    "funds": 121,
    "out_of_range": 122,
}

Row = dict[str, Any]
RECORD_FIELDS = (
    "kind decision label channel code currency payer payee amount payer_posted payee_posted payer_held key_hi key_lo digest "
    "caller pack reference record_time effective_time payer_prev payee_prev points reasons flags country device payer_lag "
    "payee_lag expiry"
).split()
RESULT_FIELDS = "code replayed action points reasons pack address record_time effective_time flags field".split()


def lag(chain_time: int, effective: int) -> tuple[int, int]:
    """How far a chain is ahead of a record as the record keeps it, and the chain's time after it: exact to the millisecond within
    2^31 ms, beyond it in whole seconds with the chain's time rounded up."""
    if chain_time <= effective:
        return 0, effective
    if chain_time - effective < 2**31:
        return chain_time - effective, chain_time
    seconds = -(-chain_time // 1000)
    return 2**31 + seconds - effective // 1000, seconds * 1000


class Wallet:
    """A wallet and everything that ever happened to it."""

    def __init__(self, currency: int, kind: int, tier: int, floor: int, opened: int, pool: Pool) -> None:
        self.currency, self.kind, self.tier, self.floor, self.opened = currency, kind, tier, floor, opened
        self.status = OPEN
        self.received: list[int] = []
        self.paid: list[tuple[int, int]] = []
        self.chain: list[tuple[int, int]] = []
        self.payer_time = 0
        self.attempts = Attempts(pool)

    @property
    def is_user(self) -> bool:
        return self.kind in (USER, MERCHANT)

    @property
    def credits(self) -> int:
        return sum(self.received)

    @property
    def debits(self) -> int:
        return sum(amount for _, amount in self.paid)

    @property
    def posted(self) -> int:
        return self.credits - self.debits

    def paid_on(self, day: int) -> int:
        return sum(amount for time, amount in self.paid if time // DAY == day)

    def append(self, address: int, effective: int) -> tuple[int, int]:
        """A record joins the chain: the address before it, and its lag."""
        before, time = self.chain[-1] if self.chain else (0, 0)
        behind, chain_time = lag(time, effective)
        self.chain.append((address, chain_time))
        return before, behind

    def row(self) -> Row:
        """What the ledger's row of this wallet must say."""
        day = self.paid[-1][0] // DAY if self.paid and self.is_user else 0
        head, chain_time = self.chain[-1] if self.chain else (0, 0)
        return {
            "credits": self.credits,
            "debits": self.debits,
            "held": 0,
            "floor": self.floor,
            "head": head,
            "chain_time": chain_time,
            "currency": self.currency,
            "status": self.status,
            "kind": self.kind,
            "tier": self.tier,
            "score": 0,
            "day": day,
            "day_total": self.paid_on(day) if self.is_user else 0,
            "payer_time": self.payer_time,
            "opened": self.opened,
        }


class Oracle:
    """Call `admit`, `columns` (only when scored) and `carry_out` in this order for a batch."""

    def __init__(
        self,
        *,
        shard: int,
        shards: int,
        secret: bytes,
        limits: dict[int, int],
        window_ms: int,
        segments_max: int,
        pool: Pool,
    ) -> None:
        self.shard, self.secret, self.limits, self.window_ms = shard, secret, limits, window_ms
        self.stripe_max = EXACT // shards
        self.segments_max = segments_max
        self.pool = pool
        self.now = 0
        self.head = 0
        self.wallets: dict[int, Wallet] = {}
        self.profiles: dict[int, Row] = {}
        self.owners: dict[int, int] = {}
        self.segments_asked = 0
        self.read = [0] * shards
        self.asked = [0] * shards
        self.open_segment, self.open_slot = 0, 0
        self.keys: dict[tuple[int, int], int] = {}
        self.older_keys: dict[tuple[int, int], int] = {}
        self.keys_since = 0

    # Time and place.

    def advance(self, now: int) -> None:
        self.now = max(self.now, now)
        age = self.now - self.keys_since
        if age >= self.window_ms:
            self.older_keys = self.keys if age < 2 * self.window_ms else {}
            self.keys, self.keys_since = {}, self.now

    def use_segment(self, segment: int) -> None:
        self.open_segment, self.open_slot = segment, 0

    def owner(self, address: int) -> int | None:
        """Shard of a user wallet's address, None = unknown, -1 = no such address."""
        segment = address >> 16
        return self.owners.get(segment) if 0 < segment < self.segments_max else -1

    # Admission.

    def admit(self, rows: list[Row]) -> list[Row]:
        """Per row its code, and what its key made before: an address, or -(1 + row) of this batch, or 0."""
        for row in rows:
            self._bind(row)
        return [self._admit_one(row, i) for i, row in enumerate(rows)]

    def _bind(self, row: Row) -> None:
        home = {OPENED: 0, TRANSFER: row["payer"]}.get(row["op"], row["payee"])
        if row["op"] == TRANSFER and row["payer"] >> 16 == 0 and row["payee"] >> 16 != 0:
            home = row["payee"]
        words = (row["caller"], home, row["key_hi"], row["key_lo"])
        hashed = siphash128(self.secret, b"".join((w % 2**64).to_bytes(8, "little") for w in words))
        row["key_hi"], row["key_lo"] = (int.from_bytes(half, "little") for half in (hashed[:8], hashed[8:]))

    def _admit_one(self, row: Row, i: int) -> Row:
        key = (row["key_hi"], row["key_lo"])
        known = self.keys.get(key, 0) or self.older_keys.get(key, 0)
        if known:
            return {"code": 0, "duplicate": known}
        if row["op"] != TRANSFER:
            return {"code": CODES[self._wallet_refusal(row) or "ok"], "duplicate": 0}
        refused = self._wallets_refusal(row) or self._times_refusal(row)
        if not refused and not (row["effective_time"] >= 0 and 1 <= row["amount"] <= EXACT):
            refused = "invalid"
        if refused:
            return {"code": CODES[refused], "duplicate": 0}
        self.keys[key] = -(1 + i)
        row["flags"] = IMPORTED if row["effective_time"] else 0
        row["effective_time"] = row["effective_time"] or self.now
        payer = self.wallets[row["payer"]]
        if payer.is_user:
            payer.payer_time = row["effective_time"]
        return {"code": 0, "duplicate": 0}

    def _wallet_refusal(self, row: Row) -> str | None:
        if row["op"] == OPENED and row["effective_time"] > self.now:
            return "in_future"
        if row["effective_time"] < 0 or row["op"] not in (OPENED, STATUS, TIER):
            return "invalid"
        if row["op"] == OPENED and not (1 <= row["currency"] < 1024 and abs(row["amount"]) <= EXACT):
            return "invalid"
        return None

    def _wallets_refusal(self, row: Row) -> str | None:
        if row["payer"] == row["payee"] != 0:
            return "same_wallet"
        payer = self.wallets.get(row["payer"])
        if payer is None:
            return "payer_not_found" if self.owner(row["payer"]) in (None, -1, self.shard) else "moved"
        payee = self.wallets.get(row["payee"])
        if payee is None:
            refused = self._remote_refusal(row, payer)
            if refused:
                return refused
        currencies = {payer.currency, row["currency"], payee.currency if payee else self._profile_currency(row)}
        return "currency" if len(currencies) > 1 else None

    def _profile_currency(self, row: Row) -> int:
        return int(self.profiles[row["payee"]]["currency"])

    def _remote_refusal(self, row: Row, payer: Wallet) -> str | None:
        since = row["deferred_at"]
        owner = self.owner(row["payee"])
        if owner in (-1, self.shard):
            return "payee_not_found"
        if owner is None:
            return "payee_not_found" if since and self.segments_asked >= since else "deferred"
        profile = self.profiles.get(row["payee"])
        if profile is None:
            return "deferred"
        if profile["kind"] == 0:
            return "payee_not_found" if since and profile["opened"] >= since else "deferred"
        return None if payer.is_user else "moved"

    def _times_refusal(self, row: Row) -> str | None:
        payer = self.wallets[row["payer"]]
        if row["effective_time"]:
            if row["effective_time"] > self.now:
                return "in_future"
            if payer.is_user and row["effective_time"] < payer.payer_time:
                return "went_back"
        if row["after"] == 0:
            return None
        shard, block = row["after"] >> 52, row["after"] >> 8 & (2**44 - 1)
        if shard == self.shard:
            return None if row["after"] <= self.head else "after_not_found"
        if not 0 <= shard < len(self.read):
            return "after_not_found"
        if block <= self.read[shard]:
            return None
        return "after_not_found" if row["deferred_at"] and self.asked[shard] >= row["deferred_at"] else "deferred"

    # What the scorer sees.

    def columns(self, rows: list[Row]) -> list[tuple[dict[str, int | None], dict[str, int]] | None]:
        """Per admitted row its columns by name, None = not known, and those of what is remembered; None for a row that is no
        transfer. Remembers the attempts."""
        return [self._row_columns(row) if row["op"] == TRANSFER else None for row in rows]

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
            "payee_kind": payee["kind"],
            "payee_tier": payee["tier"],
            "payee_age_days": max(0, time - payee["opened"]) // DAY,
        }
        memory: dict[str, int] = {}
        if payer.is_user:
            values |= {
                "payer_age_days": max(0, time - payer.opened) // DAY,
                "payer_tier": payer.tier,
                "payer_available": payer.posted - payer.floor,
                "payer_score": None,
                "payer_day_total": payer.paid_on(time // DAY),
            }
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

    def carry_out(
        self, rows: list[Row], decisions: list[Row] | None, first: int
    ) -> tuple[list[Row], list[Row], list[int]]:
        """Records, a result per row, and each record's row. `first`: address of the first record; 50 to a block."""
        records: list[Row] = []
        results: list[Row] = []
        sources: list[int] = []
        for i, row in enumerate(rows):
            address = first + (len(records) // 50 << 8) + len(records) % 50
            result: Row = dict.fromkeys(RESULT_FIELDS, 0)
            results.append(result)
            record = self._record(row)
            if row["op"] == TRANSFER:
                self._transfer(row, record, decisions[i] if decisions is not None else None, address)
            else:
                known = self.keys.get((row["key_hi"], row["key_lo"]), 0)
                refused = None
                if known > 0:
                    result["address"] = -known
                    continue
                if known < 0:
                    refused = "mismatch"
                refused = refused or self._wallet_change(row, record, address)
                if refused:
                    result["code"] = CODES[refused]
                    continue
            self.keys[row["key_hi"], row["key_lo"]] = address
            for name in ("code", "points", "reasons", "pack", "record_time", "effective_time", "flags"):
                result[name] = record[name]
            result["action"] = record["decision"]
            result["address"] = record["payee"] if row["op"] == OPENED else address
            records.append(record)
            sources.append(i)
        return records, results, sources

    def _record(self, row: Row) -> Row:
        record = dict.fromkeys(RECORD_FIELDS, 0)
        for name in ("currency", "caller", "key_hi", "key_lo", "digest"):
            record[name] = row[name]
        record["kind"], record["record_time"] = row["op"], self.now
        return record

    def _transfer(self, row: Row, record: Row, decision: Row | None, address: int) -> None:
        for name in ("payer", "payee", "amount", "label", "channel", "country", "device", "effective_time", "flags"):
            record[name] = row[name]
        payee = self.wallets.get(row["payee"])
        record["flags"] |= 0 if payee else REMOTE
        if decision is not None:
            record["flags"] |= SCORED | (FALLBACK if decision["flags"] else 0)
            record["decision"] = decision["action"]
            for name in ("points", "reasons", "pack"):
                record[name] = decision[name]
        declined = self._decline(row, record)
        if declined:
            record["code"] = CODES[declined]
            return
        payer = self.wallets[row["payer"]]
        payer.paid.append((row["effective_time"], row["amount"]))
        record["payer_posted"] = payer.posted
        record["payer_prev"], record["payer_lag"] = payer.append(address, row["effective_time"])
        if payee:
            payee.received.append(row["amount"])
            record["payee_posted"] = payee.posted
            record["payee_prev"], record["payee_lag"] = payee.append(address, row["effective_time"])

    def _decline(self, row: Row, record: Row) -> str | None:
        payer, amount = self.wallets[row["payer"]], row["amount"]
        payee = self.wallets.get(row["payee"])
        if payer.status != OPEN:
            return "payer_closed" if payer.status == CLOSED else "payer_frozen"
        if (payee.status if payee else self.profiles[row["payee"]]["status"]) == CLOSED:
            return "payee_closed"
        if record["decision"] == 2 and not record["flags"] & IMPORTED:
            return "declined"
        if payer.is_user:
            limit = self.limits.get(payer.tier)
            if limit is not None and payer.paid_on(row["effective_time"] // DAY) + amount > limit:
                return "daily_limit"
            if payer.posted - amount < payer.floor:
                return "funds"
        if payer.posted - amount < -self._bound(payer) or payer.debits + amount > CUMULATIVE:
            return "out_of_range"
        return "out_of_range" if payee and not self._takes(payee, amount) else None

    def _bound(self, wallet: Wallet) -> int:
        return EXACT if wallet.is_user else self.stripe_max

    def _takes(self, wallet: Wallet, amount: int) -> bool:
        if wallet.kind == SUSPENSE:
            return True
        return wallet.posted + amount <= self._bound(wallet) and wallet.credits + amount <= CUMULATIVE

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
        record["effective_time"], record["payee_posted"] = self.now, wallet.posted
        record["payee_prev"], record["payee_lag"] = wallet.append(address, self.now)
        return None

    def _status_refusal(self, wallet: Wallet, target: int) -> str | None:
        if wallet.status == CLOSED:
            return None if target == CLOSED else "wallet_closed"
        if target == CLOSED:
            if not wallet.is_user:
                return "operator_wallet"
            return "not_empty" if wallet.posted else None
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
        record["payee_prev"], record["payee_lag"] = wallet.append(address, opened)
        return None

    # What comes from other shards.

    def land(self, legs: list[Row], addresses: list[int]) -> list[Row]:
        """LEG records filled with what the wallets say."""
        return [self._land_one(leg, address) for leg, address in zip(legs, addresses, strict=True)]

    def _land_one(self, leg: Row, address: int) -> Row:
        record = {**dict.fromkeys(RECORD_FIELDS, 0), **leg, "kind": LEG, "record_time": self.now}
        wallet = self.wallets.get(leg["payee"])
        unfit = wallet is None or wallet.status == CLOSED or wallet.currency != leg["currency"]
        if unfit or wallet is None or not self._takes(wallet, leg["amount"]):
            record["flags"] |= TO_SUSPENSE
            wallet = self.wallets.get(leg["currency"])
            if wallet is None:
                wallet = Wallet(leg["currency"], SUSPENSE, 0, 0, 0, self.pool)
                self.wallets[leg["currency"]] = wallet
        wallet.received.append(leg["amount"])
        record["payee_posted"] = wallet.posted
        record["payee_prev"], record["payee_lag"] = wallet.append(address, leg["effective_time"])
        return record

    def learn(self, profile: Row) -> None:
        """Keep or renew a profile: address, opened, currency, status, kind (0 = there is no such wallet), tier."""
        self.profiles[profile["address"]] = dict(profile)

    def posted_by_currency(self) -> dict[int, int]:
        """Sum of posted balances here, by currency."""
        sums: dict[int, int] = {}
        for wallet in self.wallets.values():
            sums[wallet.currency] = sums.get(wallet.currency, 0) + wallet.posted
        return sums
