"""The log of mobile money: limits inferred, openings funded, rows in order and at their hour."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from switch.importer.expected import expected
from switch.importer.formats import format_of
from switch.importer.history import HELD_BACK, KINDS, OPENING, ImportFileError
from switch.importer.paysim import EPOCH_MS, STEP_MS, Floor, infer_floor, read
from tests.excerpts import paysim_as_published, write_paysim
from tests.unit.switch.importer.expected_balances import balances_of

NONE_UP, NONE_LOW = 1 << 62, -(1 << 62)


@pytest.mark.parametrize(
    ("lower", "upper", "opening", "floor"),
    [
        (NONE_LOW, NONE_UP, 0, Floor(0, 0)),
        (-1, 0, 0, Floor(0, 0)),
        (-500, 300, 100, Floor(0, 0)),
        (NONE_LOW, -1, 0, Floor(-2_500_000, 0)),
        (-2_500_001, -2_500_000, 0, Floor(-2_500_000, 0)),
        (-7_500_001, -2_500_001, 0, Floor(-7_500_000, 0)),
        (NONE_LOW, -19_999_999, 0, Floor(-20_000_000, 0)),
        (-30, -19, 497, Floor(-19, 0)),
        (NONE_LOW, NONE_UP, -9, Floor(-2_500_000, 0)),
        (21, 256, 2_227, Floor(0, 22)),
        (0, 1, 1, Floor(0, 1)),
    ],
)
def test_the_tightest_floor_that_explains_the_rows(lower: int, upper: int, opening: int, floor: Floor) -> None:
    assert infer_floor(lower, upper, opening) == (floor, "")
    assert floor.floor <= min(0, opening - floor.held_back)
    assert lower - floor.held_back < floor.floor <= upper - floor.held_back


@pytest.mark.parametrize(("lower", "upper", "opening"), [(5, 5, 100), (10, -10, 0), (21, 256, 20)])
def test_rows_that_no_floor_explains_are_told(lower: int, upper: int, opening: int) -> None:
    floor, contradiction = infer_floor(lower, upper, opening)
    assert contradiction
    assert floor.floor <= 0
    assert floor.held_back == 0


@pytest.mark.parametrize("seed", range(5))
def test_handled_in_order_the_rows_have_the_outcomes_of_the_log(tmp_path: Path, seed: int) -> None:
    path = write_paysim(tmp_path / "log.parquet", seed=seed)
    history = read(path)
    balances, declined = balances_of(history)
    assert declined == history.payments.declined.tolist()
    assert sum(declined) > 100
    assert balances == expected("paysim", path).balances
    assert sum(balances.values()) == 0


def test_times_rise_strictly_within_their_hour_and_openings_come_first(tmp_path: Path) -> None:
    path = write_paysim(tmp_path / "log.parquet")
    payments = read(path).payments
    log = payments.number < OPENING
    step = pq.read_table(path)["step"].to_numpy().astype(np.int64)
    assert ((payments.effective_ms[log] - EPOCH_MS) // STEP_MS).tolist() == step.tolist()
    assert (np.diff(payments.effective_ms[log]) > 0).all()
    assert (payments.effective_ms[: int(np.argmax(log))] == EPOCH_MS).all()


def _log(path: Path, *rows: dict[str, Any]) -> Path:
    names = [f"{side}_balance_{when}_minor" for side in ("payer", "payee") for when in ("before", "after")]
    filled = [{"step": 1, **dict.fromkeys(names, 0), "is_unauthorized_overdraft": False, **row} for row in rows]
    pq.write_table(pa.Table.from_pylist(filled), path)
    return path


def test_each_type_moves_the_money_it_moves_in_the_log(tmp_path: Path) -> None:
    path = _log(
        tmp_path / "log.parquet",
        {"type": "CASH_IN", "amount_minor": 900, "payer": "C1", "payee": "M1", "payer_balance_before_minor": 7},
        {"type": "CASH_OUT", "amount_minor": 100, "payer": "C1", "payee": "M1"},
        {"type": "DEBIT", "amount_minor": 10, "payer": "C1", "payee": "B1"},
        {"type": "PAYMENT", "amount_minor": 200, "payer": "C1", "payee": "M1"},
        {"type": "TRANSFER", "amount_minor": 300, "payer": "C1", "payee": "C2", "payee_balance_before_minor": 50},
    )
    history = read(path)
    names = [wallet.external_id.removeprefix("paysim:") for wallet in history.wallets]
    assert [(n, w.kind) for n, w in zip(names, history.wallets, strict=True)] == [
        ("external", "external"),
        ("C1", "user"),
        ("C2", "user"),
        ("M1", "merchant"),
    ]
    payments = history.payments
    rows = [
        (names[p], names[q], KINDS[k]) for p, q, k in zip(payments.payer, payments.payee, payments.kind, strict=True)
    ]
    assert rows == [
        ("external", "C1", "top_up"),
        ("external", "C2", "top_up"),
        ("external", "C1", "cash_in"),
        ("C1", "external", "cash_out"),
        ("C1", "external", "debit"),
        ("C1", "M1", "payment"),
        ("C1", "C2", "transfer"),
    ]
    assert balances_of(history)[0] == {
        "paysim:external": -(7 + 50 + 900 - 100 - 10),
        "paysim:C1": 7 + 900 - 100 - 10 - 200 - 300,
        "paysim:C2": 350,
        "paysim:M1": 200,
    }


def test_what_rounding_makes_affordable_is_held_back_until_the_last_row(tmp_path: Path) -> None:
    out = {"type": "CASH_OUT", "payer": "C1", "payee": "M1"}
    path = _log(
        tmp_path / "log.parquet",
        {**out, "amount_minor": 98, "payer_balance_before_minor": 100, "is_unauthorized_overdraft": True},
        {**out, "amount_minor": 90, "payer_balance_before_minor": 100},
    )
    history = read(path)
    assert history.payments.number.tolist() == [OPENING + 1, 0, 1, HELD_BACK + 1]
    assert history.payments.amount.tolist() == [97, 98, 90, 3]
    balances, declined = balances_of(history)
    assert declined == [False, True, False, False]
    assert balances == expected("paysim", path).balances == {"paysim:external": -10, "paysim:C1": 10}
    assert "3 minor units of its opening balance are held back" in history.notes[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"step": 0}, "row 1: the step goes back"), ({"type": "LOAN"}, "row 1: type: 'LOAN' is none of CASH_IN")],
)
def test_a_log_that_is_not_one_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    row = {"type": "CASH_IN", "amount_minor": 1, "payer": "C1", "payee": "M1"}
    with pytest.raises(ImportFileError, match=message):
        read(_log(tmp_path / "log.parquet", row, {**row, **change}))


@pytest.mark.parametrize("declines", [False, True])
def test_the_log_as_it_is_published_is_the_same_history(tmp_path: Path, declines: bool) -> None:
    """The published CSV holds no declined rows; the simulator's own has a column for them."""
    log = write_paysim(tmp_path / "log.parquet", rows=600)
    if not declines:
        table = pq.read_table(log)
        pq.write_table(table.filter(pc.invert(table["is_unauthorized_overdraft"])), log)
    text = paysim_as_published(log, tmp_path / "log.csv", declines=declines)
    assert format_of(text) == "paysim"
    published, table_read = read(text), read(log)
    assert published.wallets == table_read.wallets
    for column in published.payments.__struct_fields__:
        assert (getattr(published.payments, column) == getattr(table_read.payments, column)).all(), column
    assert expected("paysim", text) == expected("paysim", log)
    balances, _ = balances_of(published)
    assert balances == expected("paysim", text).balances


PUBLISHED = (
    "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isFraud,isFlaggedFraud\n"
    "1,PAYMENT,9839.64,C1231006815,170136.0,160296.36,M1979787155,0.0,0.0,0,0\n"
    "1,TRANSFER,181.0,C1305486145,181.0,0.0,C553264065,0.0,0.0,1,0\n"
    "1,CASH_OUT,181.0,C840083671,181.0,0.0,C38997010,21182.0,0.0,1,0\n"
    "1,CASH_OUT,0.0,C1000000001,0.0,0.0,C38997010,21182.0,0.0,1,0\n"
    "1,CASH_OUT,229133.94,C905080434,15325.0,0.0,C476402209,5083.0,51513.44,0,0\n"
)
"""Rows with the quirks of the published file: balances that do not chain, more paid than there was, an amount of 0."""


def test_quirks_of_the_published_file_are_taken_and_told(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(PUBLISHED)
    history = read(tmp_path / "log.csv")
    assert history.payments.number[history.payments.number < OPENING].tolist() == [0, 1, 2, 4]
    assert history.notes == (
        "1 row with an amount of 0 is left out",
        "C905080434: no limit of the simulator explains its rows, -21380894 does",
    )
    balances, declined = balances_of(history)
    assert not any(declined)
    assert balances == expected("paysim", tmp_path / "log.csv").balances


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("9839.64,", '"9839,64",', "line 2: amount: an amount like 181.25 is expected, not '9839,64'"),
        ("TRANSFER", "TRANSFERS", "line 3: type: 'TRANSFERS' is none of CASH_IN"),
        (
            "181.0,C840083671,181.0",
            "181.0,C840083671,x",
            "line 4: oldbalanceOrg: an amount like 181.25 is expected, not 'x'",
        ),
        ("1,CASH_OUT,181.0", "one,CASH_OUT,181.0", "line 4: step: a whole number is expected, not 'one'"),
        ("1,TRANSFER", "0,TRANSFER", "line 3: the step goes back from 1 to 0"),
        ("C1305486145,", "C1305486145,5,", "line 3: 11 columns are expected, there are 12"),
        ("nameDest", "destination", "the column nameDest is missing; there are step, type"),
    ],
)
def test_what_is_wrong_in_the_published_file_is_told_by_line_and_column(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    (tmp_path / "log.csv").write_text(PUBLISHED.replace(old, new, 1))
    with pytest.raises(ImportFileError, match=message):
        read(tmp_path / "log.csv")
