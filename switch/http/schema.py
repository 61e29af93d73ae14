"""What comes in: strict types, no unknown fields, every length bounded, no control characters.

What is not as documented is refused; null for a field that may be left out is as if it were (switch/http/decoding.py).
"""

import contextlib
import ipaddress
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from actors.ledger.bounds import HOLD_SECONDS_MAX
from actors.records.layout import AMOUNT_MAX
from actors.stores.deployment import Mode
from actors.stores.scopes import SCOPES
from rules.decisions.split import SHARE_MAX
from rules.vocabulary.encodings import Channel, Label, WalletKind
from switch.problems.table import invalid_field

TRANSFERS_MAX: Final = 10_000
WALLETS_MAX: Final = 10_000
KEY_CHARACTERS_MAX: Final = 255
LOOKUPS_MAX: Final = 100
"""Each takes some reads of the journal."""
LABELS_MAX: Final = 1_000
"""Each is looked for in the journal."""
BACKTEST_LABELS_MAX: Final = 100_000
BACKTEST_LAST_MAX: Final = 100_000
"""Newest payments that a backtest is of; of more, say from when on."""

PRINTED: Final = r"^[^\x00-\x1f\x7f-\x9f]*\Z"
"""Text of one line. What controls a terminal is no part of a name, and PostgreSQL cannot hold NUL."""
LINES: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*\Z"
"""Text that may have tabs and several lines."""
COUNTRY: Final = r"^[A-Z]{2}\Z"
KEY: Final = r"^[ -~]+\Z"

Id = Annotated[str, Meta(min_length=36, max_length=36)]
Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
Currency = Annotated[str, Meta(min_length=3, max_length=3)]
NUMBER_CHARACTERS: Final = 64
"""Of a merchant's own number of an order."""
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=PRINTED)]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=40, pattern=PRINTED)]
MetadataText = Annotated[str, Meta(max_length=500, pattern=LINES)]
Metadata = Annotated[dict[MetadataKey, MetadataText], Meta(max_length=50)]
# What takes more than 64 bits cannot be digested, and few readers of the answer would take it.
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Attributes = Annotated[dict[MetadataKey, MetadataText | Integer | float | bool | None], Meta(max_length=50)]
DocumentName = Annotated[str, Meta(min_length=1, max_length=64, pattern=PRINTED)]
DEVICE_CHARACTERS_MAX: Final = 64
IP_CHARACTERS_MAX: Final = 45
"""Of the longest way to write an address of IPv6."""
Device = Annotated[str, Meta(min_length=1, max_length=DEVICE_CHARACTERS_MAX, pattern=PRINTED)]
Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=LINES)]
Reference = Annotated[str, Meta(min_length=1, max_length=256, pattern=PRINTED)]
Version = Annotated[int, Meta(ge=1, lt=2**31)]
Key = Annotated[str, Meta(min_length=1, max_length=KEY_CHARACTERS_MAX, pattern=KEY)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Base of what is read."""


class Context(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Where and how a payment was made; `device` is any name the caller has for it."""

    channel: str | UnsetType = UNSET
    device: Device | UnsetType = UNSET
    country: Annotated[str, Meta(pattern=COUNTRY)] | UnsetType = UNSET
    ip: Annotated[str, Meta(max_length=IP_CHARACTERS_MAX)] | UnsetType = UNSET


class Transfer(Wire, frozen=True, kw_only=True):
    """POST /v1/transfers. `expires_in`: seconds that an amount is held."""

    payer: Id
    payee: Id
    amount: Amount
    currency: Currency
    after: Id | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    context: Context | UnsetType = UNSET
    hold: bool | UnsetType = UNSET
    expires_in: Annotated[int, Meta(ge=1, le=HOLD_SECONDS_MAX)] | UnsetType = UNSET


class KeyedTransfer(Transfer, frozen=True, kw_only=True):
    """One row of POST /v1/transfers/batch. `effective_at` needs the scope import."""

    idempotency_key: Key
    effective_at: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET


class TransferBatch(Wire, frozen=True, kw_only=True):
    """POST /v1/transfers/batch: `transfers` is a list of KeyedTransfer. `linked`: all or none."""

    transfers: Raw
    linked: bool | UnsetType | None = UNSET


class Capture(Wire, frozen=True, kw_only=True):
    """POST /v1/transfers/{id}/capture. Without an amount all that is left; `final`, true unless said otherwise, releases the rest."""

    amount: Amount | UnsetType = UNSET
    final: bool | UnsetType = UNSET


class Refund(Wire, frozen=True, kw_only=True):
    """POST /v1/transfers/{id}/refund. Without an amount all that is left."""

    amount: Amount | UnsetType = UNSET


class NamedTransfer(Wire, frozen=True, kw_only=True):
    """A payment by its `id`, or by the `idempotency_key` of its request with the `wallet` that pays (that is paid, when an operator wallet
    pays)."""

    id: Id | UnsetType = UNSET
    wallet: Id | UnsetType = UNSET
    idempotency_key: Key | UnsetType = UNSET


class TransferLookup(Wire, frozen=True, kw_only=True):
    """POST /v1/lookups/transfers."""

    transfers: Annotated[list[NamedTransfer], Meta(min_length=1, max_length=LOOKUPS_MAX)]


class NewWallet(Wire, frozen=True, kw_only=True):
    """POST /v1/wallets. `floor`: lowest posted balance less held; negative for credit."""

    currency: Currency
    kind: str
    external_id: Name | UnsetType = UNSET
    owner: Name | UnsetType = UNSET
    floor: Annotated[int, Meta(ge=-AMOUNT_MAX, le=0)] | UnsetType = UNSET
    tier: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    attributes: Attributes | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class WalletBatch(Wire, frozen=True, kw_only=True):
    """POST /v1/wallets/batch: `wallets` is a list of NewWallet."""

    wallets: Raw


class WalletPatch(Wire, frozen=True, kw_only=True):
    """PATCH /v1/wallets/{id}; null clears a field."""

    tier: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    owner: Name | UnsetType | None = UNSET
    attributes: Attributes | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class PackText(Wire, frozen=True, kw_only=True):
    """PUT /v1/rule-packs/{name} as JSON; as YAML the body is the text. `files`: the texts of lists that it names."""

    text: str
    files: dict[str, str] | UnsetType = UNSET


class ScenarioText(Wire, frozen=True, kw_only=True):
    """PUT /v1/scenarios/{name} as JSON; as YAML the body is the text."""

    text: str


class PackMode(Wire, frozen=True, kw_only=True):
    """POST /v1/rule-packs/{name}/mode. `version`: the newest unless given; `share`: of the wallets, per mille, for a challenger."""

    mode: Mode
    version: Version | UnsetType = UNSET
    share: Annotated[int, Meta(ge=1, le=SHARE_MAX)] | UnsetType = UNSET


class CardMode(PackMode, frozen=True, kw_only=True):
    """POST /v1/scorecards/{name}/mode. `version`: of the card, the newest unless given; `pack`: through which it decides, the live one
    unless given, and `pack_version` of it, with `pack` and not for off; `if_live`: name@version of the pack that must be live for live."""

    pack: DocumentName | UnsetType = UNSET
    pack_version: Version | UnsetType = UNSET
    if_live: Annotated[str, Meta(min_length=3, max_length=80, pattern=PRINTED)] | UnsetType = UNSET


class NewList(Wire, frozen=True, kw_only=True):
    """PUT /v1/lists/{name}: what its values are."""

    type: Literal["wallet", "device", "country"]
    description: Annotated[str, Meta(max_length=500, pattern=LINES)] | UnsetType = UNSET


class ListEntry(Wire, frozen=True, kw_only=True):
    """PUT /v1/lists/{name}/entries/{value}: why it is there, and until when."""

    reason: Reason
    expires_at: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET


class NewSnooze(Wire, frozen=True, kw_only=True):
    """PUT /v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}: why, and until when."""

    reason: Reason
    until: Annotated[str, Meta(max_length=40)]


class TransferLabel(Wire, frozen=True, kw_only=True):
    """PUT /v1/transfers/{id}/label: true, it was fraud."""

    label: bool


class LabelledTransfer(Wire, frozen=True, kw_only=True):
    """One of POST /v1/labels."""

    id: Id
    label: bool


class LabelBatch(Wire, frozen=True, kw_only=True):
    """POST /v1/labels."""

    labels: Annotated[list[LabelledTransfer], Meta(min_length=1, max_length=LABELS_MAX)]


class NewProposalText(Wire, frozen=True, kw_only=True):
    """POST /v1/proposals: the call that is asked for, with its body as `content`, and why."""

    method: Literal["PUT", "POST", "DELETE"]
    path: Annotated[str, Meta(min_length=1, max_length=500, pattern=PRINTED)]
    content: Raw | UnsetType = UNSET
    reason: Reason


class BacktestLabel(Wire, frozen=True, kw_only=True):
    """What is known of a payment, named by its `id`, or by the `idempotency_key` of its request with the `wallet` that pays (that is paid,
    when an operator wallet pays)."""

    label: bool
    id: Id | UnsetType = UNSET
    wallet: Id | UnsetType = UNSET
    idempotency_key: Key | UnsetType = UNSET


class BacktestAsked(Wire, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """What backtests have in common. Effective times, or the newest so many payments; a document that is published: `name` with
    `version`, the newest unless given; `labels` is a list of BacktestLabel."""

    name: DocumentName | UnsetType = UNSET
    version: Version | UnsetType = UNSET
    since: str | UnsetType = UNSET
    until: str | UnsetType = UNSET
    last: Annotated[int, Meta(ge=1, le=BACKTEST_LAST_MAX)] | UnsetType = UNSET
    labels: Raw | UnsetType = UNSET


class PackBacktest(BacktestAsked, frozen=True, kw_only=True):
    """POST /v1/rule-packs/backtest. A pack: `text` with `files`, or one that is published."""

    text: str | UnsetType = UNSET
    files: dict[str, str] | UnsetType = UNSET


class CardBacktest(BacktestAsked, frozen=True, kw_only=True):
    """POST /v1/scorecards/backtest. A scorecard: `document`, or one that is published; `pack` as in CardMode."""

    document: Raw | UnsetType = UNSET
    pack: DocumentName | UnsetType = UNSET


class CardPopulation(Wire, frozen=True, kw_only=True):
    """POST /v1/scorecards/population. A scorecard that is published, the newest version unless given; `divided_at`: the effective time
    that divides payments, when the version was published unless given."""

    name: DocumentName
    version: Version | UnsetType = UNSET
    divided_at: str | UnsetType = UNSET


class Standing(Wire, frozen=True, kw_only=True):
    """Orders up to this cap (minor units) need no confirmation while the consent lasts."""

    cap: Amount


class NewConsent(Wire, frozen=True, kw_only=True):
    """POST /v1/consents, by the holder: what `merchant` (an account's name) may ask in a scenario, and until when."""

    wallet: Id
    scenario: DocumentName
    merchant: Name
    expires_at: Annotated[str, Meta(max_length=40)]
    standing: Standing | UnsetType = UNSET


class CreditQuestion(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/decisions, by a merchant. Thresholds are the scenario's, never the request's."""

    wallet: Id
    scenario: DocumentName
    amount: Amount | UnsetType = UNSET


class Changes(Wire, frozen=True, kw_only=True):
    """POST /v1/wallets/{id}/credit/what-if: the values that features would have."""

    changes: Annotated[
        dict[Annotated[str, Meta(max_length=100)], int | float | Annotated[str, Meta(max_length=200)]],
        Meta(max_length=64),
    ]


class NewOrder(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/orders, by a merchant, on a receipt that said yes. `number`: the merchant's own, one order each; `due_at`: thirty
    days from now unless given."""

    receipt: Id
    kind: str
    cap: Amount
    currency: Currency
    payee: Id
    number: Annotated[str, Meta(min_length=1, max_length=NUMBER_CHARACTERS, pattern=PRINTED)]
    introduction: Annotated[str, Meta(min_length=1, max_length=500, pattern=LINES)]
    due_at: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET


class PastOrder(Wire, frozen=True, kw_only=True):
    """One of POST /v1/credit/orders/import. `merchant`: an account's name; `payee`: its wallet; `number`: its own; `created_at`: when it
    was used; `paid_at`: when it was paid, left out of one that is still owed."""

    wallet: Id
    merchant: DocumentName
    scenario: DocumentName
    payee: Id
    amount: Amount
    number: Annotated[str, Meta(min_length=1, max_length=NUMBER_CHARACTERS, pattern=PRINTED)]
    introduction: Annotated[str, Meta(max_length=500, pattern=LINES)] | UnsetType = UNSET
    created_at: Annotated[str, Meta(max_length=40)]
    due_at: Annotated[str, Meta(max_length=40)]
    paid_at: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET


class PastOrders(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/orders/import, with the scope import: what became of orders that were made elsewhere."""

    orders: Annotated[list[PastOrder], Meta(max_length=1_000)]


class LoweredCap(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/orders/{id}/modify: down, once."""

    cap: Amount


class BillLine(Wire, frozen=True, kw_only=True):
    """What was used, or what is taken off; minor units."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=PRINTED)]
    amount: Amount


class Bill(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/orders/{id}/complete. Items less discounts are collected, at most the cap."""

    items: Annotated[list[BillLine], Meta(max_length=100)]
    discounts: Annotated[list[BillLine], Meta(max_length=100)] | UnsetType = UNSET


CaseText = Annotated[str, Meta(min_length=1, max_length=2_000, pattern=LINES)]


class NewDispute(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/disputes, by the holder: what is wrong with an order, an inquiry or a score, in own words."""

    entry: Id
    text: CaseText


class SourceOutcome(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/disputes/{id}/answer, by the merchant whose entry it is: what should become of it, and why."""

    outcome: Literal["corrected", "deleted", "kept"]
    text: CaseText


class DisputeOutcome(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/disputes/{id}/resolve, by an analyst: what becomes of the entry, and why; an entry that is kept needs the reason.
    `statement`: the holder's, which stands beside an entry that is kept; the dispute's own text unless given."""

    outcome: Literal["corrected", "deleted", "kept"]
    text: CaseText | UnsetType = UNSET
    statement: CaseText | UnsetType = UNSET


class CaseNote(Wire, frozen=True, kw_only=True):
    """POST /v1/reviews/{id}/notes, by an analyst."""

    text: CaseText


class CaseAssignee(Wire, frozen=True, kw_only=True):
    """PUT /v1/reviews/{id}/assignee: an account's name, or null."""

    assignee: Name | None


class Reinsertion(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/disputes/{id}/reinsert, by an analyst: why the entry is back, as the holder is told."""

    text: CaseText


class NewReview(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/reviews, by the holder: a person shall look at a decision again, and why."""

    receipt: Id
    text: CaseText


class ReviewOutcome(Wire, frozen=True, kw_only=True):
    """POST /v1/credit/reviews/{id}/resolve, by an analyst: whether the decision stays, and why."""

    outcome: Literal["upheld", "overturned"]
    text: CaseText


class Empty(Wire, frozen=True, kw_only=True):
    """A call that takes no fields."""


LABELS: Final = {label.name.lower(): int(label) for label in Label}
CHANNELS: Final = {channel.name.lower(): int(channel) for channel in Channel}
WALLET_KINDS: Final = {kind.name.lower(): kind for kind in WalletKind if kind is not WalletKind.SUSPENSE}
"""Kinds that can be created; suspense wallets are built in."""


def named(table: dict[str, Any], value: str | UnsetType, default: Any, field: str) -> Any:
    """The number that a name stands for. Raises invalid_field with the names there are."""
    if value is UNSET:
        return default
    try:
        return table[value]
    except KeyError:
        raise invalid_field(field, f"expected one of: {', '.join(table)}, got {value[:40]!a}") from None


def check_ip(text: str, field: str) -> None:
    """Refuse what is no IPv4 or IPv6 address. A zone (`fe80::1%eth0`) says something on one machine only, and may be any text."""
    if len(text) <= IP_CHARACTERS_MAX and "%" not in text:
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(text)
            return
    raise invalid_field(field, "an IPv4 or IPv6 address without a zone is expected")


WEBHOOK_URL_CHARACTERS_MAX: Final = 2_048
SECRET_OVERLAP_S: Final = 86_400
SECRET_OVERLAP_MAX_S: Final = 7 * 86_400
WebhookUrl = Annotated[str, Meta(min_length=1, max_length=WEBHOOK_URL_CHARACTERS_MAX)]
EventTypes = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(min_length=1, max_length=64)]
EventCursor = Annotated[str, Meta(min_length=1, max_length=32_768, pattern=KEY)]


class NewWebhookEndpoint(Wire, frozen=True, kw_only=True):
    """POST /v1/webhook-endpoints. `types`: all unless some are named; `ordered`: in order for each wallet; `after`: a cursor of /v1/events,
    `start` or, by default, `now`."""

    url: WebhookUrl
    types: EventTypes | UnsetType | None = UNSET
    description: Annotated[str, Meta(max_length=255, pattern=PRINTED)] | UnsetType = UNSET
    ordered: bool | UnsetType = UNSET
    after: EventCursor | UnsetType = UNSET


class WebhookEndpointPatch(Wire, frozen=True, kw_only=True):
    """PATCH /v1/webhook-endpoints/{id}. `types` null: all; `after`: go on from there, which skips or repeats events."""

    url: WebhookUrl | UnsetType = UNSET
    types: EventTypes | UnsetType | None = UNSET
    description: Annotated[str, Meta(max_length=255, pattern=PRINTED)] | UnsetType = UNSET
    ordered: bool | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    after: EventCursor | UnsetType = UNSET


class SecretRotation(Wire, frozen=True, kw_only=True):
    """POST /v1/webhook-endpoints/{id}/secret/rotate. `expires_in`: seconds for which those before it sign as well; a day by default."""

    expires_in: Annotated[int, Meta(ge=0, le=SECRET_OVERLAP_MAX_S)] | UnsetType = UNSET


KEY_NAME_CHARACTERS_MAX: Final = 64
KEY_OVERLAP_S: Final = 86_400
KEY_OVERLAP_MAX_S: Final = 30 * 86_400
Scope = Literal[
    "admin", "pay", "import", "read", "analyst", "credit", "merchant", "holder", "webhooks", "keys", "audit"
]
KeyScopes = Annotated[list[Scope], Meta(min_length=1, max_length=len(SCOPES))]
KeyRate = Annotated[int, Meta(ge=1, le=1_000_000)]
_Texts = Annotated[list[Annotated[str, Meta(min_length=1, max_length=255, pattern=PRINTED)]], Meta(max_length=100)]


class NewKey(Wire, frozen=True, kw_only=True):
    """POST /v1/keys. `name`: the account; `wallets`, `owners`, `scenarios` bind it, and its first key says whether it is bound at all."""

    name: Annotated[str, Meta(min_length=1, max_length=KEY_NAME_CHARACTERS_MAX, pattern=PRINTED)]
    scopes: KeyScopes
    wallets: _Texts | UnsetType = UNSET
    owners: _Texts | UnsetType = UNSET
    scenarios: _Texts | UnsetType = UNSET
    expires_at: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET
    reads_per_s: KeyRate | UnsetType | None = UNSET
    writes_per_s: KeyRate | UnsetType | None = UNSET


class KeyRotation(Wire, frozen=True, kw_only=True):
    """POST /v1/keys/{id}/rotate. `overlap_s`: how long the old key works on, a day by default; `expires_at`: when the new one ends, by
    default when the old one would have."""

    overlap_s: Annotated[int, Meta(ge=0, le=KEY_OVERLAP_MAX_S)] | UnsetType = UNSET
    expires_at: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET


class KeyPatch(Wire, frozen=True, kw_only=True):
    """PATCH /v1/keys/{id}. `expires_at` null: it works until it is revoked; a limit that is null: that of its account."""

    expires_at: Annotated[str, Meta(max_length=40)] | UnsetType | None = UNSET
    reads_per_s: KeyRate | UnsetType | None = UNSET
    writes_per_s: KeyRate | UnsetType | None = UNSET
