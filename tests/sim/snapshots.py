"""Keep a ledger in memory without the slots of its segments that no wallet has: most of what a copy would cost."""

from actors.ledger.arrays import Arrays, ArraySpec, forms_of
from actors.records.addresses import SEGMENT_SLOTS
from models.arrays import Array

SEGMENT_WALLETS = 30
"""User wallets that a segment has room for: the last slots of it."""
OPERATOR_SLOTS = 1_100
"""First slots of a shard's own segment, where operator wallets are."""


class SegmentsInUse:
    """A snapshot (`actors.ledger.arrays.Snapshot`) that copies, of an array over all wallets, the slots where wallets can be."""

    def __init__(self, arrays: Arrays) -> None:
        self.forms: dict[str, ArraySpec] = forms_of(arrays)
        self._parts = {name: [part.copy() for part in _parts(array)] for name, array in arrays.items()}

    def fill(self, places: Arrays) -> None:
        """As `Snapshot.fill`, into arrays that hold nothing yet."""
        for name, copies in self._parts.items():
            for part, copy in zip(_parts(places[name]), copies, strict=True):
                part[...] = copy


def _parts(array: Array) -> list[Array]:
    """Views of all that can differ from zero; a wallet elsewhere would come back empty, which the audit of a seed notices."""
    if len(array) == 0 or len(array) % SEGMENT_SLOTS:
        return [array]
    segments = array.reshape(-1, SEGMENT_SLOTS)
    return [segments[:1, :OPERATOR_SLOTS], segments[:, -SEGMENT_WALLETS:]]
