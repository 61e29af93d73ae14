"""Other engines that score a wallet card from Parquet to Parquet: wallet and score, nothing else.

Each runs in a process of its own: python -m bench.contenders.rescoring ENGINE INPUT OUTPUT. It prints rows, the sum of all scores, seconds
without the start of Python, and the peak memory of the largest of its processes. Scores only: none of them knows reasons.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
import pyarrow.compute as pc
import pyarrow.parquet as pq

from actors.process.memory import peak_bytes
from bench.contenders.optbinning_scoring import optbinning_scores
from bench.contenders.plain_scoring import BATCH_ROWS, score_batch
from bench.contenders.ray_data import ray_data
from models.credit.score import DAYS, DAYS_MIN, PAYMENTS, PAYMENTS_MIN
from models.credit.shipped import shipped
from models.scorecard import Characteristic, Scorecard


def polars_streaming(card: Scorecard, source: Path, output: Path) -> None:
    """A lazy frame to a streaming sink."""
    import polars as pl

    def points(item: Characteristic) -> Any:
        value = pl.col(item.feature)
        chosen: Any = pl.when(value.is_null()).then(pl.lit(item.missing, pl.Int32))
        for edge, given in zip(item.edges or (), item.points, strict=False):
            chosen = chosen.when(value < edge).then(pl.lit(given, pl.Int32))
        return chosen.otherwise(pl.lit(item.points[-1], pl.Int32))

    enough = (pl.col(DAYS) >= DAYS_MIN) & (pl.col(PAYMENTS) >= PAYMENTS_MIN)
    score = pl.when(enough).then(pl.sum_horizontal([points(item) for item in card.characteristics]))
    frame = pl.scan_parquet(source / "*.parquet").select("wallet", score.alias("score"))
    frame.sink_parquet(output / "scores.parquet", compression="zstd", compression_level=1)


def duckdb_copy(card: Scorecard, source: Path, output: Path) -> None:
    """One COPY of a SELECT."""
    import duckdb

    def points(item: Characteristic) -> str:
        name = f'"{item.feature}"'
        pairs = zip(item.edges or (), item.points, strict=False)
        cases = " ".join(f"WHEN {name} < {edge} THEN {given}" for edge, given in pairs)
        return f"CASE WHEN {name} IS NULL THEN {item.missing} {cases} ELSE {item.points[-1]} END"

    total = " + ".join(points(item) for item in card.characteristics)
    enough = f"{DAYS} >= {DAYS_MIN} AND {PAYMENTS} >= {PAYMENTS_MIN}"
    query = f"SELECT wallet, CASE WHEN {enough} THEN ({total})::INTEGER END AS score FROM '{source}/*.parquet'"
    target = output / "scores.parquet"
    duckdb.sql(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")


def arrow_numpy(card: Scorecard, source: Path, output: Path) -> None:
    """A loop over batches, numpy.searchsorted for each column; Arrow decodes in as many threads as it likes."""
    writer: Any = None
    for path in sorted(source.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                table = score_batch(card, batch)
                target = output / "scores.parquet"
                writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd", compression_level=1)
                writer.write_table(table)
    if writer is not None:
        writer.close()


ENGINES: Final[dict[str, Callable[[Scorecard, Path, Path], None]]] = {
    "polars streaming": polars_streaming,
    "DuckDB": duckdb_copy,
    "pyarrow and numpy": arrow_numpy,
    "Ray Data": ray_data,
    "Ray Data with checkpoints": partial(ray_data, checkpoints=True),
    "optbinning": optbinning_scores,
}
MODULES: Final = {"polars streaming": "polars", "DuckDB": "duckdb"}
"""Imported before the clock runs, as ours are; an engine that starts processes does that within its time, as ours does."""
OTHER_POINTS: Final = frozenset({"optbinning"})
"""Engines with a card of their own, whose scores are others."""


def main(engine: str, source: Path, output: Path) -> None:
    """One run; what it measured as a line of JSON."""
    output.mkdir(parents=True, exist_ok=True)
    card = shipped()
    if engine in MODULES:
        importlib.import_module(MODULES[engine])
    started = time.perf_counter()
    ENGINES[engine](card, source, output)
    seconds = time.perf_counter() - started
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    peak = max(peak_bytes(process.pid) for process in processes)
    scores = pq.read_table(output, columns=["score"]).column("score")
    total = pc.sum(scores).as_py()
    print(json.dumps({"rows": len(scores), "sum": total, "seconds": seconds, "peak_bytes": peak}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
