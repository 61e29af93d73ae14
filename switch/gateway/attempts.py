"""Track the attempts to send a request.

Once an answer was lost, no later refusal to try says that nothing happened. No I/O, so that the write queue and the simulated front door
share it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.codes import FIRST_REFUSED, Code, is_untried
from actors.records.layout import RESULT, Results
from switch.problems.table import OVERLOADED_NUMBER, UNKNOWN_NUMBER

AGAIN: Final = (int(Code.DEFERRED), int(Code.MOVED), int(Code.BUSY))
"""What a shard says of a row that it has not tried and soon may: it is sent again. Of a full table it is told instead, unless an answer
was lost before: then the row may have been done, or may still be, and only a later answer says it."""
_OPEN: Final = (*AGAIN, UNKNOWN_NUMBER, OVERLOADED_NUMBER)


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

    def is_final(self, code: int) -> bool:
        """Whether an answer is the one to give, not to be asked for again."""
        return code not in AGAIN and not (self.sent and is_untried(code))

    def untried(self, code: int) -> None:
        """A shard answered that it has not tried."""
        if not self.sent:
            self.code = code


class RowAttempts:
    """The same of many rows at once, each with its own outcome: `results` (n,) of RESULT has what is to be said of each now."""

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

    def answered(self, rows: NDArray[np.int64], answer: Results) -> None:
        """These rows got an answer (n,) of RESULT; one that says that a row was not tried does not count once another was lost."""
        untried = (answer["code"] > 0) & (answer["code"] < FIRST_REFUSED)
        unknown = untried & (self.results["code"][rows] == UNKNOWN_NUMBER)
        self.results[rows] = answer
        self.results["code"][rows[unknown]] = UNKNOWN_NUMBER
