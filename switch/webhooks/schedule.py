"""When a delivery is sent again, when it is a dead letter, when an endpoint is disabled."""

from typing import Final

RETRY_AFTER_S: Final = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
"""Between attempts: eleven over 24 hours. Then it is a dead letter, which its owner can send again."""
JITTER: Final = 0.1
"""Share by which a pause is longer or shorter, so that what failed together does not come back together."""
RETRY_AFTER_MAX_S: Final = 3_600
"""So long a receiver may ask to be left alone with the header Retry-After."""
FAILING_AFTER: Final = 10
"""So many attempts one after the other failed, then an endpoint counts as failing: nothing new is read for it, and one attempt is under way
at a time, until something gets through."""
PROBE_EVERY_S: Final = 60.0
"""So often is a failing endpoint tried, beside what is due: what has come back gets its events within a minute."""
DISABLE_AFTER_S: Final = 3 * 86_400
"""An endpoint of which an attempt fails when nothing got through for so long is disabled."""
QUIET_S: Final = 12 * 3_600
"""Without an attempt for so long, longer than between any two of one delivery, nobody knows: failing begins anew."""


def retry_in_s(tries: int, chance: float, asked_s: float | None = None) -> float | None:
    """Seconds until the next attempt after `tries` of them, None when there is none. `chance`: from 0 to 1; `asked_s`: for how long the
    receiver wants to be left alone."""
    if tries > len(RETRY_AFTER_S):
        return None
    pause = RETRY_AFTER_S[tries - 1] * (1 + JITTER * (2 * chance - 1))
    return max(pause, min(asked_s or 0.0, RETRY_AFTER_MAX_S))
