"""What is not there has row -1, whoever asks: callers keep it, and -1 in a request's place means that the wallet is remote."""

import numpy as np
import pytest

from actors.ledger.book import (
    local_row,
    need_profile,
    new_book,
    next_batch,
    original_row,
    owner_of,
    profile_row,
    store_profile,
)
from actors.ledger.holds import due_hold, find_hold
from actors.records.layout import PROFILE
from tests.unit.actors.ledger.both import SMALL


@pytest.mark.parametrize("address", [0, 1_024, 65_535, 65_536, 1 << 20, 16 << 16, -1, -(1 << 62), 1 << 62])
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


def _profile(address: int) -> np.void:
    profile = np.zeros(1, PROFILE)
    profile["address"] = address
    return profile[0]


def test_when_profiles_are_full_one_that_no_payment_needs_makes_room_and_one_that_the_batch_needs_never() -> None:
    book = new_book(SMALL)
    room = len(book.profiles)
    first = 1 << 17
    for address in range(first, first + room):
        assert store_profile(book, _profile(address))
        need_profile(book, profile_row(book, address))
    assert not store_profile(book, _profile(first + room)), "the batch needs all"
    assert all(profile_row(book, address) >= 0 for address in range(first, first + room))
    next_batch(book)
    need_profile(book, profile_row(book, first + 1))
    for address in range(first + room, first + 3 * room):
        assert store_profile(book, _profile(address)), "all were used, none but one is needed"
        assert profile_row(book, address) >= 0 and profile_row(book, first + 1) >= 0
        next_batch(book)
        need_profile(book, profile_row(book, first + 1))
    kept = sorted(book.profiles["address"].tolist())
    assert len(set(kept)) == room and all(profile_row(book, address) >= 0 for address in kept)


def test_a_profile_that_is_new_is_not_needed_by_the_batch_that_follows() -> None:
    book = new_book(SMALL)
    room = len(book.profiles)
    for address in range(1 << 17, (1 << 17) + 2 * room):
        assert store_profile(book, _profile(address))
    next_batch(book)
    assert store_profile(book, _profile(1 << 18))
