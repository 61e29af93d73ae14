"""Orders of the past over HTTP: each once by its merchant's number, with its own times, and no money moved."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.audit.audit import audit_database
from switch.http.times import now_ms, time_text
from switch.importer import orders
from switch.importer.client import Client, SwitchError
from switch.importer.formats import columns_of
from switch.importer.history import ImportFileError
from switch.importer.orders import import_orders, read_orders, recognises
from tests.credit_scene import DAY_MS, CreditScene, credit_scene
from tests.front_door import Answer, running_switch


def past(scene: CreditScene, number: str, paid_days_ago: int | None = 35, **more: Any) -> dict[str, Any]:
    """An order that was used 70 days ago and due 40 days ago."""
    ago = {"created_at": 70, "due_at": 40} | ({} if paid_days_ago is None else {"paid_at": paid_days_ago})
    times = {name: time_text(now_ms() // DAY_MS * DAY_MS - days * DAY_MS) for name, days in ago.items()}
    names = {"wallet": scene.ann_wallet, "merchant": "inn", "scenario": "hotel", "payee": scene.till}
    return {**names, "amount": 900, "number": number, **times, **more}


async def imported(scene: CreditScene, *orders: dict[str, Any]) -> Answer:
    return await scene.switch.call("POST", "/v1/credit/orders/import", {"orders": list(orders)})


async def test_each_order_of_the_past_comes_in_once_and_counts(database_url: str) -> None:
    async with running_switch(database_url, shards=2) as switch:
        scene = await credit_scene(switch)
        nobody = "00000000-0000-4000-8000-000000000000"
        rows = [past(scene, "A", 35), past(scene, "B", None), past(scene, "C", 41), past(scene, "D", wallet=nobody)]
        first = (await imported(scene, *rows)).json["results"]
        assert [(each["code"], each["status"]) for each in first] == [
            ("ok", "paid_elsewhere"),
            ("ok", "defaulted"),
            ("ok", "paid_elsewhere"),
            ("wallet_not_found", None),
        ]
        blocks = await switch.blocks()
        again = (await imported(scene, *rows)).json["results"]
        assert [each["id"] for each in again] == [each["id"] for each in first]
        assert [each.get("replayed") for each in again] == [True, True, True, None]
        changed = (await imported(scene, past(scene, "A", amount=901))).json["results"]
        assert changed[0]["code"] == "order_number_taken"
        assert await switch.blocks() == blocks
        late = (await scene.get(f"/v1/credit/orders/{first[0]['id']}", scene.inn)).json
        assert [each["step"] for each in late["steps"]] == ["created", "completed", "overdue", "paid_elsewhere"]
        assert late["created_at"] == rows[0]["created_at"] and "receipt" not in late
        assert late["steps"][-1]["at"] == rows[0]["paid_at"] and late["scenario"] == "hotel"
        assert (await scene.get("/v1/credit/orders?number=B", scene.inn)).json["data"][0]["status"] == "defaulted"
        credit = (await scene.get(f"/v1/wallets/{scene.ann_wallet}/credit", scene.ann)).json
        assert (credit["orders"]["open"], credit["orders"]["defaulted"]) == (1, 1)
        await scene.consent()
        assert (await scene.ask(amount=100)).json["reasons"] == ["DEFAULTED_ORDERS"]
        assert (await switch.call("GET", f"/v1/wallets/{scene.till}")).json["posted"] == 0
    assert (await audit_database(database_url)).differences == []


async def test_what_cannot_have_been_is_refused_by_its_field(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        later = time_text(now_ms() + DAY_MS)
        for field, more in (
            ("orders[0].merchant", {"merchant": "ann"}),
            ("orders[0].payee", {"payee": scene.ann_wallet}),
            ("orders[0].created_at", {"created_at": later}),
            ("orders[0].created_at", {"created_at": "once"}),
            ("orders[0].due_at", {"due_at": "2001-01-01T00:00:00Z"}),
            ("orders[0].paid_at", {"paid_at": later}),
            ("orders[0].paid_at", {"paid_at": "2001-01-01T00:00:00Z"}),
            ("orders[0].amount", {"amount": 0}),
        ):
            answer = await imported(scene, past(scene, "X", **more))
            assert answer.json["errors"][0]["field"] == field, answer.raw
            assert field != "orders[0].merchant" or "a key of this name" in answer.json["detail"]
        assert (await imported(scene)).json["errors"][0]["field"] == "orders"
        assert (await imported(scene, past(scene, "X", scenario="hostel"))).json["code"] == "scenario_not_found"
        body = {"orders": [past(scene, "X")]}
        for token in (scene.inn, scene.ann):
            assert (await scene.post("/v1/credit/orders/import", body, token)).json["code"] == "forbidden"


async def wallets_open(scene: CreditScene) -> int:
    """How many wallets the ledger has."""
    async with scene.switch.pool.session() as session:
        count: int = await session.fetchval("SELECT count(*) FROM wallet_profile")
        return count


def _file(path: Path, **changed: Any) -> Path:
    """Two orders of people and a merchant who are not there yet."""
    noon = datetime(2025, 5, 1, 12, tzinfo=UTC)
    columns: dict[str, Any] = {
        "order": ["A", "B"],
        "person": ["new-person-0", "new-person-1"],
        "merchant": ["merchant:new"] * 2,
        "amount": [100, 200],
        "created_at": [noon] * 2,
        "due_at": [noon.replace(day=2)] * 2,
        "paid_at": [noon.replace(day=3)] * 2,
        **changed,
    }
    stamp = pa.timestamp("ms", "UTC")
    arrays = {name: pa.array(each, stamp if name.endswith("_at") else None) for name, each in columns.items()}
    pq.write_table(pa.table(arrays), path)
    return path


async def test_what_is_refused_of_a_file_opens_no_wallet_and_records_no_order(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had opened all wallets of the file before the switch saw the first order."""
    monkeypatch.setattr(orders, "ORDERS_A_CALL", 1)  # what is wrong is in the second call
    path = tmp_path / "some.orders.parquet"
    wrong = datetime(2025, 4, 1, tzinfo=UTC)
    async with running_switch(database_url, shards=2) as switch:
        scene = await credit_scene(switch)
        before, blocks = await wallets_open(scene), await switch.blocks()
        async with Client(switch.base, switch.key, 1) as client:
            for merchant, scenario, changed in (
                ("nobody", "hotel", {}),
                ("inn", "no-such-scenario", {}),
                ("inn", "hotel", {"amount": [100, 0]}),
                ("inn", "hotel", {"order": ["A", "x" * 65]}),
                ("inn", "hotel", {"due_at": [wrong.replace(month=6), wrong]}),
                ("inn", "hotel", {"person": ["new-person-0", "merchant:new"]}),
            ):
                table = read_orders(_file(path, **changed))
                with pytest.raises(SwitchError, match=r"counted from number (A|B|x+), nothing was done"):
                    await import_orders(client, path, table, merchant, scenario, 1)
            assert (await wallets_open(scene), await switch.blocks()) == (before, blocks)
            good = await import_orders(client, path, read_orders(_file(path)), "inn", "hotel", 1)
        assert good.good and good.orders == 2 and await wallets_open(scene) == before + 3


async def test_a_check_refuses_what_an_import_refuses_and_leaves_nothing(database_url: str) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        blocks, nobody = await switch.blocks(), "00000000-0000-4000-8000-000000000000"
        path, fine = "/v1/dry-runs/credit/orders/import", past(scene, "A", payee=nobody)
        answer = await switch.call("POST", path, {"orders": [fine, past(scene, "B")]})
        assert (answer.status, answer.json) == (200, {"count": 2})
        for more in (
            {"merchant": "ann"},
            {"payee": scene.ann_wallet},
            {"amount": 0},
            {"paid_at": "2001-01-01T00:00:00Z"},
        ):
            orders_ = [past(scene, "X"), past(scene, "Y", **more)]
            checked, recorded = await switch.call("POST", path, {"orders": orders_}), await imported(scene, *orders_)
            assert (checked.status, checked.json["errors"]) == (recorded.status, recorded.json["errors"])
        assert (await switch.call("POST", path, {"orders": []})).status == 422
        assert await switch.blocks() == blocks
        for token in (scene.inn, scene.ann):
            assert (await scene.post(path, {"orders": [fine]}, token)).json["code"] == "forbidden"


async def test_a_file_of_orders_comes_in_once(database_url: str, tmp_path: Path) -> None:
    day = [datetime(2025, 5, 1, 12, minute, tzinfo=UTC) for minute in (0, 1, 2)]
    columns: dict[str, Any] = {
        "order": [0, 1],
        "person": ["synthetic:person-0", "synthetic:person-1"],
        "merchant": ["merchant:synthetic-0"] * 2,
        "amount": [100, 200],
        "created_at": pa.array([day[0]] * 2, pa.timestamp("ms", "UTC")),
        "due_at": pa.array([day[1]] * 2, pa.timestamp("ms", "UTC")),
        "paid_at": pa.array([day[2], None], pa.timestamp("ms", "UTC")),
    }
    path = tmp_path / "people.orders.parquet"
    pq.write_table(pa.table(columns), path)
    assert recognises(set(columns_of(path)))
    async with running_switch(database_url, shards=2) as switch:
        scene = await credit_scene(switch)
        async with Client(switch.base, switch.key, 2) as client:
            table = read_orders(path)
            first = await import_orders(client, path, table, "inn", "hotel", 2)
            assert (first.statuses, first.replayed, first.good) == ({"paid_elsewhere": 1, "defaulted": 1}, 0, True)
            again = await import_orders(client, path, table, "inn", "hotel", 2)
            assert (again.statuses, again.replayed, again.good) == ({}, 2, True)
            table = table.set_column(3, "amount", pa.array([101, 200]))
            changed = await import_orders(client, path, table, "inn", "hotel", 2)
            assert (changed.refused, changed.good) == ({"order_number_taken": 1}, False)
        (order,) = (await scene.get("/v1/credit/orders?number=0", scene.inn)).json["data"]
        assert [each["step"] for each in order["steps"]] == ["created", "completed", "overdue", "paid_elsewhere"]
        assert order["steps"][-1]["at"].startswith("2025-05-01T12:02:00")
    with pytest.raises(ImportFileError, match=r"people\.parquet"):
        read_orders(tmp_path / "people.parquet")
