"""What arrays are called that parameters and results name, and rows as bytes.

Rows of a structured dtype have a name beside their dtype; here is what belongs to none.
"""

from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

S = TypeVar("S", bound=np.generic)
"""What an array holds, where its dtype is a parameter."""

Array = NDArray[np.generic]
"""Of any shape and dtype: its bytes matter, or how values compare."""
Rows = NDArray[np.void]
"""Rows (n,) of whichever structured dtype the caller has."""
Integers = NDArray[np.integer[Any]]
"""Whole numbers of any width."""
Reals = NDArray[np.bool_ | np.integer[Any] | np.floating[Any]]
"""Numbers of any kind; true counts as 1."""

VIEWED_FROM: Final = 64
"""So many rows are not copied to have their bytes: a view of them costs more than to copy few."""


def bytes_of(rows: Rows) -> bytes | memoryview:
    """The bytes of rows (n,), good as long as the rows stay as they are."""
    return rows.tobytes() if len(rows) < VIEWED_FROM else np.ascontiguousarray(rows).view(np.uint8).data
