"""Chain time: how far a wallet's newest effective time is ahead of a record's own, in 32 bits."""

from typing import Any, Final

import numpy as np

from models.jit import inlined

LAG_SECONDS: Final = 1 << 31
"""In a lag, the bit that says: seconds, not milliseconds."""


@inlined
def lag_of(chain_time, effective):
    """What a wallet's chain time is ahead of a record's own effective time, in 32 bits: milliseconds, or from 2^31 ms on, with the
    top bit set, the difference of both in whole seconds, the chain time rounded up."""
    ahead = chain_time - effective
    if ahead <= 0:
        return np.int64(0)
    if ahead < LAG_SECONDS:
        return np.int64(ahead)
    return np.int64(LAG_SECONDS | ((chain_time + 999) // 1000 - effective // 1000))


def chain_time(effective: Any, lag: Any) -> Any:
    """`lag_of` undone. Chain times that are far ahead are whole seconds, so rounding never adds up along a chain."""
    value = np.int64(lag)
    if value & LAG_SECONDS:
        return (effective // 1000 + (value & (LAG_SECONDS - 1))) * 1000
    return effective + value


chain_time_of: Final = inlined(chain_time)
