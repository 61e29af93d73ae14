"""Whatever happens in whatever order, the ledger and the oracle agree on every field, and a replay of the journal is the ledger."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from actors.records.addresses import record_address
from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, FLAG_FINAL, FLAG_LINKED, REQUEST_ANSWER, Kind, WalletStatus
from rules.vocabulary.encodings import WalletKind
from tests.oracle.oracle_wallet import Row
from tests.unit.actors.ledger.both import DAY, EUR, START, USD, Both, new_row

pytestmark = pytest.mark.long

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


def mostly(common: st.SearchStrategy[Any], *others: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nine times out of ten the first; `one_of` takes what is named twice for one."""
    return st.integers(0, 9).flatmap(lambda number: common if number else st.one_of(*others))


transfers = st.fixed_dictionaries(
    {
        "what": st.sampled_from(["transfer", "transfer", "hold"]),
        "tame": st.sampled_from([True] * 4 + [False]),
        "seconds": st.sampled_from([1, 1, 2, 3, 60, 90_000, 365 * 86_400, 0, 365 * 86_400 + 1]),
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
modifications = st.fixed_dictionaries(
    {
        "what": st.sampled_from(["capture", "capture", "capture", "void", "approval"]),
        "answer": st.booleans(),
        "hold": st.integers(-3, 30),
        "amount": st.one_of(st.just(0), st.just(0), st.integers(1, 200), st.sampled_from([1, 5_000, AMOUNT_MAX, -1])),
        "final": st.booleans(),
        "at": st.one_of(st.just(0), st.just(0), st.just(0), st.integers(-DAY, 5)),
        "wrong": st.sampled_from([""] * 12 + ["payer", "payee", "currency", "after"]),
        "key": keys,
    }
)
refunds = st.fixed_dictionaries(
    {
        "what": st.just("refund"),
        "target": st.integers(0, 12),
        "amount": st.one_of(st.just(0), st.just(0), st.integers(1, 200), st.sampled_from([1, 5_000, AMOUNT_MAX, -1])),
        "at": st.one_of(st.just(0), st.just(0), st.just(0), st.integers(-DAY, 5)),
        "deferred": st.booleans(),
        "wrong": st.sampled_from([""] * 12 + ["payer", "payee", "currency", "after"]),
        "key": keys,
    }
)
members = mostly(transfers, changes, modifications)
groups = st.fixed_dictionaries(
    {
        "what": st.just("group"),
        "rows": st.lists(members, min_size=1, max_size=5),
        "payer": picks,
        "operators": st.lists(st.booleans(), min_size=5, max_size=5),
        "at": old_times,
        "shaped": st.sampled_from([True] * 5 + [False]),
        "loose": st.sampled_from([False] * 9 + [True]),
    }
)
specifications = st.one_of(
    transfers,
    st.one_of(modifications, refunds, groups),
    groups,
    mostly(transfers, changes, openings, oddities),
    mostly(modifications, changes, openings),
)
batches = st.lists(specifications, min_size=1, max_size=12)


class LedgerMachine(RuleBasedStateMachine):
    """Rows name wallets by number: those opened so far, those of other shards, and some that do not exist."""

    @initialize(scored=st.booleans())
    def begin(self, scored: bool) -> None:
        self.both = Both(scored=scored, reviews=scored)
        self.legs = 0
        self.remote: list[Row] = []
        rows = [self.opening(WalletKind.USER, 0, EUR, tier) for tier in (0, 1, 0, 2)]
        rows += [self.opening(WalletKind.EXTERNAL, 1024, EUR, 0), self.opening(WalletKind.LIQUIDITY, 1100, USD, 0)]
        self.both.batch(rows)
        users = [a for a in self.both.oracle.wallets if a >> 16]
        pay_in = {"amount": 5_000, "currency": EUR, "payer": 1024}
        self.both.batch([new_row(Kind.TRANSFER, payee=u, **pay_in, **self.both.fresh_key()) for u in users])
        self.both.learn(address=REMOTE[0], opened=START, currency=EUR, status=1, kind=1, tier=0)

    def opening(self, kind: int, place: int, currency: int, tier: int) -> Row:
        fields = {"kind": kind, "payee": place, "currency": currency, "tier": tier}
        return new_row(Kind.WALLET_OPENED, **fields, **self.both.fresh_key())

    def wallet(self, number: int) -> int:
        """Mostly wallets that exist."""
        here = list(self.both.oracle.wallets)
        if number < 150:
            return here[number % len(here)]
        return (REMOTE + NOWHERE)[number % (len(REMOTE) + len(NOWHERE))]

    def rows(self, specs: list[dict[str, Any]]) -> list[Row]:
        """A group takes several rows."""
        rows: list[Row] = []
        for spec in specs:
            rows += self.group(spec) if spec["what"] == "group" else [self.row(spec)]
        return rows

    def group(self, spec: dict[str, Any]) -> list[Row]:
        """Linked rows; when `shaped`, all of one payer or of operator wallets, and at one time."""
        rows = [self.row(member) for member in spec["rows"]]
        users = [a for a in self.both.oracle.wallets if a >> 16]
        for row, member, by_operator in zip(rows, spec["rows"], spec["operators"], strict=False):
            if spec["shaped"] and "tame" in member:
                row |= {"payer": 1024 if by_operator else users[spec["payer"] % 4], "caller": 1}
                row |= {"effective_time": self.time(spec["at"]), "currency": EUR}
                row |= self.tamed(row, member) if member["tame"] else {}
        for row in rows[: len(rows) if spec["loose"] else -1]:
            row["flags"] |= FLAG_LINKED
        return rows

    def row(self, spec: dict[str, Any]) -> Row:
        key = self.both.fresh_key() if spec["key"] is None else {"key_hi": 2**63 + spec["key"], "key_lo": 7}
        key["caller"] = 1 + (spec["key"] or 0) % 2
        if spec["what"] in ("transfer", "hold"):
            return self.transfer(spec, key)
        if spec["what"] in ("capture", "void", "approval"):
            return self.modification(spec, key)
        if spec["what"] == "refund":
            return self.refund(spec, key)
        if spec["what"] == "open":
            place = {"kind": spec["where"][0], "payee": spec["where"][1], "tier": spec["tier"]}
            money = {"currency": spec["currency"], "amount": spec["floor"], "effective_time": self.time(spec["at"])}
            return new_row(Kind.WALLET_OPENED, **{**place, **money, **key})
        if spec["what"] == "odd":
            return new_row(spec["op"], **key)
        op = Kind.WALLET_STATUS if spec["what"] == "status" else Kind.WALLET_TIER
        return new_row(op, payee=self.wallet(spec["wallet"]), kind=spec["status"], tier=spec["tier"], **key)

    def modification(self, spec: dict[str, Any], key: Row) -> Row:
        """Of one of the last holds, or of a record that this batch may make."""
        holds = list(self.both.oracle.holds.values())[-8:]
        if spec["hold"] < 0 or not holds:
            after = record_address(1, self.both.block, abs(spec["hold"]) - 1)
            parties = {"payer": self.wallet(0), "payee": self.wallet(1)}
        else:
            hold = holds[spec["hold"] % len(holds)]
            after, parties = hold.address, {"payer": hold.payer, "payee": hold.payee, "currency": hold.currency}
        answered = spec["answer"] and (not spec["final"] or self.both.scored)
        whole = answered or spec["what"] in ("void", "approval")
        amount = 0 if whole and spec["amount"] < 200 else spec["amount"]
        flags = FLAG_FINAL * spec["final"] | REQUEST_ANSWER * answered
        fields = {"amount": amount, "flags": flags, "effective_time": self.time(spec["at"])}
        row = new_row(Kind[spec["what"].upper()], after=after, **{**parties, **fields, **key})
        if spec["wrong"]:
            row[spec["wrong"]] = {"currency": USD, "after": 0}.get(spec["wrong"], REMOTE[1])
        return row

    def refund(self, spec: dict[str, Any], key: Row) -> Row:
        """Of a record that is known for it."""
        known = [o for o in self.both.oracle.originals.values() if o["kind"]] or [*self.both.oracle.originals.values()]
        original = known[spec["target"] % len(known)] if known else {"payer": 0, "payee": 1 << 16, "address": 1 << 8}
        parties = {"payer": original["payee"], "payee": original["payer"], "currency": original.get("currency") or EUR}
        fields = {"amount": spec["amount"], "effective_time": self.time(spec["at"])}
        fields["deferred_at"] = self.both.now if spec["deferred"] else 0
        row = new_row(Kind.REFUND, after=original["address"], **{**parties, **fields, **key})
        if spec["wrong"]:
            wrong = {"currency": USD, "after": [0, 2 << 52 | 9 << 8, -1][spec["target"] % 3]}
            row[spec["wrong"]] = wrong.get(spec["wrong"], (REMOTE + NOWHERE)[spec["target"]])
        return row

    def tamed(self, row: Row, spec: dict[str, Any]) -> Row:
        """Such that it mostly goes well: two wallets with euros and a small amount."""
        here = [a for a, wallet in self.both.oracle.wallets.items() if wallet.currency == EUR]
        users = [a for a in here if a >> 16]
        payer = row["payer"] if row["payer"] in here else users[spec["payer"] % len(users)]
        payees = [a for a in [*users, *users, REMOTE[0], *here] if a != payer]
        payee = payees[spec["further"] % len(payees)]
        amount = 1 + abs(row["amount"]) % (400 if spec["further"] % 8 else 9_000)
        return row | {"payer": payer, "payee": payee, "amount": amount, "currency": EUR, "after": 0}

    def time(self, at: int) -> int:
        return 0 if at == 0 else self.both.now + at

    def transfer(self, spec: dict[str, Any], key: Row) -> Row:
        plain = {name: spec[name] for name in ("amount", "label", "channel", "country", "device")}
        after = {0: 0, -1: -1}.get(spec["after"], (spec["after"] - 1) << 52 | 2 << 8 | 1)
        payer = self.wallet(spec["payer"])
        payee = self.wallet((spec["payer"] + 1 + spec["further"]) % 201)
        known = self.both.oracle.wallets.get(payer)
        currency = spec["currency"] or (known.currency if known else EUR)
        wallets = {"payer": payer, "payee": payee, "currency": currency}
        times = {"effective_time": self.time(spec["at"]), "deferred_at": self.both.now if spec["deferred"] else 0}
        hold = {"op": int(Kind.HOLD), "expires_in_s": spec["seconds"]} if spec["what"] == "hold" else {}
        row = new_row(Kind.TRANSFER, after=after, **{**plain, **wallets, **times, **key}) | hold
        return self.tamed(row, spec) if spec["tame"] else row

    @rule(specs=batches, fallback=st.booleans())
    def batch(self, specs: list[dict[str, Any]], fallback: bool) -> None:
        self.both.batch(self.rows(specs), fallback=fallback)

    @rule(specs=batches)
    def the_same_rows_twice(self, specs: list[dict[str, Any]]) -> None:
        rows = self.rows(specs)
        self.both.batch([dict(row) for row in rows])
        self.both.batch(rows)

    @rule(
        specs=batches,
        cut=st.integers(0, 12),
        turned=st.booleans(),
        together=st.booleans(),
        ms=st.sampled_from([0, DAY]),
    )
    def some_of_the_same_rows_again(
        self, specs: list[dict[str, Any]], cut: int, turned: bool, together: bool, ms: int
    ) -> None:
        rows = self.rows(specs)
        again = [dict(row) for row in rows[cut % len(rows) :]]
        if together:
            self.both.batch(rows + again)
            return
        self.both.batch(rows)
        self.both.advance(self.both.now + ms)
        self.both.batch(again[::-1] if turned else again)

    @rule(spec=transfers, members=st.lists(modifications, min_size=1, max_size=4))
    def all_at_one_hold(self, spec: dict[str, Any], members: list[dict[str, Any]]) -> None:
        users = [a for a, w in self.both.oracle.wallets.items() if w.is_user and w.currency == EUR]
        parties = {"payer": users[spec["payer"] % 4], "payee": [*users[:4], REMOTE[0], 1024][spec["further"] % 6]}
        row = self.row({**spec, "what": "hold", "after": 0, "at": 0, "key": None, "seconds": 1 + spec["seconds"] % 61})
        (held,) = self.both.batch([{**row, **parties, "currency": EUR, "amount": 1 + abs(spec["amount"]) % 300}])
        if held["address"] in self.both.oracle.holds:
            last = len(list(self.both.oracle.holds.values())[-8:]) - 1
            self.both.batch([self.row({**member, "hold": last, "wrong": ""}) for member in members])

    @rule(number=picks, members=st.lists(refunds, min_size=1, max_size=4), again=st.booleans())
    def all_at_one_refund(self, number: int, members: list[dict[str, Any]], again: bool) -> None:
        known = [int(a) for records, addresses in self.both.journal for a in addresses[records["payer_prev"] != 0]]
        if not known:
            return
        if again or self.both.originals_full:
            self.both.forget_originals()
        original = self.both.original(known[-1 - number % len(known)])
        self.both.know_original(original)
        kinds = [o for o in self.both.oracle.originals.values() if o["kind"]]
        last = len(kinds) - 1 if original["kind"] else number % 13
        rows = [self.row({**member, "target": last, "wrong": "", "at": 0}) for member in members]
        self.both.batch(rows + self.rows([{**members[0], "target": last}]))

    @rule(ms=st.sampled_from([0, 999, 1_000, 61_000, DAY]), first=st.integers(0, 2))
    def expire(self, ms: int, first: int) -> None:
        self.both.advance(self.both.now + ms)
        if first == 0 and self.both.oracle.due():
            hold = self.both.oracle.due()[0]
            parties = {"payer": hold.payer, "payee": hold.payee, "currency": hold.currency, "after": hold.address}
            (late,) = self.both.batch([new_row(Kind.CAPTURE, **parties, **self.both.fresh_key())])
            assert late["code"] == Code.HOLD_EXPIRED
        self.both.expire()

    @rule(number=st.integers(0, 60))
    def know_original(self, number: int) -> None:
        """One of the last records, whatever it is, or what another shard wrote."""
        known = [int(a) for _, addresses in self.both.journal[-20:] for a in addresses]
        here = known[-1 - number % len(known)]
        remote = self.remote[number % len(self.remote)] if self.remote and number % 3 == 0 else None
        if remote is None:
            self.both.know_original(self.both.original(here))
            return
        refunded = self.both.oracle.refunded(remote["address"])
        self.both.know_original({**remote, "refunded": refunded})

    @rule()
    def forget_originals(self) -> None:
        self.both.forget_originals()

    @rule(number=st.integers(0, 100), count=st.integers(5, 80), gap=st.integers(0, 60_000))
    def burst(self, number: int, count: int, gap: int) -> None:
        users = [a for a in self.both.oracle.wallets if a >> 16]
        payer = users[number % len(users)]
        for _ in range(0, count, 16):
            payees = [self.wallet((number + 1 + i // 3) % 201) for i in range(16)]
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
        self.legs += 1
        rows = [
            {
                "payer": REMOTE[0],
                "payee": self.wallet(number),
                "amount": amount,
                "currency": currency,
                "effective_time": max(1, self.both.now - ago) if ago else 0,  # 0: when it lands
                "reference": self.legs % 4 << 8 | self.legs << 16 | i,
            }
            for i, (number, amount, currency, ago) in enumerate(legs)
        ]
        self.both.apply_legs(rows)
        self.both.channel(0, self.legs << 8 | 3, False)
        for row in rows[:3]:
            original = {name: row[name] for name in ("payer", "payee", "amount", "currency")}
            self.remote.append({**original, "address": row["reference"], "kind": int(Kind.TRANSFER), "label": 3})

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
