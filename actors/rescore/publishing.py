"""The scores of a finished run as a switch takes them, or takes them back, batch by batch."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors.process.tuning import give_way
from actors.rescore.job import RescoreRefused
from actors.rescore.output import CARD, Output
from actors.rescore.run import Manifest
from actors.rescore.scores import stored
from models.arrays import Array
from models.arrow_buffers import values_and_bits, values_of
from models.credit.feature import DIMENSIONS
from models.credit.wallet_card import checked
from models.reason_lists import join_lists
from models.scorecard import REASONS_MAX, CardError, Scorecard, parse

T = TypeVar("T")

WAIT_S: Final = 1.0
"""A lease is to be kept about so often."""
CLOCK_OFF_S: Final = 60.0
"""So far a shard's clock may be ahead of this machine's."""
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


class _Card(NamedTuple):
    """A wallet card as each batch names it: name@version, which dimensions it has, and its reasons."""

    label: str
    dimensions: frozenset[str]
    reasons: pa.Array


class Numbers(NamedTuple):
    """`run`: under which scores are sent; `undone`: the run that it undoes for its wallets, 0 where their scores are published."""

    run: int
    undone: int = 0


class Place(NamedTuple):
    """How far the rows of a run are: parts, and rows of the next."""

    parts: int = 0
    rows: int = 0


BEGIN: Final = Place()


class Batch(NamedTuple):
    """Rows to send, and the place behind them."""

    table: pa.Table
    end: Place


def batches(output: Output, manifest: Manifest, numbers: Numbers, begin: Place = BEGIN) -> Iterator[Batch]:
    """The batches from a place on. Raises RescoreRefused for a run that cannot be published, and why."""
    table: Callable[..., pa.Table] = (
        _undone if numbers.undone else partial(_sent, card=_wallet_card(output.folder.read(CARD), manifest))
    )
    columns = [manifest.settings["wallet"], *(() if numbers.undone else _COLUMNS)]
    for at, part in enumerate(manifest.parts[begin.parts :], start=begin.parts):
        before = begin.rows if at == begin.parts else 0
        with pq.ParquetFile(output.part(part)) as file:
            sent = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                sent += batch.num_rows
                if sent > before:
                    end = Place(at + 1) if sent == part.rows else Place(at, sent)
                    yield Batch(table(batch, manifest=manifest, numbers=numbers), end)


def answered(
    given: Iterable[Batch], call: Callable[[pa.Table], pa.Table], on_wait: Callable[[], None] = lambda: None
) -> Generator[tuple[Batch, pa.Table], None, None]:
    """Batches with what a call answers to each, in order; UNDER_WAY of them at once, and one that is read meanwhile. All of it in threads
    that give way to payments; `on_wait` is called every second here. Raises what the call raises, and what reading and `on_wait` do."""
    rows, under_way = iter(given), deque[tuple[Batch, Future[pa.Table]]]()
    threads = ThreadPoolExecutor(UNDER_WAY + 1, "publish", give_way)
    try:
        read = threads.submit(next, rows, None)
        while (batch := _result(read, on_wait)) is not None:
            under_way.append((batch, threads.submit(call, batch.table)))
            read = threads.submit(next, rows, None)
            if len(under_way) == UNDER_WAY:
                yield _first(under_way, on_wait)
        while under_way:
            yield _first(under_way, on_wait)
    finally:
        threads.shutdown(cancel_futures=True)


def _first(under_way: deque[tuple[Batch, Future[pa.Table]]], on_wait: Callable[[], None]) -> tuple[Batch, pa.Table]:
    batch, answer = under_way.popleft()
    return batch, _result(answer, on_wait)


def _result(future: Future[T], on_wait: Callable[[], None]) -> T:
    on_wait()
    while not wait([future], WAIT_S).done:
        on_wait()
    return future.result()


def check_publishable(card: Scorecard, scores_only: bool, as_of: int | None) -> None:
    """Raises RescoreRefused for scores that a switch does not take."""
    try:
        checked(card)
    except CardError as error:
        raise RescoreRefused(f"only scores of a wallet card can be published: {error}") from None
    if scores_only:
        raise RescoreRefused("scores without subtotals and reasons cannot be published: score without --scores-only")
    if as_of is None:
        raise RescoreRefused("it is not known as of when the features are: score with --as-of")
    if as_of > 1_000 * (time.time() + CLOCK_OFF_S):
        date = datetime.fromtimestamp(as_of / 1_000, UTC).isoformat(timespec="seconds")
        raise RescoreRefused(f"the scores are as of {date}, and shards take none of the future")


def _wallet_card(document: bytes, manifest: Manifest) -> _Card:
    card = parse(document)
    check_publishable(card, manifest.settings["scores_only"], manifest.settings["as_of"])
    return _Card(f"{card.name}@{card.version}", frozenset(card.dimensions), pa.array(card.reasons))


def _undone(rows: pa.RecordBatch, manifest: Manifest, numbers: Numbers) -> pa.Table:
    """Wallets of a part with the columns of the call that undoes."""
    return pa.table(
        {
            "wallet": _ids(rows.column(manifest.settings["wallet"])),
            "undone": _same(numbers.undone, pa.int64(), len(rows)),
            "run": _same(numbers.run, pa.int64(), len(rows)),
        }
    )


def _sent(rows: pa.RecordBatch, manifest: Manifest, numbers: Numbers, card: _Card) -> pa.Table:
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
            "reasons": _reasons(rows, card.reasons),
            "card": _same(card.label, pa.string(), count),
            "run": _same(numbers.run, pa.int64(), count),
            "as_of": _same(manifest.settings["as_of"], pa.timestamp("ms", "UTC"), count),
        }
    )


def _same(value: Any, kind: pa.DataType, count: int) -> pa.DictionaryArray:
    """A column of one value, a byte a row."""
    return pa.DictionaryArray.from_arrays(np.zeros(count, np.int8), pa.array([value], kind))


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


def _reasons(rows: pa.RecordBatch, known: pa.Array) -> pa.ListArray:
    """Four pairs of columns as one list a row, without what is absent."""
    columns = tuple(
        (*_places(rows.column(f"reason_{at}"), known), *values_and_bits(rows.column(f"gap_{at}"), np.int32))
        for at in range(1, REASONS_MAX + 1)
    )
    starts = np.empty(len(rows) + 1, np.int32)
    places, gaps = (np.empty(len(rows) * REASONS_MAX, kind) for kind in (np.int16, np.int32))
    count = join_lists(columns, starts, places, gaps)
    named = pa.DictionaryArray.from_arrays(places[:count], known)
    pairs = pa.StructArray.from_arrays([named, pa.array(gaps[:count])], ["code", "gap"])
    return pa.ListArray.from_arrays(pa.array(starts), pairs)


def _places(column: pa.Array, known: pa.Array) -> tuple[Array, Array, Array]:
    """Places of texts (n,) in their dictionary and bits of those that are there; where each of the dictionary stands among those that are
    known, -1: nowhere. Each text is looked up once."""
    texts = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    meant = pc.index_in(texts.dictionary.cast(known.type), known).fill_null(-1).cast(pa.int16())
    return *values_and_bits(texts.indices.cast(pa.int32()), np.int32), values_of(meant, np.int16)
