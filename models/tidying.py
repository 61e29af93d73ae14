"""A column has the type of most of its rows; notes name whatever is read as something else.

Text comes in several Arrow types, dictionaries too: here all of them become plain text. A text column that holds numbers but for a few
words (`?`, `N/A`) is a column of numbers in which those words are missing values; `"52,300"` is a number. Categories stay what they are,
`?` among them.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.wording import counted

NUMBERS_SHARE_MIN: Final = 0.9
"""Of a text column's rows: with fewer numbers it stays text, unless all else are words for missing values."""
NOTED_SHARE_MIN: Final = 0.5
"""A text column with so many numbers looks wrong."""
MISSING_WORDS: Final = frozenset(
    "? n/a #n/a na nan null none missing unknown - -- . .. <na> (null) n.a. n.d. nil".split()
)
WORDS_SHOWN: Final = 3
SAMPLE: Final = 2_000
"""Distinct texts that are looked at first, so that a column of names costs little."""

_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_COMMA: Final = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+")
_POINTS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
"""Thousands where commas are decimal."""
_PLAIN: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
"""As CSV columns of numbers are read, infinity too."""
_AROUND: Final = re.compile(r"^[$€£¥]\s*|\s*[%$€£¥]$")
_LEADING_ZERO: Final = re.compile(r"0\d+")


class Tidied(msgspec.Struct, frozen=True, kw_only=True):
    """A table with text as text and numbers as numbers, and what was decided, a line each."""

    table: pa.Table
    notes: tuple[str, ...]


def tidy(table: pa.Table, besides: Collection[str] = ()) -> Tidied:
    """All columns but those `besides`, which keep their kind, and of which only dictionaries are undone."""
    notes: list[str] = []
    columns = {}
    for name in table.column_names:
        column = plain(table.column(name))
        if name not in besides and pa.types.is_string(column.type):
            column, note = _numbers_of(name, column)
            notes += [note] if note else []
        columns[name] = column
    return Tidied(table=pa.table(columns), notes=tuple(notes))


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text of all kinds as plain text, dictionaries as what they hold."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    return column


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """A text column as numbers. `lost`: the distinct texts that are none, whose `rows` are taken as missing. `decimal`: whether a comma
    is decimal (True) or groups thousands (False); None where none stands in it."""

    column: pa.ChunkedArray
    lost: tuple[str, ...]
    rows: int
    decimal: bool | None


def as_numbers(column: pa.ChunkedArray, decimal: bool | None = None) -> Numbers:
    """Text as numbers, whatever else it holds as missing. `decimal`: what commas are in the rows before these, which decides it."""
    texts = column.combine_chunks().dictionary_encode()
    distinct = texts.dictionary.to_pylist()
    if decimal is None:
        decimal = commas_are_decimal(distinct)
    numbers = _numbers(distinct, bool(decimal))
    places = texts.indices.fill_null(len(numbers)).to_numpy(zero_copy_only=False)
    values = np.append(numbers, np.nan)[places]
    return Numbers(
        column=pa.chunked_array([pa.array(values, mask=np.isnan(values))]),
        lost=tuple(text for text, number in zip(distinct, numbers, strict=True) if np.isnan(number)),
        rows=int(np.isnan(values).sum()) - column.null_count,
        decimal=decimal,
    )


def commas_are_decimal(distinct: Sequence[str]) -> bool | None:
    """They are where one of them cannot group thousands; None without commas."""
    bare = [text for text in map(_bare, distinct) if "," in text]
    if not any(_COMMA.fullmatch(text) or _GROUPED.fullmatch(text) for text in bare):
        return None
    return any(_COMMA.fullmatch(text) and not _GROUPED.fullmatch(text) for text in bare)


def _numbers_of(name: str, column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str | None]:
    texts = column.combine_chunks().dictionary_encode()
    distinct = texts.dictionary.to_pylist()
    if not distinct or any(_LEADING_ZERO.fullmatch(text) for text in distinct[:SAMPLE]):
        return column, None
    sample = _numbers(distinct[:SAMPLE], bool(commas_are_decimal(distinct[:SAMPLE])))
    if np.isnan(sample).mean() > 1 - NOTED_SHARE_MIN and not _few_missing_words(distinct):
        return column, None
    found = as_numbers(column)
    share = 1 - found.rows / (len(column) - column.null_count)
    others = list(found.lost)
    only_missing = all(text.strip().lower() in MISSING_WORDS for text in others)
    if share >= NUMBERS_SHARE_MIN or (only_missing and share >= NOTED_SHARE_MIN):
        return found.column, _note(name, found, distinct)
    if share >= NOTED_SHARE_MIN:
        note = (
            f"{name}: text, though {share:.0%} of its rows are numbers; taken as categories because of {_shown(others)}"
        )
        return column, note
    return column, None


def _few_missing_words(distinct: list[str]) -> bool:
    """Where few numbers differ, the words beside them are half of what differs."""
    others = [text for text in distinct if np.isnan(_numbers([text], False)[0])] if len(distinct) <= SAMPLE else []
    return 0 < len(others) < len(distinct) and all(text.strip().lower() in MISSING_WORDS for text in others)


def _note(name: str, found: Numbers, distinct: list[str]) -> str:
    note = f"{name}: numbers written as text"
    if found.rows:
        note += f"; {counted(found.rows, 'row holds', 'rows hold')} {_shown(list(found.lost))}: taken as missing"
    if found.decimal is not None:
        text = next(each for each in distinct if "," in each and each not in found.lost)
        note += f"; {text!r} is read as {_numbers([text], found.decimal)[0]:.10g}"
    return note


def _bare(text: str) -> str:
    return _AROUND.sub("", text.strip()).replace("\u00a0", "").replace(" ", "").replace("'", "")


def _numbers(distinct: Sequence[str], decimal: bool) -> NDArray[np.float64]:
    """Each text as a number, NaN where it is none."""
    found = np.full(len(distinct), np.nan)
    for at, text in enumerate(map(_bare, distinct)):
        if decimal and (_COMMA.fullmatch(text) or _POINTS.fullmatch(text)):
            text = text.replace(".", "").replace(",", ".")
        elif not decimal and _GROUPED.fullmatch(text):
            text = text.replace(",", "")
        if _PLAIN.fullmatch(text):
            found[at] = float(text)
    return found


def _shown(texts: list[str]) -> str:
    shown = ", ".join(repr(text if len(text) <= 20 else text[:20] + "…") for text in texts[:WORDS_SHOWN])
    return shown if len(texts) <= WORDS_SHOWN else f"{shown} and {counted(len(texts) - WORDS_SHOWN, 'other')}"


def kinds_that_differ(table: pa.Table, other: pa.Table, names: Collection[str]) -> list[str]:
    """Of these columns, those that `other` lacks, or that are text in one table and numbers in the other."""

    def is_text(column: pa.ChunkedArray) -> bool:
        return bool(pa.types.is_string(plain(column).type))

    wrong = []
    for name in names:
        if name not in other.column_names:
            wrong.append(f"there is no column {name!r}")
        elif pa.types.is_null(other.column(name).type):
            continue
        elif is_text(table.column(name)) != is_text(other.column(name)):
            kinds = ("text", "numbers") if is_text(other.column(name)) else ("numbers", "text")
            wrong.append(f"{name} holds {kinds[0]}, not {kinds[1]}")
    return wrong


def duplicated_rows(columns: Collection[NDArray[np.int64]]) -> int:
    """Rows that stand before in the same words: by a hash of 64 bits of each row."""
    mixed: NDArray[np.uint64] | None = None
    factor = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        for values in columns:
            part = values.view(np.uint64) * factor
            part ^= part >> np.uint64(29)
            mixed = part if mixed is None else (mixed * np.uint64(0xBF58476D1CE4E5B9)) ^ part
    return 0 if mixed is None else len(mixed) - len(np.unique(mixed))


def is_sorted(column: pa.ChunkedArray) -> bool:
    """Whether a column rises or falls over the rows, each value at least once."""
    values = column.drop_null()
    if len(values) != len(column) or len(values) < 2:
        return False
    codes = pc.rank(values, tiebreaker="dense").to_numpy()
    steps = np.diff(codes.astype(np.int64))
    return bool(((steps >= 0).all() or (steps <= 0).all()) and steps.any())
