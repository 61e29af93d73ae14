"""What an API key may be allowed to do."""

from typing import Final

SCOPES: Final = ("admin", "pay", "import", "read", "analyst", "credit", "merchant", "holder", "webhooks")
BOUND_SCOPES: Final = ("pay", "read", "merchant", "holder", "webhooks")
"""Of these a key of a bound account has some. The others are for whoever looks after all wallets."""
