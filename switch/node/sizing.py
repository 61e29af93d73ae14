"""How many idempotency keys a shard has memory for, and how long they last.

docs/operations/size.md has the arithmetic.
"""

from typing import Final

import msgspec

from actors.ledger.bounds import IDEMPOTENCY_WINDOW_MS, Capacity

KEY_BYTES_MAX: Final = 69
"""A remembered key takes 34 to 69 bytes (measured): the most just after the table's partitions have divided."""
GENERATIONS: Final = 2
"""Keys are kept for one to two windows: a full generation is kept while the next one fills."""
MEMORY_SHARE: Final = 0.5
"""Of the memory that the switch may have; the other half is for wallets, attempts, PostgreSQL and the processes."""
KEYS_STEP: Final = 1_000_000
KEYS_MAX: Final = 150_000_000
"""The directory of a table serves 180 million keys."""
RATE_ENOUGH: Final = 100
"""New requests a second, day and night, for which a switch that is sized by its memory need not say for how many it is."""


def keys_for(memory: int, shards: int) -> int:
    """Keys of one generation for each of so many shards on a machine with so many bytes of memory."""
    keys = int(memory * MEMORY_SHARE) // (shards * GENERATIONS * KEY_BYTES_MAX)
    return min(KEYS_MAX, max(KEYS_STEP, keys // KEYS_STEP * KEYS_STEP))


def sized(capacity: Capacity, memory: int, shards: int, *, configured: bool) -> Capacity:
    """The same capacity, with as many keys as there is memory for unless the configuration says how many."""
    if configured:
        return capacity
    return msgspec.structs.replace(capacity, keys=keys_for(memory, shards))


def keys_statement(keys: int, shards: int, *, configured: bool) -> str | None:
    """How many keys there is room for, in one line: where the operator has said how many, or the machine is small. Elsewhere None: the
    metrics tell how full the table is, and an alert comes long before it is."""
    rate = keys * shards * 1_000 // IDEMPOTENCY_WINDOW_MS
    if rate >= RATE_ENOUGH and not configured:
        return None
    return (
        f"room for {keys * shards:,} idempotency keys: {rate:,} new requests/s on average over {IDEMPOTENCY_WINDOW_MS // 3_600_000} h "
        "(docs/operations/size.md)"
    )
