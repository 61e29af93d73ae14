"""Transfers and wallets as JSON objects, made from results and records."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Raw, UnsetType

from actors.records.codes import REVIEW_ENDS, Code, is_declined
from actors.records.ids import transfer_id
from actors.records.layout import FIELDS, FLAG_FALLBACK, FLAG_SCORED, OPERATOR_KINDS, WalletStatus
from actors.records.secret import Secret
from actors.stores.wallet_profiles import Profile
from rules.decisions.decision import Action
from rules.vocabulary.currencies import ALPHA, DECIMALS
from rules.vocabulary.encodings import Channel, Label, WalletKind
from switch.gateway.encode import HOLD_SECONDS
from switch.gateway.write_queue import Result
from switch.http.schema import Context, Transfer
from switch.http.server import Answer
from switch.http.times import time_text
from switch.problems.table import NUMBERS, ProblemError
from switch.views.pack_names import Names

_ENCODE: Final = msgspec.json.Encoder().encode
LABEL_NAMES: Final = {int(label): label.name.lower() for label in Label}
CHANNEL_NAMES: Final = {int(channel): channel.name.lower() for channel in Channel}
KIND_NAMES: Final = {int(kind): kind.name.lower() for kind in WalletKind}
STATUS_NAMES: Final = {int(status): status.name.lower() for status in WalletStatus}
ACTION_NAMES: Final = {int(action): action.name.lower() for action in Action}
_NO_CONTEXT: Final = Context()
NO_DETAILS: Final[Mapping[int, str]] = {}
NO_NAMES: Final[Names] = {}
"""For what is never scored."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What scoring said. `fallback`: no scorer answered in time, the pack's fallback decided."""

    action: str
    points: int
    reasons: tuple[str, ...]
    pack: str
    fallback: bool | UnsetType = UNSET


class PartAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A capture, or a refund of what is shown or of one of its captures. `suspense`: as in TransferAnswer."""

    id: str
    of: str
    amount: int
    suspense: bool | UnsetType = UNSET
    created_at: str
    effective_at: str


class ReviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an analyst has to say of a payment, or has said. `status`: open, approved, declined or expired; `decided_by`: an account."""

    status: str
    expires_at: str
    decided_by: str | None = None
    decided_at: str | None = None


class BalanceAfter(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet after a payment. Operator wallets have no floor, so nothing is called available there."""

    posted: int
    held: int
    available: int | None


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """Payer and payee after a payment; None where the key may not read them."""

    payer: BalanceAfter | None
    payee: BalanceAfter | None


class TransferAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer, or what became of one, as it is shown. `type`: transfer, hold, capture, void, expiry or refund; `of`: the record it
    refers to. `left`: what can still be captured of an open hold, or refunded of money that moved. `suspense`: the payee could not take
    the money, it lies on the currency's suspense wallet; of a hold, that of a capture."""

    id: str
    type: str
    status: str
    code: str | UnsetType = UNSET
    of: str | UnsetType = UNSET
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    reference: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET
    context: Context | UnsetType = UNSET
    decision: Decision | None
    review: ReviewAnswer | UnsetType = UNSET
    created_at: str
    effective_at: str
    expires_at: str | UnsetType = UNSET
    captured: int | UnsetType = UNSET
    released: int | UnsetType = UNSET
    refunded: int | UnsetType = UNSET
    left: int | UnsetType = UNSET
    suspense: bool | UnsetType = UNSET
    captures: list[PartAnswer] | UnsetType = UNSET
    refunds: list[PartAnswer] | UnsetType = UNSET
    balances: Balances | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET


class WalletAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet as it is shown. Operator wallets have no floor, so nothing is called available there. `decimals`: places of the currency's
    minor unit, in which amounts are."""

    id: str
    currency: str
    decimals: int | None
    kind: str
    status: str
    posted: int
    held: int
    available: int | None
    floor: int | None
    tier: int | None
    external_id: str | None
    owner: str | None
    attributes: Raw
    metadata: Raw
    created_at: str
    replayed: bool | UnsetType = UNSET


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger says of a wallet, stripes added up."""

    currency: int
    kind: int
    status: int
    tier: int
    posted: int
    held: int
    floor: int
    opened: int


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A value as a JSON answer."""
    return Answer(_ENCODE(value), status, headers)


def recorded_response(place: str, shown: Any, *, replayed: bool, status: int = 201) -> web.Response:
    """What a call recorded, as it is shown. `place`: the path of all of its sort; `replayed`: an earlier request with this key did it."""
    headers = {"Location": f"{place}/{shown.id}"} if status == 201 else {}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
        shown = msgspec.structs.replace(shown, replayed=True)
    return json_response(shown, status, headers)


def decision_of(names: Names, flags: int, action: int, points: int, reasons: int, pack: int) -> Decision | None:
    """A decision by its numbers; None when the payment was not scored."""
    if not flags & FLAG_SCORED:
        return None
    known = names.get(pack)
    label, texts = (str(pack), ()) if known is None else (known.label, known.reasons)
    return Decision(
        action=ACTION_NAMES.get(action, str(action)),
        points=points,
        reasons=tuple(text for bit, text in enumerate(texts) if reasons >> bit & 1) if reasons else (),
        pack=label,
        fallback=True if flags & FLAG_FALLBACK else UNSET,
    )


def result_decision(names: Names, result: Result) -> Decision | None:
    """The decision in a result."""
    return decision_of(names, result.flags, result.action, result.points, result.reasons, result.pack)


def recorded_decision(names: Names, record: dict[str, int]) -> Decision | None:
    """The decision in a journal record."""
    flags, action = record["flags"], record["decision"]
    return decision_of(names, flags, action, record["points"], record["reasons"], record["pack"])


def posted_answer(secret: Secret, names: Names, transfer: Transfer, result: Result) -> TransferAnswer:
    """The answer to a payment that was made, now or when its key was first used."""
    held = transfer.hold is True
    expires_in = transfer.expires_in if transfer.expires_in is not UNSET else HOLD_SECONDS
    created_at = time_text(result.record_time)
    return TransferAnswer(
        id=transfer_id(secret, result.record_time, result.address),
        type="hold" if held else "transfer",
        status="in_review" if result.code == Code.IN_REVIEW else "held" if held else "posted",
        expires_at=time_text(result.record_time + expires_in * 1000) if held else UNSET,
        payer=transfer.payer.lower(),
        payee=transfer.payee.lower(),
        amount=transfer.amount,
        currency=transfer.currency,
        kind=transfer.kind or "transfer",
        reference=transfer.reference,
        metadata=transfer.metadata or UNSET,
        context=UNSET if transfer.context == _NO_CONTEXT else transfer.context,
        decision=result_decision(names, result),
        created_at=created_at,
        effective_at=created_at if result.effective_time == result.record_time else time_text(result.effective_time),
        replayed=bool(result.replayed),
    )


def too_low(wallet: str, amount: int, currency: str) -> dict[int, str]:
    """Why there are too few funds, by code."""
    return {Code.INSUFFICIENT_FUNDS: f"{amount} {currency} (minor units) is more than the wallet {wallet} can pay."}


def refusal(
    secret: Secret, result: Result, names: Names = NO_NAMES, details: Mapping[int, str] = NO_DETAILS
) -> ProblemError:
    """The problem of a result that is not OK: recorded declines carry their transfer. `details`: words for the case at hand, by code."""
    code = NUMBERS[result.code]
    replayed = bool(result.replayed)
    if (is_declined(result.code) or result.code in REVIEW_ENDS) and result.address:
        decision = result_decision(names, result)
        return ProblemError(
            code,
            details.get(result.code),
            transfer_id=transfer_id(secret, result.record_time, result.address),
            decision=None if decision is None else msgspec.to_builtins(decision),
            replayed=replayed,
        )
    if result.code == Code.IDEMPOTENCY_MISMATCH:
        return ProblemError(code, f"The {FIELDS[result.field]} differs from the first request's.")
    return ProblemError(code, details.get(result.code))


def wallet_answer(
    identity: str, balance: Balance, profile: Profile, replayed: bool | UnsetType = UNSET
) -> WalletAnswer:
    """A wallet as ledger and profile tell it."""
    operator = balance.kind in OPERATOR_KINDS
    return WalletAnswer(
        id=identity,
        currency=ALPHA[balance.currency],
        decimals=DECIMALS[ALPHA[balance.currency]],
        kind=KIND_NAMES[balance.kind],
        status=STATUS_NAMES[balance.status],
        posted=balance.posted,
        held=balance.held,
        available=None if operator else balance.posted - balance.held - balance.floor,
        floor=None if operator else balance.floor,
        tier=None if operator else balance.tier,
        external_id=profile.external_id,
        owner=profile.owner,
        attributes=Raw((profile.attributes or "{}").encode()),
        metadata=Raw((profile.metadata or "{}").encode()),
        created_at=time_text(balance.opened),
        replayed=replayed,
    )
