"""What a switch on two shards recorded of every payment of a month, what a backtest of the same pack makes of the exported Parquet, and
what a Ray batch job makes of it: the same decision, points, reasons and pack, of every single payment.

In short with an excerpt that is made here, while a shard is killed; with `-m slow` the whole month, where it is.
"""

import json
import pickle
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.backtest.run import Backtest, PackSource, decide_shard, recorded_decisions
from actors.export.reader import Export
from actors.process.each_shard import each_shard
from actors.records.layout import ATTEMPTS, FLAG_FALLBACK, FLAG_SCORED
from rules.builtin import PACK
from rules.decisions.decision import DECISION, Decisions
from tests.acceptance.importing import PAYSIM, Import, needs_data
from tests.acceptance.running import RunningSwitch, running_switch, shardpay
from tests.excerpts import write_paysim

DECIDED = ("action", "points", "reasons", "pack")
JOB_TIMEOUT_S = 600.0
ROWS = 6_000

Decided = tuple[NDArray[np.int64], Decisions]


def _done(*arguments: str) -> Any:
    """What a command prints as JSON; it must end well."""
    outcome = shardpay(*arguments, "--json", timeout_s=JOB_TIMEOUT_S)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return json.loads(outcome.stdout)


def _import_while_a_shard_is_killed(log: Path, folder: Path, switch: RunningSwitch) -> None:
    importing = Import(switch, log, folder, "--rate", "2000")
    importing.start()
    importing.wait_until_noted(2_000)
    assert importing.running, "the import ended before the shard was killed"
    switch.kill("shard")
    importing.report()


def _export(data: Path, lake: Path) -> Path:
    _done("export", "--output", str(lake), "--data", str(data))
    return lake


def _recorded(lake: Path) -> Decided:
    """What was recorded of all attempts that a scorer decided."""
    export = Export(lake)
    found = []
    for shard in export.shards:
        for rows in export.rows(shard):
            flags = rows.records["flags"]
            scored = (flags & FLAG_SCORED != 0) & (flags & FLAG_FALLBACK == 0)
            attempts = np.isin(rows.records["kind"], ATTEMPTS)
            assert (scored | (flags & FLAG_FALLBACK != 0))[attempts].all(), "a payment was not scored"
            chosen = attempts & scored
            found.append((rows.addresses[chosen], recorded_decisions(rows.records[chosen])))
    return _joined(found)


def _joined(found: list[Decided]) -> Decided:
    addresses, decisions = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return addresses, decisions


def _on_ray(test: Backtest, folder: Path) -> Decided:
    job, output = folder / "job.pickle", folder / "decided.npz"
    job.write_bytes(pickle.dumps(test))
    command = [sys.executable, "-m", "tests.acceptance.batch_job", str(job), str(output), str(folder / "ray")]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=JOB_TIMEOUT_S, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    with np.load(output) as found:
        return found["addresses"], found["decisions"]


def _compare_everything(lake: Path, folder: Path) -> tuple[Decided, Backtest]:
    text = (files("rules") / "packs" / "default.yaml").read_text()
    source = PackSource(text=text, number=PACK.number, version=PACK.version)
    test = Backtest(export=Export(lake), source=source)
    addresses, recorded = _recorded(lake)
    for decided_addresses, decided in (_joined(each_shard(test, decide_shard, test.shards, 2)), _on_ray(test, folder)):
        assert decided.dtype == DECISION
        places = np.searchsorted(decided_addresses, addresses)
        np.testing.assert_array_equal(decided_addresses[places], addresses)
        for name in DECIDED:
            np.testing.assert_array_equal(decided[name][places], recorded[name], name)
    return (addresses, recorded), test


def test_online_backtest_and_batch_give_the_same_bits_for_an_excerpt(
    shared_switch: RunningSwitch, tmp_path: Path
) -> None:
    """And for all that was paid on the switch before: in the order of names that is little, and not yet what hostile callers pay."""
    _import_while_a_shard_is_killed(write_paysim(tmp_path / "log.parquet", rows=ROWS, seed=3), tmp_path, shared_switch)
    lake = _export(shared_switch.data, tmp_path / "lake")
    (addresses, recorded), _ = _compare_everything(lake, tmp_path)
    assert len(addresses) > ROWS // 6, "too many were decided by the fallback: this machine is very busy"
    assert {0, 1} <= set(recorded["action"].tolist())

    pack = tmp_path / "pack.yaml"
    pack.write_text((files("rules") / "packs" / "default.yaml").read_text())
    shown = _done("rules", "backtest", str(pack), "--input", str(lake))["report"]
    assert (shown["changed"], shown["attempts"] >= len(addresses)) == (0, True)
    reviewed = int(np.count_nonzero(recorded["action"] == 1))
    assert (
        sum(c["attempts"] for c in shown["decisions"] if (c["recorded"], c["now"]) == ("review", "review")) == reviewed
    )


@pytest.mark.slow
@needs_data
def test_online_backtest_and_batch_give_the_same_bits_for_the_whole_month(tmp_path: Path) -> None:
    with running_switch(tmp_path / "data", "--shards", "2") as switch:
        Import(switch, PAYSIM, tmp_path).run()
        switch.stop()
    lake = _export(tmp_path / "data", tmp_path / "lake")
    (addresses, _), _ = _compare_everything(lake, tmp_path)
    assert len(addresses) > 1_400_000
