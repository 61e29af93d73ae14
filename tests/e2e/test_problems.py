"""What goes wrong says how much was asked for and what is left, rows of batches have a text, and each code has a page."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from actors.database.pool import StoreUnavailable
from switch.api.app import SERVICES
from switch.gateway.arrow import _ANSWER
from switch.problems.table import NUMBERS, PROBLEMS, ProblemError
from tests.front_door import RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


async def test_type_leads_to_a_page_for_every_code(switch: RunningSwitch) -> None:
    for code, outcome in PROBLEMS.items():
        page = await switch.call("GET", f"/problems/{code}")
        assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert f"<h1>{code}</h1>" in page.raw.decode() and f"HTTP status {outcome.status}" in page.raw.decode()
    unknown = await switch.call("GET", "/problems/nothing")
    assert (unknown.status, unknown.json["code"]) == (404, "not_found")


async def test_how_much_is_left_to_capture_and_to_refund_is_told(switch: RunningSwitch) -> None:
    bank, user, shop = await switch.wallet("external"), await switch.wallet(), await switch.wallet("merchant")
    await switch.pay(bank, user, 100)
    hold = (await switch.pay(user, shop, 50, hold=True)).json["id"]
    await switch.call("POST", f"/v1/transfers/{hold}/capture", {"amount": 20, "final": False}, key="c1")
    more = await switch.call("POST", f"/v1/transfers/{hold}/capture", {"amount": 40}, key="c2")
    assert (more.json["code"], more.json["detail"]) == (
        "hold_exceeded",
        "40 is more than the 30 of 50 that is left to capture.",
    )
    paid = (await switch.pay(user, shop, 10)).json["id"]
    await switch.call("POST", f"/v1/transfers/{paid}/refund", {"amount": 4}, key="r1")
    again = await switch.call("POST", f"/v1/transfers/{paid}/refund", {"amount": 7}, key="r2")
    assert (again.json["code"], again.json["detail"]) == (
        "refund_exceeded",
        "7 is more than the 6 of 10 that is left to refund.",
    )
    await switch.pay(shop, user, 26)
    poor = await switch.call("POST", f"/v1/transfers/{paid}/refund", {"amount": 6}, key="r3")
    assert (poor.json["code"], poor.json["detail"]) == (
        "insufficient_funds",
        f"6 EUR (minor units) is more than the wallet {shop} can pay.",
    )


async def test_rows_of_batches_carry_a_text_beside_the_code(switch: RunningSwitch) -> None:
    user, shop = await switch.wallet(), await switch.wallet("merchant")
    row = {"payer": user, "payee": shop, "amount": 5, "currency": "EUR", "idempotency_key": "k"}
    answer = await switch.call("POST", "/v1/transfers/batch", {"transfers": [row]}, key="b")
    assert [each["detail"] for each in answer.json["results"]] == [PROBLEMS["insufficient_funds"].title]
    taken = [{"currency": "EUR", "kind": "user", "external_id": "x"}] * 2
    rows = (await switch.call("POST", "/v1/wallets/batch", {"wallets": taken}, key="w")).json["results"]
    assert "detail" not in rows[0] and rows[1]["detail"] == PROBLEMS["external_id_taken"].title
    metadata = pa.schema(_ANSWER).metadata
    texts = msgspec.json.decode(metadata[b"texts"])
    assert {int(number) for number in texts} == set(NUMBERS)


async def test_what_fails_after_money_moved_does_not_say_that_none_did(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank, user = await switch.wallet("external"), await switch.wallet()
    row = {"payer": bank, "payee": user, "amount": 5, "currency": "EUR", "idempotency_key": "k"}
    assert switch.front_door._runner is not None
    front_door = switch.front_door._runner.app[SERVICES]
    run, turns = front_door.scheduler.run, 0

    async def full_when_asked(caller: int, steps: Any) -> Any:
        nonlocal turns
        turns -= 1
        if turns == 0:
            raise ProblemError("overloaded")
        return await run(caller, steps)

    async def away(*_: Any) -> Any:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(front_door.scheduler, "run", full_when_asked)
        for at, moved in ((1, "no"), (2, "no"), (3, "unknown"), (4, "unknown")):  # read, placed; counted, written
            turns, body = at, {"transfers": [row | {"idempotency_key": f"k{at}"}]}
            batch = await switch.call("POST", "/v1/transfers/batch", body, key=f"b{at}")
            assert (batch.json["code"], batch.json["money_moved"]) == ("overloaded", moved), at
    with monkeypatch.context() as patched:
        patched.setattr(front_door.catalogue, "names_after", away)
        one = await switch.call(
            "POST", "/v1/transfers", {k: v for k, v in row.items() if k != "idempotency_key"}, key="o"
        )
    assert (one.json["code"], one.json["money_moved"]) == ("database_unavailable", "unknown")
    assert (await switch.call("GET", f"/v1/wallets/{user}")).json["posted"] == 15


async def test_no_request_holds_up_long_work_of_others_when_it_has_ended(switch: RunningSwitch) -> None:
    assert switch.front_door._runner is not None
    front_door = switch.front_door._runner.app[SERVICES]
    body = {"payer": "x", "payee": "y", "amount": 1, "currency": "EUR"}
    assert (await switch.call("POST", "/v1/transfers?a=b", body, key="k")).status == 422
    assert (await switch.call("GET", "/v1/transfers/nothing")).status == 404
    async with asyncio.timeout(60):
        await front_door.callers.give_way(0, 60)
