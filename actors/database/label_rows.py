"""Labels of payments, and which were refunded, as arrays: for backtests and exports alike."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.database.pool import SQL


async def all_labels(session: Any) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Addresses (n,) of payments, ascending, and whether each was fraud (n,), 1 or 0."""
    return _labels(await session.fetch(SQL["labels_all"]))


async def labels_of(session: Any, addresses: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """The same of the payments at these addresses (n,) alone."""
    return _labels(await session.fetch(SQL["labels_of"], addresses.tolist()))


def _labels(rows: list[Any]) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    addresses = np.fromiter((row["record"] for row in rows), np.int64, len(rows))
    return addresses, np.fromiter((row["fraud"] for row in rows), np.int8, len(rows))


async def all_refunded(session: Any) -> NDArray[np.int64]:
    """Addresses (n,) of payments and holds of which something was refunded, ascending."""
    rows = await session.fetch(SQL["refunded_all"])
    return np.fromiter((row["record"] for row in rows), np.int64, len(rows))


async def refunded_of(session: Any, addresses: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same among the payments and holds at these addresses (n,) alone."""
    rows = await session.fetch(SQL["refunded_of"], addresses.tolist())
    return np.fromiter((row["record"] for row in rows), np.int64, len(rows))
