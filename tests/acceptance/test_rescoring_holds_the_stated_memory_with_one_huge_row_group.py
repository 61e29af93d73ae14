"""A worker's memory is that of its batches: one row group with all rows takes what many small ones take, and less than the plan says."""

import json
import subprocess
import sys
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.credit.shipped import shipped
from tests.rescore_files import GIVEN_ROWS, wide_wallets

SMALL_ROWS = 1_500_000
HUGE_ROWS = 12_500_000
"""3 GiB of numbers in one row group."""
MORE_MB = 120.0
"""Than with small row groups: the readers' buffers, and pages that do not end where others do."""

DRIVE = """
import json, sys
from functools import partial
from itertools import chain
from pathlib import Path
from actors.process.memory import peak_bytes
from actors.rescore.inputs import prepare
from actors.rescore.job import Settings
from actors.rescore.run import Options, run
from models.credit.shipped import shipped
from tests.unit.actors.rescore.inline_pool import InlinePool

prepared = prepare(Path(sys.argv[1]), Path(sys.argv[2]), shipped(), Settings(keep=tuple(sys.argv[3:])))
options = Options(workers=1, max_bad=0.0, stopping=lambda: False, on_status=lambda _: None)
manifest = run(prepared, partial(InlinePool), options)
peak = peak_bytes() / 1e6
print(json.dumps({"rows": manifest.rows, "peak_mb": peak, "bound_mb": prepared.worker_bytes / 1e6}))
"""


def _measured(source: Path, output: Path, *keep: str) -> Any:
    command = [sys.executable, "-c", DRIVE, str(source), str(output), *keep]
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=200, check=True).stdout)


def _often(kind: pa.DataType, rows: int) -> pa.Array:
    """Three long values, of which a dictionary in the file holds one of each; decoded they take 4,000 bytes a row."""
    values = pa.array([letter * 4_000 for letter in "abc"]).cast(pa.binary()).cast(kind)
    return pa.chunked_array([values.take(pa.array(np.arange(rows) % 3))])


def _once(kind: pa.DataType, rows: int) -> pa.Array:
    """Each value once."""
    return pa.chunked_array([pa.array([f"{row:0300}" for row in range(rows)]).cast(kind)])


KEPT = {
    "bytes": partial(_often, pa.binary(), 150_000),
    "bytes of a fixed number": partial(_often, pa.binary(4_000), 150_000),
    "texts that come once": partial(_once, pa.string(), 600_000),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_takes_no_more_than_the_plan_says(name: str, tmp_path: Path) -> None:
    kept = KEPT[name]()
    rows = wide_wallets(shipped(), GIVEN_ROWS)
    table = pa.concat_tables([rows] * (len(kept) // GIVEN_ROWS)).append_column("kept", kept)
    pq.write_table(
        table, tmp_path / "in.parquet", row_group_size=len(kept), use_dictionary=["kept"], store_schema=False
    )
    found = _measured(tmp_path / "in.parquet", tmp_path / "out", "kept")
    print(found)
    assert found["rows"] == len(kept) and found["peak_mb"] < found["bound_mb"]
    written = [
        pq.ParquetFile(path).iter_batches(20_000, columns=["kept"]) for path in sorted(tmp_path.glob("out/parts/*"))
    ]
    row = 0
    for batch in chain.from_iterable(written):
        same = kept.chunk(0).slice(row, len(batch))
        assert batch.column(0).cast(same.type, safe=True).equals(same)
        row += len(batch)
    assert row == len(kept)


@pytest.mark.slow
def test_one_row_group_of_3_gib_takes_no_more_than_small_ones(tmp_path: Path) -> None:
    found = {}
    table = wide_wallets(shipped(), GIVEN_ROWS)
    for name, count, group in (("small", SMALL_ROWS, 50_000), ("huge", HUGE_ROWS, HUGE_ROWS)):
        path = tmp_path / f"{name}.parquet"
        rows = pa.concat_tables([table] * (count // GIVEN_ROWS))
        pq.write_table(rows, path, row_group_size=group, use_dictionary=False, compression="lz4")
        del rows
        metadata = pq.read_metadata(path)
        assert metadata.num_row_groups == count // group
        if name == "huge":
            assert metadata.row_group(0).total_byte_size > 3 * 2**30
        found[name] = _measured(path, tmp_path / name)
        assert found[name]["rows"] == count
    print(found)
    assert found["huge"]["peak_mb"] < found["small"]["peak_mb"] + MORE_MB
    assert found["huge"]["peak_mb"] < found["huge"]["bound_mb"]
