"""A deployment reaches every scorer, whoever dies on the way, and a change that is sent again undoes nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from switch.api.publisher import Publisher
from switch.api.services import Limits
from tests.front_door import RunningSwitch, running_front_door, running_switch
from tests.published_packs import moded, pack, payers, published


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


async def test_a_deployment_whose_front_door_died_before_it_told_the_scorers_decides_all_the_same(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (wallet,) = await payers(switch)
    shop = await switch.wallet()
    await published(switch, "strict", pack("strict"))
    committed, never = asyncio.Event(), asyncio.Event()

    async def activate(*_: object) -> None:
        committed.set()
        await never.wait()

    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "activate", activate)
        asked = asyncio.create_task(moded(switch, "strict", mode="live"))
        await asyncio.wait_for(committed.wait(), 10)
        asked.cancel()
    assert (await switch.pay(wallet, shop, 1_000)).json["decision"]["pack"] == "default@1"
    life = asyncio.create_task(switch.scorer.run())
    async with asyncio.timeout(60):
        while switch.scorer.revision == 1:
            await asyncio.sleep(0)
    life.cancel()
    assert (await switch.pay(wallet, shop, 1_000)).json["decision"]["pack"] == "strict@1"
    again = await moded(switch, "strict", mode="live")
    assert again["scorers"]["revision"] == 2, "who asks again is told how it is, and changes nothing"
    never.set()  # the end of the front door need not wait for it


async def test_a_change_of_mode_sent_again_while_it_is_under_way_is_answered_with_it(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On whichever front door: each has a line of its own, and the database one for all."""
    await published(switch, "mild", pack("mild"))
    deploy, deployments = Publisher.deploy, 0

    async def slowly(self: Publisher, *arguments: Any) -> Any:
        nonlocal deployments
        deployments += 1
        await asyncio.sleep(0.1)
        return await deploy(self, *arguments)

    monkeypatch.setattr(Publisher, "deploy", slowly)
    async with running_front_door(switch, Limits()) as other:
        path, live = "/v1/rule-packs/mild/mode", {"mode": "live"}
        answers = await asyncio.gather(*(one.call("POST", path, live, key="k") for one in (switch, other) * 2))
    assert {(each.status, each.raw) for each in answers} == {(200, answers[0].raw)}
    assert sorted(each.headers.get("Idempotent-Replayed", "") for each in answers) == ["", "true", "true", "true"]
    assert deployments == 1


async def test_a_change_of_mode_sent_again_undoes_nothing_that_others_changed_meanwhile(switch: RunningSwitch) -> None:
    for name in ("mild", "strict"):
        await published(switch, name, pack(name))
    path, live = "/v1/rule-packs/mild/mode", {"mode": "live"}
    first = await switch.call("POST", path, live, key="monday")
    await moded(switch, "strict", mode="live")
    again = await switch.call("POST", path, live, key="monday")
    assert (again.status, again.raw, again.headers["Idempotent-Replayed"]) == (200, first.raw, "true")
    assert "Idempotent-Replayed" not in first.headers
    (now,) = (await switch.call("GET", "/v1/rule-packs?limit=1")).json["deployments"][:1]
    assert now["live"] == "strict@1"
    for other, body in ((path, {"mode": "shadow"}), ("/v1/rule-packs/strict/mode", live)):
        refused = await switch.call("POST", other, body, key="monday")
        assert (refused.status, refused.json["code"]) == (422, "idempotency_mismatch")
    assert (await moded(switch, "mild", mode="live"))["deployment"]["live"] == "mild@1", (
        "without a key it is a new change"
    )
