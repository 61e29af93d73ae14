"""How words become numbers.

Columns hold integers only, and a word has the same number in a request, a rule and a journal.

Numbers are never reused: they stand in journals and decisions.
"""

import hashlib
from enum import IntEnum
from functools import lru_cache
from string import ascii_uppercase
from typing import Final


class WalletKind(IntEnum):
    """User wallets (user, merchant) belong to one shard; operator wallets (the others) have a stripe on every shard."""

    USER = 1
    MERCHANT = 2
    EXTERNAL = 3
    FEE = 4
    LIQUIDITY = 5
    SUSPENSE = 6


class Label(IntEnum):
    """What a caller declares a transfer to be (`kind` on the wire); a feature, no effect on money."""

    TRANSFER = 0
    PAYMENT = 1
    CASH_IN = 2
    CASH_OUT = 3
    DEBIT = 4
    TOP_UP = 5
    FEE = 6
    EXCHANGE = 7
    PAYOUT = 8
    INTEREST = 9


class Channel(IntEnum):
    """Where a payment was made (`context.channel` on the wire)."""

    UNKNOWN = 0
    APP = 1
    WEB = 2
    POS = 3
    ATM = 4
    API = 5
    USSD = 6
    AGENT = 7
    BRANCH = 8
    CARD = 9
    BATCH = 10


@lru_cache(maxsize=4096)
def device_number(device: str) -> int:
    """A device's name as the 32-bit feature, never 0."""
    return int.from_bytes(hashlib.blake2b(device.encode(), digest_size=4).digest(), "little") or 1


def country_number(country: str) -> int:
    """Two letters A-Z as a number 33..858; 0 stands for none."""
    return (ord(country[0]) - 64) * 32 + ord(country[1]) - 64


def country_text(number: int) -> str:
    """`country_number` undone."""
    return chr(number // 32 + 64) + chr(number % 32 + 64)


COUNTRIES: Final = {country_number(a + b): a + b for a in ascii_uppercase for b in ascii_uppercase}
"""Every pair of letters by its number."""


def wallet_number(identity: str) -> int:
    """Address in the text of a wallet id. Raises ValueError. Only its cluster can check whether the id is authentic."""
    try:
        number = int(identity.replace("-", ""), 16) if len(identity) == 36 else 0
    except ValueError:
        number = 0
    if not number >> 92 or number >> 76 & 15 != 8:
        raise ValueError("a wallet id is expected, like 00000001-0000-8abc-8123-456789abcdef")
    return number >> 92
