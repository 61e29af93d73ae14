"""The scores of a finished run as a switch takes them, or takes them back, batch by batch.

A run scores a wallet once, so what is sent twice changes nothing; the note of how far it was only saves time.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.process.tuning import give_way
from actors.rescore.job import RescoreRefused
from actors.rescore.output import CARD, PUBLISHED, Output
from actors.rescore.run import Manifest
from actors.rescore.scores import stored
from models.credit.feature import DIMENSIONS
from models.credit.wallet_card import checked
from models.scorecard import REASONS_MAX, CardError, parse

BATCH_ROWS: Final = 16_384
"""Of one call, a quarter of the most that a switch takes: it checks so many beside payments in some 5 ms."""
_COLUMNS: Final = (
    "score",
    "not_available",
    *(f"subtotal_{name}" for name in DIMENSIONS),
    *(f"{name}_{at}" for at in range(1, REASONS_MAX + 1) for name in ("reason", "gap")),
)
"""What is read of a part besides the wallets."""
UNDER_WAY: Final = 2
"""Calls at once: while the shards publish one batch, the front door checks the next, and the one after that is read here."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run was published: parts, and rows of the next. `undone`: the run that is undone for its wallets by this one, 0 where their
    scores are published. `codes`: rows by what became of them."""

    url: str
    run: int
    undone: int = 0
    parts: int = 0
    rows: int = 0
    codes: dict[str, int] = {}


class Batch(NamedTuple):
    """Rows to send, and the note when they are answered, without their codes."""

    table: pa.Table
    parts: int
    rows: int


def note_of(output: Output, url: str, run: int, undone: int = 0) -> Note:
    """How far this run was sent to this switch."""
    begun = Note(url=url, run=run, undone=undone)
    try:
        note = msgspec.json.decode(output.read(PUBLISHED) or b"", type=Note)
    except msgspec.DecodeError:
        return begun
    return note if msgspec.structs.replace(note, parts=0, rows=0, codes={}) == begun else begun


def keep_note(output: Output, note: Note) -> None:
    """Write the note beside the manifest."""
    output.folder.write(PUBLISHED, msgspec.json.encode(note))


def batches(output: Output, manifest: Manifest, note: Note) -> Iterator[Batch]:
    """The batches that were not sent yet. Raises RescoreRefused for a run that cannot be published, and why."""
    table: Callable[..., pa.Table] = (
        _undone if note.undone else partial(_sent, card=_wallet_card(output.folder.read(CARD), manifest))
    )
    columns = [manifest.settings["wallet"], *(() if note.undone else _COLUMNS)]
    for at, part in enumerate(manifest.parts[note.parts :], start=note.parts):
        before = note.rows if at == note.parts else 0
        with pq.ParquetFile(output.part(part)) as file:
            sent = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                sent += batch.num_rows
                if sent > before:
                    over = sent == part.rows
                    yield Batch(table(batch, manifest=manifest, note=note), at + over, 0 if over else sent)


def answered(
    given: Iterable[Batch], call: Callable[[pa.Table], pa.Table]
) -> Generator[tuple[Batch, pa.Table], None, None]:
    """Batches with what a call answers to each, in order; UNDER_WAY of them at once, and one that is read meanwhile. All of it in threads
    that give way to payments. Raises what the call raises, and what reading does."""
    rows, under_way = iter(given), deque[tuple[Batch, Future[pa.Table]]]()
    threads = ThreadPoolExecutor(UNDER_WAY + 1, "publish", give_way)
    try:
        read = threads.submit(next, rows, None)
        while (batch := read.result()) is not None:
            under_way.append((batch, threads.submit(call, batch.table)))
            read = threads.submit(next, rows, None)
            if len(under_way) == UNDER_WAY:
                yield _first(under_way)
        while under_way:
            yield _first(under_way)
    finally:
        threads.shutdown(cancel_futures=True)


def _first(under_way: deque[tuple[Batch, Future[pa.Table]]]) -> tuple[Batch, pa.Table]:
    batch, answer = under_way.popleft()
    return batch, answer.result()


def _wallet_card(document: bytes, manifest: Manifest) -> Any:
    try:
        card = checked(parse(document))
    except CardError as error:
        raise RescoreRefused(f"only scores of a wallet card can be published: {error}") from None
    if manifest.settings["scores_only"]:
        raise RescoreRefused("scores without subtotals and reasons cannot be published: score without --scores-only")
    if manifest.settings["as_of"] is None:
        raise RescoreRefused("it is not known as of when the features are: score with --as-of")
    return card


def _undone(rows: pa.RecordBatch, manifest: Manifest, note: Note) -> pa.Table:
    """Wallets of a part with the columns of the call that undoes."""
    return pa.table(
        {
            "wallet": _ids(rows.column(manifest.settings["wallet"])),
            "undone": pa.repeat(pa.scalar(note.undone, pa.int64()), len(rows)),
            "run": pa.repeat(pa.scalar(note.run, pa.int64()), len(rows)),
        }
    )


def _sent(rows: pa.RecordBatch, manifest: Manifest, note: Note, card: Any) -> pa.Table:
    """Rows of a part with the columns of the call."""
    count, score = len(rows), rows.column("score")
    subtotals = [
        rows.column(f"subtotal_{name}") if name in card.dimensions else pa.array(np.zeros(count, np.int32))
        for name in DIMENSIONS
    ]
    return pa.table(
        {
            "wallet": _ids(rows.column(manifest.settings["wallet"])),
            "score": score,
            "na_cause": rows.column("not_available"),
            "subtotals": pa.StructArray.from_arrays(subtotals, list(DIMENSIONS), mask=score.is_null()),
            "reasons": _reasons(rows, list(card.reasons)),
            "card": pa.DictionaryArray.from_arrays(np.zeros(count, np.int8), [f"{card.name}@{card.version}"]),
            "run": pa.repeat(pa.scalar(note.run, pa.int64()), count),
            "as_of": pa.repeat(pa.scalar(manifest.settings["as_of"], pa.timestamp("ms", "UTC")), count),
        }
    )


def _ids(column: pa.Array) -> pa.Array:
    """Ids of wallets, 16 bytes each. Raises RescoreRefused for wallets that are no ids of a switch."""
    column = stored(pa.chunked_array([column])).chunk(0)
    if column.type == pa.binary(16):
        return column
    try:
        if not pa.types.is_string(column.type):
            raise ValueError(f"they are {column.type}")
        return pa.array([UUID(text).bytes for text in column.to_pylist()], pa.binary(16))
    except ValueError as error:
        raise RescoreRefused(f"these wallets are no ids of a switch: {error}") from None


def _reasons(rows: pa.RecordBatch, codes: list[str]) -> pa.ListArray:
    """Four pairs of columns as one list a row, without what is absent."""
    known = pa.array(codes)
    place, gap = np.empty((len(rows), REASONS_MAX), np.int16), np.empty((len(rows), REASONS_MAX), np.int32)
    for at in range(REASONS_MAX):
        place[:, at] = _places(rows.column(f"reason_{at + 1}"), known)
        gap[:, at] = rows.column(f"gap_{at + 1}").fill_null(0)
    there = place >= 0
    kept = np.flatnonzero(there)
    named = pa.DictionaryArray.from_arrays(place.ravel()[kept], known)
    pairs = pa.StructArray.from_arrays([named, pa.array(gap.ravel()[kept])], ["code", "gap"])
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(
        np.bitwise_count(there.view(np.uint32).ravel()), out=offsets[1:]
    )  # four truth values are a number of four bytes
    return pa.ListArray.from_arrays(pa.array(offsets), pairs)


def _places(column: pa.Array, known: pa.Array) -> NDArray[np.int16]:
    """Where texts (n,) stand among those that are known, -1: nowhere, or no text. Each text is looked up once."""
    texts = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    found = pc.index_in(texts.dictionary.cast(known.type), known).fill_null(-1)
    places = np.append(found.to_numpy().astype(np.int16), np.int16(-1))
    indices = texts.indices.cast(pa.int32()).fill_null(len(places) - 1)
    at: NDArray[np.int16] = places[indices.to_numpy()]
    return at
