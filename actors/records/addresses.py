"""Where wallets and records lie, as int64: all arithmetic on addresses is here.

Wallet address (36 bits): segment (20) | slot (16). Record address (62 bits): shard (10) | block (44) | slot (8). The functions take
numbers and arrays alike, and are compiled into the kernels that call them.
"""

from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from actors.records.layout import BLOCK_RECORDS_MAX
from models.jitable import jitable

A = TypeVar("A", int, NDArray[np.int64])
"""An address, or addresses (n,)."""

SLOT_BITS: Final = 16
SEGMENT_SLOTS: Final = 1 << SLOT_BITS
SEGMENTS_MAX: Final = 1 << 20
OPERATOR_SEGMENT: Final = 0
"""It exists on every shard: slot = a stripe of an operator wallet."""
OPERATOR_SLOT_FIRST: Final = 1024
"""Slots below it are the suspense wallets: slot = ISO 4217 number of the currency."""
SHARDS_MAX: Final = 1 << 10

BLOCK_SHIFT: Final = 8
SHARD_SHIFT: Final = 52
_SLOT_MASK: Final = SEGMENT_SLOTS - 1
_RECORD_MASK: Final = (1 << BLOCK_SHIFT) - 1
_BLOCK_MASK: Final = (1 << (SHARD_SHIFT - BLOCK_SHIFT)) - 1
_PLACE_MASK: Final = (1 << SHARD_SHIFT) - 1


# Wallets.


@jitable
def wallet_address(segment: A, slot: A) -> A:
    """Address of a wallet row."""
    return segment << SLOT_BITS | slot


def suspense_address(currency: int) -> int:
    """Address of the built-in suspense wallet of a currency."""
    return OPERATOR_SEGMENT << SLOT_BITS | currency


@jitable
def segment_of(wallet: A) -> A:
    """Segment of a wallet address."""
    return wallet >> SLOT_BITS


@jitable
def segment_slot(wallet: A) -> A:
    """Slot of a wallet address in its segment."""
    return wallet & _SLOT_MASK


@jitable
def owned(wallet: Any) -> Any:
    """Whether one shard alone has the wallet: it is that of a user. Not so operator wallets, and 0, which is none."""
    return wallet >> SLOT_BITS != OPERATOR_SEGMENT


def is_operator(wallet: int) -> bool:
    """Whether it is the address of an operator wallet."""
    return 0 < wallet < SEGMENT_SLOTS


@jitable
def home_wallet(payer: A, payee: A) -> A:
    """The wallet whose shard is a transfer's home, and to which its key is bound: the payer, or the payee when an operator pays."""
    return payer if payer >> SLOT_BITS != OPERATOR_SEGMENT or payee >> SLOT_BITS == OPERATOR_SEGMENT else payee


def home_wallets(payers: NDArray[np.int64], payees: NDArray[np.int64]) -> NDArray[np.int64]:
    """`home_wallet` of many transfers (n,)."""
    return np.where(owned(payers) | ~owned(payees), payers, payees)


# Records.


@jitable
def record_address(shard: int, block: A, slot: int) -> A:
    """Address of a journal record."""
    return shard << SHARD_SHIFT | block << BLOCK_SHIFT | slot


@jitable
def shard_of(record: A) -> A:
    """Shard in a record address."""
    return record >> SHARD_SHIFT


@jitable
def block_of(record: A) -> A:
    """Block in a record address."""
    return record >> BLOCK_SHIFT & _BLOCK_MASK


@jitable
def slot_of(record: A) -> A:
    """Slot in a record address."""
    return record & _RECORD_MASK


@jitable
def place_of(record: A) -> A:
    """Block and slot of a record address, without its shard: records of one shard are ordered by it."""
    return record & _PLACE_MASK


@jitable
def record_at(shard: A, place: A) -> A:
    """`place_of` undone."""
    return shard << SHARD_SHIFT | place


@jitable
def block_start(record: A) -> A:
    """Address of the first record of a record's block."""
    return record & ~_RECORD_MASK


@jitable
def follows(record: Any, before: Any) -> Any:
    """Whether a record address is the next one of the journal: the next slot, or the first of the next block."""
    return record == before + 1 or (record >> BLOCK_SHIFT == (before >> BLOCK_SHIFT) + 1 and record & _RECORD_MASK == 0)


@jitable
def address_after(first: Any, count: Any) -> Any:
    """Address of the record that comes `count` after the one at `first`, the first of a block, when all blocks between are full."""
    return first + (count // BLOCK_RECORDS_MAX << BLOCK_SHIFT) + count % BLOCK_RECORDS_MAX


@jitable
def count_before(place: A) -> A:
    """`address_after` undone: how many records lie before a place that is counted from the first of a block."""
    return (place >> BLOCK_SHIFT) * BLOCK_RECORDS_MAX + (place & _RECORD_MASK)
