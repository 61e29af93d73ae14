"""What the console shows in tests and in screenshots: a small shop's day, made through the API."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from actors.stores.api_keys import Binding, KeyStore
from bench.report.figures import figure
from bench.report.report import BenchReport, new_run
from switch.api.four_eyes import FourEyes
from switch.console.scorecards import EXAMPLE
from switch.http.times import now_ms, time_text
from tests.front_door import RunningSwitch
from tests.score_batches import (
    computed_row,
    publish_card,
    publish_scores,
    reported,
    some_features,
    stream,
    with_features,
)

DAY_MS = 86_400_000
ITEMS = [{"name": "Two nights", "amount": 15_000}, {"name": "Breakfast", "amount": 2_400}]
DISCOUNTS = [{"name": "Regular guest", "amount": 1_000}]


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
    inn: str
    order: str
    dispute: str
    bench: str
    credit_review: str
    proposal: str


async def day_at_the_shop(switch: RunningSwitch, results: Path) -> Day:
    """Payments of every sort, a case for an analyst, a consent for an inn with an order and a dispute, a scored wallet; in `results`, which
    the switch shows, a run of benchmarks."""
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
    inn = await KeyStore(switch.pool).create("inn", ["merchant"])
    await KeyStore(switch.pool).create(
        "corner-shop", ["pay", "read"], Binding(owners=("corner-shop",)), timedelta(days=90)
    )
    await _score(switch, alice)
    consent, receipt = await _consent(switch, alice, inn.key)
    order = await _order(switch, receipt, shop, inn.key)
    dispute = await _created(switch, "/v1/credit/disputes", {"entry": receipt, "text": "I asked for no room."})
    review = await _created(switch, "/v1/credit/reviews", {"receipt": receipt, "text": "My income has doubled."})
    await _created(switch, f"/v1/reviews/{case}/notes", {"text": "Called bob: he is moving banks."})
    await _card(switch)
    await _controls(switch, alice)
    return Day(
        alice,
        bob,
        shop,
        coffee,
        hold,
        case,
        declined,
        consent,
        hook.json["id"],
        inn.key,
        order,
        dispute,
        _measured(results),
        review,
        await _proposal(switch),
    )


def looked_at(day: Day) -> dict[str, str]:
    """Pages that are worth a picture, by its name."""
    return {
        "overview": "/console",
        "payment": f"/console/transfers/{day.case}",
        "event": f"/console/events/{day.coffee}",
        "hold": f"/console/transfers/{day.hold}",
        "wallet": f"/console/wallets/{day.alice}",
        "find": "/console/find?q=till+3",
        "reviews": "/console/reviews",
        "review": f"/console/reviews/{day.case}",
        "credit-reviews": "/console/credit-reviews",
        "credit-review": f"/console/credit-reviews/{day.credit_review}",
        "lists": "/console/lists",
        "list": "/console/lists/stolen-devices",
        "proposals": "/console/proposals",
        "proposal": f"/console/proposals/{day.proposal}",
        "rule": "/console/rule-packs/default/rules/drain",
        "rule-packs": "/console/rule-packs",
        "rule-pack": "/console/rule-packs/default",
        "write-pack": "/console/new-rule-pack",
        "scorecards": "/console/scorecards",
        "scorecard": "/console/scorecards/shop",
        "write-card": "/console/new-scorecard",
        "consents": f"/console/consents?wallet={day.alice}",
        "orders": f"/console/orders?wallet={day.alice}",
        "order": f"/console/orders/{day.order}",
        "disputes": "/console/disputes",
        "dispute": f"/console/disputes/{day.dispute}",
        "rescoring": "/console/rescoring",
        "audit": "/console/audit",
        "admin-log": "/console/admin-log",
        "keys": "/console/keys",
        "bench": "/console/bench",
        "bench-report": f"/console/bench/{day.bench}",
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


async def _created(switch: RunningSwitch, path: str, body: Any, token: str | None = None) -> str:
    answer = await switch.call("POST", path, body, key=str(uuid.uuid4()), token=token)
    assert answer.status == 201, answer.raw
    identity: str = answer.json["id"]
    return identity


async def _consent(switch: RunningSwitch, wallet: str, inn: str) -> tuple[str, str]:
    """Alice lets an inn ask, which does: ids of the consent and of the receipt."""
    body = {
        "wallet": wallet,
        "scenario": "hotel",
        "merchant": "inn",
        "expires_at": time_text(now_ms() + 7 * DAY_MS),
    }
    consent = await _created(switch, "/v1/consents", body)
    asked = {"wallet": wallet, "scenario": "hotel", "amount": 20_000}
    shown = await switch.call("POST", "/v1/credit/decisions", asked, key=str(uuid.uuid4()), token=inn)
    assert shown.status == 201, shown.raw
    return consent, shown.json["receipt"]


async def _order(switch: RunningSwitch, receipt: str, payee: str, inn: str) -> str:
    body = {
        "receipt": receipt,
        "number": "A-12",
        "kind": "deposit_waived",
        "cap": 20_000,
        "currency": "EUR",
        "payee": payee,
        "introduction": "Room 12, two nights",
    }
    order = await _created(switch, "/v1/credit/orders", body, inn)
    for call, more, token in (("confirm", {}, None), ("complete", {"items": ITEMS, "discounts": DISCOUNTS}, inn)):
        answer = await switch.call(
            "POST", f"/v1/credit/orders/{order}/{call}", more, key=str(uuid.uuid4()), token=token
        )
        assert answer.status == 200, answer.raw
    return order


async def _score(switch: RunningSwitch, wallet: str) -> None:
    """A run of the wallet card that is shipped, with the features that it saw."""
    card = await publish_card(switch)
    row = computed_row(card, wallet, some_features(card))
    answer = await publish_scores(switch, stream([row], with_features(card)))
    assert reported(answer) == [("ok", False)]


async def _card(switch: RunningSwitch) -> None:
    """A card for payments, published and not used."""
    card = EXAMPLE.replace("corner-shop", "shop").encode()
    headers = {"Content-Type": "application/json"}
    answer = await switch.call("PUT", "/v1/scorecards/shop", data=card, headers=headers)
    assert answer.status == 201, answer.raw


async def _controls(switch: RunningSwitch, wallet: str) -> None:
    """A list with an entry, and a rule that is snoozed."""
    until = time_text(now_ms() + 30 * DAY_MS)
    for path, body in (
        ("/v1/lists/stolen-devices", {"type": "device", "description": "What holders have reported"}),
        (
            "/v1/lists/stolen-devices/entries/phone-7",
            {"reason": "case 17: reported by its holder", "expires_at": until},
        ),
        (f"/v1/rule-packs/default/rules/burst/snoozes/{wallet}", {"reason": "pays her staff", "until": until}),
    ):
        answer = await switch.call("PUT", path, body)
        assert answer.status in (200, 201), answer.raw


async def _proposal(switch: RunningSwitch) -> str:
    """What somebody asks for while two accounts are needed."""
    ann = await KeyStore(switch.pool).create("ann", ["analyst"])
    before, switch.services.four_eyes = switch.services.four_eyes, FourEyes(four_eyes=True)
    asked = {
        "method": "PUT",
        "path": "/v1/lists/stolen-devices/entries/phone-8",
        "content": {"reason": "case 18"},
        "reason": "Reported today; the holder has a new one.",
    }
    identity = await _created(switch, "/v1/proposals", asked, ann.key)
    switch.services.four_eyes = before
    return identity


def _measured(results: Path) -> str:
    """Name of a file of figures, as `shardpay bench` writes it."""
    run = new_run({"names": ["single"], "quick": True}, {"usable_cpus": 2, "fsync_ms": 0.4}, {"python": "3.11"})
    report = BenchReport(results, run)
    report.add(
        [figure("single", "shardpay, 1 shard", "payments/s", [4_100.0, 4_300.5], aim=4_000.0, detail={"p99_ms": 38.5})]
    )
    return report.path.stem
