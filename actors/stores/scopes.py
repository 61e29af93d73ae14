"""What an API key may be allowed to do."""

from typing import Final

SCOPES: Final = (
    "admin",
    "pay",
    "import",
    "read",
    "analyst",
    "credit",
    "merchant",
    "holder",
    "webhooks",
    "keys",
    "audit",
)
BOUND_SCOPES: Final = ("pay", "read", "merchant", "holder", "webhooks", "keys")
"""Of these a key of a bound account has some. The others are for whoever looks after all wallets."""
ADMINISTRATIVE: Final = (*(scope for scope in SCOPES if scope not in BOUND_SCOPES), "keys")
"""Calls that need one of these and change something leave an entry in the log of administrators."""
