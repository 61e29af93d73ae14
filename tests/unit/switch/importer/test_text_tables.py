"""Tables as text: any of three separators, names in any case, and errors that name line, column and the text that is there."""

from pathlib import Path

import numpy as np
import pytest

from switch.importer.history import ImportFileError
from switch.importer.text_tables import TextTable, header_of, is_parquet

WANTED = {"who": ("customer", "client"), "much": ("amount",)}


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_separator_case_and_byte_order_mark_do_not_matter(tmp_path: Path, delimiter: str, mark: bytes) -> None:
    lines = "\n".join(delimiter.join(row) for row in (("CLIENT", "Amount", "x"), ("a", "1.5", ""), ("b", "-20", "")))
    path = written(tmp_path, mark + lines.encode())
    assert header_of(path).delimiter == delimiter and not is_parquet(path)
    table = TextTable(path, WANTED, {"flag": ("flag",)})
    assert len(table) == 2 and "flag" not in table and "who" in table
    assert table.texts("who").to_pylist() == ["a", "b"]
    assert table.cents("much").tolist() == [150, -2_000]


@pytest.mark.parametrize(
    ("cell", "read", "stated"),
    [
        ("7.5", "whole", "line 3: amount: a whole number is expected, not '7.5'"),
        ("2", "flags", "line 3: amount: 0 or 1 is expected, not '2'"),
        ("12,5", "cents", "line 3: amount: an amount like 181.25 is expected, not '12,5'"),
        ("9" * 16, "cents", "an amount of at most 15 digits is expected"),
    ],
)
def test_a_wrong_cell_is_named_with_line_column_and_text(tmp_path: Path, cell: str, read: str, stated: str) -> None:
    table = TextTable(written(tmp_path, f"client;amount\na;1\nb;{cell}\n"), WANTED, {})
    with pytest.raises(ImportFileError) as caught:
        getattr(table, read)("much")
    assert stated in str(caught.value)


def test_flags_are_0_and_1(tmp_path: Path) -> None:
    table = TextTable(written(tmp_path, "client,amount\na,1\nb,0\n"), WANTED, {})
    assert np.array_equal(table.flags("much"), [True, False])


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("client,sum\na,1\n", "the column amount is missing; there are client, sum"),
        ("client,amount\na,1\nb\n", "line 3: 2 columns are expected, there are 1"),
        (b"\x00\xff\xfe", "neither Parquet nor text in UTF-8"),
    ],
)
def test_a_file_of_another_form_is_refused_in_its_own_words(tmp_path: Path, text: str | bytes, stated: str) -> None:
    with pytest.raises(ImportFileError) as caught:
        TextTable(written(tmp_path, text), WANTED, {})
    assert stated in str(caught.value)
