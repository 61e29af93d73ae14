"""How much a ledger holds, and for how long. Who only asks for that loads no kernel."""

from typing import Final

import msgspec

HOLD_SECONDS_MAX: Final = 365 * 86_400
"""The longest that an amount can be held."""
IDEMPOTENCY_WINDOW_MS: Final = 24 * 3_600_000
REVIEW_SECONDS: Final = 24 * 3_600
"""How long an analyst has for an answer when the configuration does not say."""


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """How much a shard can hold; address space is reserved for all of it, memory is used as it fills."""

    segments: int = 512
    """Local segments of 65,536 wallets, the operator segment included: 33.5 million wallets."""
    segment_map: int = 1 << 20
    """Segments of the whole cluster, every id's segment is below it."""
    keys: int = 50_000_000
    """Idempotency keys of one generation; beyond it new transfers get 503."""
    payers: int = 4_000_000
    """Wallets with remembered attempts; who did not pay within the longest window makes room, beyond it windows say `saturated`."""
    attempts: int = 64_000_000
    """Remembered attempts of all wallets."""
    profiles: int = 4_000_000
    """Wallets of other shards that were paid from here; beyond it those not paid lately are asked for again when needed."""
    holds: int = 4_000_000
    """Open holds; beyond it new ones get 503."""
    caller_holds_percent: int = 25
    """How much of that the open holds of one caller, cases in review included, may be; beyond it its new ones get 429."""
    originals: int = 65_536
    """Records known for their refunds; beyond it those whose refunds are durable are read again when needed."""
    consents: int = 4_000_000
    """Live consents; those that have ended make room, beyond it new ones get 503."""
    orders: int = 1_000_000
    """Service orders that are not over; beyond it new ones get 503."""
    cases: int = 100_000
    """Disputes and reviews of decisions that are open; beyond it new ones get 503."""
    inquirers: int = 4_000_000
    """Pairs of a merchant's account and a wallet that it asked about on one day, a quarter of them of one account at most; beyond it a
    further pair gets 429."""
