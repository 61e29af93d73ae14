"""Holds of short life and what becomes of them, refunds of all that moved money: at the right time, too late, twice, too much."""

from typing import TYPE_CHECKING, Any, Final

from actors.records.codes import Code
from actors.records.layout import FLAG_FINAL, Kind, WalletStatus
from tests.sim.questions import Request
from tests.sim.scheduler import START_MS

if TYPE_CHECKING:
    from tests.sim.load import Load


EUR: Final = 978
LONG_LIVED_MAX: Final = 2
"""Holds in a seed that do not end by themselves: few, so that there is room for others."""


class Holds:
    """What a `Load` wants of holds and refunds."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._random = load.random
        self._scheduler = load.scheduler
        self._holds: list[Request] = []
        self._moved: list[Request] = []
        self._long_lived = 0
        self.actions = (
            (self._hold, 16),
            (self._change, 14),
            (self._change_at_expiry, 5),
            (self._change_twice, 4),
            (self._hold_and_change, 3),
            (self._hold_many, 2),
            (self._refund, 16),
            (self._refund_twice, 4),
            (self._refund_wrong, 3),
            (self._refund_in_turns, 3),
        )

    def done(self, request: Request) -> None:
        """A request was answered with OK."""
        op = request.body["op"]
        if op == Kind.HOLD:
            self._holds.append(request)
        if op == Kind.APPROVAL:
            assert request.source is not None
            self._holds.append(request.source)  # It is an ordinary hold now.
        if Kind.TRANSFER <= op <= Kind.REFUND:
            self._moved.append(request)
            self._moved = self._moved[-40:]

    # Holds.

    def _new_hold(self, **body: int) -> Request | None:
        pair = self._load.pair(self._load.rich())
        if pair is None:
            return None
        expires = self._random.choice((1, 1, 2, 2, 3, 6))
        if self._long_lived < LONG_LIVED_MAX and self._scheduler.chance(0.1):
            self._long_lived += 1
            expires = 3_600
        payee = pair[1].address
        if self._scheduler.chance(0.1):
            payee = 1026
        fields = {"op": int(Kind.HOLD), "expires_in_s": expires, **body}
        if self._scheduler.chance(0.15):
            fields["effective_time"] = self._scheduler.now - self._random.choice((0, 50, 6_000))
        return self._load.transfer(pair[0], payee, self._load.amount(), **fields)

    def _hold(self) -> None:
        wrong = {"expires_in_s": self._random.choice((0, 400 * 86_400))} if self._scheduler.chance(0.06) else {}
        rows = [self._new_hold(**wrong) for _ in range(self._random.choice((1, 1, 2)))]
        for row in rows:
            if row is not None:
                self._load.front_door.want([row])
        if self._scheduler.chance(0.2):
            self._operator_hold()

    def _hold_many(self) -> None:
        """More than there is room for, in one call; they come in as others expire."""
        payer = self._load.rich()
        if payer is not None:
            fields = {"op": int(Kind.HOLD), "payee": 1026 if payer.currency == EUR else 1027, "amount": 1}
            rows = [self._load.transfer(payer, expires_in_s=self._random.choice((1, 2)), **fields) for _ in range(10)]
            self._load.front_door.want(rows)

    def _operator_hold(self) -> None:
        wallet = self._load.wallet()
        if wallet is not None and wallet.currency == EUR:
            top = (2**53 - 1) // self._load.switch.shards
            amount = top if self._scheduler.chance(0.5) else self._load.amount()
            fields = {"op": int(Kind.HOLD), "payer": 1025, "payee": wallet.address, "expires_in_s": 3}
            self._load.front_door.want([self._load.request(wallet.shard, amount=amount, **fields)])

    def some_hold(self) -> Request | None:
        """Mostly one that is still open."""
        shards = self._load.switch.auditor.model.shards
        latest = self._holds[-20:]
        if self._scheduler.chance(0.8):
            latest = [h for h in latest if int(h.result["address"]) in shards[h.shard].holds] or latest
        return self._random.choice(latest) if latest else None

    def of(self, hold: Request, op: Kind, amount: int = 0, *, final: bool = True, **body: int) -> Request:
        """A request about a hold."""
        fields = {name: hold.body[name] for name in ("payer", "payee", "currency")}
        fields.update(op=int(op), amount=amount, after=int(hold.result["address"]), **body)
        request = self._load.request(hold.shard, **fields)
        request.flags = FLAG_FINAL if final and op == Kind.CAPTURE else 0
        request.source = hold
        return request

    def _any_change(self, hold: Request) -> Request:
        amount = hold.body["amount"]
        imported: Any = {}
        if self._scheduler.chance(0.15):
            effective = int(hold.result["effective_time"]) + self._random.choice((-5, 0, 20))
            imported = {"effective_time": min(effective, self._scheduler.now)}
        what = self._random.randrange(9)
        if what == 0:
            return self.of(hold, Kind.CAPTURE, final=True, **imported)
        if what in (1, 2, 3):
            part = self._random.choice((amount // 2, amount // 3, amount)) or 1
            return self.of(hold, Kind.CAPTURE, part, final=what == 1, **imported)
        if what == 4:
            return self.of(hold, Kind.CAPTURE, amount + 1, final=False)
        if what == 5:
            return self.of(hold, Kind.VOID, self._random.choice((0, 0, 1, -1)))
        if what == 6:
            other = self._random.choice(self._load.wallets).address
            return self.of(hold, self._random.choice((Kind.CAPTURE, Kind.VOID)), payee=other)
        return self.of(hold, Kind.VOID, **imported)

    def _change(self) -> None:
        hold = self.some_hold()
        if hold is not None:
            self._load.front_door.want([self._any_change(hold)])
        elif self._load.done:
            request = self._random.choice(self._load.done)
            if request.body["op"] == Kind.TRANSFER and request.result["code"] == Code.OK:
                self._load.front_door.want([self.of(request, Kind.VOID)])

    def _change_twice(self) -> None:
        """Two at once, or the very same row twice in one call."""
        hold = self.some_hold()
        if hold is not None:
            first, second = self._any_change(hold), self._any_change(hold)
            if self._scheduler.chance(0.4):
                second = first
            self._load.front_door.want([first, second])
            self._scheduler.count("hold changed twice in one call")

    def _change_at_expiry(self) -> None:
        hold = self.some_hold()
        if hold is None:
            return
        expiry = int(hold.result["record_time"]) + 1000 * hold.body["expires_in_s"]
        wait = expiry - self._scheduler.now + self._random.randint(-25, 10)
        if 0 <= wait < 10_000:
            self._scheduler.after(wait, self._now_if_wanted, hold)

    def _now_if_wanted(self, hold: Request) -> None:
        if self._load.left > 0:
            self._scheduler.count("hold changed as it expires")
            self._load.front_door.want([self._any_change(hold)])

    def _hold_and_change(self) -> None:
        """Freeze or close the payer, or close the payee, of an open hold."""
        hold = self.some_hold()
        if hold is None:
            return
        side, status = self._random.choice(
            (("payer", WalletStatus.FROZEN), ("payer", WalletStatus.CLOSED), ("payee", WalletStatus.CLOSED))
        )
        address = hold.body[side]
        if address >> 16:
            shard = self._load.switch.database.segments[address >> 16]
            change = self._load.request(shard, op=Kind.WALLET_STATUS, kind=status, payee=address)
            self._load.front_door.want([change])
            self._load.front_door.want([self._any_change(hold)])

    # Refunds.

    def _shard_of_refund(self, original: Request) -> int:
        payer, payee = original.body["payee"], original.body["payer"]
        user = payer if payer >> 16 else payee
        segments = self._load.switch.database.segments
        return segments[user >> 16] if user >> 16 else payer % self._load.switch.shards

    def _refund_of(self, original: Request, amount: int) -> Request:
        body, shard = original.body, self._shard_of_refund(original)
        payer, payee = body["payee"], body["payer"]
        fields: dict[str, Any] = {"payer": payer, "payee": payee, "currency": body["currency"], "amount": amount}
        request = self._load.request(shard, op=Kind.REFUND, after=int(original.result["address"]), **fields)
        request.source = original
        if self._scheduler.chance(0.05):
            request.body["effective_time"] = START_MS + self._random.randint(-10_000, 0)
        return request

    def _any_refund(self, original: Request) -> Request:
        amount = original.body["amount"]
        wanted = self._random.choice((0, 0, amount // 2, amount // 3, amount, amount + 1))
        return self._refund_of(original, wanted)

    def some_moved(self) -> Request | None:
        """Mostly what moved money, and mostly what was refunded before or will be again."""
        if not self._moved:
            return None
        if self._scheduler.chance(0.4):
            return self._moved[len(self._moved) // 2]
        return self._random.choice(self._moved)

    def _refund(self) -> None:
        original = self.some_moved()
        if original is not None:
            self._load.front_door.want([self._any_refund(original)])

    def _refund_twice(self) -> None:
        """Both in one call, or the same one twice, or one right after the other."""
        original = self.some_moved()
        if original is None:
            return
        first, second = self._any_refund(original), self._any_refund(original)
        if self._scheduler.chance(0.3):
            second = first
        if self._scheduler.chance(0.5):
            self._load.front_door.want([first, second])
        else:
            self._load.front_door.want([first])
            once_more = self._load.front_door.send_again if second is first else self._load.front_door.want
            self._scheduler.after(self._random.randint(0, 40), once_more, [second])

    def _refund_in_turns(self) -> None:
        """Most of two payments of one shard again and again, so that each is forgotten for the other while refunds are on their way."""
        moved = [r for r in self._moved[-12:] if r.body["op"] != Kind.REFUND]
        if not moved:
            return
        first, at = self._random.choice(moved), 0
        others = [r for r in moved if r is not first and self._shard_of_refund(r) == self._shard_of_refund(first)]
        if not others:
            return
        second = self._random.choice(others)
        for _ in range(4):
            for original in (first, second):
                amount = max(1, 2 * original.body["amount"] // 3)
                self._scheduler.after(at, self._load.front_door.want, [self._refund_of(original, amount)])
                at += self._scheduler.delay(1, 120)

    def _refund_wrong(self) -> None:
        original = self.some_moved()
        if original is None:
            return
        request = self._refund_of(original, self._random.choice((-1, 0, 5)))
        what = self._random.randrange(3)
        if what == 0:
            request.body["currency"] += 1
        elif what == 1 and self._load.done:
            other = self._random.choice(self._load.done)
            if other.shard == original.shard and Kind.TRANSFER <= other.body["op"] <= Kind.REFUND:
                request.body["after"] = int(other.result["address"])
        self._load.front_door.want([request])
