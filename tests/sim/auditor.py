"""Judges every step: what became durable, and every answer at the moment it is given, whether or not it arrives.

An answer is true when the journal, as it is then, says the same. A reading is true when it shows the journal as it was at one time
between question and answer. It knows nothing of processes: an old one that still answers is judged like any other.
"""

import copy
from collections.abc import Iterator
from typing import Any, Final

from actors.ledger.book import M_PROFILES
from actors.ledger.ledger import Ledger
from actors.records.addresses import block_of
from actors.records.codes import FIRST_DECLINED, FIRST_REFUSED, Code, is_declined, is_untried
from actors.records.layout import ATTEMPTS, FIELDS, FLAG_LINKED, RESULT, WALLET, Kind
from tests.sim.database import Database
from tests.sim.model import ABSENT, STATE_FIELDS, Model, Shard, State, in_review
from tests.sim.questions import (
    CreditQuestion,
    FindQuestion,
    ProfileQuestion,
    ReadQuestion,
    Request,
    ScoreQuestion,
    StateQuestion,
    SubmitQuestion,
)
from tests.sim.refusals import Refusals
from tests.sim.scheduler import START_MS, Scheduler
from tests.sim.truth import must

_RESULT_NAMES: Final = tuple(RESULT.names or ())
_STATE_AT: Final = tuple((WALLET.names or ()).index(name) for name in STATE_FIELDS)
REMEMBERED: Final = ("payer_time", "day", "day_total", "chained", "credited", "credited_time")
"""What a wallet's row has besides what readings show."""
_STATED: Final = (
    ("action", "decision"),
    ("points", "points"),
    ("reasons", "reasons"),
    ("pack", "pack"),
    ("record_time", "record_time"),
    ("effective_time", "effective_time"),
    ("flags", "flags"),
)

SHORT_HOLDS_END_MS: Final = START_MS + 30_000
"""All holds that are due before this must have expired in the end; those of longer life stay open."""
BEHIND_MAX: Final = 40
"""Blocks by which a cursor in the journal may stay behind: CURSOR_BLOCKS_MAX as made small in a seed, a page, and what is in flight."""


class Auditor:
    """`requests`: all that clients ever asked for, by digest."""

    def __init__(
        self, shards: int, database: Database, limits: dict[int, int], review_s: int, scheduler: Scheduler
    ) -> None:
        self.model = Model(shards, database.segments, limits, review_s, scheduler.counts)
        self.requests = self.model.requests
        self._database = database
        self._scheduler = scheduler
        self._reported_first: set[int] = set()
        self._refusals = Refusals(self.model)

    def step(self) -> None:
        """Judge what has become durable since."""
        if not self._database.fresh:
            return
        for shard, sealed in self._database.fresh:
            self.model.read_block(shard, sealed, self._scheduler.now, self._database.step_max_ms)
        self._database.fresh.clear()
        self.model.balanced()
        must(self._database.references == self.model.references, "the references stored are not those of the records")
        must(self._database.anchors == self.model.anchors, "the anchors stored are not those of the records")
        must(self._database.late == self.model.late, "the late records stored are not those of the records")
        must(self._database.reviews == self.model.reviews, "the cases stored are not those of the records")
        must(
            self._database.credit == self.model.credit.entries, "the credit entries stored are not those of the records"
        )

    def image(self) -> tuple[Model, set[int]]:
        """What is true now. Requests stay those of the clients, who forget nothing."""
        self.step()
        model = self.model
        shared = (model.requests, model.credit.requests, model.counts, model.segments, model.lost)
        return copy.deepcopy(model, {id(kept): kept for kept in shared}), set(self._reported_first)

    def restore(self, image: tuple[Model, set[int]]) -> None:
        """From now on that is true again."""
        before, after = ({name for here in model.shards for name in here.wallets} for model in (self.model, image[0]))
        lost = {name for name in before - after if name >> 16}
        self._scheduler.count("wallets lost", len(lost))
        self.model.lost.update(lost)
        self._database.fresh.clear()
        self.model, self._reported_first = image
        self.model.restored = True
        self._refusals = Refusals(self.model)

    # Answers.

    def judge(self, shard: int, delivery: Any, value: Any) -> None:
        """An answer is given now."""
        self.step()
        must(delivery is not None, "shard {}: an answer to no question, or a second one", shard)
        question = delivery.question
        if isinstance(question, SubmitQuestion):
            must(len(value) == len(question.requests), "shard {}: results for other rows", shard)
            results = [dict(zip(_RESULT_NAMES, row, strict=True)) for row in value.tolist()]
            for request, result in zip(question.requests, results, strict=True):
                self._judge_result(request, delivery, result)
            self._judge_order(question.requests, results)
            for first, end in _groups(question.requests):
                self._judge_group(question.requests[first:end], results[first:end], delivery)
        elif isinstance(question, (CreditQuestion, StateQuestion, ScoreQuestion)):
            self.model.credit.judge(question, delivery, value, self.model, self._reported_first)
        elif isinstance(question, FindQuestion):
            self._judge_found(question, value)
        elif isinstance(question, (ReadQuestion, ProfileQuestion)):
            self._judge_reading(shard, question, value)

    def _judge_result(self, request: Request, delivery: Any, result: dict[str, Any]) -> None:
        code = result["code"]
        address = self.model.keys.get(request.key_id, 0)
        if code == Code.BUSY:
            return
        if code == Code.IDEMPOTENCY_MISMATCH:
            self._judge_mismatch(request, address, result)
        elif code in (Code.OK, Code.IN_REVIEW) or is_declined(code):
            self._judge_recorded(request, address, delivery, result)
        else:
            known = 0 < block_of(address) <= delivery.shard_head
            must(not known, "request {}: {} though its key was known", request.digest, Code(code).name)
            must(not result["replayed"], "request {}: a refusal is no replay", request.digest)
            if code >= FIRST_REFUSED:
                true = self._refusals.true(code, request, delivery)
                must(true, "request {} {}: {} is not true", request.digest, request.body, Code(code).name)

    def _judge_recorded(self, request: Request, address: int, delivery: Any, result: dict[str, Any]) -> None:
        code = Code(result["code"])
        must(address != 0, "request {}: {} and nothing is durable", request.digest, code.name)
        record = self.model.records[address]
        must(
            record.digest == request.digest, "request {}: {}, its key made another's record", request.digest, code.name
        )
        stated = Code.IN_REVIEW if in_review(record) else record.code
        must(stated == code, "request {}: {}, recorded was {}", request.digest, code.name, stated)
        named = record.payee if record.kind == Kind.WALLET_OPENED else address
        must(result["address"] == named, "request {}: address {}", request.digest, result["address"])
        for name, recorded in _STATED:
            must(result[name] == getattr(record, recorded), "request {}: another {}", request.digest, name)
        if not result["replayed"]:
            must(address not in self._reported_first, "request {}: told twice as new", request.digest)
            self._reported_first.add(address)
            must(record.record_time >= delivery.clock, "request {}: recorded before it came", request.digest)

    def _judge_mismatch(self, request: Request, address: int, result: dict[str, Any]) -> None:
        if request.flags & FLAG_LINKED or len(request.unit) > 1 or request.part:
            return
        must(address != 0, "request {}: a mismatch with nothing durable", request.digest)
        record = self.model.records[address]
        must(record.digest != request.digest, "request {}: a mismatch with itself", request.digest)
        field = FIELDS[result["field"]]
        if field in ("amount", "channel") and record.kind == Kind.TRANSFER:
            must(getattr(record, field) != request.body[field], "request {}: {} differs not", request.digest, field)

    @staticmethod
    def _judge_order(requests: list[Request], results: list[dict[str, Any]]) -> None:
        """What a payer imports is not overtaken by what it pays later in the same call."""
        waiting = set()
        for request, result in zip(requests, results, strict=True):
            body = request.body
            if body["op"] not in ATTEMPTS or not body["payer"] >> 16:
                continue
            if is_untried(result["code"]):
                waiting.update([body["payer"]] if body["effective_time"] else [])
            elif result["address"] and not result["replayed"]:
                must(body["payer"] not in waiting, "request {}: overtook one that was deferred", request.digest)

    def _judge_group(self, group: list[Request], results: list[dict[str, Any]], delivery: Any) -> None:
        """All or none, and once done for ever the same, as a whole."""
        codes = [result["code"] for result in results]
        name = group[0].digest
        if any(is_untried(code) for code in codes):
            must(len(set(codes)) == 1, "group {}: tried in part: {}", name, codes)
            self._scheduler.count(f"groups answered {Code(codes[0]).name}")
            return
        addresses = [self.model.keys.get(request.key_id, 0) for request in group]
        mismatch = [code == Code.IDEMPOTENCY_MISMATCH for code in codes]
        if any(mismatch):
            must(all(mismatch), "group {}: repeated in part: {}", name, codes)
            must(any(addresses), "group {}: a mismatch with nothing durable", name)
            whole = all(addresses) and not any(request.part for request in group)
            whole = whole and all(
                self.model.records[a].digest == r.digest for a, r in zip(addresses, group, strict=True)
            )
            must(not whole, "group {}: a mismatch with itself", name)
            return
        refused = [FIRST_REFUSED <= code < FIRST_DECLINED for code in codes]
        if any(refused):
            must(all(refused), "group {}: refused in part: {}", name, codes)
            must(not any(0 < block_of(a) <= delivery.shard_head for a in addresses), "group {}: was known", name)
            single = set(codes) - {Code.LINKED_REFUSED}
            must(bool(single), "group {}: refused for nothing", name)
            must(Code.GROUP_INVALID not in single or len(set(codes)) == 1, "group {}: {}", name, codes)
            return
        must(len({result["replayed"] for result in results}) == 1, "group {}: repeated in part", name)
        must(not any(map(self._was_recorded, group)), "group {}: a part of it is no repetition", name)
        declined = [code for code in codes if code not in (Code.OK, Code.LINKED_DECLINED)]
        good = len(declined) == 1 and Code.OK not in codes if any(codes) else True
        must(good, "group {}: codes {}", name, codes)

    def _was_recorded(self, request: Request) -> bool:
        """Whether what a row repeats is still there: a failover may have lost it while the row was on its way."""
        record = self.model.records.get(int(request.result["address"])) if request.part else None
        return record is not None and record.digest == request.part

    def judge_untried(self, request: Request) -> None:
        """A client hears that its request, sent under a key of its own, did nothing."""
        self.step()
        record = self.model.records.get(self.model.keys.get(request.key_id, 0))
        done = record is not None and record.digest == request.digest
        must(not done, "request {}: said to have done nothing, and is recorded", request.digest)

    def _judge_found(self, question: FindQuestion, value: int) -> None:
        address = self.model.keys.get(question.key_id, 0)
        if value == 0:
            must(not 0 < block_of(address) <= question.head, "key {}: not found, was durable", question.key_id)
        else:
            must(value == address, "key {}: found {}, durable is {}", question.key_id, value, address)

    def _judge_reading(self, shard: int, question: ReadQuestion | ProfileQuestion, value: Any) -> None:
        addresses = [int(a) for a in question.addresses]
        must(len(value) == len(addresses), "shard {}: a reading of other wallets", shard)
        shown: list[State] = [tuple(row[i] for i in _STATE_AT) for row in value.tolist()]
        here = self.model.shards[shard]
        wallets = [here.wallets.get(address) for address in addresses]
        times = {question.head}
        for wallet in wallets:
            if wallet is not None:
                times.update(block for block in wallet.blocks if block > question.head)
        for block in sorted(times):
            if all(w.at(block) == s if w else s == ABSENT for w, s in zip(wallets, shown, strict=True)):
                return
        must(False, "shard {}: wallets {} were never as shown since block {}", shard, addresses, question.head)

    def judge_head(self, shard: int, address: int, asked_at: int, start: int) -> None:
        """A statement that was asked for when the journal had `asked_at` blocks is shown from the record at `start` on, 0 for none."""
        self.step()
        wallet = self.model.shards[shard].wallets.get(address)
        if wallet is None:
            must(start == 0, "shard {}: wallet {} has no record {}", shard, address, start)
            return
        blocks = {asked_at, *(block for block in wallet.blocks if block > asked_at)}
        heads = {dict(zip(STATE_FIELDS, wallet.at(block), strict=True))["head"] for block in blocks}
        must(start in heads, "shard {}: the chain of wallet {} began at {}, not at {}", shard, address, heads, start)
        self._scheduler.count("statements begun")

    # When all is quiet.

    def outstanding(self) -> str:
        """What is still to come before all remote credits are applied and all cursors are written that must be; empty when nothing is."""
        for (sender, receiver), legs in self.model.pending.items():
            if legs:
                return f"{len(legs)} legs from shard {sender} to {receiver} have not landed, the first is {next(iter(legs))}"
        for number, shard in enumerate(self.model.shards):
            for address, hold in shard.holds.items():
                if hold.expiry <= SHORT_HOLDS_END_MS:
                    return f"hold {address} of shard {number} was due {self._scheduler.now - hold.expiry} ms ago"
        return self.model.credit.outstanding(SHORT_HOLDS_END_MS)

    def quiesce(self, ledgers: list[Ledger]) -> None:
        """All is quiet: nothing is in transit, what shards know of each other's wallets is what those are, and what they have in memory,
        however they came by it, is what the journals say."""
        self.step()
        must(not any(self.model.in_transit.values()), "in transit: {}", self.model.in_transit)
        for receiver, shard in enumerate(self.model.shards):
            for sender, other in enumerate(self.model.shards):
                behind = other.head - shard.cursors.get(sender, 0)
                must(
                    sender == receiver or behind <= BEHIND_MAX, "cursor {} -> {} is {} behind", sender, receiver, behind
                )
        for number, shard in enumerate(self.model.shards):
            for address, profile in shard.profiles.items():
                wallet = self.model.wallet(address, number)
                state = (wallet.currency, wallet.kind, wallet.status, wallet.tier, wallet.opened)
                must(state == profile, "shard {} knows wallet {} as {}, it is {}", number, address, profile, state)
            self._compare(number, shard, ledgers[number])
            self.model.credit.shards[number].cases.compare_details(number, self._database.journals[number])
            self._compare_profiles(number, ledgers[number])

    def recovered(self, number: int, ledger: Ledger, block: int) -> None:
        """A process has in memory what checkpoint and journal up to `block` give; called when no newer block is durable."""
        self.step()
        shard = self.model.shards[number]
        if shard.head == block:
            self._compare(number, shard, ledger)
            self._scheduler.count("recoveries compared with the journal")

    def _compare_profiles(self, number: int, ledger: Ledger) -> None:
        for row in ledger.book.profiles[: int(ledger.book.meta[M_PROFILES])]:
            if row["kind"] and row["address"]:
                wallet = self.model.wallet(int(row["address"]), number)
                kept = {name: int(row[name]) for name in ("currency", "kind", "status", "tier", "opened")}
                state = {name: getattr(wallet, name) for name in kept}
                must(kept == state, "shard {} keeps wallet {} as {}, it is {}", number, row["address"], kept, state)

    def _compare(self, number: int, shard: Shard, ledger: Ledger) -> None:
        self.model.credit.compare(number, ledger)
        for address, wallet in shard.wallets.items():
            row = ledger.wallet(address)
            must(row is not None, "shard {} has no wallet {}", number, address)
            assert row is not None
            for name in (*STATE_FIELDS, *REMEMBERED):
                kept = int(row[name][0])
                must(kept == getattr(wallet, name), "shard {}: wallet {}: {} is {}", number, address, name, kept)
        holds = ledger.book.holds
        held = {
            int(hold["address"]): (*(int(hold[n]) for n in ("left", "expiry", "review")), int(kept), int(caller))
            for hold, kept, caller in zip(holds.rows, holds.kept, holds.callers, strict=True)
            if hold["address"]
        }
        wanted = {address: self._wanted(address, hold) for address, hold in shard.holds.items()}
        for address, (*_, review, _, caller) in held.items():
            if not review and address in wanted:  # of one that is not in review it says nothing
                held[address] = (*held[address][:3], wanted[address][3], caller)
        must(held == wanted, "shard {}: holds are {}, not {}", number, held, wanted)

    def _wanted(self, address: int, hold: Any) -> tuple[int, int, int, int, int]:
        """What a shard must have of an open hold: left, expiry, whether it is in review, until when it is held then, whose it is."""
        record = self.model.records[address]
        kept = record.record_time + 1_000 * record.payee_lag if hold.review and record.payee_lag else 0
        return hold.left, hold.expiry, int(hold.review), kept, record.caller


def _groups(requests: list[Request]) -> Iterator[tuple[int, int]]:
    """Where rows that are linked, or were, begin and end."""
    first = 0
    for i, request in enumerate(requests):
        if not request.flags & FLAG_LINKED:
            if i > first or request.part:
                yield first, i + 1
            first = i + 1
