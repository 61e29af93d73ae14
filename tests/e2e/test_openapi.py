"""Requests drawn from /openapi.json, right ones and wrong ones: no answer is a 5xx, and every answer is as the document says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from switch.gateway import arrow
from tests.conformance import closed_document
from tests.credit_scene import CreditScene, credit_scene
from tests.front_door import RunningSwitch, running_switch

EXAMPLES = 2
EXAMPLES_SLOW = 60
"""Requests of each sort for each call."""
TIMEOUT_S = 20


@schemathesis.serializer(arrow.CONTENT_TYPE)
def _no_arrow(context: Any, value: Any) -> bytes:
    """What is drawn for an Arrow stream is none."""
    return value if isinstance(value, bytes) else repr(value).encode()


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


class World(NamedTuple):
    """Where requests go: keys to send, and ids of what is there by what a path calls it."""

    base: str
    keys: list[str]
    ids: dict[str, list[str]]


async def world_of(switch: RunningSwitch) -> World:
    """Of each thing one or two."""
    scene: CreditScene = await credit_scene(switch)
    bank, shop, ann = await switch.wallet("external"), await switch.wallet("merchant"), scene.ann_wallet
    assert (await switch.pay(bank, ann, 1_000_000)).status == 201
    paid = (await switch.pay(ann, shop, 500, reference="a book")).json["id"]
    held = (await switch.pay(ann, shop, 700, hold=True)).json["id"]
    refused = (await switch.pay(ann, shop, 2_000_000)).json["transfer_id"]
    consent = (await scene.consent()).json["id"]
    receipt = (await scene.ask(amount=20_000)).json["receipt"]
    order = (await scene.order(receipt)).json["id"]
    hook = await switch.call("POST", "/v1/webhook-endpoints", {"url": "https://shop.example/hooks"})
    ids = {
        "webhook-endpoints": [hook.json["id"]],
        "wallets": [ann, shop, bank, scene.bob_wallet],
        "transfers": [paid, held, refused],
        "reviews": [paid, held],
        "consents": [consent],
        "decisions": [receipt],
        "orders": [order],
        "rule-packs": ["default"],
        "scorecards": ["payment-risk"],
        "scenarios": ["hotel"],
    }
    return World(switch.base, [switch.key, scene.ann, scene.inn], ids)


def explore(world: World, examples: int) -> Iterator[tuple[str, Callable[[], None]]]:
    """For each call and sort of request a name, and what sends its requests."""
    document = schemathesis.openapi.from_dict(closed_document())
    session = requests.Session()
    for found in document.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        modes = [GenerationMode.POSITIVE]
        if operation.definition.raw["parameters"] or operation.body:  # else nothing of a request can be wrong
            modes.append(GenerationMode.NEGATIVE)
        for mode in modes:
            yield f"{operation.label} {mode}", _sender(world, session, operation, mode, examples)


def _sender(world: World, session: requests.Session, operation: Any, mode: Any, examples: int) -> Callable[[], None]:
    known = st.sampled_from(world.ids["wallets"])
    kinds = [part for part in operation.path.split("/") if part in world.ids]
    if examples == EXAMPLES and operation.path.endswith("/mode"):  # a pack that is there is compiled, for 10 s
        kinds = []

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        key=st.sampled_from(world.keys),
        wallets=st.lists(known, min_size=2, max_size=2),
        named=st.sampled_from(world.ids[kinds[0]] if kinds else [""]),
        real=st.integers(0, 3),
    )
    def send(case: Any, key: str, wallets: list[str], named: str, real: int) -> None:
        if real and mode is GenerationMode.POSITIVE:  # a drawn id is nobody's
            for name in ("id", "name", "receipt"):
                if named and name in case.path_parameters:
                    case.path_parameters[name] = named
            _name_wallets(case.body, wallets)
        answer = case.call(
            base_url=world.base, session=session, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S
        )
        assert answer.status_code < 500, (answer.status_code, answer.content)
        case.validate_response(answer, headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

    return send


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def _name_wallets(body: Any, wallets: list[str]) -> None:
    """Wallets that are there in a body and its rows."""
    if isinstance(body, list):
        for each in body:
            _name_wallets(each, wallets)
    if isinstance(body, dict):
        for name, wallet in zip(("payer", "payee"), wallets, strict=True):
            if name in body:
                body[name] = wallet
        if "wallet" in body:
            body["wallet"] = wallets[0]
        _name_wallets(body.get("transfers"), wallets)


async def _all_calls(switch: RunningSwitch, subtests: pytest.Subtests, examples: int) -> None:
    """In a thread: a shard whose loop stands still for long takes itself for one that was stopped, and dies."""
    world = await world_of(switch)
    requests = explore(world, examples)
    while (found := await asyncio.to_thread(next, requests, None)) is not None:
        name, send = found
        with subtests.test(name):
            await asyncio.to_thread(send)


async def test_no_drawn_request_gets_a_5xx_or_what_the_document_does_not_say(
    switch: RunningSwitch, subtests: pytest.Subtests
) -> None:
    await _all_calls(switch, subtests, EXAMPLES)


@pytest.mark.slow
async def test_no_drawn_request_gets_a_5xx_or_what_the_document_does_not_say_in_many_draws(
    switch: RunningSwitch, subtests: pytest.Subtests
) -> None:
    await _all_calls(switch, subtests, EXAMPLES_SLOW)
