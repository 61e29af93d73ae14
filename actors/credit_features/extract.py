"""Features of all wallets as of a time, one task a shard, as Parquet.

What was effective at that time or before counts, and nothing else: for a payment that is when it was recorded, for an imported one the
historical time that it was given, for a remote credit when it landed. So features of a past time are what they would have been then, and
the same records give the same bytes.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.credit_features.accounts import (
    Accounts,
    addresses_of_rows,
    new_accounts,
    rows_of,
    with_pairs,
    with_segments,
)
from actors.credit_features.accumulate import Events, accumulate, end_nights, events_of
from actors.credit_features.orders import ORDER_EVENT, OrderEvents, order_events, orders_of
from actors.credit_features.relations import relations_of
from actors.credit_features.scores import SAYING, SCORE_EVENT, Published, published, write_scores
from actors.credit_features.source import ExportedEvents, exported_scores
from actors.credit_features.values import VALUES, Kept
from actors.database.connection import ALONG_THE_KEY, SQL, connect
from actors.export.reader import Export
from actors.journal.copy_stream import stream_blocks
from actors.process.atomic_file import publish, sync, write_whole
from actors.process.read_ahead import read_ahead
from actors.records.addresses import owned, segment_of
from actors.records.blocks import GENESIS, Chain, OpenedBlocks
from actors.records.ids import encode_wallets
from actors.records.layout import RESOLUTION, SCORE_SEEN, Kind
from actors.records.secret import Secret
from actors.storage.interface import Taken
from actors.storage.place import folder_at
from models.arrays import Integers
from models.credit.catalogue import FEATURES, digest, without
from models.credit.feature import DAY_MS, NEGATIVE_DAYS, Dimension, Feature
from rules.vocabulary.currencies import ALPHA
from rules.vocabulary.encodings import WalletKind

FORMAT: Final = 1
MANIFEST: Final = "_manifest.json"
LEASE: Final = "features.lease"
"""Held by the run that writes here; gone with it, unless it is killed."""
ROWS_A_GROUP: Final = 65_536
"""Wallets turned into columns at once: some 30 MB."""
Each = Callable[[Any, Callable[[Any, int], Any], list[int]], list[Any]]
"""Calls a function with a job and each of these shards, in order."""
KIND_WORDS: Final = {int(kind): kind.name.lower() for kind in (WalletKind.USER, WalletKind.MERCHANT)}


class FeaturesRefused(Exception):
    """Nothing was computed. One line for the operator."""


class Journals(msgspec.Struct, frozen=True, kw_only=True):
    """Where journals are read: the database, its secret, and by shard the last block, all of one instant; at_ms: a time before it."""

    url: str
    secret: bytes
    heads: dict[int, int]
    at_ms: int


class Extraction(msgspec.Struct, frozen=True, kw_only=True):
    """What is computed of what: of an export, opened once for all shards, or of journals, as of a time in milliseconds. `leave_out`: a
    dimension that is not computed; `negative_days`: for how many days it counts that an order was overdue."""

    output: Path
    as_of: int
    export: Export | None = None
    journals: Journals | None = None
    leave_out: Dimension | None = None
    negative_days: int = NEGATIVE_DAYS

    @property
    def shards(self) -> list[int]:
        """All shards."""
        return self.export.shards if self.export is not None else sorted(self._journals.heads)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What is computed."""
        return without(self.leave_out)

    @property
    def _journals(self) -> Journals:
        assert self.journals is not None
        return self.journals


class Extracted(msgspec.Struct, frozen=True, kw_only=True):
    """What a task did: records read, wallets written, seconds of a clock and of processors."""

    shard: int
    records: int
    wallets: int
    seconds: float
    cpu_seconds: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder of features holds; it is written last, so a folder without one is not whole."""

    format: int
    as_of: int
    catalogue: str
    features: list[str]
    wallets: dict[int, int]


class _Pass:
    """A shard's accounts while its records come."""

    def __init__(self, as_of: int, negative_days: int) -> None:
        self.as_of = as_of
        self.negative_ms = negative_days * DAY_MS
        self.accounts: Accounts = new_accounts()
        self.profiles: dict[int, int] = {}
        self.orders: list[OrderEvents] = []
        self.records = 0

    def add(self, events: Events) -> None:
        """The next records."""
        self.records += len(events.kind)
        opened = events.payee[events.kind == Kind.WALLET_OPENED]
        if len(opened):
            self.accounts = with_segments(self.accounts, np.unique(segment_of(opened[owned(opened)])))
        for at in np.flatnonzero((events.kind == Kind.PROFILE) & (events.time <= self.as_of)).tolist():
            if events.label[at]:
                self.profiles[int(events.payee[at])] = int(events.label[at])
        self.orders.append(order_events(events))
        self.accounts = with_pairs(self.accounts, len(events.kind))
        accumulate(self.accounts, events, self.as_of)

    def end(self, scores: Path | None) -> tuple[NDArray[np.int64], Kept]:
        """Addresses (n,) of the wallets, ascending, and what was kept of them. `scores`: everybody's."""
        end_nights(self.accounts, self.as_of)
        relations = relations_of(self.accounts, self.profiles, scores)
        events = np.concatenate([np.empty(0, ORDER_EVENT), *self.orders])
        holders = rows_of(self.accounts, events["holder"])
        orders = orders_of(events, holders, len(relations), self.as_of, self.negative_ms)
        addresses = addresses_of_rows(self.accounts)
        rows = np.flatnonzero(self.accounts.rows["kind"][: len(addresses)])
        rows = rows[np.argsort(addresses[rows])]
        return addresses[rows], Kept(
            self.accounts.rows[rows],
            relations[rows],
            orders[rows],
            self.accounts.amounts[rows],
            self.accounts.counts[rows],
            self.as_of,
        )


# One shard.


def extract_shard(job: Extraction, shard: int) -> Extracted:
    """Compute a shard's features and put its file into its place. Raises Unreadable, ValueError."""
    started, cpu_started = time.perf_counter(), time.process_time()
    work = _Pass(job.as_of, job.negative_days)
    if job.export is not None:
        exported = ExportedEvents(job.export, shard)
        with closing(read_ahead(iter(exported))) as pieces:
            for events in pieces:
                work.add(events)
        ids = exported.ids
    else:
        assert job.journals is not None
        secret = Secret.of(job.journals.secret)
        asyncio.run(_read_journal(work, job.journals, shard))

        def ids(addresses: NDArray[np.int64]) -> NDArray[np.uint8]:
            return encode_wallets(secret, addresses)

    addresses, kept = work.end(None if job.leave_out == "relations" else scores_file(job.output))
    _write(job, shard, addresses, kept, ids)
    return Extracted(
        shard=shard,
        records=work.records,
        wallets=len(addresses),
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - cpu_started,
    )


async def _read_journal(work: _Pass, journals: Journals, shard: int) -> None:
    async with aclosing(_journal(journals, shard)) as pages:
        async for run in pages:
            work.add(events_of(run.records, run.addresses))


async def _journal(journals: Journals, shard: int) -> AsyncGenerator[OpenedBlocks, None]:
    """A shard's records up to its head, in pages; their chain of hashes is checked."""
    connection = await connect(journals.url, name="shardpay-features", **ALONG_THE_KEY)
    try:
        chain = Chain(shard, 0, GENESIS)
        async with aclosing(stream_blocks(connection, shard, 1, journals.heads[shard])) as pages:
            async for page in pages:
                yield chain.extend([(number, data) for number, data, _ in page])
    finally:
        connection.terminate()


def _write(
    job: Extraction,
    shard: int,
    addresses: NDArray[np.int64],
    kept: Kept,
    ids: Callable[[NDArray[np.int64]], NDArray[np.uint8]],
) -> None:
    place = shard_file(job.output, shard)
    staged = place.with_suffix(".tmp")
    schema = _table(job, addresses[:0], _some(kept, slice(0, 0)), ids(addresses[:0])).schema
    with pq.ParquetWriter(staged, schema, **encoding_of(schema)) as file:
        for start in range(0, len(addresses), ROWS_A_GROUP):
            part = slice(start, start + ROWS_A_GROUP)
            table = _table(job, addresses[part], _some(kept, part), ids(addresses[part]))
            file.write_table(table, row_group_size=ROWS_A_GROUP)
    publish(staged, place)


def encoding_of(schema: pa.Schema) -> dict[str, Any]:
    """How Arrow writes these columns. Whole numbers by their differences, in as few bits as a page's largest needs: smaller than zstd alone
    makes them, and read in 40 % of the time, which is most of what rescoring takes. lz4 then finds what repeats, zeros above all, for some
    percent of the time that reading takes; zstd makes the files 4 % smaller still, and reading up to a third slower. Ids are drawn at
    random: nothing repeats. A column is one page of its row group: each page costs 5 us to open."""
    numbers = [field.name for field in schema if pa.types.is_integer(field.type)]
    words = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    return {
        "compression": {name: "lz4" if name in (*numbers, *words) else "none" for name in schema.names},
        "use_dictionary": words,
        "column_encoding": dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
        "max_rows_per_page": ROWS_A_GROUP,
    }


def _some(kept: Kept, part: slice) -> Kept:
    return Kept(
        kept.account[part], kept.relation[part], kept.orders[part], kept.amounts[part], kept.counts[part], kept.as_of
    )


def _table(job: Extraction, addresses: NDArray[np.int64], kept: Kept, ids: NDArray[np.uint8]) -> pa.Table:
    """Wallets (n,) as columns: who they are, then the features in the catalogue's order."""
    raw = pa.Array.from_buffers(pa.binary(16), len(addresses), [None, pa.py_buffer(np.ascontiguousarray(ids))])
    columns: dict[str, Any] = {
        "address": pa.array(addresses),
        "wallet": pa.ExtensionArray.from_storage(pa.uuid(), raw),
        "kind": _words(kept.account["kind"], KIND_WORDS),
        "currency": _words(kept.account["currency"], ALPHA),
    }
    for feature in job.features:
        values, known = VALUES[feature.name](kept)
        if feature.unknown is not None:
            values = np.where(known, values, feature.unknown)
            known = np.ones(len(values), np.bool_)
        columns[feature.name] = pa.array(values, pa.int64(), mask=~known)
    return pa.table(columns).replace_schema_metadata({"as_of": str(job.as_of), "catalogue": digest()})


def _words(numbers: Integers, words: Any) -> pa.DictionaryArray:
    known = sorted(words)
    indices = np.searchsorted(known, numbers).astype(np.int16)
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array([words[number] for number in known]))


# Everybody's scores.


def published_scores(job: Extraction, shard: int) -> Published:
    """What a shard had published by the time of the features: a first look, before what the shards' passes look up in each other. Raises
    Unreadable, ValueError."""
    if job.export is not None:
        return exported_scores(job.export, shard, job.as_of)
    assert job.journals is not None
    return asyncio.run(_journal_scores(job.journals, shard, job.as_of))


async def _journal_scores(journals: Journals, shard: int, as_of: int) -> Published:
    pieces = [np.empty(0, SCORE_EVENT)]
    async with aclosing(_journal(journals, shard)) as pages:
        async for run in pages:
            records = run.records
            at = np.flatnonzero(np.isin(records["kind"], SAYING) & (records["record_time"] <= as_of))
            if len(at):
                some, events = records[at], np.empty(len(at), SCORE_EVENT)
                events["wallet"], events["address"], events["about"] = (
                    some["payer"],
                    run.addresses[at],
                    some["reference"],
                )
                events["score"] = np.where(some["kind"] == Kind.SCORE, some[SCORE_SEEN], 0)
                events["kind"], events["resolution"] = some["kind"], some[RESOLUTION]
                pieces.append(events)
    return published(np.concatenate(pieces))


# The whole.


def run(job: Extraction, each: Each) -> list[Extracted]:
    """Compute and write everything; `each` does some work for every shard. Raises FeaturesRefused, Unreadable, ValueError."""
    _within_source(job)
    with _alone_in(job.output):
        begin(job.output)
        if job.leave_out != "relations":
            write_scores(scores_file(job.output), each(job, published_scores, job.shards))
        done = each(job, extract_shard, job.shards)
        scores_file(job.output).unlink(missing_ok=True)
        finish(job, done)
        return done


def _within_source(job: Extraction) -> None:
    """What happened after an export, or after the journals were looked at, is not in it. Raises FeaturesRefused."""
    if job.journals is not None and job.as_of > job.journals.at_ms:
        raise FeaturesRefused(
            f"the journals are read as of {_time(job.journals.at_ms)}, so no features as of {_time(job.as_of)}: say an earlier time"
        )
    ends = None if job.export is None else job.export.at_ms
    if job.export is not None and ends is not None and job.as_of > ends:
        raise FeaturesRefused(
            f"{job.export.folder} holds what was recorded until {_time(ends)}, so no features as of {_time(job.as_of)}: export again"
        )


def _time(ms: int) -> str:
    return np.datetime_as_string(np.datetime64(ms, "ms")) + "Z"


@contextmanager
def _alone_in(output: Path) -> Iterator[None]:
    """Another run would remove what this one has written. Raises FeaturesRefused."""
    try:
        lease = folder_at(output).lease(LEASE)
    except Taken as who:
        raise FeaturesRefused(f"{output} is being written by {who}: one run at a time") from None
    try:
        yield
    finally:
        with suppress(OSError):
            (output / LEASE).unlink()
        lease.give_back()


def scores_file(output: Path) -> Path:
    """Where everybody's scores lie while tasks need them."""
    return output / "scores.tmp"


def shard_file(output: Path, shard: int) -> Path:
    """Where a shard's features lie."""
    return output / f"shard-{shard:04}.parquet"


def begin(output: Path) -> None:
    """Make room. Raises FeaturesRefused when the folder holds anything but what a run that did not end has left."""
    found = [path for path in output.iterdir() if path.name != LEASE]
    for path in found:
        if path != scores_file(output) and not (path.name.startswith("shard-") and path.suffix in (".parquet", ".tmp")):
            raise FeaturesRefused(f"{output} is not empty ({path.name}): features go into a folder of their own")
    for path in found:
        path.unlink()


def finish(job: Extraction, done: list[Extracted]) -> Manifest:
    """Say that all is there."""
    manifest = Manifest(
        format=FORMAT,
        as_of=job.as_of,
        catalogue=digest(),
        features=[feature.name for feature in job.features],
        wallets={each.shard: each.wallets for each in done},
    )
    sync(job.output)
    write_whole(job.output / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


async def journals_at(url: str) -> Journals:
    """All journals of a database up to where they end now: in one snapshot, so no remote credit comes without what it is of. Raises
    FeaturesRefused."""
    connection = await connect(url, name="shardpay-features")
    at_ms = time.time_ns() // 1_000_000  # before the snapshot: what is recorded between the two may be missing in it
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        secret = await connection.fetchval(SQL["cluster_value"], "secret")
        count = int(await connection.fetchval(SQL["cluster_value"], "shards") or b"0")
        if secret is None:
            raise FeaturesRefused("this database was never served: it has no journal")
        rows = [await connection.fetchrow(SQL["journal_head"], shard) for shard in range(count)]
    finally:
        connection.terminate()
    heads = {shard: row["block"] for shard, row in enumerate(rows) if row}
    return Journals(url=url, secret=secret, heads=heads, at_ms=at_ms)


assert set(VALUES) == {feature.name for feature in FEATURES}, "every feature of the catalogue is computed"
