"""An import of a corrected file goes on where the first was wrong, and pays what changed alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from switch.cli.import_files import report_text
from switch.importer import runner
from switch.importer.client import SwitchError
from tests.front_door import RunningSwitch, running_switch
from tests.importing_rows import FEBRUARY, JANUARY, held, imported, of_file


@pytest.fixture
async def switch(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningSwitch]:
    monkeypatch.setattr(runner, "LANDED_WITHIN_S", 0.2)  # nothing that these tests find wrong will land
    async with running_switch(database_url, shards=2) as running:
        yield running


async def test_a_corrected_file_goes_on_where_the_first_was_wrong(switch: RunningSwitch, tmp_path: Path) -> None:
    wrong = {**FEBRUARY, "currency": "USD"}
    with pytest.raises(Exception, match="line 2: cust-1 has EUR, the payment USD"):
        await imported(switch, tmp_path, JANUARY, wrong)
    too_much = {**FEBRUARY, "amount": 501}
    refused = await imported(switch, tmp_path, JANUARY, too_much)
    assert not refused.good
    corrected = await imported(switch, tmp_path, JANUARY, {**FEBRUARY, "idempotency_key": "m2b"}, state="corrected")
    assert (corrected.good, corrected.replayed, corrected.posted) == (True, 1, 2)
    assert await held(switch, "cust-1") == 300
    with pytest.raises(SwitchError, match=r"line 1 was refused: idempotency_mismatch; .* give it a key of its own"):
        await imported(switch, tmp_path, {**JANUARY, "amount": 600}, state="changed")


PAYSIM_HEADER = "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest"


MONTH = [  # cash comes in at step 1; C1 and C2 pay each other and a shop
    "1,CASH_IN,100.00,C1,0.00,100.00,M1,0.00,0.00",
    "1,CASH_IN,50.00,C2,0.00,50.00,M1,0.00,0.00",
    "1,CASH_IN,50.00,C2,50.00,100.00,M1,0.00,0.00",
    "1,TRANSFER,30.00,C1,100.00,70.00,C2,100.00,130.00",
    "1,CASH_IN,20.00,C3,0.00,20.00,M1,0.00,0.00",
    "2,PAYMENT,10.00,C2,130.00,120.00,M2,0.00,10.00",
    "2,CASH_OUT,5.00,C1,70.00,65.00,M1,0.00,0.00",
]


_CHANGES: dict[str, tuple[int, list[str], str, dict[str, int], str]] = {
    # which line, what stands there now, what the report names, balances, the note on what stands
    "cash that came in": (
        2, ["1,CASH_IN,80.00,C2,0.00,80.00,M1,0.00,0.00"], "changed: line 3", {"C1": 6_500, "C2": 20_000}, "paysim:C2 held 5000",
    ),
    "a payment": (
        4, ["1,TRANSFER,31.00,C1,100.00,69.00,C2,130.00,161.00"], "changed: line 5", {"C1": 6_500, "C2": 12_000}, "paysim:C1 held -3000",
    ),
    "put in": (
        4, ["1,CASH_IN,7.00,C1,0.00,7.00,M1,0.00,0.00", MONTH[3]], "changed: line 5", {"C1": 7_200, "C2": 12_000}, "",
    ),
    "taken out": (5, [], "", {"C1": 6_500, "C3": 2_000}, ""),
    "one of two equal ones": (3, [], "", {"C1": 6_500, "C2": 12_000}, "paysim:C2 held 5000"),
}  # fmt: skip


@pytest.mark.parametrize("change", _CHANGES)
async def test_of_a_corrected_log_only_what_changed_is_paid(switch: RunningSwitch, tmp_path: Path, change: str) -> None:
    """All keys were new: cash that came in was paid again, row by row."""
    line, instead, shown, balances, note = _CHANGES[change]
    for name, rows in (("first", MONTH), ("second", [*MONTH[: line - 1], *instead, *MONTH[line:]])):
        (tmp_path / f"{name}.csv").write_text("\n".join([PAYSIM_HEADER, *rows]) + "\n")
    first = await of_file(switch, tmp_path / "first.csv", "paysim", tmp_path / "state1")
    assert first.good and first.changed == [], report_text(first)
    second = await of_file(switch, tmp_path / "second.csv", "paysim", tmp_path / "state2")
    text = report_text(second)
    assert second.replayed == len(MONTH) - 1 + (change == "put in"), text
    assert second.good == (not shown) and shown in text and note in text, text
    assert {name: await held(switch, f"paysim:{name}") for name in balances} == balances
