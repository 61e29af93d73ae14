"""Look at the inputs before work begins: what is there, can the card read it, how is it cut.

Whatever a worker would stumble over in a column is found here on a row of which nothing is known, by the code that scores, so it is refused
with the file's and the column's name and nothing is written.
"""

import hashlib
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from actors.process.tuning import give_back_freed_memory
from actors.rescore.column_reader import load_unpacking
from actors.rescore.job import (
    FORMAT,
    Corrupt,
    Group,
    InputFile,
    Job,
    Plan,
    RescoreRefused,
    Settings,
    Span,
    Unit,
    code_version,
)
from actors.rescore.part_writer import load_packing
from actors.rescore.refusals import explained, in_words, is_of_bytes, words_of
from actors.rescore.scoring import CardScorer, Columns, Counting
from actors.rescore.thrift import decode
from actors.storage.interface import Changed, Folder, Found, Range
from actors.storage.place import Location, Source, folder_at, source_at
from models.scorecard import Scorecard, card_hash

MAGIC: Final = b"PAR1"
MAGIC_ENCRYPTED: Final = b"PARE"
SIGNATURE_BYTES: Final = 28
"""Behind the footer of a file of which only some columns are encrypted: a nonce and a tag."""
ROW_GROUPS, CHUNKS, ENCRYPTED = 4, 1, 8
"""Fields of a footer, of a row group and of a column in it, as parquet.thrift numbers them."""
SUFFIXES: Final = (".parquet", ".parq", ".pq")
AS_OF_MAX: Final = 253_402_300_799_999
"""The end of the year 9999, in milliseconds since 1970."""
BATCH_BYTES: Final = 48 << 20
"""Of decoded columns: a batch in a worker."""
BATCH_ROWS_MAX, BATCH_ROWS_MIN = 131_072, 256
"""As many as a row group of usual size has, so that a column of it is decoded at once; with more a worker holds more memory."""
TAIL_BYTES: Final = 64 << 10
"""Read at first of a file's end: most footers are shorter."""
WORKER_BASE_BYTES: Final = 320 << 20
"""Python, Arrow, Numba and the kernels, before any row."""
LAST_UNITS: Final = 2
"""A unit takes about such a share of the rows that are left: of two workers that share the last rows, both then end together."""
SMALLEST_UNITS: Final = 16
"""In a part: each unit costs some milliseconds."""
BATCHES_A_GROUP: Final = 1
"""Of a part: 131,072 rows or some 4 MB with everything, unless rows are wide."""
BATCHES_HELD: Final = 4 + BATCHES_A_GROUP
"""One is decoded, two wait where they are read ahead, one is scored; a part's rows stay until their row group is whole."""
STAGE_BYTES: Final = 128 << 20
"""Pages of the part that is being written, and what the allocator keeps."""


class ReadableFile(NamedTuple):
    """A file that could be read."""

    file: InputFile
    schema: pa.Schema
    groups: list[Group]
    widest: int
    largest: int


class Prepared(NamedTuple):
    """A job that can begin. `worker_bytes`: the bound on a worker's memory."""

    job: Job
    units: list[Unit]
    worker_bytes: int

    @property
    def rows(self) -> int:
        """Rows of all units."""
        return sum(unit.rows for unit in self.units)

    @property
    def bytes(self) -> int:
        """Bytes on disk of the columns that are read."""
        return sum(unit.bytes for unit in self.units)


def prepare(
    source: Location, output: Location, card: Scorecard, settings: Settings, patience_s: float | None = None
) -> Prepared:
    """`patience_s`: for how long an object store may be away. Raises RescoreRefused, naming file and column, and StorageRefused."""
    with in_words(folder_at(source, patience_s)):
        return _prepare(source, output, card, settings, patience_s)


def _prepare(
    source: Location, output: Location, card: Scorecard, settings: Settings, patience_s: float | None
) -> Prepared:
    scorer = CardScorer(card, settings)
    kept = (settings.wallet, *settings.keep)
    twins = sorted(set(kept) & set(Columns(card, settings, scorer.wallets is not None).names))
    if twins:
        raise RescoreRefused(f"{twins[0]!r} is a column that scoring adds; it cannot be kept under this name")
    columns = tuple(dict.fromkeys((*kept, *scorer.columns)))
    read, written = source_at(source, patience_s), folder_at(output, patience_s)
    written.check()
    if folder_at(source).holds(written):
        raise RescoreRefused(
            f"{output} lies in the folder that is read; scores go elsewhere, or the next run reads them"
        )
    if written.holds(folder_at(source)):
        raise RescoreRefused(f"{source} lies in {output}: scores go into a folder of their own")
    folder, files = read.folder, _of_parquet(source, read)
    with ThreadPoolExecutor(folder.readers) as pool:
        looked = list(pool.map(lambda file: _looked_at(folder, file, columns), files))
    give_back_freed_memory()  # of many footers, before kernels are loaded and workers are copied
    corrupt = tuple(each for each in looked if isinstance(each, Corrupt))
    found = [each for each in looked if isinstance(each, ReadableFile)]
    if corrupt and not settings.skip_corrupt:
        more = f" (and {len(corrupt) - 1} more)" if len(corrupt) > 1 else ""
        raise RescoreRefused(f"{corrupt[0].path}: {corrupt[0].reason}{more}; --skip-corrupt leaves such files out")
    if not found:
        raise RescoreRefused(f"{source}: none of its files can be read")
    schema = _checked_schemas(found, columns, scorer, settings)
    settings = msgspec.structs.replace(settings, as_of=_as_of(found, settings))
    plan = Plan(
        format=FORMAT,
        card=card_hash(card),
        code=code_version(),
        settings=settings,
        schema=tuple(f"{field.name}: {field.type}" for field in schema),
        batch_rows=_batch_rows(max(each.widest for each in found)),
        corrupt=corrupt,
        inputs=tuple(each.file for each in found),
    )
    job = Job(
        source=folder,
        output=written,
        card=card,
        plan=plan,
        kept=schema,
        columns=columns,
        dictionaries=tuple(name for name in columns if name != settings.wallet and name in scorer.texts)
        + tuple(field.name for field in schema if pa.types.is_dictionary(field.type)),
    )
    buffers = 2 * len(columns) * folder.buffer_bytes + folder.ahead_bytes
    return Prepared(job, list(_units(found, settings.part_rows)), _worker_bytes(found, plan.batch_rows, buffers))


# Which files there are.


def _of_parquet(source: Location, read: Source) -> list[Found]:
    """The file by itself, or those of a folder in the order of their names."""
    if read.alone:
        return read.files
    if not read.files and not read.folder.top():
        raise RescoreRefused(f"there is nothing at {source}")
    for link in read.folder.unread_links():
        if _is_shown(PurePosixPath(f"{link}x{SUFFIXES[0]}" if link.endswith("/") else link)):
            where = "a folder" if link.endswith("/") else "nothing"
            raise RescoreRefused(f"{source}: {link} is a link to {where}, whose rows would be left out")
    found = [each for each in read.files if _is_shown(PurePosixPath(each.name))]
    if not found:
        raise RescoreRefused(f"{source} holds no Parquet files (names that end in {', '.join(SUFFIXES)})")
    return found


def _is_shown(path: PurePosixPath) -> bool:
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(("_", ".")) for part in path.parts)


def _looked_at(folder: Folder, found: Found, columns: tuple[str, ...]) -> ReadableFile | Corrupt:
    name = found.name
    try:
        footer = _footer(folder, found)
        metadata = pq.read_metadata(pa.BufferReader(footer))
        schema = metadata.schema.to_arrow_schema()
        _check_counts(metadata)
        _check_names(name, schema, columns)
        _check_plain(name, footer, metadata, frozenset(columns))
        groups, widest, largest = _groups(metadata, frozenset(columns))
    except Changed as error:
        raise explained(error, folder) from None
    except IndexError as error:  # it names fewer columns in a row group than before
        return Corrupt(path=name, group=None, rows=0, reason=f"not a whole Parquet file: {error}")
    except (ValueError, OSError, MemoryError, pa.ArrowException) as error:
        if not is_of_bytes(error):
            raise explained(error, folder, name) from None
        return Corrupt(path=name, group=None, rows=0, reason=f"not a whole Parquet file: {words_of(error)}")
    digest = hashlib.sha256(footer[:-8]).hexdigest()
    described = InputFile(path=name, bytes=found.bytes, tag=found.tag, footer=digest, rows=metadata.num_rows)
    return ReadableFile(described, schema, groups, widest, largest)


def _footer(folder: Folder, found: Found) -> bytes:
    """What Parquet says of a file at its end, with its length and the mark behind it."""
    if found.bytes < 12:
        raise ValueError(f"it has {found.bytes} bytes")
    tail = folder.tail(found, TAIL_BYTES)
    if len(tail) < min(found.bytes, TAIL_BYTES):
        raise ValueError("it was cut off meanwhile")
    (length,), magic = struct.unpack("<I", tail[-8:-4]), tail[-4:]
    if magic == MAGIC_ENCRYPTED:
        raise ValueError("its footer is encrypted, and no keys are taken")
    if magic != MAGIC or length > found.bytes - 12:
        raise ValueError("it does not end as one")
    if length + 8 > len(tail):
        tail = folder.tail(found, length + 8)
    return tail[-8 - length :]


def _check_names(file: str, schema: pa.Schema, columns: tuple[str, ...]) -> None:
    for column, times in Counter(schema.names).items():
        if times > 1 and column in columns:
            raise RescoreRefused(f"{file}: {times} columns are named {column!r}; the card needs one")


def _check_plain(file: str, footer: bytes, metadata: Any, columns: frozenset[str]) -> None:
    """Raises RescoreRefused where a column that is needed is encrypted: to ask Arrow for it would end the process. The footer of such a
    file is signed."""
    if len(footer) - 8 - metadata.serialized_size != SIGNATURE_BYTES:
        return
    needed = _places(metadata, columns)
    for group in decode(footer[:-8])[ROW_GROUPS].value[1]:
        chunks = group[CHUNKS].value[1]
        for place in needed:
            if ENCRYPTED in chunks[place]:
                column = metadata.schema.column(place).path
                raise RescoreRefused(f"{file}: the column {column!r} is encrypted, and no keys are taken")


def _check_counts(metadata: Any) -> None:
    """Raises ValueError for numbers of rows that cannot be."""
    rows = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
    if min(rows, default=0) < 0 or sum(rows) != metadata.num_rows:
        shown = ", ".join(map(str, rows[:3]))
        raise ValueError(f"it says {metadata.num_rows} rows, and of its row groups {shown}")


def _groups(metadata: Any, columns: frozenset[str]) -> tuple[list[Group], int, int]:
    """Row groups; the most bytes that a row takes when decoded; the bytes of the largest group."""
    groups, widest, largest = [], 1, 0
    widths = {place: max(8, metadata.schema.column(place).length) for place in _places(metadata, columns)}
    for at in range(metadata.num_row_groups):
        group = metadata.row_group(at)
        chunks = {place: group.column(place) for place in widths}
        decoded = sum(
            max(chunk.total_uncompressed_size, widths[place] * group.num_rows) for place, chunk in chunks.items()
        )
        groups.append(Group(group.num_rows, sum(chunk.total_compressed_size for chunk in chunks.values())))
        if group.num_rows:
            widest = max(widest, -(-decoded // group.num_rows))
        largest = max(largest, decoded)
    return groups, widest, largest


def _places(metadata: Any, columns: frozenset[str]) -> list[int]:
    paths = [metadata.schema.column(place).path for place in range(metadata.num_columns)]
    return [at for at, path in enumerate(paths) if path in columns or path.partition(".")[0] in columns]


def chunk_ranges(metadata: Any, groups: Iterable[int], columns: frozenset[str]) -> list[Range]:
    """Where the columns of some row groups lie, in the order in which they are read."""
    places, found = _places(metadata, columns), []
    for group in map(metadata.row_group, groups):
        for chunk in map(group.column, places):
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            found.append(Range(start, start + chunk.total_compressed_size))
    return found


# Whether the card can read them.


def _checked_schemas(
    found: list[ReadableFile], columns: tuple[str, ...], scorer: CardScorer, settings: Settings
) -> pa.Schema:
    """The types of kept columns, which are the same in all files."""
    kept = tuple(dict.fromkeys((settings.wallet, *settings.keep)))
    first: pa.Schema | None = None
    checked: set[pa.Schema] = set()
    for each in found:
        if each.schema in checked:
            continue
        names = each.schema.names
        for name in columns:
            if name not in names:
                raise RescoreRefused(
                    f"{each.file.path}: there is no column {name!r}; there are {', '.join(names[:20])}"
                )
        types = pa.schema([_kept_field(each, name, settings) for name in kept])
        _try_scoring(scorer, each)
        if first is None:
            first = types
        for field, other in zip(types, first, strict=True):
            if field.type != other.type:
                raise RescoreRefused(
                    f"{each.file.path}: {field.name} holds {field.type}, and {other.type} in {found[0].file.path}"
                )
        checked.add(each.schema)
    assert first is not None
    return first


def _try_scoring(scorer: CardScorer, found: ReadableFile) -> None:
    """Score and count a row of which nothing is known. This loads kernels, which workers that are copies of this process then have."""
    fields = [found.schema.field(name) for name in scorer.columns]
    nobody = pa.table([pa.nulls(1, field.type) for field in fields], [field.name for field in fields])
    try:
        Counting(scorer.card).add(scorer.score(nobody))
        load_packing()
        load_unpacking()
    except (ValueError, pa.ArrowException) as error:
        raise RescoreRefused(f"{found.file.path}: {words_of(error)}") from None


def _kept_field(found: ReadableFile, name: str, settings: Settings) -> pa.Field:
    """A column as the output has it: a wallet as what it is, other text and bytes as dictionaries, in which what comes often is held once.
    Raises RescoreRefused for a nested one."""
    kind = found.schema.field(name).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    plain = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    text = pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain)
    data = pa.types.is_binary(plain) or pa.types.is_large_binary(plain) or pa.types.is_binary_view(plain)
    if pa.types.is_nested(plain):
        raise RescoreRefused(f"{found.file.path}: {name} holds {kind}; nested columns cannot be kept")
    if name != settings.wallet:
        listed = pa.string() if text else pa.binary() if data else None
        return pa.field(name, kind if listed is None else pa.dictionary(pa.int32(), listed))
    if not (text or data or pa.types.is_fixed_size_binary(plain) or pa.types.is_integer(plain)):
        raise RescoreRefused(f"{found.file.path}: {name} holds {kind}; a wallet is an integer, a text or bytes")
    return pa.field(name, pa.string() if text else kind)


def _as_of(found: list[ReadableFile], settings: Settings) -> int | None:
    """The time of the features, which their files say; the same in all of them."""
    if settings.as_of is not None:
        return settings.as_of
    stated = {each.file.path: (each.schema.metadata or {}).get(b"as_of") for each in found}
    first_path, first = next(iter(stated.items()))
    for path, other in stated.items():
        if other != first:
            raise RescoreRefused(f"{path} and {first_path} are of different times (as_of in them); say one: --as-of")
    if first is None:
        return None
    with suppress(ValueError):
        if 0 <= (as_of := int(first)) <= AS_OF_MAX:
            return as_of
    raise RescoreRefused(f"{first_path}: its as_of, {first!r}, is no number of milliseconds since 1970; say --as-of")


# How they are cut.


def _units(found: list[ReadableFile], part_rows: int) -> Iterator[Unit]:
    """Whole row groups, in order, as many as fit; a larger one is a unit by itself, and its parts are several. Towards the end of the
    inputs units are smaller, so that workers end together, however many there are and however unequal: then a row group belongs to the unit
    that comes nearer to its share with it."""
    spans: list[Span] = []
    number = rows = 0
    left = sum(group.rows for each in found for group in each.groups)
    share = _unit_rows(left, part_rows)
    for at, each in enumerate(found):
        before = 0
        for place, group in enumerate(each.groups):
            if spans and _is_whole(rows, group.rows, left, share, part_rows):
                yield Unit(number=number, spans=tuple(spans))
                left -= rows
                number, rows, spans, share = number + 1, 0, [], _unit_rows(left, part_rows)
            if group.rows:
                _append(
                    spans, Span(file=at, first=place, end=place + 1, row=before, rows=group.rows, bytes=group.bytes)
                )
            rows += group.rows
            before += group.rows
    if spans:
        yield Unit(number=number, spans=tuple(spans))


def _is_whole(rows: int, more: int, left: int, share: int, part_rows: int) -> bool:
    """Whether a unit ends before the next row group, which has `more` rows. What would be left for a last unit of less than half the
    smallest share goes with it: a worker would do that alone."""
    if rows + more > part_rows:
        return True
    is_last = left - rows < part_rows // SMALLEST_UNITS // 2
    return not is_last and rows + more - share > share - rows


def _unit_rows(left: int, part_rows: int) -> int:
    """About how many rows the next unit has, of those that are left."""
    return max(part_rows // SMALLEST_UNITS, min(part_rows, left // LAST_UNITS))


def _append(spans: list[Span], span: Span) -> None:
    last = spans[-1] if spans else None
    if last is None or last.file != span.file or last.end != span.first:
        spans.append(span)
        return
    joined = {"end": span.end, "rows": last.rows + span.rows, "bytes": last.bytes + span.bytes}
    spans[-1] = msgspec.structs.replace(last, **joined)


def _batch_rows(widest: int) -> int:
    """A power of two, so that row groups of such sizes make equal batches."""
    fit = max(BATCH_ROWS_MIN, min(BATCH_ROWS_MAX, BATCH_BYTES // widest))
    return 1 << (fit.bit_length() - 1)


def _worker_bytes(found: list[ReadableFile], batch_rows: int, buffers: int) -> int:
    """Grows with a row group only up to what batches and buffers hold of it."""
    widest, largest = max(each.widest for each in found), max(each.largest for each in found)
    batches = BATCHES_HELD * batch_rows * (widest + 256)
    return WORKER_BASE_BYTES + min(largest, buffers) + batches + STAGE_BYTES
