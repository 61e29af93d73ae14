"""What became of a transfer: made from its journal record and from those that refer to it, never from what a shard remembers."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from actors.ledger.ids import Secret, encode_wallet, transfer_id
from actors.ledger.layout import FLAG_FINAL, MOVEMENTS, REFERRING, Kind
from rules.currencies import ALPHA
from rules.encodings import country_text
from switch.answers import CHANNEL_NAMES, LABEL_NAMES, PartAnswer, TransferAnswer, recorded_decision
from switch.history import Found, Part
from switch.pack_names import Names
from switch.problems import NUMBERS
from switch.rows import Details
from switch.times import time_text
from switch.wire import Context

_DONE: Final = {
    Kind.TRANSFER: "posted",
    Kind.CAPTURE: "posted",
    Kind.REFUND: "posted",
    Kind.VOID: "voided",
    Kind.EXPIRY: "expired",
}


def ended_as(record: dict[str, int], address: int, parts: Sequence[Part], now_ms: int) -> str:
    """State of a hold: held, captured, voided or expired. It is dead at its expiry, whether or not that is recorded yet."""
    for part in parts:
        if part.target != address:
            continue
        if part.record["kind"] == Kind.VOID:
            return "voided"
        if part.record["kind"] == Kind.EXPIRY:
            return "expired"
        if part.record["kind"] == Kind.CAPTURE and part.record["flags"] & FLAG_FINAL:
            return "captured"
    return "expired" if now_ms >= record["expiry"] else "held"


def context_of(record: dict[str, int], details: Details) -> Context | UnsetType:
    """Where and how a payment was made, as its record and what is kept beside it tell."""
    context = Context(
        channel=CHANNEL_NAMES[record["channel"]] if record["channel"] else UNSET,
        country=country_text(record["country"]) if record["country"] else UNSET,
        device=details.device or UNSET,
        ip=details.ip or UNSET,
    )
    return context if context != Context() else UNSET


def transfer_answer(
    secret: Secret,
    names: Names,
    address: int,
    found: Found,
    parts: Sequence[Part],
    now_ms: int,
    target_time: int | None = None,
) -> TransferAnswer:
    """A record with what became of it. `target_time`: record time of what it refers to, if it does."""
    record, details = found.record, found.details
    kind, code = Kind(record["kind"]), record["code"]
    answer = TransferAnswer(
        id=transfer_id(record["record_time"], address),
        type=kind.name.lower(),
        status="declined" if code else _DONE.get(kind, ""),
        code=NUMBERS[code] if code else UNSET,
        of=UNSET if target_time is None else transfer_id(target_time, record["reference"]),
        payer=encode_wallet(secret, record["payer"]),
        payee=encode_wallet(secret, record["payee"]),
        amount=record["amount"],
        currency=ALPHA[record["currency"]],
        kind=LABEL_NAMES[record["label"]],
        reference=details.reference or UNSET,
        metadata=details.metadata or UNSET,
        context=context_of(record, details),
        decision=None if kind in REFERRING else recorded_decision(names, record),
        created_at=time_text(record["record_time"]),
        effective_at=time_text(record["effective_time"]),
    )
    if code:
        return answer
    return msgspec.structs.replace(answer, **_fate(record, address, parts, now_ms))


def _fate(record: dict[str, int], address: int, parts: Sequence[Part], now_ms: int) -> dict[str, Any]:
    times = {address: record["record_time"]} | {part.address: part.record["record_time"] for part in parts}
    captures = [part for part in parts if part.record["kind"] == Kind.CAPTURE]
    refunds = [part for part in parts if part.record["kind"] == Kind.REFUND]
    refunded = sum(part.record["amount"] for part in refunds)
    shown_refunds = [_part(part, times) for part in refunds]
    if record["kind"] != Kind.HOLD:
        if record["kind"] not in MOVEMENTS or record["kind"] == Kind.REFUND:
            return {}
        return {"refunded": refunded, "left": record["amount"] - refunded, "refunds": shown_refunds}
    state = ended_as(record, address, parts, now_ms)
    captured = sum(part.record["amount"] for part in captures)
    left = record["amount"] - captured if state == "held" else 0
    return {
        "status": state,
        "expires_at": time_text(record["expiry"]),
        "captured": captured,
        "released": record["amount"] - captured - left,
        "refunded": refunded,
        "left": left,
        "captures": [_part(part, times) for part in captures],
        "refunds": shown_refunds,
    }


def _part(part: Part, times: dict[int, int]) -> PartAnswer:
    record = part.record
    return PartAnswer(
        id=transfer_id(record["record_time"], part.address),
        of=transfer_id(times[part.target], part.target),
        amount=record["amount"],
        created_at=time_text(record["record_time"]),
        effective_at=time_text(record["effective_time"]),
    )
