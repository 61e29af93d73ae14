"""What `shardpay` can call of a running switch: a group a resource of the client."""

from typing import Final

CALLS: Final = {
    "transfers": "Pay, hold, capture, void, refund, find.",
    "wallets": "Open, look at, freeze and close wallets; balances and statements.",
    "owners": "Payments of an owner over all wallets.",
    "reviews": "Payments that wait for a person: approve or decline them.",
    "events": "What has happened, page by page.",
    "labels": "Say which payments were fraud; train on labelled ones.",
    "lists": "Lists that packs name: entries with reason and end.",
    "snoozes": "Keep a rule from firing for a wallet until a time.",
    "proposals": "What one account asks for and another approves.",
    "rule-packs": "Rule packs of the switch: versions, modes, backtests.",
    "scorecards": "Scorecards of the switch: versions, modes, backtests.",
    "scenarios": "Scenarios of credit: versions, publishing.",
    "consents": "Consents of holders: give, list, withdraw.",
    "credit": "A wallet's score, its points, who asked, what would change it.",
    "credit-decisions": "Ask the bureau about a wallet, in a scenario.",
    "credit-orders": "Service orders: create, confirm, complete, pay.",
    "credit-reviews": "Decisions of credit that a person looks at again.",
    "disputes": "Disputes of entries: open, forward, answer, resolve.",
    "api-keys": "API keys, with the rights of one's own key: make, rotate, limit, revoke.",
    "admin-log": "What administrators did, entry by entry.",
    "journal": "Ends of the hash chains, shard by shard.",
    "bench-reports": "Results of `shardpay bench` that the switch shows.",
    "webhook-endpoints": "Where events are pushed to: make, change, test, replay.",
    "webhook-deliveries": "What was pushed, and what came of it.",
}
"""Groups by name with the line that help shows."""
