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
from actors.records.ids import Secret, decode_wallets
from actors.records.score_columns import (
    GAP_MAX,
    NO_GAP,
    TOO_MANY,
    TWICE,
    UNKNOWN,
    fill_plain,
    fill_reasons,
    fill_subtotals,
)
from models.credit.score import Cause
from models.credit.wallet_card import BANDS
from models.jit import read_only
from switch.fairness.scheduling import Steps
from switch.gateway.arrow import HASHED_ROWS, column_of, is_text, read_stream, uuids, whole_table
from switch.problems.table import ProblemError, invalid_field

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
_NULLABLE: Final = ("score", "na_cause", "subtotals", "reasons", "features")
_FEATURE: Final = (pa.int64(), pa.float64(), pa.string())
RUN_MAX: Final = 2**32 - 1
"""Runs are numbered in 32 bits of a record."""
PIECE_ROWS: Final = 8_192
"""Rows that are checked at a time, in steps of at most 0.2 ms."""
_CAUSES: Final = {cause.code: int(cause) for cause in Cause if cause is not Cause.NONE}


class ScoreTable(NamedTuple):
    """A checked stream, before its card is looked up. `card`: name@version; `run`: its number."""

    columns: pa.Table
    card: str
    run: int


def read_scores(body: bytes) -> Steps[ScoreTable]:
    """The table of an Arrow stream. Raises ProblemError: malformed_arrow, payload_too_large or invalid_field."""
    stream = yield from read_stream(body, COLUMNS, _fits)
    table = yield from whole_table(stream, _NULLABLE)
    yield
    card = yield from _single_text(column_of(table, "card"), "card")
    run = column_of(table, "run").to_numpy(zero_copy_only=True)
    if run.min() != run.max() or not 1 <= run[0] <= RUN_MAX:
        raise invalid_field("run", f"one run in a batch, a number from 1 to {RUN_MAX}")
    return ScoreTable(table, card, int(run[0]))


def _single_text(array: pa.Array, name: str) -> Steps[str]:
    """The text that all rows have, a piece at a time: texts may be long. Raises ProblemError invalid_field."""
    text = array[0].as_py()
    for first in range(0, len(array), PIECE_ROWS):
        distinct = pc.unique(array.slice(first, PIECE_ROWS))
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
    runs = {}
    for name in ("undone", "run"):
        numbers = column_of(table, name).to_numpy(zero_copy_only=True)
        if numbers.min() != numbers.max() or not 1 <= numbers[0] <= RUN_MAX:
            raise invalid_field(name, f"one run in a batch, a number from 1 to {RUN_MAX}")
        runs[name] = int(numbers[0])
    if runs["run"] <= runs["undone"]:
        raise invalid_field("run", f"the scores before are published under a run of their own, above {runs['undone']}")
    return Undo((yield from _holders(table, secret)), runs["undone"], runs["run"])


def _holders(table: pa.Table, secret: Secret) -> Steps[NDArray[np.int64]]:
    ids = uuids(table, "wallet")
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
    for first in range(0, len(rows), PIECE_ROWS):
        piece = _Piece(given.columns.slice(first, PIECE_ROWS), first, rows[first : first + PIECE_ROWS])
        yield from _fill(piece, secret, number, given.run, reasons)
    return rows


class _Piece(NamedTuple):
    """Some rows of a table, from `first` on, and what they become."""

    table: pa.Table
    first: int
    rows: ScoreRows

    def refuse(self, wrong: NDArray[np.bool_], name: str, message: str) -> None:
        """Raise ProblemError invalid_field for the first row that is wrong, if there is one."""
        if wrong.any():
            raise self.wrong(name, int(np.argmax(wrong)), message)

    def wrong(self, name: str, row: int, message: str) -> ProblemError:
        """What to raise for a row of the piece."""
        return invalid_field(f"{name}[{self.first + row}]", message)


def _fill(piece: _Piece, secret: Secret, number: int, run: int, reasons: tuple[str, ...]) -> Steps[None]:
    table = piece.table
    score = column_of(table, "score")
    scored = score.is_valid().to_numpy(zero_copy_only=False)
    scores = score.fill_null(0).to_numpy(zero_copy_only=True)
    wrong = scored & ((scores < SCORE_RANGE.start) | (scores >= SCORE_RANGE.stop))
    piece.refuse(
        wrong, "score", f"a score is {SCORE_RANGE.start} to {SCORE_RANGE.stop - 1}, or null with its `na_cause`"
    )
    as_of = column_of(table, "as_of").cast(pa.int64()).to_numpy(zero_copy_only=True)
    causes = _causes(piece, scored)
    yield
    holders = yield from _holders(table, secret)
    fill_plain(*map(read_only, (holders, as_of, scores, _BAND_OF, causes)), number, run, piece.rows)
    yield
    _fill_subtotals(piece, scores)
    yield
    _fill_reasons(piece, scored, reasons)
    yield


_BAND_OF: Final = np.searchsorted([band.low for band in BANDS], np.arange(SCORE_RANGE.stop), side="right").astype(
    np.uint8
)
_BAND_OF[0] = 0
"""Bands by score; 0 where there is none."""


def _fits(field: pa.Field) -> bool:
    if field.name in _PLAIN:
        return bool(field.type == _PLAIN[field.name])
    if field.name == "subtotals":
        return pa.types.is_struct(field.type) and {each.name: each.type for each in field.type} == dict.fromkeys(
            DIMENSIONS, pa.int32()
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


def _causes(piece: _Piece, scored: NDArray[np.bool_]) -> NDArray[np.uint8]:
    message = f"`na_cause` stands where the score is null, and there alone: {' or '.join(_CAUSES)}"
    if "na_cause" not in piece.table.column_names:
        piece.refuse(~scored, "na_cause", message)
        return np.zeros(len(scored), np.uint8)
    array = column_of(piece.table, "na_cause")
    named = array.is_valid().to_numpy(zero_copy_only=False)
    causes = np.array([*_CAUSES.values(), 0], np.uint8)[_places(array, list(_CAUSES))]
    piece.refuse((named == scored) | (named & (causes == 0)), "na_cause", message)
    return causes


def _places(array: pa.Array, known: list[str]) -> NDArray[np.int32]:
    """Where texts (n,) stand among those that are known, -1: nowhere. A dictionary's values are looked up once each, and never unfold."""
    if pa.types.is_dictionary(array.type):
        values = pc.index_in(array.dictionary, pa.array(known, array.type.value_type))
        if not array.indices.null_count:
            of_value: NDArray[np.int32] = values.fill_null(-1).to_numpy(zero_copy_only=True)
            picked: NDArray[np.int32] = of_value[array.indices.to_numpy(zero_copy_only=True)]
            return picked
        places = values.take(array.indices)
    else:
        places = pc.index_in(array, pa.array(known, array.type))
    found: NDArray[np.int32] = places.fill_null(-1).to_numpy(zero_copy_only=True)
    return found


def _fill_subtotals(piece: _Piece, scores: NDArray[np.int32]) -> None:
    array = column_of(piece.table, "subtotals")
    parts = [pc.struct_field(array, name).fill_null(0).to_numpy(zero_copy_only=True) for name in DIMENSIONS]
    wrong = fill_subtotals(tuple(map(read_only, parts)), read_only(scores), piece.rows["subtotals"])
    if wrong >= 0:
        raise piece.wrong("subtotals", wrong, "they add up to the score; all null or 0 where there is none")


def _fill_reasons(piece: _Piece, scored: NDArray[np.bool_], codes: tuple[str, ...]) -> None:
    """Numbers and gaps of reasons, at most four a row, each once."""
    array = column_of(piece.table, "reasons")
    counts = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=True)
    flat = array.flatten()
    named, gap = pc.struct_field(flat, "code"), pc.struct_field(flat, "gap")
    if flat.null_count or named.null_count or gap.null_count:
        raise invalid_field("reasons", "null is no reason")
    given = counts, scored, _places(named, list(codes)), gap.to_numpy(zero_copy_only=True)
    wrong, at = fill_reasons(*map(read_only, given), piece.rows["reasons"], piece.rows["gaps"])
    if wrong == UNKNOWN:
        raise invalid_field("reasons", f"{str(named[at].as_py())[:40]!r} is no reason of the card")
    if wrong:
        raise piece.wrong("reasons", at, _WRONG_REASONS[wrong])


_WRONG_REASONS: Final = {
    TOO_MANY: f"at most {REASONS_MAX}, none without a score",
    NO_GAP: f"a gap is 1 to {GAP_MAX} points",
    TWICE: "each reason once",
}


def load_kernels() -> None:
    """Load the machine code that rows are made with, as `score_features.load_kernels` does."""
    rows, one = np.zeros(1, SCORE_ROW), pa.array([1], pa.int32())
    long, short = read_only(np.ones(1, np.int64)), read_only(np.zeros(1, np.uint8))
    fill_plain(long, long, read_only(np.zeros(1, np.int32)), read_only(_BAND_OF), short, 1, 1, rows)
    reason = pa.StructArray.from_arrays([pa.array(["R"]), one], ["code", "gap"])
    subtotals = pa.StructArray.from_arrays(
        [pa.array([1, 0, 0, 0, 0], pa.int32()).slice(k, 1) for k in range(5)], DIMENSIONS
    )
    table = pa.table({"subtotals": subtotals, "reasons": pa.ListArray.from_arrays([0, 1], reason)})
    _fill_subtotals(_Piece(table, 0, rows), np.ones(1, np.int32))
    _fill_reasons(_Piece(table, 0, rows), np.ones(1, np.bool_), ("R",))
