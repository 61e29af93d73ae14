"""How full a shard's tables are, and when the operator must be warned.

Each table has a stated end: a row makes room for another, or a request is answered with a code of its own. Tables in which a row makes room
unseen (profiles, originals) are only measured; of the others the operator is warned before they are full.
"""

from typing import Final, NamedTuple

from actors.ledger.ledger import Ledger
from actors.shard.messages import Alert

ALERT_AT: Final = 0.8
"""Filled beyond this, a table is reported: at a steady rate there is then a quarter of the time so far left to act."""
CLEAR_AT: Final = 0.7
"""Filled less than this it may be reported again; a table that moves about the mark is reported once."""

ENDS: Final = {
    "segment_map": "when it is full no shard can open further wallets (wallets_full); raise the capacity `segment_map`",
    "wallets": "when it is full no wallet can be opened here (wallets_full); raise the capacity `segments`",
    "keys": "when it is full new requests are refused (keys_full) until the next generation of keys; raise the capacity `keys`",
    "holds": "when it is full new holds are refused (holds_full); raise the capacity `holds`",
    "payers": "when it is full, windows of further payers are lower bounds (`saturated`); raise the capacity `payers`",
    "attempts": "when it is full, windows of further payers are lower bounds (`saturated`); raise the capacity `attempts`",
    "consents": "when it is full new consents are refused (consents_full); raise the capacity `consents`",
    "cases": "when it is full new disputes and reviews are refused (cases_full); raise the capacity `cases`",
    "orders": "when it is full new service orders are refused (orders_full); raise the capacity `orders`",
}
"""What comes at the end of a table, and what to do about it."""


class Fill(NamedTuple):
    """Rows of a table in use, and how many there may be."""

    used: int
    capacity: int

    @property
    def ratio(self) -> float:
        """The share in use; a table of no rows is full."""
        return self.used / self.capacity if self.capacity else 1.0


class FillWatch:
    """Looks at the tables from time to time, and gives one alert when a table gets full."""

    def __init__(self) -> None:
        self.fills: dict[str, Fill] = {}
        self._reported: set[str] = set()

    def look(self, ledger: Ledger, *, queued_rows: Fill, backlog: Fill) -> list[Alert]:
        """Measure all; gives what the operator must be warned of now."""
        self.fills = {name: Fill(*fill) for name, fill in ledger.fills().items()}
        self.fills |= {"queue": queued_rows, "backlog": backlog}
        alerts = [name for name in ENDS if self.fills[name].ratio >= ALERT_AT and name not in self._reported]
        self._reported = {name for name in self._reported if self.fills[name].ratio >= CLEAR_AT} | set(alerts)
        return [Alert(text=self._text(name)) for name in alerts]

    @property
    def warnings(self) -> list[str]:
        """What was reported and is still so."""
        return [self._text(name) for name in ENDS if name in self._reported]

    def _text(self, name: str) -> str:
        return f"the table of {name} is {100 * self.fills[name].ratio:.0f} % full: {ENDS[name]}"
