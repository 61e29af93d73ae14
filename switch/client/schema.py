"""What the switch answers, and what bodies are made of.

Written by `python -m switch.reference`; do not edit.
"""

from __future__ import annotations

from typing import Any

import msgspec


class TransferResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A transfer, or what became of one, as it is shown."""

    id: str
    type: str
    status: str
    code: str | None = None
    of: str | None = None
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    reference: str | None = None
    metadata: dict[str, str] | None = None
    context: Context | None = None
    decision: Decision | None
    review: ReviewStatus | None = None
    created_at: str
    effective_at: str
    expires_at: str | None = None
    captured: int | None = None
    released: int | None = None
    refunded: int | None = None
    left: int | None = None
    suspense: bool | None = None
    captures: list[TransferPart] | None = None
    refunds: list[TransferPart] | None = None
    balances: Balances | None = None
    replayed: bool | None = None


class TransferBatchResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a JSON batch, in the order of its rows."""

    results: list[TransferBatchRow]


class TransferEventList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a payment's events, oldest first."""

    data: list[TransferEvent]
    has_more: bool
    next: str | None


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event; `id` is that of its record."""

    id: str
    type: str
    shard: int
    created_at: str
    effective_at: str
    data: dict[str, Any]


class LookupAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """In the order of what was asked for."""

    results: list[LookupRow]


class DryRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What would become of a payment, and what its wallets would hold then."""

    status: str
    code: str
    detail: str | None = None
    decision: Decision | None
    balances: Balances


class Wallet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wallet as it is shown."""

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
    attributes: dict[str, str | int | float | bool | None]
    metadata: dict[str, str]
    created_at: str
    replayed: bool | None = None


class WalletBatchResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to POST /v1/wallets/batch."""

    results: list[WalletBatchRow]


class WalletList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of wallets."""

    data: list[Wallet]
    has_more: bool
    next: str | None


class EntryList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a statement."""

    data: list[Entry]
    has_more: bool
    next: str | None


class BalanceAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wallet's posted balance after all that took effect up to `at`."""

    id: str
    currency: str
    at: str
    posted: int


class AccountStatement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened on a wallet from a time to a time."""

    wallet: str
    external_id: str | None
    owner: str | None
    currency: str
    decimals: int | None
    since: str = msgspec.field(name="from")
    until: str = msgspec.field(name="to")
    opening: int
    paid_in: int
    paid_out: int
    closing: int
    lines: list[StatementLine]


class HoldList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of open holds."""

    data: list[TransferResult]
    has_more: bool
    next: str | None


class WalletWindows(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What rules count of a wallet as of a time."""

    wallet: str
    as_of: str
    counted: bool
    windows: list[WalletWindow]
    day_total: int
    day_until: str
    attempts: list[Attempt]


class OwnedEntryList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of what happened on an owner's wallets."""

    data: list[OwnedEntry]
    has_more: bool
    next: str | None


class ReviewList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of cases, oldest first."""

    data: list[Review]
    has_more: bool
    next: str | None


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment and its review."""

    id: str
    status: str
    type: str
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    reference: str | None = None
    metadata: dict[str, str] | None = None
    context: Context | None = None
    decision: Decision | None
    created_at: str
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    assignee: str | None
    label: bool | None
    notes: int
    replayed: bool | None = None


class AnalystList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Names of accounts that a case can be given to."""

    data: list[str]


class CaseWork(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who works on the case of the payment `id`, null: nobody, and what people wrote, oldest first."""

    id: str
    assignee: str | None
    notes: list[Note]


class EventList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of events."""

    data: list[Event]
    has_more: bool
    next: str


class PackList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of packs, each in its newest version; `deployments`: the last ones, newest first."""

    data: list[RulePackVersion]
    has_more: bool
    next: str | None
    deployments: list[Deployment]


class RulePack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a pack, whole; `card`: the scorecard that it names; `decided`: payments that it decided, by action."""

    name: str
    version: int
    number: int
    mode: str
    share: int | None = None
    hash: str
    made_by: str | None
    made_at: str
    text: str
    files: dict[str, str]
    card: str | None
    fallback: str
    reasons: list[str]
    rules: list[RuleCounts]
    decided: dict[str, int]
    shadow: ShadowCounts
    versions: list[RulePackVersion]
    warnings: list[PackWarning] | None = None


class PackModeResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a change of mode: what runs now, and which scorers have it."""

    name: str
    version: int
    mode: str
    deployment: Deployment
    scorers: RolloutStatus


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A label of the payment `id`."""

    id: str
    label: bool
    made_by: str
    made_at: str


class LabelsPut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many payments have been labelled."""

    count: int


class LabelPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of labels, payments in the order of their shards' journals."""

    data: list[Label]
    has_more: bool
    next: str | None


class AllLists(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All lists, by name."""

    data: list[List]


class List(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A list that the switch keeps."""

    name: str
    type: str
    description: str
    entries: int
    made_by: str
    made_at: str


class EntryPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of entries that hold, newest first."""

    data: list[ListEntryResult]
    has_more: bool
    next: str | None


class ListEntryResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a list."""

    list: str
    value: str
    reason: str
    expires_at: str | None
    made_by: str
    made_at: str
    revision: int


class EntryChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry that was added, and which scorers have it."""

    list: str
    value: str
    reason: str
    expires_at: str | None
    made_by: str
    made_at: str
    revision: int
    scorers: RolloutStatus


class EntryRemoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry that was removed, and which scorers know it."""

    list: str
    value: str
    scorers: RolloutStatus


class SnoozePage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of snoozes that hold, newest first."""

    data: list[Snooze]
    has_more: bool
    next: str | None


class WalletSnoozes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rules of the packs that run which are snoozed for a wallet, the newest snooze first."""

    data: list[Snooze]


class SnoozeChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A snooze that was made, and which scorers have it."""

    pack: str
    rule: str
    wallet: str
    reason: str
    until: str
    made_by: str
    made_at: str
    revision: int
    scorers: RolloutStatus


class SnoozeRemoved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A snooze that was ended, and which scorers know it."""

    pack: str
    rule: str
    wallet: str
    scorers: RolloutStatus


class CardList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of scorecards, each in its newest version."""

    data: list[ScorecardVersion]
    has_more: bool
    next: str | None


class Scorecard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a scorecard, whole; `used_by`: the packs, as name@version, that name it."""

    name: str
    version: int
    hash: str
    made_by: str | None
    made_at: str
    document: Any
    used_by: list[str]
    versions: list[ScorecardVersion]


class CardModeResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a change of mode; `pack`: the version, as name@version, that has the card and the mode, not with `off`."""

    name: str
    version: int
    mode: str
    deployment: Deployment
    scorers: RolloutStatus
    pack: str | None = None


class Proposal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call that somebody asked for."""

    id: str
    method: str
    path: str
    content: Any
    reason: str
    status: str
    made_by: str
    made_at: str
    expires_at: str
    answered_by: str | None
    answered_at: str | None
    answer: Any = None


class ProposalList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of proposals, newest first."""

    data: list[Proposal]
    has_more: bool
    next: str | None


class BacktestResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The report that `shardpay rules backtest --json` prints, and what may be meant otherwise in the pack."""

    report: BacktestReport
    seconds: float
    warnings: list[PackWarning]


class PopulationAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two spans of time in the eyes of a card."""

    divided_at: str
    population: Population
    seconds: float


class Explained(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why the payment `id` was decided as it was."""

    id: str
    explanation: Explanation
    seconds: float


class ScenarioList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of scenarios, each in its newest version."""

    data: list[ScenarioShown]
    has_more: bool
    next: str | None


class ScenarioShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scenario as everybody may see it."""

    version: int
    hash: str
    made_at: str
    name: str
    title: str
    description: str | None = None
    kind: str
    purpose: str
    data: list[str]
    condition: list[ConditionPart]
    grant: str | None = None
    terms: Terms
    refusal: str
    text: str | None = None
    versions: list[ScenarioVersion] | None = None


class ConsentAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A consent."""

    id: str
    wallet: str
    scenario: str
    version: int
    merchant: str
    purpose: str
    data: list[str]
    status: str
    standing: Standing | None = None
    granted_at: str
    expires_at: str
    replayed: bool | None = None


class ConsentList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of consents, newest first."""

    data: list[ConsentAnswer]
    has_more: bool
    next: str | None


class DecisionAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a merchant is told."""

    result: str
    granted: int | None = None
    reasons: list[str] | None = None
    disputed: bool | None = None
    review: str | None = None
    receipt: str
    expires_at: str | None


class InquiryAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the holder is told of somebody's question: all of it."""

    receipt: str
    merchant: str
    scenario: str
    version: int
    wallet: str
    amount: int | None = None
    result: str
    granted: int | None = None
    reasons: list[str] | None = None
    cause: str
    explanation: str
    score: int | None = None
    consent: str | None = None
    notice: Notice | None = None
    disputes: list[Dispute] | None = None
    review: CreditReviewAnswer | None = None
    asked_at: str
    expires_at: str | None


class InquiryList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of questions about a wallet, newest first."""

    data: list[InquiryAnswer]
    has_more: bool
    next: str | None


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A service order."""

    id: str
    number: str
    kind: str
    status: str
    scenario: str
    merchant: str
    wallet: str
    payee: str
    cap: int
    currency: str
    introduction: str
    receipt: str | None = None
    created_at: str
    confirm_by: str
    due_at: str
    items: list[Item] | None = None
    discounts: list[Item] | None = None
    amount: int | None = None
    transfer: str | None = None
    stopped_by: str | None = None
    steps: list[OrderStep]
    disputes: list[Dispute] | None = None
    replayed: bool | None = None


class OrderList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of service orders, newest first."""

    data: list[OrderAnswer]
    has_more: bool
    next: str | None


class OrderResults(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """In the order of the request."""

    results: list[OrderResult]


class OrdersChecked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many orders an import would take."""

    count: int


class DisputeAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dispute."""

    id: str
    entry: str
    entry_kind: str
    wallet: str
    source: str | None
    text: str
    status: str
    opened_at: str
    forward_by: str | None = None
    forwarded_at: str | None = None
    due_at: str
    answer: SourceAnswer | None = None
    resolution: CaseResolution | None = None
    statement: str | None = None
    notices: list[CaseNotice]
    replayed: bool | None = None


class DisputeList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of disputes: of a wallet or a merchant newest first, those that wait for an analyst oldest first."""

    data: list[DisputeAnswer]
    has_more: bool
    next: str | None


class CreditReviewAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A review of a decision."""

    id: str
    receipt: str
    wallet: str
    merchant: str
    text: str
    status: str
    overdue: bool
    opened_at: str
    due_at: str
    resolution: CaseResolution | None = None
    notices: list[CaseNotice]
    replayed: bool | None = None


class CreditReviewList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of reviews: of a wallet or a merchant newest first, those that wait for an analyst oldest first."""

    data: list[CreditReviewAnswer]
    has_more: bool
    next: str | None


class DataAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of a copy."""

    data: list[OwnRecord]
    has_more: bool
    next: str | None
    wallet: Wallet | None = None
    credit: OwnCredit | None = None
    left_out: list[LeftOut] | None = None


class ErasureAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was erased: texts of so many credit records and of so many payments that the wallet made, and the profile if it had any."""

    wallet: str
    records: int
    payments: int
    profile: bool
    kept: list[Kept]


class CreditAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a holder's credit."""

    id: str | None = None
    score: int | None
    band: str | None
    na_cause: str | None = None
    subtotals: dict[str, int] | None = None
    reasons: list[ReasonGap] | None = None
    card: str | None = None
    run: int | None = None
    as_of: str | None = None
    published_at: str | None = None
    orders: OrderCounts
    disputed: bool


class ScoreList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of published scores."""

    data: list[ScoreAnswer]
    has_more: bool
    next: str | None


class PointsAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A published score and the lines that it is the sum of; those of a dimension add up to its subtotal."""

    score: int
    band: str
    subtotals: dict[str, int]
    reasons: list[ReasonGap]
    card: str
    run: int
    as_of: str
    lines: list[Line]


class WhatIfAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a wallet with these values would be scored."""

    score: int
    band: str
    subtotals: dict[str, int]
    reasons: list[ReasonGap]


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A webhook endpoint."""

    id: str
    account: str
    url: str
    description: str
    types: list[str] | None
    ordered: bool
    status: str
    disabled_because: str | None = None
    created_at: str
    failing_since: str | None
    pending: int
    dead_letters: int
    delivered: int
    failed: int
    secrets: int
    secret: str | None = None


class WebhookEndpointList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of webhook endpoints."""

    data: list[WebhookEndpoint]
    has_more: bool
    next: str | None


class WebhookSecret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new secret, shown once, null in the answer to a repeat; the ones before it sign until `previous_expire_at`."""

    id: str
    secret: str | None
    previous_expire_at: str


class WebhookDeliveryList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of deliveries, newest first."""

    data: list[WebhookDelivery]
    has_more: bool
    next: str | None


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A delivery."""

    id: str
    endpoint: str
    event: str
    type: str
    status: str
    next_attempt_at: str | None
    attempts: list[WebhookAttempt]


class Replayed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many deliveries are sent again."""

    count: int


class KeyList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of keys, newest first."""

    data: list[KeyShown]
    has_more: bool
    next: str | None


class KeyMade(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new key."""

    id: str
    name: str
    scopes: list[str]
    status: str
    bound: KeyBound | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    reads_per_s: int | None
    writes_per_s: int | None
    key: str | None


class KeyShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key."""

    id: str
    name: str
    scopes: list[str]
    status: str
    bound: KeyBound | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    reads_per_s: int | None
    writes_per_s: int | None


class JournalHeads(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All shards at one moment."""

    taken_at: str
    heads: list[JournalHead]


class AdminLogPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Entries, newest first."""

    data: list[AdminLogEntry]
    has_more: bool
    next: str | None


class BenchReportList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest files."""

    configured: bool
    data: list[BenchReportNamed]


class BenchReportShown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run: when, how, on what machine, with what versions, and its figures so far."""

    name: str
    date: str
    settings: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]
    figures: list[BenchFigure]


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where and how a payment was made; `device` is any name the caller has for it."""

    channel: str | None = None
    device: str | None = None
    country: str | None = None
    ip: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What scoring said."""

    action: str
    points: int
    reasons: list[str]
    pack: str
    fallback: bool | None = None


class ReviewStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an analyst has to say of a payment, or has said."""

    status: str
    expires_at: str
    decided_by: str | None = None
    decided_at: str | None = None


class TransferPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A capture, or a refund of what is shown or of one of its captures."""

    id: str
    of: str
    amount: int
    suspense: bool | None = None
    created_at: str
    effective_at: str


class Balances(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Payer and payee after a payment; None where the key may not read them."""

    payer: BalanceAfter | None
    payee: BalanceAfter | None


class TransferBatchRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of a batch's answer."""

    id: str | None
    status: str
    code: str
    replayed: bool
    detail: str | None = None


class TransferEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of a payment."""

    id: str
    type: str
    shard: int
    created_at: str
    effective_at: str
    data: dict[str, Any]
    legs: list[Leg] | None = None


class TransferData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of transfer.*: the record's kind as `type`; of what became of an earlier transfer, that one's id as `of`."""

    id: str
    type: str
    of: str | None = None
    code: str | None = None
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    final: bool | None = None
    review: str | None = None
    expires_at: str | None = None
    reference: str | None = None
    metadata: dict[str, str] | None = None
    context: Context | None = None
    decision: Decision | None = None


class RemoteCreditData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of leg.*: the credit of a movement on another shard has arrived, at the payee or on suspense, which then is `wallet`."""

    of: str
    type: str
    payer: str
    payee: str
    wallet: str | None = None
    amount: int
    currency: str
    kind: str


class WalletData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of wallet.*."""

    id: str
    currency: str
    kind: str
    status: str | None = None
    tier: int | None = None
    floor: int | None = None


class CreditData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of credit.*: the record as `id`, what it is about as `of` (consent, receipt, order, entry, dispute)."""

    id: str
    of: str | None = None
    holder: str | None
    account: int | None = None
    scenario: int | None = None
    payee: str | None = None
    amount: int | None = None
    currency: str | None = None
    state: str | None = None
    result: str | None = None
    cause: str | None = None
    granted: int | None = None
    score: int | None = None
    transfer: str | None = None
    stopped_by: str | None = None
    expires_at: str | None = None
    run: int | None = None
    as_of: str | None = None


class LookupRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the payments asked for."""

    code: str
    transfer: TransferResult | None
    detail: str | None = None


class WalletBatchRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of a wallet batch's answer."""

    id: str | None
    status: str
    code: str
    detail: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a statement."""

    id: str
    type: str
    of: str | None = None
    direction: str
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    balance_after: int
    suspense: bool | None = None
    reference: str | None = None
    metadata: dict[str, str] | None = None
    created_at: str
    effective_at: str


class StatementLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One movement."""

    id: str
    type: str
    of: str | None = None
    counterparty: str
    amount: int
    kind: str
    balance_after: int
    suspense: bool | None = None
    reference: str | None = None
    created_at: str
    effective_at: str


class WalletWindow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Attempts of the last so many `seconds`, after `since`: how many, their sum, the largest, and to how many payees."""

    window: str
    seconds: int
    since: str
    count: int
    sum: int
    max: int
    payees: int
    complete: bool
    until: str | None


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment or a hold that was asked for, whatever became of it."""

    effective_at: str
    amount: int
    payee: str


class OwnedEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of one of the owner's wallets."""

    id: str
    type: str
    of: str | None = None
    direction: str
    payer: str
    payee: str
    amount: int
    currency: str
    kind: str
    balance_after: int
    suspense: bool | None = None
    reference: str | None = None
    metadata: dict[str, str] | None = None
    created_at: str
    effective_at: str
    wallet: str


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody wrote about a case; `number`: its place among them."""

    number: int
    text: str
    made_by: str
    made_at: str


class RulePackVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a pack, without its text."""

    name: str
    version: int
    number: int
    mode: str
    share: int | None = None
    hash: str
    made_by: str | None
    made_at: str


class Deployment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which packs run, as name@version."""

    revision: int
    live: str
    challenger: str | None
    share: int
    shadows: list[str]
    made_by: str | None
    made_at: str


class RuleCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule, how often it fired since its pack was published, whatever came of it, and how often it had no value."""

    id: str
    mode: str
    hits: int
    no_value: int


class ShadowCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a pack in shadow would have decided: `agreed` of `payments`, and all by what was decided, then by what it would have been."""

    payments: int
    agreed: int
    decided: dict[str, dict[str, int]]


class PackWarning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be meant otherwise in a pack that is taken all the same: at which line and column, counted from 1, the line's text, and
    what to do."""

    line: int
    column: int
    message: str
    text: str
    hint: str


class RolloutStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who has a deployment: how many scorers of how many, and those that have not."""

    revision: int
    scorers: int
    active: int
    waiting: list[ScorerState]


class Snooze(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that is snoozed for a wallet."""

    pack: str
    rule: str
    wallet: str
    reason: str
    until: str
    made_by: str
    made_at: str
    revision: int


class ScorecardVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a scorecard, without its document."""

    name: str
    version: int
    hash: str
    made_by: str | None
    made_at: str


class BacktestReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`changed`: attempts that a scorer decided otherwise."""

    pack: str
    attempts: int
    amounts: dict[str, int]
    changed: int
    decisions: list[DecisionChange]
    rules: list[RuleHits]
    overlaps: list[Overlap]
    labels: LabelComparison | None


class Population(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`before` and `since`: attempts of each span; `psi` of the points, None where one span has no attempts."""

    card: str
    before: int
    since: int
    psi: float | None
    distribution: list[Bar]
    characteristics: list[CharacteristicPopulation]


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`same`: decided again it comes to what was recorded."""

    pack: str
    card: str | None
    action: str
    points: int
    same: bool
    base: int
    columns: dict[str, int | str | None]
    rules: list[RuleValue]
    lines: list[CardLine]


class ConditionPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One requirement, the reason code that it gives when it does not hold, and what the holder is told then."""

    source: str = msgspec.field(name="if")
    reason: str
    text: str


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What holds for everybody."""

    open_orders: int
    decisions: int
    cap: dict[str, int]
    consent_days: int
    standing: bool
    receipt_hours: int
    confirm_days: int
    default_days: int


class ScenarioVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a scenario, as a list shows it."""

    version: int
    hash: str
    made_at: str


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Orders up to this cap (minor units) need no confirmation while the consent lasts."""

    cap: int


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a holder must be told of a refusal: by whom, why, on what score, and what can be done about it."""

    merchant: str
    text: str
    reasons: list[ReasonText]
    score: int
    rights: list[str]


class Dispute(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a dispute stands in an answer about its entry."""

    id: str
    status: str
    due_at: str
    statement: str | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a bill, or of what is taken off; minor units."""

    name: str
    amount: int


class OrderStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of an order's life."""

    step: str
    at: str
    transfer: str | None = None
    next_attempt_at: str | None = None
    stopped_by: str | None = None


class OrderResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one order of a batch: `code` is `ok`, or a problem's."""

    id: str | None
    status: str | None
    code: str
    replayed: bool | None = None


class SourceAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the source of an entry says of a dispute: it decides nothing."""

    outcome: str
    text: str
    at: str


class CaseResolution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a case ended: `text` is the reason in words, `by` the account that decided, null: its clock did."""

    outcome: str
    meaning: str
    text: str
    by: str | None
    at: str


class CaseNotice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A notice to the holder, and when it was given."""

    at: str
    text: str


class OwnRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A credit record: `kind`, its fields as events have them and those that events leave out, the names of merchant and scenario, and
    the texts that are kept beside it."""

    kind: str
    at: str
    data: CreditData
    merchant: str | None = None
    scenario: str | None = None
    version: int | None = None
    standing: bool | None = None
    reasons: list[str] | None = None
    disputed: bool | None = None
    order_kind: str | None = None
    confirm_by: str | None = None
    default_days: int | None = None
    due_at: str | None = None
    forward_by: str | None = None
    details: OwnTexts | None = None
    score: ScoreAnswer | None = None


class OwnCredit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What decisions read of a wallet: the published score and its subtotals, and counts of orders and disputes."""

    score: int | None
    subtotals: dict[str, int] | None = None
    as_of: str | None = None
    open: int
    overdue: int
    defaulted: int
    kept: int
    disputed: int


class LeftOut(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is held of a wallet beside the copy, and who shows it."""

    what: str
    where: str


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record or a proposal whose text stays for now, and until when."""

    id: str
    until: str


class ReasonGap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What costs most: points that the wallet lacks of the best."""

    code: str
    gap: int


class OrderCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Service orders of a wallet."""

    open: int
    overdue: int
    defaulted: int
    kept: int


class ScoreAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A published score."""

    id: str | None = None
    score: int | None
    band: str | None
    na_cause: str | None = None
    subtotals: dict[str, int] | None = None
    reasons: list[ReasonGap] | None = None
    card: str | None = None
    run: int | None = None
    as_of: str | None = None
    published_at: str | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One characteristic."""

    feature: str
    dimension: str
    reason: str
    value: float | int | str | None
    points: int
    best: int
    own: int
    bins: list[Bin]


class WebhookAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt: the `status` that was answered, or the `error` for which there is none."""

    at: str
    took_ms: int | None
    status: int | None
    error: str | None


class KeyBound(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """To what a key's account is bound."""

    wallets: list[str]
    owners: list[str]
    scenarios: list[str]


class JournalHead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last block of a shard's journal: its number, its SHA-256 and that of the block before, whether its checksum is right, and the
    time of its last record; nulls of an empty one."""

    shard: int
    block: int
    hash: str | None
    previous: str | None
    whole: bool | None
    written_at: str | None
    segments: int


class AdminLogEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call or command."""

    number: int
    at: str
    account: str | None
    key: str | None
    origin: str
    request: str
    call: str
    resource: str
    outcome: str
    status: int | None
    code: str | None
    digest: str
    salt: str | None
    sent: str | None
    hash: str


class BenchReportNamed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of figures."""

    name: str
    bytes: int


class BenchFigure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured quantity with all its rounds."""

    benchmark: str
    case: str
    unit: str
    better: str
    median: float
    spread: float
    rounds: list[float]
    aim: float | None = None
    aim_met: bool | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None


class BalanceAfter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wallet after a payment."""

    posted: int
    held: int
    available: int | None


class Leg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One side of a movement of money, on one shard."""

    side: str
    wallet: str
    shard: int
    amount: int
    id: str | None
    booked_at: str | None


class ScorerState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one scorer answered: `revision` 0 when nothing."""

    scorer: int
    revision: int
    error: str | None = None


class DecisionChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Attempts with this decision recorded and that decision now."""

    recorded: str
    now: str
    attempts: int
    amounts: dict[str, int]
    became: dict[str, int] | None = None


class RuleHits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`alone`: no other rule fired."""

    id: str
    action: str
    live: bool
    hits: int
    share: float
    alone: int
    not_evaluated: int
    amounts: dict[str, int]
    precision: float | None
    became: dict[str, int] | None = None


class Overlap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two rules that fired on the same attempts."""

    rules: list[str]
    attempts: int


class LabelComparison(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Against the labels: this pack, and what was recorded."""

    attempts: int
    now: LabelAgreement
    recorded: LabelAgreement


class Bar(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Attempts with points from `low` on, up to the next bar."""

    low: int
    before: int
    since: int


class CharacteristicPopulation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One characteristic; `psi` None where one span has no attempts."""

    feature: str
    reason: str
    psi: float | None
    bins: list[BinPopulation]


class RuleValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule made of a payment: it `fired`, or not, or it had `no_value`."""

    id: str
    action: str
    reason: str
    points: int
    live: bool
    fired: bool
    no_value: bool


class CardLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a characteristic of the scorecard gave for its value, null: not known, and the most that it gives."""

    feature: str
    value: int | str | None
    points: int
    best: int
    reason: str


class ReasonText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reason and what the holder is told about it."""

    code: str
    text: str


class OwnTexts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept beside a credit record."""

    number: str | None = None
    introduction: str | None = None
    items: list[Item] | None = None
    discounts: list[Item] | None = None
    features: list[int | float | str | None] | None = None
    text: str | None = None
    statement: str | None = None


class Bin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Values from `least` on and below `below`, or these texts, or whatever is missing or unknown, get `points`."""

    points: int
    least: float | int | None = None
    below: float | int | None = None
    texts: list[str] | None = None
    what: str | None = None


class LabelAgreement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How decisions other than approve agree with the labels."""

    flagged: int
    true: int
    found: int
    precision: float | None
    recall: float | None
    amounts_true: dict[str, int]
    amounts_found: dict[str, int]


class BinPopulation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Attempts in one bin of a characteristic, which gives `points`; values from `least` on and below `below`, or `texts`, or `what`."""

    points: int
    least: float | int | None
    below: float | int | None
    texts: list[str] | None
    what: str | None
    before: int
    since: int


class KeyedTransfer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of POST /v1/transfers/batch."""

    payer: str
    payee: str
    amount: int
    currency: str
    after: str | None = None
    kind: str | None = None
    reference: str | None = None
    metadata: dict[str, str] | None = None
    context: Context | None = None
    hold: bool | None = None
    expires_in: int | None = None
    idempotency_key: str
    effective_at: str | None = None


class NamedTransfer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A payment by its `id`, or by the `idempotency_key` of its request with the `wallet` that pays (that is paid, when an operator
    wallet pays)."""

    id: str | None = None
    wallet: str | None = None
    idempotency_key: str | None = None


class NewWallet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v1/wallets."""

    currency: str
    kind: str
    external_id: str | None = None
    owner: str | None = None
    floor: int | None = None
    tier: int | None = None
    attributes: dict[str, str | int | float | bool | None] | None = None
    metadata: dict[str, str] | None = None


class LabelledTransfer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of POST /v1/labels."""

    id: str
    label: bool


class Characteristic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input of a scorecard: numeric with `edges`, which have one entry less than `points`, or with `categories`, groups of texts,
    one for each entry of `points`."""

    feature: str
    reason: str
    dimension: str | None = None
    scale: int | None = None
    edges: list[int] | None = None
    categories: list[list[str]] | None = None
    points: list[int]
    missing: int
    unknown: int | str | None = None


class Band(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named stretch of the range: from score `low` up to where the next band begins."""

    name: str
    low: int


class Override(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prohibited feature that a card uses all the same, and why."""

    feature: str
    because: str


class BacktestLabel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a payment, named by its `id`, or by the `idempotency_key` of its request with the `wallet` that pays (that is
    paid, when an operator wallet pays)."""

    label: bool
    id: str | None = None
    wallet: str | None = None
    idempotency_key: str | None = None


class BillLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was used, or what is taken off; minor units."""

    name: str
    amount: int


class PastOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of POST /v1/credit/orders/import."""

    wallet: str
    merchant: str
    scenario: str
    payee: str
    amount: int
    number: str
    introduction: str | None = None
    created_at: str
    due_at: str
    paid_at: str | None = None
