"""A file's format is recognised by its content."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from switch.importer.formats import format_of, read_history
from switch.importer.history import ImportFileError
from tests.excerpts import write_berka, write_paysim, write_shardpay


def test_each_format_is_recognised(tmp_path: Path) -> None:
    assert format_of(write_paysim(tmp_path / "a.parquet", rows=100)) == "paysim"
    assert format_of(write_shardpay(tmp_path / "rows.txt", rows=5)) == "shardpay"
    folder = write_berka(tmp_path / "bank", days=10)
    assert format_of(folder) == format_of(folder / "trans.parquet") == "berka"


def test_other_columns_and_broken_files_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"colour": ["red"]}), tmp_path / "other.parquet")
    with pytest.raises(ImportFileError, match="no format that is known: colour"):
        format_of(tmp_path / "other.parquet")
    (tmp_path / "other.csv").write_text("\ufeffcolour;size\nred;5\n")
    with pytest.raises(ImportFileError, match="no format that is known: colour, size"):
        format_of(tmp_path / "other.csv")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ImportFileError, match="not a sound Parquet file"):
        format_of(tmp_path / "torn.parquet")
    with pytest.raises(ImportFileError, match="cannot be read as paysim"):
        read_history("paysim", tmp_path / "other.parquet")


def test_a_log_without_a_currency_takes_the_one_that_is_told(tmp_path: Path) -> None:
    """It was XTS, which no switch takes that is not configured for tests."""
    path = write_paysim(tmp_path / "log.parquet")
    for shown, currency in ((None, "EUR"), ("KES", "KES")):
        history = read_history("paysim", path, shown)
        assert {wallet.currency for wallet in history.wallets} == {currency}
    with pytest.raises(ImportFileError, match="--currency: amounts of paysim have two decimals, those of JPY have not"):
        read_history("paysim", path, "JPY")
    (tmp_path / "rows").write_text("{}\n")
    with pytest.raises(ImportFileError, match="files of the format shardpay tell their own"):
        read_history("shardpay", tmp_path / "rows", "EUR")


def test_a_file_without_payments_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ImportFileError, match="holds no payments"):
        read_history("shardpay", tmp_path / "empty")
