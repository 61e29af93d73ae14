"""A file of historical payments, in any format, as one table in the order of payment.

Amounts are int64 minor units, times int64 milliseconds since 1970. A row keeps its number in the file. Where the file has no keys of its
own, a row's key is made of what it says and of which it is among equal ones: so the same file always asks for the same payments, and
a corrected one for those that were not changed.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.arrays import Array
from models.hashing import splitmix64s
from rules.vocabulary.encodings import Label

KINDS: Final = tuple(label.name.lower() for label in Label)
"""Names of kinds; a row's `kind` is the index into them."""

MAPPING_VERSION: Final = 2
"""Raised when a format's mapping to payments changes: then the keys change with the bodies."""
OPENING: Final = 1 << 40
"""Row numbers from here on are the opening balances of wallets (plus the wallet's index), not rows of the file."""
HELD_BACK: Final = 1 << 41
"""Row numbers from here on are what was held back of opening balances (plus the wallet's index)."""

_HASH_CHUNK: Final = 1 << 20


class ImportFileError(ValueError):
    """The file cannot be imported; the text says why, with the row where there is one."""


class WalletSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet to be made. `floor` counts for user wallets only."""

    external_id: str
    kind: str
    currency: str
    opened_ms: int
    floor: int = 0

    @property
    def operator(self) -> bool:
        """Whether it is the operator's: no floor, and its payments have no order."""
        return self.kind not in ("user", "merchant")


class Payments(msgspec.Struct, frozen=True, kw_only=True):
    """Columns (n,). payer, payee: index of the wallet. `kind`: index into KINDS. `declined`: what the file says became of it."""

    payer: NDArray[np.int32]
    payee: NDArray[np.int32]
    amount: NDArray[np.int64]
    kind: NDArray[np.uint8]
    effective_ms: NDArray[np.int64]
    number: NDArray[np.int64]
    declined: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.amount)


class Place(NamedTuple):
    """How a person finds a row: text files have lines, counted from 1, tables rows, counted from 0 as everything that shows them does."""

    word: str
    first: int

    def of(self, number: int) -> str:
        """A row, counted from 0 without what stands above the first."""
        return f"{self.word} {self.first + number}"


LINES: Final = Place("line", 1)
LINES_BELOW_HEADER: Final = Place("line", 2)
ROWS: Final = Place("row", 0)


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Wallets and payments of a file. `slice_ms`: what lies further apart than this goes in order for every wallet, merchants
    included. `place`: what a row is called in messages, and the number of the first. `notes`: what a person should know of
    the file; `keyed_by_content`: keys are those of `content_keys`."""

    name: str
    digest: bytes
    wallets: list[WalletSpec]
    payments: Payments
    keys: NDArray[np.uint8]
    slice_ms: int
    place: Place
    references: list[str | None] | None = None
    notes: tuple[str, ...] = ()
    keyed_by_content: bool = False


def file_digest(name: str, *paths: Path) -> bytes:
    """16 bytes that stand for these files read as format `name`."""
    digest = hashlib.blake2b(f"{name}:{MAPPING_VERSION}".encode(), digest_size=16)
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(_HASH_CHUNK):
                digest.update(chunk)
    return digest.digest()


def content_keys(name: str, wallets: list[WalletSpec], payments: Payments, slice_ms: int) -> NDArray[np.uint8]:
    """Keys (n, 16) of payments in the file's order: version-8 UUIDs of 122 bits made of format, payer, payee, amount, kind and slice of
    time, and of how many equal rows there are before. A row's time within its slice is none of it: rows around it may come and go."""
    sort = (payments.number >= OPENING).astype(np.int64) + (payments.number >= HELD_BACK)
    slices = payments.effective_ms // slice_ms
    columns = (payments.payer, payments.payee, payments.amount, payments.kind, slices, sort)
    names = b"".join(
        hashlib.blake2b(f"{wallet.external_id} {wallet.currency}".encode(), digest_size=16).digest()
        for wallet in wallets
    )
    named = np.frombuffer(names, "<u8").reshape(len(wallets), 2)
    seed = np.frombuffer(hashlib.blake2b(f"{name}:{MAPPING_VERSION}".encode(), digest_size=16).digest(), "<u8")
    words = np.empty((len(payments), 2), np.uint64)
    for half in range(2):
        hashed = np.full(len(payments), seed[half], np.uint64)
        mixed = (named[payments.payer, half], named[payments.payee, half], *columns[2:], _among_equals(columns))
        for column in mixed:
            hashed = splitmix64s(hashed ^ column.astype(np.uint64))
        words[:, half] = hashed
    words[:, 0] = words[:, 0] & ~np.uint64(0xF000) | np.uint64(0x8000)
    words[:, 1] = words[:, 1] >> np.uint64(2) | np.uint64(1 << 63)
    return words.astype(">u8").view(np.uint8).reshape(len(payments), 16)


def _among_equals(columns: Sequence[Array]) -> NDArray[np.int64]:
    """How many rows before each (n,) have the same values in all columns."""
    order = np.lexsort(columns)
    new = np.ones(len(order), np.bool_)
    new[1:] = np.logical_or.reduce([column[order[1:]] != column[order[:-1]] for column in columns])
    first = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
    ordinals = np.empty(len(order), np.int64)
    ordinals[order] = np.arange(len(order)) - first
    return ordinals


def concatenated(parts: list[Payments]) -> Payments:
    """Payments of several tables, one after the other."""
    names = Payments.__struct_fields__
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Payments(**columns)


def spread(starts_ms: NDArray[np.int64], length_ms: int) -> NDArray[np.int64]:
    """Times (n,) for rows that share a start (n,): even steps over `length_ms`, in the order of the rows. Starts never go back."""
    count = len(starts_ms)
    firsts = np.flatnonzero(np.diff(starts_ms, prepend=starts_ms[:1] - 1))
    sizes = np.diff(firsts, append=count)
    position = np.arange(count) - np.repeat(firsts, sizes)
    times: NDArray[np.int64] = starts_ms + position * length_ms // np.repeat(sizes, sizes)
    return times


def openings(openings_by_wallet: dict[int, int], external: int, wallets: list[WalletSpec]) -> Payments:
    """Payments that give wallets their opening balances, from the external wallet, or to it where a balance is negative."""
    funded = [(wallet, amount) for wallet, amount in openings_by_wallet.items() if amount]
    wallet = np.array([w for w, _ in funded], np.int32)
    amount = np.array([a for _, a in funded], np.int64)
    positive = amount > 0
    return Payments(
        payer=np.where(positive, np.int32(external), wallet).astype(np.int32),
        payee=np.where(positive, wallet, np.int32(external)).astype(np.int32),
        amount=np.abs(amount),
        kind=np.where(positive, KINDS.index("top_up"), KINDS.index("payout")).astype(np.uint8),
        effective_ms=np.array([wallets[w].opened_ms for w, _ in funded], np.int64),
        number=OPENING + wallet.astype(np.int64),
        declined=np.zeros(len(funded), np.bool_),
    )
