"""Tables come from Parquet or CSV files, distinguished by their first bytes.

In CSV an empty field is a missing value, also of text.

Separator and encoding of a CSV file are found where they are not given, and whatever is not a comma and UTF-8 is in `notes`. The kind
of a CSV column is decided by all of its rows, so a word in the last one cannot end the reading.
"""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

PARQUET_MAGIC: Final = b"PAR1"
NULLS: Final = ("", "NA", "NaN", "nan", "null", "NULL")
"""What stands for a missing value in CSV."""
SEPARATORS: Final = (",", ";", "\t", "|")
_NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
LOOKED_AT_BYTES: Final = 1 << 16
"""Of a CSV file, to find its separator: hundreds of lines."""
LOOKED_AT_LINES: Final = 50
CHUNK_BYTES: Final = 1 << 20
CSV_BLOCK_BYTES: Final = 8 << 20
"""Of a CSV file that is scored, at a time: some 100,000 rows."""
BLOCK_BYTES_MAX: Final = 2**31 - 2
"""Arrow decides on a column's kind by one block, and counts its bytes in 32 bits."""
FALLBACK_ENCODING: Final = "cp1252"
"""What spreadsheets in western Europe and America write when it is not UTF-8."""
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How a CSV file is written: what is None is found out."""

    separator: str | None = None
    encoding: str | None = None


FOUND: Final = Format()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """All columns of a file, and what had to be found out to read it, a line each."""

    table: pa.Table
    notes: tuple[str, ...] = ()


def is_parquet(path: Path) -> bool:
    """By its first bytes."""
    with open(path, "rb") as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


def read_table(path: Path, given: Format = FOUND) -> Source:
    """A whole file. Raises ValueError, naming the file, for what is neither Parquet nor CSV, and for columns of one name."""
    try:
        if is_parquet(path):
            _refuse_twins(path, pq.read_schema(path).names)
            return Source(table=pq.read_table(path))
        found, notes = found_format(path, given)
        block = max(min(path.stat().st_size + 1, BLOCK_BYTES_MAX), CHUNK_BYTES)
        read = pv.ReadOptions(encoding=found.encoding, block_size=block)
        parse = pv.ParseOptions(delimiter=found.separator, newlines_in_values=True)
        convert = pv.ConvertOptions(null_values=list(NULLS), strings_can_be_null=True)
        table = pv.read_csv(path, read_options=read, parse_options=parse, convert_options=convert)
    except (pa.ArrowException, UnicodeError) as error:
        raise ValueError(f"{path}: neither Parquet nor CSV with a line of names: {error}") from None
    _refuse_twins(path, table.column_names)
    return Source(table=table, notes=notes)


class Batches:
    """A file's rows, some at a time. Those of a CSV file are all text, as they stand there. `rows`: how many, where the file tells."""

    def __init__(self, path: Path, given: Format, rows: int) -> None:
        self._path, self._given, self._batch = path, given, rows
        self.rows: int | None = None
        self.notes: tuple[str, ...] = ()

    @property
    def nulls(self) -> tuple[str, ...]:
        """Texts that stand for a missing value: in CSV, which has no other means."""
        return () if is_parquet(self._path) else NULLS

    def tables(self) -> Iterator[pa.Table]:
        """At least one, if without rows. Raises ValueError, naming the file, as `read_table` does."""
        try:
            yield from self._of_parquet() if is_parquet(self._path) else self._of_csv()
        except (pa.ArrowException, UnicodeError) as error:
            raise ValueError(f"{self._path}: neither Parquet nor CSV with a line of names: {error}") from None

    def _of_parquet(self) -> Iterator[pa.Table]:
        with pq.ParquetFile(self._path) as file:
            schema = file.schema_arrow
            _refuse_twins(self._path, schema.names)
            self.rows = file.metadata.num_rows
            if not self.rows:
                yield schema.empty_table()
            for batch in file.iter_batches(self._batch):
                yield pa.Table.from_batches([batch])

    def _of_csv(self) -> Iterator[pa.Table]:
        found, self.notes = found_format(self._path, self._given)
        with open(self._path, encoding=found.encoding, newline="") as file:
            names = next(csv.reader(file, delimiter=found.separator or ","), [])
        names = [name.removeprefix("\ufeff") for name in names]
        _refuse_twins(self._path, names)
        convert = pv.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=False)
        parse = pv.ParseOptions(delimiter=found.separator, newlines_in_values=True)
        read = pv.ReadOptions(encoding=found.encoding, block_size=CSV_BLOCK_BYTES)
        with pv.open_csv(self._path, read_options=read, parse_options=parse, convert_options=convert) as reader:
            schema = reader.schema
            some = False
            for batch in reader:
                some = True
                yield pa.Table.from_batches([batch])
            if not some:
                yield schema.empty_table()


def found_format(path: Path, given: Format = FOUND) -> tuple[Format, tuple[str, ...]]:
    """Separator and encoding of a CSV file, and what had to be found out. Raises ValueError for an encoding that is none."""
    notes = []
    encoding = given.encoding
    if encoding is None:
        encoding = _encoding_of(path)
        if encoding == FALLBACK_ENCODING:
            notes.append(f"{path}: not UTF-8, read as {encoding}; --encoding says another")
        elif encoding != "utf-8":
            notes.append(f"{path}: read as {encoding}")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError(f"no encoding is called {encoding!r}; utf-8, cp1252, cp1251, gbk are some") from None
    separator = given.separator
    if separator is None:
        separator = _separator_of(path, encoding)
        if separator != ",":
            notes.append(f"{path}: fields are separated by {_NAMES[separator]}; --separator says another")
    return Format(separator=separator, encoding=encoding), tuple(notes)


def _encoding_of(path: Path) -> str:
    with open(path, "rb") as file:
        head = file.read(len(codecs.BOM_UTF8))
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return FALLBACK_ENCODING
    return "utf-8"


def _separator_of(path: Path, encoding: str) -> str:
    """The one that cuts all lines into the same number of fields, the most of them; a comma where none does."""
    with open(path, encoding=encoding, errors="replace", newline="") as file:
        text = file.read(LOOKED_AT_BYTES).removeprefix("\ufeff")
    whole = len(text) < LOOKED_AT_BYTES

    def fields(separator: str) -> int:
        counts = list(_counts(text, separator, whole))
        return counts[0] if counts and len(set(counts)) == 1 else 1

    return max(SEPARATORS, key=fields)


def _counts(text: str, separator: str, whole: bool) -> Iterator[int]:
    """How many fields each line has; the last one only where it is a whole one."""
    lines = text.splitlines(keepends=True)
    kept = lines if whole else lines[:-1]
    for at, row in enumerate(csv.reader(kept, delimiter=separator)):
        if at == LOOKED_AT_LINES:
            return
        if row:
            yield len(row)


def _refuse_twins(path: Path, names: list[str]) -> None:
    twins = [f"{name!r} ({count} times)" for name, count in Counter(names).items() if count > 1]
    if twins:
        raise ValueError(f"{path}: columns of the same name: {', '.join(twins)}; give each a name of its own")
