"""Records of an export as columns: only those that features need are read from its files."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.credit_features.accumulate import Events
from actors.credit_features.scores import SAYING, SCORE_EVENT, Published, ScoreEvents, published
from actors.export.columns import LEFT_OUT
from actors.export.reader import Export, Lookup, by_name, numbers, wallet_addresses, whole_numbers
from actors.records.codes import Code
from actors.records.credit_layout import Resolution
from actors.records.layout import FLAG_REMOTE, FLAG_REVIEW, FLAG_SUSPENSE, MOVEMENTS, Kind, WalletStatus
from rules.vocabulary.currencies import NUMERIC
from rules.vocabulary.encodings import COUNTRIES, Channel, Label, WalletKind

_FLAGS: Final = {"remote": FLAG_REMOTE, "suspense": FLAG_SUSPENSE, "review": FLAG_REVIEW}
_OF_WALLETS: Final = (Kind.WALLET_OPENED, Kind.WALLET_STATUS, Kind.WALLET_TIER, Kind.PROFILE)
_OF_SCORES: Final = ["payer", "address", "reference", "score", "resolution", "record_time"]
_WALLET_COLUMNS: Final = ("wallet", "wallet_kind", "wallet_status", "tier")
_KINDS: Final = by_name((kind for kind in Kind if kind not in LEFT_OUT), np.uint8)
_RESOLUTIONS: Final = by_name(Resolution, np.uint8)


class ExportedEvents:
    """A shard's records, a row group at a time, and the ids of the wallets that were opened."""

    def __init__(self, export: Export, shard: int) -> None:
        self._files = export.files(shard)
        self._words = {
            "kind": ("record", by_name((kind for kind in Kind if kind not in LEFT_OUT), np.uint8)),
            "label": ("kind", by_name(Label, np.uint8)),
            "channel": ("channel", by_name(Channel, np.uint8)),
            "code": ("code", by_name(Code, np.uint16)),
            "currency": ("currency", Lookup(NUMERIC, np.uint16)),
            "country": ("country", Lookup({word: number for number, word in COUNTRIES.items()}, np.uint16)),
        }
        self._movements = by_name(MOVEMENTS, np.uint8)
        self._resolutions = by_name(Resolution, np.uint8)
        self._kinds = by_name(WalletKind, np.uint8)
        self._statuses = by_name(WalletStatus, np.uint8)
        self._columns = [
            *(column for column, _ in self._words.values()),
            *("device", "payer", "payee", "amount", "effective_time", "movement", "reference", "address", "resolution"),
            *_FLAGS,
            *_WALLET_COLUMNS,
        ]
        self._ids: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []

    def __iter__(self) -> Iterator[Events]:
        for path in self._files:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    yield self._events(file.read_row_group(group, columns=self._columns, use_threads=False))

    def ids(self, addresses: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Ids (n, 16) of wallets that were opened, by address (n,)."""
        known = np.concatenate([addresses[:0], *(where for where, _ in self._ids)])
        raw = np.concatenate([np.empty((0, 16), np.uint8), *(ids for _, ids in self._ids)])
        order = np.argsort(known, kind="stable")
        return raw[order[np.searchsorted(known, addresses, sorter=order)]]

    def _events(self, table: pa.Table) -> Events:
        columns: dict[str, Any] = {name: words.column(table[column]) for name, (column, words) in self._words.items()}
        columns["flags"] = np.zeros(len(table), np.uint16)
        for column, flag in _FLAGS.items():
            columns["flags"][np.asarray(table[column])] |= flag
        events = Events(
            **columns,
            state=np.zeros(len(table), np.uint8),
            device=np.asarray(numbers(table["device"]), np.uint32),
            payer=wallet_addresses(table["payer"]),
            payee=wallet_addresses(table["payee"]),
            amount=whole_numbers(table["amount"]),
            time=whole_numbers(table["effective_time"]),
            reference=whole_numbers(table["reference"]),
            address=whole_numbers(table["address"]),
        )
        legs = np.flatnonzero(events.kind == Kind.LEG)
        events.state[legs] = self._movements.column(table["movement"].take(pa.array(legs)))
        ended = np.flatnonzero(events.kind == Kind.DISPUTE_RESOLVED)
        events.state[ended] = self._resolutions.column(table["resolution"].take(pa.array(ended)))
        self._fill_wallets(events, table)
        return events

    def _fill_wallets(self, events: Events, table: pa.Table) -> None:
        """What records of wallets say in the columns of payments."""
        places = np.flatnonzero(np.isin(events.kind, np.array(_OF_WALLETS, np.uint8)))
        if not len(places):
            return
        some = table.select(_WALLET_COLUMNS).take(pa.array(places))
        addresses = wallet_addresses(some["wallet"])
        for column, values in (
            (events.payee, addresses),
            (events.label, self._kinds.column(some["wallet_kind"])),
            (events.channel, self._statuses.column(some["wallet_status"])),
            (events.state, numbers(some["tier"])),
        ):
            column[places] = values
        opened = events.kind[places] == Kind.WALLET_OPENED
        ids = some["wallet"].combine_chunks().storage
        raw = np.frombuffer(ids.buffers()[1], np.uint8, 16 * len(ids), 16 * ids.offset).reshape(-1, 16)
        self._ids.append((addresses[opened], raw[opened]))


def exported_scores(export: Export, shard: int, as_of: int) -> Published:
    """Scores that a shard had published by a time. Of row groups without any, only one column of words is read."""
    pieces = [np.empty(0, SCORE_EVENT)]
    for path in export.files(shard):
        with pq.ParquetFile(path) as file:
            pieces += [_score_events(file, group, as_of) for group in range(file.num_row_groups)]
    return published(np.concatenate(pieces))


def _score_events(file: pq.ParquetFile, group: int, as_of: int) -> ScoreEvents:
    """SCORE_EVENT rows (n,) of a row group."""
    record = file.read_row_group(group, columns=["record"], use_threads=False)["record"]
    kind = _KINDS.column(record)
    places = np.flatnonzero(np.isin(kind, SAYING))
    if not len(places):
        return np.empty(0, SCORE_EVENT)
    some = file.read_row_group(group, columns=_OF_SCORES, use_threads=False).take(pa.array(places))
    events = np.empty(len(places), SCORE_EVENT)
    events["wallet"], events["kind"] = wallet_addresses(some["payer"]), kind[places]
    for name, column in (("address", "address"), ("about", "reference"), ("score", "score")):
        events[name] = numbers(some[column])
    events["resolution"] = _RESOLUTIONS.column(some["resolution"])
    rows: ScoreEvents = events[numbers(some["record_time"]) <= as_of]
    return rows
