"""The segments of a shard: which are its own, and when it claims a further one.

A wallet is opened in a segment that is in use; while some slots are left there a spare one is claimed, so that nobody waits for it.
Where commits may be lost, wallets go on in a new segment: an id that was answered before names nobody else.
"""

from typing import Final

from actors.ledger.book import M_OPEN_SEGMENT, M_SEGMENTS_STAMP
from actors.ledger.ledger import Ledger
from actors.shard.messages import NeedSegment, Output, Segments

SEGMENT_ROOM_MIN: Final = 16_384
"""With fewer free slots and no spare segment, a further one is claimed."""


class OwnSegments:
    """What this shard knows of the topology, and its spare segments."""

    def __init__(self, ledger: Ledger, shard: int) -> None:
        self._ledger = ledger
        self._shard = shard
        self._spare: list[int] = []
        self._closed: frozenset[int] = frozenset()
        self._asked = False
        self._beyond = False

    def opened(self) -> list[Output]:
        """The journal was replayed; the topology may have been read before segments in it were claimed."""
        book = self._ledger.book
        book.owners[1:][book.segments[1:] != 0] = self._shard + 1
        self._spare = [segment for segment in self._spare if book.segments[segment] == 0]
        self._ledger.end_segments(self._ended)
        if int(book.meta[M_OPEN_SEGMENT]) not in self._closed:
            return []
        self._ledger.close_segment()
        return self.make_room()

    def make_room(self) -> list[Output]:
        """Wallets are about to be opened, or will be."""
        if self._ledger.room() == 0 and self._spare:
            if not self._ledger.use_segment(self._spare[0]):
                return []
            self._spare.pop(0)
            self._ledger.end_segments(self._ended)
        if self._ledger.room() < SEGMENT_ROOM_MIN and not (self._spare or self._asked or self._beyond):
            self._asked = True
            return [NeedSegment()]
        return []

    def read(self, message: Segments) -> None:
        """The topology, as it is now."""
        book = self._ledger.book
        for segment, shard in message.owners.items():
            if segment < len(book.owners):  # one beyond has no wallets: there are no addresses for them
                book.owners[segment] = shard + 1
        used = book.segments
        self._closed = message.closed
        mine = {s for s, shard in message.owners.items() if shard == self._shard and s > 0} - self._closed
        self._spare = sorted(s for s in mine if s < len(used) and used[s] == 0)
        self._beyond = any(s >= len(used) for s in mine)  # as each further one would be
        self._asked = False
        self._ledger.end_segments(self._ended)
        book.meta[M_SEGMENTS_STAMP] = max(book.meta[M_SEGMENTS_STAMP], message.stamp)

    @property
    def _ended(self) -> bool:
        """Whether no number is left for a further segment: wallets are full then, not late."""
        return self._beyond and not self._spare
