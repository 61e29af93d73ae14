"""Decode published scores from Arrow columns, as strictly as transfers are.

A batch is of one card and one run. What does not add up is refused as a whole, before anything of it is published: subtotals to the score,
reasons to those that the card has.
"""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.records.credit_layout import DIMENSIONS, REASONS_MAX, SCORE_RANGE, SCORE_ROW, ScoreRows
from actors.records.ids import decode_wallets
from actors.records.score_columns import (
    CAUSE,
    GAP_MAX,
    NO_GAP,
    SCORE,
    SUBTOTALS,
    TOO_MANY,
    TWICE,
    UNKNOWN,
    fill_plain,
    fill_reasons,
    fill_subtotals,
)
from actors.records.secret import Secret
from models.arrays import Array
from models.arrow_buffers import bits_of, values_and_bits, values_of
from models.credit.score import Cause
from models.credit.wallet_card import BANDS
from models.jit import read_only
from switch.fairness.scheduling import Steps
from switch.gateway.arrow import HASHED_ROWS, checked_table, column_of, is_text, read_stream, uuids, whole_table
from switch.problems.table import invalid_field

COLUMNS: Final = {
    "wallet": True,
    "score": True,
    "na_cause": False,
    "subtotals": True,
    "reasons": True,
    "card": True,
    "run": True,
    "as_of": True,
    "features": False,
}
"""Columns by name, and whether they must be there."""
_PLAIN: Final = {
    "wallet": pa.binary(16),
    "score": pa.int32(),
    "run": pa.int64(),
    "undone": pa.int64(),
    "as_of": pa.timestamp("ms", "UTC"),
}
TYPES: Final = {
    **{name: str(kind) for name, kind in _PLAIN.items() if name in COLUMNS},
    "wallet": "fixed_size_binary(16)",
    "na_cause": "string",
    "subtotals": f"struct of int32: {', '.join(DIMENSIONS)}",
    "reasons": "list of struct(code: string, gap: int32)",
    "card": "string",
    "features": "struct of int64, float64 or string: the features of the card",
}
"""What each column holds, for people."""
UNDO_TYPES: Final = {"wallet": "fixed_size_binary(16)", "undone": "int64", "run": "int64"}
"""The same of a run that is undone."""
CODED: Final = ("run", "undone", "as_of")
"""Numbers that may be dictionary-encoded, as texts may: all rows of a run have the same."""
_NULLABLE: Final = ("score", "na_cause", "subtotals", "reasons", "features")
_FEATURE: Final = (pa.int64(), pa.float64(), pa.string())
RUN_MAX: Final = 2**32 - 1
"""Runs are numbered in 32 bits of a record."""
PIECE_ROWS: Final = 8_192
"""Rows that are checked at a time, in steps of at most 0.2 ms."""
CODED_ROWS: Final = 65_536
"""Places in a dictionary that are copied in one step, a fraction of a nanosecond each."""
_CAUSES: Final = {cause.code: int(cause) for cause in Cause if cause is not Cause.NONE}
_BAND_OF: Final = np.searchsorted([band.low for band in BANDS], np.arange(SCORE_RANGE.stop), side="right").astype(
    np.uint8
)
"""Bands by score; 0 for what is no score."""


class ScoreTable(NamedTuple):
    """A checked stream, before its card is looked up. `card`: name@version; `run`: its number."""

    columns: pa.Table
    card: str
    run: int


def read_scores(body: bytes) -> Steps[ScoreTable]:
    """The table of an Arrow stream. Raises ProblemError: malformed_arrow, payload_too_large or invalid_field."""
    stream = yield from read_stream(body, COLUMNS, _fits)
    table = yield from checked_table(stream, _NULLABLE)
    yield
    card = yield from _single_text(table.column("card"), "card")
    return ScoreTable(table, card, (yield from _single_run(table.column("run"), "run")))


def _single_run(column: pa.ChunkedArray, name: str) -> Steps[int]:
    """The number of a run that all rows have. Raises ProblemError invalid_field."""
    run: int | None = None
    for chunk in column.chunks:
        runs = _numbers(chunk, name)
        if runs.min() != runs.max() or not 1 <= runs[0] <= RUN_MAX or run not in (None, runs[0]):
            raise invalid_field(name, f"one run in a batch, a number from 1 to {RUN_MAX}")
        run = int(runs[0])
        yield
    assert run is not None, "a stream has rows"
    return run


def _numbers(array: pa.Array, name: str) -> NDArray[np.int64]:
    """One of CODED, (n,). Raises ProblemError invalid_field."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
        if array.null_count:
            raise invalid_field(name, "null is not a value")
    return values_of(array, np.int64)


def _single_text(column: pa.ChunkedArray, name: str) -> Steps[str]:
    """The text that all rows have, a piece at a time. A dictionary may have it more than once. Raises ProblemError invalid_field."""
    text = column[0].as_py()
    for chunk in column.chunks:
        for first in range(0, len(chunk), PIECE_ROWS):
            distinct = pc.unique(chunk.slice(first, PIECE_ROWS))
            if pa.types.is_dictionary(distinct.type):
                distinct = pc.unique(distinct.dictionary_decode())
            if len(distinct) > 1 or distinct[0].as_py() != text:
                raise invalid_field(name, f"one {name} in a batch")
            yield
    if text is None:
        raise invalid_field(name, "null is not a value")
    return str(text)


class Undo(NamedTuple):
    """A run that is to be undone for wallets. `holders` (n,): addresses, 0 for an id that is not of this cluster; `run`: the number under
    which the scores before it are published."""

    holders: NDArray[np.int64]
    undone: int
    run: int


def read_undo(body: bytes, secret: Secret) -> Steps[Undo]:
    """What an Arrow stream asks to undo. Raises ProblemError as `read_scores`."""
    stream = yield from read_stream(body, dict.fromkeys(UNDO_TYPES, True), _fits)
    table = yield from whole_table(stream, ())
    undone = yield from _single_run(table.column("undone"), "undone")
    run = yield from _single_run(table.column("run"), "run")
    if run <= undone:
        raise invalid_field("run", f"the scores before are published under a run of their own, above {undone}")
    return Undo((yield from _holders(column_of(table, "wallet"), secret)), undone, run)


def _holders(wallets: pa.Array, secret: Secret) -> Steps[NDArray[np.int64]]:
    ids = uuids(wallets)
    holders = np.zeros(len(ids), np.int64)
    for start in range(0, len(ids), HASHED_ROWS):
        some = slice(start, start + HASHED_ROWS)
        holders[some] = decode_wallets(secret, ids[some])
        yield
    return holders


def score_rows(given: ScoreTable, secret: Secret, number: int, reasons: tuple[str, ...]) -> Steps[ScoreRows]:
    """SCORE_ROW rows (n,), holder 0 for an id that is not of this cluster. `number`: of the card; `reasons`: its codes, as records number
    them. Raises ProblemError invalid_field with the first row that does not add up."""
    rows = np.zeros(given.columns.num_rows, SCORE_ROW)
    before = 0
    for batch in given.columns.to_batches():
        columns = yield from _columns(batch, secret, reasons)
        own = rows[before : before + batch.num_rows]
        for first in range(0, len(own), PIECE_ROWS):
            yield from _fill(columns, first, min(first + PIECE_ROWS, len(own)), number, given.run, own, before)
        before += len(own)
    return rows


class _Columns(NamedTuple):
    """Columns as kernels read them, in `actors.records.score_columns`. `codes`: of the reasons, for people."""

    holders: NDArray[np.int64]
    as_of: NDArray[np.int64]
    score: tuple[Array, Array]
    causes: tuple[Array, Array, Array]
    subtotals: tuple[tuple[Array, Array], ...]
    whole: Array
    lists: tuple[Array, Array]
    reasons: tuple[Array, Array]
    gaps: Array
    codes: pa.Array


def _columns(batch: pa.RecordBatch, secret: Secret, reasons: tuple[str, ...]) -> Steps[_Columns]:
    score, subtotals, lists = (batch.column(name) for name in ("score", "subtotals", "reasons"))
    codes, gaps = _reasons(lists)
    yield
    places, numbers = yield from _texts(codes, {code: at for at, code in enumerate(reasons, start=1)})
    return _Columns(
        holders=read_only((yield from _holders(batch.column("wallet"), secret))),
        as_of=_numbers(batch.column("as_of"), "as_of"),
        score=values_and_bits(score, np.int32),
        causes=(yield from _causes(batch)),
        subtotals=tuple(values_and_bits(subtotals.field(name), np.int32) for name in DIMENSIONS),
        whole=bits_of(subtotals),
        lists=(values_of(lists.offsets, np.int32), bits_of(lists)),
        reasons=(places, numbers),
        gaps=gaps,
        codes=codes,
    )


def _reasons(lists: pa.Array) -> tuple[pa.Array, Array]:
    """Codes and gaps of reasons, of all rows together. Raises ProblemError invalid_field for a null, but where a row that has no list hides
    it."""
    pairs = lists.values
    codes, gaps = pairs.field("code"), pairs.field("gap")
    if pairs.null_count or codes.null_count or gaps.null_count:
        shown = lists.flatten()
        if any(each.null_count for each in (shown, shown.field("code"), shown.field("gap"))):
            raise invalid_field("reasons", "null is no reason")
    return codes, values_of(gaps, np.int32)


def _causes(batch: pa.RecordBatch) -> Steps[tuple[Array, Array, Array]]:
    """Places, bits and numbers of causes; without the column there is none anywhere."""
    if "na_cause" not in batch.schema.names:
        array = pa.nulls(batch.num_rows, pa.dictionary(pa.int32(), pa.string()))
    else:
        array = _nulls_of_rows(batch.column("na_cause"))
    places, numbers = yield from _texts(array, _CAUSES)
    return places, bits_of(array), numbers


def _nulls_of_rows(array: pa.Array) -> pa.Array:
    """An array whose nulls are those of rows: a dictionary may have some too."""
    if not pa.types.is_dictionary(array.type) or not array.dictionary.null_count:
        return array
    is_there = array.dictionary.is_valid().take(array.indices)
    return pa.DictionaryArray.from_arrays(pc.if_else(is_there, array.indices, None), array.dictionary)


def _texts(array: pa.Array, known: dict[str, int]) -> Steps[tuple[NDArray[np.int32], NDArray[np.uint16]]]:
    """Places of texts (n,) and numbers by place, 0: not known. A dictionary's values are looked up once each, and never unfold; other texts
    a piece at a time."""
    numbers, is_coded = np.array([*known.values(), 0], np.uint16), pa.types.is_dictionary(array.type)
    given, texts = (array.indices, array.dictionary) if is_coded else (array, array)
    wanted = pa.array(list(known), texts.type)
    places = np.empty(len(array), np.int32)
    if is_coded:
        numbers = numbers[pc.index_in(texts, wanted).fill_null(len(known)).to_numpy()]
    size = CODED_ROWS if is_coded else PIECE_ROWS
    for first in range(0, len(array), size):
        some = given.slice(first, size)
        at = some.cast(pa.int32()) if is_coded else pc.index_in(some, wanted).fill_null(len(known))
        places[first : first + size] = values_of(at, np.int32)
        yield
    return read_only(places), read_only(numbers)


def _fill(columns: _Columns, first: int, end: int, card: int, run: int, rows: ScoreRows, before: int) -> Steps[None]:
    """Rows `first` to `end` of a batch, to which `rows` belong. `before`: rows of the batches before it."""
    c = columns
    rows["card"][first:end], rows["run"][first:end] = card, run
    _check(fill_plain(first, end, c.holders, c.as_of, c.score, c.causes, read_only(_BAND_OF), rows), before)
    yield
    _check(fill_subtotals(first, end, c.subtotals, c.whole, c.score, rows), before)
    yield
    wrong, at = fill_reasons(first, end, c.lists, c.reasons, c.gaps, c.score[1], rows)
    if wrong == UNKNOWN:
        raise invalid_field("reasons", f"{str(c.codes[at].as_py())[:40]!r} is no reason of the card")
    _check((wrong, at), before)
    yield


def _check(found: tuple[int, int], before: int) -> None:
    """Raise ProblemError invalid_field where a kernel found something wrong. `found`: what, and in which row behind those before."""
    wrong, row = found
    if wrong:
        name, message = _WRONG[wrong]
        raise invalid_field(f"{name}[{before + row}]", message)


_WRONG: Final = {
    SCORE: ("score", f"a score is {SCORE_RANGE.start} to {SCORE_RANGE.stop - 1}, or null with its `na_cause`"),
    CAUSE: ("na_cause", f"`na_cause` stands where the score is null, and there alone: {' or '.join(_CAUSES)}"),
    SUBTOTALS: ("subtotals", "they add up to the score; all null or 0 where there is none"),
    TOO_MANY: ("reasons", f"at most {REASONS_MAX}, none without a score"),
    NO_GAP: ("reasons", f"a gap is 1 to {GAP_MAX} points"),
    TWICE: ("reasons", "each reason once"),
}


def _fits(field: pa.Field) -> bool:
    if field.name in _PLAIN:
        is_coded = field.name in CODED and pa.types.is_dictionary(field.type)
        return bool((field.type.value_type if is_coded else field.type) == _PLAIN[field.name])
    if field.name == "subtotals":
        return pa.types.is_struct(field.type) and sorted((each.name, str(each.type)) for each in field.type) == sorted(
            (name, "int32") for name in DIMENSIONS
        )
    if field.name == "reasons":
        return pa.types.is_list(field.type) and _is_reason(field.type.value_type)
    if field.name == "features":
        return pa.types.is_struct(field.type) and all(each.type in _FEATURE for each in field.type)
    return is_text(field.type)


def _is_reason(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind) or [each.name for each in kind] != ["code", "gap"]:
        return False
    return is_text(kind.field("code").type) and bool(kind.field("gap").type == pa.int32())


def load_kernels(secret: Secret) -> None:
    """Load the machine code that rows are made with, as `score_features.load_kernels` does."""
    one = pa.array([1], pa.int32())
    reason = pa.StructArray.from_arrays([pa.array(["R"]), one], ["code", "gap"])
    table = pa.table(
        {
            "wallet": pa.array([bytes(16)], pa.binary(16)),
            "score": pa.array([SCORE_RANGE.start], pa.int32()),
            "subtotals": pa.StructArray.from_arrays(
                [pa.array([SCORE_RANGE.start if name == DIMENSIONS[0] else 0], pa.int32()) for name in DIMENSIONS],
                DIMENSIONS,
            ),
            "reasons": pa.ListArray.from_arrays([0, 1], reason),
            "as_of": pa.array([1], pa.timestamp("ms", "UTC")),
        }
    )
    for _ in score_rows(ScoreTable(table, "", 1), secret, 1, ("R",)):
        pass
