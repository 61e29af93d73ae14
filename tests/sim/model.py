"""The naive model: dicts and ints, fed only with what the journals durably hold. Nothing of the ledger's code takes part.

Each record is judged as it is read: it must be what plain rules make of the state before it.
"""

import hashlib
from bisect import bisect_right
from collections import namedtuple
from copy import copy
from typing import Any, Final

from actors.records.addresses import block_of, record_address, shard_of
from actors.records.blocks import Sealed, header_of, records_of
from actors.records.codes import Code
from actors.records.credit_layout import FIRST_CREDIT
from actors.records.layout import (
    AMOUNT_MAX,
    ATTEMPTS,
    CHAIN_STRIDE,
    CUMULATIVE_MAX,
    FLAG_CONTINUES,
    FLAG_FALLBACK,
    FLAG_IMPORTED,
    FLAG_LINKED,
    FLAG_PAYEE_ANCHOR,
    FLAG_PAYER_ANCHOR,
    FLAG_REMOTE,
    FLAG_REVIEW,
    FLAG_SUSPENSE,
    MOVEMENTS,
    RECORD,
    Kind,
    ReviewStatus,
    WalletStatus,
)
from actors.shard.clock import NS_PER_MS, ROUND_TRIP_MAX_NS, SLEW_PER_MILLE
from rules.decisions.decision import Action
from rules.vocabulary.encodings import WalletKind
from tests.sim.credit_model import COLLECTION, CreditModel
from tests.sim.lifecycle import Lifecycles
from tests.sim.questions import Request
from tests.sim.truth import must

DAY_MS: Final = 86_400_000
TIME_SLACK_MS: Final = 100
"""Half of a round trip of a reading of the clock and more; far below every step of the clock that must not be followed."""
EUR, USD = 978, 840
CHAINED_FIRST: Final = CHAIN_STRIDE - 7
"""Chains are taken to have so many records before the first, so that a seed sees anchors."""
ANCHOR_FLAGS: Final = {"payer": FLAG_PAYER_ANCHOR, "payee": FLAG_PAYEE_ANCHOR}
NAMES: Final = tuple(RECORD.names or ())
Record = namedtuple("Record", NAMES)  # type: ignore[misc]  # The fields are the layout's.
State = tuple[int, ...]
STATE_FIELDS: Final = (
    "credits",
    "debits",
    "held",
    "floor",
    "head",
    "chain_time",
    "currency",
    "status",
    "kind",
    "tier",
    "opened",
)
ABSENT: Final[State] = (0,) * len(STATE_FIELDS)


class Wallet:
    """A wallet, or a stripe of an operator wallet, with what it was after each block that changed it."""

    def __init__(self, kind: int, currency: int) -> None:
        self.credits = self.debits = self.held = self.floor = self.head = self.chain_time = 0
        self.currency, self.kind, self.status, self.tier = currency, kind, int(WalletStatus.OPEN), 0
        self.opened = self.payer_time = self.day = self.day_total = 0
        self.credited = self.credited_time = 0
        self.recorded = 0
        self.chained = CHAINED_FIRST
        self.opened_at = 0
        self.filled_in = 0
        self.blocks: list[int] = []
        self.states: list[State] = []

    @property
    def posted(self) -> int:
        """Balance."""
        return self.credits - self.debits

    @property
    def is_user(self) -> bool:
        """User or merchant."""
        return self.kind <= WalletKind.MERCHANT

    def credit(self, record: Any) -> None:
        """Get a record's amount."""
        self.credits += record.amount
        self.credited, self.credited_time = record.amount, record.effective_time

    def keep(self, block: int) -> None:
        """Remember the state after a block, and the last block in which there was money at some moment."""
        if self.posted or self.held:
            self.filled_in = block
        if self.blocks and self.blocks[-1] == block:
            self.states.pop()
        else:
            self.blocks.append(block)
        self.states.append(tuple(getattr(self, name) for name in STATE_FIELDS))

    def at(self, block: int) -> State:
        """The state after a block."""
        index = bisect_right(self.blocks, block)
        return self.states[index - 1] if index else ABSENT


def suspense_wallet(currency: int) -> Wallet:
    """A stripe of a suspense wallet, which is there from the start."""
    wallet = Wallet(WalletKind.SUSPENSE, currency)
    wallet.keep(0)
    return wallet


class Hold:
    """An open hold: its record, what is left, until when; `review`: an analyst decides."""

    def __init__(self, record: Any) -> None:
        self.record = record
        self.left: int = record.amount
        self.expiry: int = record.expiry
        self.review = bool(record.flags & FLAG_REVIEW)


class Shard:
    """What one journal says. `group`: the rows of a linked group that has not ended."""

    def __init__(self) -> None:
        self.head = 0
        self.hashes: list[bytes] = [bytes(32)]
        self.writer = -1
        self.writers: set[int] = set()
        self.record_time = 0
        self.opened_at = 0
        self.first_time = 0
        self.wallets = {currency: suspense_wallet(currency) for currency in (EUR, USD)}
        self.profiles: dict[int, tuple[int, ...]] = {}
        self.cursors: dict[int, int] = {}
        self.holds: dict[int, Hold] = {}
        self.group: list[tuple[int, Any]] = []


class Model:
    """All journals together. `pending[(from, to)]`: transfers whose remote credit is not applied yet, in order."""

    def __init__(
        self, shards: int, segments: dict[int, int], limits: dict[int, int], review_s: int, counts: Any
    ) -> None:
        self.shards = [Shard() for _ in range(shards)]
        self.segments = segments
        self.lost: set[int] = set()
        """Users' wallets that were opened before commits were lost, and with them these."""
        self.limits = limits
        self.counts = counts
        self.requests: dict[int, Request] = {}
        self.records: dict[int, Any] = {}
        self.keys: dict[tuple[int, ...], int] = {}
        self.bound_keys: set[tuple[int, int, int]] = set()
        self.pending: dict[tuple[int, int], dict[int, Any]] = {}
        self.total: dict[int, int] = {}
        self.in_transit: dict[int, int] = {}
        self.profile_states: dict[int, set[tuple[int, ...]]] = {}
        self.references: dict[int, list[int]] = {}
        self.anchors: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.late: dict[tuple[int, int], list[tuple[int, ...]]] = {}
        self.reviews: dict[int, tuple[int, int]] = {}
        self.refunded: dict[int, int] = {}
        self.now = 0
        self.restored = False
        self._step_ms = 0
        self._anchored = 0
        self._review_ms = 1_000 * review_s
        self._stripe_max = AMOUNT_MAX // shards
        self._lifecycles = Lifecycles(self)
        self.credit = CreditModel(shards, counts)
        self._appliers = {
            Kind.OPEN: self._open,
            Kind.WALLET_OPENED: self._wallet_opened,
            Kind.WALLET_STATUS: self._wallet_changed,
            Kind.WALLET_TIER: self._wallet_changed,
            Kind.TRANSFER: self._payment,
            Kind.HOLD: self._payment,
            Kind.CAPTURE: self._lifecycles.captured,
            Kind.VOID: self._lifecycles.voided,
            Kind.EXPIRY: self._lifecycles.expired,
            Kind.REFUND: self._lifecycles.refunded,
            Kind.APPROVAL: self._lifecycles.approved,
            Kind.LEG: self._leg,
            Kind.CURSOR: self._cursor,
            Kind.PROFILE: self._profile,
        }

    def wallet(self, address: int, shard: int) -> Any:
        """The wallet at an address, or its stripe on this shard; None when it was not opened."""
        owner = self.segments.get(address >> 16, shard)
        return self.shards[owner].wallets.get(address)

    def is_anothers(self, address: int, shard: int) -> bool:
        """Whether a wallet lies in another shard's segment: after a restore, or a failover that lost commits, a front door may for some
        seconds ask who had it before."""
        return self.segments.get(address >> 16, shard) != shard

    # Blocks.

    def read_block(self, shard: int, sealed: Sealed, now: int, step_ms: int) -> None:
        """The next block of a shard's journal became durable; the database's clock was never more than `step_ms` ahead of true time."""
        self.now = now
        self._step_ms = step_ms
        here = self.shards[shard]
        header = header_of(sealed.data)
        number = here.head + 1
        must(header.number == sealed.number == number and header.shard == shard, "shard {}: block {}", shard, number)
        must(header.previous == here.hashes[-1], "shard {}: block {} does not name the one before", shard, number)
        digest = bytes(16) if sealed.details is None else hashlib.sha256(sealed.details).digest()[:16]
        must(header.details_digest == digest, "shard {}: details of block {} are not the header's", shard, number)
        records: list[Any] = [Record._make(r) for r in records_of(sealed.data).tolist()]
        must(len(records) == header.records > 0, "shard {}: block {} is empty", shard, number)
        if records[0].kind == Kind.OPEN:
            must(len(records) == 1 and records[0].key_hi == header.writer, "shard {}: a wrong OPEN", shard)
            must(header.writer not in here.writers, "shard {}: writer {} opened twice", shard, header.writer)
            here.writer = header.writer
            here.writers.add(header.writer)
            here.opened_at, here.first_time = now, 0
        must(header.writer == here.writer, "shard {}: block {} is not by the writer that opened", shard, number)
        here.head = number
        here.hashes.append(hashlib.sha256(sealed.data).digest())
        self.credit.read_block(shard, sealed)
        for slot, record in enumerate(records):
            self._record(shard, record_address(shard, number, slot), record, now)
        self.credit.block_read(shard)

    def _record(self, shard: int, address: int, record: Any, now: int) -> None:
        here = self.shards[shard]
        must(record.record_time >= here.record_time, "record {} goes back in time", address)
        self._timed(here, address, record, now)
        here.record_time = record.record_time
        must(record.kind == Kind.OPEN or block_of(address) > 1, "shard {} wrote before it opened", shard)
        self.records[address] = record
        must(record.kind in ATTEMPTS or not here.group, "record {} lies within a group", address)
        if record.kind in ATTEMPTS and (here.group or record.flags & FLAG_LINKED):
            here.group.append((address, record))
            if not record.flags & FLAG_LINKED:
                group, here.group = here.group, []
                self._group(shard, group)
            return
        if record.kind >= FIRST_CREDIT:
            self.credit.read(shard, address, record, self)
            return
        self._apply(self._appliers[record.kind], shard, address, record)
        if record.kind == Kind.WALLET_OPENED:
            here.wallets[record.payee].opened_at = now

    def _timed(self, here: Shard, address: int, record: Any, now: int) -> None:
        """Time is at most what the database's clock ever said, and within one writer goes on by what has elapsed: so nothing is due
        early."""
        if record.kind == Kind.OPEN:
            return
        here.first_time = here.first_time or record.record_time
        ahead = record.record_time - now - self._step_ms
        must(
            ahead <= TIME_SLACK_MS + ROUND_TRIP_MAX_NS // NS_PER_MS // 2,
            "record {}: {} ms ahead of every clock",
            address,
            ahead,
        )
        elapsed = (now - here.opened_at) * (1_000 + SLEW_PER_MILLE) // 1_000
        early = record.record_time - here.first_time - elapsed
        must(early <= TIME_SLACK_MS, "record {}: time ran {} ms ahead of what had elapsed", address, early)

    def _apply(self, applier: Any, shard: int, address: int, record: Any, *more: Any) -> None:
        self._anchored = 0
        applier(shard, address, record, *more)
        flags = record.flags & (FLAG_PAYER_ANCHOR | FLAG_PAYEE_ANCHOR)
        must(flags == self._anchored, "record {}: anchors {}, not {}", address, flags, self._anchored)

    def balanced(self) -> None:
        """Per currency, recorded balances and credits in transit sum to zero; what became durable together ends with whole groups."""
        for number, shard in enumerate(self.shards):
            must(not shard.group, "shard {}: a part of a group is durable", number)
        for currency, total in self.total.items():
            transit = self.in_transit.get(currency, 0)
            must(total + transit == 0, "currency {}: balances {} and in transit {}", currency, total, transit)

    # Records.

    def _open(self, shard: int, address: int, record: Any) -> None:
        pass

    def take_key(self, shard: int, address: int, record: Any) -> Request:
        bound = (shard, record.key_hi, record.key_lo)
        request = self.requests.get(record.digest)
        must(request is not None, "record {} was not asked for", address)
        assert request is not None
        must(request.shard == shard, "record {} is on another shard than its home", address)
        must(request.key_id not in self.keys, "key of record {} made record {}", address, self.keys.get(request.key_id))
        must(bound not in self.bound_keys, "record {} has a key that was used", address)
        asked = Kind.TRANSFER if in_review(record) and not record.payee_lag else record.kind
        must(record.caller == request.body["caller"] and asked == request.body["op"], "record {} caller", address)
        linked = FLAG_LINKED if record.kind in ATTEMPTS else 0
        must(record.flags & linked == request.flags & linked, "record {}: linked or not?", address)
        rest = record.kind in ATTEMPTS and request is not request.unit[0]
        must(bool(record.flags & FLAG_CONTINUES) == rest, "record {}: the first of its group or not?", address)
        self.bound_keys.add(bound)
        self.keys[request.key_id] = address
        return request

    def _collection(self, shard: int, address: int, record: Any) -> Request:
        """A shard collects an order by itself: a record of the order, in the same block, says that this was the order's."""
        bound = (shard, record.key_hi, record.key_lo)
        must(record.kind == Kind.TRANSFER and bound not in self.bound_keys, "record {} was not asked for", address)
        self.bound_keys.add(bound)
        self.credit.collected(shard, address)
        self.counts["collections"] += 1
        body = {name: getattr(record, name) for name in ("payer", "payee", "amount", "currency", "caller")}
        zeros = dict.fromkeys(("label", "channel", "country", "device", "effective_time", "after", "expires_in_s"), 0)
        return Request(shard, 0, COLLECTION, {"op": int(Kind.TRANSFER), **body, **zeros})

    def _wallet_opened(self, shard: int, address: int, record: Any) -> None:
        body = self.take_key(shard, address, record).body
        here = self.shards[shard]
        asked = (body["kind"], body["tier"], body["amount"], body["currency"])
        must(asked == (record.label, record.decision, record.amount, record.currency), "record {} body", address)
        must(body["payee"] in (0, record.payee), "record {}: another wallet than asked", address)
        must(record.payee not in here.wallets, "wallet {} was opened twice", record.payee)
        must(record.payee not in self.lost, "wallet {} has the id of one that was lost", record.payee)
        if record.payee >> 16:
            must(self.segments[record.payee >> 16] == shard, "wallet {} lies in another's segment", record.payee)
        wallet = Wallet(record.label, record.currency)
        wallet.tier, wallet.floor, wallet.opened = record.decision, record.amount, record.effective_time
        here.wallets[record.payee] = wallet
        self.link(shard, wallet, address, record, "payee")
        self._note_profile(record.payee, wallet)

    def _wallet_changed(self, shard: int, address: int, record: Any) -> None:
        body = self.take_key(shard, address, record).body
        wallet = self.shards[shard].wallets.get(record.payee)
        must(wallet is not None and body["payee"] == record.payee, "record {}: no such wallet", address)
        assert wallet is not None
        if record.kind == Kind.WALLET_STATUS:
            must(record.channel == body["kind"], "record {}: another status than asked", address)
            closing = record.channel == WalletStatus.CLOSED
            must(wallet.status != WalletStatus.CLOSED or closing, "record {}: closed is final", address)
            if closing:
                must(wallet.is_user and wallet.posted == 0 == wallet.held, "record {}: closed with money", address)
            wallet.status = record.channel
        else:
            must(wallet.is_user and wallet.status != WalletStatus.CLOSED, "record {}: no tier here", address)
            wallet.tier = body["tier"]
        now = (wallet.status, wallet.tier, wallet.kind, wallet.currency, wallet.posted)
        recorded = (record.channel, record.decision, record.label, record.currency, record.payee_posted)
        must(now == recorded, "record {}: says {} of a wallet that is {}", address, recorded, now)
        must(record.effective_time == record.record_time, "record {}: effective time", address)
        self.link(shard, wallet, address, record, "payee")
        self._note_profile(record.payee, wallet)

    def _note_profile(self, address: int, wallet: Wallet) -> None:
        state = (wallet.currency, wallet.kind, wallet.status, wallet.tier, wallet.opened)
        self.profile_states.setdefault(address, set()).add(state)

    def link(self, shard: int, wallet: Wallet, address: int, record: Any, side: str, name: int = 0) -> None:
        """A record joins the chain of the wallet on this side of it, or of `name`."""
        name = name or getattr(record, side)
        previous, lag = getattr(record, f"{side}_prev"), getattr(record, f"{side}_lag")
        must(previous == wallet.head, "record {}: previous is {}, not {}", address, previous, wallet.head)
        effective = record.effective_time
        chain = max(wallet.chain_time, effective)
        if chain - effective >= 2**31:
            chain = -(-chain // 1000) * 1000
            expected = 2**31 + chain // 1000 - effective // 1000
        else:
            expected = chain - effective
        must(lag == expected, "record {}: chain time of {}", address, name)
        if chain > effective and record.kind in (*MOVEMENTS, Kind.LEG):
            amount = -record.amount if side == "payer" else record.amount
            self.late.setdefault((shard, name), []).append((effective, address, previous, amount))
            self.counts["late records"] += 1
        wallet.chain_time = chain
        wallet.head = address
        wallet.chained += 1
        if wallet.chained % CHAIN_STRIDE == 0:
            self._anchored |= ANCHOR_FLAGS[side]
            self.anchors.setdefault((shard, name), []).append((chain, address))
            self.counts["anchors"] += 1
        wallet.keep(block_of(address))

    def _balance(self, wallet: Wallet, recorded: int, address: int) -> None:
        must(recorded == wallet.posted, "record {}: balance {}, not {}", address, recorded, wallet.posted)
        self.total[wallet.currency] = self.total.get(wallet.currency, 0) + recorded - wallet.recorded
        wallet.recorded = recorded

    # Payments.

    def parties(self, shard: int, address: int, record: Any) -> tuple[Wallet, Wallet | None]:
        """Payer and payee of what moves money, or will; the payee is None when it is on another shard, but known here."""
        here = self.shards[shard]
        payer, payee = here.wallets.get(record.payer), here.wallets.get(record.payee)
        must(payer is not None, "record {}: the payer is not here", address)
        assert payer is not None
        remote = bool(record.flags & FLAG_REMOTE)
        owner = self.segments.get(record.payee >> 16, shard)
        must(remote == (owner != shard), "record {}: remote or not?", address)
        must(remote or payee is not None, "record {}: the payee is not here", address)
        return payer, payee

    def _payment(self, shard: int, address: int, record: Any, code: int | None = None) -> None:
        """A TRANSFER or HOLD; `code`: what its group says that it must be."""
        request = (
            self._collection(shard, address, record)
            if record.digest == COLLECTION
            else self.take_key(shard, address, record)
        )
        body = request.body
        for name in ("payer", "payee", "amount", "currency", "label", "channel", "country", "device"):
            must(getattr(record, name) == body[name], "record {}: another {} than asked", address, name)
        here = self.shards[shard]
        payer, payee = self.parties(shard, address, record)
        self.check_times(address, record, request)
        must(not payer.is_user or record.effective_time >= payer.payer_time, "record {}: effective time", address)
        self.check_after(shard, address, request)
        self._count(record)
        must(
            record.code == (self._decide(here, record, payer, payee) if code is None else code),
            "record {}: code {}",
            address,
            record.code,
        )
        if payer.is_user:
            payer.payer_time = record.effective_time
        must(in_review(record) == (record.code == 0 and wants_review(record)), "record {}: in review or not?", address)
        must(record.expiry == self._expiry(record, body), "record {}: expiry", address)
        if record.code != 0:
            return
        if in_review(record):
            self.counts["holds in review" if record.payee_lag else "payments in review"] += 1
            self.reviews[address] = (record.record_time, int(ReviewStatus.OPEN))
        self._count_day(record, payer)
        if record.kind == Kind.TRANSFER:
            self.move(shard, address, record, payer, payee)
            return
        payer.held += record.amount
        here.holds[address] = Hold(record)
        self.show_payer(shard, address, record, payer)

    def _expiry(self, record: Any, body: dict[str, int]) -> int:
        """Of a hold; what is in review ends sooner when nobody answers."""
        own = record.record_time + 1000 * body["expires_in_s"] if body["op"] == Kind.HOLD else 0
        if not in_review(record):
            return own
        must(record.payee_lag == body["expires_in_s"], "record of {}: what was asked is not kept", body)
        ends = int(record.record_time + self._review_ms)
        return min(own, ends) if own else ends

    def _group(self, shard: int, rows: list[tuple[int, Any]]) -> None:
        """A linked group: each row is decided after those before it; one that is declined takes all others with it."""
        requests = [self.requests.get(record.digest) for _, record in rows]
        first = requests[0]
        must(first is not None, "record {} was not asked for", rows[0][0])
        assert first is not None
        wanted = [request.digest for request in first.unit]
        must([record.digest for _, record in rows] == wanted, "group {}: rows are missing or others", rows[0][0])
        here = self.shards[shard]
        copies: dict[int, Wallet] = {}
        for _, record in rows:
            for name in (record.payer, record.payee):
                if name in here.wallets and name not in copies:
                    copies[name] = copy(here.wallets[name])
        codes = [0] * len(rows)
        for i, (address, record) in enumerate(rows):
            self.parties(shard, address, record)
            payer, payee = copies[record.payer], copies.get(record.payee)
            code = self._decide(here, record, payer, payee)
            if code:
                codes = [int(Code.LINKED_DECLINED)] * len(rows)
                codes[i] = code
                self.counts["groups declined"] += 1
                self.counts["groups declined after the first row"] += i > 0
                break
            self._try(record, payer, payee)
        self.counts["groups applied"] += not any(codes)
        for code, (address, record) in zip(codes, rows, strict=True):
            self._apply(self._payment, shard, address, record, code)

    def _try(self, record: Any, payer: Wallet, payee: Wallet | None) -> None:
        self._count_day(record, payer)
        if record.kind == Kind.HOLD:
            payer.held += record.amount
            return
        payer.debits += record.amount
        if payee is not None:
            payee.credit(record)

    def _count(self, record: Any) -> None:
        self.counts[f"recorded {Code(record.code).name}"] += 1
        self.counts[f"{Kind(record.kind).name} recorded {'OK' if record.code == 0 else 'declined'}"] += 1
        self.counts["decided by the fallback"] += bool(record.flags & FLAG_FALLBACK)

    def check_times(self, address: int, record: Any, request: Request) -> None:
        """The effective time is what was asked for, or the record time."""
        asked = request.body["effective_time"]
        imported = bool(record.flags & FLAG_IMPORTED)
        must(imported == (asked != 0), "record {}: imported or not?", address)
        must(record.effective_time == (asked or record.record_time), "record {}: effective time", address)
        must(record.effective_time <= record.record_time, "record {}: effective in the future", address)

    def check_after(self, shard: int, address: int, request: Request) -> None:
        """What the request names in `after` was seen here."""
        after = request.body["after"]
        if not after:
            return
        if self.restored and after not in self.records:
            return  # lost with what was stored after the backup
        must(after in self.records, "record {}: what it names in `after` is not durable", address)
        if shard_of(after) != shard:
            still = self.pending.get((shard_of(after), shard), {})
            must(after not in still, "record {}: the leg it names in `after` has not landed", address)
            self.counts["waits for a leg"] += 1

    def _count_day(self, record: Any, payer: Wallet) -> None:
        if payer.is_user:
            day = record.effective_time // DAY_MS
            self.counts["first payments of a day"] += payer.day_total > 0 and payer.day < day
            payer.day_total = record.amount + (payer.day_total if payer.day == day else 0)
            payer.day = day

    def _decide(self, here: Shard, record: Any, payer: Wallet, payee: Wallet | None) -> int:
        amount = record.amount
        day = record.effective_time // DAY_MS
        spent = payer.day_total if payer.day == day else 0
        limit = self.limits.get(payer.tier, 2**62)
        declined = record.decision == Action.DECLINE and not record.flags & FLAG_IMPORTED
        review = wants_review(record)
        linked = bool(record.flags & (FLAG_LINKED | FLAG_CONTINUES))
        moves = record.kind == Kind.TRANSFER and not review
        rules = (
            (Code.PAYER_CLOSED, payer.status == WalletStatus.CLOSED),
            (Code.PAYER_FROZEN, payer.status == WalletStatus.FROZEN),
            (Code.PAYEE_CLOSED, self.payee_closed(here, record, payee)),
            (Code.DECLINED, declined),
            (Code.LINKED_IN_REVIEW, review and linked),
            (Code.DAILY_LIMIT_EXCEEDED, payer.is_user and spent + amount > limit),
            (Code.INSUFFICIENT_FUNDS, payer.is_user and payer.posted - payer.held - amount < payer.floor),
            (Code.BALANCE_OUT_OF_RANGE, not moves and payer.held + amount > AMOUNT_MAX),
            (Code.BALANCE_OUT_OF_RANGE, moves and not self.fits_payer(payer, amount)),
            (Code.BALANCE_OUT_OF_RANGE, moves and payee is not None and not self.fits(payee, amount)),
            # How many holds are promised to other rows of the batch is not seen here.
            (Code.REVIEWS_FULL, review and record.kind == Kind.TRANSFER and record.code == Code.REVIEWS_FULL),
        )
        return int(next((code for code, broken in rules if broken), Code.OK))

    def payee_closed(self, here: Shard, record: Any, payee: Wallet | None) -> bool:
        """Whether a payee is closed, as far as is known here."""
        if payee is not None:
            return payee.status == WalletStatus.CLOSED
        profile = here.profiles.get(record.payee)
        must(profile is not None or record.kind == Kind.REFUND, "the payee's profile is not known: {}", record)
        closed = profile is not None and profile[2] == WalletStatus.CLOSED
        if closed and record.kind in (Kind.CAPTURE, Kind.REFUND) and record.code != Code.PAYEE_CLOSED:
            self.counts["closed payees whose profile was given up"] += 1  # The credit lands on suspense.
            return False
        return closed

    def fits_payer(self, payer: Wallet, amount: int) -> bool:
        """Whether a payer's balance stays in range."""
        return payer.posted - amount >= -(AMOUNT_MAX if payer.is_user else self._stripe_max)

    def fits(self, payee: Wallet, amount: int) -> bool:
        """Whether a payee's balance stays in range."""
        bound = AMOUNT_MAX if payee.is_user else self._stripe_max
        within = payee.posted + amount <= bound and payee.credits + amount <= CUMULATIVE_MAX
        return payee.kind == WalletKind.SUSPENSE or within

    def show_payer(self, shard: int, address: int, record: Any, payer: Wallet) -> None:
        """A record says what its payer is after it."""
        must(not payer.is_user or payer.posted - payer.held >= payer.floor, "record {} overdraws", address)
        must(0 <= payer.held <= AMOUNT_MAX and self.fits_payer(payer, 0), "record {}: out of range", address)
        must(record.payer_held == payer.held, "record {}: held", address)
        self._balance(payer, record.payer_posted, address)
        self.link(shard, payer, address, record, "payer")

    def move(self, shard: int, address: int, record: Any, payer: Wallet, payee: Wallet | None) -> None:
        """Money leaves the payer; it reaches the payee, or is in transit."""
        payer.debits += record.amount
        self.show_payer(shard, address, record, payer)
        if payee is not None:
            payee.credit(record)
            self._balance(payee, record.payee_posted, address)
            self.link(shard, payee, address, record, "payee")
            return
        owner = self.segments[record.payee >> 16]
        self.pending.setdefault((shard, owner), {})[address] = record
        self.in_transit[record.currency] = self.in_transit.get(record.currency, 0) + record.amount
        self.counts[f"{Kind(record.kind).name} to another shard"] += 1

    def _leg(self, shard: int, address: int, record: Any) -> None:
        sender = shard_of(record.reference)
        source = self.pending.get((sender, shard), {}).pop(record.reference, None)
        must(source is not None, "leg {}: transfer {} is not on its way here", address, record.reference)
        for name in ("payer", "payee", "amount", "currency", "label", "channel", "caller"):
            must(getattr(record, name) == getattr(source, name), "leg {}: {} is not its transfer's", address, name)
        counts = source.effective_time if source.flags & FLAG_IMPORTED else record.record_time
        must(record.effective_time == counts, "leg {}: effective time", address)
        must(record.decision == source.kind, "leg {}: of a {}", address, Kind(source.kind).name)
        here = self.shards[shard]
        payee = here.wallets.get(record.payee)
        takes = payee is not None and payee.status != WalletStatus.CLOSED and payee.currency == record.currency
        takes = takes and payee is not None and self.fits(payee, record.amount)
        must(takes == (not record.flags & FLAG_SUSPENSE), "leg {}: suspense or not?", address)
        name = record.payee
        if not takes:
            self.counts["legs in suspense"] += 1
            name = record.currency
            payee = here.wallets[name]
        assert payee is not None
        payee.credit(record)
        self.in_transit[record.currency] -= record.amount
        self._balance(payee, record.payee_posted, address)
        self.link(shard, payee, address, record, "payee", name)
        self.counts["legs landed"] += 1

    def _cursor(self, shard: int, address: int, record: Any) -> None:
        sender, block = record.payer, record.amount
        here, there = self.shards[shard], self.shards[sender]
        must(block >= here.cursors.get(sender, 0), "cursor {} goes back", address)
        must(block <= there.head, "cursor {} is beyond what shard {} has durably", address, sender)
        hash_ = record.key_hi.to_bytes(8, "little") + record.key_lo.to_bytes(8, "little")
        must(there.hashes[block][:16] == hash_, "cursor {}: not the hash of block {}", address, block)
        here.cursors[sender] = block
        first = next(iter(self.pending.get((sender, shard), {})), None)
        must(first is None or block_of(first) > block, "cursor {} has passed leg {}", address, first)

    def _profile(self, shard: int, address: int, record: Any) -> None:
        must(self.segments[record.payee >> 16] != shard, "profile {} of an own wallet", address)
        if not record.effective_time:
            self.counts["profiles that hold no more"] += 1
            self.shards[shard].profiles.pop(record.payee, None)
            return
        state = (record.currency, record.label, record.channel, record.decision, record.effective_time)
        must(state in self.profile_states.get(record.payee, ()), "profile {}: the wallet was never so", address)
        here = self.shards[shard]
        if record.payee in here.profiles:
            self.counts["profiles renewed"] += 1
        here.profiles[record.payee] = state


def wants_review(record: Any) -> bool:
    """Whether scoring wants an analyst to decide about what has not happened yet."""
    return bool(record.decision == Action.REVIEW and not record.flags & FLAG_IMPORTED)


def in_review(record: Any) -> bool:
    """Whether a record holds money for an analyst."""
    return bool(record.kind == Kind.HOLD and record.flags & FLAG_REVIEW)
