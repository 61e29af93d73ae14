"""The naive model of what becomes of a transfer: captures, voids and expiries of holds, answers of analysts, and refunds. Nothing of the
ledger's code."""

from typing import TYPE_CHECKING, Any

from actors.records.codes import Code
from actors.records.layout import (
    FLAG_FINAL,
    FLAG_IMPORTED,
    FLAG_REMOTE,
    FLAG_REVIEW,
    REQUEST_ANSWER,
    Kind,
    WalletStatus,
    case_end,
)
from tests.sim.questions import Request
from tests.sim.truth import must

if TYPE_CHECKING:
    from tests.sim.model import Hold, Model, Wallet

DAY_MS = 86_400_000


class Lifecycles:
    """Judges records that refer to earlier ones, within a `Model`."""

    def __init__(self, model: "Model") -> None:
        self._model = model

    def captured(self, shard: int, address: int, record: Any) -> None:
        """CAPTURE: money that was held moves; when final, the rest is released."""
        request, hold = self._hold_of(shard, address, record)
        final = bool(request.flags & FLAG_FINAL) or record.amount == hold.left
        must(bool(record.flags & FLAG_FINAL) == final, "capture {}: final or not?", address)
        payer, payee = self._model.parties(shard, address, record)
        closed = self._model.payee_closed(self._model.shards[shard], record, payee)
        out = not self._model.fits_payer(payer, record.amount)
        out = out or (payee is not None and not self._model.fits(payee, record.amount))
        code = Code.PAYEE_CLOSED if closed else Code.BALANCE_OUT_OF_RANGE if out else Code.OK
        must(record.code == code, "capture {}: code {}, not {}", address, record.code, code)
        self._count(record)
        if record.code != 0:
            return
        self._refer(address, record)
        hold.left -= record.amount
        payer.held -= record.amount
        if final:
            self._model.counts["captures that released a rest"] += hold.left > 0
            self._end(shard, hold.left, hold, payer, record)
        else:
            self._model.counts["captures in part"] += 1
        self._model.move(shard, address, record, payer, payee)

    def voided(self, shard: int, address: int, record: Any) -> None:
        """VOID: all that is left is released."""
        _, hold = self._hold_of(shard, address, record)
        must(record.amount == hold.left, "void {}: releases {} of {}", address, record.amount, hold.left)
        self._release(shard, address, record, hold)

    def approved(self, shard: int, address: int, record: Any) -> None:
        """APPROVAL: a hold that was in review is an ordinary one from now on, for as long as was asked for at first."""
        _, hold = self._hold_of(shard, address, record)
        must(record.code == 0 and record.amount == hold.left, "approval {}: of another amount", address)
        kept = hold.record.record_time + 1000 * hold.record.payee_lag
        must(record.expiry == kept >= hold.expiry, "approval {}: until {}, not {}", address, record.expiry, kept)
        self._count(record)
        self._refer(address, record)
        hold.review, hold.expiry = False, kept
        self._model.show_payer(shard, address, record, self._model.shards[shard].wallets[record.payer])

    def expired(self, shard: int, address: int, record: Any) -> None:
        """EXPIRY: nobody asked; holds expire in the order of their expiry, at or after it."""
        here = self._model.shards[shard]
        hold = here.holds.get(record.reference)
        must(hold is not None, "expiry {} of {}, which is not open", address, record.reference)
        assert hold is not None
        self._same(address, record, hold)
        must(record.key_hi == record.key_lo == record.digest == record.caller == 0, "expiry {} has a key", address)
        must(record.effective_time == record.record_time, "expiry {}: effective time", address)
        must(record.record_time >= hold.expiry, "expiry {}: before its time", address)
        first = min(other.expiry for other in here.holds.values())
        must(hold.expiry == first, "expiry {}: another hold was due before", address)
        must(record.amount == hold.left, "expiry {}: releases {} of {}", address, record.amount, hold.left)
        self._model.counts["expiries after a capture"] += hold.left < hold.record.amount
        self._release(shard, address, record, hold)

    def refunded(self, shard: int, address: int, record: Any) -> None:
        """REFUND: of what moved money, the other way, never beyond it."""
        request = self._model.take_key(shard, address, record)
        body = request.body
        self._model.check_times(address, record, request)
        self._model.check_after(shard, address, request)
        original = self._model.records.get(record.reference)
        must(body["after"] == record.reference, "refund {} of another than asked", address)
        must(
            original is not None and original.code == 0 and original.kind in (Kind.TRANSFER, Kind.CAPTURE),
            "refund {} of what moved no money: {}", address, original,
        )  # fmt: skip
        assert original is not None
        self._body(address, record, body)
        turned = (original.payee, original.payer, original.currency, original.label)
        shown = (record.payer, record.payee, record.currency, record.label)
        must(turned == shown, "refund {}: {} of {}", address, shown, turned)
        before = self._model.refunded.get(record.reference, 0)
        amount = body["amount"] or original.amount - before
        must(record.amount == amount > 0, "refund {}: {}, not {}", address, record.amount, amount)
        must(before + amount <= original.amount, "refund {}: {} of {} was refunded", address, before, original.amount)
        payer, payee = self._model.parties(shard, address, record)
        code = self._decide_refund(shard, record, payer, payee)
        must(record.code == code, "refund {}: code {}, not {}", address, record.code, code)
        self._count(record)
        if record.code == 0:
            self._refer(address, record)
            self._model.refunded[record.reference] = before + amount
            self._model.counts["refunds of captures"] += original.kind == Kind.CAPTURE
            self._model.counts["refunds after a refund"] += before > 0
            self._model.move(shard, address, record, payer, payee)

    def _decide_refund(self, shard: int, record: Any, payer: "Wallet", payee: "Wallet | None") -> int:
        model, amount = self._model, record.amount
        rules = (
            (Code.PAYER_CLOSED, payer.status == WalletStatus.CLOSED),
            (Code.PAYER_FROZEN, payer.status == WalletStatus.FROZEN),
            (Code.PAYEE_CLOSED, model.payee_closed(model.shards[shard], record, payee)),
            (Code.INSUFFICIENT_FUNDS, payer.is_user and payer.posted - payer.held - amount < payer.floor),
            (Code.BALANCE_OUT_OF_RANGE, not model.fits_payer(payer, amount)),
            (Code.BALANCE_OUT_OF_RANGE, payee is not None and not model.fits(payee, amount)),
        )
        return int(next((code for code, broken in rules if broken), Code.OK))

    def _hold_of(self, shard: int, address: int, record: Any) -> "tuple[Request, Hold]":
        """The open hold that a CAPTURE or VOID record is of, and the request for it."""
        model = self._model
        request = model.take_key(shard, address, record)
        must(request.body["after"] == record.reference, "record {} of another hold than asked", address)
        hold = model.shards[shard].holds.get(record.reference)
        must(hold is not None, "record {} of {}, which is not open", address, record.reference)
        assert hold is not None
        self._same(address, record, hold)
        self._body(address, record, request.body)
        answer = bool(request.flags & REQUEST_ANSWER)
        must(answer == hold.review, "record {}: by an analyst: {}, in review: {}", address, answer, hold.review)
        if answer and record.kind != Kind.VOID:
            must((record.kind == Kind.APPROVAL) == bool(hold.record.payee_lag), "record {}: approved as such?", address)
            must(record.amount == hold.record.amount, "record {}: a case is approved whole", address)
        must(record.record_time < hold.expiry, "record {} of a hold that is dead", address)
        model.check_times(address, record, request)
        must(record.effective_time >= hold.record.effective_time, "record {}: before its hold", address)
        amount = request.body["amount"] or hold.left
        must(record.amount == amount <= hold.left, "record {}: {} of {}", address, record.amount, hold.left)
        return request, hold

    @staticmethod
    def _same(address: int, record: Any, hold: "Hold") -> None:
        for name in ("payer", "payee", "currency", "label"):
            must(getattr(record, name) == getattr(hold.record, name), "record {}: {} is not its hold's", address, name)
        by_caller = record.kind == Kind.VOID and record.flags & FLAG_REVIEW
        possible = FLAG_FINAL if by_caller else 0
        must(
            record.kind == Kind.CAPTURE or not record.flags & (FLAG_REMOTE | FLAG_FINAL) & ~possible,
            "record {}: flags",
            address,
        )
        must(bool(record.flags & FLAG_REVIEW) == hold.review, "record {}: of a case or not?", address)
        must(record.kind != Kind.EXPIRY or not record.flags & FLAG_IMPORTED, "record {}: imported", address)

    @staticmethod
    def _body(address: int, record: Any, body: dict[str, int]) -> None:
        for name in ("payer", "payee", "currency"):
            must(getattr(record, name) == body[name], "record {}: another {} than asked", address, name)

    def _release(self, shard: int, address: int, record: Any, hold: "Hold") -> None:
        payer = self._model.shards[shard].wallets[record.payer]
        must(record.code == 0, "record {}: code {}", address, record.code)
        self._count(record)
        self._refer(address, record)
        self._end(shard, record.amount, hold, payer, record)
        self._model.show_payer(shard, address, record, payer)

    def _end(self, shard: int, released: int, hold: "Hold", payer: "Wallet", record: Any) -> None:
        """The hold is no more; what is released is given back to the day that counted it, if it is still that day."""
        payer.held -= released
        day = hold.record.effective_time // DAY_MS
        today = record.effective_time // DAY_MS
        if payer.is_user and released and payer.day == day:
            self._model.counts["released on another day" if today != day else "released on the same day"] += 1
            payer.day_total -= released if today == day else 0
        del self._model.shards[shard].holds[record.reference]

    def _refer(self, address: int, record: Any) -> None:
        self._model.references.setdefault(record.reference, []).append(address)
        if record.flags & FLAG_REVIEW:
            time, status = self._model.reviews[record.reference]
            must(status == 0, "record {}: the case was decided before", address)
            self._model.reviews[record.reference] = (time, int(case_end(record.kind, record.flags)))
            self._model.counts[f"cases {case_end(record.kind, record.flags).name}"] += 1

    def _count(self, record: Any) -> None:
        counts = self._model.counts
        counts[f"recorded {Code(record.code).name}"] += 1
        counts[f"{Kind(record.kind).name} recorded {'OK' if record.code == 0 else 'declined'}"] += 1
