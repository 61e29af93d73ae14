"""The console as requests see it: who gets in, what each page shows, that pages and their JSON twins are made of the API's own answers."""

import asyncio
import re
import uuid
from typing import Any

import pytest

from actors.stores.api_keys import NOTHING_BOUND, Binding, KeyStore, key_hash
from actors.stores.console_sessions import SESSIONS_OF_KEY_MAX, ConsoleSessions
from switch.console.pages import PAGES
from switch.console.rule_packs import EXAMPLE
from switch.console.sessions import COOKIE
from switch.console.site import SIGN_INS_MAX
from tests.console.scene import Day
from tests.console.visitor import Seen, Visitor, visitor
from tests.front_door import RunningSwitch, running_front_door

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_SUCH = "00000000-0000-8200-8594-1b1921e2d914"


async def page(switch: RunningSwitch, path: str, key: str | None = None) -> Seen:
    async with await visitor(switch, key) as visit:
        return await visit.get(path)


async def a_key(switch: RunningSwitch, *scopes: str, binding: Binding | None = None) -> str:
    store = KeyStore(switch.pool)
    name = f"{'-'.join(scopes)}-{uuid.uuid4().hex[:6]}"
    return (await store.create(name, scopes, binding or NOTHING_BOUND)).key


# Getting in and out.


async def test_the_front_page_leads_to_the_console_and_the_console_to_the_sign_in(switch: RunningSwitch) -> None:
    async with Visitor(switch) as visit:
        root = await visit.get("/")
        assert (root.status, root.headers["Location"]) == (303, "/console")
        home = await visit.get("/console")
        assert (home.status, home.headers["Location"]) == (303, "/console/sign-in")
        deep = await visit.get("/console/reviews?status=open")
        assert deep.headers["Location"] == "/console/sign-in?next=/console/reviews%3Fstatus%3Dopen"


async def test_a_key_signs_in_to_a_session_that_scripts_and_other_sites_cannot_use(switch: RunningSwitch) -> None:
    async with Visitor(switch) as visit:
        seen = await visit.sign_in(switch.key, next="/console/health")
        assert (seen.status, seen.headers["Location"]) == (303, "/console/health")
        cookie = seen.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
        assert switch.key not in cookie
        assert (await visit.get("/console/health")).status == 200
        behind_tls = await visit.post("/console/sign-in", {"key": switch.key}, **{"X-Forwarded-Proto": "https"})
        assert "; Secure" in behind_tls.headers["Set-Cookie"]


async def test_a_wrong_key_gets_no_session(switch: RunningSwitch) -> None:
    async with Visitor(switch) as visit:
        for key in ("", "sp_wrong", switch.key + "x", "\0", "x" * 3_000):
            seen = await visit.sign_in(key)
            assert (seen.status, "Set-Cookie" in seen.headers) == (401, False)
            assert "not known, or was revoked" in seen.plain
        assert (await visit.get("/console")).status == 303


async def test_those_who_try_keys_leave_most_sessions_with_the_database_to_others(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, inside, most = switch.services.pool.fetchval, 0, 0

    async def counted(name: str, *values: Any) -> Any:
        nonlocal inside, most
        inside += name == "session_open"
        most = max(most, inside)
        try:
            return await real(name, *values)
        finally:
            inside -= name == "session_open"

    monkeypatch.setattr(switch.services.pool, "fetchval", counted)
    async with Visitor(switch) as visit:
        seen = await asyncio.gather(*(visit.sign_in(f"sp_wrong_{number}") for number in range(100)))
    assert {each.status for each in seen} == {401} and 1 <= most <= SIGN_INS_MAX


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/v1/wallets", "/console\\evil", "/consoled"]
)
async def test_signing_in_leads_nowhere_else(switch: RunningSwitch, wanted: str) -> None:
    async with Visitor(switch) as visit:
        assert (await visit.sign_in(switch.key, next=wanted)).headers["Location"] == "/console"


async def test_a_session_is_known_to_every_front_door_and_ends_with_its_key(switch: RunningSwitch) -> None:
    store = KeyStore(switch.pool)
    made = await store.create("passing", ["read"])
    limits = switch.front_door._options.limits
    async with await visitor(switch, made.key) as visit:  # the same host on other ports: cookies know no ports
        async with running_front_door(switch, limits) as other:
            visit.base = other.base
            assert (await visit.get("/console")).status == 200
        await store.revoke(made.id)
        async with running_front_door(switch, limits) as another:
            visit.base = another.base
            assert (await visit.get("/console")).status == 303


async def test_signing_out_ends_the_session_for_whoever_has_the_cookie(switch: RunningSwitch) -> None:
    async with await visitor(switch) as visit:
        kept = {"Cookie": f"{COOKIE}={visit.token}"}
        assert (await visit.get("/console", **kept)).status == 200
        out = await visit.submit("/console", "/console/sign-out")
        assert (out.status, out.headers["Location"]) == (303, "/console/sign-in")
        assert "Max-Age=0" in out.headers["Set-Cookie"]
        assert (await visit.get("/console")).status == 303
    async with Visitor(switch) as thief:
        assert (await thief.get("/console", **kept)).status == 303


async def test_strangers_who_sign_in_keep_nobody_from_signing_out(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, go_on = switch.services.pool.fetchval, asyncio.Event()
    hanging = 0

    async def slow(name: str, *values: Any) -> Any:
        nonlocal hanging
        if name == "session_open":
            hanging += 1
            await go_on.wait()
        return await real(name, *values)

    async with await visitor(switch) as visit, Visitor(switch) as strangers:
        fields = await visit.fields("/console", "/console/sign-out")
        monkeypatch.setattr(switch.services.pool, "fetchval", slow)
        waiting = [asyncio.create_task(strangers.sign_in(f"sp_wrong_{number}")) for number in range(10)]
        while hanging < SIGN_INS_MAX:
            await asyncio.sleep(0)
        out = await visit.post("/console/sign-out", fields)
        go_on.set()
        await asyncio.gather(*waiting)
        assert (out.status, out.headers["Location"]) == (303, "/console/sign-in")
        assert (await visit.get("/console")).status == 303


async def test_a_key_has_so_many_sessions_and_no_more(switch: RunningSwitch) -> None:
    key = await a_key(switch, "read")
    sessions = ConsoleSessions(switch.pool, KeyStore(switch.pool))
    for _ in range(SESSIONS_OF_KEY_MAX + 3):
        assert await sessions.open(key)
    async with switch.pool.session() as session:
        count = await session.fetchval(
            "SELECT count(*) FROM console_session AS session JOIN api_key AS key ON key.id = session.api_key WHERE key.hash = $1",
            key_hash(key),
        )
    assert count == SESSIONS_OF_KEY_MAX


@pytest.mark.parametrize(
    ("fields", "origin", "status"),
    [({}, "", 403), ({}, "http://", 403), ({}, "https://evil.example", 403), ({"key": "x" * 5_000}, "http://", 403)],
)
async def test_a_form_to_a_host_without_a_name_is_refused(
    switch: RunningSwitch, fields: dict[str, str], origin: str, status: int
) -> None:
    async with Visitor(switch) as visit:
        for path in ("/console/sign-in", "/console/sign-out"):
            sent = await visit.post(path, fields, Host="", Origin=origin, Referer="/console/health")
            assert sent.status == status, sent.text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
async def test_a_form_of_another_site_changes_nothing(switch: RunningSwitch, day: Day, origin: str) -> None:
    action = f"/console/wallets/{day.shop}/freeze"
    async with await visitor(switch) as visit:
        fields = await visit.fields(f"/console/wallets/{day.alice}", f"/console/wallets/{day.alice}/freeze")
        assert (await visit.post(action, fields, Origin=origin)).status == 403
        assert (await visit.post(action, {**fields, "csrf": "0" * 32})).status == 403
        assert (await visit.post(action, {name: text for name, text in fields.items() if name != "csrf"})).status == 403
        assert (await visit.sign_in(switch.key)).status == 303
        assert (await visit.post(action, fields)).status == 403, "the form is of the session before"
    async with Visitor(switch) as stranger:
        assert (await stranger.post("/console/sign-in", {"key": switch.key}, Origin=origin)).status == 403
    assert (await switch.call("GET", f"/v1/wallets/{day.shop}")).json["status"] == "open"


async def test_a_key_in_a_header_reads_pages_and_sends_no_form(switch: RunningSwitch, day: Day) -> None:
    given = {"Authorization": f"Bearer {switch.key}"}
    async with Visitor(switch) as visit:
        assert (await visit.get("/console/health.json", **given)).json["figures"]["ready"] is True
        action = f"/console/wallets/{day.shop}/freeze"
        assert (await visit.post(action, {"csrf": ""}, **given)).headers["Location"] == "/console/sign-in"


async def test_a_wrong_key_in_a_header_is_told_so_and_not_led_to_the_sign_in(switch: RunningSwitch) -> None:
    async with Visitor(switch) as visit:
        for page in ("/console", "/console/health", "/console/health.json", "/console/live"):
            assert (await visit.get(page, Authorization="Bearer wrong")).status == 401, page
        assert (await visit.get("/console/health")).status == 303


# What every page has.


def _paths(day: Day) -> dict[str, str]:
    return {
        "/console/transfers/{id}": day.coffee,
        "/console/wallets/{id}": day.alice,
        "/console/scenarios/{name}": "hotel",
        "/console/webhooks/{id}": day.hook,
        "/console/scorecards/{name}": "shop",
        "/console/scorecards/{name}/edit": "shop",
        "/console/orders/{id}": day.order,
        "/console/disputes/{id}": day.dispute,
        "/console/bench/{name}": day.bench,
        "/console/reviews/{id}": day.case,
        "/console/credit-reviews/{id}": day.credit_review,
        "/console/lists/{name}": "stolen-devices",
        "/console/proposals/{id}": day.proposal,
        "/console/events/{id}": day.coffee,
    }


def _path(path: str, day: Day) -> str:
    name = _paths(day).get(path, "default")
    return re.sub(r"\{\w+\}", name, path.replace("{rule}", "drain"))


@pytest.mark.parametrize("path", [each.path for each in PAGES if each.method == "GET"])
async def test_every_page_is_a_page_and_has_a_json_twin(switch: RunningSwitch, day: Day, path: str) -> None:
    async with await visitor(switch) as visit:
        seen = await visit.get(_path(path, day))
        assert seen.status == 200, seen.text
        assert seen.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = seen.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert seen.headers["Cache-Control"] == "no-store"
        assert not re.search(r"\son\w+=|<script>|\sstyle=|<style", seen.text), "nothing that the policy forbids"
        assert seen.text.count("<h1") == 1 and '<html lang="en">' in seen.text
        twin = await visit.get(_path(path, day) + ".json")
        assert (twin.status, twin.headers["Content-Type"]) == (200, "application/json")
        accepted = await visit.get(_path(path, day), Accept="application/json")
        assert set(twin.json) == set(accepted.json)


async def test_files_of_pages_are_kept_by_what_is_in_them(switch: RunningSwitch) -> None:
    async with Visitor(switch) as visit:
        found = re.findall(r'(?:href|src)="(/console/assets/[^"]+)"', (await visit.get("/console/sign-in")).text)
        assert len(found) >= 3
        for path in found:
            seen = await visit.get(path)
            assert (seen.status, "immutable" in seen.headers["Cache-Control"]) == (200, True)
            assert "immutable" not in (await visit.get(path.partition("?")[0])).headers["Cache-Control"]
        assert (await visit.get("/console/assets/..%2Fsite.py")).status == 404


async def test_what_is_not_there_is_a_page_that_says_so(switch: RunningSwitch) -> None:
    async with await visitor(switch) as visit:
        for path in (f"/console/transfers/{NO_SUCH}", f"/console/wallets/{NO_SUCH}", "/console/rule-packs/nope"):
            seen = await visit.get(path)
            assert (seen.status, "text/html" in seen.headers["Content-Type"]) == (404, True)
            assert (await visit.get(path + ".json")).json["status"] == 404
        assert (await visit.get("/console/reviews?status=maybe")).status == 422
        assert (await visit.get("/console/health?dry_run=1")).status == 422


# The same rights as the API.


async def test_a_bound_key_sees_its_own_wallets_and_no_others(switch: RunningSwitch, day: Day) -> None:
    key = await a_key(switch, "read", binding=Binding(owners=["alice"]))
    async with await visitor(switch, key) as visit:
        assert (await visit.get(f"/console/wallets/{day.alice}")).status == 200
        assert (await visit.get(f"/console/wallets/{day.bob}")).status == 404
        coffee = await visit.get(f"/console/transfers/{day.coffee}")
        assert coffee.status == 200 and "corner shop" not in coffee.text, "whose wallet the payee's is"
        home = await visit.get("/console")
        assert "/console/reviews" not in home.text and "everything" in home.text
        assert (await visit.get("/console/reviews")).status == 403
        assert (await visit.get("/console/rule-packs")).status == 403


async def test_a_key_without_scopes_for_a_page_is_told_which_it_needs(switch: RunningSwitch, day: Day) -> None:
    key = await a_key(switch, "analyst")
    async with await visitor(switch, key) as visit:
        assert (await visit.get("/console/reviews")).status == 200
        assert "scope admin or read" in (await visit.get(f"/console/wallets/{day.alice}")).plain


# What pages say.


async def test_a_payment_shows_its_decision_with_rules_and_its_story(switch: RunningSwitch, day: Day) -> None:
    case = await page(switch, f"/console/transfers/{day.case}")
    assert "DRAINS_TO_NEW_PAYEE" in case.plain and "amount >= 100000 && payee_seen == 0" in case.plain
    assert "Waits for an analyst" in case.plain and "bob" in case.plain and "alice" in case.plain
    hold = await page(switch, f"/console/transfers/{day.hold}")
    assert re.search(r"Hold asked for 200\.00 EUR .*Captured 150\.00 EUR", hold.plain)
    assert "Released 50.00 EUR" in hold.plain
    coffee = await page(switch, f"/console/transfers/{day.coffee}")
    assert "A-17" in coffee.plain and "192.0.2.7" in coffee.plain and "Refunded 2.50 EUR" in coffee.plain
    declined = await page(switch, f"/console/transfers/{day.declined}")
    assert "Declined: insufficient_funds" in declined.plain


async def test_points_are_shown_with_the_threshold_and_what_fired_before_what_did_not(
    switch: RunningSwitch, day: Day
) -> None:
    page = f"/console/transfers/{day.case}"
    async with await visitor(switch) as visit:
        seen = await visit.get(page)
        points = (await visit.get(f"{page}.json")).json["transfer"]["decision"]["points"]
        by = (
            f"{points} points \N{GREATER-THAN OR EQUAL TO} 500: approve"
            if points >= 500
            else f"{points} points < 500: review"
        )
        assert by in seen.plain
        every = await visit.submit(page, f"{page}/explain#why")
        rows = re.findall(r'<tr class="(fired|idle)"><th scope="row">(\S+?)[< ]', every.text)
        sorts = [sort for sort, _ in rows]
        assert ("fired", "drain") in rows and sorts == sorted(sorts), rows
        assert f"{sorts.count('fired')} of {len(rows)} rules fired." in every.plain


def legs_in(page: Any) -> list[Any]:
    """Both legs of each movement on a page of a payment's events."""
    return [leg for event in page["data"] for leg in event.get("legs", ())]


async def test_a_payment_leads_to_its_events_and_legs_and_a_wallet_to_what_rules_count(
    switch: RunningSwitch, day: Day
) -> None:
    async with await visitor(switch) as visit:
        page = f"/console/transfers/{day.coffee}"
        seen, twin = await visit.get(page), (await visit.get(f"{page}.json")).json
        types = [event["type"] for event in twin["events"]["data"]]
        assert {"transfer.posted", "transfer.refunded"} <= set(types) and len(legs_in(twin["events"])) == 4
        for event in twin["events"]["data"]:
            assert f'href="/console/events/{event["id"]}"' in seen.text
            assert event["type"] in (await visit.get(f"/console/events/{event['id']}")).plain
        assert "Legs" in seen.plain and "debit" in seen.plain and "credit" in seen.plain
        wallet = f"/console/wallets/{day.alice}"
        counted = (await visit.get(f"{wallet}.json")).json["windows"]
        week = counted["windows"][2]
        assert week["count"] == len(counted["attempts"]) > 3
        shown = (await visit.get(wallet)).plain
        assert "What rules count" in shown and f'"7d" {week["count"]} ' in shown


async def test_a_command_of_an_empty_page_names_this_switch_and_what_is_to_be_filled_in(switch: RunningSwitch) -> None:
    async with await visitor(switch) as visit:
        seen = await visit.get("/console/find?q=nobody-has-this")
        assert (
            f"export SHARDPAY_URL={switch.base} SHARDPAY_API_KEY=KEY\nshardpay wallets list --owner OWNER" in seen.text
        )
        assert "<dt><code>OWNER</code></dt><dd>whose wallets</dd>" in seen.text and 'href="/console/keys"' in seen.text


async def test_text_of_payments_is_text(switch: RunningSwitch, day: Day) -> None:
    evil = "</script><script>alert(1)</script>"
    paid = await switch.pay(day.shop, day.alice, 1, reference=evil, metadata={"<b>": "<img src=x onerror=y>"})
    assert paid.status == 201, paid.raw
    for path in (
        f"/console/transfers/{paid.json['id']}",
        "/console",
        f"/console/wallets/{day.alice}",
        "/console/events",
    ):
        seen = await page(switch, path)
        assert evil not in seen.text and "<img src=x" not in seen.text


async def test_a_wallet_shows_statement_chart_credit_and_consents(switch: RunningSwitch, day: Day) -> None:
    seen = await page(switch, f"/console/wallets/{day.alice}")
    assert "coffee beans" in seen.plain and '<svg class="line"' in seen.text
    assert (
        "hotel" in seen.plain
        and "points" in seen.plain
        and '<svg class="radar"' in seen.text
        and "Withdraw" in seen.plain
    )


async def test_wallets_of_every_kind_have_a_page(switch: RunningSwitch, day: Day) -> None:
    bank = (await switch.call("GET", "/v1/wallets?external_id=bank")).json["data"][0]["id"]
    for wallet in (bank, day.shop, await switch.wallet("fee"), await switch.wallet("liquidity")):
        assert (await page(switch, f"/console/wallets/{wallet}")).status == 200


async def test_a_payment_is_found_by_reference_id_and_owner(switch: RunningSwitch, day: Day) -> None:
    async with await visitor(switch) as visit:
        found = (await visit.get("/console/find.json?q=till+3")).json
        assert [(each["data"]["reference"], each["data"]["amount"]) for each in found["payments"]] == [
            ("till 3", 12_000)
        ]
        assert (await visit.get("/console/find.json?q=till")).json["payments"] == []
        assert [each["id"] for each in (await visit.get("/console/find.json?q=alice")).json["wallets"]] == [day.alice]
        for identity, to in ((day.coffee, "transfers"), (day.bob, "wallets")):
            seen = await visit.get(f"/console/find?q={identity}")
            assert seen.headers["Location"] == f"/console/{to}/{identity}"
        assert "Nothing has this" in (await visit.get(f"/console/find?q={NO_SUCH}")).plain


async def test_the_overview_counts_what_was_paid(switch: RunningSwitch, day: Day) -> None:
    async with await visitor(switch) as visit:
        before = (await visit.get("/console.json")).json
        paid = await switch.pay(day.shop, day.alice, 7, reference="counted")
        after = (await visit.get("/console.json")).json
    assert after["figures"]["results"]["ok"] == before["figures"]["results"]["ok"] + 1
    assert after["newest"][0]["id"] == paid.json["id"]
    assert [shard["serving"] for shard in after["figures"]["shards"]] == [True, True]


async def test_a_hold_is_captured_and_a_wallet_frozen_once_however_often_the_form_is_sent(
    switch: RunningSwitch, day: Day
) -> None:
    hold = (await switch.pay(day.alice, day.shop, 300, hold=True)).json["id"]
    async with await visitor(switch) as visit:
        action = f"/console/transfers/{hold}/capture"
        fields = await visit.fields(f"/console/transfers/{hold}", action)
        for _ in range(2):
            assert (await visit.post(action, fields)).status == 303
        assert (await switch.call("GET", f"/v1/transfers/{hold}")).json["status"] == "captured"
        wallet = await switch.wallet(owner="carol")
        frozen = await visit.submit(f"/console/wallets/{wallet}", f"/console/wallets/{wallet}/freeze")
        assert frozen.headers["Location"] == f"/console/wallets/{wallet}?done=freeze"
        assert (await switch.call("GET", f"/v1/wallets/{wallet}")).json["status"] == "frozen"


# Webhooks.


async def test_endpoints_and_deliveries_are_shown_and_sent_again_once_however_often_the_form_is_sent(
    switch: RunningSwitch, day: Day
) -> None:
    place = f"/console/webhooks/{day.hook}"
    async with await visitor(switch) as visit:
        listed = await visit.get("/console/webhooks")
        assert "https://till.example/hooks" in listed.plain and "enabled" in listed.plain
        fields = await visit.fields(place, f"{place}/test")
        for _ in range(2):
            assert (await visit.post(f"{place}/test", fields)).headers["Location"] == f"{place}?done=test"
        log = await visit.get(f"{place}?state=pending")
        assert log.plain.count("webhook.test") == 1
        delivery = (await visit.get(f"{place}.json?state=pending")).json["deliveries"]["data"][0]["id"]
        again = await visit.submit(place, f"{place}/deliveries/{delivery}/replay")
        assert again.headers["Location"] == f"{place}?done=replay"
        assert (await visit.get(f"{place}?state=lost")).status == 422
        assert "Nothing of this sort" in (await visit.get(f"{place}?state=dead")).plain


async def test_an_endpoint_is_made_given_a_new_secret_stopped_and_removed(switch: RunningSwitch) -> None:
    async with await visitor(switch) as visit:
        wrong = await visit.submit("/console/webhooks", "/console/webhooks#make", url="http://10.0.0.1/x")
        assert wrong.status == 422 and "Line" not in wrong.plain
        made = await visit.submit(
            "/console/webhooks", "/console/webhooks#make", url="https://a.example/x", types="transfer.posted"
        )
        secret = re.search(r"whsec_[\w+/=]+", made.plain)
        assert made.status == 200 and secret is not None
        listed = (await switch.call("GET", "/v1/webhook-endpoints?limit=100")).json["data"]
        found = next(each for each in listed if each["url"] == "https://a.example/x")
        place = f"/console/webhooks/{found['id']}"
        assert found["types"] == ["transfer.posted"] and secret[0] not in (await visit.get(place)).text
        rotated = await visit.submit(place, f"{place}/secret", overlap="3600")
        another = re.search(r"whsec_[\w+/=]+", rotated.plain)
        assert another is not None and another[0] != secret[0]
        assert (await visit.submit(place, f"{place}/disable")).headers["Location"] == f"{place}?done=disable"
        assert (await visit.submit(place, f"{place}/enable")).headers["Location"] == f"{place}?done=enable"
        gone = await visit.submit(place, f"{place}/remove")
        assert gone.headers["Location"] == "/console/webhooks?done=remove"
        assert (await visit.get(place)).status == 404


# Rule packs.


async def test_a_pack_that_does_not_check_is_shown_with_line_and_column(switch: RunningSwitch) -> None:
    wrong = EXAMPLE.replace('channel == "atm"', 'chann == "atm"')
    async with await visitor(switch) as visit:
        seen = await visit.submit("/console/new-rule-pack", "/console/rule-packs", text=wrong, do="publish")
        assert seen.status == 422
        assert "Line 6, column 11" in seen.plain and "chann" in seen.plain
        assert "chann == &#34;atm&#34;" in seen.text, "what was written is kept"
    assert (await switch.call("GET", "/v1/rule-packs/corner-shop")).status == 404


DOUBTFUL = EXAMPLE.replace("amount > 60000", "payer_score > 5")


async def test_what_may_be_meant_otherwise_is_shown_with_line_and_column_by_preview_and_publication(
    switch: RunningSwitch,
) -> None:
    place, to = "/console/new-rule-pack", "/console/rule-packs"
    text = DOUBTFUL.replace("corner-shop", "doubtful")
    async with await visitor(switch) as visit:
        seen = await visit.submit(place, to, text=text, do="preview", of="1000")
        assert seen.status == 200 and "Line 10, column 11: payer_score is 350..950, so this always holds" in seen.plain
        assert "It checks. What it would have decided" in seen.plain
        assert '<option value="1000" selected>the last 1,000 payments</option>' in seen.text
        assert "over the last 1,000 payments." in seen.plain
        wrong = await visit.submit(place, to, text=text.replace("fallback: approve", "fallback: maybe"), do="preview")
        assert wrong.status == 422 and "so this always holds" not in wrong.plain
        published = await visit.submit(place, to, text=text, do="publish")
        assert published.status == 200 and "Published." in published.plain
        assert "Line 10, column 11: payer_score is 350..950" in published.plain
        assert "warning" not in (await visit.get("/console/rule-packs/doubtful")).text
        plain = await visit.submit(place, to, text=EXAMPLE.replace("corner-shop", "plain"), do="preview")
        assert plain.status == 200 and 'id="warnings"' not in plain.text


async def test_a_pack_is_not_published_over_what_somebody_else_published(switch: RunningSwitch) -> None:
    text = EXAMPLE.replace("corner-shop", "default")
    async with await visitor(switch) as visit:
        seen = await visit.submit("/console/new-rule-pack", "/console/rule-packs", text=text, do="publish")
        assert (seen.status, "The newest version is 1." in seen.plain, "CASH_ABROAD" in seen.text) == (409, True, True)
        stale = await visit.fields("/console/rule-packs/default/edit", "/console/rule-packs")
        assert (stale["name"], stale["base"]) == ("default", "1")
        seen = await visit.post("/console/rule-packs", {**stale, "base": "7", "text": text, "do": "publish"})
        assert seen.status == 404, "there is no version 7 to follow"
    assert (await switch.call("GET", "/v1/rule-packs/default")).json["version"] == 1


async def test_the_live_pack_is_not_taken_off(switch: RunningSwitch) -> None:
    async with await visitor(switch) as visit:
        fields = await visit.fields("/console/rule-packs/default/edit", "/console/rule-packs")
        sent = {"csrf": fields["csrf"], "mode": "off", "version": "1"}
        seen = await visit.post("/console/rule-packs/default/mode", sent)
        assert (seen.status, "make another one live first" in seen.plain) == (409, True)
