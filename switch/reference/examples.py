"""An example of each body, as a person would send it first.

A test reads each with the decoder of its call.
"""

from typing import Any, Final

from models.scorecard import Scorecard
from rules.scenarios.catalogue import texts
from switch.http import schema

_ANN: Final = "8f3a5c1e-0b7d-4c2a-9d6e-1f2a3b4c5d6e"
_SHOP: Final = "2d9b7e40-6c1f-4a83-b5d2-7e8f9a0b1c2d"
_RECEIPT: Final = "5b0c9d8e-7f6a-4b3c-8d2e-1a0b9c8d7e6f"
_PAYMENT: Final[dict[str, Any]] = {"payer": _ANN, "payee": _SHOP, "amount": 1250, "currency": "EUR"}
_CARD: Final[dict[str, Any]] = {
    "name": "first",
    "version": 1,
    "range": [500, 560],
    "base": 500,
    "characteristics": [
        {"feature": "amount", "reason": "LARGE", "edges": [10_000, 100_000], "points": [60, 30, 0], "missing": 0}
    ],
    "bands": [{"name": "low", "low": 500}, {"name": "high", "low": 530}],
}

_PACK: Final = """\
name: first
fallback: review
rules:
  - id: large
    when: amount >= 100000
    action: review
    reason: LARGE
"""
_SCENARIO: Final = texts()["travel"]

EXAMPLES: Final[dict[type, Any]] = {
    schema.Transfer: {
        **_PAYMENT,
        "kind": "payment",
        "reference": "order 4711",
        "context": {"channel": "app", "country": "DE"},
    },
    schema.TransferBatch: {"transfers": [{**_PAYMENT, "idempotency_key": "order-4711"}]},
    schema.Capture: {"amount": 1000, "final": True},
    schema.Refund: {"amount": 250},
    schema.NewWallet: {"currency": "EUR", "kind": "user", "external_id": "customer-42", "owner": "ann"},
    schema.TransferLookup: {"transfers": [{"wallet": _ANN, "idempotency_key": "order-4711"}, {"id": _RECEIPT}]},
    schema.WalletBatch: {"wallets": [{"currency": "EUR", "kind": "merchant", "external_id": "shop-7"}]},
    schema.WalletPatch: {"tier": 2, "metadata": {"segment": "private"}},
    schema.Empty: {},
    schema.PackText: {"text": _PACK},
    schema.PackMode: {"mode": "shadow"},
    schema.CardMode: {"mode": "shadow", "pack": "default"},
    schema.PackBacktest: {"name": "default", "from": "2026-01-01T00:00:00Z"},
    schema.CardBacktest: {"name": "first", "from": "2026-01-01T00:00:00Z"},
    schema.CardPopulation: {"name": "first", "divided_at": "2026-01-01T00:00:00Z"},
    schema.ScenarioText: {"text": _SCENARIO},
    schema.NewConsent: {
        "wallet": _ANN,
        "scenario": "power_bank",
        "merchant": "shop",
        "expires_at": "2027-01-01T00:00:00Z",
    },
    schema.CreditQuestion: {"wallet": _ANN, "scenario": "power_bank", "amount": 9900},
    schema.Changes: {"changes": {"orders_mean_days_late": 0}},
    schema.NewOrder: {
        "receipt": _RECEIPT,
        "kind": "deposit_waived",
        "cap": 9900,
        "currency": "EUR",
        "payee": _SHOP,
        "number": "R-1",
        "introduction": "A power bank for three days",
    },
    schema.LoweredCap: {"cap": 5000},
    schema.Bill: {"items": [{"name": "three days", "amount": 600}]},
    schema.PastOrders: {
        "orders": [
            {
                "wallet": _ANN,
                "merchant": "shop",
                "scenario": "power_bank",
                "payee": _SHOP,
                "amount": 600,
                "number": "R-0",
                "created_at": "2026-01-02T10:00:00Z",
                "due_at": "2026-01-09T10:00:00Z",
                "paid_at": "2026-01-03T10:00:00Z",
            }
        ]
    },
    schema.NewDispute: {"entry": _RECEIPT, "text": "I gave the power bank back on the same day."},
    schema.SourceOutcome: {"outcome": "corrected", "text": "It was returned in time; our machine was offline."},
    schema.DisputeOutcome: {"outcome": "corrected", "text": "The shop confirms that it was returned in time."},
    schema.Reinsertion: {"text": "The shop has shown that it was never returned."},
    schema.NewReview: {"receipt": _RECEIPT, "text": "I have paid every order so far."},
    schema.ReviewOutcome: {"outcome": "overturned", "text": "The order was paid, though late."},
    schema.NewWebhookEndpoint: {"url": "https://shop.example/hooks", "types": ["transfer.posted"], "ordered": True},
    schema.WebhookEndpointPatch: {"disabled": False, "after": "now"},
    schema.SecretRotation: {"expires_in": 3600},
    schema.NewKey: {"name": "shop", "scopes": ["pay", "read"], "owners": ["shop-17"], "reads_per_s": 50},
    schema.KeyRotation: {"overlap_s": 3600},
    schema.KeyPatch: {"expires_at": "2099-01-31T00:00:00Z"},
    schema.NewList: {"type": "device", "description": "Devices that were reported as stolen"},
    schema.ListEntry: {"reason": "reported by the holder", "expires_at": "2099-01-31T00:00:00Z"},
    schema.NewSnooze: {"reason": "payroll", "until": "2099-01-31T00:00:00Z"},
    schema.TransferLabel: {"label": True},
    schema.LabelBatch: {"labels": [{"id": _RECEIPT, "label": True}]},
    schema.CaseNote: {"text": "The holder confirms the payment."},
    schema.CaseAssignee: {"assignee": "ann"},
    schema.NewProposalText: {
        "method": "PUT",
        "path": "/v1/lists/stolen-devices/entries/phone-1",
        "content": {"reason": "reported by the holder"},
        "reason": "case 17",
    },
    Scorecard: _CARD,
}
"""By type."""
