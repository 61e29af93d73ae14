"""Of which payments a preview is: all, or those of the last days."""

from typing import Final

from rules.vocabulary.columns import DAY_MS
from switch.http.times import now_ms, time_text

OF_PAYMENTS: Final = {
    "": "all payments",
    "1": "payments of a day",
    "7": "payments of a week",
    "30": "payments of 30 days",
}
"""By days, as forms offer them."""


def since(days: str) -> dict[str, str]:
    """What a backtest is asked for: nothing for all payments, else from when on."""
    return {"from": time_text(now_ms() - int(days) * DAY_MS)} if days and days in OF_PAYMENTS else {}


def span_of(days: str) -> str:
    """The same for people."""
    return f"{OF_PAYMENTS.get(days, OF_PAYMENTS[''])} that this switch has scored"
