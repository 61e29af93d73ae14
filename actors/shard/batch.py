"""A batch of requests on its way through a shard: what it was made of, and what became of it so far."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.ledger import Admitted, Applied
from actors.records import survey
from actors.records.codes import Code
from actors.records.layout import FLAG_LINKED, REQUEST, RESULT, joined, zeroed
from actors.shard.idempotency import LINKED, mismatches
from actors.shard.intake import Part
from actors.shard.messages import Output


class Repeats(NamedTuple):
    """Rows of a batch that repeat records: their places in the batch, and the records' addresses, ascending."""

    places: NDArray[np.intp]
    addresses: NDArray[np.int64]

    def part(self, first: int, end: int) -> "Repeats":
        """Some of them."""
        return Repeats(self.places[first:end], self.addresses[first:end])


_NONE: Final = Repeats(np.zeros(0, np.intp), np.zeros(0, np.int64))


class Batch:
    """A batch on its way: the parts of requests it was made of, its rows, and what became of them so far. `found`: what the rows are, as in
    `survey`. `duplicates`: per row, the record that its key made before, 0 for none, < 0 for one of the same batch; None: no row has one.
    `repeats`: those of them that still wait to be read. `waits`: per row, whether its record is still missing; None: no row's is."""

    def __init__(self, number: int, parts: list[Part], stamp: int) -> None:
        self.number = number
        self.stamp = stamp
        self.rows = joined([part.rows for part in parts], REQUEST)
        self.found = 0
        for part in parts:
            self.found |= part.asked.found
        self.results = zeroed(len(self.rows), RESULT)
        self.parts = parts
        self._unanswered = _starts(parts)
        self.admitted: Admitted | None = None
        self.seen = 0
        self.deadline = 0
        self.duplicates: NDArray[np.int64] | None = None
        self.repeats = _NONE
        self.waits: NDArray[np.bool_] | None = None
        self.durable = False

    def repeat(self, places: NDArray[np.intp], records: NDArray[np.int64]) -> None:
        """Rows at these places have these duplicates."""
        if self.duplicates is None:
            self.duplicates = np.zeros(len(self.rows), np.int64)
        self.duplicates[places] = records

    def wait_for(self, repeats: Repeats) -> None:
        """The records of these repeats are to be read."""
        self.repeats = repeats
        self.waits = np.zeros(len(self.rows), np.bool_)
        self.waits[repeats.places] = True

    @property
    def continues(self) -> NDArray[np.bool_]:
        """Which rows are in a linked group and not the first there."""
        linked: NDArray[np.bool_] = self.rows["flags"] & FLAG_LINKED != 0
        return np.concatenate((np.zeros(1, np.bool_), linked[:-1]))

    def repeat_as_a_whole(self) -> None:
        """A linked group is repeated as a whole: where a row differs from its record, no row of the group is a replay."""
        if not self.found & survey.LINKED:
            return
        differs = self.results["code"] == Code.IDEMPOTENCY_MISMATCH
        continues = self.continues
        if not differs.any():
            return
        group = np.cumsum(~continues) - 1
        spoiled = np.zeros(len(group), np.bool_)
        spoiled[group[differs]] = True
        same = np.flatnonzero(spoiled[group] & ~differs)
        self.results[same] = mismatches(np.full(len(same), LINKED, np.int8))

    def details(self) -> dict[int, bytes]:
        """Details of all its rows, by row."""
        start, merged = 0, {}
        for part in self.parts:
            for index, entry in part.details().items():
                merged[start + index] = entry
            start += part.end - part.first
        return merged

    def details_of(self, admitted: Admitted, applied: Applied) -> dict[int, bytes]:
        """Details by the records that rows became."""
        by_row = self.details()
        if not by_row:
            return {}
        rows = admitted.places[applied.sources]
        return {k: by_row[int(row)] for k, row in enumerate(rows) if int(row) in by_row}

    def applied(self) -> None:
        """What records were made of is let go."""
        self.admitted = None
        for part in self.parts:
            part.asked.applied()

    def answers(self) -> list[Output]:
        """Answers to the requests of which nothing else is missing, each once: who repeats nothing waits for nobody's repeats."""
        self.repeat_as_a_whole()
        answers: list[Output] = []
        left = []
        for start, part in self._unanswered:
            end = start + part.end - part.first
            if self.waits is not None and self.waits[start:end].any():
                left.append((start, part))
            else:
                answers += part.asked.answer(part.first, self.results[start:end])
        self._unanswered = left
        return answers


def _starts(parts: list[Part]) -> list[tuple[int, Part]]:
    """Parts with the places of their first rows."""
    start, starts = 0, []
    for part in parts:
        starts.append((start, part))
        start += part.end - part.first
    return starts
