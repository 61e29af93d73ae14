"""Journals made by hand: records of any kind, cut into blocks as a shard would, for tests of those who only read."""

import numpy as np

from actors.records.blocks import GENESIS, Sealed, Writer, seal
from actors.records.layout import RECORD, Kind, Records

EUR = 978
NOON = 1_795_521_600_000
"""2026-11-24T12:00:00Z."""


def record(kind: Kind, **fields: int) -> Records:
    """One record (1,); its times are NOON unless given."""
    row = np.zeros(1, RECORD)
    row["kind"], row["currency"], row["record_time"] = kind, EUR, NOON
    for name, value in fields.items():
        row[name] = value
    if "effective_time" not in fields:
        row["effective_time"] = row["record_time"]
    return row


def journal(
    shard: int, *batches: list[Records], details: dict[int, bytes] | None = None, first: int = 1
) -> list[Sealed]:
    """Blocks of a shard from number `first` on, at least one for each batch; `details` by index in the first batch."""
    blocks: list[Sealed] = []
    previous = GENESIS
    writer = Writer(shard, 1, 7, bytes(16))
    for batch in batches:
        sealed, previous = seal(
            writer,
            first=first + len(blocks),
            previous=previous,
            seen=0,
            records=np.concatenate(batch),
            details=details or {},
        )
        blocks += sealed
        details = None
    return blocks
