"""Of which payments a preview is: the newest so many, or all."""

from typing import Final

from switch.http.schema import BACKTEST_LAST_MAX

EVERY: Final = "all"
USUAL: Final = "10000"
OF_PAYMENTS: Final = {
    **{str(count): f"the last {count:,} payments" for count in (1_000, int(USUAL), BACKTEST_LAST_MAX)},
    EVERY: "all payments",
}
"""By number, as forms offer them."""


def chosen(text: str) -> str:
    """The choice that a form brings, the usual one where it brings none of them."""
    return text if text in OF_PAYMENTS else USUAL


def asked_of(choice: str) -> dict[str, int]:
    """What a backtest is asked for: nothing for all payments, else how many."""
    return {} if choice == EVERY else {"last": int(choice)}
