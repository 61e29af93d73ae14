"""Judges every step: what became durable, and every answer at the moment it is given, whether or not it arrives.

An answer is true when the journal, as it is then, says the same. A reading is true when it shows the journal as it was at one time
between question and answer. It knows nothing of processes: an old one that still answers is judged like any other.
"""

from collections.abc import Callable
from typing import Any, Final

from actors.ledger.codes import FIRST_REFUSED, Code, is_declined
from actors.ledger.ids import block_of
from actors.ledger.layout import AMOUNT_MAX, FIELDS, RESULT, WALLET, Kind, WalletKind, WalletStatus
from tests.sim.database import Database
from tests.sim.model import ABSENT, STATE_FIELDS, Model, State, must
from tests.sim.questions import FindQuestion, ProfileQuestion, ReadQuestion, Request, SubmitQuestion
from tests.sim.scheduler import Scheduler

_RESULT_NAMES: Final = tuple(RESULT.names or ())
_STATE_AT: Final = tuple((WALLET.names or ()).index(name) for name in STATE_FIELDS)
_SAID: Final = (
    ("action", "decision"),
    ("points", "points"),
    ("reasons", "reasons"),
    ("pack", "pack"),
    ("record_time", "record_time"),
    ("effective_time", "effective_time"),
    ("flags", "flags"),
)

BEHIND_MAX: Final = 40
"""Blocks by which a cursor in the journal may stay behind: CURSOR_BLOCKS_MAX as made small in a seed, a page, and what is in flight."""


class Auditor:
    """`requests`: all that clients ever asked for, by digest."""

    def __init__(self, shards: int, database: Database, limits: dict[int, int], scheduler: Scheduler) -> None:
        self.model = Model(shards, database.segments, limits, scheduler.counts)
        self.requests = self.model.requests
        self._database = database
        self._scheduler = scheduler
        self._told_first: set[int] = set()
        self._refusals: dict[int, Callable[[Request, int, Any], bool]] = {
            Code.SAME_WALLET: self._same_wallet,
            Code.PAYER_NOT_FOUND: self._payer_not_found,
            Code.PAYEE_NOT_FOUND: self._payee_not_found,
            Code.WALLET_NOT_FOUND: self._wallet_not_found,
            Code.CURRENCY_MISMATCH: self._currency_mismatch,
            Code.EFFECTIVE_TIME_IN_FUTURE: self._in_future,
            Code.EFFECTIVE_TIME_WENT_BACK: self._went_back,
            Code.AFTER_NOT_FOUND: self._after_not_found,
            Code.OPERATOR_WALLET: self._operator_wallet,
            Code.WALLET_CLOSED: self._wallet_closed,
            Code.WALLET_NOT_EMPTY: self._wallet_not_empty,
            Code.INVALID_REQUEST: self._invalid,
        }

    def step(self) -> None:
        """Judge what has become durable since."""
        if not self._database.fresh:
            return
        for shard, sealed in self._database.fresh:
            self.model.read_block(shard, sealed, self._scheduler.now)
        self._database.fresh.clear()
        self.model.balanced()

    # Answers.

    def judge(self, shard: int, delivery: Any, value: Any) -> None:
        """An answer is given now."""
        self.step()
        must(delivery is not None, "shard {}: an answer to no question, or a second one", shard)
        question = delivery.question
        if isinstance(question, SubmitQuestion):
            must(len(value) == len(question.requests), "shard {}: results for other rows", shard)
            for request, row in zip(question.requests, value.tolist(), strict=True):
                self._judge_result(request, delivery, dict(zip(_RESULT_NAMES, row, strict=True)))
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
        elif code == Code.OK or is_declined(code):
            self._judge_recorded(request, address, delivery, result)
        else:
            known = 0 < block_of(address) <= delivery.shard_head
            must(not known, "request {}: {} though its key was known", request.digest, Code(code).name)
            must(not result["replayed"], "request {}: a refusal is no replay", request.digest)
            if code >= FIRST_REFUSED:
                true = self._refusals[code](request, delivery.shard_head, delivery)
                must(true, "request {} {}: {} is not true", request.digest, request.body, Code(code).name)

    def _judge_recorded(self, request: Request, address: int, delivery: Any, result: dict[str, Any]) -> None:
        code = Code(result["code"])
        must(address != 0, "request {}: {} and nothing is durable", request.digest, code.name)
        record = self.model.records[address]
        must(
            record.digest == request.digest, "request {}: {}, its key made another's record", request.digest, code.name
        )
        must(record.code == code, "request {}: {}, recorded was {}", request.digest, code.name, record.code)
        named = record.payee if record.kind == Kind.WALLET_OPENED else address
        must(result["address"] == named, "request {}: address {}", request.digest, result["address"])
        for said, recorded in _SAID:
            must(result[said] == getattr(record, recorded), "request {}: another {}", request.digest, said)
        if not result["replayed"]:
            must(address not in self._told_first, "request {}: told twice as new", request.digest)
            self._told_first.add(address)
            must(record.record_time >= delivery.clock, "request {}: recorded before it came", request.digest)

    def _judge_mismatch(self, request: Request, address: int, result: dict[str, Any]) -> None:
        must(address != 0, "request {}: a mismatch with nothing durable", request.digest)
        record = self.model.records[address]
        must(record.digest != request.digest, "request {}: a mismatch with itself", request.digest)
        field = FIELDS[result["field"]]
        if field in ("amount", "channel") and record.kind == Kind.TRANSFER:
            must(getattr(record, field) != request.body[field], "request {}: {} differs not", request.digest, field)

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

    # Refusals: each says something that must be true.

    def _wallet(self, address: int, shard: int) -> Any:
        owner = self.model.segments.get(address >> 16, shard)
        return self.model.shards[owner].wallets.get(address)

    def _same_wallet(self, request: Request, _: int, __: Any) -> bool:
        return request.body["payer"] == request.body["payee"]

    def _payer_not_found(self, request: Request, head: int, _: Any) -> bool:
        wallet = self._wallet(request.body["payer"], request.shard)
        return wallet is None or wallet.blocks[0] > head

    def _payee_not_found(self, request: Request, _: int, __: Any) -> bool:
        wallet = self._wallet(request.body["payee"], request.shard)
        return wallet is None or wallet.opened_at >= request.first_sent

    def _wallet_not_found(self, request: Request, head: int, _: Any) -> bool:
        wallet = self._wallet(request.body["payee"], request.shard)
        return wallet is None or wallet.blocks[0] > head

    def _currency_mismatch(self, request: Request, _: int, __: Any) -> bool:
        wallets = [self._wallet(request.body[name], request.shard) for name in ("payer", "payee")]
        return any(w is not None and w.currency != request.body["currency"] for w in wallets)

    def _in_future(self, request: Request, _: int, delivery: Any) -> bool:
        return bool(request.body["effective_time"] > delivery.clock)

    def _went_back(self, request: Request, _: int, __: Any) -> bool:
        wallet = self._wallet(request.body["payer"], request.shard)
        return bool(wallet.payer_time > request.body["effective_time"] > 0)

    def _after_not_found(self, request: Request, _: int, __: Any) -> bool:
        return request.body["after"] != 0 and request.source is None

    def _operator_wallet(self, request: Request, _: int, __: Any) -> bool:
        return bool(self._wallet(request.body["payee"], request.shard).kind > WalletKind.MERCHANT)

    def _wallet_closed(self, request: Request, _: int, __: Any) -> bool:
        return bool(self._wallet(request.body["payee"], request.shard).status == WalletStatus.CLOSED)

    def _wallet_not_empty(self, request: Request, head: int, _: Any) -> bool:
        wallet = self._wallet(request.body["payee"], request.shard)
        state = wallet.at(head)
        return bool(state[0] != state[1] or state[2] or wallet.filled_in > head)

    def _invalid(self, request: Request, _: int, __: Any) -> bool:
        body = request.body
        if body["op"] == Kind.TRANSFER:
            return not 1 <= body["amount"] <= AMOUNT_MAX
        return body["op"] == Kind.WALLET_OPENED and self._wallet(body["payee"], request.shard) is not None

    # When all is quiet.

    def unsettled(self) -> str:
        """What is still to come before all legs have landed and all cursors are written that must be; empty when nothing is."""
        for (sender, receiver), legs in self.model.pending.items():
            if legs:
                return f"{len(legs)} legs from shard {sender} to {receiver} have not landed, the first is {next(iter(legs))}"
        return ""

    def settle(self) -> None:
        """All is quiet: nothing is in transit, and what shards know of each other's wallets is what those are."""
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
                wallet = self._wallet(address, number)
                state = (wallet.currency, wallet.kind, wallet.status, wallet.tier, wallet.opened)
                must(state == profile, "shard {} knows wallet {} as {}, it is {}", number, address, profile, state)
