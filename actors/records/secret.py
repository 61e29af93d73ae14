"""The cluster's secret, under which its ids are made. Who only reads or passes it on loads no kernel."""

from typing import Final, NamedTuple

import numpy as np

SECRET_BYTES: Final = 16


class Secret(NamedTuple):
    """The cluster's 128-bit secret as two words."""

    low: np.uint64
    high: np.uint64

    @classmethod
    def of(cls, raw: bytes) -> "Secret":
        """From 16 bytes."""
        if len(raw) != SECRET_BYTES:
            raise ValueError(f"a cluster secret has {SECRET_BYTES} bytes")
        low, high = np.frombuffer(raw, "<u8")
        return cls(np.uint64(low), np.uint64(high))
