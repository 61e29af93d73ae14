"""Which lines of a wallet's list a caller wants.

By type, kind, direction, counterparty, reference, metadata and amount.
"""

import re
from collections.abc import Callable
from typing import Final

from actors.records.ids import uuid_bytes
from actors.records.layout import AMOUNT_MAX, MOVEMENTS, Kind
from switch.http.schema import LABELS
from switch.problems.table import invalid_query
from switch.views.statement import Entry

Test = Callable[[Entry], bool]

TYPES: Final = tuple(Kind(kind).name.lower() for kind in MOVEMENTS)
DIRECTIONS: Final = ("in", "out")
WORDS: Final[dict[str, tuple[str, ...]]] = {"type": TYPES, "kind": tuple(LABELS), "direction": DIRECTIONS}
"""Parameters that are one of some words."""
_AMOUNT: Final = re.compile(r"\d{1,16}")
NAMES: Final = (*WORDS, "counterparty", "reference", "metadata", "amount_min", "amount_max")
"""All parameters, each of which leaves some lines out."""


def tests_of(query: dict[str, str]) -> list[Test]:
    """What a line must pass. Raises ProblemError invalid_query."""
    tests = [_test(name, query[name]) for name in NAMES if name in query]
    if "amount_min" in query and "amount_max" in query and int(query["amount_min"]) > int(query["amount_max"]):
        raise invalid_query("amount_max", "an amount from amount_min on is expected")
    return tests


def _test(name: str, value: str) -> Test:
    if name in WORDS:
        if value not in WORDS[name]:
            raise invalid_query(name, f"expected one of: {', '.join(WORDS[name])}")
        return lambda line: getattr(line, name) == value
    if name == "counterparty":
        if uuid_bytes(value) is None:
            raise invalid_query(name, "a wallet id (UUID) is expected")
        wanted = value.lower()
        return lambda line: wanted == (line.payee if line.direction == "out" else line.payer)
    if name == "reference":
        return lambda line: line.reference == value
    if name == "metadata":
        key, colon, text = value.partition(":")
        if not key or not colon:
            raise invalid_query(name, "NAME:TEXT is expected")
        return lambda line: isinstance(line.metadata, dict) and line.metadata.get(key) == text
    if not _AMOUNT.fullmatch(value) or not value.isascii() or int(value) > AMOUNT_MAX:
        raise invalid_query(name, f"an amount in minor units is expected, 0 to {AMOUNT_MAX}")
    amount = int(value)
    return (lambda line: line.amount >= amount) if name == "amount_min" else (lambda line: line.amount <= amount)
