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

    def opened(self) -> list[Output]:
        """The journal was replayed; the topology may have been read before segments in it were claimed."""
        book = self._ledger.book
        book.owners[1:][book.segments[1:] != 0] = self._shard + 1
        self._spare = [segment for segment in self._spare if book.segments[segment] == 0]
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
        if self._ledger.room() < SEGMENT_ROOM_MIN and not self._spare and not self._asked:
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
        mine = {s for s, shard in message.owners.items() if shard == self._shard and 0 < s < len(used)}
        self._spare = sorted(s for s in mine - self._closed if used[s] == 0)
        self._asked = False
        book.meta[M_SEGMENTS_STAMP] = max(book.meta[M_SEGMENTS_STAMP], message.stamp)
