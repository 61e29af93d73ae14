"""Rows of wallets and of pairs: found by address, kept while the tables grow."""

import numpy as np
from numpy.typing import NDArray

from actors.credit_features.accounts import (
    MONTH_COLUMNS,
    PAIR_COUNT,
    PAIRS_MIN,
    Accounts,
    addresses_of_rows,
    new_accounts,
    rows_of,
    with_pairs,
    with_segments,
)
from actors.records.addresses import SEGMENT_SLOTS, wallet_address


def accounts(*segments: int) -> Accounts:
    return with_segments(new_accounts(), np.array(segments, np.int64))


def wallets(*places: tuple[int, int]) -> NDArray[np.int64]:
    return np.array([wallet_address(segment, slot) for segment, slot in places], np.int64)


def test_a_wallet_has_the_row_of_its_slot_in_its_segment_and_another_shards_has_none() -> None:
    found = rows_of(accounts(7, 3), wallets((7, 0), (7, 5), (3, 0), (3, SEGMENT_SLOTS - 1), (4, 0), (0, 9)))
    assert found.tolist() == [0, 5, SEGMENT_SLOTS, 2 * SEGMENT_SLOTS - 1, -1, -1]


def test_all_rows_in_use_have_the_address_that_leads_to_them() -> None:
    made = accounts(7, 3)
    addresses = addresses_of_rows(made)
    assert len(addresses) == 2 * SEGMENT_SLOTS
    assert (rows_of(made, addresses) == np.arange(len(addresses))).all()


def test_rows_stay_what_they_are_while_segments_come() -> None:
    made = accounts(7)
    made.rows["balance"][5], made.amounts[5, 2], made.counts[5, 1] = 99, 7, 3
    grown = with_segments(made, np.array([7, 9, 2, 8], np.int64))
    assert len(grown.rows) >= 4 * SEGMENT_SLOTS and grown.amounts.shape[1] == grown.counts.shape[1] == MONTH_COLUMNS
    row = int(rows_of(grown, wallets((7, 5)))[0])
    assert (grown.rows["balance"][row], grown.amounts[row, 2], grown.counts[row, 1]) == (99, 7, 3)
    assert not grown.rows["balance"][SEGMENT_SLOTS:].any()
    assert with_segments(grown, np.array([2, 9], np.int64)) is grown


def test_pairs_get_room_before_it_is_needed_and_keep_what_they_say() -> None:
    made = accounts(7)
    assert with_pairs(made, 10) is made
    made.pairs["paid"][0], made.meta[PAIR_COUNT] = 55, PAIRS_MIN - 3
    grown = with_pairs(made, 1)
    assert len(grown.pairs) >= PAIRS_MIN + 1 and grown.pairs["paid"][0] == 55
    assert grown.meta[PAIR_COUNT] == PAIRS_MIN - 3
