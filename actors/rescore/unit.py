"""Take one unit from file to kernel to file: the whole work of a worker.

One batch is read, scored and written after the other, by one thread: there is a worker for each processor, in whose caches lies what was
just made. Only from an object store, which is waited for, another thread reads ahead. What a worker holds is some batches and the pages
of the part that it writes, however large a row group is.
"""

import platform
import secrets
from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.process.memory import peak_bytes
from actors.process.read_ahead import read_ahead
from actors.process.tuning import freeze_gc, keep_freed_memory, take_large_pages
from actors.process.worker_pool import ProcessPool
from actors.rescore.column_reader import ColumnReader
from actors.rescore.inputs import BATCHES_A_GROUP, chunk_ranges
from actors.rescore.job import Corrupt, Done, Job, Part, RescoreRefused, Span, Unit, code_version
from actors.rescore.output import BAD, PARTS, Output
from actors.rescore.part_writer import PartWriter
from actors.rescore.refusals import explained, is_of_bytes, words_of
from actors.rescore.scoring import Bad, CardScorer, Columns, Counting, ScoredRows
from actors.rescore.self_check import SelfCheck
from actors.storage.interface import Changed, Found, Staged
from models.evaluation import UnknownCategory

BAD_TEXTS: Final = ("file", "column", "reason")
COMPRESSION_LEVEL: Final = 1
DICTIONARY_BYTES: Final = 2 << 20
"""A column of a row group that takes no more is read as a dictionary, whatever is in it. Most writers end dictionaries at 1 MiB."""
NOT_INTO_DICTIONARIES: Final = frozenset({"DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"})
"""Encodings of texts that Arrow decodes into texts alone."""
PACKED: Final = frozenset({pa.int32(), pa.dictionary(pa.int16(), pa.string())})
"""Of what scoring adds."""


class Batch(NamedTuple):
    """Rows as they come from a file. `row`: the first one's place in it."""

    file: int
    row: int
    table: pa.Table


class _Opened(NamedTuple):
    """An input: what its folder gave, and what Arrow makes of it. `columns`: reads some of them, of a file of this machine."""

    source: Any
    file: pq.ParquetFile
    columns: ColumnReader | None
    bytes: int


class _Unreadable(Exception):
    """A span whose pages cannot be decoded."""

    def __init__(self, span: Span, reason: str) -> None:
        super().__init__(reason)
        self.span = span
        self.reason = reason


class Worker:
    """The worker of a process: called with a unit, it makes its files."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._output = Output(job.output)
        self._scorer = CardScorer(job.card, job.settings)
        self._columns = Columns(job.card, job.settings, self._scorer.wallets is not None)
        self._check = SelfCheck(job.card, job.settings, self._scorer.wallets is not None)
        self._whole = frozenset({job.settings.wallet, *self._columns.whole})

    def __call__(self, unit: Unit) -> Done:
        """Raises RescoreRefused for an input that changed or cannot be read, StorageRefused for a store that is away for too long, OSError
        when there is no room."""
        skipped: list[Corrupt] = []
        while True:
            try:
                try:
                    return self._score_unit(unit, skipped)
                except _Unreadable as error:
                    skipped += self._may_be_skipped(error, skipped)
            except Changed as error:
                raise RescoreRefused(f"{error} has changed since the job began") from None

    def _score_unit(self, unit: Unit, skipped: list[Corrupt]) -> Done:
        counting = Counting(self._job.card)
        parts, bad = (_Parts(self._job, self._output, unit.number, folder) for folder in (PARTS, BAD))
        try:
            for each in skipped:
                bad.write(self._skipped_rows(each))
                counting.bad += each.rows
            with closing(self._read_by_itself(self._batches(unit, skipped))) as batches:
                while (batch := next(batches, None)) is not None:
                    self._one(batch, counting, parts, bad)
                    del batch  # before the next one is made
            made = Done(
                unit=unit.number,
                parts=parts.close(),
                bad_rows=bad.close(),
                corrupt=tuple(skipped),
                tally=counting.tally(),
                peak_bytes=peak_bytes(),
            )
        except BaseException:
            parts.drop()
            bad.drop()
            raise
        assert made.tally.rows == unit.rows, "each row is scored, bad, or without a score"
        self._output.mark_done(made)
        return made

    def _one(self, batch: Batch, counting: Counting, parts: "_Parts", bad: "_Parts") -> None:
        """Score a batch, without its bad rows."""
        table, rows = batch.table, np.arange(batch.row, batch.row + batch.table.num_rows)
        faults = self._scorer.bad(table, self._job.settings.wallet)
        table, rows = self._without(batch, table, rows, faults, bad, counting)
        try:
            found = self._scorer.score(table)
        except UnknownCategory:
            faults = self._scorer.of_unknown_categories(table)
            table, rows = self._without(batch, table, rows, faults, bad, counting)
            found = self._scorer.score(table)
        if not len(rows):
            return
        counting.checked += self._check(self._path(batch.file), rows, table, found)
        counting.add(found)
        parts.write(self._made(table, found))

    def _without(
        self, batch: Batch, table: pa.Table, rows: NDArray[np.int64], faults: Bad, bad: "_Parts", counting: Counting
    ) -> tuple[pa.Table, NDArray[np.int64]]:
        if not len(faults.rows):
            return table, rows
        file = self._path(batch.file)
        bad.write(_bad_rows(file, rows[faults.rows], faults.columns, faults.reasons))
        counting.bad += len(faults.rows)
        kept = np.ones(len(rows), np.bool_)
        kept[faults.rows] = False
        return _without_views(table).filter(pa.array(kept)), rows[kept]

    def _made(self, table: pa.Table, found: ScoredRows) -> pa.Table:
        """The output's columns."""
        kept = {field.name: _as(table.column(field.name), field.type) for field in self._job.kept}
        columns = {**kept, **self._columns.of(found)}
        fields = [pa.field(name, each.type, name not in self._whole) for name, each in columns.items()]
        return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))

    def _path(self, file: int) -> str:
        return self._job.plan.inputs[file].path

    # Reading.

    def _read_by_itself(self, batches: Generator[Batch, None, None]) -> Generator[Batch, None, None]:
        return read_ahead(batches) if self._job.source.ahead_bytes else batches

    def _batches(self, unit: Unit, skipped: list[Corrupt]) -> Generator[Batch, None, None]:
        gone = {(each.path, each.group) for each in skipped}
        for span in unit.spans:
            yield from self._of_span(span, gone)

    def _of_span(self, span: Span, gone: set[tuple[str, int | None]]) -> Iterator[Batch]:
        path = self._path(span.file)
        groups = [at for at in range(span.first, span.end) if (path, at) not in gone]
        lost = len(groups) < span.end - span.first
        with self._opened(span.file, self._buffer_bytes(span)) as opened:
            row = span.row
            # Rows are counted by what is read: with groups left out, each group is read by itself to know where it begins.
            for some in [[at] for at in range(span.first, span.end)] if lost else [groups]:
                if some[0] not in groups:
                    row += opened.file.metadata.row_group(some[0]).num_rows
                    continue
                try:
                    tables = self._read(opened, some)
                    while (table := next(tables, None)) is not None:
                        batch, row = [Batch(span.file, row, table)], row + table.num_rows
                        del table
                        yield batch.pop()
                except (OSError, MemoryError, pa.ArrowException) as error:
                    raise _Unreadable(span, self._damage(error, path)) from None

    def _read(self, opened: "_Opened", groups: list[int]) -> Iterator[pa.Table]:
        """Whole row groups where they are about as large as batches: then one column after the other is decoded, in the same memory, and no
        pages wait for the next batch."""
        file = opened.file
        ranges = chunk_ranges(file.metadata, groups, frozenset(self._job.columns))
        if not all(0 <= each.start <= each.end <= opened.bytes for each in ranges):
            raise pa.ArrowInvalid("a column lies outside the file")
        self._job.source.expect(opened.source, ranges)
        rows, names = self._job.plan.batch_rows, list(self._job.columns)
        sizes = [file.metadata.row_group(at).num_rows for at in groups]
        if max(sizes) <= rows and min(sizes[:-1], default=rows) >= rows // 2:
            for at in groups:
                yield _row_group(opened, at, names)
            return
        for batch in file.iter_batches(rows, row_groups=groups, columns=names, use_threads=False):
            yield pa.Table.from_batches([batch]).select(names)

    def _buffer_bytes(self, span: Span) -> int:
        """Of each column that is read; 0 reads those of a row group at once, where they take no more memory than buffers would."""
        folder = self._job.source
        most = len(self._job.columns) * folder.buffer_bytes * (span.end - span.first)
        return 0 if folder.copied and span.bytes <= most else folder.buffer_bytes

    @contextmanager
    def _opened(self, file: int, buffer_bytes: int) -> "Iterator[_Opened]":
        """Raises Changed for a file that is not what the plan says, before or after it was read, and RescoreRefused for one that is gone or
        that the system does not open."""
        planned, folder = self._job.plan.inputs[file], self._job.source
        looked_at = Found(planned.path, planned.bytes, planned.tag)
        try:
            source = folder.opened(looked_at)
        except FileNotFoundError as error:
            raise RescoreRefused(f"{planned.path}: {error.strerror or words_of(error)}") from None
        except OSError as error:
            raise explained(error, folder, planned.path) from None
        with closing(source):
            try:
                with self._parquet(source, planned.path, buffer_bytes) as found:
                    on_disk = isinstance(source, pa.OSFile)
                    columns = ColumnReader(source.fileno(), found, self._job.columns) if on_disk else None
                    yield _Opened(source, found, columns, planned.bytes)
            except GeneratorExit:  # left early, for another reason
                raise
            except Exception:
                folder.check_unchanged(source, looked_at)
                raise
            folder.check_unchanged(source, looked_at)

    def _parquet(self, source: Any, path: str, buffer_bytes: int) -> pq.ParquetFile:
        """Raises RescoreRefused for a footer that cannot be read any more."""
        options: Any = {"pre_buffer": False, "buffer_size": buffer_bytes}
        try:
            names = list(self._job.dictionaries)
            found = pq.ParquetFile(source, read_dictionary=names, **options)
            if plain := _not_into_dictionaries(found.metadata, names):
                some = [name for name in names if name not in plain]
                found = pq.ParquetFile(source, metadata=found.metadata, read_dictionary=some, **options)
            return found
        except (OSError, MemoryError, pa.ArrowException) as error:
            raise RescoreRefused(f"{path}: {self._damage(error, path)}") from None

    def _may_be_skipped(self, error: _Unreadable, skipped: list[Corrupt]) -> list[Corrupt]:
        """What cannot be read. Raises RescoreRefused where it must not be left out, and Changed where another file has taken its place."""
        found = list(self._unreadable_groups(error, skipped))
        if not self._job.settings.skip_corrupt:
            where = f"{found[0].path}: row group {found[0].group} cannot be read: {found[0].reason}"
            raise RescoreRefused(f"{where}; --skip-corrupt counts its rows as bad") from None
        return found

    def _unreadable_groups(self, error: _Unreadable, skipped: list[Corrupt]) -> Iterator[Corrupt]:
        """Which groups of a span they are; at least one, so that trying again ends."""
        span, path = error.span, self._path(error.span.file)
        gone = {(each.path, each.group) for each in skipped}
        found = 0
        with self._opened(span.file, self._buffer_bytes(span)) as opened:
            for at in range(span.first, span.end):
                rows = opened.file.metadata.row_group(at).num_rows
                reason = None if (path, at) in gone else self._reason(opened, path, at)
                if reason is not None:
                    found += 1
                    yield Corrupt(path=path, group=at, rows=rows, reason=reason)
        if not found:
            raise RescoreRefused(f"{path}: could not be read, and then could: {error.reason}")

    def _reason(self, opened: "_Opened", path: str, group: int) -> str | None:
        try:
            for _ in self._read(opened, [group]):
                pass
        except (OSError, MemoryError, pa.ArrowException) as error:
            return self._damage(error, path)
        return None

    def _damage(self, error: Exception, path: str) -> str:
        """What is wrong with the bytes of a file. Raises RescoreRefused where the system gave too little to read them."""
        if is_of_bytes(error):
            return words_of(error)
        raise explained(error, self._job.source, path) from None

    def _skipped_rows(self, corrupt: Corrupt) -> pa.Table:
        """One line for a whole group: which rows they were is known by its number."""
        at = next(at for at, each in enumerate(self._job.plan.inputs) if each.path == corrupt.path)
        with self._opened(at, self._job.source.buffer_bytes) as opened:
            first = sum(opened.file.metadata.row_group(before).num_rows for before in range(corrupt.group or 0))
        reason = f"row group {corrupt.group} of {corrupt.rows:,} rows cannot be read: {corrupt.reason}"
        return _bad_rows(corrupt.path, np.array([first]), [""], [reason])


def _not_into_dictionaries(metadata: Any, names: Collection[str]) -> set[str]:
    """The columns of texts in encodings that Arrow decodes, but not into a dictionary, and those that are mostly no dictionary in the file:
    Arrow would hold all different texts of a row group until its end."""
    places = [at for at in range(metadata.num_columns) if metadata.schema.column(at).path in names]
    chunks = (metadata.row_group(group).column(at) for group in range(metadata.num_row_groups) for at in places)
    return {chunk.path_in_schema for chunk in chunks if not _is_dictionary(chunk)}


def _is_dictionary(chunk: Any) -> bool:
    """A text that is written by itself takes its bytes and four for their number."""
    if not NOT_INTO_DICTIONARIES.isdisjoint(chunk.encodings):
        return False
    size = chunk.total_uncompressed_size
    return bool(size <= DICTIONARY_BYTES or size < 4 * chunk.num_values)


class _Parts:
    """Files of one unit, each of at most so many rows, made only if there are rows."""

    def __init__(self, job: Job, output: Output, unit: int, folder: str) -> None:
        self._output, self._unit, self._folder = output, unit, folder
        self._rows_max = job.settings.part_rows
        self._rows_a_group = BATCHES_A_GROUP * job.plan.batch_rows
        self._kept = job.kept.names
        self._token = secrets.token_hex(8)
        self._staged: Staged | None = None
        self._writer: PartWriter | None = None
        self._group: list[pa.Table] = []
        self._group_rows = self._rows = 0
        self._made: list[Part] = []

    def write(self, table: pa.Table) -> None:
        """Write rows, into as many row groups and files as they need."""
        while table.num_rows:
            room = min(self._rows_a_group - self._group_rows, self._rows_max - self._rows)
            self._append(table.slice(0, room))
            table = table.slice(room)

    def close(self) -> tuple[Part, ...]:
        """Finish all files and move them to their places."""
        self._end()
        return tuple(self._made)

    def drop(self) -> None:
        """Leave nothing that is not finished."""
        if self._writer is not None:
            self._writer.drop()
        if self._staged is not None:
            self._staged.drop()

    def _append(self, table: pa.Table) -> None:
        if self._writer is None:
            self._staged = self._output.stage(f"{self._unit:06}-{self._folder}.{self._token}")
            schema = table.schema
            packed = [field.name for field in schema if self._is_packed(field)]
            self._writer = PartWriter(self._staged.sink, schema, packed, self._encoding(schema, packed))
        self._group.append(table)
        self._group_rows += table.num_rows
        self._rows += table.num_rows
        if self._group_rows == self._rows_a_group:
            self._end_group()
        if self._rows == self._rows_max:
            self._end()

    def _is_packed(self, field: pa.Field) -> bool:
        if field.name in self._kept:
            return not field.nullable and _is_fixed(field.type)
        return field.type in PACKED

    def _encoding(self, schema: pa.Schema, packed: list[str]) -> dict[str, Any]:
        """What costs least to write, of what is not packed. The time, the same in all rows, is a dictionary, and so are texts of which
        Arrow has the places already. Compressed are kept columns only, as zstd makes the others a tenth smaller for a fifth of the
        time that writing takes, and not wallets of a fixed number of bytes, which are drawn at random. Lowest and highest values of a
        row group are nearly the same in all of them, so no reader could pass over one for them: there are none."""
        others = [field for field in schema if field.name not in packed]
        few = [field.name for field in others if pa.types.is_dictionary(field.type)]
        same = [field.name for field in others if field.name not in self._kept and pa.types.is_timestamp(field.type)]
        random = [name for name in self._kept[:1] if name in schema.names and _is_fixed(schema.field(name).type)]
        compressed = [name for name in schema.names if name in self._kept and name not in random]
        return {
            "use_dictionary": few + same,
            "write_statistics": False,
            "compression": {field.name: "zstd" if field.name in compressed else "none" for field in others},
            "compression_level": dict.fromkeys(compressed, COMPRESSION_LEVEL) or None,
            "max_rows_per_page": self._rows_a_group,
            "write_batch_size": self._rows_a_group,
        }

    def _end_group(self) -> None:
        assert self._staged is not None and self._writer is not None
        self._writer.write(pa.concat_tables(self._group))
        self._staged.begin_sync()
        self._group, self._group_rows = [], 0

    def _end(self) -> None:
        if self._writer is None or self._staged is None:
            return
        if self._group:
            self._end_group()
        self._writer.close()
        more = f"-{len(self._made):03}" if self._made else ""
        name = f"{self._folder}/{self._unit:06}{more}.parquet"
        placed = self._staged.place(name)
        self._made.append(Part(file=name, rows=self._rows, bytes=placed.bytes, sha256=placed.sha256))
        self._writer, self._staged, self._rows = None, None, 0


def _row_group(opened: _Opened, group: int, names: list[str]) -> pa.Table:
    """Its columns in this order."""
    found = {} if opened.columns is None else opened.columns.read(group)
    others = [name for name in names if name not in found]
    theirs = opened.file.read_row_group(group, columns=others, use_threads=False)
    if not found:
        return theirs.select(names)
    return pa.table({name: found[name] if name in found else theirs.column(name) for name in names})


def _bad_rows(file: str, rows: NDArray[np.int64], columns: list[str], reasons: list[str]) -> pa.Table:
    """Bad rows as they are written: `row` counts from 0 in its file."""
    texts = [pa.array(each, pa.string()) for each in ([file] * len(rows), columns, reasons)]
    return pa.table(dict(zip(BAD_TEXTS, texts, strict=True))).add_column(1, "row", pa.array(rows))


def _without_views(table: pa.Table) -> pa.Table:
    """Arrow filters texts and bytes that are not views of others."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return table.cast(pa.schema([field.with_type(plain.get(field.type, field.type)) for field in table.schema]))


def _is_fixed(kind: pa.DataType) -> bool:
    """Whether all values have the same number of bytes."""
    stored = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    return bool(pa.types.is_fixed_size_binary(stored))


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """A column in the output's type."""
    if column.type == kind:
        return column
    if isinstance(kind, pa.BaseExtensionType):
        storage = column.cast(kind.storage_type)
        return pa.chunked_array([kind.wrap_array(chunk) for chunk in storage.chunks], kind)
    if pa.types.is_dictionary(column.type) and not pa.types.is_dictionary(kind):
        column = column.cast(column.type.value_type)
    if pa.types.is_dictionary(kind):
        if not pa.types.is_dictionary(column.type):
            column = column.cast(kind.value_type).dictionary_encode()
        listed = [(each.indices.cast(kind.index_type), each.dictionary.cast(kind.value_type)) for each in column.chunks]
        return pa.chunked_array([pa.DictionaryArray.from_arrays(*each) for each in listed], kind)
    return column.cast(kind)


def make_worker(job: Job) -> Worker:
    """Make a worker, as pools do, in a process of its own. Raises RescoreRefused on a machine that has another program than the one that
    planned the job: its scores may be others."""
    if (code := code_version()) != job.plan.code:
        raise RescoreRefused(
            f"the program on {platform.node()} is {code}, not {job.plan.code}, which planned the job: "
            "every machine needs the same version of shardpay and of pyarrow"
        )
    return started(Worker(job))


def started(worker: Worker) -> Worker:
    """A worker, once its process is one of its own. Arrow takes memory from the C library: its own allocator gives batches back, and has
    pages of 2 MB zeroed for the next, which is up to a fifth of what the first millions of rows take."""
    pa.set_cpu_count(1)
    keep_freed_memory()
    take_large_pages()
    pa.set_memory_pool(pa.system_memory_pool())
    freeze_gc()
    return worker


def local_pool(job: Job) -> ProcessPool:
    """Workers of this machine. Where its stores allow it they are copies of this process, which has the kernels, and of a worker that is
    made here: each copy that made its own would copy the memory that this touches, a millisecond a megabyte."""
    if job.source.copied and job.output.copied:
        return ProcessPool(started, Worker(job), copies=True)
    return ProcessPool(make_worker, job)
