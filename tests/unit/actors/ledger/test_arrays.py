"""A kept ledger is a copy: what happens to the arrays later does not reach it."""

import numpy as np

from actors.ledger.arrays import Arrays, ArraySpec, InMemorySnapshot, bytes_of, forms_of
from actors.records.layout import KEY


def test_forms_say_dtype_and_shape_in_the_order_of_the_arrays() -> None:
    arrays: Arrays = {"b": np.zeros((3, 2), np.int32), "a": np.zeros(4, KEY)}
    assert list(forms_of(arrays).items()) == [("b", ArraySpec(np.dtype(np.int32), (3, 2))), ("a", ArraySpec(KEY, (4,)))]


def test_bytes_are_the_arrays_own_memory() -> None:
    array = np.arange(6, dtype=np.int16).reshape(3, 2)
    seen = bytes_of(array)
    assert seen.tobytes() == array.tobytes() and seen.shape == (12,)
    array[0, 0] = 0x0102
    assert seen[:2].tolist() == [0x02, 0x01]


def test_a_snapshot_holds_what_was_there_and_fills_places_of_its_forms() -> None:
    arrays: Arrays = {"a": np.arange(3), "b": np.array([(1, 2, 3)], KEY)}
    kept = InMemorySnapshot(arrays)
    arrays["a"][:], arrays["b"][:] = 9, np.zeros(1, KEY)
    places: Arrays = {name: np.empty(form.shape, form.dtype) for name, form in kept.forms.items()}
    kept.fill(places)
    assert places["a"].tolist() == [0, 1, 2] and places["b"].tolist() == [(1, 2, 3)]
