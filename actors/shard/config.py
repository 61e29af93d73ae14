"""What a shard's core is told when it is made."""

import msgspec

from rules.decisions.decision import INITIAL_FALLBACK, Fallback


class ShardConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`score_timeout_ms`: how long a batch waits for its decisions before the fallback stands in. `save_every_records`: how many records
    lie between two checkpoints; None: there are none."""

    shard: int
    shards: int
    scored: bool = True
    fallback: Fallback = INITIAL_FALLBACK
    score_timeout_ms: int = 1_000
    save_every_records: int | None = None
