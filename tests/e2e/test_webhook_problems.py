"""Calls of webhooks that cannot be: each gets its problem, names the field, and changes nothing."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.stores.api_keys import KeyStore
from actors.stores.webhook_endpoints import ENDPOINTS_OF_ONE_MAX
from tests.front_door import RunningSwitch, running_switch

PATH = "/v1/webhook-endpoints"
URL = "https://shop.example/hooks"
NOWHERE = str(uuid.UUID(int=7))


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


def wrong_bodies() -> list[tuple[Any, str]]:
    """Bodies of POST, and the field that is wrong."""
    return [
        ({}, ""),
        ({"url": 5}, "url"),
        ({"url": ""}, "url"),
        ({"url": "http://shop.example/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://[::ffff:169.254.169.254]/"}, "url"),
        ({"url": "https://user:pass@shop.example/"}, "url"),
        ({"url": "https://" + "a" * 2_048}, "url"),
        ({"url": URL, "types": []}, "types"),
        ({"url": URL, "types": ["transfer.lost"]}, "types[0]"),
        ({"url": URL, "types": ["transfer.posted", "webhook.test"]}, "types[1]"),
        ({"url": URL, "types": "transfer.posted"}, "types"),
        ({"url": URL, "ordered": "yes"}, "ordered"),
        ({"url": URL, "description": "two\nlines"}, "description"),
        ({"url": URL, "after": "yesterday"}, "after"),
        ({"url": URL, "secret": "whsec_mine"}, ""),
    ]


async def test_a_wrong_body_names_its_field_and_makes_nothing(switch: RunningSwitch, subtests: pytest.Subtests) -> None:
    made = (await switch.call("POST", PATH, {"url": URL})).json
    for body, field in wrong_bodies():
        with subtests.test(repr(body)[:80]):
            answer = await switch.call("POST", PATH, body, key="k")
            assert (answer.status, answer.json["code"]) == (422, "invalid_field"), answer.raw
            assert answer.json["errors"][0]["field"] == field or not field
            if "url" in body:
                patched = await switch.call("PATCH", f"{PATH}/{made['id']}", body)
                assert (patched.status, patched.json["code"]) == (422, "invalid_field")
    assert [each["id"] for each in (await switch.call("GET", PATH)).json["data"]] == [made["id"]]
    assert (await switch.call("GET", f"{PATH}/{made['id']}")).json["url"] == URL


async def test_what_is_not_there_and_what_may_not_be_gets_its_code(
    switch: RunningSwitch, subtests: pytest.Subtests
) -> None:
    made = (await switch.call("POST", PATH, {"url": URL}, key="k")).json
    one, reader = f"{PATH}/{made['id']}", (await KeyStore(switch.pool).create("reader", ["read"])).key
    calls: list[tuple[str, str, Any, dict[str, Any], int, str]] = [
        ("GET", f"{PATH}/{NOWHERE}", None, {}, 404, "webhook_endpoint_not_found"),
        ("GET", f"{PATH}/nowhere", None, {}, 404, "webhook_endpoint_not_found"),
        ("DELETE", f"{PATH}/{NOWHERE}", None, {}, 404, "webhook_endpoint_not_found"),
        ("GET", f"{one}/deliveries/{NOWHERE}", None, {}, 404, "delivery_not_found"),
        ("GET", f"{one}/deliveries/x", None, {}, 404, "delivery_not_found"),
        ("POST", f"{one}/deliveries/{NOWHERE}/replay", {}, {}, 404, "delivery_not_found"),
        ("GET", f"{one}/deliveries?state=lost", None, {}, 422, "invalid_query"),
        ("GET", f"{one}/deliveries?event=x", None, {}, 422, "invalid_query"),
        ("GET", f"{one}/deliveries?after=x", None, {}, 422, "invalid_query"),
        ("GET", "/v1/webhook-deliveries", None, {}, 422, "invalid_query"),
        ("GET", "/v1/webhook-deliveries?events=x", None, {}, 422, "invalid_query"),
        ("GET", f"/v1/webhook-deliveries?events={','.join([NOWHERE] * 101)}", None, {}, 422, "invalid_query"),
        ("GET", f"/v1/webhook-deliveries?events={NOWHERE}&after=x", None, {}, 422, "invalid_query"),
        ("GET", f"{PATH}?after=x", None, {}, 422, "invalid_query"),
        ("POST", f"{one}/secret/rotate", {"expires_in": -1}, {}, 422, "invalid_field"),
        ("POST", f"{one}/secret/rotate", {"expires_in": 604_801}, {}, 422, "invalid_field"),
        ("POST", f"{one}/test", {"now": True}, {}, 422, "invalid_field"),
        ("POST", PATH, {"url": URL + "/2"}, {"key": "k"}, 422, "idempotency_mismatch"),
        ("GET", PATH, None, {"token": reader}, 403, "forbidden"),
        ("POST", PATH, {"url": URL}, {"token": reader}, 403, "forbidden"),
        ("GET", PATH, None, {"token": "sp_nobody"}, 401, "unauthenticated"),
        ("PUT", one, {}, {}, 405, "method_not_allowed"),
    ]
    for method, path, body, more, status, code in calls:
        with subtests.test(f"{method} {path} {body}"):
            answer = await switch.call(method, path, body, **more)
            assert (answer.status, answer.json["code"]) == (status, code), answer.raw
    disabled = await switch.call("PATCH", one, {"disabled": True})
    assert disabled.json["disabled_because"] == "asked"
    for path in (f"{one}/test", f"{one}/replay"):
        assert (await switch.call("POST", path, {})).json["code"] == "webhook_endpoint_disabled"


async def test_an_account_has_so_many_endpoints_and_pages_hold_each_once(switch: RunningSwitch) -> None:
    made = [(await switch.call("POST", PATH, {"url": f"{URL}/{n}"})).json["id"] for n in range(ENDPOINTS_OF_ONE_MAX)]
    full = await switch.call("POST", PATH, {"url": URL}, key="one more")
    assert (full.status, full.json["code"]) == (409, "webhook_endpoints_full")
    seen, page = list[str](), (await switch.call("GET", f"{PATH}?limit=5")).json
    while True:
        seen += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        page = (await switch.call("GET", f"{PATH}?limit=5&after={page['next']}")).json
    assert seen == sorted(made)
    assert (await switch.call("DELETE", f"{PATH}/{made[0]}")).status == 200
    assert (await switch.call("POST", PATH, {"url": URL}, key="one more")).status == 201, "refused, it took no key"


@pytest.mark.parametrize("rotated", [False, True], ids=["a new endpoint", "a new secret"])
async def test_a_secret_is_shown_once_and_kept_in_no_answer(switch: RunningSwitch, rotated: bool) -> None:
    path, body = PATH, {"url": URL}
    if rotated:
        path = f"{PATH}/{(await switch.call('POST', PATH, body)).json['id']}/secret/rotate"
        body = {}
    first = await switch.call("POST", path, body, key="once")
    again = await switch.call("POST", path, body, key="once")
    assert first.json["secret"].startswith("whsec_") and again.headers["Idempotent-Replayed"] == "true"
    assert again.json == {**first.json, "secret": None} and again.status == first.status
    async with switch.pool.session() as session:
        answers = await session.fetch("SELECT answer FROM batch_key WHERE answer IS NOT NULL")
    assert len(answers) == 1 and b"whsec_" not in answers[0]["answer"]
