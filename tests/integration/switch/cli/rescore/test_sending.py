"""A finished job's rows go to a switch batch by batch; a killed command goes on behind what was answered."""

import asyncio
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from actors.rescore import publishing
from switch.cli.rescore import group
from switch.cli.rescore.sending import send
from tests.front_door import RunningSwitch
from tests.integration.switch.cli.rescore.jobs import inline_pools, scored

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Killed(Exception):
    pass


async def test_what_was_answered_before_a_kill_is_counted_once(
    shared: RunningSwitch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "_pools", inline_pools)
    monkeypatch.setattr(publishing, "BATCH_ROWS", 2)
    folder = scored(tmp_path, [await shared.wallet() for _ in range(5)])
    monkeypatch.setattr(publishing, "UNDER_WAY", 1)
    sent: list[list[Any]] = []
    found: list[dict[str, Any]] = []

    def method(_: Any) -> Any:
        def call(table: pa.Table) -> pa.Table:
            sent.append(table.column("wallet").to_pylist())
            if len(sent) == 2:
                raise Killed
            return pa.table({"code": ["ok"] * table.num_rows, "replayed": [len(sent) == 3] * table.num_rows})

        return call

    def again() -> None:
        found.append(send(folder, shared.base, shared.key, as_json=True, run=3, method=method))

    with pytest.raises(Killed):
        await asyncio.to_thread(again)
    await asyncio.to_thread(again)
    assert [len(each) for each in sent] == [2, 2, 2, 2, 1]
    assert sent[2] == sent[0], "the switch knows what it has answered"
    assert sent[3] == sent[1]
    assert found == [{"run": 3, "rows": 5, "codes": {"ok": 5}, "replayed": 0}]
