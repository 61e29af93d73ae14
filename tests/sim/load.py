"""What clients want of the switch in one seed: wallets opened, funded, paid from, frozen, closed, read; much of it wrong or at the edge."""

from typing import Any, Final, NamedTuple

from actors.records.addresses import wallet_address
from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, ATTEMPTS, Kind, WalletStatus
from rules.vocabulary.columns import WINDOWS_MS
from rules.vocabulary.encodings import WalletKind
from tests.sim.clients import FrontDoor, after_of
from tests.sim.load_credit import CreditLoad
from tests.sim.load_groups import Groups
from tests.sim.load_holds import Holds
from tests.sim.load_reviews import Reviews
from tests.sim.load_windows import LostAttempts
from tests.sim.model import DAY_MS
from tests.sim.questions import Request
from tests.sim.scheduler import START_MS
from tests.sim.switch import Switch

EUR, USD = 978, 840
EXTERNALS: Final = ((1024, EUR), (1025, EUR), (1026, EUR), (1027, USD))
"""Operator wallets by slot. Three of one currency, so that one user wallet can be driven out of range."""
OPERATORS: Final = (
    *((slot, currency, WalletKind.EXTERNAL) for slot, currency in EXTERNALS),
    (1030, EUR, WalletKind.LIQUIDITY),
    (1031, USD, WalletKind.LIQUIDITY),
    (1032, EUR, WalletKind.FEE),
)
CALLERS: Final = (7, 8)
HOT_SHARE: Final = 0.3
LOST_ATTEMPTS_EVERY: Final = 9
"""Of every so many seeds, one of those with crowded tables, payers lose attempts for want of memory."""


class Known(NamedTuple):
    """A wallet whose opening was answered."""

    address: int
    shard: int
    currency: int


class Load:
    """Makes `total` requests, then stops."""

    def __init__(self, switch: Switch, total: int) -> None:
        self.switch = switch
        self.scheduler = switch.scheduler
        self.random = switch.scheduler.random
        self.front_door = FrontDoor(switch, self._done)
        self.left = total
        self.wallets: list[Known] = []
        self.done: list[Request] = []
        self.holds = Holds(self)
        self.groups = Groups(self)
        self.reviews = Reviews(self)
        self.lost_attempts = LostAttempts(self)
        self.credit = CreditLoad(self)
        self._paid_early: dict[int, Known] = {}
        self._actions = (
            (self._open, 5),
            (self._fund, 14),
            (self._pay, 36),
            (self._pay_batch, 8),
            (self._pay_out, 4),
            (self._wrong, 8),
            (self._status, 8),
            (self._close_remote_payee, 6),
            (self._pay_too_early, 3),
            (self._import, 6),
            (self._import_an_edge, 3),
            (self._read, 8),
            (self._look, 8),
            (self._find, 3),
            (self._again, 6),
            (self._other_body, 5),
            (self._one_key_two_ways, 2),
            *self.holds.actions,
            *self.groups.actions,
            *self.reviews.actions,
        )

    def start(self) -> None:
        """Open the operator wallets' stripes and the first user wallets, then go on."""
        for shard in range(self.switch.shards):
            stripes = [
                self.request(shard, op=Kind.WALLET_OPENED, kind=kind, currency=currency, payee=slot)
                for slot, currency, kind in OPERATORS
            ]
            self.front_door.want(stripes)
            self.scheduler.after(30, self.open_on, shard, self.random.randint(3, 8))
        if self.scheduler.seed % LOST_ATTEMPTS_EVERY == LOST_ATTEMPTS_EVERY - 1:
            self.scheduler.after(20, self.lost_attempts.start)
        self.scheduler.after(60, self._act)
        self.credit.start()

    def begin_again(self) -> None:
        """As `FrontDoor.begin_again`."""
        self.front_door.begin_again()
        self.groups.begin_again()
        self.credit.begin_again()
        self.scheduler.after(60, self._act)

    def _act(self) -> None:
        actions, weights = zip(*self._actions, strict=True)
        self.random.choices(actions, weights)[0]()
        if self.left > 0:
            self.scheduler.after(self.random.choice((0, 1, 3, 10, 30, 120)), self._act)

    # Requests.

    def request(self, shard: int, **body: int) -> Request:
        """A request with a key of its own; what is not given is 0, or drawn."""
        self.left -= 1
        full = {
            "op": int(Kind.TRANSFER),
            "caller": self.random.choice(CALLERS),
            "currency": EUR,
            "payer": 0,
            "payee": 0,
            "amount": 0,
            "after": 0,
            "effective_time": 0,
            "kind": 0,
            "tier": 0,
            "label": 0,
            "channel": self.random.randint(0, 3),
            "country": 0,
            "device": 0,
            "expires_in_s": 0,
        }
        for name, value in body.items():
            full[name] = int(value)
        return Request(shard, self.random.getrandbits(128), self.random.getrandbits(62) + 1, full)

    def _opening(self, shard: int, currency: int, **body: int) -> Request:
        floor = self.random.choice((0, 0, 0, -5_000, 200))
        kind = self.random.choice((WalletKind.USER, WalletKind.MERCHANT))
        tier = self.random.choice((0, 0, 0, 1, 2))
        fields = {"kind": int(kind), "tier": tier, "amount": floor, "currency": currency, **body}
        return self.request(shard, op=Kind.WALLET_OPENED, **fields)

    def transfer(self, payer: Known, payee: int, amount: int, **body: int) -> Request:
        """A payment, or with `op` a hold."""
        fields = {"payer": payer.address, "payee": payee, "currency": payer.currency, "amount": amount, **body}
        return self.request(payer.shard, **fields)

    def wallet(self) -> Known | None:
        """A wallet, often the hot one."""
        if not self.wallets:
            return None
        if self.scheduler.chance(HOT_SHARE):
            return self.wallets[min(2, len(self.wallets) - 1)]
        return self.random.choice(self.wallets)

    def pair(self, payer: Known | None = None) -> tuple[Known, Known] | None:
        """Payer and payee, mostly of one currency and mostly on different shards."""
        payer, payee = payer or self.wallet(), self.wallet()
        if payer is None or payee is None:
            return None
        if self.scheduler.chance(0.8):
            fitting = [w for w in self.wallets if w.currency == payer.currency and w.shard != payer.shard]
            payee = self.random.choice(fitting) if fitting else payee
        return payer, payee

    def rich(self) -> Known | None:
        """A wallet that can pay something, if one is found soon."""
        for _ in range(8):
            known = self.wallet()
            wallet = known and self.switch.auditor.model.wallet(known.address, known.shard)
            if wallet and wallet.status == WalletStatus.OPEN and wallet.posted - wallet.held - wallet.floor > 5_000:
                return known
        return self.wallet()

    def amount(self) -> int:
        """An amount, mostly small."""
        return self.random.choice((1, 5, 100, 700, 2_500, 9_000, 40_000))

    # What is wanted.

    def _open(self) -> None:
        count = 70 if self.scheduler.chance(0.04) else self.random.randint(1, 5)
        self.open_on(self.random.randrange(self.switch.shards), count)

    def open_on(self, shard: int, count: int) -> None:
        """Open so many wallets of users there."""
        currency = EUR if self.scheduler.chance(0.85) else USD
        self.front_door.want([self._opening(shard, currency) for _ in range(count)])

    def _fund(self) -> None:
        wallet = self.wallet()
        if wallet is None:
            return
        slot = self.random.choice([slot for slot, currency in EXTERNALS if currency == wallet.currency])
        top = AMOUNT_MAX // self.switch.shards
        amount = self.random.choice((top, top - 3, 5)) if self.scheduler.chance(0.15) else 10 * self.amount()
        if amount % 7 == 0:  # no draw of its own, which would make every seed another story
            slot = wallet.currency  # its suspense wallet, on which nothing may ever have lain
        fields = {"payer": slot, "payee": wallet.address, "currency": wallet.currency, "amount": amount}
        self.front_door.want([self.request(wallet.shard, **fields)])

    def _pay(self) -> None:
        pair = self.pair()
        if pair is not None:
            amount = AMOUNT_MAX // self.switch.shards // 4 if self.scheduler.chance(0.05) else self.amount()
            self.front_door.want([self.transfer(pair[0], pair[1].address, amount)])

    def _pay_batch(self) -> None:
        payer = self.wallet()
        if payer is None:
            return
        count = 60 if self.scheduler.chance(0.05) else self.random.randint(2, 12)
        here = [w for w in self.wallets if w.shard == payer.shard]
        batch = [
            self.transfer(self.random.choice(here), self.random.choice(self.wallets).address, self.amount())
            for _ in range(count)
        ]
        if self.scheduler.chance(0.3):
            batch.append(batch[0])
        self.front_door.want(batch)

    def _pay_out(self) -> None:
        payer = self.wallet()
        if payer is not None:
            self.front_door.want([self.transfer(payer, self.random.choice(EXTERNALS)[0], self.amount())])
        shard = self.random.randrange(self.switch.shards)
        if self.scheduler.chance(0.3):
            home = 1024 % self.switch.shards
            self.front_door.want([self.request(home, payer=1024, payee=1025, amount=self.amount())])
        if self.scheduler.chance(0.2):
            self.front_door.read(shard, [EUR, USD, *(slot for slot, _ in EXTERNALS)])

    def _wrong(self) -> None:
        pair = self.pair()
        if pair is None:
            return
        payer, payee = pair
        segments = [s for s, _ in sorted(self.switch.database.segments.items())]
        if not segments:
            return  # a failover lost them all
        never_opened = wallet_address(self.random.choice(segments), 40_000 + self.random.randint(0, 5))
        what = self.random.randrange(7)
        if what == 0:
            request = self.transfer(payer, never_opened, 5)
        elif what == 1:
            request = self.transfer(payer, payer.address, 5)
        elif what == 2:
            request = self.transfer(payer, payee.address, 5, currency=USD if payer.currency == EUR else EUR)
        elif what == 3:
            request = self.transfer(payer, payee.address, 5, effective_time=START_MS + 10**10)
        elif what == 4:
            request = self.transfer(payer, payee.address, 10**12)
        elif what == 5:
            request = self.transfer(payer, payee.address, self.random.choice((0, -5, AMOUNT_MAX + 1)))
        else:
            owner = self.switch.database.segments[never_opened >> 16]
            request = self.transfer(Known(never_opened, owner, EUR), payee.address, 5)
        self.front_door.want([request])

    def _pay_too_early(self) -> None:
        """Pay a wallet of another shard that is opened only later, and once more then."""
        pair = self.pair()
        if pair is None or pair[0].shard == pair[1].shard:
            return
        payer, neighbour = pair
        next_slot = 1 + max(w.address for w in self.wallets if w.address >> 16 == neighbour.address >> 16)
        self._paid_early[next_slot] = payer
        self.front_door.want([self.transfer(payer, next_slot, 5)])
        opening = self._opening(neighbour.shard, payer.currency)
        self.scheduler.after(self.scheduler.delay(1, 1_500), self.front_door.want, [opening])

    def _status(self) -> None:
        wallet = self.wallet()
        if wallet is None:
            return
        statuses = (WalletStatus.FROZEN, WalletStatus.OPEN, WalletStatus.OPEN, WalletStatus.CLOSED)
        status = self.random.choice(statuses)
        if self.scheduler.chance(0.2):
            body = {"op": Kind.WALLET_TIER, "tier": self.random.choice((0, 1, 2)), "payee": wallet.address}
        else:
            body = {"op": Kind.WALLET_STATUS, "kind": status, "payee": wallet.address}
        self.front_door.want([self.request(wallet.shard, **body)])

    def _close_remote_payee(self) -> None:
        """Close an empty wallet and pay to it from elsewhere at the same time."""
        pair = self.pair()
        if pair is None or pair[0].shard == pair[1].shard:
            return
        payer, payee = pair
        first = self.transfer(payer, payee.address, 5)
        closing = self.request(payee.shard, op=Kind.WALLET_STATUS, kind=WalletStatus.CLOSED, payee=payee.address)
        self.front_door.want([first])
        self.front_door.want([closing])
        self.scheduler.after(1, self.front_door.want, [self.transfer(payer, payee.address, 7) for _ in range(3)])

    def _import(self) -> None:
        pair = self.pair()
        if pair is None:
            return
        days = self.random.choice((0, 0, 1, 40))
        time = START_MS - days * DAY_MS + self.random.randint(-10_000, 10_000)
        self.front_door.want([self.transfer(pair[0], pair[1].address, self.amount(), effective_time=time)])

    def _import_an_edge(self) -> None:
        """Two payments to one payee, and a third just as long after the first as a window is wide: the first lies before it."""
        pair = self.pair()
        payer = pair and self.switch.auditor.model.wallet(pair[0].address, pair[0].shard)
        if pair is None or payer is None:
            return
        width = self.random.choice(WINDOWS_MS[:2])
        first = max(payer.payer_time + 1, START_MS - 30 * DAY_MS)
        times = (first, first + 1, first + width)
        if times[-1] > START_MS:
            return
        rows = [self.transfer(pair[0], pair[1].address, 5, effective_time=time) for time in times]
        self.scheduler.count("imports to the edge of a window")
        self.front_door.want(rows[:2])
        self.scheduler.after(self.scheduler.delay(300, 900), self.front_door.want, rows[2:])

    def _read(self) -> None:
        wallet = self.wallet()
        if wallet is None:
            return
        here = [w.address for w in self.wallets if w.shard == wallet.shard]
        self.front_door.read(
            wallet.shard, [*self.random.sample(here, min(len(here), 5)), wallet_address(1, 40_000), EUR]
        )

    def _look(self) -> None:
        wallet = self.wallet()
        if wallet is not None:
            self.front_door.look(
                wallet.shard, [wallet.address, *(slot for slot, _ in EXTERNALS), wallet_address(1, 40_000)]
            )

    def _find(self) -> None:
        candidates = self.done[-20:] + list(self.front_door.unfinished.values())[-5:]
        if candidates:
            self.front_door.find(self.random.choice(candidates))

    def _again(self) -> None:
        """Send once more what was answered already."""
        if self.done:
            request = self.random.choice(self.done[-50:])
            same = [r for r in self.done if r.shard == request.shard]
            chosen = {r.unit[0].digest: r.unit for r in (request, *self.random.sample(same, min(2, len(same))))}
            self.front_door.send([row for unit in chosen.values() for row in unit])

    def _other_body(self) -> None:
        """Another amount or label under a key that is in use."""
        candidates = self.done[-20:] + list(self.front_door.unfinished.values())[-10:]
        candidates = [r for r in candidates if r.body["op"] in ATTEMPTS and len(r.unit) == 1]
        if not candidates:
            return
        first = self.random.choice(candidates)
        body = dict(first.body)
        body[self.random.choice(("amount", "label", "channel"))] += 1
        other = Request(first.shard, first.key, self.random.getrandbits(62) + 1, body)
        self.left -= 1
        self.front_door.want([other])

    def _one_key_two_ways(self) -> None:
        """One key for a payment and for a change of its payer, in one batch."""
        pair = self.pair()
        if pair is None:
            return
        payment = self.transfer(pair[0], pair[1].address, 5)
        change = self.request(payment.shard, op=Kind.WALLET_TIER, tier=1, payee=pair[0].address)
        change.key, change.body["caller"] = payment.key, payment.body["caller"]
        both = [payment, change]
        self.random.shuffle(both)
        self.front_door.want(both)

    # What became of it.

    def _done(self, request: Request) -> None:
        self.done.append(request)
        body, result = request.body, request.result
        if result["code"] == Code.IN_REVIEW:
            self.reviews.opened(request)
        if result["code"] != Code.OK:
            return
        if body["op"] == Kind.WALLET_OPENED and body["kind"] <= WalletKind.MERCHANT:
            self.wallets.append(Known(int(result["address"]), request.shard, body["currency"]))
            payer = self._paid_early.pop(int(result["address"]), None)
            if payer is not None and self.left > 0:
                self.front_door.want([self.transfer(payer, int(result["address"]), 5)])
        self.holds.done(request)
        if body["op"] == Kind.TRANSFER and self.left > 0 and self.scheduler.chance(0.3):
            self._spend_on(request)

    def _spend_on(self, request: Request) -> None:
        """Who was paid spends just that, naming the payment."""
        payee = next((w for w in self.wallets if w.address == request.body["payee"]), None)
        target: Any = self.wallet()
        if payee is not None and target is not None and target.address != payee.address:
            spend = self.transfer(payee, target.address, request.body["amount"], after=after_of(request))
            spend.source = request
            self.scheduler.count("spends that name a payment")
            self.front_door.want([spend])
