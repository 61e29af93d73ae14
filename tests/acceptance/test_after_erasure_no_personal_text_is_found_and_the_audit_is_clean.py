"""Erasure: after it no text of a holder is in any table, export or checkpoint, and the audit, which counts it, is clean."""

from pathlib import Path
from typing import Any

import pytest

from actors.audit.audit import AuditReport, audit_database
from actors.database.connection import connect
from actors.database.pool import StoreUnavailable
from actors.export.export import Job, export
from actors.ledger.snapshot import in_use
from actors.stores.erasure import Block, ErasureStore
from tests.credit_scene import CreditScene, credit_scene
from tests.front_door import RunningSwitch, running_switch

MARK = "Quixotina"
"""What every text of Ann's has in it."""
LEAVES = "Everard"
"""The same of Bob, who shares blocks with her and erases nothing."""


async def tables_with(url: str, text: str) -> set[str]:
    """Tables in which a text is found, in any column, bytes included."""
    connection = await connect(url, name="test")
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = set()
        for (name,) in names:
            rows = await connection.fetch(f'SELECT * FROM "{name}"')
            cells: list[Any] = [cell for row in rows for cell in row.values()]
            if any(text.encode() in (cell if isinstance(cell, bytes) else str(cell).encode()) for cell in cells):
                found.add(name)
        return found
    finally:
        await connection.close()


async def orders_and_disputes(scene: CreditScene, wallet: str, token: str, mark: str) -> list[str]:
    """An order that is over, one that runs, a dispute that was answered, one that is open. Gives the ids of what is not over."""
    await scene.consent(wallet=wallet)
    first = (await ordered(scene, wallet, mark, "1")).json["id"]
    await scene.do(first, "confirm", token)
    await scene.do(first, "complete", scene.inn, items=[{"name": f"Room of {mark}", "amount": 5}])
    asked = await scene.post("/v1/credit/disputes", {"entry": first, "text": f"{mark} was not there"}, token)
    answered = {"outcome": "deleted", "text": f"{mark} is right"}
    await scene.post(f"/v1/credit/disputes/{asked.json['id']}/answer", answered, scene.inn)
    await scene.post(f"/v1/credit/disputes/{asked.json['id']}/resolve", answered, scene.switch.key)
    runs = (await ordered(scene, wallet, mark, "2")).json["id"]
    return [runs]


async def ordered(scene: CreditScene, wallet: str, mark: str, number: str) -> Any:
    receipt = (await scene.ask(wallet=wallet, amount=50)).json["receipt"]
    return await scene.order(receipt, number=f"{mark} {number}", cap=50, introduction=f"A room for {mark}")


async def dies_half_way(scene: CreditScene, path: str, token: str) -> None:
    """Ask for an erasure whose front door ends after some of what it has recorded is done."""
    whole, done = ErasureStore.replace, 0

    async def ends(self: ErasureStore, block: Block, old: bytes, new: bytes) -> bool:
        nonlocal done
        if done:
            raise StoreUnavailable("this process is gone")
        done += 1
        return await whole(self, block, old, new)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ErasureStore, "replace", ends)
        assert (await scene.delete(path, token)).status == 503
    assert done == 1


async def audited(switch: RunningSwitch) -> AuditReport:
    report = await audit_database(switch.database_url)
    assert report.differences == []
    return report


async def test_after_erasure_no_personal_text_is_found_and_the_audit_is_clean(
    database_url: str, tmp_path: Path
) -> None:
    async with running_switch(database_url, shards=1) as switch:
        scene = await credit_scene(switch)
        scene.scored(scene.bob_wallet, 640)
        profile = {"owner": "ann", "attributes": {"name": MARK}, "metadata": {"note": f"{MARK}'s"}}
        await switch.call("PATCH", f"/v1/wallets/{scene.ann_wallet}", profile)
        bank = await switch.wallet("external")
        for wallet, mark in ((scene.ann_wallet, MARK), (scene.bob_wallet, LEAVES)):
            await switch.pay(bank, wallet, 100)
            await switch.pay(wallet, bank, 60, reference=f"rent of {mark}", metadata={"for": mark})
            declined = await switch.pay(wallet, bank, 500, reference=f"more of {mark}", context={"device": mark})
            assert declined.json["code"] == "insufficient_funds"
        (runs,) = await orders_and_disputes(scene, scene.ann_wallet, scene.ann, MARK)
        await orders_and_disputes(scene, scene.bob_wallet, scene.bob, LEAVES)
        assert await tables_with(switch.database_url, MARK) == {
            "journal",
            "wallet_profile",
            "order_number",
            "admin_log",
        }
        assert (await audited(switch)).erased == 0

        path = f"/v1/wallets/{scene.ann_wallet}/profile"
        await dies_half_way(scene, path, scene.ann)
        assert "journal" in await tables_with(switch.database_url, MARK)
        await audited(switch)
        erased = (await scene.delete(path, scene.ann)).json
        assert erased["records"] >= 3 and (erased["payments"], erased["profile"]) == (2, True)
        assert erased["kept"] == [{"id": runs, "until": "the order is over"}]
        assert (await scene.get(f"/v1/credit/orders/{runs}", scene.inn)).json["introduction"] == f"A room for {MARK}"
        assert await tables_with(switch.database_url, MARK) == {"journal", "order_number"}, "as the answer says"
        assert (await scene.delete(path, scene.ann)).json["records"] == 0, "her key still speaks for the wallet"

        await scene.do(runs, "cancel", scene.inn)
        erased = (await scene.delete(path, scene.ann)).json
        assert (erased["records"], erased["payments"], erased["kept"]) == (1, 0, [])
        assert await tables_with(switch.database_url, MARK) == set()
        assert await tables_with(switch.database_url, LEAVES) == {"journal", "order_number"}, "others lose nothing"
        report = await audited(switch)
        assert report.erased > 0
        orders = (await scene.get(f"/v1/credit/orders?wallet={scene.ann_wallet}", scene.ann)).json["data"]
        assert [order["status"] for order in orders] == ["cancelled", "paid"], "the records are all there"
        assert {order["introduction"] for order in orders} == {""}
        paid = (await switch.call("GET", f"/v1/transfers/{orders[1]['transfer']}")).json
        assert paid["reference"] == f"order:{orders[1]['id']}", "which order a transfer paid is no text of hers"
        events = (await switch.call("GET", "/v1/events?types=credit.data_erased")).json["data"]
        assert len(events) == 4, (
            "of records, twice since the first time it died, of payments, of the order that was left"
        )

        await export(Job(url=switch.database_url, output=tmp_path / "lake"))
        files = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
        assert files and not any(MARK.encode() in each for each in files)
        for client in switch.clients:
            ledger = client._host.core.ledger
            for array in in_use(ledger.book, ledger.credit).values():
                assert MARK.encode() not in array.tobytes(), "what a checkpoint is made of"

        connection = await connect(switch.database_url, name="test")
        await connection.execute("UPDATE journal SET details = details || '\\x00' WHERE details IS NOT NULL")
        await connection.close()
        found = (await audit_database(switch.database_url)).differences
        assert any("its details are not" in each for each in found), "an erasure hides no change"
