"""The ledger and the oracle side by side: every operation goes to both, and afterwards every field must be the same."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.ledger.admission import Admission, Channels
from actors.ledger.book import M_ORIGINALS, M_SEGMENTS, M_SEGMENTS_STAMP, caller_holds, original_row, profile_row
from actors.ledger.bounds import Capacity
from actors.ledger.holds import find_hold, holds_open
from actors.ledger.ledger import Admitted, Applied, Ledger, LedgerConfig
from actors.ledger.rebuilding import Rebuilder
from actors.ledger.table import KEYS_A_PARTITION, PARTITION_SLOTS, put, table_count
from actors.ledger.windows import window_columns
from actors.records.addresses import OPERATOR_SLOT_FIRST, record_address
from actors.records.layout import (
    AMOUNT_MAX,
    ATTEMPTS,
    BLOCK_RECORDS_MAX,
    FLAG_REMOTE,
    MOVEMENTS,
    ORIGINAL,
    PROFILE,
    RECORD,
    REQUEST,
    RESULT,
    WALLET,
    Kind,
    Records,
    Requests,
    WalletStatus,
)
from models.arrays import Rows
from rules.decisions.decision import Action, Decisions
from rules.decisions.pack import Decider
from rules.vocabulary.columns import COLUMN_COUNT, COLUMNS, INDEX, NULL
from tests.oracle import oracle_score
from tests.oracle.oracle_ledger import Oracle
from tests.oracle.oracle_wallet import Row
from tests.oracle.oracle_windows import Pool
from tests.small_pack import PACK

START = 1_700_000_000_000
DAY = 86_400_000
EUR, USD = 978, 840
SECRET = bytes(range(16))
SMALL = Capacity(
    segments=5,
    segment_map=16,
    keys=2_000,
    payers=200,
    attempts=6_000,
    profiles=100,
    holds=12,
    originals=8,
    caller_holds_percent=75,
)
LIMITS = {1: 10_000, 2: 2_000_000, 255: 0}
REVIEW_SECONDS = 7_200
REVIEWED_OF, REVIEWED = 4, 3
"""With `reviews`, an amount that leaves 3 when divided by 4 is reviewed, unless it is declined."""
DECIDER = Decider(PACK)

_PLAIN = tuple(name for name in REQUEST.names or () if name != "spare")
_ORIGINAL = tuple(name for name in ORIGINAL.names or () if name not in ("spare", "newest"))


def block_offsets(count: int) -> NDArray[np.int64]:
    """Where `count` records lie from slot 0 of a block on."""
    index = np.arange(count, dtype=np.int64)
    return (index // BLOCK_RECORDS_MAX << 8) + index % BLOCK_RECORDS_MAX


def new_row(op: int, **fields: int) -> Row:
    """A request row as a dict; what is not given is 0."""
    row: Row = dict.fromkeys(_PLAIN, 0)
    return {**row, "op": int(op), "currency": EUR, "caller": 1, **fields}


def crowd(ledger: Ledger, room: int) -> int:
    """Fill the keys of a ledger of the smallest capacity, so that each half of all keys has only so much room left. Gives how many."""
    count = KEYS_A_PARTITION - room
    for i in range(count):
        lo = (
            i * PARTITION_SLOTS // count
        )  # Spread evenly: in one long run of keys every search would walk through half of it.
        for hi in (0, 1 << 63):
            assert put(ledger.book.keys, np.uint64(hi), np.uint64(lo), np.int64(1))
    return 2 * count


_OF_PROFILES = tuple(name for name in PROFILE.names or () if name not in ("used", "batch"))


def array_of(rows: list[Row], dtype: np.dtype[Any]) -> Rows:
    """Dicts as a structured array."""
    array = np.zeros(len(rows), dtype)
    for i, row in enumerate(rows):
        for name, value in row.items():
            array[name][i] = value
    return array


def all_but(array: Rows, *names: str) -> bytes:
    """A structured array's bytes with nothing in some fields. NumPy copies fields one by one, which takes ten times as long as bytes."""
    kept = array.view(np.uint8).copy()
    for name in names:
        kept.view(array.dtype)[name] = 0
    return kept.tobytes()


def _bytes(array: Rows) -> NDArray[np.uint8]:
    """Where they are, not copied."""
    flat: NDArray[np.uint8] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat


def assert_same(array: Rows, expected: list[Row], what: str) -> None:
    """Every named field of every row, and nothing in the spare ones."""
    assert len(array) == len(expected), what
    for i, row in enumerate(expected):
        got = {name: int(array[name][i]) for name in row}
        assert got == row, f"{what} {i}: { ({k: (got[k], row[k]) for k in row if got[k] != row[k]}) }"


def named_columns(columns: NDArray[np.int64]) -> dict[str, int | None]:
    """One row of columns by name."""
    return {name: None if value == NULL else int(value) for name, value in zip(COLUMNS, columns, strict=True)}


def assert_same_columns(got: dict[str, int | None], expected: dict[str, int | None], memory: dict[str, int]) -> None:
    """Equal where nothing is saturated; else equal to what is remembered, and distinct payees at most the true number."""
    full = {**dict.fromkeys(COLUMNS), **expected}
    saturated = full["saturated"] or 0
    for i, window in enumerate(("1h", "24h", "7d")):
        if saturated >> i & 1:
            for what in ("count", "sum", "max"):
                full[f"{what}_{window}"] = memory[f"{what}_{window}"]
            seen = got[f"payees_{window}"]
            assert seen is not None and seen <= (full[f"payees_{window}"] or 0)
            full[f"payees_{window}"] = seen
    if saturated >> 2 & 1:
        full["payee_seen"] = memory["payee_seen"]
    assert got == full


class Both:
    """One shard, twice. `batch`, `apply_legs`, `learn`, `advance` and the others act on both and compare."""

    def __init__(
        self,
        *,
        scored: bool = True,
        capacity: Capacity = SMALL,
        limits: dict[int, int] = LIMITS,
        window_ms: int = DAY,
        reviews: bool = False,
    ) -> None:
        self.scored, self.capacity, self.reviews = scored, capacity, reviews
        self.config = LedgerConfig(
            shard=1,
            shards=3,
            secret=SECRET,
            windows=scored,
            daily_limits=limits,
            idempotency_window_ms=window_ms,
            review_expires_in_s=REVIEW_SECONDS,
        )
        self.ledger = Ledger(self.config, capacity)
        for array in (self.ledger.book.wallets, self.ledger.book.profiles):
            array["status"][-1] = WalletStatus.CLOSED  # whoever takes row -1, nobody's, for somebody's is refused
        self.ledger.book.wallets["credits"][-1] = AMOUNT_MAX
        self.oracle = Oracle(
            shard=1,
            shards=3,
            secret=SECRET,
            limits=limits,
            window_ms=window_ms,
            segments_max=capacity.segment_map,
            holds_max=capacity.holds,
            holds_of_one_max=caller_holds(capacity),
            originals_max=capacity.originals,
            review_ms=1_000 * REVIEW_SECONDS,
            pool=Pool(capacity.payers, capacity.attempts),
        )
        self.channels = Channels(np.zeros(3, np.int64), np.zeros(3, np.int64))
        self.block = 1
        self._strangers = 0
        self.keys_used = 0
        self.journal: list[tuple[Records, NDArray[np.int64]]] = []
        self.seen: list[int] = []
        self.features: list[NDArray[np.int64]] = []
        self.in_transit: dict[int, int] = {}
        self.advance(START)
        for segment, shard in ((1, 1), (2, 0), (3, 1), (4, 2)):
            self.ledger.book.owners[segment] = shard + 1
            self.oracle.owners[segment] = shard
        self.use_segment(1)

    @property
    def now(self) -> int:
        """Record time."""
        return self.oracle.now

    def advance(self, now: int) -> None:
        """The clock goes on."""
        assert self.ledger.advance(now) == max(now, self.oracle.now)
        self.oracle.advance(now)

    def use_segment(self, segment: int) -> None:
        """New wallets go there from now on."""
        assert self.ledger.use_segment(segment)
        self.oracle.use_segment(segment)

    def fresh_key(self) -> dict[str, int]:
        """Fields of a key that was never used."""
        self.keys_used += 1
        return {"key_hi": self.keys_used, "key_lo": 2**64 - self.keys_used}

    # Operations.

    def batch(self, rows: list[Row], *, fallback: bool = False) -> list[Row]:
        """A batch through all three steps. Gives per row {code, duplicate, address}."""
        array = array_of(rows, REQUEST)
        first = record_address(1, self.block, 0)
        admission = self.ledger.admit(array, self.channels, first - 1)
        self.oracle.head = first - 1
        expected = self.oracle.admit(rows)
        codes = [(row["op"], row["flags"], e["code"]) for row, e in zip(rows, expected, strict=True)]
        assert [(*row[:2], int(code)) for row, code in zip(codes, admission.code, strict=True)] == codes
        assert [int(key) for key in admission.duplicate] == [e["duplicate"] for e in expected]
        going_on = [i for i, e in enumerate(expected) if e["code"] == 0 and e["duplicate"] == 0]
        for i in going_on:
            if rows[i]["op"] in ATTEMPTS:
                known = profile_row(self.ledger.book, np.int64(rows[i]["payee"]))
                assert admission.profile[i] == (known if admission.payee_row[i] < 0 else -1)
        admitted = self.ledger.going_on(array, admission)
        assert admitted[0].tolist() == going_on
        picked = [rows[i] for i in going_on]
        decisions = self._decide(admitted, picked, fallback) if self.scored else None
        applied = self.ledger.apply(admitted, decisions, first)
        plain = None if decisions is None else [_plain(d) for d in decisions]
        records, results, sources = self.oracle.apply(picked, plain, first)
        self._compare(applied, records, results, sources)
        self._write(applied.records, first - 1)
        outcome = [{**e, "address": 0} for e in expected]
        for i, result in zip(going_on, results, strict=True):
            outcome[i] |= {"code": result["code"], "address": result["address"]}
        return outcome

    def admitted(self, row: Row) -> tuple[Requests, Admission, Admitted]:
        """One row past `admit` of the ledger alone; afterwards the two are no longer the same."""
        rows = array_of([row], REQUEST)
        admission = self.ledger.admit(rows, self.channels, 0)
        return rows, admission, self.ledger.going_on(rows, admission)

    def _decide(self, admitted: Admitted, picked: list[Row], fallback: bool) -> Decisions:
        columns = self.ledger.columns(admitted)
        self.features.append(columns[[row["op"] in ATTEMPTS for row in picked]].copy())
        decisions = DECIDER.fallback(len(picked)) if fallback else DECIDER.decide(columns)
        for i, expected in enumerate(self.oracle.columns(picked)):
            if expected is None:
                continue
            got = named_columns(columns[i])
            assert_same_columns(got, *expected)
            if not fallback:
                wanted = oracle_score.decide(got)
                reasons = {r for bit, r in enumerate(PACK.reasons) if int(decisions["reasons"][i]) >> bit & 1}
                got_decision = {"action": int(decisions["action"][i]), "points": int(decisions["points"][i])}
                assert {**got_decision, "reasons": reasons} == wanted
        if self.reviews:
            asked = (decisions["action"] == Action.APPROVE) & (admitted.rows["amount"] % REVIEWED_OF == REVIEWED)
            decisions["action"][asked] = Action.REVIEW
        return decisions

    def _compare(self, applied: Applied, records: list[Row], results: list[Row], sources: list[int]) -> None:
        assert_same(applied.records, records, "record")
        assert_same(applied.results, results, "result")
        assert not applied.results["spare"].any() and applied.results.dtype == RESULT
        assert applied.sources.tolist() == sources
        for record in records:
            if record["kind"] in MOVEMENTS and record["code"] == 0 and record["flags"] & FLAG_REMOTE:
                self._transit(record["currency"], record["amount"])

    def _transit(self, currency: int, amount: int) -> None:
        self.in_transit[currency] = self.in_transit.get(currency, 0) + amount

    def _write(self, records: Records, seen: int = 0) -> None:
        if len(records):
            addresses = record_address(1, self.block, 0) + block_offsets(len(records))
            self.journal.append((records.copy(), addresses))
            self.seen.append(seen)
            self.block += -(-len(records) // BLOCK_RECORDS_MAX)
        self.check()

    def apply_legs(self, legs: list[Row]) -> list[Row]:
        """Credits from other shards: payer, payee, amount, currency, effective_time, reference."""
        records = array_of(legs, RECORD)
        records["kind"] = Kind.LEG
        addresses = record_address(1, self.block, 0) + block_offsets(len(legs))
        self.ledger.apply_legs(records, addresses)
        expected = self.oracle.apply_legs(legs, addresses.tolist())
        assert_same(records, expected, "leg")
        for leg in legs:
            self._transit(leg["currency"], -leg["amount"])
        self._write(records)
        return expected

    def expire(self) -> list[Row]:
        """Holds whose time has come end, in the order of the ledger, which must be a legal one."""
        records = self.ledger.expire(record_address(1, self.block, 0))
        addresses = record_address(1, self.block, 0) + block_offsets(len(records))
        expected = self.oracle.expire(records["reference"].tolist(), addresses.tolist())
        assert_same(records, expected, "expiry")
        self._write(records)
        return expected

    def original(self, address: int) -> Row:
        """What the journal says of a record of this shard, refunds included; of what moved nothing, only that."""
        everything = np.concatenate([records for records, _ in self.journal])
        at = np.flatnonzero(np.concatenate([addresses for _, addresses in self.journal]) == address)
        record = everything[at[0]] if len(at) else np.zeros(1, RECORD)[0]
        if record["kind"] not in (Kind.TRANSFER, Kind.CAPTURE) or record["code"] != 0:
            return {**dict.fromkeys(_ORIGINAL, 0), "address": address, "amount": self.now}
        refunds = everything[(everything["kind"] == Kind.REFUND) & (everything["reference"] == address)]
        refunded = int(refunds["amount"][refunds["code"] == 0].sum())
        known = {name: int(record[name]) for name in ("payer", "payee", "amount", "currency", "kind", "label")}
        return {"address": address, "refunded": refunded, **known}

    def know_original(self, original: Row, durable: int = 1) -> None:
        """The journal says what a record was; all below the address `durable` is durable, by default no refund."""
        self._know(original, durable)
        self.check()

    def _know(self, original: Row, durable: int) -> None:
        """Which one makes room is the ledger's choice; it must be one whose refunds are all durable."""
        full = self.originals_full
        kept = self.ledger.know_original(array_of([original], ORIGINAL)[0], durable)
        gone = [a for a in self.oracle.originals if original_row(self.ledger.book, np.int64(a)) < 0]
        new = original["address"] not in self.oracle.originals
        assert len(gone) == (full and new and kept) and kept >= (not full)
        for address in gone:
            rows = self.ledger.book.originals
            assert not (rows["address"] == address).any()
            assert all(record < durable for record in self._refunds_of(address))
            del self.oracle.originals[address]
        self.oracle.know_original(original)

    def _refunds_of(self, address: int) -> list[int]:
        """Where those are that moved money: one that was declined changes nothing of what is left to refund."""
        return [
            int(a)
            for records, addresses in self.journal
            for a in addresses[
                (records["kind"] == Kind.REFUND) & (records["code"] == 0) & (records["reference"] == address)
            ]
        ]

    @property
    def originals_full(self) -> bool:
        """Whether a further refundable record must replace another."""
        return len(self.oracle.originals) >= self.capacity.originals

    def forget_originals(self) -> None:
        """The next refund reads the journal again: others have taken the place of all that was known."""
        known = set(self.oracle.originals)
        while known & self.oracle.originals.keys():
            self._strangers += 1
            stranger = dict.fromkeys(_ORIGINAL, 0) | {"address": 9 << 52 | self._strangers << 8, "amount": self.now}
            self._know(stranger, 2**62)
        self.check()

    def channel(self, shard: int, block: int, ended: bool) -> None:
        """A sender's journal was read up to a block; `ended`: to its end, and the list of segments too."""
        self.oracle.read[shard] = max(self.oracle.read[shard], block)
        self.channels.read[shard] = self.oracle.read[shard]
        if ended:
            self.oracle.asked[shard] = self.oracle.segments_asked = self.now
            self.channels.asked[shard] = self.ledger.book.meta[M_SEGMENTS_STAMP] = self.now

    def learn(self, **profile: int) -> None:
        """A remote wallet arrives: address, opened, currency, status, kind, tier."""
        record = np.zeros(1, RECORD)
        names = {
            "payee": "address",
            "effective_time": "opened",
            "currency": "currency",
            "channel": "status",
            "label": "kind",
            "decision": "tier",
        }
        for field, name in names.items():
            record[field] = profile[name]
        record["kind"], record["record_time"] = Kind.PROFILE, self.now
        self.ledger.learn(record[0])
        self.oracle.learn(profile)
        self._write(record)

    # Comparison.

    def check(self) -> None:
        """Every wallet, every remote wallet, and that all money adds up to zero."""
        assert_same_wallets(self.ledger, self.oracle)
        for address, profile in self.oracle.profiles.items():
            row = self.ledger.book.profiles[int(profile_row(self.ledger.book, address))]
            assert {name: int(row[name]) for name in profile} == profile
        assert_same_holds(self.ledger, self.oracle)
        self._check_originals()
        sums = self.oracle.posted_by_currency()
        for currency in sums.keys() | self.in_transit.keys():
            assert sums.get(currency, 0) + self.in_transit.get(currency, 0) == 0

    def _check_originals(self) -> None:
        book = self.ledger.book
        assert int(book.meta[M_ORIGINALS]) == len(self.oracle.originals)
        for address, original in self.oracle.originals.items():
            row = book.originals[int(original_row(book, np.int64(address)))]
            refunded = self.oracle.refunded(address)
            assert {name: int(row[name]) for name in original} == {**original, "refunded": refunded}
            assert original["kind"] == 0 or 0 <= refunded <= original["amount"]

    def check_all(self) -> None:
        """`check`, that there is nothing else in the arrays, all keys, and a replay of the journal into an empty ledger."""
        self.check()
        assert wallet_count(self.ledger) == known_wallets(self.oracle)
        for keys in (self.oracle.older_keys, self.oracle.keys):
            for (hi, lo), address in keys.items():
                assert self.ledger.key_address(hi, lo) == (self.oracle.keys.get((hi, lo)) or address)
        for records, _ in self.journal:
            for record in records:
                key = int(record["key_hi"]), int(record["key_lo"])
                if key not in self.oracle.keys and key not in self.oracle.older_keys:
                    assert self.ledger.key_address(*key) == 0
        self._check_windows(self.ledger)
        self.check_replay(len(self.journal))
        self.check_replay(1)
        self.check_rebuilding(1)
        self.check_rebuilding(len(self.journal))

    def check_rebuilding(self, steps: int) -> None:
        """The columns of every attempt, made again from the journal, so many batches at a time."""
        if not self.scored:
            return
        rebuilder, parts = Rebuilder(1, self.capacity), []
        for start in range(0, len(self.journal), steps):
            pieces = list(zip(self.journal[start : start + steps], self.seen[start : start + steps], strict=True))
            records, addresses = (np.concatenate([piece[i] for piece, _ in pieces]) for i in (0, 1))
            seen = np.concatenate([np.full(len(records), seen) for (records, _), seen in pieces])
            parts.append(rebuilder.feed(records, addresses, seen).columns.copy())
        parts.append(rebuilder.end().columns)
        rebuilt, features = np.concatenate(parts), np.concatenate([*self.features, parts[-1][:0]])
        assert rebuilt.tobytes() == features.tobytes()

    def check_snapshot(self) -> None:
        """A snapshot fills an empty ledger with the same bytes."""
        kept = self.ledger.snapshot()
        fresh = Ledger(self.config, self.capacity)
        fresh.restore(kept, self.ledger.keys_since_ms)
        arrays, again = kept.arrays, fresh.snapshot().arrays
        assert arrays.keys() == again.keys()
        for name, array in arrays.items():
            assert array.dtype == again[name].dtype and np.array_equal(_bytes(array), _bytes(again[name])), name
        assert_same_wallets(fresh, self.oracle)
        assert_same_holds(fresh, self.oracle)
        assert int(fresh.book.meta[M_ORIGINALS]) == 0
        self._check_fresh_keys(fresh)
        self._check_expiry_to_come(fresh)

    def _check_expiry_to_come(self, fresh: Ledger) -> None:
        """A ledger that was filled with what was kept ends every open hold at its time; afterwards it is used up."""
        waiting = sorted((hold.expiry, hold.address) for hold in self.oracle.open_holds)
        for expiry in sorted({max(time, self.now) for time, _ in waiting}):
            if expiry > fresh.record_time:
                fresh.advance(expiry - 1)
                assert not len(fresh.expire(record_address(1, self.block, 0)))
                fresh.advance(expiry)
            ended = fresh.expire(record_address(1, self.block, 0))["reference"].tolist()
            due = [address for time, address in waiting if time <= expiry]
            times = dict((address, time) for time, address in waiting)
            assert sorted(ended) == sorted(due) and [times[a] for a in ended] == sorted(times[a] for a in due)
            waiting = waiting[len(due) :]
        assert holds_open(fresh.book.holds) == 0
        assert all(int(row["held"]) == 0 for row in fresh.wallets(np.array(list(self.oracle.wallets), np.int64)))

    def check_replay(self, steps: int) -> None:
        """Replay the journal, so many batches at a time, into an empty ledger; it must be this one."""
        fresh = Ledger(self.config, self.capacity)
        for start in range(0, len(self.journal), steps):
            parts = self.journal[start : start + steps]
            records = np.concatenate([records for records, _ in parts])
            before = records.copy()
            addresses = np.concatenate([addresses for _, addresses in parts])
            assert fresh.replay(records, addresses) == len(records)
            assert (records == before).all(), "a replay finds what was recorded"
            if steps == len(self.journal):
                keyed = records[(records["kind"] < Kind.LEG) & (records["kind"] != Kind.EXPIRY)]
                assert table_count(fresh.book.keys) == len(np.unique(keyed[["key_hi", "key_lo"]]))
        fresh.advance(self.now)
        assert_same_wallets(fresh, self.oracle)
        assert_same_holds(fresh, self.oracle)
        assert wallet_count(fresh) == known_wallets(self.oracle)
        if self.scored:
            self._check_windows(fresh)
        self._check_fresh_keys(fresh)
        for address in self.oracle.profiles:
            rows = [ledger.book.profiles[int(profile_row(ledger.book, address))] for ledger in (self.ledger, fresh)]
            assert all(rows[0][name] == rows[1][name] for name in _OF_PROFILES)
        self._check_expiry_to_come(fresh)

    def _check_fresh_keys(self, fresh: Ledger) -> None:
        for records, addresses in self.journal:
            for record, address in zip(records, addresses, strict=True):
                young = self.now - int(record["record_time"]) < self.config.idempotency_window_ms
                if record["kind"] < Kind.LEG and record["kind"] != Kind.EXPIRY and young:
                    key = int(record["key_hi"]), int(record["key_lo"])
                    assert fresh.key_address(*key) == self.ledger.key_address(*key) == address

    def _check_windows(self, ledger: Ledger) -> None:
        out = np.zeros(COLUMN_COUNT, np.int64)
        for address, wallet in self.oracle.wallets.items():
            if not wallet.is_user:
                continue
            row = ledger.wallet(address)
            assert row is not None
            payees = {a[2] for a in wallet.attempts.all[-3:]} | {1}
            for time in {max(wallet.payer_time, 1), self.now, self.now + DAY}:
                for payee in payees:
                    window_columns(ledger.book, row[0], time, payee, out)
                    expected = wallet.attempts.columns(time, payee)
                    got: dict[str, int | None] = {name: int(out[INDEX[name]]) for name in expected}
                    memory = wallet.attempts.remembered_columns(time, payee)
                    assert_same_columns({**dict.fromkeys(COLUMNS), **got}, dict(expected), memory)


def _plain(decision: np.void) -> Row:
    return {name: int(decision[name]) for name in ("action", "flags", "points", "reasons", "pack")}


def assert_same_wallets(ledger: Ledger, oracle: Oracle) -> None:
    """Every field of every wallet row."""
    addresses = list(oracle.wallets)
    rows = ledger.wallets(np.array(addresses, np.int64))
    assert_same(rows, [oracle.wallets[a].row() for a in addresses], "wallet")
    assert not rows["spare"].any() and not rows["spare2"].any() and rows.dtype == WALLET
    has_ring = [wallet.attempts.size > 0 for wallet in oracle.wallets.values()]
    if ledger.config.windows:
        assert (rows["ring"] > 0).tolist() == has_ring


def assert_same_holds(ledger: Ledger, oracle: Oracle) -> None:
    """Every open hold, found by its address, and no other."""
    holds = ledger.book.holds
    assert holds_open(holds) == len(oracle.open_holds) == np.count_nonzero(holds.rows["address"])
    names = {"address": "address", "payer": "payer", "payee": "payee", "left": "left", "expiry": "expiry"}
    names |= {"effective_time": "effective", "currency": "currency", "label": "label", "review": "review"}
    for hold in oracle.holds.values():
        row = int(find_hold(holds, np.int64(hold.address)))
        assert (row >= 0) == hold.open
        if hold.open:
            assert {name: int(holds.rows[row][name]) for name in names} == {
                name: getattr(hold, attribute) for name, attribute in names.items()
            }
            assert not hold.review or int(holds.kept[row]) == hold.kept


def known_wallets(oracle: Oracle) -> int:
    """All that were opened, and the suspense wallets, which are built in."""
    return OPERATOR_SLOT_FIRST - 1 + sum(address >= OPERATOR_SLOT_FIRST for address in oracle.wallets)


def wallet_count(ledger: Ledger) -> int:
    """Rows that are wallets, in all segments in use."""
    used = int(ledger.book.meta[M_SEGMENTS]) << 16
    return int(np.count_nonzero(ledger.book.wallets["currency"][:used]))
