"""Export the journal to Parquet, exactly once.

The manifest names the last block exported of each shard; what lies beyond it is thrown away. Before a run writes anything else, the
manifest says up to which blocks it will: until all shards are there, the folder is of no one instant, and its readers refuse it.

Files are staged and renamed, and only then the manifest moves on. A crash in between leaves files beyond the
manifest; the next run removes them and exports those blocks again. The same blocks from the same start give the same bytes.
"""

import asyncio
import contextlib
import fcntl
import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.database.connection import ALONG_THE_KEY, SQL, connect
from actors.database.control_rows import changes_ever
from actors.database.label_rows import all_labels
from actors.export.admin_log import admin_log_file
from actors.export.columns import LEFT_OUT, Columns
from actors.journal.copy_stream import stream_blocks
from actors.journal.interface import ScannedBlock
from actors.process.atomic_file import publish, sync, write_whole
from actors.records.addresses import block_of
from actors.records.blocks import GENESIS, Chain, block_hash, records_of
from actors.records.header import HEADER_BYTES
from actors.records.layout import RECORD, Records
from actors.records.secret import Secret
from rules.decisions.controls import ControlEntry, What

FORMAT: Final = 6
"""2: with what a backtest needs, `seen` and profiles. 4: with what a remote credit is of, and credit records. 5: with lists and snoozes.
6: the manifest says how far the last run goes."""
CONTINUED: Final = (5, FORMAT)
"""What a run goes on with: the same records and columns."""
MANIFEST: Final = "_manifest.json"
READABLE: Final = (4, 5, FORMAT)
"""What is read: before 5, no decision saw a list or a snooze; before 6, the last run is taken for one that ended."""
LABELS: Final = "_labels.arrow"
"""Which payments are known to be fraud, and which not; no Parquet, which readers of the folder would take for records."""
CONTROLS: Final = "_controls.json"
"""Lists and snoozes as they ever were, without the words of them: what `controls` of the records refer to."""
ADMIN_LOG: Final = "_admin_log.arrow"
"""What administrators did, without what their calls sent."""
STAGING: Final = "_staging"
"""Readers of partitioned folders pass over names that begin with an underscore; so does the name of the manifest."""
GROUP_RECORDS_MIN: Final = 131_072
"""Records of one row group, some 5 MB."""
FILE_RECORDS_MIN: Final = 4_000_000
"""After so many a file ends, about 160 MB, and the manifest moves on: so much work can a crash cost."""
DAY_MS: Final = 86_400_000

FILE_NAME: Final = re.compile(r"blocks-(\d+)-(\d+)\.parquet")


class ExportRefused(Exception):
    """The folder does not fit this journal. One line for the operator."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """How far a shard is exported, and the SHA-256 of that block."""

    block: int
    hash: str


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What the last run exports: the journals as of an instant in milliseconds, by shard up to a block."""

    at_ms: int
    shards: dict[str, int]


class Manifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What an export folder holds. `since`: record time of the first record wanted. `goal`: unknown before format 6."""

    format: int = FORMAT
    since: int | None = None
    goal: Goal | None = None
    shards: dict[str, Exported] = {}

    def missing(self) -> dict[str, int]:
        """Shards of which the last run has not exported all, with the last block that it exports."""
        goal = {} if self.goal is None else self.goal.shards
        return {
            shard: block
            for shard, block in goal.items()
            if block > (self.shards[shard].block if shard in self.shards else 0)
        }


class ExportedControls(msgspec.Struct, frozen=True, kw_only=True):
    """Lists and snoozes. `made`: when revisions were made, in milliseconds, from 1 on; `entries` with their kinds."""

    revision: int = 0
    made: list[int] = []
    entries: list[tuple[What, ControlEntry]] = []


class ExportReport(msgspec.Struct, kw_only=True):
    """What one run added."""

    records: int = 0
    blocks: int = 0
    files: int = 0
    bytes: int = 0
    shards: dict[str, int] = {}


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`since`: record time in milliseconds; it holds for the folder, from its first run on. `progress` hears blocks done and due."""

    url: str
    output: Path
    since: int | None = None
    progress: Callable[[int, int], None] = lambda done, due: None


async def export(job: Job) -> ExportReport:
    """Export what is new. Raises ExportRefused."""
    job.output.mkdir(parents=True, exist_ok=True)
    with _alone(job.output):
        manifest = _manifest(job)
        connection = await connect(job.url, name="shardpay-export", **ALONG_THE_KEY)
        try:
            return await _ExportRun(job, manifest, connection).all_shards()
        finally:
            connection.terminate()


@contextlib.contextmanager
def _alone(output: Path) -> Iterator[None]:
    with open(output / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportRefused(f"another export into {output} is running") from None
        yield


def _manifest(job: Job) -> Manifest:
    path = job.output / MANIFEST
    if not path.exists():
        return Manifest(since=job.since)
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise ExportRefused(f"{path} is not the manifest of an export: {error}") from error
    if manifest.format not in CONTINUED:
        raise ExportRefused(f"{path} is of format {manifest.format}, this version writes {FORMAT}: use another folder")
    if job.since is not None and job.since != manifest.since:
        raise ExportRefused(
            f"{job.output} was begun with another --since; leave it out to go on, or use another folder"
        )
    manifest.format = FORMAT
    return manifest


class _ExportRun:
    """One run over all shards."""

    def __init__(self, job: Job, manifest: Manifest, connection: Any) -> None:
        self.job = job
        self.manifest = manifest
        self.report = ExportReport()
        self._connection = connection
        self._due = 0

    async def all_shards(self) -> ExportReport:
        """Export every shard up to where its journal ends now: in one snapshot, so what a record refers to comes with it."""
        await self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        secret = await self._connection.fetchval(SQL["cluster_value"], "secret")
        count = int(await self._connection.fetchval(SQL["cluster_value"], "shards") or b"0")
        heads = {}
        for shard in range(count):
            row = await self._connection.fetchrow(SQL["journal_head"], shard)
            heads[shard] = 0 if row is None else int(row["block"])
        starts = await self._starts(heads)
        # After this point the folder is known to be of these journals.
        clean(self.job.output, self.manifest)
        if secret is None:
            return self.report
        await asyncio.to_thread(self._begin, await self._connection.fetchval(SQL["snapshot_time"]), heads, starts)
        await self._controls()
        await self._labels()
        log = await admin_log_file(self._connection)
        await asyncio.to_thread(write_whole, self.job.output / ADMIN_LOG, log)
        columns = Columns(Secret.of(secret))
        self._due = sum(head - starts[shard][0] for shard, head in heads.items())
        for shard, head in heads.items():
            last, hash_ = starts[shard]
            await self._shard(ShardFiles(self, columns, shard, Chain(shard, last, hash_)), last + 1, head)
        await asyncio.to_thread(shutil.rmtree, self.job.output / STAGING, ignore_errors=True)
        return self.report

    async def _starts(self, heads: dict[int, int]) -> dict[int, tuple[int, bytes]]:
        """By shard the block before the first to export, and its hash. Raises ExportRefused."""
        for shard in self.manifest.shards:
            if int(shard) not in heads:
                raise ExportRefused(f"{self.job.output} holds another journal: this database has no shard {shard}")
        return {shard: await self._start(shard, head) for shard, head in heads.items()}

    def _begin(self, at_ms: int, heads: dict[int, int], starts: dict[int, tuple[int, bytes]]) -> None:
        """Say how far this run goes, and with which `since`, also if it finds nothing."""
        self.manifest.goal = Goal(at_ms=at_ms, shards={str(shard): head for shard, head in heads.items()})
        for shard, (last, hash_) in starts.items():
            if last:
                self.manifest.shards[str(shard)] = Exported(block=last, hash=hash_.hex())
        self._write_manifest()

    async def _controls(self) -> None:
        """Before the records that refer to them: what is beyond the records that are there does no harm."""
        changed, made = await changes_ever(self._connection)
        held = ExportedControls(revision=changed.revision, made=made, entries=list(changed.entries))
        await asyncio.to_thread(write_whole, self.job.output / CONTROLS, msgspec.json.encode(held))

    async def _labels(self) -> None:
        """As they are now: they may change after the payments that they are of."""
        addresses, frauds = await all_labels(self._connection)
        table = pa.table({"address": addresses, "label": frauds.astype(np.bool_)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        await asyncio.to_thread(write_whole, self.job.output / LABELS, sink.getvalue().to_pybytes())

    async def _start(self, shard: int, head: int) -> tuple[int, bytes]:
        """The block before the first to export, and its hash."""
        done = self.manifest.shards.get(str(shard))
        if done is None:
            since = self.manifest.since
            last = 0 if since is None else await self._first_since(shard, head, since) - 1
        else:
            last = done.block
        if last == 0:
            return 0, GENESIS
        row = await self._connection.fetchrow(SQL["journal_block"], shard, last)
        hash_ = b"" if row is None else block_hash(row["records"])
        if done is not None and hash_.hex() != done.hash:
            raise ExportRefused(
                f"{self.job.output} holds another journal: block {last} of shard {shard} is not the one exported"
            )
        return last, hash_

    async def _first_since(self, shard: int, head: int, since: int) -> int:
        """The first block with a record of that time or later; record time never goes back along a shard."""
        low, high = 1, head + 1
        while low < high:
            middle = (low + high) // 2
            row = await self._connection.fetchrow(SQL["journal_block"], shard, middle)
            if records_of(row["records"])[-1]["record_time"] < since:
                low = middle + 1
            else:
                high = middle
        return low

    async def _shard(self, files: "ShardFiles", first: int, head: int) -> None:
        """Convert one page while the next arrives."""
        async with contextlib.aclosing(stream_blocks(self._connection, files.shard, first, head)) as pages:
            async for page in pages:
                await asyncio.to_thread(files.page, page)
                self.report.blocks += len(page)
                self.job.progress(self.report.blocks, self._due)
        await asyncio.to_thread(files.commit)

    def done(self, shard: int, block: int, hash_: bytes) -> None:
        """All files up to a block are there."""
        self.manifest.shards[str(shard)] = Exported(block=block, hash=hash_.hex())
        self.report.shards[str(shard)] = block
        self._write_manifest()

    def _write_manifest(self) -> None:
        text = msgspec.json.format(msgspec.json.encode(self.manifest, order="deterministic"))
        write_whole(self.job.output / MANIFEST, text)


def clean(output: Path, manifest: Manifest) -> None:
    """Remove what a run that did not end has left: staged files, and files beyond the manifest."""
    shutil.rmtree(output / STAGING, ignore_errors=True)
    for path in output.glob("day=*/shard=*/blocks-*.parquet"):
        match = FILE_NAME.fullmatch(path.name)
        exported = manifest.shards.get(path.parent.name.removeprefix("shard="))
        if match is not None and (exported is None or int(match[2]) > exported.block):
            path.unlink()


class ShardFiles:
    """The files of one shard in one run: a row group for every GROUP_RECORDS_MIN, a file a day or for every FILE_RECORDS_MIN. Where
    they end follows from the blocks alone, not from the pages in which these arrive."""

    def __init__(self, run: _ExportRun, columns: Columns, shard: int, chain: Chain) -> None:
        self.shard = shard
        self._run = run
        self._columns = columns
        self._chain = chain
        self._blocks: list[tuple[int, bytes | memoryview]] = []
        self._gathered = 0
        self._written = 0
        self._last: tuple[int, bytes] | None = None
        self._writer: _DayFile | None = None
        self._closed: list[_DayFile] = []

    def page(self, rows: Sequence[ScannedBlock]) -> None:
        """Blocks that follow those before. Raises ValueError when they do not."""
        for number, data, _ in rows:
            self._blocks.append((number, data))
            self._gathered += (len(data) - HEADER_BYTES) // RECORD.itemsize
            if self._gathered >= GROUP_RECORDS_MIN:
                self._flush()
                if self._written >= FILE_RECORDS_MIN:
                    self.commit()

    def commit(self) -> None:
        """Rename all staged files, then move the manifest on."""
        self._flush()
        if self._last is None:
            return
        self._close()
        for file in self._closed:
            file.publish()
            self._run.report.files += 1
            self._run.report.bytes += file.place.stat().st_size
        self._run.done(self.shard, *self._last)
        self._closed, self._last, self._written = [], None, 0

    def _flush(self) -> None:
        """Write what was gathered: a row group of each day in it."""
        if not self._blocks:
            return
        run = self._chain.extend(self._blocks)
        rows = _Rows(run.records, run.addresses, run.seen, run.controls)
        self._last = run.number, run.hash
        self._blocks, self._gathered = [], 0
        wanted = ~np.isin(rows.records["kind"], np.array(LEFT_OUT, np.uint8))
        if self._run.manifest.since is not None:
            wanted &= rows.records["record_time"] >= self._run.manifest.since
        if not wanted.all():
            rows = rows.of(wanted)
        days = rows.records["record_time"] // DAY_MS
        cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
        for start, end in itertools.pairwise(cuts):
            if end > start:
                self._write(int(days[start]), rows.of(slice(start, end)))

    def _write(self, day: int, rows: "_Rows") -> None:
        if self._writer is not None and self._writer.day != day:
            self._close()
        if self._writer is None:
            staged = self._run.job.output / STAGING / f"{self.shard}-{len(self._closed)}.tmp"
            self._writer = _DayFile(self._run.job.output, staged, self.shard, day, self._columns)
        self._writer.write(rows)
        self._written += len(rows.records)
        self._run.report.records += len(rows.records)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._closed.append(self._writer)
            self._writer = None


class _Rows(NamedTuple):
    """Records (n,) with their addresses and the `seen` and `controls` of their blocks."""

    records: Records
    addresses: NDArray[np.int64]
    seen: NDArray[np.int64]
    controls: NDArray[np.int64]

    def of(self, wanted: NDArray[np.bool_] | slice) -> "_Rows":
        """Some of them."""
        return _Rows(self.records[wanted], self.addresses[wanted], self.seen[wanted], self.controls[wanted])


class _DayFile:
    """One file of one day and shard, staged until it is published."""

    def __init__(self, output: Path, staged: Path, shard: int, day: int, columns: Columns) -> None:
        self.day = day
        self._columns = columns
        self._staged = staged
        date = datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")
        self._folder = output / f"day={date}" / f"shard={shard}"
        self._first = self._last = 0
        staged.parent.mkdir(exist_ok=True)
        words = [field.name for field in columns.schema if str(field.type).startswith("dictionary")]
        self._writer = pq.ParquetWriter(
            staged, columns.schema, compression="zstd", compression_level=1, use_dictionary=words
        )

    @property
    def place(self) -> Path:
        """Its final path; the name gives its blocks."""
        return self._folder / f"blocks-{self._first:012}-{self._last:012}.parquet"

    def write(self, rows: "_Rows") -> None:
        """One row group."""
        self._first = self._first or block_of(int(rows.addresses[0]))
        self._last = block_of(int(rows.addresses[-1]))
        self._writer.write_table(self._columns.table(*rows), row_group_size=len(rows.records))

    def close(self) -> None:
        """No more rows."""
        self._writer.close()

    def publish(self) -> None:
        """Rename it to its final path."""
        os.makedirs(self._folder, exist_ok=True)
        publish(self._staged, self.place)
        sync(self._folder.parent)
