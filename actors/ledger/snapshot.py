"""Snapshot a ledger into a handful of arrays, and restore it.

It holds everything that replay would rebuild and nothing that it would not.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from actors.ledger.arrays import Arrays, ArraySpec, Snapshot
from actors.ledger.book import M_ATTEMPTS, M_ORIGINAL_HAND, M_ORIGINALS, M_PROFILES, M_RINGS, M_SEGMENTS, Book
from actors.ledger.credit import CreditBook
from actors.ledger.holds import holds_used, index_holds
from actors.ledger.table import Table, table_slots, with_slots
from actors.records.addresses import SEGMENT_SLOTS
from models.arrays import Array

TABLES: Final = ("keys", "older_keys", "profile_table")


def _parts(book: Book, credit: CreditBook) -> Iterator[tuple[str, Array, int]]:
    """Arrays of a ledger with how much of each is in use."""
    meta = book.meta
    yield from credit.parts(int(meta[M_SEGMENTS]))
    yield "wallets", book.wallets, int(meta[M_SEGMENTS]) * SEGMENT_SLOTS
    yield "profiles", book.profiles, int(meta[M_PROFILES])
    yield "rings", book.rings, int(meta[M_RINGS])
    yield "attempts", book.attempts, int(meta[M_ATTEMPTS])
    yield "meta", meta, len(meta)
    yield "holds.rows", book.holds.rows, holds_used(book.holds)
    yield "holds.kept", book.holds.kept, holds_used(book.holds)
    yield "holds.callers", book.holds.callers, holds_used(book.holds)
    for name in ("wheel", "filled", "meta"):
        part = getattr(book.holds, name)
        yield f"holds.{name}", part, len(part)
    for name in TABLES:
        table: Table = getattr(book, name)
        yield f"{name}.slots", table.slots, table_slots(table)
        yield f"{name}.parts", table.parts, len(table.parts)
        yield f"{name}.meta", table.meta, len(table.meta)


def in_use(book: Book, credit: CreditBook) -> Arrays:
    """What is in use, as it stands: to be copied before anything else happens. No batch may be between its admission and its records."""
    arrays = {name: array[:used] for name, array, used in _parts(book, credit)}
    local = np.flatnonzero(book.segments)
    arrays["meta"] = arrays["meta"].copy()
    arrays["meta"][[M_ORIGINALS, M_ORIGINAL_HAND]] = 0  # read again when needed
    arrays["local_segments"] = local.astype(np.int64)
    arrays["local_numbers"] = book.segments[local].astype(np.int64)
    return arrays


def filled(book: Book, credit: CreditBook, snapshot: Snapshot) -> Book:
    """An empty book, filled, and `credit` with it. Raises ValueError when it is too small or the arrays are of another layout, and
    whatever `fill` raises."""
    # A replay may have enlarged the tables that they come from.
    forms = snapshot.forms
    book = book._replace(
        keys=with_slots(book.keys, forms["keys.slots"].shape[0]),
        older_keys=with_slots(book.older_keys, forms["older_keys.slots"].shape[0]),
    )
    missing = [name for name, _, _ in _parts(book, credit) if name not in forms]
    if missing:
        raise ValueError(f"there is no {missing[0]}")
    places = {name: _place(name, array, forms[name]) for name, array, _ in _parts(book, credit)}
    places |= {name: np.empty(forms[name].shape, np.int64) for name in ("local_segments", "local_numbers")}
    snapshot.fill(places)
    book.segments[places["local_segments"]] = places["local_numbers"]
    index_holds(book.holds)
    return book


def _place(name: str, array: Array, form: ArraySpec) -> Array:
    rows, *columns = form.shape
    if rows > len(array) or form.dtype != array.dtype or tuple(columns) != array.shape[1:]:
        raise ValueError(f"{name}: {form.shape} of {form.dtype} do not fit {array.shape} of {array.dtype}")
    return array[:rows]
