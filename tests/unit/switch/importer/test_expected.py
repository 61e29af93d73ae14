"""What wallets must hold after an import, from files small enough to add up by hand."""

import json
from pathlib import Path

import pytest

from switch.importer.expected import Expected, expected

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
