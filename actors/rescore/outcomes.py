"""How well a run's scores separate good from bad, where outcomes are known: in all, by week."""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from actors.rescore.job import RescoreRefused
from actors.rescore.run import Manifest
from actors.rescore.scores import NO_SCORE, comparable, stored
from models.statistics import auc, ks
from models.table import read_table

BAD, AT = "bad", "at"
EACH_MIN: Final = 10
"""Good and bad rows that a week needs: with fewer a Gini would be luck."""


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """An ISO week. `gini`: None where it would be luck."""

    week: str
    rows: int
    bads: int
    gini: float | None


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """Of wallets with an outcome and a score."""

    rows: int
    bads: int
    without_score: int
    gini: float | None
    ks: float | None
    weeks: list[Week]


def outcomes_of(manifest: Manifest, wallets: pa.ChunkedArray, scores: NDArray[np.int64], path: Path) -> Outcomes:
    """`wallets` and `scores` (n,): of the run, as `scores_of` gives them. `path`: a table of wallets, `bad` (0 or 1) and perhaps `at`, a
    time or date. Raises RescoreRefused, naming the column."""
    table, wallet = _table(path, manifest.settings["wallet"])
    theirs, ours = comparable(stored(table.column(wallet)), wallets)
    if theirs is None:
        raise RescoreRefused(f"{path}: {wallet} holds {table.column(wallet).type}, and {wallets.type} in the output")
    place = pc.index_in(theirs, value_set=ours).fill_null(-1).to_numpy().astype(np.int64)
    known = place >= 0
    found = np.where(known, scores[place], NO_SCORE) if len(scores) else np.full(len(place), NO_SCORE)
    scored = found != NO_SCORE
    bad = _bads(path, table.column(BAD))
    weeks = _weeks(path, table.column(AT))[scored] if AT in table.column_names else np.empty(0, np.str_)
    found, bad, without = found[scored], bad[scored], int((known & ~scored).sum())
    return Outcomes(
        rows=len(found),
        bads=int(bad.sum()),
        without_score=without,
        gini=_gini(found, bad),
        ks=ks(found, bad) if _enough(bad) else None,
        weeks=[_week(name, found[weeks == name], bad[weeks == name]) for name in np.unique(weeks).tolist()],
    )


def _table(path: Path, wallet: str) -> tuple[pa.Table, str]:
    try:
        table = read_table(path).table
    except (OSError, ValueError) as error:
        raise RescoreRefused(f"--outcomes: {error}") from None
    for name in (wallet, BAD):
        if name not in table.column_names:
            raise RescoreRefused(f"{path}: there is no column {name!r}; there are {', '.join(table.column_names)}")
    return table, wallet


def _bads(path: Path, column: pa.ChunkedArray) -> NDArray[np.int64]:
    try:
        bad = column.cast(pa.int64())
    except pa.ArrowException:
        bad = pa.chunked_array([], pa.int64())
    if len(bad) != len(column) or bad.null_count or not set(pc.unique(bad).to_pylist()) <= {0, 1}:
        raise RescoreRefused(f"{path}: {BAD} holds other things than 0 and 1")
    values: NDArray[np.int64] = bad.to_numpy()
    return values


def _weeks(path: Path, column: pa.ChunkedArray) -> NDArray[np.str_]:
    if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)) or column.null_count:
        raise RescoreRefused(f"{path}: {AT} holds {column.type}; a time or a date of each row is expected")
    return np.array(pc.strftime(column.cast(pa.timestamp("s"), safe=False), "%G-W%V").to_pylist(), np.str_)


def _week(name: str, scores: NDArray[np.int64], bad: NDArray[np.int64]) -> Week:
    return Week(week=name, rows=len(bad), bads=int(bad.sum()), gini=_gini(scores, bad))


def _enough(bad: NDArray[np.int64]) -> bool:
    return min(int(bad.sum()), len(bad) - int(bad.sum())) >= EACH_MIN


def _gini(scores: NDArray[np.int64], bad: NDArray[np.int64]) -> float | None:
    return 2 * auc(scores, bad) - 1 if _enough(bad) else None
