"""What is known of a request by the attempts to send it: once an answer was lost, no later one that it was not tried
says that nothing happened. No I/O, so that the lane and the simulated front door keep the same book."""

from switch.problems import OVERLOADED_NUMBER, UNKNOWN_NUMBER


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
