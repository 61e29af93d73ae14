"""The calls of the demo: scores are published, a shop gets its money from who has it, and waits for it from who has spent it."""

import asyncio
import uuid
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.stores.api_keys import Binding, KeyStore
from models.credit.score import DAYS, PAYMENTS
from models.credit.shipped import shipped
from switch.cli.demo_calls import BILL, SCENARIO, SHOP, Calls
from switch.cli.sample_people import _features
from switch.http.times import now_ms, time_text
from tests.front_door import RunningSwitch, running_switch


async def old_wallet(switch: RunningSwitch, bank: str, owner: str) -> str:
    """A wallet of a year ago with 300.00: the shop's scenario asks for three months."""
    year_ago = {"Shardpay-Time": time_text(now_ms() - 365 * 86_400_000)}
    body = {"kind": "user", "currency": "EUR", "owner": owner}
    wallet: str = (await switch.call("POST", "/v1/wallets", body, headers=year_ago)).json["id"]
    assert (await switch.pay(bank, wallet, 30_000)).status == 201
    return wallet


async def write_features(switch: RunningSwitch, folder: Path) -> list[str]:
    """Two people with the best score and 300.00 each, one who is not scored, and a merchant, whom nobody scores."""
    bank = await switch.wallet("external")
    wallets = [await old_wallet(switch, bank, name) for name in ("ann", "bob")]
    wallets += [await switch.wallet(owner="new"), await switch.wallet("merchant")]
    best = _features(shipped("wallet"), 10_000)
    rows = []
    for at, wallet in enumerate(wallets):
        known = {**best, DAYS: 400, PAYMENTS: 0 if at == 2 else 90, "lowest_balance_90d": 30_000 - at}
        kind = "merchant" if at == 3 else "user"
        rows.append({**known, "wallet": uuid.UUID(wallet).bytes, "kind": kind})
    folder.mkdir()
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, folder / "shard-0000.parquet")
    return wallets


async def test_an_order_is_paid_another_is_late_and_disputed(database_url: str, tmp_path: Path) -> None:
    async with running_switch(database_url) as switch:
        ann, bob, *_ = await write_features(switch, tmp_path / "features")
        shop = await KeyStore(switch.pool).create(SHOP, ["merchant"], Binding(owners=[SHOP], scenarios=[SCENARIO]))
        calls = Calls(switch.base, switch.key)
        try:
            printed = await asyncio.to_thread(calls.publish, tmp_path / "features")
            assert printed.startswith("3 wallets; 2 have a score: ") and f"{2:,} from " in printed
            await asyncio.to_thread(calls.prepare, shop.key)
            paid = await asyncio.to_thread(calls.paid_order)
            assert calls.shown == ann, "the richest of those with a good score"
            assert "the answer is yes" in paid and f"is paid: {BILL / 100:.2f} EUR by transfer" in paid
            late = await asyncio.to_thread(calls.late_order)
            assert "is due, tried again at 20" in late and late.endswith("the holder pays: it is paid")
            assert (
                "is open; unless it is answered until" in (printed := await asyncio.to_thread(calls.dispute)) or printed
            )
            shown = (await switch.call("GET", f"/v1/wallets/{bob}")).json
            assert shown["posted"] == 0, "the poorest has spent all, and paid from what came in"
            tills = (await switch.call("GET", "/v1/wallets?external_id=demo:till")).json["data"]
            assert tills[0]["owner"] == SHOP
        finally:
            calls.close()


def test_without_anybody_of_a_good_score_the_demo_says_so() -> None:
    calls = Calls("http://127.0.0.1:9", "sp_key")
    for step, words in ((calls.paid_order, "has the money"), (calls.late_order, "spends it all")):
        with pytest.raises(click.ClickException, match=words):
            step()
    calls.close()
