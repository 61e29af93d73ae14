"""What of a batch can be tried, as the design says it: keys, groups, refusals in the order of the table, deferral.

Shares nothing with the code under test.
"""

from collections import Counter
from itertools import pairwise

from tests.oracle.oracle_siphash import siphash128
from tests.oracle.oracle_wallet import (
    ANSWER,
    APPROVAL,
    BEHIND_MAX,
    CAPTURE,
    CODES,
    EXACT,
    HOLD,
    IMPORTED,
    LINKED,
    OPENED,
    REFUND,
    REFUSED,
    STATUS,
    TIER,
    TRANSFER,
    VOID,
    YEAR_SECONDS,
    Hold,
    Row,
    Wallet,
    Wallets,
)
from tests.oracle.oracle_windows import Pool


class Admitting:
    """All that an oracle knows, and `admit`."""

    def __init__(
        self,
        *,
        shard: int,
        shards: int,
        secret: bytes,
        limits: dict[int, int],
        window_ms: int,
        segments_max: int,
        holds_max: int,
        holds_of_one_max: int,
        originals_max: int,
        review_ms: int,
        pool: Pool,
    ) -> None:
        self.shard, self.secret, self.limits, self.window_ms = shard, secret, limits, window_ms
        self.stripe_max = EXACT // shards
        self.holds_of_one_max = holds_of_one_max
        self.segments_max, self.holds_max, self.originals_max = segments_max, holds_max, originals_max
        self.review_ms = review_ms
        self.pool = pool
        self.now = 0
        self.head = 0
        self.wallets = Wallets(self.pool)
        self.profiles: dict[int, Row] = {}
        self.holds: dict[int, Hold] = {}
        self.originals: dict[int, Row] = {}
        self.refunds: dict[int, list[int]] = {}
        self.owners: dict[int, int] = {}
        self.segments_asked = 0
        self.read = [0] * shards
        self.asked = [0] * shards
        self.open_segment, self.open_slot = 0, 0
        self.keys: dict[tuple[int, int], int] = {}
        self.older_keys: dict[tuple[int, int], int] = {}
        self.keys_since = 0
        self.promised: Counter[int] = Counter()
        self.behind: set[int] = set()

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

    @property
    def open_holds(self) -> list[Hold]:
        return [hold for hold in self.holds.values() if hold.open]

    # Keys.

    def admit(self, rows: list[Row]) -> list[Row]:
        """Per row its code, and what its key made before: an address, or -(1 + row) of this batch, or 0."""
        self.promised, self.behind = Counter(), set()
        groups, start = [], 0
        for i, row in enumerate(rows):
            if not row["flags"] & LINKED or i + 1 == len(rows):
                groups.append(range(start, i + 1))
                start = i + 1
        for group in groups:
            self._bind([rows[i] for i in group])
        return [outcome for group in groups for outcome in self._admit_group(rows, group)]

    def _bind(self, group: list[Row]) -> None:
        """A group's keys live where its user payer lives, else at the home of its first row."""
        homes = [row["payer"] for row in group if len(group) > 1 and row["payer"] >> 16]
        home = homes[0] if homes else self._home(group[0])
        for row in group:
            words = (row["caller"], home, row["key_hi"], row["key_lo"])
            hashed = siphash128(self.secret, b"".join((w % 2**64).to_bytes(8, "little") for w in words))
            row["key_hi"], row["key_lo"] = (int.from_bytes(half, "little") for half in (hashed[:8], hashed[8:]))

    def _home(self, row: Row) -> int:
        """The payer, or the payee when an operator wallet pays; a wallet that is changed; nothing for one that is opened."""
        if row["op"] not in (TRANSFER, HOLD, CAPTURE, VOID, 14, REFUND, APPROVAL):
            return 0 if row["op"] == OPENED else int(row["payee"])
        by_operator = row["payer"] >> 16 == 0 and row["payee"] >> 16 != 0
        return int(row["payee"] if by_operator else row["payer"])

    def _known(self, row: Row) -> int:
        key = (row["key_hi"], row["key_lo"])
        return self.keys.get(key, 0) or self.older_keys.get(key, 0)

    def _admit_group(self, rows: list[Row], group: range) -> list[Row]:
        linked = rows[group[0]]["flags"] & LINKED
        known = [self._known(rows[i]) for i in group]
        if not linked and known[0]:
            return [{"code": 0, "duplicate": known[0]}]
        refusals: list[str | None] = ["mismatch"] * len(group)
        if not any(known):
            refusals = self._group_refusals(rows, group) if linked else [self._refusal(rows[group[0]])]
        elif all(known) and self._in_a_row(known) and not rows[group[-1]]["flags"] & LINKED:
            return [{"code": 0, "duplicate": address} for address in known]
        codes = [CODES[refusal or "ok"] for refusal in refusals]
        for i, code in zip(group, codes, strict=True):
            if 0 < code < REFUSED and rows[i]["op"] in (TRANSFER, HOLD) and rows[i]["effective_time"]:
                if len(self.behind) < BEHIND_MAX and rows[i]["payer"] >> 16:
                    self.behind.add(rows[i]["payer"])
        if not any(codes):
            self._take(rows, group)
        return [{"code": code, "duplicate": 0} for code in codes]

    def _in_a_row(self, known: list[int]) -> bool:
        """Whether records, or rows of this batch, come one directly after the other. A block ends anywhere. That a group's records are
        those of one group is a matter of their bodies' digest."""
        for before, after in pairwise(known):
            next_block = before > 0 and after >> 8 == (before >> 8) + 1 and after % 256 == 0
            if before * after < 0 or (abs(after) != abs(before) + 1 and not next_block):
                return False
        return True

    def _take(self, rows: list[Row], group: range) -> None:
        for i in group:
            row = rows[i]
            if row["op"] not in (TRANSFER, HOLD):
                continue
            self.promised[row["caller"]] += row["op"] == HOLD
            self.keys[row["key_hi"], row["key_lo"]] = -(1 + i)
            row["flags"] = row["flags"] & LINKED | (IMPORTED if row["effective_time"] else 0)
            row["effective_time"] = row["effective_time"] or self.now
            payer = self.wallets[row["payer"]]
            if payer.is_user:
                payer.payer_time = row["effective_time"]

    # Refusals.

    def _group_refusals(self, rows: list[Row], group: range) -> list[str | None]:
        """All of a group go on, or none: then each says its own refusal, or that another's was it."""
        linked = [rows[i] for i in group]
        own = [self._payment_refusal(row, True) if row["op"] in (TRANSFER, HOLD) else "invalid" for row in linked]
        if any(CODES[refusal or "ok"] >= REFUSED for refusal in own):
            return [r if CODES[r or "ok"] >= REFUSED else "linked_refused" for r in own]
        untried = [refusal for refusal in own if refusal]
        users = {row["payer"] for row in linked if row["payer"] >> 16}
        times = {row["effective_time"] for row in linked}
        keys = {(row["key_hi"], row["key_lo"]) for row in linked}
        good = len(users) < 2 and len(times) == 1 and len(keys) == len(linked) and not linked[-1]["flags"] & LINKED
        if untried:
            return [untried[0]] * len(linked)
        if not good:
            return ["group_invalid"] * len(linked)
        return [self._holds_refusal(linked)] * len(linked)

    def _holds_refusal(self, rows: list[Row]) -> str | None:
        return self._no_room([row["caller"] for row in rows if row["op"] == HOLD])

    def _no_room(self, callers: list[int]) -> str | None:
        """Why callers cannot open a hold each, beside what is promised to other rows of the batch; a caller may be named repeatedly."""
        taken = Counter(hold.caller for hold in self.open_holds) + self.promised
        if callers and taken.total() + len(callers) > self.holds_max:
            return "holds_full"
        wanted = Counter(callers)
        over = any(taken[caller] + wanted[caller] > self.holds_of_one_max for caller in wanted)
        return "caller_holds_full" if over else None

    def _refusal(self, row: Row) -> str | None:
        if row["op"] in (TRANSFER, HOLD):
            return self._payment_refusal(row, False) or self._holds_refusal([row])
        if row["op"] in (CAPTURE, VOID, REFUND, APPROVAL):
            return self._modification_refusal(row)
        if row["op"] == OPENED and row["effective_time"] > self.now:
            return "in_future"
        if row["effective_time"] < 0 or row["op"] not in (OPENED, STATUS, TIER):
            return "invalid"
        if row["op"] == OPENED and not (1 <= row["currency"] < 1024 and abs(row["amount"]) <= EXACT):
            return "invalid"
        return None

    def _payment_refusal(self, row: Row, grouped: bool) -> str | None:
        refused = self._wallets_refusal(row, grouped) or self._times_refusal(row) or self._after_refusal(row)
        if refused:
            return refused
        good = row["effective_time"] >= 0 and 1 <= row["amount"] <= EXACT
        if row["op"] == HOLD:
            good = good and 1 <= row["expires_in_s"] <= YEAR_SECONDS
        return None if good else "invalid"

    def _modification_refusal(self, row: Row) -> str | None:
        """Of a capture, void or refund: what can be decided before it is applied."""
        refund = row["op"] == REFUND
        if refund and row["payer"] not in self.wallets:
            return self._absent_payer(row)
        if row["op"] not in (VOID, APPROVAL) and row["payee"] not in self.wallets:
            since, owner = row["deferred_at"], self.owner(row["payee"])
            if owner is None and not (since and self.segments_asked >= since):
                return "deferred"
            if owner in (None, -1, self.shard):
                return "payee_not_found"
        if refund and row["payee"] not in self.wallets and row["payer"] >> 16 == 0:
            return "moved"
        here = [self.wallets[row[name]] for name in ("payer", "payee") if row[name] in self.wallets]
        if refund and any(wallet.currency != row["currency"] for wallet in here):
            return "currency"
        if row["effective_time"] > self.now:
            return "in_future"
        refused = self._after_refusal(row) if refund else None
        if refused:
            return refused
        answer = bool(row["flags"] & ANSWER)
        if (row["op"] == APPROVAL and not answer) or (refund and answer):
            return "invalid"
        most = 0 if answer or row["op"] == VOID else EXACT
        if row["effective_time"] < 0 or not 0 <= row["amount"] <= most or row["after"] == 0:
            return "invalid"
        return self._original_refusal(row) if refund else None

    def _original_refusal(self, row: Row) -> str | None:
        original = self.originals.get(row["after"])
        if original is None:
            return "deferred"
        if original["kind"] == 0:
            since = row["deferred_at"]
            return "not_refundable" if since and original["amount"] >= since else "deferred"
        return None

    def _absent_payer(self, row: Row) -> str:
        return "payer_not_found" if self.owner(row["payer"]) in (None, -1, self.shard) else "moved"

    def _wallets_refusal(self, row: Row, grouped: bool) -> str | None:
        if row["payer"] == row["payee"] != 0:
            return "same_wallet"
        payer = self.wallets.get(row["payer"])
        if payer is None:
            return self._absent_payer(row)
        payee = self.wallets.get(row["payee"])
        if payee is None:
            refused = self._remote_refusal(row, payer, grouped)
            if refused:
                return refused
        currencies = {payer.currency, row["currency"], payee.currency if payee else self._profile_currency(row)}
        return "currency" if len(currencies) > 1 else None

    def _profile_currency(self, row: Row) -> int:
        return int(self.profiles[row["payee"]]["currency"])

    def _remote_refusal(self, row: Row, payer: Wallet, grouped: bool) -> str | None:
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
        return None if payer.is_user or grouped else "moved"

    def _times_refusal(self, row: Row) -> str | None:
        """A payer's own times never go back, so one that waits makes all later ones wait."""
        payer = self.wallets[row["payer"]]
        if row["effective_time"] > self.now:
            return "in_future"
        if not payer.is_user:
            return None
        if row["effective_time"] and row["effective_time"] < payer.payer_time:
            return "went_back"
        return "deferred" if row["payer"] in self.behind else None

    def _after_refusal(self, row: Row) -> str | None:
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
