"""What is known of a request by the attempts to send it: once an answer was lost, no later one that it was not tried
says that nothing happened. No I/O, so that the lane and the simulated front door keep the same book."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from actors.ledger.codes import Code
from actors.ledger.layout import RESULT
from switch.problems import OVERLOADED_NUMBER, UNKNOWN_NUMBER

UNTRIED: Final = (int(Code.DEFERRED), int(Code.MOVED), int(Code.BUSY))
"""What a shard says of a row that it has not tried, and that is therefore sent again."""
_OPEN: Final = (*UNTRIED, UNKNOWN_NUMBER, OVERLOADED_NUMBER)


class Attempts:
    """`code`: what to say when time is over; `sent`: whether the request may still happen, or has."""

    __slots__ = ("code", "sent")

    def __init__(self) -> None:
        self.code = OVERLOADED_NUMBER
        self.sent = False

    def lost(self, *, not_sent: bool) -> None:
        """No answer came. `not_sent`: it is sure that the request never left."""
        if not not_sent:
            self.sent = True
            self.code = UNKNOWN_NUMBER

    def untried(self, code: int) -> None:
        """A shard answered that it has not tried."""
        if not self.sent:
            self.code = code


class RowAttempts:
    """The same of many rows at once, each with its own fate: `results` (n,) of RESULT has what is to be said of each now."""

    __slots__ = ("results",)

    def __init__(self, count: int) -> None:
        self.results = np.zeros(count, RESULT)
        self.results["code"] = OVERLOADED_NUMBER

    def open_rows(self) -> NDArray[np.int64]:
        """Which rows have no final answer yet."""
        return np.flatnonzero(np.isin(self.results["code"], _OPEN))

    def lost(self, rows: NDArray[np.int64], *, not_sent: bool) -> None:
        """No answer came for these rows. `not_sent`: it is sure that they never left."""
        if not not_sent:
            self.results["code"][rows] = UNKNOWN_NUMBER

    def answered(self, rows: NDArray[np.int64], answer: NDArray[Any]) -> None:
        """These rows got an answer (n,) of RESULT; one that says that a row was not tried does not count once another was lost."""
        unknown = (self.results["code"][rows] == UNKNOWN_NUMBER) & np.isin(answer["code"], UNTRIED)
        self.results[rows] = answer
        self.results["code"][rows[unknown]] = UNKNOWN_NUMBER
