"""Whatever happens in whatever order, the ledger and the oracle agree on every field, and a replay of the journal is the ledger."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from actors.ledger.layout import AMOUNT_MAX, Kind, WalletKind, WalletStatus
from tests.oracle.oracle_ledger import Row
from tests.unit.ledger.both import DAY, EUR, START, USD, Both, new_row

HOUR = 3_600_000
REMOTE = [(segment << 16) + slot for segment in (2, 4) for slot in (0, 7)]
NOWHERE = [0, 5, 1_500, (1 << 16) + 40_000, (9 << 16) + 1, -1, -(2**62), 2**62, (16 << 16), (3 << 16) + 9]

WRONG_PLACES = [(0, 0), (6, 0), (255, 0), (3, 1024), (3, 978), (1, 1030), (3, 65_536), (3, (2 << 16) + 1), (4, -5)]

amounts = st.one_of(
    st.integers(1, 300),
    st.integers(1, 6_000),
    st.integers(1, 3_000_000),
    st.sampled_from([1_000_000, 2_000_000]),
    st.sampled_from([AMOUNT_MAX, AMOUNT_MAX // 3, AMOUNT_MAX // 3 + 1, AMOUNT_MAX // 2, AMOUNT_MAX // 4]),
    st.sampled_from([1, 2, 3, 4, 5, 0, -1, AMOUNT_MAX + 1, 2**63 - 1, -(2**63)]),
)
currencies = st.sampled_from([EUR] * 7 + [USD])
old_times = st.one_of(st.just(0), st.just(0), st.just(0), st.integers(-3 * DAY, DAY), st.integers(-300 * DAY, 0))
picks = st.integers(0, 200)
keys = st.one_of(st.none(), st.none(), st.none(), st.integers(0, 15))

transfers = st.fixed_dictionaries(
    {
        "what": st.just("transfer"),
        "payer": picks,
        "further": picks,
        "amount": amounts,
        "currency": st.sampled_from([0] * 12 + [EUR, USD]),
        "at": old_times,
        "after": st.sampled_from([0] * 8 + [-1, 1, 2, 3]),
        "label": st.integers(0, 9),
        "channel": st.integers(0, 10),
        "country": st.sampled_from([0, 100]),
        "device": st.sampled_from([0, 2**32 - 1]),
        "deferred": st.booleans(),
        "key": keys,
    }
)
changes = st.fixed_dictionaries(
    {
        "what": st.sampled_from(["status", "status", "tier"]),
        "wallet": picks,
        "status": st.sampled_from([0, 1, 1, 2, 3, 3, 4, 255]),
        "tier": st.sampled_from([0, 1, 2, 255]),
        "key": keys,
    }
)
openings = st.fixed_dictionaries(
    {
        "what": st.just("open"),
        "where": st.sampled_from([(1, 0)] * 8 + [(2, 0)] * 3 + [(3, 1026), (4, 1027), (5, 65_535)] + WRONG_PLACES),
        "tier": st.sampled_from([0, 0, 1, 2, 255]),
        "currency": st.sampled_from([EUR] * 9 + [USD] * 3 + [0, 1024, 65_535]),
        "floor": st.sampled_from([0] * 4 + [-500, -(10**7), 100, -AMOUNT_MAX, AMOUNT_MAX + 1, -(2**63)]),
        "at": old_times,
        "key": keys,
    }
)
oddities = st.fixed_dictionaries(
    {"what": st.just("odd"), "op": st.sampled_from([0, 1, 5, 20, 21, 22, 255]), "key": keys}
)
batches = st.lists(st.one_of(transfers, transfers, transfers, changes, openings, oddities), min_size=1, max_size=12)


class LedgerMachine(RuleBasedStateMachine):
    """Rows name wallets by number: those opened so far, those of other shards, and some that do not exist."""

    @initialize(scored=st.booleans())
    def begin(self, scored: bool) -> None:
        self.both = Both(scored=scored)
        rows = [self.opening(WalletKind.USER, 0, EUR, tier) for tier in (0, 1, 0, 2)]
        rows += [self.opening(WalletKind.EXTERNAL, 1024, EUR, 0), self.opening(WalletKind.LIQUIDITY, 1100, USD, 0)]
        self.both.batch(rows)
        users = [a for a in self.both.oracle.wallets if a >> 16]
        pay_in = {"amount": 5_000, "currency": EUR, "payer": 1024}
        self.both.batch([new_row(Kind.TRANSFER, payee=u, **pay_in, **self.both.fresh_key()) for u in users])

    def opening(self, kind: int, place: int, currency: int, tier: int) -> Row:
        fields = {"kind": kind, "payee": place, "currency": currency, "tier": tier}
        return new_row(Kind.WALLET_OPENED, **fields, **self.both.fresh_key())

    def wallet(self, number: int) -> int:
        """Mostly wallets that exist."""
        here = list(self.both.oracle.wallets)
        if number < 150:
            return here[number % len(here)]
        return (REMOTE + NOWHERE)[number % (len(REMOTE) + len(NOWHERE))]

    def row(self, spec: dict[str, Any]) -> Row:
        key = self.both.fresh_key() if spec["key"] is None else {"key_hi": 2**63 + spec["key"], "key_lo": 7}
        caller = {"caller": 1 + (spec["key"] or 0) % 2}
        if spec["what"] == "transfer":
            return self.transfer(spec, key, caller)
        if spec["what"] == "open":
            place = {"kind": spec["where"][0], "payee": spec["where"][1], "tier": spec["tier"]}
            money = {"currency": spec["currency"], "amount": spec["floor"], "effective_time": self.time(spec["at"])}
            return new_row(Kind.WALLET_OPENED, **{**place, **money, **key, **caller})
        if spec["what"] == "odd":
            return new_row(spec["op"], **key, **caller)
        op = Kind.WALLET_STATUS if spec["what"] == "status" else Kind.WALLET_TIER
        return new_row(op, payee=self.wallet(spec["wallet"]), kind=spec["status"], tier=spec["tier"], **key, **caller)

    def time(self, at: int) -> int:
        return 0 if at == 0 else self.both.now + at

    def transfer(self, spec: dict[str, Any], key: Row, caller: Row) -> Row:
        plain = {name: spec[name] for name in ("amount", "label", "channel", "country", "device")}
        after = {0: 0, -1: -1}.get(spec["after"], (spec["after"] - 1) << 52 | 2 << 8 | 1)
        payer = self.wallet(spec["payer"])
        payee = self.wallet((spec["payer"] + 1 + spec["further"]) % 201)
        known = self.both.oracle.wallets.get(payer)
        currency = spec["currency"] or (known.currency if known else EUR)
        wallets = {"payer": payer, "payee": payee, "currency": currency}
        times = {"effective_time": self.time(spec["at"]), "deferred_at": self.both.now if spec["deferred"] else 0}
        return new_row(Kind.TRANSFER, after=after, **{**plain, **wallets, **times, **key, **caller})

    @rule(specs=batches, fallback=st.booleans())
    def batch(self, specs: list[dict[str, Any]], fallback: bool) -> None:
        self.both.batch([self.row(spec) for spec in specs], fallback=fallback)

    @rule(specs=batches)
    def the_same_rows_twice(self, specs: list[dict[str, Any]]) -> None:
        rows = [self.row(spec) for spec in specs]
        self.both.batch([dict(row) for row in rows])
        self.both.batch(rows)

    @rule(number=st.integers(0, 100), count=st.integers(5, 80), gap=st.integers(0, 60_000))
    def burst(self, number: int, count: int, gap: int) -> None:
        users = [a for a in self.both.oracle.wallets if a >> 16]
        payer = users[number % len(users)]
        for _ in range(0, count, 16):
            payees = [self.wallet(number + 1 + i // 3) for i in range(16)]
            money = {"payer": payer, "currency": self.both.oracle.wallets[payer].currency}
            rows = [{**money, "payee": payee, "amount": 1 + i} for i, payee in enumerate(payees)]
            self.both.batch([new_row(Kind.TRANSFER, **row, **self.both.fresh_key()) for row in rows])
            self.both.advance(self.both.now + gap)

    @rule(
        legs=st.lists(
            st.tuples(
                picks, st.one_of(st.integers(1, 500), st.just(AMOUNT_MAX)), currencies, st.integers(0, 400 * DAY)
            ),
            min_size=1,
            max_size=60,
        )
    )
    def legs_land(self, legs: list[tuple[int, int, int, int]]) -> None:
        self.both.land(
            [
                {
                    "payer": REMOTE[0],
                    "payee": self.wallet(number),
                    "amount": amount,
                    "currency": currency,
                    "effective_time": max(1, self.both.now - ago),
                    "reference": 1 << 8 | i,
                }
                for i, (number, amount, currency, ago) in enumerate(legs)
            ]
        )

    @rule(
        address=st.sampled_from(REMOTE),
        status=st.sampled_from(list(WalletStatus)),
        kind=st.sampled_from([1, 1, 2, 0]),
        tier=st.sampled_from([0, 3]),
    )
    def profile(self, address: int, status: int, kind: int, tier: int) -> None:
        currency = USD if address == REMOTE[-1] else EUR
        fields = {"opened": START - 40 * DAY, "currency": currency, "status": int(status), "kind": kind, "tier": tier}
        if kind == 0:
            fields = {"opened": self.both.now, "currency": 0, "status": 0, "kind": 0, "tier": 0}
        self.both.learn(address=address, **fields)

    @rule(
        ms=st.one_of(
            st.integers(0, 5_000), st.integers(0, 3 * HOUR), st.integers(0, 3 * DAY), st.sampled_from([DAY, -5])
        )
    )
    def clock(self, ms: int) -> None:
        self.both.advance(self.both.now + ms)

    @rule(shard=st.sampled_from([0, 2]), block=st.integers(0, 4), ended=st.booleans())
    def channel(self, shard: int, block: int, ended: bool) -> None:
        self.both.channel(shard, block, ended)

    @precondition(lambda self: self.both.oracle.open_segment == 1)
    @rule()
    def next_segment(self) -> None:
        self.both.use_segment(3)

    def teardown(self) -> None:
        if hasattr(self, "both"):
            self.both.check_all()
            self.both.check_snapshot()


TestLedger = LedgerMachine.TestCase
