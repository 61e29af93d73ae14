"""An export has the log of administrators without what was sent, and its hashes can be computed from the file alone."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from actors.database.admin_rows import entry_of
from actors.export import admin_log
from actors.export.export import ADMIN_LOG, Job, export
from actors.records.admin_entries import NO_HASH, entry_hash
from tests.front_door import running_switch


async def test_an_export_has_the_log_as_of_its_last_run(database_url: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(admin_log, "ROWS_AT_ONCE", 2)
    async with running_switch(database_url, shards=1) as switch:
        for number in range(5):
            await switch.call("PUT", f"/v1/lists/l{number}", {"type": "device", "description": "ann's secret"})
        await export(Job(url=database_url, output=tmp_path))
        await switch.call("PUT", "/v1/lists/last", {"type": "device"})
        await export(Job(url=database_url, output=tmp_path))
    raw = (tmp_path / ADMIN_LOG).read_bytes()
    rows = pa.ipc.open_file(raw).read_all().to_pylist()
    assert [row["resource"] for row in rows][-2:] == ["/v1/lists/l4", "/v1/lists/last"] and len(rows) == 6
    previous = NO_HASH
    for row in rows:
        previous = entry_hash(previous, entry_of(row))
        assert row["hash"] == previous
    assert "salt" not in rows[0] and "body" not in rows[0] and b"secret" not in raw
