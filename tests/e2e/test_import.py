"""Imports into a running switch: history goes on over files, and what differs from a file is named by its row."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from actors.backup.backup import backup, check, restore
from actors.stores.api_keys import KeyStore
from models.credit.population.year import population_of
from switch.cli.import_files import report_text
from switch.cli.main import cli
from switch.importer import runner
from switch.importer.client import SwitchError
from switch.importer.formats import format_of
from switch.importer.history import ImportFileError
from tests.front_door import RunningSwitch, running_switch
from tests.importing_rows import FEBRUARY, JANUARY, held, imported, of_file


@pytest.fixture
async def switch(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningSwitch]:
    monkeypatch.setattr(runner, "LANDED_WITHIN_S", 0.2)  # nothing that these tests find wrong will land
    async with running_switch(database_url, shards=2) as running:
        yield running


async def test_history_goes_on_over_files_and_each_ends_as_it_says(switch: RunningSwitch, tmp_path: Path) -> None:
    """A second file of the same customers was refused as `external_id_taken`."""
    first = await imported(switch, tmp_path, JANUARY, state="january")
    assert (first.good, first.wallets_there_before) == (True, 0)
    second = await imported(switch, tmp_path, FEBRUARY, state="february")
    assert (second.good, second.posted, second.wallets_there_before) == (True, 1, 1)
    assert "1 wallet was there before" in report_text(second)
    assert (await held(switch, "cust-1"), await held(switch, "merchant:shop-1")) == (300, 200)
    again = await imported(switch, tmp_path, FEBRUARY, state="february")
    assert (again.good, again.calls) == (True, 0)
    without_state = await imported(switch, tmp_path, FEBRUARY, state="elsewhere")
    assert (without_state.good, without_state.replayed) == (True, 1)
    assert await held(switch, "cust-1") == 300


MARCH = {**JANUARY, "idempotency_key": "m3", "amount": 40, "effective_at": "2025-03-05T10:00:00Z"}


async def test_a_database_that_was_restored_from_before_a_month_is_not_taken_for_one_that_has_it(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    """It ended with every balance as the file says, and nothing was sent."""
    folder = tmp_path / "backup"
    async with running_switch(database_url) as switch:
        assert (await imported(switch, tmp_path, JANUARY, state="january")).good
        await backup(database_url, folder, lambda done, due: None)
        assert (await imported(switch, tmp_path, FEBRUARY, MARCH, state="february")).good
    await restore(empty_database_url, folder, check(folder, lambda done, due: None))
    async with running_switch(empty_database_url) as switch:
        assert (await imported(switch, tmp_path, JANUARY, state="january")).good
        for _ in range(2):
            with pytest.raises(SwitchError, match=r"the payment of line 2 is not there.* move the state file away"):
                await imported(switch, tmp_path, FEBRUARY, MARCH, state="february")
        assert await held(switch, "cust-1") == 500
        (tmp_path / "february").rename(tmp_path / "february of another switch")
        for _ in range(2):
            report = await imported(switch, tmp_path, FEBRUARY, MARCH, state="february")
            assert (report.good, report.posted, report.replayed) == (True, 2, 0), report_text(report)
        assert await held(switch, "cust-1") == 340
        with pytest.raises(SwitchError, match=r"with another state file, name that one with --state"):
            await imported(switch, tmp_path, FEBRUARY, MARCH, state="february of another switch")
        assert await held(switch, "cust-1") == 340
    async with running_switch(database_url) as switch:
        report = await imported(switch, tmp_path, FEBRUARY, MARCH, state="february of another switch")
        assert (report.good, report.calls) == (True, 0)


async def test_a_file_whose_balances_cannot_be_worked_out_makes_nothing(switch: RunningSwitch, tmp_path: Path) -> None:
    """All was paid before it was told."""
    head = "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest"
    path, blocks = tmp_path / "log.csv", await switch.blocks()
    path.write_text(f"{head}\n1,CASH_IN,5.00,C1,0.00,much,M1,0.00,0.00\n")
    with pytest.raises(ImportFileError, match="what wallets must hold afterwards cannot be worked out"):
        await of_file(switch, path, "paysim", tmp_path / "state")
    assert await switch.blocks() == blocks
    path.write_text(f"{head}\n1,CASH_IN,5.00,C1,0.00,5.00,M1,0.00,0.00\n".replace(",", ";"))
    assert (await of_file(switch, path, "paysim", tmp_path / "state")).good


@pytest.mark.parametrize("missing", ["admin", "import", "pay"])
async def test_a_key_that_may_not_do_all_of_it_makes_nothing(
    switch: RunningSwitch, tmp_path: Path, missing: str
) -> None:
    """Without `pay` it had opened the wallets before it was refused."""
    key = await KeyStore(switch.pool).create(f"without-{missing}", sorted({"admin", "import", "pay"} - {missing}))
    blocks, file = await switch.blocks(), tmp_path / "january.ndjson"
    file.write_bytes(msgspec.json.encode(JANUARY))
    words = ["import", str(file), "--url", switch.base, "--key", key.key, "--state", str(tmp_path / "state")]
    done = await asyncio.to_thread(CliRunner().invoke, cli, words)
    assert done.exit_code == 1 and await switch.blocks() == blocks
    assert "forbidden" in str(done.exception) + done.output


async def test_a_row_that_is_declined_is_told_unless_the_file_says_so(switch: RunningSwitch, tmp_path: Path) -> None:
    """It ended with "every balance is as the file says"."""
    report = await imported(switch, tmp_path, JANUARY, {**FEBRUARY, "amount": 501}, state="first")
    assert (report.unexpected_count, report.declined) == (1, {"insufficient_funds": 1})
    text = report_text(report)
    assert "unexpected: line 2 is insufficient_funds, the file says ok" in text
    assert "every balance is as the file says" not in text and "declined 1 insufficient_funds" in text
    shown = {**FEBRUARY, "idempotency_key": "m3", "amount": 501, "declined": True}
    good = await imported(switch, tmp_path, JANUARY, shown, state="second")
    assert good.good and good.declined == {"insufficient_funds": 1}


async def test_the_bank_goes_on_with_what_accounts_hold(switch: RunningSwitch, tmp_path: Path) -> None:
    """Opening balances that another file paid are not paid again, and the report names what an account may not go down to."""
    head = '"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"'
    files = (
        '1;7;930105;"PRIJEM";"VKLAD";700.00;900.00;"";"";\n2;8;930106;"PRIJEM";"VKLAD";50.00;50.00;"";"";',
        '3;7;930201;"VYDAJ";"VYBER";300.00;600.00;"";"";\n4;8;930202;"VYDAJ";"VYBER";20.00;30.00;"";"";',
        '5;7;930301;"VYDAJ";"VYBER";650.00;-50.00;"";"";',
    )
    reports = []
    for number, rows in enumerate(files):
        (tmp_path / f"trans{number}.asc").write_text(f"{head}\n{rows}\n")
        reports.append(await of_file(switch, tmp_path / f"trans{number}.asc", "berka", tmp_path / f"state{number}"))
    first, second, third = reports
    assert (first.good, first.extra_rows, first.wallets_there_before) == (True, 1, 0)
    assert (second.good, second.extra_rows, second.wallets_there_before) == (True, 0, 3), report_text(second)
    assert await held(switch, "berka:account:7") == 60_000
    assert not third.good and third.notes == ("berka:account:7 may go down to 0, this file takes it down to -5000",)


async def test_a_population_imports_with_every_balance_and_every_decline_as_it_says(
    switch: RunningSwitch, tmp_path: Path
) -> None:
    made = population_of(25, 7, 1_735_689_600_000)
    path = tmp_path / "people.parquet"
    pq.write_table(made.payments, path)
    report = await of_file(switch, path, format_of(path), tmp_path / "state")
    assert (report.good, report.rows) == (True, made.payments.num_rows)
    declined = sum(made.payments.column("declined").to_pylist())
    assert report.declined == {"insufficient_funds": declined} and declined > 0
