"""Addresses say where a thing lies, so each part comes back as it was put in, and no part reaches into another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.records.addresses import (
    OPERATOR_SLOT_FIRST,
    SEGMENT_SLOTS,
    SEGMENTS_MAX,
    SHARDS_MAX,
    address_after,
    block_of,
    block_start,
    count_before,
    follows,
    home_wallet,
    home_wallets,
    is_operator,
    owned,
    place_of,
    record_address,
    record_at,
    segment_of,
    segment_slot,
    shard_of,
    slot_of,
    suspense_address,
    wallet_address,
)
from actors.records.layout import BLOCK_RECORDS_MAX

USER, OTHER, OPERATOR = (1 << 16) + 7, (2 << 16) + 9, OPERATOR_SLOT_FIRST
NOBODY = 0

segments = st.integers(0, SEGMENTS_MAX - 1)
slots = st.integers(0, SEGMENT_SLOTS - 1)
shards = st.integers(0, SHARDS_MAX - 1)
blocks = st.integers(0, (1 << 44) - 1)
records = st.integers(0, (1 << 8) - 1)


@given(segments, slots)
def test_a_wallets_address_is_its_segment_and_its_slot(segment: int, slot: int) -> None:
    address = wallet_address(segment, slot)
    assert (segment_of(address), segment_slot(address)) == (segment, slot)
    assert 0 <= address < 1 << 36


@given(shards, blocks, records)
def test_a_records_address_is_its_shard_its_block_and_its_slot(shard: int, block: int, slot: int) -> None:
    address = record_address(shard, block, slot)
    assert (shard_of(address), block_of(address), slot_of(address)) == (shard, block, slot)
    assert record_at(shard, place_of(address)) == address
    assert block_start(address) == record_address(shard, block, 0)
    assert 0 <= address < 1 << 62


def test_addresses_are_the_numbers_that_journals_hold() -> None:
    assert wallet_address(3, 5) == 0x3_0005
    assert record_address(2, 3, 4) == 0x20_0000_0000_0304
    assert suspense_address(978) == 978


@pytest.mark.parametrize(
    ("payer", "payee", "home"),
    [
        (USER, OTHER, USER),
        (USER, OPERATOR, USER),
        (OPERATOR, USER, USER),
        (OPERATOR, OPERATOR + 1, OPERATOR),
        (NOBODY, USER, USER),
        (USER, NOBODY, USER),
    ],
)
def test_the_home_of_a_transfer_is_its_payer_unless_an_operator_pays_a_user(payer: int, payee: int, home: int) -> None:
    assert home_wallet(payer, payee) == home
    assert home_wallets(np.array([payer]), np.array([payee])).tolist() == [home]


def test_a_user_has_one_shard_and_operator_wallets_and_nobody_have_none() -> None:
    assert [bool(owned(wallet)) for wallet in (USER, OTHER, OPERATOR, NOBODY)] == [True, True, False, False]
    assert [is_operator(wallet) for wallet in (USER, OPERATOR, NOBODY, SEGMENT_SLOTS - 1)] == [False, True, False, True]


def test_a_record_follows_another_in_the_next_slot_or_in_the_first_of_the_next_block() -> None:
    at = record_address(1, 9, 3)
    assert follows(at + 1, at) and follows(record_address(1, 10, 0), at)
    for other in (at, at + 2, record_address(1, 10, 1), record_address(1, 11, 0), record_address(2, 9, 4), at - 1):
        assert not follows(other, at)


@given(blocks.filter(lambda block: block < 1 << 40), st.integers(0, 1_000_000))
def test_records_after_the_first_of_a_block_fill_block_after_block(block: int, count: int) -> None:
    first = record_address(0, block, 0)
    address = address_after(first, count)
    assert slot_of(address) < BLOCK_RECORDS_MAX
    assert count_before(address - first) == count
    assert follows(address_after(first, count + 1), address)
