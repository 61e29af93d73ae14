"""A batch of requests on its way through a shard: what it was made of, and what became of it so far."""

import numpy as np

from actors.ledger.layout import REQUEST, RESULT, joined
from actors.ledger.ledger import Admitted
from actors.shard.messages import Submit


class Batch:
    """A batch on its way: the submits it was made of, its rows, and what became of them so far."""

    def __init__(self, number: int, submits: list[Submit], stamp: int) -> None:
        self.number = number
        self.submits = submits
        self.stamp = stamp
        self.rows = joined([submit.rows for submit in submits], REQUEST)
        self.results = np.zeros(len(self.rows), RESULT)
        self.admitted: Admitted | None = None
        self.seen = 0
        self.deadline = 0
        self.repeats: dict[int, int] = {}
        self.reading = False
        self.durable = False

    def details(self) -> dict[int, bytes]:
        """Details of all its rows, by row."""
        start, merged = 0, {}
        for submit in self.submits:
            for index, entry in submit.details.items():
                merged[start + index] = entry
            start += len(submit.rows)
        return merged
