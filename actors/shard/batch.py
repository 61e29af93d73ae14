"""A batch of requests on its way through a shard: what it was made of, and what became of it so far."""

import numpy as np

from actors.ledger.codes import Code
from actors.ledger.layout import FLAG_LINKED, REQUEST, RESULT, joined
from actors.ledger.ledger import Admitted
from actors.shard.messages import Submit
from actors.shard.replies import fill_mismatch


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

    def continues(self, index: int) -> bool:
        """Whether a row is in a linked group and not the first there."""
        return index > 0 and bool(self.rows["flags"][index - 1] & FLAG_LINKED)

    def repeat_as_a_whole(self) -> None:
        """A linked group is repeated as a whole: where a row differs from its record, no row of the group is a replay."""
        linked = self.rows["flags"] & FLAG_LINKED != 0
        differs = self.results["code"] == Code.IDEMPOTENCY_MISMATCH
        if not linked.any() or not differs.any():
            return
        first = 0
        for end in (np.flatnonzero(~linked) + 1).tolist():
            if differs[first:end].any():
                same = first + np.flatnonzero(~differs[first:end])
                spoiled = self.results[same]
                fill_mismatch(spoiled, "linked")
                self.results[same] = spoiled
            first = end

    def details(self) -> dict[int, bytes]:
        """Details of all its rows, by row."""
        start, merged = 0, {}
        for submit in self.submits:
            for index, entry in submit.details.items():
                merged[start + index] = entry
            start += len(submit.rows)
        return merged
