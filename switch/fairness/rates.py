"""Limit how many requests a second one caller may make: a bucket of tokens for each, filled by time."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from models.wording import counted
from switch.problems.table import ProblemError

BURST_S: Final = 2.0
"""A caller that was quiet may make so many seconds' requests at once."""
CALLERS_MAX: Final = 10_000
"""Buckets that are kept. Who was quiet for longest is forgotten: its bucket would be full."""


READS_PER_S: Final = 2_000
"""A flood of questions would take the processor from payments: so many take less than half of one."""

PerSecond = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class RequestLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many requests one account may make at one front door a second, with GET and without; 0: any number. A batch is one request."""

    reads_per_s: PerSecond = READS_PER_S
    writes_per_s: PerSecond = 0


class Rate:
    """At most `per_s` requests a second of each caller; 0: any number. `clock` counts seconds, steadily."""

    def __init__(self, per_s: int, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._clock = clock
        self._buckets: OrderedDict[int | str, tuple[float, float]] = OrderedDict()

    def take(self, caller: int | str, per_s: int = 0) -> None:
        """One request of a caller, which may have a limit of its own, `per_s`. Raises ProblemError too_many_requests, which nothing was
        done for."""
        per_s = per_s or self._per_s
        if not per_s:
            return
        now, most = self._clock(), per_s * BURST_S
        tokens, at = self._buckets.get(caller, (most, now))
        tokens = min(most, tokens + (now - at) * per_s)
        if tokens < 1:
            raise ProblemError(
                "too_many_requests",
                f"{counted(per_s, 'request of this kind a second is', 'requests of this kind a second are')} possible.",
            )
        self._buckets[caller] = tokens - 1, now
        self._buckets.move_to_end(caller)
        if len(self._buckets) > CALLERS_MAX:
            self._buckets.popitem(last=False)
