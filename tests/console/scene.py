"""What the console shows in tests and in screenshots: a small shop's day, made through the API."""

import uuid
from typing import Any, NamedTuple

from actors.stores.api_keys import KeyStore
from switch.http.times import now_ms, time_text
from tests.front_door import RunningSwitch

DAY_MS = 86_400_000


class Day(NamedTuple):
    """Ids of wallets and payments, by what they are."""

    alice: str
    bob: str
    shop: str
    coffee: str
    hold: str
    case: str
    declined: str
    consent: str
    hook: str


async def day_at_the_shop(switch: RunningSwitch) -> Day:
    """Payments of every sort, a case for an analyst, a consent for an inn."""
    bank = await switch.wallet("external", external_id="bank")
    alice = await switch.wallet(owner="alice", external_id="alice:main", metadata={"segment": "staff"})
    bob = await switch.wallet(owner="bob", external_id="bob:main")
    shop = await switch.wallet("merchant", owner="corner shop", external_id="shop:till")
    for wallet in (alice, bob):
        await _paid(switch, bank, wallet, 100_000, kind="top_up")
    context = {"channel": "web", "country": "FI", "device": "phone-1", "ip": "192.0.2.7"}
    coffee = await _paid(
        switch,
        alice,
        shop,
        1_250,
        kind="payment",
        reference="coffee beans",
        metadata={"order": "A-17"},
        context=context,
    )
    for i, amount in enumerate((430, 1_890, 12_000, 990, 2_745, 310)):
        await _paid(switch, (alice, bob)[i % 3 == 0], shop, amount, kind="payment", reference=f"till {i + 1}")
    hold = await _paid(switch, alice, shop, 20_000, hold=True, reference="room 12", expires_in=86_400)
    await _changed(switch, hold, "capture", {"amount": 15_000})
    await _changed(switch, coffee, "refund", {"amount": 250})
    declined = (await switch.pay(alice, shop, 9_900_000, reference="a car")).json["transfer_id"]
    rest = (await switch.call("GET", f"/v1/wallets/{bob}")).json["available"]
    case = await _paid(switch, bob, alice, rest, reference="everything") if rest >= 100_000 else ""
    if not case:
        await _paid(switch, bank, bob, 100_000, kind="top_up")
        rest = (await switch.call("GET", f"/v1/wallets/{bob}")).json["available"]
        case = await _paid(switch, bob, alice, rest, reference="everything")
    hook = await switch.call("POST", "/v1/webhook-endpoints", {"url": "https://till.example/hooks"})
    return Day(alice, bob, shop, coffee, hold, case, declined, await _consent(switch, alice), hook.json["id"])


def looked_at(day: Day) -> dict[str, str]:
    """Pages that are worth a picture, by its name."""
    return {
        "overview": "/console",
        "payment": f"/console/transfers/{day.case}",
        "hold": f"/console/transfers/{day.hold}",
        "wallet": f"/console/wallets/{day.alice}",
        "find": "/console/find?q=till+3",
        "reviews": "/console/reviews",
        "rule-packs": "/console/rule-packs",
        "rule-pack": "/console/rule-packs/default",
        "write-pack": "/console/new-rule-pack",
        "scenarios": "/console/scenarios",
        "scenario": "/console/scenarios/hotel",
        "events": "/console/events",
        "webhooks": "/console/webhooks",
        "webhook": f"/console/webhooks/{day.hook}",
        "health": "/console/health",
    }


async def _paid(switch: RunningSwitch, payer: str, payee: str, amount: int, **more: Any) -> str:
    answer = await switch.pay(payer, payee, amount, **more)
    assert answer.status == 201, answer.raw
    identity: str = answer.json["id"]
    return identity


async def _changed(switch: RunningSwitch, transfer: str, change: str, body: Any) -> None:
    answer = await switch.call("POST", f"/v1/transfers/{transfer}/{change}", body, key=str(uuid.uuid4()))
    assert answer.status == 201, answer.raw


async def _consent(switch: RunningSwitch, wallet: str) -> str:
    """Alice lets an inn ask, which does."""
    inn = await KeyStore(switch.pool).create("inn", ["merchant"])
    body = {
        "wallet": wallet,
        "scenario": "hotel",
        "merchant": "inn",
        "expires_at": time_text(now_ms() + 7 * DAY_MS),
    }
    answer = await switch.call("POST", "/v1/consents", body, key=str(uuid.uuid4()))
    assert answer.status == 201, answer.raw
    asked = {"wallet": wallet, "scenario": "hotel", "amount": 20_000}
    shown = await switch.call("POST", "/v1/credit/decisions", asked, key=str(uuid.uuid4()), token=inn.key)
    assert shown.status == 201, shown.raw
    identity: str = answer.json["id"]
    return identity
