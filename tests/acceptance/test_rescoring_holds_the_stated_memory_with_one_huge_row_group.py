"""A worker's memory is that of its batches: one row group with all rows takes what many small ones take, and less than the plan says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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
from pathlib import Path
from actors.process.memory import peak_bytes
from actors.rescore.inputs import prepare
from actors.rescore.job import Settings
from actors.rescore.run import Options, run
from models.credit.shipped import shipped
from tests.unit.actors.rescore.inline_pool import InlinePool

prepared = prepare(Path(sys.argv[1]), Path(sys.argv[2]), shipped(), Settings())
options = Options(workers=1, max_bad=0.0, stopping=lambda: False, on_status=lambda _: None)
manifest = run(prepared, partial(InlinePool), options)
peak = peak_bytes() / 1e6
print(json.dumps({"rows": manifest.rows, "peak_mb": peak, "bound_mb": prepared.worker_bytes / 1e6}))
"""


def _measured(source: Path, output: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", DRIVE, str(source), str(output)], capture_output=True, text=True, timeout=200, check=True
    )
    return json.loads(done.stdout)


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
