"""Payments that many tests make: wallets with money, holds, captures, linked groups."""

import asyncio
import uuid
from typing import Any

from tests.front_door import Answer, RunningSwitch


async def funded(switch: RunningSwitch, amount: int = 10_000, **fields: Any) -> tuple[str, str]:
    """An external wallet, and a user wallet that got money from it."""
    bank = await switch.wallet("external")
    user = await switch.wallet(**fields)
    answer = await switch.pay(bank, user, amount)
    assert answer.status == 201, answer.raw
    return bank, user


async def once_posted(switch: RunningSwitch, wallet: str, posted: int) -> dict[str, Any]:
    """The wallet, once its posted balance is as expected; a remote credit may take a moment."""
    async with asyncio.timeout(60):
        while True:
            shown: dict[str, Any] = (await switch.call("GET", f"/v1/wallets/{wallet}")).json
            if shown["posted"] == posted:
                return shown


async def hold(switch: RunningSwitch, payer: str, payee: str, amount: int, **fields: Any) -> dict[str, Any]:
    answer = await switch.pay(payer, payee, amount, hold=True, **fields)
    assert (answer.status, answer.json["status"]) == (201, "held"), answer.raw
    return answer.json


async def act(switch: RunningSwitch, transfer: str, what: str, key: str, **body: Any) -> Answer:
    return await switch.call("POST", f"/v1/transfers/{transfer}/{what}", body, key=key)


async def shown(switch: RunningSwitch, transfer: str) -> dict[str, Any]:
    answer = await switch.call("GET", f"/v1/transfers/{transfer}")
    assert answer.status == 200, answer.raw
    return answer.json


async def money(switch: RunningSwitch, wallet: str) -> tuple[int, int]:
    wallet_shown = (await switch.call("GET", f"/v1/wallets/{wallet}")).json
    return wallet_shown["posted"], wallet_shown["held"]


def row(payer: str, payee: str, amount: int, key: str, currency: str = "EUR") -> dict[str, Any]:
    return {"payer": payer, "payee": payee, "amount": amount, "currency": currency, "idempotency_key": key}


async def group(switch: RunningSwitch, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = await switch.call(
        "POST", "/v1/transfers/batch", {"transfers": rows, "linked": True}, key=str(uuid.uuid4())
    )
    assert answer.status == 200, answer.raw
    results: list[dict[str, Any]] = answer.json["results"]
    return results
