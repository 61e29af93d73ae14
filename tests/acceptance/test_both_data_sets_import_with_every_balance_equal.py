"""Both data sets import on two shards with every balance equal to the independent computation, also with processes killed on the way.

In short with excerpts that are made here; with `-m slow` the data sets themselves, where they are.
"""

import signal
from pathlib import Path

import pytest

from tests.acceptance.importing import BERKA, PAYSIM, Import, needs_data
from tests.acceptance.running import RunningSwitch, audit_is_clean, running_switch
from tests.excerpts import write_berka, write_paysim, write_shardpay

PAYSIM_DECLINES = 24_950 + 17_713 + 6_556 + 10_612
VICTIMS = ("shard", "scorer", "front door", "postgres", "raylet", "everything")


def test_an_excerpt_of_mobile_money_imports_exactly_though_it_and_a_shard_are_killed(
    shared_switch: RunningSwitch, tmp_path: Path
) -> None:
    file = write_paysim(tmp_path / "log.parquet", rows=3_000)
    importing = Import(shared_switch, file, tmp_path, "--rate", "1500")
    for size, ending in ((1_000, signal.SIGINT), (2_000, signal.SIGKILL)):
        importing.start()
        importing.wait_until_noted(size)
        assert importing.running, "the import ended before it was cut off"
        assert importing.kill(ending) != 0
    importing.start()
    importing.wait_until_noted(3_000)
    assert importing.running, "the import ended before the shard was killed"
    shared_switch.kill("shard")
    report = importing.report()
    rows = report["rows"] + report["extra_rows"]
    assert 0 < report["resumed_rows"] < rows
    assert report["declined"].keys() == {"insufficient_funds"}
    assert report["posted"] + report["declined"]["insufficient_funds"] == rows

    again = importing.run()
    assert (again["resumed_rows"], again["calls"]) == (rows, 0)
    without_state = Import(shared_switch, file, tmp_path / "elsewhere").run()
    assert without_state["replayed"] == rows
    assert without_state["declined"] == again["declined"] == report["declined"]


def test_an_excerpt_of_the_bank_imports_exactly(shared_switch: RunningSwitch, tmp_path: Path) -> None:
    report = Import(shared_switch, write_berka(tmp_path / "bank", accounts=20, days=60), tmp_path).run()
    assert report["declined"] == {}


def test_shardpays_own_format_imports_exactly_with_references(shared_switch: RunningSwitch, tmp_path: Path) -> None:
    report = Import(shared_switch, write_shardpay(tmp_path / "rows.ndjson"), tmp_path).run()
    assert report["declined"]["insufficient_funds"] > 10


@pytest.mark.slow
@needs_data
def test_the_data_sets_import_exactly(tmp_path: Path) -> None:
    with running_switch(tmp_path / "data", "--shards", "2") as switch:
        report = Import(switch, PAYSIM, tmp_path).run()
        assert report["rows"] == 1_467_896
        assert report["declined"] == {"insufficient_funds": PAYSIM_DECLINES}
        assert report["drift"] == 93
        report = Import(switch, BERKA, tmp_path).run()
        assert (report["rows"], report["declined"]) == (49_102, {})
        audit_is_clean(switch)


@pytest.mark.slow
@needs_data
def test_the_data_sets_import_exactly_while_processes_are_killed(tmp_path: Path) -> None:
    with running_switch(tmp_path / "data", "--shards", "2") as switch:
        importing = Import(switch, PAYSIM, tmp_path)
        importing.start()
        for number, victim in enumerate(VICTIMS, 1):
            importing.wait_until_noted(number * 120_000, timeout_s=600)
            assert importing.running, f"the import ended before the {victim} was killed"
            switch.kill(victim)
            if victim == "everything":
                switch.start()
            importing.kill(signal.SIGKILL)
            importing.start()
        report = importing.report()
        assert report["declined"] == {"insufficient_funds": PAYSIM_DECLINES}
        assert Import(switch, BERKA, tmp_path).run()["declined"] == {}
        audit_is_clean(switch)
