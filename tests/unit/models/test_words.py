"""Words are loaded and stored at any place, by compiled code as by plain Python, and touch nothing beside them."""

import numpy as np
import pytest

from models.jit import kernel
from models.words import load_word, store_word
from tests.compiled import COMPILED


@kernel
def copy(data, at, out, to):  # type: ignore[no-untyped-def]
    store_word(out, to, load_word(data, at))


@pytest.mark.parametrize("copied", [copy, copy.py_func] if COMPILED else [copy])  # type: ignore[attr-defined]
@pytest.mark.parametrize(("at", "to"), [(0, 0), (1, 3), (8, 8), (7, 5)])
def test_eight_bytes_are_copied_from_and_to_any_place(copied, at: int, to: int) -> None:  # type: ignore[no-untyped-def]
    data, out = np.arange(200, 216, dtype=np.uint8), np.full(16, 7, np.uint8)
    copied(data, at, out, to)
    assert out[to : to + 8].tolist() == data[at : at + 8].tolist()
    assert out[:to].tolist() + out[to + 8 :].tolist() == [7] * 8
