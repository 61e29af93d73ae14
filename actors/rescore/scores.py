"""Read the scores of a finished run: the parts that its manifest lists, wallet and score."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from actors.rescore.job import Part, RescoreRefused
from actors.rescore.output import Output
from actors.rescore.refusals import is_of_bytes, words_of
from actors.rescore.run import Manifest

NO_SCORE: Final = -(2**31)
"""Below every score."""
MATCHED_ROWS_MAX: Final = 20_000_000
"""Wallets are matched in memory: some 2 GB at this number."""


def scores_of(output: Output, manifest: Manifest) -> tuple[pa.ChunkedArray, NDArray[np.int64]]:
    """Wallets (n,) as they are stored, and their scores (n,), NO_SCORE where there is none. Raises RescoreRefused for a part that is not
    what was written."""
    wallet = manifest.settings["wallet"]
    wallets, scores = [], [np.empty(0, np.int64)]
    for part in manifest.parts:
        table = _read(output, part, [wallet, "score"])
        wallets += stored(table.column(wallet)).chunks
        scores.append(table.column("score").fill_null(NO_SCORE).to_numpy().astype(np.int64))
    return pa.chunked_array(wallets) if wallets else pa.chunked_array([], pa.null()), np.concatenate(scores)


def comparable(
    wallets: pa.ChunkedArray, others: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, pa.ChunkedArray] | tuple[None, None]:
    """Wallets of two tables in one type; None where they have two. Those of a run without scored rows have any."""
    if pa.types.is_null(wallets.type):
        wallets = wallets.cast(others.type)
    if pa.types.is_null(others.type):
        others = others.cast(wallets.type)
    return (wallets, others) if wallets.type == others.type else (None, None)


def _read(output: Output, part: Part, columns: list[str]) -> pa.Table:
    opened = output.part(part)
    try:
        return pq.read_table(opened, columns=columns, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        if not is_of_bytes(error):
            raise
        raise RescoreRefused(
            f"{output.folder}/{part.file} cannot be read ({words_of(error)}); score into a new folder"
        ) from None


def first_places(wallets: pa.ChunkedArray) -> NDArray[np.int64]:
    """Where each of them comes first (n,): of a wallet that comes once, its own place."""
    places: NDArray[np.int64] = pc.index_in(wallets, value_set=wallets).to_numpy().astype(np.int64)
    return places


def repeated(first: NDArray[np.int64]) -> int:
    """How many wallets come more than once. `first` (n,): where each comes first."""
    return len(np.unique(first[first != np.arange(len(first))]))


def stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Of an extension, what it stores; of text, plain text: so that two tables' wallets can be compared."""
    if isinstance(column.type, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        return pa.chunked_array(chunks, column.type.storage_type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    return column
