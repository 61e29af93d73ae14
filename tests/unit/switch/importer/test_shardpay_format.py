"""Shardpay's own format, as NDJSON and as Parquet."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.records.ids import key_bytes
from switch.importer.expected import expected
from switch.importer.history import ImportFileError
from switch.importer.shardpay_format import read
from tests.excerpts import shardpay_rows, write_shardpay
from tests.unit.switch.importer.expected_balances import balances_of

ROW = {
    "idempotency_key": "one",
    "payer": "external:bank",
    "payee": "anna",
    "amount": 5,
    "currency": "EUR",
    "effective_at": "2020-01-01T00:00:00Z",
}


def _write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_ndjson_and_parquet_are_the_same_history(tmp_path: Path) -> None:
    text = read(write_shardpay(tmp_path / "rows.ndjson"))
    rows = [{"kind": None, "reference": None, **row} for row in shardpay_rows()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    for row in rows:
        row["effective_at"] = datetime.fromisoformat(row["effective_at"])
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "times.parquet")
    for name in ("rows.parquet", "times.parquet"):
        table = read(tmp_path / name)
        assert table.wallets == text.wallets
        assert table.references == text.references
        assert (table.keys == text.keys).all()
        for column in text.payments.__struct_fields__:
            assert (getattr(table.payments, column) == getattr(text.payments, column)).all()
        assert expected("shardpay", tmp_path / name) == expected("shardpay", tmp_path / "rows.ndjson")


def test_balances_are_those_of_rows_handled_by_time(tmp_path: Path) -> None:
    path = write_shardpay(tmp_path / "rows.ndjson")
    history = read(path)
    balances, declined = balances_of(history)
    assert any(declined)
    assert balances == expected("shardpay", path).balances


def test_rows_go_by_time_and_those_of_one_time_as_in_the_file(tmp_path: Path) -> None:
    late = {**ROW, "idempotency_key": "late", "effective_at": "2020-01-02T00:00:00.001Z"}
    second = {**ROW, "idempotency_key": "two", "amount": 6}
    history = read(_write(tmp_path / "rows", late, ROW, second))
    assert history.payments.number.tolist() == [1, 2, 0]
    assert (np.diff(history.payments.effective_ms) >= 0).all()
    assert history.keys[0].tobytes() == key_bytes("one")


def test_prefixes_tell_the_kinds_of_wallets(tmp_path: Path) -> None:
    names = ["external:a", "fee:a", "liquidity:a", "merchant:a", "anna", "user:a", "external", ":a"]
    rows = [{**ROW, "idempotency_key": name, "payer": "someone", "payee": name} for name in names]
    kinds = {wallet.external_id: wallet.kind for wallet in read(_write(tmp_path / "rows", *rows)).wallets}
    assert [kinds[name] for name in names] == [
        "external",
        "fee",
        "liquidity",
        "merchant",
        "user",
        "user",
        "user",
        "user",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": 0}, "amount: 1 to [0-9]+ is expected, not 0"),
        ({"amount": 2**53}, "amount: 1 to"),
        ({"amount": 1.5}, "amount: a whole number of minor units is expected, not [15].[05]"),
        ({"amount": "12,50"}, "amount: a whole number of minor units is expected, not '12,50'"),
        ({"currency": "EURO"}, "currency: 'EURO' is not in ISO 4217; did you mean EUR?"),
        ({"currency": "CZK"}, "external:bank has EUR"),
        ({"kind": "cashin"}, "kind: 'cashin' is not one of .*; did you mean cash_in?"),
        ({"payee": "external:bank"}, "payer and payee"),
        ({"payer": ""}, "payer and payee"),
        ({"payer": None}, "payer is (null|missing)"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "one"}, "its idempotency_key is that of "),
        ({"effective_at": "yesterday"}, "effective_at: an RFC 3339 time .*, not 'yesterday'"),
        ({"reference": "x" * 257}, "reference"),
        ({"declined": 1}, "declined: true or false is expected, not 1"),
        ({"amuont": 5}, "amuont: no column is called so; did you mean amount?"),
    ],
)
def test_a_wrong_row_is_named_in_the_words_of_its_file(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    rows = ROW, {**ROW, "idempotency_key": "two", **change}
    with pytest.raises(ImportFileError, match=f"line 2: {message}"):
        read(_write(tmp_path / "rows", *rows))
    columns = {name: None for row in rows for name in row}
    try:
        table = pa.Table.from_pylist([{**columns, **row} for row in rows])
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return  # a column of a table has one type
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(ImportFileError, match=f"row [01]: {message}"):
        read(tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[{}]", "line 2: one JSON object a line is expected, not a list of them"),
        ("5", "line 2: a JSON object is expected"),
        ('{"amount": }', "line 2: this is no JSON object: "),
        ("{}", "line 2: idempotency_key is missing"),
    ],
)
def test_a_line_that_is_no_payment_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "rows").write_text(json.dumps(ROW) + "\n" + line)
    with pytest.raises(ImportFileError, match=message):
        read(tmp_path / "rows")


def test_a_byte_order_mark_and_null_for_what_may_be_absent_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text("\ufeff" + json.dumps({**ROW, "kind": None, "reference": None, "declined": None}))
    assert read(path).payments.declined.tolist() == [False]
    assert expected("shardpay", path).balances == {"external:bank": -5, "anna": 5}
