"""The bank's year: days put in booking order, floors that permit what was booked."""

from pathlib import Path

import numpy as np
import pytest

from switch.importer.berka import DAY_MS, Booking, in_booking_order, read
from switch.importer.expected import expected
from switch.importer.formats import format_of
from switch.importer.history import KINDS, ImportFileError
from tests.acceptance.importing import BERKA
from tests.excerpts import berka_as_published, write_berka
from tests.unit.switch.importer.expected_balances import balances_of

PUBLISHED = (
    '"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"\n'
    '695247;2378;930101;"PRIJEM";"VKLAD";700.00;700.00;"";"";\n'
    '171812;576;930101;"PRIJEM";"VKLAD";900.00;900.00;"";"";\n'
)


def _bookings(*rows: tuple[int, int, int, int]) -> list[Booking]:
    """(account, day, signed, balance after)"""
    return [Booking(number, *row, "transfer") for number, row in enumerate(rows)]


def test_rows_of_a_day_are_put_where_their_balances_chain() -> None:
    rows = _bookings((1, 1, 100, 100), (1, 2, 5, 75), (2, 2, 9, 9), (1, 2, -50, 50), (1, 2, 20, 70))
    ordered, opening, breaks = in_booking_order(rows)
    assert [row.row for row in ordered] == [0, 3, 2, 4, 1]
    assert opening == {1: 0, 2: 0}
    assert breaks == 0


def test_an_account_may_have_had_a_balance_before_its_first_row() -> None:
    ordered, opening, breaks = in_booking_order(_bookings((1, 1, -10, 30), (1, 1, 60, 40), (1, 2, 5, 35)))
    assert opening == {1: -20}
    assert [row.row for row in ordered] == [1, 0, 2]
    assert breaks == 0


def test_rounded_balances_chain_and_rows_that_do_not_are_counted() -> None:
    ordered, _, breaks = in_booking_order(_bookings((1, 1, 100, 100), (1, 2, 5, 115), (1, 3, 5, 999), (1, 4, 1, 1_000)))
    assert [row.row for row in ordered] == [0, 1, 2, 3]
    assert breaks == 1


@pytest.mark.parametrize("seed", range(5))
def test_handled_in_order_nothing_is_declined_and_balances_are_the_banks(tmp_path: Path, seed: int) -> None:
    folder = write_berka(tmp_path / "bank", seed=seed)
    history = read(folder)
    balances, declined = balances_of(history)
    wanted = expected("berka", folder)
    assert not any(declined)
    assert history.notes == ()
    assert balances == wanted.balances
    assert wanted.drift == 0
    assert any(wallet.floor < 0 for wallet in history.wallets)


def test_times_lie_in_their_day_and_wallets_are_older_than_their_rows(tmp_path: Path) -> None:
    history = read(write_berka(tmp_path / "bank"))
    payments = history.payments
    assert (np.diff(payments.effective_ms) >= 0).all()
    for column in (payments.payer, payments.payee):
        opened = np.array([wallet.opened_ms for wallet in history.wallets])[column]
        assert (opened <= payments.effective_ms).all()
    assert {wallet.opened_ms % DAY_MS for wallet in history.wallets} == {0}
    names = {KINDS[kind] for kind in payments.kind}
    assert names == {"cash_in", "cash_out", "transfer", "interest", "fee"}


def test_without_the_table_of_accounts_a_wallet_is_as_old_as_its_first_row(tmp_path: Path) -> None:
    folder = write_berka(tmp_path / "bank")
    with_accounts = read(folder)
    (folder / "account.parquet").unlink()
    without = read(folder / "trans.parquet")
    assert without.digest != with_accounts.digest
    pairs = list(zip(with_accounts.wallets, without.wallets, strict=True))
    assert all(one.opened_ms <= other.opened_ms for one, other in pairs)
    assert any(one.opened_ms < other.opened_ms for one, other in pairs)


def test_a_folder_without_transactions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ImportFileError, match=r"is a folder, and one that is imported has trans\.parquet or trans\.asc"
    ):
        read(tmp_path)


def test_the_bank_as_it_is_published_is_the_same_history(tmp_path: Path) -> None:
    folder = write_berka(tmp_path / "bank")
    published = berka_as_published(folder, tmp_path / "published")
    assert format_of(published) == format_of(published / "trans.asc") == "berka"
    text, table = read(published), read(folder)
    assert text.wallets == table.wallets
    for column in text.payments.__struct_fields__:
        assert (getattr(text.payments, column) == getattr(table.payments, column)).all(), column
    assert expected("berka", published) == expected("berka", folder)


@pytest.mark.skipif(not BERKA.exists(), reason=f"the data set is not in {BERKA}")
def test_the_real_bank_as_it_is_published_is_the_same_history(tmp_path: Path) -> None:
    published = berka_as_published(BERKA, tmp_path / "published")
    text, table = read(published), read(BERKA)
    assert text.wallets == table.wallets and text.notes == table.notes
    assert (text.payments.amount == table.payments.amount).all()
    assert (text.payments.kind == table.payments.kind).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"PRIJEM"', '"PRIJMY"', "line 2: type: 'PRIJMY' is none of PRIJEM, VYDAJ, VYBER"),
        (";930101;", ";930230;", "line 2: date: a date like 930131 is expected, not '930230'"),
        (";930101;", ";1993-01-01;", "line 2: date: a date like 930131 is expected, not '1993-01-01'"),
        ("700.00", "7OO", "line 2: amount: an amount like 181.25 is expected, not '7OO'"),
        ('"balance"', '"saldo"', "the column balance is missing"),
    ],
)
def test_what_is_wrong_in_the_published_file_is_told_by_line_and_column(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "trans.asc"
    path.write_text(PUBLISHED.replace(old, new, 1))
    with pytest.raises(ImportFileError, match=message):
        read(path)
