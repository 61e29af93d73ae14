"""OWASP's API Security Top 10 of 2023, each as an attack on a real front door over real shards and a real journal.

What stands in tests of its own is not told again here: bound accounts on every route, addresses of webhooks, kinds of bad requests, floods.
"""

import asyncio
import re
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actors.stores.api_keys import Binding, KeyStore
from actors.stores.scopes import SCOPES
from switch.api.app import OPEN_ROUTES, ROUTES
from switch.api.four_eyes import FourEyes
from switch.api.route import Route
from switch.api.services import Limits
from switch.fairness.rates import RequestLimits
from switch.http.auth import KEY_TTL_S
from switch.http.schema import LABELS_MAX
from switch.webhooks.addresses import AddressRefused
from tests.front_door import RunningSwitch, running_switch
from tests.payments import funded
from tests.reviewer import REVIEWED, Reviewer

NOBODY = "00000001-0000-8abc-8123-456789abcdef"


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1, scorer=Reviewer()) as running:
        yield running


async def key_of(switch: RunningSwitch, name: str, *scopes: str, **bound: Any) -> str:
    return (await KeyStore(switch.pool).create(name, scopes, Binding(**bound))).key


def path_of(route: Route, identity: str) -> str:
    """A path of a route with an id of somebody in each place."""
    path = re.sub(r"\{\w+:(\w[\w-]*)[^}]*\}", r"\1", route.path)
    return re.sub(r"\{\w+\}", identity, path)


async def test_api1_an_id_of_somebody_else_is_answered_as_one_of_nobody(switch: RunningSwitch) -> None:
    """Broken object level authorization: ids are guessed, and answers compared."""
    _, payer = await funded(switch, 1_000)
    owned = await switch.wallet(owner="mallory")
    token = await key_of(switch, "mallory", "pay", "read", owners=("mallory",))
    paid = (await switch.pay(payer, await switch.wallet("merchant"), 5)).json["id"]
    for path, theirs in (("/v1/transfers/{}", paid), ("/v1/wallets/{}", payer), ("/v1/wallets/{}/holds", payer)):
        answers = [await switch.call("GET", path.format(each), token=token) for each in (theirs, NOBODY)]
        assert [each.status for each in answers] == [404, 404]
        assert answers[0].raw == answers[1].raw, "nothing tells that it is there"
    assert (await switch.call("GET", f"/v1/wallets/{owned}", token=token)).status == 200
    for method, path in (
        ("PUT", f"/v1/transfers/{paid}/label"),
        ("GET", f"/v1/reviews/{paid}/notes"),
        ("GET", "/v1/labels"),
        ("GET", "/v1/lists"),
        ("GET", "/v1/proposals"),
    ):
        assert (await switch.call(method, path, {} if method == "PUT" else None, token=token)).status == 403


async def test_api2_a_key_is_taken_in_one_place_whole_and_for_as_long_as_it_lives(switch: RunningSwitch) -> None:
    """Broken authentication: keys in other places, cut, changed, revoked; and guessing that gets slower."""
    made = await KeyStore(switch.pool).create("shop", ["read"])
    wallet = await switch.wallet()
    path = f"/v1/wallets/{wallet}"
    assert (await switch.call("GET", path, token=made.key)).status == 200
    wrong = (
        made.key[:-1],
        made.key + "x",
        made.key.swapcase(),
        f"{made.key}, {switch.key}",
        "null",
        "undefined",
        "' OR 1=1 --",
    )
    for token in wrong:
        assert (await switch.call("GET", path, token=token)).status == 401
    for headers in ({"X-API-Key": made.key}, {"Cookie": f"key={made.key}"}, {"Authorization": f"Basic {made.key}"}):
        async with switch.session.get(switch.base + path, headers=headers) as response:
            assert response.status == 401
    async with switch.session.get(f"{switch.base}{path}?api_key={made.key}") as response:
        assert response.status == 401, "an address stands in logs"
    loop = asyncio.get_running_loop()
    seconds = []
    for _ in range(8):
        began = loop.time()
        await switch.call("GET", path, token="guessed")
        seconds.append(loop.time() - began)
    assert max(seconds) > 4 * min(seconds) and max(seconds) > 0.1, "whoever tries keys waits longer and longer"
    assert await KeyStore(switch.pool).revoke(made.id)
    await asyncio.sleep(KEY_TTL_S + 0.1)
    assert (await switch.call("GET", path, token=made.key)).status == 401


async def test_api3_no_field_is_set_that_is_not_the_callers_and_none_is_shown_that_is_secret(
    switch: RunningSwitch,
) -> None:
    """Broken object property level authorization: mass assignment, and more in an answer than its reader needs."""
    _, payer = await funded(switch, 1_000)
    payee = await switch.wallet("merchant")
    good = {"payer": payer, "payee": payee, "amount": 5, "currency": "EUR"}
    tried = [
        *(
            ("POST", "/v1/wallets", {"kind": "user", "currency": "EUR", name: 1_000})
            for name in ("posted", "held", "id")
        ),
        *(
            ("PATCH", f"/v1/wallets/{payer}", {name: "x"})
            for name in ("status", "kind", "floor", "currency", "account")
        ),
        *(
            ("POST", "/v1/transfers", {**good, name: "x"})
            for name in ("id", "status", "decision", "caller", "created_at")
        ),
        ("POST", "/v1/transfers", {**good, "effective_at": "2020-01-01T00:00:00Z"}),
        ("PUT", "/v1/lists/mine", {"type": "device", "made_by": "somebody"}),
        ("POST", "/v1/labels", {"labels": [{"id": NOBODY, "label": True, "made_by": "somebody"}]}),
    ]
    for method, path, body in tried:
        answer = await switch.call(method, path, body, key=str(uuid.uuid4()))
        assert (answer.status, answer.json["code"]) == (422, "invalid_field"), (path, body, answer.raw)
    assert (await switch.call("GET", f"/v1/wallets/{payer}")).json["posted"] == 1_000
    hook = (await switch.call("POST", "/v1/webhook-endpoints", {"url": "https://93.184.215.14/hooks"})).json
    for path in ("/v1/webhook-endpoints", f"/v1/webhook-endpoints/{hook['id']}"):
        assert hook["secret"] not in (await switch.call("GET", path)).raw.decode()


async def test_api4_no_request_takes_more_than_its_share(database_url: str) -> None:
    """Unrestricted resource consumption: too often, too long, too many, too much at once."""
    limits = Limits(requests=RequestLimits(reads_per_s=5, writes_per_s=50), json_bytes_max=10_000)
    async with running_switch(database_url, shards=1, limits=limits) as switch:
        token = await key_of(switch, "greedy", "read", "analyst")
        answers = [await switch.call("GET", "/v1/lists", token=token) for _ in range(15)]
        refused = [each for each in answers if each.status == 429]
        assert refused and all(int(each.headers["Retry-After"]) >= 1 for each in refused)
        assert (await switch.call("GET", "/v1/lists")).status == 200, "another caller has its own"
        patient = await key_of(switch, "patient", "analyst")
        many = {"labels": [{"id": NOBODY, "label": True}] * 100}
        assert (await switch.call("POST", "/v1/labels", many)).status in (413, 422)
        long = await switch.call("POST", "/v1/labels", {"labels": [{"id": NOBODY, "label": True}] * (LABELS_MAX + 1)})
        assert (long.status, long.json["code"]) == (413, "payload_too_large")
        for limit in ("0", "101", "-1", "1e9", "99999999999999999999"):
            await asyncio.sleep(0.5)
            assert (await switch.call("GET", f"/v1/proposals?limit={limit}", token=patient)).status == 422
        deep = b'{"reason": ' + b"[" * 4_000 + b"]" * 4_000 + b"}"
        headers = {"Content-Type": "application/json"}
        assert (await switch.call("PUT", "/v1/lists/x", data=deep, headers=headers)).status in (400, 422)


async def test_api5_each_scope_makes_the_calls_that_name_it_and_no_other(switch: RunningSwitch) -> None:
    """Broken function level authorization: every route with a key of every single scope that it does not name."""
    keys = {scope: await key_of(switch, f"only {scope}", scope) for scope in SCOPES}
    tried = 0
    for route in ROUTES:
        for scope in sorted(set(SCOPES) - route.scopes):
            body: Any = None if route.method == "GET" else {}
            answer = await switch.call(route.method, path_of(route, NOBODY), body, key="k", token=keys[scope])
            assert (answer.status, answer.json["code"]) == (403, "forbidden"), (route.method, route.path, scope)
            tried += 1
    assert tried > 400


async def test_api6_what_is_worth_abusing_needs_a_second_person(database_url: str) -> None:
    """Unrestricted access to sensitive business flows: nobody lets their own payment through, not by a review, a snooze or a pack."""
    four_eyes = FourEyes(four_eyes=True)
    async with running_switch(database_url, shards=1, scorer=Reviewer(), four_eyes=four_eyes) as switch:
        _, payer = await funded(switch, 10_000)
        made = await switch.pay(payer, await switch.wallet("merchant"), REVIEWED)
        payers_key = await key_of(switch, "payer", "pay", "read")
        approval = f"/v1/reviews/{made.json['id']}/approve"
        assert (await switch.call("POST", approval, {}, key="own", token=payers_key)).status == 403
        insider = await key_of(switch, "insider", *SCOPES)
        until = {"reason": "friend", "until": "2099-01-01T00:00:00Z"}
        snooze = f"/v1/rule-packs/default/rules/large-share/snoozes/{payer}"
        rules = (await switch.call("GET", "/v1/rule-packs/default")).json["rules"]
        snooze = snooze.replace("large-share", rules[0]["id"])
        assert (await switch.call("PUT", snooze, until, token=insider)).json["code"] == "approval_needed"
        call = {"method": "PUT", "path": snooze, "content": until, "reason": "friend"}
        proposal = (await switch.call("POST", "/v1/proposals", call, token=insider)).json["id"]
        for name in ("insider", "insider"):
            again = await key_of(switch, name, *SCOPES)
            answer = await switch.call("POST", f"/v1/proposals/{proposal}/approve", {}, token=again)
            assert (answer.status, answer.json["code"]) == (403, "own_proposal")
        shown = (await switch.call("GET", snooze.rpartition("/")[0])).json
        assert shown["data"] == []


async def test_api7_the_switch_calls_no_address_inside(switch: RunningSwitch) -> None:
    """Server side request forgery: the only addresses that the switch is given are those of webhooks."""
    inside = (
        "https://127.0.0.1/", "https://[::1]/",
        "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/", "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/", "https://192.168.0.1/", "https://100.64.0.1/", "https://0.0.0.0/", "https://224.0.0.1/",
        "http://93.184.215.14/", "ftp://93.184.215.14/", "file:///etc/passwd", "https://user:pw@93.184.215.14/",
        "//93.184.215.14/", "https://",
    )  # fmt: skip
    for url in inside:
        answer = await switch.call("POST", "/v1/webhook-endpoints", {"url": url})
        assert (answer.status, answer.json.get("code")) == (422, "invalid_field"), (url, answer.raw)
    assert (await switch.call("GET", "/v1/webhook-endpoints")).json["data"] == []
    guard, loop = switch.services.webhook_guard, asyncio.get_running_loop()
    for name in ("localhost", "127.1", "2130706433", "0x7f000001"):  # what a name stands for shows when it is called
        for info in await loop.getaddrinfo(name, 443, type=socket.SOCK_STREAM):
            with pytest.raises(AddressRefused):
                guard.socket(info)


async def test_api8_nothing_is_open_that_need_not_be_and_no_failure_shows_the_inside(switch: RunningSwitch) -> None:
    """Security misconfiguration: other sites' scripts, unused methods, traces and versions in answers."""
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("OPTIONS", "TRACE", "PATCH", "PUT"):
        answer = await switch.call(method, "/v1/transfers", headers=origin)
        assert answer.status == 405 and not [name for name in answer.headers if name.startswith("Access-Control")]
    wallet = await switch.wallet()

    def broken() -> None:
        raise RuntimeError("secret of the inside at /srv/shardpay/ledger.py")

    for client in switch.clients:
        client.before = broken
    failed = await switch.pay(wallet, await _outside(switch), 5)
    assert failed.status in (500, 503) and b"inside" not in failed.raw and b"Traceback" not in failed.raw
    for path in ("/", "/docs", "/openapi.json", "/healthz", "/v1/wallets/x", "/no/such/place", "/console"):
        async with switch.session.get(switch.base + path, allow_redirects=False) as response:
            assert response.headers.get("Server", "") in ("", "shardpay"), "no version tells what is known to be broken"
            text = await response.text()
            assert "Traceback" not in text and "aiohttp" not in text
    for path in (
        "/.env",
        "/.git/config",
        "/../pyproject.toml",
        "/console/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
    ):
        async with switch.session.get(switch.base + path, allow_redirects=False) as response:
            assert response.status in (303, 400, 401, 404)


async def _outside(switch: RunningSwitch) -> str:
    return NOBODY


async def test_api9_every_path_that_answers_is_described_and_no_other_version_is_there(switch: RunningSwitch) -> None:
    """Improper inventory management: what is served and what is documented are one table."""
    async with switch.session.get(f"{switch.base}/openapi.json") as response:
        described = await response.json()
    served = {(resource.canonical, route.method) for resource, route in _served(switch)}
    documented = {(path, method.upper()) for path, calls in described["paths"].items() for method in calls}
    beside = {path for path, _ in served if path.startswith("/console") or path in ("/", "/problems/{code}")}
    plain = {
        (path, method) for path, method in served if path not in beside and "{change}" not in path and method != "HEAD"
    }
    assert plain <= documented, plain - documented
    assert {route.path for route in OPEN_ROUTES} <= {path for path, _ in documented}
    for path in (
        "/v0/wallets",
        "/v2/wallets",
        "/V1/wallets",
        "/api/v1/wallets",
        "/v1beta/wallets",
        "/internal",
        "/debug",
        "/admin",
    ):
        assert (await switch.call("GET", path)).status == 404


def _served(switch: RunningSwitch) -> Iterator[tuple[Any, Any]]:
    runner = switch.front_door._runner
    assert runner is not None
    for route in runner.app.router.routes():
        yield route.resource, route


async def test_api10_what_others_send_is_data_and_moves_nothing_but_itself(switch: RunningSwitch) -> None:
    """Unsafe consumption of APIs: text out of other systems comes back as it was, and is nowhere taken for anything else."""
    _, payer = await funded(switch, 10_000)
    hostile = (
        "<script>alert(1)</script>",
        "'; DROP TABLE journal; --",
        "=HYPERLINK(1)",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "\u202etxt",
    )
    shop = await switch.wallet("merchant")
    for text in hostile:
        made = await switch.pay(payer, shop, 5, reference=text, metadata={"note": text}, context={"device": text})
        assert made.status == 201, made.raw
        shown = (await switch.call("GET", f"/v1/transfers/{made.json['id']}")).json
        assert (shown["reference"], shown["metadata"]["note"]) == (text, text)
        listed = await switch.call("PUT", "/v1/lists/hostile", {"type": "device", "description": text})
        assert listed.status in (200, 201)
    case = (await switch.pay(payer, shop, REVIEWED)).json["id"]
    for text in hostile:
        assert (await switch.call("POST", f"/v1/reviews/{case}/notes", {"text": text})).status == 201
    notes = (await switch.call("GET", f"/v1/reviews/{case}/notes")).json["notes"]
    assert [each["text"] for each in notes] == list(hostile)
    wallet = (await switch.call("GET", f"/v1/wallets/{payer}")).json
    assert (wallet["posted"], wallet["held"]) == (10_000 - 5 * len(hostile), REVIEWED)
