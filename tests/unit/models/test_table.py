"""Tables come from Parquet or CSV, by their first bytes; what had to be found out is told, and what is neither is refused by name."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.table import Batches, Format, found_format, is_parquet, read_table

ROWS = "id,name,amount\n1,Ann,5\n2,,7.5\n3,NA,\n"


def written(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_file_is_parquet_by_its_first_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1, 2]}), tmp_path / "t.csv")
    assert is_parquet(tmp_path / "t.csv") and read_table(tmp_path / "t.csv").table["n"].to_pylist() == [1, 2]
    assert not is_parquet(written(tmp_path, ROWS, "t.parquet")) and not is_parquet(written(tmp_path, "", "empty"))


def test_empty_fields_are_missing_in_numbers_and_in_text(tmp_path: Path) -> None:
    found = read_table(written(tmp_path, ROWS))
    assert found.table.to_pydict() == {"id": [1, 2, 3], "name": ["Ann", None, None], "amount": [5, 7.5, None]}
    assert found.notes == ()


@pytest.mark.parametrize(("separator", "called"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars"), (",", None)])
def test_the_separator_is_found_and_told_unless_it_is_a_comma(
    tmp_path: Path, separator: str, called: str | None
) -> None:
    text = "a,b;c\n".replace(",", separator).replace(";", separator) + f'"x{separator}y"{separator}2{separator}3\n' * 60
    found = read_table(written(tmp_path, text))
    assert found.table.column_names == ["a", "b", "c"] and found.table["a"][0].as_py() == f"x{separator}y"
    assert ("".join(found.notes) == "") if called is None else (f"separated by {called}" in found.notes[0])


def test_a_separator_that_does_not_cut_all_lines_alike_is_none(tmp_path: Path) -> None:
    found = read_table(written(tmp_path, "a;note\n1;one, two\n2;three\n"))
    assert found.table["note"].to_pylist() == ["one, two", "three"]
    assert read_table(written(tmp_path, "alone\n1\n2\n")).table["alone"].to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("encoding", "note"),
    [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", "read as utf-16"), ("cp1252", "not UTF-8, read as cp1252")],
)
def test_the_encoding_is_found_and_told(tmp_path: Path, encoding: str, note: str) -> None:
    path = written(tmp_path, ("name\n" + "Zoë\n" * 3).encode(encoding))
    found = read_table(path)
    assert found.table.to_pydict() == {"name": ["Zoë"] * 3}
    assert note in "".join(found.notes) and bool(found.notes) == bool(note)


def test_what_is_given_is_not_found_out(tmp_path: Path) -> None:
    path = written(tmp_path, "имя;n\nЖ;1\n".encode("cp1251"))
    found = read_table(path, Format(separator=";", encoding="cp1251"))
    assert found.table.to_pydict() == {"имя": ["Ж"], "n": [1]} and found.notes == ()
    assert found_format(path, Format(separator=",", encoding="cp1251"))[0].separator == ","


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"PAR1 and then nothing", "neither Parquet nor CSV"),
        (b"", "neither Parquet nor CSV"),
        (b"a,b\n1\n2,3,4\n", "neither Parquet nor CSV"),
        (b"a,b,a\n1,2,3\n", r"columns of the same name: 'a' \(2 times\); give each a name"),
    ],
)
def test_what_is_no_table_is_refused_with_the_files_name(tmp_path: Path, text: bytes, says: str) -> None:
    path = written(tmp_path, text)
    for read in (lambda: read_table(path), lambda: list(Batches(path, Format(), 10).tables())):
        with pytest.raises(ValueError, match=f"t.csv: {says}"):
            read()


def test_an_encoding_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no encoding is called 'utf-99'"):
        read_table(written(tmp_path, ROWS), Format(encoding="utf-99"))


def test_a_word_in_the_last_row_decides_the_kind_of_the_whole_column(tmp_path: Path) -> None:
    text = "n\n" + "1\n" * 400_000 + "word\n"
    assert read_table(written(tmp_path, text)).table["n"].type == pa.string()


def test_batches_are_the_rows_of_the_file_as_text(tmp_path: Path) -> None:
    batches = Batches(written(tmp_path, ROWS), Format(), 2)
    (only,) = batches.tables()
    assert only.to_pydict() == {"id": ["1", "2", "3"], "name": ["Ann", "", "NA"], "amount": ["5", "7.5", ""]}
    assert batches.rows is None


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_batches_of_a_parquet_file_are_as_long_as_asked_for_and_there_is_one_at_least(
    tmp_path: Path, rows: int
) -> None:
    pq.write_table(pa.table({"n": pa.array(range(rows), pa.int64())}), tmp_path / "t.parquet")
    batches = Batches(tmp_path / "t.parquet", Format(), 2)
    tables = list(batches.tables())
    assert batches.rows == rows and [len(table) for table in tables] == (
        [2, 2, 1][: -(-rows // 2)] if rows > 1 else [rows]
    )
    assert pa.concat_tables(tables)["n"].to_pylist() == list(range(rows))


def test_a_csv_file_of_names_alone_has_one_batch_without_rows(tmp_path: Path) -> None:
    (only,) = Batches(written(tmp_path, "a;b\n"), Format(separator=";"), 9).tables()
    assert only.num_rows == 0 and only.column_names == ["a", "b"]
