"""Finished jobs of a switch's wallets, made in this process."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from models.credit.shipped import shipped
from switch.cli.main import cli
from tests.rescore_files import wide_wallets
from tests.unit.actors.rescore.inline_pool import InlinePool


@contextmanager
def inline_pools(_: Any) -> Iterator[tuple[Any, int]]:
    """Workers in this process."""
    yield partial(InlinePool), 1


def scored(folder: Path, wallets: list[str], *more: str) -> Path:
    table = wide_wallets(shipped("wallet"), len(wallets))
    ids = [uuid.UUID(wallet).bytes for wallet in wallets]
    pq.write_table(table.set_column(0, "wallet", pa.array(ids, pa.binary(16))), folder / "in.parquet")
    # In this thread, which alone may listen to signals.
    words = ["--input", folder / "in.parquet", "--card", "wallet", "--output", folder / "out", *more]
    done = CliRunner().invoke(cli, ["rescore", *map(str, words), "--as-of", "2026-01-01T00:00:00Z"])
    assert done.exit_code == 0, done.output
    return folder / "out"
