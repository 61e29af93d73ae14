"""Read an export back as records, one shard at a time, in journal order.

It has all that a replay of the journal needs, from the Parquet files alone. What is read is what was there when it was opened: files never
change, so an export that runs meanwhile into the same folder makes no difference.

What was left out or is null is 0: keys, digests, links of chains. Wallets come back as addresses, which their ids hold in the clear.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.export.columns import FLAG_COLUMNS, LEFT_OUT
from actors.export.export import CONTROLS, FILE_NAME, LABELS, MANIFEST, READABLE, ExportedControls, Manifest
from actors.records.codes import Code
from actors.records.credit_layout import Resolution
from actors.records.layout import (
    FLAG_SCORED,
    MOVEMENT,
    MOVEMENTS,
    RECORD,
    RESOLUTION,
    SCORE_SEEN,
    Kind,
    Records,
    WalletStatus,
)
from models.arrays import Integers
from rules.decisions.controls import NO_CONTROLS, Changed, Controls
from rules.decisions.decision import Action
from rules.vocabulary.currencies import NUMERIC
from rules.vocabulary.encodings import COUNTRIES, Channel, Label, WalletKind

_ADDRESS_SHIFT: Final = 28
"""Bits of an id's first word below the wallet's address (see `ledger.ids`)."""
_NUMBERS: Final = {
    "amount": "amount",
    "reference": "reference",
    "expiry": "expiry",
    "record_time": "record_time",
    "effective_time": "effective_time",
    "payer_posted": "payer_posted",
    "payer_held": "payer_held",
    "payee_posted": "payee_posted",
    "device": "device",
    "points": "points",
    "reasons": "reasons",
    "pack": "pack",
    "payee_lag": "held_for",
}
"""Fields that are numbers, by column."""
_WALLET_KINDS: Final = (Kind.WALLET_OPENED, Kind.WALLET_STATUS, Kind.WALLET_TIER, Kind.PROFILE)
_WALLET_COLUMNS: Final = ("wallet", "wallet_kind", "wallet_status", "tier", "floor")


class Unreadable(Exception):
    """This folder cannot be read as a whole history. One line for the operator."""


class Rows(NamedTuple):
    """Records (n,) of RECORD that follow each other, with their addresses and the `seen` and `controls` of their blocks."""

    records: Records
    addresses: NDArray[np.int64]
    seen: NDArray[np.int64]
    controls: NDArray[np.int64]


class Export:
    """A folder that begins where the journals begin, all shards as of one instant. It travels to the processes that read it.
    Raises Unreadable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifest = _manifest(folder)

    @property
    def at_ms(self) -> int | None:
        """As of when it holds the journals; unknown before format 6."""
        return None if self._manifest.goal is None else self._manifest.goal.at_ms

    @property
    def shards(self) -> list[int]:
        """Shards of which there is something."""
        return sorted(int(shard) for shard in self._manifest.shards)

    def files(self, shard: int) -> list[Path]:
        """Files of a shard in journal order; those beyond the manifest are not whole."""
        exported = self._manifest.shards[str(shard)].block
        found = []
        for path in self.folder.glob(f"day=*/shard={shard}/*.parquet"):
            match = FILE_NAME.fullmatch(path.name)
            if match is not None and int(match[2]) <= exported:
                found.append((int(match[1]), path))
        return [path for _, path in sorted(found)]

    def controls(self) -> tuple[Controls, list[int]]:
        """Lists and snoozes as they ever were, and when each revision was made, in milliseconds."""
        path = self.folder / CONTROLS
        try:
            held = msgspec.json.decode(path.read_bytes(), type=ExportedControls)
        except FileNotFoundError:
            return NO_CONTROLS, []
        except msgspec.MsgspecError as error:
            raise Unreadable(f"{path} holds no lists and snoozes: {error}") from None
        return Changed(held.revision, held.entries).controls(), held.made

    def labels(self) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Addresses (n,) of payments, ascending, and whether each was fraud (n,), 1 or 0, as of the export."""
        path = self.folder / LABELS
        if not path.exists():
            return np.empty(0, np.int64), np.empty(0, np.int8)
        try:
            table = pa.ipc.open_file(path.read_bytes()).read_all().select(["address", "label"])
        except (pa.ArrowException, KeyError, OSError) as error:
            raise Unreadable(f"{path} holds no labels: {str(error).splitlines()[0]}") from None
        return table["address"].to_numpy(), table["label"].to_numpy().astype(np.int8)

    def rows(self, shard: int) -> Iterator[Rows]:
        """A shard's records, a row group at a time."""
        words = _Decoder()
        for path in self.files(shard):
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    yield words.rows(file.read_row_group(group, columns=words.columns, use_threads=False))


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise Unreadable(f"{folder} is no export: it has no {MANIFEST}; make one with shardpay export") from None
    except msgspec.MsgspecError as error:
        raise Unreadable(f"{path} is not the manifest of an export: {error}") from None
    if manifest.format not in READABLE:
        known = f"{READABLE[0]} to {READABLE[-1]}"
        raise Unreadable(f"{path} is of format {manifest.format}, {known} is needed: export into another folder")
    if manifest.since is not None:
        raise Unreadable(
            f"{folder} was exported with --since: what happened before is missing, and decisions saw it; export without it"
        )
    for shard, block in manifest.missing().items():
        raise Unreadable(
            f"the last export into {folder} did not end: shard {shard} is not there up to block {block}; run it again, or wait for it"
        )
    return manifest


class Lookup:
    """Numbers of a dictionary column's words; 0 for null."""

    def __init__(self, numbers: Mapping[str, int], dtype: Any) -> None:
        self._numbers = numbers
        self._dtype = dtype

    def column(self, column: pa.ChunkedArray) -> Integers:
        """Numbers (n,)."""
        return np.concatenate([self._chunk(chunk) for chunk in column.chunks])

    def _chunk(self, chunk: pa.DictionaryArray) -> Integers:
        words = chunk.dictionary.to_pylist()
        table = np.array([*(self._numbers[word] for word in words), 0], self._dtype)
        return np.asarray(table[chunk.indices.fill_null(len(words)).to_numpy()])


def by_name(members: Iterable[IntEnum], dtype: Any) -> Lookup:
    return Lookup({member.name.lower(): int(member) for member in members}, dtype)


class _Decoder:
    """Row groups as records."""

    def __init__(self) -> None:
        self._words = {
            "kind": ("record", by_name((kind for kind in Kind if kind not in LEFT_OUT), np.uint8)),
            "code": ("code", by_name(Code, np.uint16)),
            "label": ("kind", by_name(Label, np.uint8)),
            "channel": ("channel", by_name(Channel, np.uint8)),
            "decision": ("decision", by_name(Action, np.uint8)),
            "currency": ("currency", Lookup(NUMERIC, np.uint16)),
            "country": ("country", Lookup({word: number for number, word in COUNTRIES.items()}, np.uint16)),
        }
        self._movements = by_name(MOVEMENTS, np.uint8)
        self._kinds = by_name(WalletKind, np.uint8)
        self._statuses = by_name(WalletStatus, np.uint8)
        self._resolutions = by_name(Resolution, np.uint8)
        self.columns: list[str] = [
            *("address", "seen", "controls", "payer", "payee"),
            *_NUMBERS.values(),
            *(column for column, _ in self._words.values()),
            *("movement", "score", "resolution"),
            *FLAG_COLUMNS,
            *_WALLET_COLUMNS,
        ]

    def rows(self, table: pa.Table) -> Rows:
        """One row group."""
        records = np.zeros(len(table), RECORD)
        for field, (column, lookup) in self._words.items():
            records[field] = lookup.column(table[column])
        for field, column in _NUMBERS.items():
            records[field] = numbers(table[column])
        for field in ("payer", "payee"):
            records[field] = wallet_addresses(table[field])
        flags = np.where(table["decision"].is_valid().to_numpy(), FLAG_SCORED, 0).astype(np.uint16)
        for column, flag in FLAG_COLUMNS.items():
            flags |= np.where(table[column].to_numpy(), np.uint16(flag), np.uint16(0))
        records["flags"] = flags
        legs = np.flatnonzero(records["kind"] == Kind.LEG)
        records[MOVEMENT][legs] = self._movements.column(table["movement"].take(pa.array(legs)))
        scores = np.flatnonzero(records["kind"] == Kind.SCORE)
        records[SCORE_SEEN][scores] = numbers(table["score"].take(pa.array(scores)))
        ended = np.flatnonzero(records["kind"] == Kind.DISPUTE_RESOLVED)
        records[RESOLUTION][ended] = self._resolutions.column(table["resolution"].take(pa.array(ended)))
        self._fill_wallets(records, table)
        controls = (
            whole_numbers(table["controls"]) if "controls" in table.column_names else np.zeros(len(table), np.int64)
        )
        return Rows(records, whole_numbers(table["address"]), whole_numbers(table["seen"]), controls)

    def _fill_wallets(self, records: Records, table: pa.Table) -> None:
        """What records of wallets hold in the fields of payments."""
        places = np.flatnonzero(np.isin(records["kind"], np.array(_WALLET_KINDS, np.uint8)))
        if not len(places):
            return
        some = table.select(_WALLET_COLUMNS).take(pa.array(places))
        for field, values in (
            ("payee", wallet_addresses(some["wallet"])),
            ("label", self._kinds.column(some["wallet_kind"])),
            ("channel", self._statuses.column(some["wallet_status"])),
            ("decision", numbers(some["tier"])),
            ("amount", numbers(some["floor"])),
        ):
            records[field][places] = values


def numbers(column: pa.ChunkedArray) -> Integers:
    """Values (n,), 0 where there is none."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    filled = column.fill_null(0) if column.null_count else column
    return np.asarray(filled.to_numpy())


def whole_numbers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """`numbers` of a column of 64 bits."""
    return np.asarray(numbers(column), np.int64)


def wallet_addresses(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Addresses (n,) of wallet ids, 0 where there is none."""
    return np.concatenate([_chunk_addresses(chunk.storage) for chunk in column.chunks])


def _chunk_addresses(ids: pa.FixedSizeBinaryArray) -> NDArray[np.int64]:
    words = np.frombuffer(ids.buffers()[1], ">u8", 2 * len(ids), 16 * ids.offset)
    addresses = (words[::2] >> np.uint64(_ADDRESS_SHIFT)).astype(np.int64)
    if ids.null_count:
        addresses[~ids.is_valid().to_numpy(zero_copy_only=False)] = 0
    return addresses
