"""What a kept ledger is: arrays by name.

Here is nothing that must be compiled: whoever only stores them starts a second sooner.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array

Arrays = dict[str, Array]


class ArraySpec(NamedTuple):
    """What an array is but for its bytes."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def forms_of(arrays: Arrays) -> dict[str, ArraySpec]:
    """The forms of arrays by name."""
    return {name: ArraySpec(array.dtype, array.shape) for name, array in arrays.items()}


def bytes_of(array: Array) -> NDArray[np.uint8]:
    """A contiguous array as bytes, without a copy."""
    return array.reshape(-1).view(np.uint8)


class Snapshot(Protocol):
    """A kept ledger: the forms of its arrays by name, and their bytes when they are needed."""

    @property
    def forms(self) -> Mapping[str, ArraySpec]:
        """In the order in which the bytes are kept."""

    def fill(self, places: Arrays) -> None:
        """Copy the bytes to arrays of these forms. What it raises leaves a ledger as it was."""


class InMemorySnapshot:
    """The plain way to keep arrays that are going to change."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = {name: array.copy() for name, array in arrays.items()}

    @property
    def forms(self) -> dict[str, ArraySpec]:
        """As `Snapshot.forms`."""
        return forms_of(self.arrays)

    def fill(self, places: Arrays) -> None:
        """As `Snapshot.fill`."""
        for name, array in self.arrays.items():
            places[name][...] = array
