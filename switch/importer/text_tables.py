"""Tables as text, as data sets are published: a line of column names, then one row a line.

Errors name line, column and the text that is there.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from switch.importer.history import LINES_BELOW_HEADER, ImportFileError

DELIMITERS: Final = (";", ",", "\t")
HEADER_BYTES_MAX: Final = 65_536
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NUMBER: Final = r"^\s*-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,2})?\s*$"
_SHORT: Final = r"^\s*-?[0-9]{1,12}(\.[0-9]{0,2})?\s*$"
"""Amounts whose product with 100 as a float is nearest to its hundredths."""
_WHOLE: Final = r"^\s*-?[0-9]{1,18}\s*$"
_BROKEN: Final = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_EXPONENT_MAX: Final = 99
CENTS_MAX: Final = 2.0**53


PARQUET_MAGIC: Final = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Whether a file begins as a Parquet file does."""
    with path.open("rb") as file:
        return file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC


class FileHeader(NamedTuple):
    """The first line: what separates columns, and their names as they stand there."""

    delimiter: str
    names: list[str]


def header_of(path: Path) -> FileHeader:
    """The first line of a text file, whatever it holds. Raises ImportFileError."""
    with path.open("rb") as file:
        line = file.readline(HEADER_BYTES_MAX)
    try:
        text = line.removeprefix(_BYTE_ORDER_MARK).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ImportFileError(f"{path}: neither Parquet nor text in UTF-8") from None
    delimiter = max(DELIMITERS, key=text.count)
    return FileHeader(delimiter, next(csv.reader([text], delimiter=delimiter), []))


class TextTable:
    """Columns of a file, as texts, by our names for them."""

    def __init__(self, path: Path, wanted: Mapping[str, Sequence[str]], optional: Mapping[str, Sequence[str]]) -> None:
        """`wanted`, `optional`: how a column may be called in the file, in any case, by our name. Raises ImportFileError."""
        header = header_of(path)
        self._names = _found(path, header, wanted) | _found(path, header, optional, needed=False)
        self._table = _read(path, header, list(self._names.values()))

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def texts(self, name: str) -> pa.ChunkedArray:
        """A column as it stands there."""
        return self._table[self._names[name]]

    def wrong(self, name: str, right: Any, expected: str) -> None:
        """Raise ImportFileError at the first row (n,) that is not `right`."""
        places = np.flatnonzero(~np.asarray(right))
        if len(places):
            text = self.texts(name)[int(places[0])].as_py()
            where = LINES_BELOW_HEADER.of(int(places[0]))
            raise ImportFileError(f"{where}: {self._names[name]}: {expected} is expected, not {text[:40]!r}")

    def _matching(self, name: str, form: str, expected: str) -> pa.ChunkedArray:
        column = self.texts(name)
        self.wrong(name, pc.match_substring_regex(column, form).to_numpy(), expected)
        return pc.utf8_trim_whitespace(column)

    def whole(self, name: str, expected: str = "a whole number") -> NDArray[np.int64]:
        """A column of whole numbers. Raises ImportFileError."""
        numbers: NDArray[np.int64] = self._matching(name, _WHOLE, expected).cast(pa.int64()).to_numpy()
        return numbers

    def cents(self, name: str) -> NDArray[np.int64]:
        """A column of amounts with decimals, in hundredths, half a one to the even. Raises ImportFileError."""
        column = self._matching(name, _NUMBER, "an amount like 181.25")
        rounded = np.rint(column.cast(pa.float64()).to_numpy() * 100)
        self.wrong(name, np.abs(rounded) < CENTS_MAX, "an amount of at most 15 digits")
        hundredths: NDArray[np.int64] = rounded.astype(np.int64)
        long = ~pc.match_substring_regex(column, _SHORT).to_numpy()
        hundredths[long] = [_hundredths(text) for text in column.filter(pa.array(long)).to_pylist()]
        return hundredths

    def flags(self, name: str) -> NDArray[np.bool_]:
        """A column of 0 and 1. Raises ImportFileError."""
        numbers = self.whole(name, "0 or 1")
        self.wrong(name, (numbers == 0) | (numbers == 1), "0 or 1")
        set_: NDArray[np.bool_] = numbers == 1
        return set_


def _hundredths(text: str) -> int:
    """An amount as it is written, exactly: as a float 0.545 is more, and 1.005 less, than the half that stands there."""
    with localcontext(prec=len(text) + _EXPONENT_MAX):
        return round(Decimal(text) * 100)


def _found(
    path: Path, header: FileHeader, wanted: Mapping[str, Sequence[str]], *, needed: bool = True
) -> dict[str, str]:
    there = {name.strip().casefold(): name for name in header.names}
    found = {}
    for ours, called in wanted.items():
        name = next((there[each.casefold()] for each in called if each.casefold() in there), None)
        if name is not None:
            found[ours] = name
        elif needed:
            columns = ", ".join(header.names)[:200]
            raise ImportFileError(f"{path}: the column {' or '.join(called)} is missing; there are {columns}")
    return found


def _read(path: Path, header: FileHeader, names: list[str]) -> pa.Table:
    try:
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(use_threads=False),
            parse_options=pa_csv.ParseOptions(delimiter=header.delimiter),
            convert_options=pa_csv.ConvertOptions(
                include_columns=names, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        broken = _BROKEN.search(str(error))
        if broken is None:
            raise
        message = f"line {broken[1]}: {broken[2]} columns are expected, there are {broken[3]}"
        raise ImportFileError(message) from None
