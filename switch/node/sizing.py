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
SESSIONS_OF_SHARD: Final = 4
"""To append, to read, for its segments; one of the process that it takes over from."""
SESSIONS_OF_SCORER: Final = 3
SESSIONS_OF_FRONT_DOOR: Final = 12
"""Its pool's 8, and turns of keys and backtests, which have sessions of their own."""
SESSIONS_BESIDE: Final = 28
"""The supervisor's, the sender's of webhooks, and those of exports, backups and other commands."""
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


def sessions_for(shards: int, scorers: int, front_doors: int) -> int:
    """Sessions with PostgreSQL that a switch has at most, and some for commands beside it."""
    return (
        SESSIONS_BESIDE
        + SESSIONS_OF_SHARD * shards
        + SESSIONS_OF_SCORER * scorers
        + SESSIONS_OF_FRONT_DOOR * front_doors
    )


def sessions_statement(room: int, wanted: int, *, embedded: bool) -> str | None:
    """What to do when PostgreSQL takes fewer sessions than a switch may want, in one line. Else None."""
    if room >= wanted:
        return None
    how = "stop whatever uses it, and name --shards once" if embedded else "raise max_connections"
    return f"PostgreSQL takes {room} sessions, and this switch may want {wanted}: {how}"


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
