"""Orders of the past out of a file: each once, under the wallets that it names, counted by what became of it."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from switch.importer import orders
from switch.importer.client import Made, SwitchError
from switch.importer.history import ImportFileError, WalletSpec
from switch.importer.orders import COLUMNS, import_orders, read_orders, recognises

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def write(path: Path, rows: list[dict[str, Any]] | None = None, **columns: Any) -> Path:
    made = [
        {
            "order": at, "person": f"person:{at % 3}", "merchant": "merchant:1", "amount": 100 + at,
            "created_at": NOON.replace(day=1 + at), "due_at": NOON.replace(month=2), "paid_at": None if at % 2 else NOON.replace(month=2),
        }
        for at in range(5)
    ]  # fmt: skip
    stamp = pa.timestamp("us", "UTC")
    kinds = {"order": pa.int64(), "amount": pa.int64(), "created_at": stamp, "due_at": stamp, "paid_at": stamp}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    table = pa.Table.from_pylist(made if rows is None else rows, schema)
    for name, values in columns.items():
        table = table.set_column(COLUMNS.index(name), name, pa.array(values))
    pq.write_table(table, path)
    return path


class Switch:
    """Takes orders; answers with what the test wants, `ok` otherwise."""

    def __init__(self, *results: dict[str, Any]) -> None:
        self._results = list(results)
        self.wallets: list[WalletSpec] = []
        self.checked: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []

    async def create_wallets(self, specs: list[WalletSpec], key: uuid.UUID) -> list[Made]:
        self.wallets += specs
        return [Made(uuid.uuid5(uuid.NAMESPACE_URL, spec.external_id), False) for spec in specs]

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        assert headers == {"Content-Type": "application/json"}
        batch = msgspec.json.decode(body)["orders"]
        if path == "/v1/dry-runs/credit/orders/import":
            assert not self.wallets and not self.sent, "all is checked before anything is made"
            self.checked += batch
            return b'{"count":1}'
        assert path == "/v1/credit/orders/import"
        self.sent += batch
        return msgspec.json.encode(
            {"results": [self._results.pop(0) if self._results else {"code": "ok", "status": "paid"} for _ in batch]}
        )


async def imported(path: Path, switch: Switch, concurrency: int = 2) -> orders.OrdersReport:
    return await import_orders(switch, path, read_orders(path), "shop", "online", concurrency)  # type: ignore[arg-type]


async def test_every_order_is_sent_once_with_its_wallets_and_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "ORDERS_A_CALL", 2)
    switch = Switch()
    report = await imported(write(tmp_path / "orders.parquet"), switch)
    assert [each["number"] for each in sorted(switch.checked, key=lambda order: order["number"])] == list("01234")
    sent = sorted(switch.sent, key=lambda order: order["number"])
    assert [each["number"] for each in sent] == ["0", "1", "2", "3", "4"]
    assert sent[0]["wallet"] == str(uuid.uuid5(uuid.NAMESPACE_URL, "person:0"))
    assert sent[0]["payee"] == str(uuid.uuid5(uuid.NAMESPACE_URL, "merchant:1"))
    assert (sent[0]["merchant"], sent[0]["scenario"], sent[0]["amount"]) == ("shop", "online", 100)
    assert sent[0]["created_at"].startswith("2026-01-01T12:00:00") and "paid_at" in sent[0] and "paid_at" not in sent[1]
    assert (report.orders, report.statuses, report.good) == (5, {"paid": 5}, True)


async def test_wallets_are_made_as_old_as_the_first_order_and_of_their_kinds(tmp_path: Path) -> None:
    switch = Switch()
    await imported(write(tmp_path / "orders.parquet"), switch)
    kinds = {spec.external_id: (spec.kind, spec.currency, spec.opened_ms) for spec in switch.wallets}
    opened = int(NOON.timestamp() * 1_000)
    assert kinds["merchant:1"] == ("merchant", "EUR", opened) and kinds["person:2"] == ("user", "EUR", opened)
    assert len(switch.wallets) == len(kinds) == 4


async def test_what_became_of_orders_is_counted(tmp_path: Path) -> None:
    switch = Switch(
        {"code": "ok", "status": "paid"},
        {"code": "ok", "status": "overdue"},
        {"code": "ok", "status": "paid", "replayed": True},
        {"code": "number_taken"},
    )
    report = await imported(write(tmp_path / "orders.parquet"), switch, 1)
    assert (report.statuses, report.replayed, report.refused) == ({"paid": 2, "overdue": 1}, 1, {"number_taken": 1})
    assert not report.good


def test_a_file_is_known_by_its_columns() -> None:
    assert recognises({*COLUMNS, "more"}) and not recognises({*COLUMNS} - {"paid_at"}) and not recognises(set())


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "paid_at"])
def test_a_column_with_an_empty_place_is_named(name: str, tmp_path: Path) -> None:
    rows = pq.read_table(write(tmp_path / "whole.parquet")).to_pylist()
    rows[3][name] = None
    path = write(tmp_path / "orders.parquet", rows)
    with pytest.raises(ImportFileError, match=f"{name} is empty in row 3"):
        read_orders(path)


def test_what_is_no_such_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.parquet").write_bytes(b"PAR1 and nothing")
    pq.write_table(pa.table({"order": [1]}), tmp_path / "other.parquet")
    write(tmp_path / "words.parquet", created_at=["yesterday"] * 5)
    write(tmp_path / "empty.parquet", [])
    for name in ("no", "other", "words", "empty", "absent"):
        with pytest.raises(ImportFileError, match=name):
            read_orders(tmp_path / f"{name}.parquet")


async def test_a_switch_that_refuses_a_call_ends_the_import(tmp_path: Path) -> None:
    class Away(Switch):
        async def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
            if self.sent or not path.startswith("/v1/dry-runs"):
                raise SwitchError("away")
            return await super().post(path, body, headers)

    with pytest.raises(SwitchError, match=r"away; wallets of the file may be open by now, 0 of 5 orders are recorded"):
        await imported(write(tmp_path / "orders.parquet"), Away())


async def test_what_is_refused_when_it_is_checked_leaves_nothing(tmp_path: Path) -> None:
    class Strict(Switch):
        async def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
            raise SwitchError("no such scenario")

    switch = Strict()
    with pytest.raises(SwitchError, match=r"no such scenario; orders are counted from number 0, nothing was done"):
        await imported(write(tmp_path / "orders.parquet"), switch)
    assert not switch.wallets and not switch.sent
