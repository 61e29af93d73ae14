"""Files for rescoring: wallets with the features of a small card, in row groups small enough that a test has many units."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.rescore.output import INPUTS
from models.scorecard import Scorecard, canonical
from tests.unit.models.credit.wallets import small_card

FEATURES = ("late", "night", "buffer", "tier", "friends")


def wallets_table(rows: int, seed: int) -> pa.Table:
    """Numbers around the card's edges, a few missing; some wallets too young or too quiet."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {"wallet": pa.array([f"w{seed}-{row}" for row in range(rows)], pa.string())}
    for name in FEATURES:
        columns[name] = pa.array(rng.integers(-1, 4, rows), mask=rng.random(rows) < 0.05)
    columns["wallet_age_days"] = pa.array(rng.integers(60, 400, rows))
    columns["payments_360d"] = pa.array(rng.integers(5, 100, rows))
    columns["never_read"] = pa.array([[1, 2]] * rows, pa.list_(pa.int64()))
    return pa.table(columns)


def write_wallets(folder: Path, rows: int, files: int, group: int) -> Path:
    """A folder of so many files of `rows`."""
    folder.mkdir(parents=True, exist_ok=True)
    for at in range(files):
        pq.write_table(wallets_table(rows, at), folder / f"shard-{at:04}.parquet", row_group_size=group)
    return folder


def write_card(path: Path, card: Scorecard | None = None) -> Path:
    """The small card, or another."""
    path.write_bytes(canonical(card or small_card()))
    return path


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below, by its name, but the one that says when inputs were changed."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != INPUTS
    }


GIVEN_ROWS = 50_000


def wide_wallets(card: Scorecard, rows: int) -> pa.Table:
    """Wallets with all features of a card of whole numbers, around its edges; old and active enough."""
    rng = np.random.default_rng(15)
    columns: dict[str, Any] = {"wallet": pa.array([at.to_bytes(16) for at in range(rows)], pa.binary(16))}
    for item in card.characteristics:
        edges = item.edges or ()
        values = rng.choice([edges[0] - 1, *edges, edges[-1] + 1], rows)
        columns.setdefault(item.feature, pa.array(values, pa.int64(), mask=rng.random(rows) < 0.1))
    columns["wallet_age_days"], columns["payments_360d"] = pa.array([400] * rows), pa.array([60] * rows)
    return pa.table(columns)
