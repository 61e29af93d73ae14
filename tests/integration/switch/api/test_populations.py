"""A card's monitor over HTTP: payments before a time and since, by the journal; what cannot be compared is refused by its field."""

import asyncio
from typing import Any

import pytest

from switch.console.scorecards import EXAMPLE
from switch.http.times import now_ms, time_text
from tests.front_door import RunningSwitch
from tests.score_batches import publish_card

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/scorecards/population"


async def published(switch: RunningSwitch, name: str) -> None:
    card = EXAMPLE.replace("corner-shop", name).encode()
    answer = await switch.call("PUT", f"/v1/scorecards/{name}", data=card, headers={"Content-Type": "application/json"})
    assert answer.status == 201, answer.raw


async def asked(switch: RunningSwitch, **body: Any) -> Any:
    return await switch.call("POST", PATH, body)


async def test_payments_are_counted_on_their_side_of_the_time(shared: RunningSwitch) -> None:
    bank, shop = await shared.wallet("external"), await shared.wallet("merchant")
    await shared.pay(bank, shop, 10)
    await asyncio.sleep(0.02)
    between = time_text(now_ms())
    await asyncio.sleep(0.02)
    for amount in (20, 70_000):
        assert (await shared.pay(bank, shop, amount)).status == 201
    await published(shared, "watched")
    answer = await asked(shared, name="watched", divided_at=between)
    assert answer.status == 200, answer.raw
    found = answer.json["population"]
    assert (answer.json["divided_at"], found["card"], found["since"]) == (between, "watched@1", 2)
    amounts = next(each for each in found["characteristics"] if each["feature"] == "amount")
    assert [bin["since"] for bin in amounts["bins"]] == [1, 0, 1, 0]
    assert found["psi"] is not None and sum(bar["before"] for bar in found["distribution"]) == found["before"] >= 1
    by_default = await asked(shared, name="watched")
    assert by_default.json["population"]["since"] == 0, "all came before the card was published"
    assert by_default.json["population"]["psi"] is None


async def test_what_cannot_be_compared_is_refused(shared: RunningSwitch) -> None:
    await publish_card(shared)
    of_wallets = await asked(shared, name="wallet")
    assert (of_wallets.status, of_wallets.json["errors"][0]["field"]) == (422, "name")
    assert (await asked(shared, name="nobodys")).json["code"] == "scorecard_not_found"
    await published(shared, "refused")
    wrong = await asked(shared, name="refused", divided_at="yesterday")
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (422, "divided_at")
