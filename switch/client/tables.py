"""Batches from an Arrow table: which rows are sent next, and what became of each.

It needs pyarrow: `pip install './switch/client[arrow]'` in the clone.
"""

import uuid
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .calls import ARROW, PAUSE_FIRST_S, PAUSE_MAX_S, Call, new_key
from .errors import ShardpayError

ROWS_MAX: Final = 65_536
"""Rows of one call: the most that the switch takes."""
TEXTS_BYTES_MAX: Final = 4 << 20
"""Of a column in one record batch, or of its dictionary: as much as the switch takes."""
ID: Final = pa.binary(16)
RESULTS: Final = {"code": pa.uint16(), "replayed": pa.bool_()}
"""Columns of an answer; where something is recorded there are ids too."""
NO_ANSWER: Final = 2**16 - 1
"""No code: of a row of which no answer has come."""
IDS: Final = ("idempotency_key", "payer", "payee", "after", "wallet")
"""Columns of ids: 16 bytes each, or the text of a UUID."""
MAY_LACK: Final = "after"
"""The one of them that a row need not have: as text it is null or empty then."""


class TableSending:
    """The rows of a table on their way. Rows that were not tried, or whose answer was lost, are sent again under the same keys."""

    def __init__(self, path: str, table: pa.Table, *, keyed: bool, silence_max_s: float) -> None:
        """`keyed`: each row and call needs an idempotency key; a table without this column gets new ones. What has none counts once by
        itself. Raises ValueError for ids that are none, and for a linked group of more rows than a call has."""
        self._path = path
        self._table = _with_ids(_without_result(table))
        if keyed and "idempotency_key" not in table.column_names:
            self._table = self._table.append_column("idempotency_key", _new_keys(len(table)))
        self._first = _first_rows(table)
        self._waiting = self._side_by_side(np.arange(len(table)))
        self._sent = self._waiting[:0]
        self._keyed = keyed
        self._codes = np.full(len(table), NO_ANSWER, np.uint16)
        self._replayed = np.zeros(len(table), np.bool_)
        self._ids = np.zeros((len(table), 16), np.uint8)
        self._names: dict[int, str] = {}
        self._again: list[int] = []
        self._timelines: set[bytes] = set()
        self._silence_max_s = silence_max_s
        self._silent_since: float | None = None
        self._pause_s = PAUSE_FIRST_S

    def call(self) -> Call | None:
        """The next call; None when every row has its result."""
        if not len(self._waiting):
            return None
        end = self._end()
        self._sent, self._waiting = np.sort(self._waiting[:end]), self._waiting[end:]
        rows = _compact(self._table if self._all_sent else self._table.take(pa.array(self._sent)))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows, _batch_rows(rows))
        return Call(
            "POST", self._path, sink.getvalue().to_pybytes(), ARROW, ARROW, new_key(None) if self._keyed else None
        )

    def _end(self) -> int:
        """How many of the rows that wait go next: as many as a call has, and whole groups. The switch answers a group a second time as a
        whole alone."""
        if len(self._waiting) <= ROWS_MAX:
            return len(self._waiting)
        return int(np.flatnonzero(np.diff(self._first[self._waiting[: ROWS_MAX + 1]]))[-1]) + 1

    def _side_by_side(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows in their order, but those of a linked group where its first one is."""
        return rows[np.argsort(self._first[rows], kind="stable")]

    @property
    def _all_sent(self) -> bool:
        return len(self._sent) == len(self._table)

    def took(self, answer: bytes, now: float) -> float:
        """File an answer. How long to wait before the next call: rows that were not tried need some time. Raises ShardpayError for what
        is no answer of a switch."""
        results, self._names, self._again = _read(answer, len(self._sent))
        self._timelines |= {(results.schema.metadata or {}).get(b"timeline", b"")} - {b""}
        codes = results.column("code").to_numpy()
        sent = slice(None) if self._all_sent else self._sent
        self._codes[sent] = codes
        self._replayed[sent] = results.column("replayed").to_numpy()
        if "id" in results.column_names:
            self._ids[sent] = _raw(results.column("id").chunk(0))
        again = np.isin(codes, self._again)
        if not again.all() or self._silent_since is None:
            self._silent_since, self._pause_s = now, PAUSE_FIRST_S
        if now - self._silent_since > self._silence_max_s:
            self._waiting = self._waiting[:0]
            return 0.0
        self._waiting = np.concatenate([self._side_by_side(self._sent[again]), self._waiting])
        if not again.any():
            return 0.0
        pause, self._pause_s = self._pause_s, min(2 * self._pause_s, PAUSE_MAX_S)
        return pause

    def ended(self, error: ShardpayError) -> ShardpayError:
        """What ended the sending, with the rows: some may be recorded, whatever the last call says of its own. The batch's key is nobody's
        any more."""
        error.table, error.idempotency_key = self.result(), None
        if (self._codes != NO_ANSWER).any():
            error.money_moved = "unknown"
        return error

    def result(self) -> pa.Table:
        """The table with `code`, `replayed` and, of transfers, `id` (16 bytes, null where nothing was recorded) a row.

        `code` is `ok`, or why not, or null where no answer has come. A row whose code can be retried was given up after a long time without
        any result. Send the table again, and each row counts once, under its key. Metadata of scores: the `timelines` of the database that
        answers came from; where they change, commits of the one before may be lost.
        """
        table = self._table.append_column("code", self._code_names())
        table = table.append_column("replayed", pa.array(self._replayed))
        if "idempotency_key" in table.column_names:
            recorded = self._ids.any(axis=1)
            ids = pa.FixedSizeBinaryArray.from_buffers(ID, len(self._ids), [None, pa.py_buffer(self._ids)])
            table = table.append_column("id", pc.if_else(pa.array(recorded), ids, pa.scalar(None, ID)))
        if self._timelines:
            table = table.replace_schema_metadata({"timelines": b" ".join(sorted(self._timelines))})
        return table

    def _code_names(self) -> pa.Array:
        names = self._names
        if len(self._codes) and np.all(self._codes == self._codes[0]):
            return pa.repeat(pa.scalar(names.get(int(self._codes[0])), pa.string()), len(self._codes))
        places = pc.index_in(pa.array(self._codes), pa.array(list(names), pa.uint16()))
        return pc.take(pa.array(list(names.values()), pa.string()), places)


def _read(answer: bytes, rows: int) -> tuple[pa.Table, dict[int, str], list[int]]:
    """Results of so many rows, names of codes, and the codes that can be retried. Raises ShardpayError unless the answer is that."""
    try:
        with pa.ipc.open_stream(answer) as reader:
            results = reader.read_all()
        results.validate(full=True)
        results = results.combine_chunks()
        for name in (*RESULTS, *({"id"} & set(results.column_names))):
            column = results.column(name)
            if column.type != (ID if name == "id" else RESULTS[name]) or column.null_count:
                raise ValueError(f"{name} is not what it should be")
        if len(results) != rows:
            raise ValueError(f"it has {len(results):,} rows, {rows:,} were sent")
        metadata = results.schema.metadata or {}
        names = msgspec.json.decode(metadata[b"codes"], type=dict[int, str])
        return results, names, msgspec.json.decode(metadata[b"retryable"], type=list[int])
    except (pa.ArrowException, msgspec.DecodeError, OSError, ValueError, KeyError) as error:
        words = f"this is not an answer of a switch: {error}"
        raise ShardpayError(words, money_moved="unknown", idempotency_key=None) from None


def _compact(rows: pa.Table) -> pa.Table:
    """Rows as one batch, as the switch takes only so many, without dictionaries that are longer than they are or than it takes."""
    rows = rows.combine_chunks()
    for place, column in enumerate(rows.columns):
        if pa.types.is_dictionary(column.type) and any(
            len(part.dictionary) > len(rows) or part.dictionary.nbytes > TEXTS_BYTES_MAX for part in column.chunks
        ):
            rows = rows.set_column(place, rows.field(place).name, column.cast(column.type.value_type).combine_chunks())
    return rows


def _batch_rows(rows: pa.Table) -> int:
    """Of each record batch: fewer where the texts of a column are long."""
    largest = max(column.nbytes for column in rows.columns)
    return ROWS_MAX if largest <= TEXTS_BYTES_MAX else max(1, len(rows) * TEXTS_BYTES_MAX // (2 * largest))


def _without_result(table: pa.Table) -> pa.Table:
    """A table that was sent before as it was given then."""
    was_sent = set(RESULTS) <= set(table.column_names)
    return table.drop_columns([*RESULTS, *({"id"} & set(table.column_names))]) if was_sent else table


def _with_ids(table: pa.Table) -> pa.Table:
    """Ids that are texts become 16 bytes. Raises ValueError for a text that is no UUID, and for none where there must be one."""
    for name in IDS:
        place = table.schema.get_field_index(name)
        if place >= 0 and (
            pa.types.is_string(table.field(place).type) or pa.types.is_large_string(table.field(place).type)
        ):
            ids = [_id(name, row, text) for row, text in enumerate(table.column(place).to_pylist())]
            table = table.set_column(place, pa.field(name, ID, False), pa.array(ids, ID))
    return table


def _id(name: str, row: int, text: str | None) -> bytes:
    if not text and name == MAY_LACK:
        return bytes(16)
    try:
        return uuid.UUID(text or "").bytes
    except ValueError:
        possible = "the text of a UUID is expected"
        if name == "idempotency_key":
            possible += " in every row, or no such column: then each row gets a new one"
        raise ValueError(f"{name}[{row}]: {possible}, got {text!r}") from None


def _first_rows(table: pa.Table) -> NDArray[np.int64]:
    """Of each row (n,) the first one of its linked group; of a row that stands alone, itself. Raises ValueError for a group that no call
    holds."""
    firsts = np.arange(len(table))
    place = table.schema.get_field_index("group")
    if place < 0 or not pa.types.is_integer(table.field(place).type):
        return firsts
    column = table.column(place)
    linked = np.flatnonzero(column.is_valid().to_numpy())
    numbers, at, group, sizes = np.unique(
        column.drop_null().to_numpy(), return_index=True, return_inverse=True, return_counts=True
    )
    if len(sizes) and sizes.max() > ROWS_MAX:
        largest = int(sizes.argmax())
        raise ValueError(
            f"group {numbers[largest]} has {sizes[largest]:,} rows; the rows of a group go in one call, which has up to {ROWS_MAX:,}"
        )
    firsts[linked] = linked[at][group]
    return firsts


def _new_keys(count: int) -> pa.Array:
    return pa.array([uuid.uuid4().bytes for _ in range(count)], ID)


def _raw(ids: pa.Array) -> NDArray[np.uint8]:
    start = ids.offset * 16
    return np.frombuffer(ids.buffers()[1], np.uint8)[start : start + len(ids) * 16].reshape(len(ids), 16)
