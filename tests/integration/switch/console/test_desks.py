"""Pages of scorecards, credit, keys, books and benchmarks as requests see them: what they show, what they change, what they refuse."""

import re
import uuid

import pytest

from actors.stores.api_keys import Binding, KeyStore
from switch.console.pages import PAGES
from switch.console.scorecards import EXAMPLE
from tests.console.scene import Day
from tests.console.visitor import visitor
from tests.front_door import RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = "</script><script>alert(1)</script><img src=x onerror=y>"


def _action(path: str, day: Day) -> str:
    """Where a form of a page is sent, with something in place of each part of its path."""
    choices = re.sub(r"\{\w+:(\w+)\|?[^}]*\}", r"\1", path)
    return re.sub(r"\{name\}", "shop", re.sub(r"\{(?!name)\w+\}", day.order, choices))


@pytest.mark.parametrize("path", [each.path for each in PAGES if each.method == "POST"])
async def test_no_form_is_taken_without_its_sessions_token_or_from_another_site(
    switch: RunningSwitch, day: Day, path: str
) -> None:
    action, blocks = _action(path, day), await switch.blocks()
    async with await visitor(switch) as visit:
        known = await visit.fields("/console/new-rule-pack", "/console/rule-packs")
        for fields, origin in (
            ({}, visit.base),
            ({"csrf": "0" * 32}, visit.base),
            ({"csrf": known["csrf"]}, "https://evil.example"),
            ({"csrf": known["csrf"]}, "null"),
        ):
            seen = await visit.post(action, fields, Origin=origin)
            assert seen.status == 403, (action, seen.status)
    assert await switch.blocks() == blocks


async def test_a_card_is_written_previewed_published_monitored_and_run_in_shadow(
    switch: RunningSwitch, day: Day
) -> None:
    text = EXAMPLE.replace("corner-shop", "written")
    async with await visitor(switch) as visit:
        place, to = "/console/new-scorecard", "/console/scorecards"
        seen = await visit.submit(place, to, text=text, do="preview")
        assert seen.status == 200 and "past payments otherwise" in seen.plain
        assert (await switch.call("GET", "/v1/scorecards/written")).status == 404, "a preview publishes nothing"
        wrong = await visit.submit(place, to, text=text.replace("[20, 5, -15]", "[20, 5]"), do="publish")
        assert wrong.status == 422 and "2 edges need 3 points" in wrong.plain and "written" in wrong.text
        done = await visit.submit(place, to, text=text, do="publish")
        assert done.headers["Location"] == f"{to}/written?done=published"
        again = await visit.submit(place, to, text=text.replace("20, 0", "20, 1"), do="publish")
        assert again.status == 409, "somebody has published it"
        seen = await visit.submit(
            f"{to}/written", f"{to}/written/population#monitor", divided_at="2020-01-01T00:00:00Z"
        )
        assert seen.status == 200 and "PSI of the points" in seen.plain and '<svg class="pairs"' in seen.text
        refused = await visit.submit(f"{to}/written", f"{to}/written/population#monitor", divided_at=EVIL)
        assert refused.status == 422 and EVIL not in refused.text
        sent = {**await visit.fields(f"{to}/written", f"{to}/written/mode"), "mode": "shadow", "version": "1"}
        assert (await visit.post(f"{to}/written/mode", sent)).headers["Location"].endswith("done=shadow")
        listed = await visit.get(to)
        assert re.search(r"written @1 @1 shadow", listed.plain)
        assert (await visit.get(f"{to}/written.json")).json["mode"] == "shadow"


async def test_a_card_of_wallets_has_no_button_that_would_be_refused(switch: RunningSwitch, day: Day) -> None:
    place = "/console/scorecards"
    async with await visitor(switch) as visit:
        of_wallets, of_payments = await visit.get(f"{place}/wallet"), await visit.get(f"{place}/shop")
        fields = await visit.fields(f"{place}/shop", f"{place}/shop/mode")
        refused = await visit.post(f"{place}/wallet/mode", {**fields, "mode": "live", "version": "1"})
    assert refused.status == 422 and "which no payment has" in refused.text
    for form in ("mode", "population"):
        assert f'action="{place}/shop/{form}' in of_payments.text
        assert f'action="{place}/wallet/{form}' not in of_wallets.text
    assert "A card of wallets" in of_wallets.plain and "A card of wallets" not in of_payments.plain


async def test_what_if_changes_nothing_and_says_what_the_score_would_be(switch: RunningSwitch, day: Day) -> None:
    place = f"/console/wallets/{day.alice}"
    async with await visitor(switch) as visit:
        before = (await visit.get(f"{place}.json")).json["credit"]["score"]
        action = f"{place}/what-if#what-if"
        seen = await visit.submit(place, action, feature_1="payments_90d", value_1="400")
        matched = re.search(r"payments_90d 400 the score would be (\d+)", seen.plain)
        assert matched is not None, seen.plain
        stated = await switch.call(
            "POST", f"/v1/wallets/{day.alice}/credit/what-if", {"changes": {"payments_90d": 400}}
        )
        assert int(matched[1]) == stated.json["score"]
        refused = await visit.submit(place, action, feature_1="wallet_age_days", value_1=EVIL)
        assert refused.status == 422 and EVIL not in refused.text and "wallet_age_days" in refused.plain
        assert (await visit.get(f"{place}.json")).json["credit"]["score"] == before


async def test_orders_and_disputes_are_shown_with_their_life_and_go_on(switch: RunningSwitch, day: Day) -> None:
    async with await visitor(switch) as visit:
        listed = await visit.get(f"/console/orders?wallet={day.alice}")
        assert "A-12" in listed.plain and "200.00 EUR" in listed.plain
        seen = await visit.get(f"/console/orders/{day.order}")
        assert "Room 12, two nights" in seen.plain and "Breakfast 24.00 EUR" in seen.plain
        assert "164.00 EUR" in seen.plain and "Paid by" in seen.plain and "confirm" not in seen.text
        asked = {"wallet": day.alice, "scenario": "hotel", "amount": 20_000}
        receipt = (await switch.call("POST", "/v1/credit/decisions", asked, token=day.inn)).json["receipt"]
        body = {"receipt": receipt, "number": "A-13", "kind": "deposit_waived", "cap": 9_000, "currency": "EUR"}
        made = {**body, "payee": day.shop, "introduction": EVIL}
        order = (await switch.call("POST", "/v1/credit/orders", made, token=day.inn)).json["id"]
        done = await visit.submit(f"/console/orders/{order}", f"/console/orders/{order}/confirm")
        assert done.headers["Location"] == f"/console/orders/{order}?done=confirm"
        seen = await visit.get(f"/console/orders/{order}")
        assert "Confirmed" in seen.plain and EVIL not in seen.text
        assert "What Amount" not in seen.plain, "there is no bill yet"
        place = f"/console/disputes/{day.dispute}"
        assert "I asked for no room." in (await visit.get("/console/disputes")).plain
        early = await visit.submit(place, f"{place}/resolve#resolve", outcome="kept", text="It was asked.")
        assert early.status == 409 and "Opened by the holder" in early.plain, "its source was not asked yet"
        done = await visit.submit(place, f"{place}/resolve#resolve", outcome="deleted", text="Nothing shows it.")
        assert done.headers["Location"] == f"{place}?done=resolve"
        seen = await visit.get(place)
        assert "Deleted by tests" in seen.plain and "Resolve The entry" not in seen.plain


async def test_keys_heads_and_results_are_for_those_who_may(switch: RunningSwitch, day: Day) -> None:
    reader = await KeyStore(switch.pool).create(f"reader-{uuid.uuid4().hex[:6]}", ["read"])
    async with await visitor(switch) as visit:
        seen = await visit.get("/console/keys")
        assert reader.name in seen.plain and reader.key not in seen.text and "inn" in seen.plain
        await switch.log_is_repeated()
        heads = (await visit.get("/console/audit.json")).json["heads"]
        shown = await visit.get("/console/audit")
        assert all(head["hash"] in shown.text for head in heads) and "as it was sealed" in shown.plain
        assert "4 200" in (await visit.get(f"/console/bench/{day.bench}")).plain.replace("\u202f", " ")
        assert (await visit.get("/console/bench/..%2F..%2Fsecret")).status == 404
    async with await visitor(switch, reader.key) as visit:
        home = (await visit.get("/console")).text
        assert 'href="/console/keys"' not in home and 'href="/console/bench"' in home
        assert (await visit.get("/console/keys")).status == (await visit.get("/console/audit")).status == 403


async def test_names_that_people_chose_are_text_on_every_page(switch: RunningSwitch, day: Day) -> None:
    store, owner = KeyStore(switch.pool), f"{EVIL} {uuid.uuid4().hex[:6]}"
    wallet = await switch.wallet(owner=owner, external_id=f"{EVIL}{uuid.uuid4().hex[:6]}", metadata={"<b>": EVIL})
    await store.create(EVIL, ["read"], Binding(owners=[owner]))
    inn = await store.create(f"{EVIL} inn", ["merchant"])
    body = {"wallet": wallet, "scenario": "hotel", "merchant": f"{EVIL} inn", "expires_at": "2026-12-01T00:00:00Z"}
    await switch.call("POST", "/v1/consents", body, key="evil")
    asked = await switch.call("POST", "/v1/credit/decisions", {"wallet": wallet, "scenario": "hotel"}, token=inn.key)
    disputed = {"entry": asked.json["receipt"], "text": EVIL}
    dispute = (await switch.call("POST", "/v1/credit/disputes", disputed)).json["id"]
    async with await visitor(switch) as visit:
        for path in (
            f"/console/wallets/{wallet}",
            "/console/keys",
            f"/console/consents?wallet={wallet}",
            f"/console/disputes/{dispute}",
            "/console/disputes",
            "/console/find?q=" + "%3Cimg+src%3Dx+onerror%3Dy%3E",
            "/console/orders?wallet=%22%3E%3Cimg+src%3Dx%3E",
            "/console/scorecards?after=%22%3E%3Cimg+src%3Dx%3E",
            "/console/bench/%3Cimg%20src%3Dx%3E",
        ):
            seen = await visit.get(path)
            assert "<img src=x" not in seen.text and "<script>alert" not in seen.text, path
