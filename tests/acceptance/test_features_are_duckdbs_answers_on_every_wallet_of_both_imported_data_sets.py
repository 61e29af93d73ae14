"""Features of what was imported are DuckDB's answers to the catalogue's SQL over the export, of every wallet.

In short with excerpts that are made here; with `-m slow` the data sets themselves, where they are.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from switch.http.times import time_text
from tests.acceptance.importing import BERKA, PAYSIM, Import, needs_data
from tests.acceptance.running import RunningSwitch, running_switch, shardpay
from tests.excerpts import write_berka, write_paysim
from tests.feature_sql import computed, differences

DAY = 86_400_000
PAYSIM_AS_OF = 1_475_280_000_000
"""2016-10-01, after the log's last hour; its months are those that end then."""
BERKA_AS_OF = 765_072_000_000
"""1994-03-31."""


def _done(*arguments: str) -> Any:
    """What a command prints as JSON; it must end well."""
    outcome = shardpay(*arguments, "--json", timeout_s=600)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return json.loads(outcome.stdout)


def _compare(lake: Path, folder: Path, *times: int) -> dict[str, dict[str, int | None]]:
    """Features as of these times, from the export, against SQL; gives the last."""
    for as_of in times:
        output = folder / str(as_of)
        _done("features", "--output", str(output), "--input", str(lake), "--as-of", time_text(as_of))
        assert differences(lake, output, as_of) == []
    return computed(output)


@pytest.mark.slow
def test_features_of_excerpts_are_duckdbs_answers(shared_switch: RunningSwitch, tmp_path: Path) -> None:
    Import(shared_switch, write_paysim(tmp_path / "log.parquet", rows=600, seed=7), tmp_path).run()
    Import(shared_switch, write_berka(tmp_path / "bank", accounts=10, days=40, seed=7), tmp_path).run()
    _done("export", "--output", str(tmp_path / "lake"), "--data", str(shared_switch.data))
    found = _compare(tmp_path / "lake", tmp_path, PAYSIM_AS_OF)
    assert len(found["balance"]) > 100
    for name in ("merchants_180d", "night_share_180d", "covered_share_180d", "mean_balance_90d", "counterparties_180d"):
        assert len(set(found[name].values())) > 3, name


@pytest.mark.slow
@needs_data
def test_features_of_the_data_sets_are_duckdbs_answers(tmp_path: Path) -> None:
    for name, file, as_of in (("berka", BERKA, BERKA_AS_OF), ("paysim", PAYSIM, PAYSIM_AS_OF)):
        folder = tmp_path / name
        folder.mkdir()
        with running_switch(folder / "data", "--shards", "2") as switch:
            Import(switch, file, folder).run()
            switch.stop()
        _done("export", "--output", str(folder / "lake"), "--data", str(folder / "data"))
        found = _compare(folder / "lake", folder, as_of - 12 * DAY, as_of)
        assert len(found["balance"]) == {"berka": 1_229, "paysim": 21_071}[name]
        output = folder / "of the journal"
        _done("features", "--output", str(output), "--data", str(folder / "data"), "--as-of", time_text(as_of))
        for path in (folder / str(as_of)).iterdir():
            assert (output / path.name).read_bytes() == path.read_bytes(), path.name
