"""What wallets must hold after an import, from files small enough to add up by hand."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from switch.importer import berka, paysim, shardpay_format
from switch.importer.expected import Expected, expected
from switch.importer.text_tables import DELIMITERS
from tests.excerpts import write_paysim
from tests.unit.switch.importer.expected_balances import balances_of

PAYSIM = """step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isUnauthorizedOverdraft
1,PAYMENT,10.00,A,100.00,90.00,B,5.00,15.00,0
2,CASH_IN,2.50,A,90.00,92.50,X,0.00,0.00,0
3,TRANSFER,1.005,B,15.00,14.00,A,92.50,93.50,0
4,DEBIT,50.00,B,14.00,14.00,Y,0.00,0.00,1
5,CASH_OUT,3.00,A,93.50,90.50,Z,0.00,0.00,0
6,PAYMENT,0.00,C,7.00,7.00,A,90.50,90.50,0
"""
BERKA = """"trans_id";"account_id";"date";"type";"operation";"amount";"balance"
1;7;930101;"PRIJEM";"VKLAD";100.00;150.00
2;7;930101;"VYDAJ";"VYBER";30.00;120.00
3;7;930202;"PRIJEM";"VKLAD";5.00;125.00
4;8;930101;"PRIJEM";"VKLAD";10.00;10.00
"""


def found(tmp_path: Path, name: str, file: str, text: str) -> Expected:
    (tmp_path / file).write_text(text, encoding="utf-8")
    return expected(name, tmp_path / file)


def test_paysim_wallets_open_with_what_the_log_first_shows_and_what_was_refused_moves_nothing(tmp_path: Path) -> None:
    result = found(tmp_path, "paysim", "log.csv", PAYSIM)
    assert result.openings == {"paysim:A": 10_000, "paysim:B": 500}
    # A: 100 - 10 + 2.50 + 1.00 (1.005 to even) - 3; B: 5 + 10 - 1.00, and not the overdraft of 50.
    assert result.balances == {"paysim:A": 9_050, "paysim:B": 1_400, "paysim:external": -10_450}
    assert (result.drift, result.funded_by) == (0, "paysim:external")


def test_paysim_says_how_far_the_log_itself_is_off(tmp_path: Path) -> None:
    text = PAYSIM.replace("5,CASH_OUT,3.00,A,93.50,90.50", "5,CASH_OUT,3.00,A,93.50,93.50")
    assert found(tmp_path, "paysim", "log.csv", text).drift == 300


def test_berka_accounts_open_with_what_the_first_day_starts_from(tmp_path: Path) -> None:
    result = found(tmp_path, "berka", "trans.asc", BERKA)
    assert result.openings == {"berka:account:7": 5_000, "berka:account:8": 0}
    assert result.balances == {"berka:account:7": 12_500, "berka:account:8": 1_000, "berka:external": -13_500}
    assert result.drift == 0


def test_lines_of_our_own_format_move_what_was_not_declined(tmp_path: Path) -> None:
    rows = [
        {"payer": "bank", "payee": "ann", "amount": 100},
        {"payer": "ann", "payee": "bob", "amount": 30, "declined": False},
        {"payer": "ann", "payee": "bob", "amount": 5_000, "declined": True},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\n\n"
    result = found(tmp_path, "shardpay", "rows.jsonl", text)
    assert result == Expected(balances={"bank": -100, "ann": 70, "bob": 30}, drift=None)


@pytest.mark.parametrize(("name", "file", "text"), [("paysim", "log.csv", PAYSIM), ("berka", "trans.asc", BERKA)])
def test_no_money_comes_from_nowhere(tmp_path: Path, name: str, file: str, text: str) -> None:
    assert sum(found(tmp_path, name, file, text).balances.values()) == 0


SEPARATED = [(name, separator) for name in ("paysim", "berka") for separator in DELIMITERS]


def separated(name: str, separator: str) -> str:
    return PAYSIM.replace(",", separator) if name == "paysim" else BERKA_READ.replace(";", separator)


BERKA_READ = "\n".join(
    f'{line};"{symbol}"' for line, symbol in zip(BERKA.splitlines(), ("k_symbol", *"    "), strict=True)
)
READ = {"paysim": paysim.read, "berka": berka.read}


@pytest.mark.parametrize(("name", "separator"), SEPARATED)
def test_what_separates_columns_is_told_as_it_is_read(tmp_path: Path, name: str, separator: str) -> None:
    """All was paid, then the command ended with `Error: 'amount'`."""
    first = found(tmp_path, name, "first", separated(name, "," if name == "paysim" else ";"))
    result = found(tmp_path, name, "second", separated(name, separator))
    assert result == first and result.drift == 0
    assert balances_of(READ[name](tmp_path / "second"))[0] == result.balances


def test_names_of_columns_of_the_bank_are_in_any_case_as_they_are_read(tmp_path: Path) -> None:
    result = found(tmp_path, "berka", "trans.asc", BERKA_READ)
    head, *rows = BERKA_READ.splitlines()
    assert found(tmp_path, "berka", "trans2.asc", "\n".join([head.upper(), *rows])) == result
    assert balances_of(berka.read(tmp_path / "trans2.asc"))[0] == result.balances


@pytest.mark.parametrize("without", ["newbalanceOrig", "newbalanceDest", "both"])
def test_a_log_without_the_balances_after_its_rows_has_no_drift(tmp_path: Path, without: str) -> None:
    names = {"newbalanceOrig", "newbalanceDest"} if without == "both" else {without}
    table = [line.split(",") for line in PAYSIM.splitlines()]
    kept = [place for place, name in enumerate(table[0]) if name not in names]
    text = "\n".join(",".join(row[place] for place in kept) for row in table)
    result, whole = found(tmp_path, "paysim", "log.csv", text), found(tmp_path, "paysim", "whole.csv", PAYSIM)
    assert (result.balances, result.openings, result.drift) == (whole.balances, whole.openings, None)


def test_a_parquet_log_without_the_balances_after_its_rows_has_no_drift(tmp_path: Path) -> None:
    log = write_paysim(tmp_path / "log.parquet", rows=200)
    table = pq.read_table(log)
    pq.write_table(table.drop_columns([name for name in table.column_names if "_after_" in name]), tmp_path / "without")
    whole, result = expected("paysim", log), expected("paysim", tmp_path / "without")
    assert (result.balances, result.drift) == (whole.balances, None)


@pytest.mark.parametrize("flag", ["1", "01", " 1", "1 "])
def test_a_row_was_declined_where_the_reader_says_so(tmp_path: Path, flag: str) -> None:
    result = found(tmp_path, "paysim", "log.csv", PAYSIM.replace("0.00,0.00,1", f"0.00,0.00,{flag}"))
    assert result.balances["paysim:B"] == 1_400
    assert paysim.read(tmp_path / "log.csv").payments.declined.sum() == 1


HALVES = [f"{cents // 100}.{cents % 100:02}5" for cents in (*range(1, 300), 100_000_00, 123_456_78, 99_999_999_99)]
WRITTEN = {
    "0.545": 54, "0.555": 56, "1.005": 100, "1.0050000000000000000000000000000001": 101, "2.675": 268, "5.45e-1": 54, "1E3": 100_000,
    "0.00499999999999999999999999999999": 0, "45035996273704.97": 4_503_599_627_370_497, " 7. ": 700,
}  # fmt: skip


@pytest.mark.parametrize("texts", [HALVES, list(WRITTEN)], ids=["half cents", "written otherwise"])
def test_half_a_cent_goes_to_the_even_one_for_reader_and_check(tmp_path: Path, texts: list[str]) -> None:
    rows = [f"1,CASH_IN,{text},C{place},0,0,X,0,0,0" for place, text in enumerate(texts)]
    result = found(tmp_path, "paysim", "log.csv", "\n".join([PAYSIM.splitlines()[0], *rows]))
    halves = {text: 10 * int(text.replace(".", "")[:-1]) + 5 for text in texts if text not in WRITTEN}
    even = {text: tenths // 10 + (tenths // 10) % 2 for text, tenths in halves.items()}
    wanted = {f"paysim:C{place}": (WRITTEN | even)[text] for place, text in enumerate(texts)}
    assert {name: result.balances.get(name, 0) for name in wanted} == wanted
    assert balances_of(paysim.read(tmp_path / "log.csv"))[0] == result.balances


def test_a_return_within_a_line_of_our_own_format_is_a_space(tmp_path: Path) -> None:
    row = {"payer": "bank", "payee": "ann", "amount": 100, "currency": "EUR", "effective_at": "2025-01-05T10:00:00Z"}
    text = json.dumps({"idempotency_key": "a", **row}).replace(", ", ",\r")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(text.encode() + b"\r\n")
    assert expected("shardpay", path).balances == {"bank": -100, "ann": 100}
    assert len(shardpay_format.read(path).payments) == 1
