"""What the oracle of the ledger is made of: the documented numbers, a wallet and a hold as lists of what ever happened to them.

Shares nothing with the code under test. Everything is only ever appended, so what a group did is undone by cutting lists.
"""

from typing import Any

from tests.oracle.oracle_windows import Attempts, Pool

DAY, HOUR = 86_400_000, 3_600_000
EXACT = 2**53 - 1
CUMULATIVE = 2**62
STRIDE = 256
YEAR_SECONDS = 365 * 86_400
BEHIND_MAX = 64
EXPIRE_MAX = 8_192

OPENED, STATUS, TIER, TRANSFER, HOLD, CAPTURE, VOID, EXPIRY, REFUND = 2, 3, 4, 10, 11, 12, 13, 14, 15
APPROVAL = 16
LEG, PROFILE = 20, 22
USER, MERCHANT, EXTERNAL, LIQUIDITY, SUSPENSE = 1, 2, 3, 5, 6
OPEN, FROZEN, CLOSED = 1, 2, 3
REMOTE, TO_SUSPENSE, IMPORTED, FALLBACK, SCORED, FINAL, LINKED, PAYER_ANCHOR, PAYEE_ANCHOR = (1 << i for i in range(9))
CONTINUES, REVIEW = 512, 1024
ANSWER = 1

CODES = {
    "ok": 0,
    "deferred": 1,
    "moved": 2,
    "keys_full": 4,
    "holds_full": 5,
    "wallets_full": 6,
    "caller_holds_full": 7,
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
    "hold_not_open": 33,
    "hold_captured": 34,
    "hold_voided": 35,
    "hold_expired": 36,
    "hold_exceeded": 37,
    "not_a_hold": 38,
    "not_refundable": 39,
    "refund_exceeded": 40,
    "group_invalid": 41,
    "linked_refused": 42,
    "hold_in_review": 43,
    "not_in_review": 44,
    "review_approved": 45,
    "review_declined": 46,
    "review_expired": 47,
    "payer_closed": 100,
    "payer_frozen": 101,
    "payee_closed": 102,
    "declined": 110,
    "linked_in_review": 111,
    "daily_limit": 120,
    "funds": 121,
    "out_of_range": 122,
    "reviews_full": 123,
    "linked_declined": 130,
    "in_review": 200,
}
REFUSED = 20

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


class Hold:
    """A hold from its record on; `left` is what is neither captured nor released, and it is open until that is decided for all of it.
    While in `review` only an analyst decides; `kept`: until when it is held once it is approved, 0 = it is captured then."""

    def __init__(self, record: Row, address: int) -> None:
        self.address, self.amount, self.expiry = address, record["amount"], record["expiry"]
        self.payer, self.payee, self.caller = record["payer"], record["payee"], record["caller"]
        self.currency, self.label, self.effective = record["currency"], record["label"], record["effective_time"]
        self.review = int(record["flags"] & REVIEW != 0)
        seconds = record["payee_lag"] if self.review else 0
        self.kept = record["record_time"] + 1000 * seconds if seconds else 0
        self.taken = 0
        self.open = True

    @property
    def left(self) -> int:
        return self.amount - self.taken if self.open else 0


class Wallet:
    """A wallet and everything that ever happened to it. `received`: amount and effective time of every credit. `counted` and
    `given_back`: by effective time, what went to a day's limit and what was released on the same day."""

    def __init__(self, currency: int, kind: int, tier: int, floor: int, opened: int, pool: Pool) -> None:
        self.currency, self.kind, self.tier, self.floor, self.opened = currency, kind, tier, floor, opened
        self.status = OPEN
        self.received: list[tuple[int, int]] = []
        self.paid: list[int] = []
        self.counted: list[tuple[int, int]] = []
        self.given_back: list[tuple[int, int]] = []
        self.holds: list[Hold] = []
        self.chain: list[tuple[int, int]] = []
        self.payer_time = 0
        self.attempts = Attempts(pool)

    @property
    def is_user(self) -> bool:
        return self.kind in (USER, MERCHANT)

    @property
    def credits(self) -> int:
        return sum(amount for amount, _ in self.received)

    @property
    def debits(self) -> int:
        return sum(self.paid)

    @property
    def posted(self) -> int:
        return self.credits - self.debits

    @property
    def held(self) -> int:
        return sum(hold.left for hold in self.holds)

    @property
    def free(self) -> int:
        """What can be paid before the floor is reached."""
        return self.posted - self.held - self.floor

    def counted_on(self, day: int) -> int:
        """What a day's limit has seen."""
        counted = sum(amount for time, amount in self.counted if time // DAY == day)
        return counted - sum(amount for time, amount in self.given_back if time // DAY == day)

    def release(self, hold: Hold, amount: int, effective: int) -> None:
        """What a hold gives up goes back to the limit of the day on which it was counted, if that is still the day."""
        if self.is_user and amount and hold.effective // DAY == effective // DAY:
            self.given_back.append((effective, amount))

    def mark(self) -> list[int]:
        """How long every list is."""
        return [len(entries) for entries in self._lists()]

    def back_to(self, mark: list[int]) -> None:
        """Forget what came after a mark."""
        for entries, length in zip(self._lists(), mark, strict=True):
            del entries[length:]

    def _lists(self) -> list[list[Any]]:
        return [self.received, self.paid, self.counted, self.given_back, self.holds, self.chain]

    def append(self, address: int, effective: int) -> tuple[int, int, bool]:
        """A record joins the chain: the address before it, its lag, and whether it is an anchor."""
        before, time = self.chain[-1] if self.chain else (0, 0)
        behind, chain_time = lag(time, effective)
        self.chain.append((address, chain_time))
        return before, behind, len(self.chain) % STRIDE == 0

    def show_payer(self, record: Row, address: int) -> None:
        """The payer's part of a record that did something to it."""
        record["payer_posted"], record["payer_held"] = self.posted, self.held
        record["payer_prev"], record["payer_lag"], anchor = self.append(address, record["effective_time"])
        record["flags"] |= PAYER_ANCHOR if anchor else 0

    def show_payee(self, record: Row, address: int, time: int) -> None:
        """The payee's part."""
        record["payee_posted"] = self.posted
        record["payee_prev"], record["payee_lag"], anchor = self.append(address, time)
        record["flags"] |= PAYEE_ANCHOR if anchor else 0

    def row(self) -> Row:
        """What the ledger's row of this wallet must say."""
        day = self.counted[-1][0] // DAY if self.counted and self.is_user else 0
        head, chain_time = self.chain[-1] if self.chain else (0, 0)
        credited, credited_time = self.received[-1] if self.received else (0, 0)
        return {
            "credits": self.credits,
            "debits": self.debits,
            "held": self.held,
            "floor": self.floor,
            "head": head,
            "chain_time": chain_time,
            "currency": self.currency,
            "status": self.status,
            "kind": self.kind,
            "tier": self.tier,
            "score": 0,
            "day": day,
            "day_total": self.counted_on(day) if self.is_user else 0,
            "payer_time": self.payer_time,
            "opened": self.opened,
            "chained": len(self.chain),
            "credited": credited,
            "credited_time": credited_time,
        }


class Wallets(dict[int, Wallet]):
    """Wallets by address; those of suspense are there before anything happens to them, each at the number of its currency."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._pool = pool

    def __contains__(self, address: object) -> bool:
        return (isinstance(address, int) and 0 < address < 1024) or super().__contains__(address)

    def __missing__(self, address: int) -> Wallet:
        if address not in self:
            raise KeyError(address)
        wallet = self[address] = Wallet(address, SUSPENSE, 0, 0, 0, self._pool)
        return wallet

    def get(self, address: int, default: Wallet | None = None) -> Wallet | None:  # type: ignore[override]
        return self[address] if address in self else default
