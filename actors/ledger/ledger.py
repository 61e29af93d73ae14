"""One shard's ledger: a batch and a time go in, results and records come out.

Deterministic, synchronous, no I/O.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.ledger.admission import Admission, Channels, admit, find_key, new_admission
from actors.ledger.apply import apply
from actors.ledger.arrays import Arrays, InMemorySnapshot, Snapshot
from actors.ledger.book import (
    M_ATTEMPTS,
    M_ATTEMPTS_FREE,
    M_OPEN_SEGMENT,
    M_OPEN_SLOT,
    M_ORIGINALS,
    M_PROFILES,
    M_PROFILES_GIVEN_UP,
    M_RECORD_TIME,
    M_RINGS,
    M_RINGS_FREE,
    M_SEGMENTS,
    M_SEGMENTS_END,
    Book,
    local_row,
    new_book,
    store_original,
)
from actors.ledger.bounds import IDEMPOTENCY_WINDOW_MS, REVIEW_SECONDS, Capacity
from actors.ledger.captures_refunds import expire
from actors.ledger.credit import CreditBook
from actors.ledger.features import feature_columns
from actors.ledger.holds import due_hold, holds_open
from actors.ledger.posting import LIVE, REPLAYED, effect_leg, effect_profile, leg_target
from actors.ledger.replay import replay
from actors.ledger.snapshot import filled, in_use
from actors.ledger.table import Table, new_table, put, reserve, table_count, with_room
from actors.records.addresses import SEGMENT_SLOTS
from actors.records.layout import (
    AMOUNT_MAX,
    FLAG_SUSPENSE,
    PROFILE,
    RECORD,
    RESULT,
    WALLET,
    Records,
    Requests,
    Results,
    WalletRows,
    zeroed,
)
from actors.records.secret import Secret
from models.held import Held
from models.jit import kernel, read_only
from rules.decisions.decision import DECISION, Decisions
from rules.vocabulary.columns import COLUMN_COUNT

TIERS_MAX: Final = 256
NO_LIMIT: Final = 2**62
EXPIRE_MAX: Final = 8_192
"""Holds that expire in one step; those that are due beyond it expire in the next, and are dead meanwhile."""


_NEEDED: Final = {name: name for name in ("holds", "consents", "orders", "cases")} | {
    "wallets": "segments",
    "segment_map": "segment_map",
}
"""Tables without whose rows a journal cannot be replayed, with their settings; of the others a row makes room for another."""


class LedgerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What must agree on every shard. `daily_limits` by tier, minor units; a tier not named has none."""

    shard: int
    shards: int
    secret: bytes
    windows: bool = True
    daily_limits: dict[int, int] = {}
    idempotency_window_ms: int = IDEMPOTENCY_WINDOW_MS
    review_expires_in_s: int = REVIEW_SECONDS


class Admitted(NamedTuple):
    """The rows of a batch that go on: `places` in the batch, the rows themselves, and where their wallets lie; how many are attempts to
    pay, and at most how many are linked in one group."""

    places: NDArray[np.int64]
    rows: Requests
    payer_row: NDArray[np.int64]
    payee_row: NDArray[np.int64]
    profile: NDArray[np.int64]
    attempts: int
    longest: int


class Applied(NamedTuple):
    """Records made of admitted rows, a result per admitted row, and per record the admitted row it comes from. A result whose address
    is negative repeats the record at -address: there are `repeated` of them, and `deferred` that were not tried."""

    records: Records
    results: Results
    sources: NDArray[np.int64]
    repeated: int
    deferred: int


class Ledger:
    """The state machine over a `Book`."""

    def __init__(self, config: LedgerConfig, capacity: Capacity) -> None:
        self.config = config
        self.capacity = capacity
        self.book = new_book(capacity)
        self.secret = Secret.of(config.secret)
        self.credit = CreditBook(capacity, self.secret)
        self.limits = np.full(TIERS_MAX, NO_LIMIT, np.int64)
        for tier, amount in config.daily_limits.items():
            self.limits[tier] = amount
        self.stripe_max = AMOUNT_MAX // config.shards
        self.keys_since_ms = 0
        self._scratch = np.zeros(1, PROFILE)

    @property
    def book(self) -> Book:
        """All its arrays; kernels that payments wait for take them as they are held."""
        return self._book

    @book.setter
    def book(self, book: Book) -> None:
        self._book = book
        self._held = Held(book)

    @property
    def record_time(self) -> int:
        """Record time of the newest record, milliseconds."""
        return int(self._book.meta[M_RECORD_TIME])

    def advance(self, now_ms: int) -> int:
        """The record time for what happens now: the clock, but never back."""
        now = self.record_time
        if now_ms > now:
            self._book.meta[M_RECORD_TIME] = now = now_ms
        if now - self.keys_since_ms >= self.config.idempotency_window_ms:
            self._rotate_keys(now - self.keys_since_ms)
        return now

    def _rotate_keys(self, age: int) -> None:
        """Drop the older generation of keys: all of it is older than the window."""
        older = self.book.keys if age < 2 * self.config.idempotency_window_ms else self._new_keys()
        self.book = self.book._replace(keys=self._new_keys(), older_keys=older)
        self.keys_since_ms = self.record_time

    def _new_keys(self) -> Table:
        return new_table(self.capacity.keys)

    def admit(
        self, rows: Requests, channels: Channels, head: int, behind: NDArray[np.int64] | None = None
    ) -> Admission:
        """Sort out a batch at the current record time; `rows` (n,) of REQUEST are completed in place. `behind`: that of the `Admission`,
        as it is before the first row."""
        admission = new_admission(len(rows))
        if behind is not None:
            admission.behind[:] = behind
        admit(self._held, channels, self.secret, self.config.shard, head, self.record_time, rows, admission)
        return admission

    @staticmethod
    def going_on(rows: Requests, admission: Admission) -> Admitted:
        """The rows that `admit` let through."""
        going_on, attempts, _, _, longest = admission.tally.tolist()
        where = admission.payer_row, admission.payee_row, admission.profile
        if going_on == len(rows):
            return Admitted(np.arange(going_on), rows, *where, attempts, longest)
        index = np.flatnonzero((admission.code == 0) & (admission.duplicate == 0))
        payer, payee, profile = (each[index] for each in where)
        return Admitted(index, rows[index], payer, payee, profile, attempts, longest)

    def columns(self, admitted: Admitted) -> NDArray[np.int64]:
        """Feature columns (n, COLUMN_COUNT); remembers the attempts."""
        columns = np.zeros((len(admitted.rows), COLUMN_COUNT), np.int64)
        feature_columns(self._held, admitted.rows, admitted.payer_row, admitted.payee_row, admitted.profile, columns)
        return columns

    def apply(self, admitted: Admitted, decisions: Decisions | None, first: int) -> Applied:
        """Make records, the first at address `first` (slot 0 of a block). `decisions` None: the switch runs unscored."""
        count = len(admitted.rows)
        records = zeroed(count + 1, RECORD)
        results = zeroed(count, RESULT)
        sources = np.empty(count, np.int64)
        undo = zeroed(2 * admitted.longest, WALLET)
        made, repeated, deferred = apply(
            self._held,
            admitted.rows,
            admitted.payer_row,
            admitted.payee_row,
            admitted.profile,
            read_only(zeroed(count, DECISION) if decisions is None else decisions),
            decisions is not None,
            self.record_time,
            first,
            self.limits,
            self.stripe_max,
            self.config.review_expires_in_s * 1_000,
            self.credit.rows["open"],
            records,
            results,
            sources,
            undo,
        )
        return Applied(records[:made], results, sources[:made], repeated, deferred)

    def expire(self, first: int) -> Records:
        """EXPIRY records (n,), n <= EXPIRE_MAX, of the holds whose time has come, the first at address `first`. Not while a batch is
        between its admission and its records."""
        if not _hold_is_due(self._held, self.record_time):
            return np.zeros(0, RECORD)
        records = np.zeros(min(holds_open(self.book.holds), EXPIRE_MAX), RECORD)
        return records[: int(expire(self.book, self.record_time, first, records))]

    def know_original(self, original: np.void, durable: int) -> bool:
        """Keep what the journal says of a record (scalar of ORIGINAL) of which a refund was asked. `durable`: address below which all
        records are. False when the table is full of originals with refunds beyond it."""
        return bool(store_original(self.book, original, durable))

    def apply_legs(self, records: Records, addresses: NDArray[np.int64]) -> None:
        """Apply LEG records (n,) that are filled but for what the wallets say; those that cannot land go to suspense."""
        _apply_legs(self.book, records, addresses, self.record_time, self.stripe_max)

    def learn(self, record: np.void) -> bool:
        """Apply one PROFILE record. False when the table is full of profiles that the batch under way needs."""
        return bool(effect_profile(self.book, record, self._scratch))

    def replay(self, records: Records, addresses: NDArray[np.int64]) -> int:
        """Apply recorded effects. Gives the index of the first record that contradicts the ones before, else len(records)."""
        if len(records):
            self.advance(int(records["record_time"][-1]))
            self.book = self.book._replace(keys=with_room(self.book.keys, len(records)))
        good = int(replay(self.book, records, addresses, self.config.windows, REPLAYED, self._scratch))
        return self.credit.replay(self.book, records[:good], addresses[:good])

    def fills(self) -> dict[str, tuple[int, int]]:
        """Of each table the rows in use and how many there may be; wallets go by segments, the map of those by the last, keys are
        those of this generation."""
        meta, capacity = self.book.meta, self.capacity
        owned = np.flatnonzero(self.book.owners)
        last = capacity.segment_map - 1 if meta[M_SEGMENTS_END] else int(owned[-1]) if len(owned) else -1
        return {
            "segment_map": (last + 1, capacity.segment_map),
            "wallets": (int(meta[M_SEGMENTS]) * SEGMENT_SLOTS, capacity.segments * SEGMENT_SLOTS),
            "keys": (table_count(self.book.keys), capacity.keys),
            "holds": (holds_open(self.book.holds), capacity.holds),
            "payers": (int(meta[M_RINGS] - meta[M_RINGS_FREE]), capacity.payers),
            "attempts": (int(meta[M_ATTEMPTS] - meta[M_ATTEMPTS_FREE]), capacity.attempts),
            "profiles": (int(meta[M_PROFILES]), capacity.profiles),
            "originals": (int(meta[M_ORIGINALS]), capacity.originals),
            **self.credit.fills(),
        }

    def why_not(self, address: int) -> str:
        """Why the record at an address could not be replayed: a table that had more room when it was made, or what came before it."""
        full = [name for name, (used, room) in self.fills().items() if name in _NEEDED and used >= room]
        if full:
            setting = f"capacity.{_NEEDED[full[0]]}"
            return f"record {address} does not fit: the table of {full[0]} is full; raise `{setting}` to what it was when it was made"
        return f"record {address} contradicts the ones before it"

    @property
    def gave_up_profiles(self) -> bool:
        """Whether the journal may have profiles that are not known any more."""
        return bool(self.book.meta[M_PROFILES_GIVEN_UP])

    def snapshot(self, keep: Callable[[Arrays], Any] = InMemorySnapshot) -> Any:
        """All that replay would rebuild, as `keep` keeps it: by default a `InMemorySnapshot`."""
        return keep(in_use(self.book, self.credit))

    def restore(self, snapshot: Snapshot, keys_since_ms: int) -> None:
        """Become, from new, what a snapshot holds. Raises ValueError when it does not fit, and what its `fill` raises; nothing is changed
        then."""
        empty, credit = new_book(self.capacity), CreditBook(self.capacity, self.secret)
        self.book = filled(empty._replace(owners=self.book.owners), credit, snapshot)
        self.credit = credit
        self.keys_since_ms = keys_since_ms

    def wallet(self, address: int) -> WalletRows | None:
        """A copy of a local wallet's row as an array (1,) of WALLET, or None."""
        row = int(local_row(self.book, address))
        return None if row < 0 else self.book.wallets[row : row + 1].copy()

    def wallets(self, addresses: NDArray[np.int64]) -> WalletRows:
        """Copies (n,) of local wallet rows; currency 0 where there is none."""
        rows = np.zeros(len(addresses), WALLET)
        for i, address in enumerate(addresses):
            row = int(local_row(self.book, int(address)))
            if row >= 0:
                rows[i] = self.book.wallets[row]
        return rows

    def has_key_room(self, hi: int) -> bool:
        """Whether a further bound key that begins so fits."""
        return bool(reserve(self.book.keys, np.uint64(hi)))

    def remember_key(self, hi: int, lo: int, address: int) -> bool:
        """Keep a bound key of a credit record. False when the table is full."""
        return bool(put(self.book.keys, np.uint64(hi), np.uint64(lo), address))

    def room(self) -> int:
        """How many user wallets can still be opened in the segment in use."""
        if self.book.meta[M_OPEN_SEGMENT] == 0:
            return 0
        return SEGMENT_SLOTS - int(self.book.meta[M_OPEN_SLOT])

    def use_segment(self, segment: int) -> bool:
        """Open new wallets in this segment, new here, from now on. False when the shard has no memory for another."""
        assert self.book.segments[segment] == 0, "slots are never used again"
        if (int(self.book.meta[M_SEGMENTS]) + 1) * SEGMENT_SLOTS > len(self.book.wallets):
            return False
        self.book.meta[M_SEGMENTS] += 1
        self.book.segments[segment] = self.book.meta[M_SEGMENTS]
        self.book.meta[M_OPEN_SEGMENT] = segment
        self.book.meta[M_OPEN_SLOT] = 0
        return True

    def end_segments(self, ended: bool) -> None:
        """Whether no number is left for a further segment."""
        self.book.meta[M_SEGMENTS_END] = ended

    def close_segment(self) -> None:
        """Open no further wallets in the segment in use."""
        self.book.meta[M_OPEN_SLOT] = SEGMENT_SLOTS

    def key_address(self, hi: int, lo: int) -> int:
        """Address of the record made under a bound key, 0 if none is remembered."""
        return int(find_key(self.book, np.uint64(hi), np.uint64(lo)))

    def key_addresses(self, rows: Requests) -> NDArray[np.int64]:
        """The same for REQUEST rows (n,) that were admitted."""
        addresses = np.empty(len(rows), np.int64)
        _find_keys(self.book, rows, addresses)
        return addresses


@kernel
def _hold_is_due(held, now):
    """Whether the time of a hold has come; `held`: the book."""
    return due_hold(held.value.holds, now) >= 0


@kernel
def _apply_legs(book, records, addresses, record_time, stripe_max):
    for i in range(len(records)):
        record = records[i]
        record["record_time"] = record_time
        if record["effective_time"] == 0:
            record["effective_time"] = record_time
        if leg_target(book, record, stripe_max) < 0:
            record["flags"] |= FLAG_SUSPENSE
        effect_leg(book, record, addresses[i], LIVE)


@kernel
def _find_keys(book, rows, addresses):
    for i in range(len(rows)):
        addresses[i] = find_key(book, rows[i]["key_hi"], rows[i]["key_lo"])
