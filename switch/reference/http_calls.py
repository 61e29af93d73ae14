"""What docs/reference/http-api.md says of calls beyond the table of routes.

What parameters mean, and what to know before a call.
"""

from typing import Final

from switch.views.entry_filter import TYPES

QUERY: Final = {
    "number": "A merchant's own number of a service order.",
    "limit": "Entries on a page, 1 to 100; 20 by default.",
    "after": "The cursor `next` of the page before.",
    "from": "RFC 3339 time: only entries that took effect at this time or later.",
    "to": "RFC 3339 time: only entries that took effect before this time.",
    "at": "RFC 3339 time: the balance after all that took effect at this time or before.",
    "wallet": "The holder's wallet.",
    "idempotency_key": "The key that the request was sent with, by the same account.",
    "external_id": "The wallet with this `external_id`; this or `owner` is needed.",
    "owner": "Wallets of this owner; this or `external_id` is needed.",
    "status": "`open` (default), `approved`, `declined`, `expired` or `voided`.",
    "all": "`true`: also proposals that can be answered no longer.",
    "assignee": "Only payments that this account works on.",
    "assigned": "`me`: only payments that the caller's account works on; `nobody`: only those on which nobody does.",
    "due_before": "RFC 3339 time: only payments whose review ends before it.",
    "state": "`pending`, `delivered` or `dead`; all by default.",
    "event": "Only deliveries of the event with this id.",
    "events": "Ids of up to 100 events, with commas between.",
    "format": "`json` (default), `csv` or `html`.",
    "balances": "`true`: payer and payee after it; needs the scope `read`.",
    "type": f"Only these: {', '.join(f'`{name}`' for name in TYPES)}.",
    "kind": "Only payments of this kind.",
    "direction": "`in`: only what was paid to the wallet; `out`: only what it paid.",
    "counterparty": "Only payments with this wallet, by its id.",
    "reference": "Only payments with exactly this reference.",
    "metadata": "`NAME:TEXT`: only payments with this text under this name.",
    "amount_min": "Only amounts from this one on, minor units.",
    "amount_max": "Only amounts up to this one, minor units.",
    "types": "Event types, with commas between; all by default.",
    "version": "A version; the newest by default.",
    "account": "Only what this account did, by its name.",
    "call": "Only this call, such as `PUT /v1/lists/{name}`, or this command, such as `shardpay keys create`.",
    "resource": "Only what is about this path, or about one below it: `/v1/lists/stolen-devices`.",
    "outcome": "`done`, `refused` (nothing was changed) or `unknown` (something may have been).",
    "since": "RFC 3339 time: only entries of this time or later.",
    "until": "RFC 3339 time: only entries before this time.",
}
"""Parameters of queries. Any other parameter is `invalid_query`."""

_QUERY_OF: Final = {
    ("/v1/transfers", "wallet"): (
        "The payer, or the payee when an operator wallet pays; of a linked group its paying user's wallet."
    ),
    ("/v1/owners/transfers", "owner"): "Of all wallets of this owner.",
    ("/v1/events", "after"): (
        "The cursor `next` of the page before; `now`: only what comes later; `last`: the newest ones; from the first event on by default."
    ),
    ("/v1/events", "reference"): (
        "Only payments with exactly this reference, among the newest 20,000 blocks of each shard, with `after=last`."
    ),
    ("/v1/wallets/{id}/statement", "from"): "RFC 3339 time at which it begins.",
    ("/v1/wallets/{id}/statement", "to"): "RFC 3339 time before which it ends; now by default.",
}
"""By path: parameters that mean something of their own there."""


def query_meaning(path: str, name: str) -> str:
    """What a parameter of the query of a path means."""
    return _QUERY_OF.get((path, name)) or QUERY[name]


CREATED: Final = frozenset(
    {
        ("POST", "/v1/transfers"),
        ("POST", "/v1/transfers/{id}/capture"),
        ("POST", "/v1/transfers/{id}/void"),
        ("POST", "/v1/transfers/{id}/refund"),
        ("POST", "/v1/wallets"),
        ("POST", "/v1/reviews/{id}/approve"),
        ("POST", "/v1/reviews/{id}/decline"),
        ("POST", "/v1/reviews/{id}/notes"),
        ("POST", "/v1/proposals"),
        ("PUT", "/v1/lists/{name}"),
        ("PUT", "/v1/rule-packs/{name}"),
        ("PUT", "/v1/scorecards/{name}"),
        ("PUT", "/v1/scenarios/{name}"),
        ("POST", "/v1/consents"),
        ("POST", "/v1/credit/decisions"),
        ("POST", "/v1/credit/orders"),
        ("POST", "/v1/credit/disputes"),
        ("POST", "/v1/credit/reviews"),
        ("POST", "/v1/webhook-endpoints"),
        ("POST", "/v1/keys"),
        ("POST", "/v1/keys/{id}/rotate"),
    }
)
"""Calls whose success is status 201; of all others it is 200."""

NOTES: Final = {
    ("POST", "/v1/transfers"): (
        "Needs an `Idempotency-Key`. The answer's `status` is `posted`, `held` or `in_review`. A declined payment is a "
        "problem with its `transfer_id` and `decision`. The header `Shardpay-Time` (scope `import`) sets the effective "
        "time."
    ),
    ("POST", "/v1/transfers/batch"): (
        "Needs an `Idempotency-Key`, bound to the whole body; each row has a key of its own. A row's result stands at "
        "its place in `results`. With `linked`, all rows count or none: one user wallet pays. As Arrow (`Content-Type: "
        "application/vnd.apache.arrow.stream`) see [below](#batches-as-arrow)."
    ),
    ("GET", "/v1/transfers"): (
        "For a request whose answer was lost. `key_not_seen` means that no request with this key has arrived yet: it "
        "may still be on its way."
    ),
    ("POST", "/v1/dry-runs/transfers"): (
        "The decision by the packs that are live, limits and funds as they are now; nothing is recorded or counted. A decline is an answer "
        "here, with `status` `declined`; what would be refused is the problem that the payment would get. Balances need the scope `read`. "
        "It does not say whether a table of the switch is full."
    ),
    ("POST", "/v1/dry-runs/credit/orders/import"): (
        "For all of a file before wallets are opened for it: `wallet` and `payee` need not be there. Numbers that are taken are not "
        "looked up: the import says so of each order."
    ),
    ("POST", "/v1/lookups/transfers"): (
        "Up to 100. What is not there stands with its code at its place in `results`; it writes nothing."
    ),
    ("GET", "/v1/owners/transfers"): (
        "Of up to 20 wallets. A line stands once for each wallet that it is about, with that wallet's balance after it. A bound account "
        "sees those of its wallets."
    ),
    ("GET", "/v1/wallets/{id}/holds"): (
        "Also payments in review, and what is left of holds that were captured in part. Without holds it costs no look into the journal. "
        "A page looks at some 1,000 records, so it may be short and go on."
    ),
    ("GET", "/v1/wallets/{id}/windows"): (
        "What `count`, `sum`, `max` and `distinct_payees` of rules would be for a payment that the wallet made now: whatever was asked "
        "for counts, also what was declined. An explanation of a payment has them as they were then."
    ),
    ("GET", "/v1/transfers/{id}/events"): (
        "The payment's own event, those of its captures, refunds, its end and its review, and the arrival of credits on other shards. The "
        "refunds of a capture follow it; so whoever goes on from a cursor does not see what became meanwhile of captures before it. A "
        "credit that landed long after its payment, since its shard was away, may be missing: the payee's statement has it."
    ),
    ("POST", "/v1/transfers/{id}/explanation"): (
        "It reads the journal of the payment's shard up to it, in the process that backtests: one at a time. Lists and snoozes are as "
        "they were. Who pays, who is paid and the device are left out."
    ),
    ("POST", "/v1/transfers/{id}/capture"): "Needs an `Idempotency-Key`.",
    ("POST", "/v1/transfers/{id}/void"): "Needs an `Idempotency-Key`.",
    (
        "POST",
        "/v1/transfers/{id}/refund",
    ): "Needs an `Idempotency-Key`. Never more than was paid. A hold with one capture can be named itself.",
    (
        "GET",
        "/v1/wallets/{id}/transfers",
    ): "In the order of booking. Only what is committed is shown, and everything that was answered before the call. With "
    "a condition on what is listed, a page may be short and go on.",
    ("GET", "/v1/wallets/{id}/statement"): (
        "By effective time, lines oldest first, up to 5,000 of them; `to` is now by default. As CSV and as a page to print, amounts are in "
        "the currency's unit, and a reference that a spreadsheet would take for a formula begins with an apostrophe."
    ),
    (
        "POST",
        "/v1/wallets/{id}/{change:freeze|unfreeze|close}",
    ): "A frozen wallet receives but does not pay. Closing needs balance zero and nothing held, and cannot be undone.",
    (
        "GET",
        "/v1/events",
    ): "With `Accept: text/event-stream` a stream of server-sent events. [Events](events.md) has the types.",
    ("POST", "/v1/webhook-endpoints"): (
        "Which URLs are taken, what is sent and how to check it: [webhooks](../operations/webhooks.md). A bound account's endpoint gets "
        "what `GET /v1/events` shows the account. `secret` is shown here and never again."
    ),
    ("PATCH", "/v1/webhook-endpoints/{id}"): (
        "What waits is kept. An endpoint that was disabled goes on where it stopped, or from `after`: `now` skips what happened meanwhile."
    ),
    ("POST", "/v1/webhook-endpoints/{id}/replay"): "Up to 1,000, oldest first; call it again for more.",
    ("POST", "/v1/webhook-endpoints/{id}/test"): "It is sent within seconds; read the delivery to see what came of it.",
    (
        "POST",
        "/v1/proposals",
    ): "With four eyes on: [controls](controls.md#four-eyes). `path` is the path of the call, its values encoded as in a URL.",
    ("POST", "/v1/proposals/{id}/approve"): (
        "Never by the account that made it, with whatever key. The approver needs the scopes of the call, which is made in the name of who "
        "asked for it; what it refuses leaves the proposal open."
    ),
    ("PUT", "/v1/lists/{name}"): "200 when the list is there: it keeps its type.",
    ("PUT", "/v1/lists/{name}/entries/{value}"): (
        "The answer comes when every scorer has been told; `scorers` says which has not: it looks each second. The same again is no "
        "change. [Controls](controls.md) says what decisions, backtests and exports make of it."
    ),
    (
        "PUT",
        "/v1/rule-packs/{name}/rules/{rule}/snoozes/{wallet}",
    ): "As with an entry of a list; what the wallet pays is meant.",
    ("PUT", "/v1/transfers/{id}/label"): "In the place of the one that there is; who said so, and when, stays with it.",
    (
        "GET",
        "/v1/admin-log",
    ): "Every call that needs an administrative scope and changes something has its entry before it is answered: [controls](controls.md#"
    "the-log-of-administrators). An entry's hash is that of the hash before it and of the entry.",
    ("POST", "/v1/keys"): (
        "`key` is shown here and never again: the answer to a repeat under the same `Idempotency-Key` has null in its place. It gives no "
        "more than the key that makes it has; a bound account makes keys for itself. See [access](access.md#keys-over-http)."
    ),
    (
        "POST",
        "/v1/keys/{id}/rotate",
    ): "As when it is made. What is sent with the old key may be sent again with the new one, which ends when the old one would have.",
    ("POST", "/v1/keys/{id}/revoke"): "The last key that can make keys of all accounts is `last_key`.",
    ("POST", "/v1/labels"): "Each payment once. A label that says the same already stays as it is, with who said so.",
    (
        "POST",
        "/v1/reviews/{id}/notes",
    ): "Up to 100 on one payment. They go when the profile of the payer or the payee is erased.",
    ("PUT", "/v1/rule-packs/{name}"): (
        "As YAML (`application/yaml`) the body is the text itself. `If-Match` and `If-None-Match` as in "
        "[publishing](publishing.md). 200 when the text is that of the newest version."
    ),
    ("POST", "/v1/rule-packs/backtest"): "See [backtests](backtest.md).",
    ("PUT", "/v1/scorecards/{name}"): (
        "The body is the [scorecard](scorecards.md). `If-Match` as in [publishing](publishing.md). 200 when it is the "
        "newest version."
    ),
    ("POST", "/v1/consents"): "A later consent for the same merchant and scenario takes the place of the one before.",
    (
        "GET",
        "/v1/consents",
    ): "A holder names its wallet; a merchant sees what was given to it, of all wallets or of one.",
    ("POST", "/v1/credit/decisions"): (
        "`result` is `yes`, `no` or `not_available`. Without a consent for this merchant and scenario, for a wallet without a "
        "score and for one that does not exist the answer is the same but for `receipt`. Every question is logged before it is "
        "answered, and shown to the holder."
    ),
    ("POST", "/v1/credit/orders"): (
        "One order a receipt, and one a `number`: the same request again gets the same order, however long after. `kind` is that "
        "of the receipt's scenario, `cap` at most what was granted, `payee` a wallet of the merchant's."
    ),
    ("POST", "/v1/credit/orders/import"): (
        "An order is known by `merchant` and `number`: sent again, it is answered with what it made. It needs neither receipt nor consent, "
        "and moves no money: what was paid was paid elsewhere. Without `paid_at` it is owed here from now on, overdue or defaulted if it "
        "is, and collected like any other. What cannot be recorded has its code in its row. Features take its own times."
    ),
    ("POST", "/v1/credit/orders/{id}/complete"): (
        "The transfer is in the same commit as the order's state. What the wallet cannot pay stays owed, `due`, with attempts "
        "that the order shows."
    ),
    (
        "POST",
        "/v1/credit/orders/{id}/{change:confirm|pay}",
    ): "By the holder. What cannot be paid is a problem, and an attempt that the order shows.",
    ("GET", "/v1/wallets/{id}/credit/history"): (
        "At most 1,000 credit records are looked at for a page, so a page may be short and go on."
    ),
    (
        "GET",
        "/v1/wallets/{id}/credit/points",
    ): "Only where the score was published with its features. What the points come to is the published score.",
    ("POST", "/v1/wallets/{id}/credit/what-if"): (
        "Exact, by the card's own kernel, and nothing is recorded. It answers for what the holder can influence, never for identity "
        "or relations; other features are `invalid_field`, which names those that can be asked for."
    ),
    ("POST", "/v1/scores/batch"): (
        "Columns [below](#scores-as-arrow). One card and one run a batch; runs have numbers that go up. A run scores a wallet once: sent "
        "again it is answered with what it made, after a later run with `run_superseded`. What does not add up is refused whole."
    ),
    ("POST", "/v1/scores/undo"): (
        "An Arrow stream of up to 65,536 rows: `wallet` (16 bytes), `undone`, the run, and `run`, a new number above all others (int64, "
        "or dictionaries of them; one of each in a batch). Each wallet that the run scored last has the score before it again, published "
        "under the new number with the data that it was of; one that had none, or whose score a dispute deleted, has null with the "
        "cause `withdrawn`. Other wallets keep theirs: `run_superseded` where a later run has scored them. The answer is as of "
        "[POST /v1/scores/batch](#post-v1scoresbatch)."
    ),
    ("GET", "/v1/scenarios"): "See [scenarios](scenarios.md).",
    ("PUT", "/v1/scenarios/{name}"): (
        "As YAML (`application/yaml`) the body is the [scenario](scenarios.md) itself. `If-Match` and `If-None-Match` as "
        "in [publishing](publishing.md). It decides within a second. 200 when the text is that of the newest version."
    ),
    ("POST", "/v1/scorecards/backtest"): "See [backtests](backtest.md).",
}
"""What to know before a call."""
