"""What an API key may be allowed to do."""

from typing import Final

SCOPES: Final = ("admin", "pay", "import", "read", "analyst")
