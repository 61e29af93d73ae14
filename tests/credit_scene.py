"""People for tests of credit: Ann with a score and her own key, an inn that asks in the scenario hotel, and strangers to both."""

import uuid
from typing import Any, NamedTuple

import numpy as np

from actors.ledger.book import local_row
from actors.records.ids import decode_wallet
from actors.records.secret import Secret
from actors.stores.api_keys import Binding, KeyStore
from switch.http.times import now_ms, time_text
from tests.front_door import SECRET, Answer, RunningSwitch

DAY_MS = 86_400_000
IN_A_WEEK = 7 * DAY_MS


class CreditScene(NamedTuple):
    """Keys: `ann` and `bob` of holders, `inn` and `shop` of merchants; `till` is the wallet of the inn, `ann_wallet` and `bob_wallet` are
    theirs."""

    switch: RunningSwitch
    ann: str
    bob: str
    inn: str
    shop: str
    ann_wallet: str
    bob_wallet: str
    till: str

    async def post(self, path: str, body: Any, token: str, key: str | None = None) -> Answer:
        return await self.switch.call("POST", path, body, key=key or str(uuid.uuid4()), token=token)

    async def get(self, path: str, token: str) -> Answer:
        return await self.switch.call("GET", path, token=token)

    async def delete(self, path: str, token: str) -> Answer:
        return await self.switch.call("DELETE", path, token=token)

    async def consent(self, scenario: str = "hotel", merchant: str = "inn", wallet: str = "", **more: Any) -> Answer:
        body = {
            "wallet": wallet or self.ann_wallet,
            "scenario": scenario,
            "merchant": merchant,
            "expires_at": time_text(now_ms() + IN_A_WEEK),
            **more,
        }
        return await self.post("/v1/consents", body, self.bob if wallet == self.bob_wallet else self.ann)

    async def ask(self, wallet: str = "", scenario: str = "hotel", key: str | None = None, **more: Any) -> Answer:
        body = {"wallet": wallet or self.ann_wallet, "scenario": scenario, **more}
        return await self.post("/v1/credit/decisions", body, self.inn, key)

    async def order(self, receipt: str = "", number: str = "A1", cap: int = 20_000, **more: Any) -> Answer:
        """An order of the inn's, on an answer of yes."""
        body = {
            "receipt": receipt or (await self.ask(amount=cap)).json["receipt"],
            "kind": "deposit_waived",
            "cap": cap,
            "currency": "EUR",
            "payee": self.till,
            "number": number,
            "introduction": "Room 12, two nights",
            **more,
        }
        return await self.post("/v1/credit/orders", body, self.inn)

    async def do(self, order: str, call: str, token: str, key: str | None = None, **body: Any) -> Answer:
        return await self.post(f"/v1/credit/orders/{order}/{call}", body, token, key)

    def scored(self, wallet: str, score: int, **counts: int) -> None:
        """What a published score leaves in the holder's row, and counts of orders."""
        address = decode_wallet(Secret.of(SECRET), wallet)
        for client in self.switch.clients:
            ledger = client._host.core.ledger
            at = int(local_row(ledger.book, address))
            if at >= 0:
                row = ledger.credit.rows[at]
                row["score"], row["as_of"] = score, now_ms()
                row["subtotals"] = np.full(5, score // 5)
                for name, count in counts.items():
                    row[name] = count


async def credit_scene(switch: RunningSwitch) -> CreditScene:
    ann_wallet, bob_wallet = await switch.wallet(owner="ann"), await switch.wallet(owner="bob")
    till = await switch.wallet("merchant", owner="inn")
    store = KeyStore(switch.pool)
    ann, bob, inn, shop = [
        await store.create("ann", ["holder"], Binding(owners=["ann"])),
        await store.create("bob", ["holder"], Binding(owners=["bob"])),
        await store.create("inn", ["merchant"], Binding(owners=["inn"], scenarios=["hotel", "travel"])),
        await store.create("shop", ["merchant"], Binding(owners=["shop"], scenarios=["hotel", "online-shopping"])),
    ]
    scene = CreditScene(switch, ann.key, bob.key, inn.key, shop.key, ann_wallet, bob_wallet, till)
    scene.scored(ann_wallet, 640)
    return scene
