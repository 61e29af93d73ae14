"""Shardpay's own format, as NDJSON and as Parquet."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.ledger.ids import key_bytes
from switch.importer.expected import expected
from switch.importer.history import ImportFileError
from switch.importer.shardpay_format import read
from tests.excerpts import shardpay_rows, write_shardpay
from tests.unit.importer.replay import replayed

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
    balances, declined = replayed(history)
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
        ({"amount": 0}, "row 1: amount"),
        ({"amount": 2**53}, "row 1: amount"),
        ({"amount": 1.5}, "row 1: .*int"),
        ({"currency": "ABC"}, "row 1: currency"),
        ({"currency": "CZK"}, "row 1: external:bank has EUR"),
        ({"kind": "gift"}, "row 1: kind"),
        ({"payee": "external:bank"}, "row 1: payer and payee"),
        ({"payer": ""}, "row 1: payer and payee"),
        ({"idempotency_key": ""}, "row 1: idempotency_key"),
        ({"idempotency_key": "one"}, "row 1: its idempotency_key is that of row 0"),
        ({"effective_at": "yesterday"}, "row 1: effective_at"),
        ({"reference": "x" * 257}, "row 1: reference"),
        ({"colour": "red"}, "row 1: .*colour"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    rows = ROW, {**ROW, "idempotency_key": "two", **change}
    with pytest.raises(ImportFileError, match=message):
        read(_write(tmp_path / "rows", *rows))
    if "colour" not in change and change.get("amount") != 1.5:
        pq.write_table(pa.Table.from_pylist(list(rows)), tmp_path / "rows.parquet")
        if "kind" not in change and "reference" not in change:
            with pytest.raises(ImportFileError, match=message):
                read(tmp_path / "rows.parquet")
