"""What is not there has row -1, whoever asks: callers keep it, and -1 in a request's place means that the wallet is remote."""

import numpy as np
import pytest

from actors.ledger.book import local_row, new_book, original_row, owner_of, profile_row
from actors.ledger.holds import due_hold, find_hold
from tests.unit.actors.ledger.both import SMALL


@pytest.mark.parametrize("address", [0, 1, 65_536, 1 << 20, 16 << 16, -1, -(1 << 62), 1 << 62])
def test_what_is_not_there_has_row_minus_one(address: int) -> None:
    book = new_book(SMALL)
    at = np.int64(address)
    assert [int(find(book, at)) for find in (local_row, profile_row, original_row)] == [-1, -1, -1]
    assert int(find_hold(book.holds, at)) == -1
    assert int(due_hold(book.holds, at)) == -1


@pytest.mark.parametrize(
    ("address", "owner"), [(0, -1), (65_535, -1), (-1, -1), (65_536, 0), (2 << 16, 3), (15 << 16, 7), (16 << 16, -1)]
)
def test_only_addresses_of_users_segments_have_an_owner(address: int, owner: int) -> None:
    book = new_book(SMALL)
    book.owners[2], book.owners[15] = 3, 7
    assert int(owner_of(book, np.int64(address))) == owner
