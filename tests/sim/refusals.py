"""Refusals leave no trace, so each is judged by what it says: it must be true of what is durable when it is given."""

from collections.abc import Callable
from typing import Any, Final

from actors.records.codes import Code
from actors.records.layout import AMOUNT_MAX, ATTEMPTS, REQUEST_ANSWER, Kind, WalletStatus
from rules.vocabulary.encodings import WalletKind
from tests.sim.credit_model import ROW
from tests.sim.model import Model, in_review
from tests.sim.questions import Request

AHEAD_MAX_MS: Final = 5_000
"""Record time is ahead of true time by no more than this."""
HOLD_SECONDS_MAX: Final = 365 * 86_400


class Refusals:
    """One method a code; `head`: the journal's head when the request came."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._codes: dict[int, Callable[[Request, int, int], bool]] = {
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
            Code.WALLET_HAS_ORDERS: self._wallet_has_orders,
            Code.INVALID_REQUEST: self._invalid,
            Code.HOLD_NOT_OPEN: self._hold_not_open,
            Code.HOLD_EXPIRED: self._hold_expired,
            Code.HOLD_EXCEEDED: self._hold_exceeded,
            Code.NOT_REFUNDABLE: self._not_refundable,
            Code.REFUND_EXCEEDED: self._refund_exceeded,
            Code.HOLD_IN_REVIEW: self._hold_in_review,
            Code.NOT_IN_REVIEW: self._not_in_review,
            Code.GROUP_INVALID: self._group_invalid,
            Code.LINKED_REFUSED: self._linked_refused,
        }

    def true(self, code: int, request: Request, delivery: Any) -> bool:
        """Whether what the code says of the request is true."""
        self._until = delivery.until()
        return self._codes[code](request, delivery.shard_head, delivery.clock)

    def _wallet(self, address: int, shard: int) -> Any:
        return self._model.wallet(address, shard)

    # Wallets and times.

    def _same_wallet(self, request: Request, _: int, __: int) -> bool:
        return request.body["payer"] == request.body["payee"]

    def _payer_not_found(self, request: Request, head: int, _: int) -> bool:
        wallet = self._wallet(request.body["payer"], request.shard)
        return wallet is None or wallet.blocks[0] > head

    def _payee_not_found(self, request: Request, _: int, __: int) -> bool:
        wallet = self._wallet(request.body["payee"], request.shard)
        return wallet is None or wallet.opened_at >= request.first_sent

    def _wallet_not_found(self, request: Request, head: int, _: int) -> bool:
        wallet = self._wallet(request.body["payee"], request.shard)
        return (
            wallet is None or wallet.blocks[0] > head or self._model.is_anothers(request.body["payee"], request.shard)
        )

    def _currency_mismatch(self, request: Request, _: int, __: int) -> bool:
        wallets = [self._wallet(request.body[name], request.shard) for name in ("payer", "payee")]
        return any(w is not None and w.currency != request.body["currency"] for w in wallets)

    def _in_future(self, request: Request, _: int, clock: int) -> bool:
        return request.body["effective_time"] > clock

    def _went_back(self, request: Request, _: int, __: int) -> bool:
        if request.body["op"] in ATTEMPTS:
            wallet = self._wallet(request.body["payer"], request.shard)
            return bool(wallet.payer_time > request.body["effective_time"] > 0)
        hold = self._model.records[request.body["after"]]
        return bool(hold.effective_time > request.body["effective_time"] > 0)

    def _after_not_found(self, request: Request, _: int, __: int) -> bool:
        """Also when a restore lost what it names."""
        named = self._model.records.get(request.body["after"])
        lost = named is None or request.source is None or named.digest != request.source.digest
        return request.body["after"] != 0 and lost

    def _operator_wallet(self, request: Request, _: int, __: int) -> bool:
        return bool(self._wallet(request.body["payee"], request.shard).kind > WalletKind.MERCHANT)

    def _wallet_closed(self, request: Request, _: int, __: int) -> bool:
        return bool(self._wallet(request.body["payee"], request.shard).status == WalletStatus.CLOSED)

    def _wallet_not_empty(self, request: Request, head: int, _: int) -> bool:
        wallet = self._wallet(request.body["payee"], request.shard)
        state = wallet.at(head)
        return bool(state[0] != state[1] or state[2] or wallet.filled_in > head)

    def _wallet_has_orders(self, request: Request, head: int, _: int) -> bool:
        """At one time since the question."""
        states = self._model.credit.shards[request.shard].states.get(request.body["payee"], [])
        since = [row for block, row in states if block <= head][-1:] + [row for block, row in states if block > head]
        return any(row[ROW.index("open")] for row in since)

    # Values.

    def _invalid(self, request: Request, _: int, __: int) -> bool:
        body = request.body
        op, amount = body["op"], body["amount"]
        if op in ATTEMPTS:
            expires = body["expires_in_s"]
            return not 1 <= amount <= AMOUNT_MAX or (op == Kind.HOLD and not 1 <= expires <= HOLD_SECONDS_MAX)
        if op == Kind.WALLET_OPENED:
            return self._wallet(body["payee"], request.shard) is not None
        answer = bool(request.flags & REQUEST_ANSWER)
        most = 0 if answer or op in (Kind.VOID, Kind.APPROVAL) else AMOUNT_MAX
        if len(request.unit) > 1 or body["after"] == 0 or not 0 <= amount <= most:
            return True
        if op == Kind.APPROVAL and not answer:
            return True
        target = self._model.records.get(body["after"])
        if target is None:
            return False
        if in_review(target) and answer and (op == Kind.APPROVAL) != bool(target.payee_lag):
            return True
        shown = (target.payer, target.payee) if op != Kind.REFUND else (target.payee, target.payer)
        return (*shown, target.currency) != (body["payer"], body["payee"], body["currency"])

    # Holds and refunds.

    def _hold_not_open(self, request: Request, _: int, __: int) -> bool:
        return request.body["after"] not in self._model.shards[request.shard].holds

    def _hold_expired(self, request: Request, _: int, clock: int) -> bool:
        record = self._model.records.get(request.body["after"])
        return record is not None and bool(0 < record.expiry <= max(self._model.now, self._until) + AHEAD_MAX_MS)

    def _hold_exceeded(self, request: Request, _: int, __: int) -> bool:
        hold = self._model.shards[request.shard].holds.get(request.body["after"])
        return request.body["amount"] > (0 if hold is None else hold.left)

    def _hold_in_review(self, request: Request, _: int, __: int) -> bool:
        return in_review(self._model.records[request.body["after"]]) and not request.flags & REQUEST_ANSWER

    def _not_in_review(self, request: Request, _: int, __: int) -> bool:
        """Never, or no longer: it was approved."""
        hold = self._model.records[request.body["after"]]
        parts = [self._model.records[a].kind for a in self._model.references.get(request.body["after"], ())]
        return bool(request.flags & REQUEST_ANSWER) and (not in_review(hold) or Kind.APPROVAL in parts)

    def _not_refundable(self, request: Request, _: int, __: int) -> bool:
        """Where a restore lost the record, another may stand in its place: of other wallets than the refund names."""
        record = self._model.records.get(request.body["after"])
        if record is None or record.code != 0 or record.kind not in (Kind.TRANSFER, Kind.CAPTURE):
            return True
        return self._model.restored and request.source is not None and record.digest != request.source.digest

    def _refund_exceeded(self, request: Request, _: int, __: int) -> bool:
        original = self._model.records[request.body["after"]]
        left = original.amount - self._model.refunded.get(request.body["after"], 0)
        return left == 0 or bool(request.body["amount"] > left)

    # Groups.

    def _group_invalid(self, request: Request, _: int, __: int) -> bool:
        unit = request.unit
        payers = {row.body["payer"] for row in unit if row.body["payer"] >> 16}
        times = {row.body["effective_time"] for row in unit}
        return len(payers) > 1 or len(times) > 1 or len({row.key_id for row in unit}) < len(unit)

    def _linked_refused(self, request: Request, _: int, __: int) -> bool:
        return len(request.unit) > 1
