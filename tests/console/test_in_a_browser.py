"""The console in a real Chromium: what people do with mouse and keys, what axe says of each page, both schemes, narrow and wide."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from actors.stores.api_keys import KeyStore
from switch.api.console import CONSOLE
from switch.api.four_eyes import FourEyes
from switch.console.rule_packs import EXAMPLE
from switch.console.scorecards import EXAMPLE as CARD
from switch.fairness.shares import Places
from switch.http.times import now_ms, time_text
from tests.console.browser import CHROMIUM, Tab, chromium
from tests.console.conftest import Scene
from tests.console.scene import Day, looked_at
from tests.console.signing_in import signed_in
from tests.front_door import RunningSwitch

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; on Debian: apt-get install chromium"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(switch_of_module: RunningSwitch) -> AsyncIterator[Tab]:
    """A browser in which somebody with every scope is signed in. Whatever a page complains of at its console fails the tests."""
    async with chromium() as made:
        await signed_in(made, switch_of_module.base, switch_of_module.key)
        yield made
        assert not made.complaints, made.complaints


async def test_an_analyst_takes_writes_about_and_labels_a_case_by_keys(
    tab: Tab, switch: RunningSwitch, day: Day
) -> None:
    await KeyStore(switch.pool).create("zoe", ["analyst"])
    await tab.open(f"{switch.base}/console/reviews?assigned=nobody")
    await tab.until("document.querySelector('.case[aria-current=true]') !== null")
    await tab.changes(lambda: tab.press("t"))
    assert "It is yours." in await tab.text() and "Nothing of this sort is open" in await tab.text()
    await tab.changes(lambda: tab.click("a[href*='assigned=me']"))
    await tab.until("document.querySelector('.case[aria-current=true]') !== null")
    await tab.changes(lambda: tab.press("n"))
    await tab.until("document.activeElement.id === 'note'")
    await tab.type("Called bob: he moves banks.")
    await tab.press("Tab")
    await tab.changes(lambda: tab.press("Enter"))
    assert "Called bob: he moves banks." in await tab.text("#notes")
    await tab.changes(lambda: tab.press("l"))
    assert "Labelled as no fraud." in await tab.text()
    await tab.press("g")
    await tab.until("document.activeElement.id === 'assignee'")
    await tab.press("z")
    await tab.press("Tab")
    await tab.changes(lambda: tab.press("Enter"))
    assert "zoe works on it." in await tab.text()
    await tab.changes(lambda: tab.press("r"))
    assert "Nobody works on it." in await tab.text()
    shown = (await switch.call("GET", f"/v1/reviews/{day.case}")).json
    assert (shown["assignee"], shown["label"], shown["notes"]) == (None, False, 2)


async def test_a_case_is_taken_and_labelled_with_the_mouse(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/reviews")
    await tab.changes(lambda: tab.click("button[value=take]"))
    assert "It is yours." in await tab.text() and "tests" in await tab.text("#cases")
    await tab.changes(lambda: tab.click("button[value=fraud]"))
    assert "Labelled as fraud." in await tab.text()
    await tab.changes(lambda: tab.click("button[value=let-go]"))
    assert "nobody" in await tab.text("#cases")


async def test_a_decision_of_credit_is_resolved_from_the_page_of_reviews(
    tab: Tab, switch: RunningSwitch, day: Day
) -> None:
    await tab.open(f"{switch.base}/console/reviews")
    assert "in " in await tab.text("#credit [data-due]")
    await tab.changes(lambda: tab.click("#credit th a"))
    await tab.click("#text")
    await tab.type("The contract is not signed yet.")
    await tab.changes(lambda: tab.click("#resolve button"))
    assert "Decided: the holder and the merchant are told." in await tab.text()
    shown = (await switch.call("GET", f"/v1/credit/reviews/{day.credit_review}")).json
    assert (shown["status"], shown["resolution"]["text"]) == ("upheld", "The contract is not signed yet.")


async def test_an_analyst_approves_a_review_with_one_key(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/reviews")
    assert "DRAINS_TO_NEW_PAYEE" in await tab.text()
    await tab.until("document.querySelector('.case[aria-current=true]') !== null")
    await tab.changes(lambda: tab.press("a"))
    assert "Approved: the money moves." in await tab.text()
    assert "Nothing waits for you" in await tab.text()
    assert (await switch.call("GET", f"/v1/transfers/{day.case}")).json["status"] == "posted"


async def test_a_device_is_put_on_a_list_and_taken_off(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/lists")
    await tab.changes(lambda: tab.click("a[href='/console/lists/stolen-devices']"))
    await tab.click("#value")
    await tab.type("phone-42")
    await tab.click("#reason")
    await tab.type("reported this morning")
    await tab.changes(lambda: tab.press("Enter"))
    assert "It is on the list" in await tab.text() and "phone-42" in await tab.text("tbody")
    await tab.changes(lambda: tab.click("tbody tr:first-child button"))
    assert "It is off the list." in await tab.text() and "phone-42" not in await tab.text("tbody")


async def test_a_rule_is_snoozed_for_whom_it_stopped(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/transfers/{day.case}")
    assert await tab.run("document.querySelector('#snoozes select[name=rule]').value") == "default/drain"
    await tab.click("#snoozes [name=reason]")
    await tab.type("moves banks")
    await tab.changes(lambda: tab.click("#snoozes form:last-of-type button"))
    assert "Snoozed" in await tab.text(".notice") and "moves banks" in await tab.text("#snoozes")
    await tab.changes(lambda: tab.click("#snoozes .party button"))
    assert (await switch.call("GET", f"/v1/wallets/{day.bob}/snoozes")).json["data"] == []


async def test_every_rule_of_a_payment_is_shown(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/transfers/{day.coffee}")
    await tab.changes(lambda: tab.click("form[action*='/explain'] button"))
    shown = await tab.text()
    assert "decided anew it comes to what was recorded" in shown and "did not fire" in shown and "count_1h" in shown
    assert await tab.axe() == []
    await tab.look(width=390)
    assert await tab.run("document.documentElement.scrollWidth") <= 390
    await tab.look(width=1280)


async def test_an_endpoint_is_made_and_its_secret_shown_once(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/webhooks")
    await tab.click("#url")
    await tab.type("https://browser.example/hooks")
    await tab.changes(lambda: tab.press("Enter"))
    assert "whsec_" in await tab.text(".notice") and await tab.axe() == []
    await tab.open(f"{switch.base}/console/webhooks")
    await tab.changes(lambda: tab.click("tbody tr:first-child a"))
    assert "whsec_" not in await tab.text()
    await tab.changes(lambda: tab.click("form[action$='/secret'] button"))
    assert "whsec_" in await tab.text(".notice")


async def test_what_takes_two_is_asked_for_by_one_and_approved_by_another(
    tab: Tab, switch: RunningSwitch, day: Day
) -> None:
    other = (await KeyStore(switch.pool).create("second", ["analyst", "read"])).key
    before, switch.services.four_eyes = switch.services.four_eyes, FourEyes(four_eyes=True)
    try:
        await tab.open(f"{switch.base}/console/lists/stolen-devices")
        assert "Four eyes" in await tab.text("#add")
        for path in ("/rule-packs/default/rules/burst", f"/wallets/{day.alice}", "/lists/stolen-devices"):
            await tab.open(f"{switch.base}/console{path}")
            assert await tab.axe() == []
        await tab.click("#value")
        await tab.type("phone-43")
        await tab.click("#reason")
        await tab.type("case 19")
        await tab.changes(lambda: tab.press("Enter"))
        assert "Asked for. Nothing has changed yet" in await tab.text()
        where = await tab.run("location.pathname")
        await tab.changes(lambda: tab.click("form.out button"))
        await signed_in(tab, switch.base, other)
        await tab.changes(lambda: tab.click("a[href='/console/proposals']"))
        await tab.changes(lambda: tab.click(f"a[href='{where}']"))
        await tab.changes(lambda: tab.click("form[action$='/approve'] button"))
        assert "Approved: it is done." in await tab.text()
        await tab.changes(lambda: tab.click("form.out button"))
        await signed_in(tab, switch.base, switch.key)
    finally:
        switch.services.four_eyes = before
    assert (await switch.call("GET", "/v1/lists/stolen-devices/entries/phone-43")).json["made_by"] == "tests"


async def test_a_payment_is_found_by_its_reference_from_anywhere(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/health")
    await tab.press("/")
    await tab.type("coffee beans")
    await tab.changes(lambda: tab.press("Enter"))
    await tab.changes(lambda: tab.click(f"a[href='/console/transfers/{day.coffee}']"))
    assert "12.50" in await tab.text("h1") and "A-17" in await tab.text()


async def test_a_holder_withdraws_a_consent(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/wallets/{day.alice}")
    await tab.changes(lambda: tab.click("#consents button.bad"))
    assert "The consent is withdrawn." in await tab.text()
    assert (await switch.call("GET", f"/v1/consents/{day.consent}")).json["status"] == "withdrawn"


async def test_a_pack_is_published_after_its_preview(tab: Tab, switch: RunningSwitch) -> None:
    await tab.open(f"{switch.base}/console/new-rule-pack")
    await tab.run(f"document.getElementById('text').value = {EXAMPLE.replace('corner-shop', 'browser')!r}")
    await tab.changes(lambda: tab.click("button[value=preview]"))
    assert re.search(r"\d+\s+of \d+ past payments? otherwise", await tab.text("#preview"))
    await tab.changes(lambda: tab.click("button[value=publish]"))
    assert "browser@1" in await tab.text("h1")
    await tab.changes(lambda: tab.click("form[action$='/mode'] button.primary"))
    assert "It decides from now on." in await tab.text()
    assert (await switch.call("GET", "/v1/rule-packs/browser")).json["mode"] == "live"


async def test_a_holder_withdraws_a_consent_from_the_list_of_them(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    body = {"wallet": day.bob, "scenario": "hotel", "merchant": "inn", "expires_at": time_text(now_ms() + 86_400_000)}
    consent = await switch.call("POST", "/v1/consents", body, key="from-the-list")
    await tab.open(f"{switch.base}/console/consents")
    await tab.click("#whose")
    await tab.type(day.bob)
    await tab.changes(lambda: tab.press("Enter"))
    await tab.changes(lambda: tab.click("form[action$='/withdraw'] button"))
    assert "The consent is withdrawn." in await tab.text()
    assert (await switch.call("GET", f"/v1/consents/{consent.json['id']}")).json["status"] == "withdrawn"


async def test_a_holder_asks_what_the_score_would_be(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console/wallets/{day.alice}")
    await tab.run("document.querySelector('[name=feature_1]').value = 'payments_90d'")
    await tab.click("[name=value_1]")
    await tab.type("400")
    await tab.changes(lambda: tab.press("Enter"))
    assert "the score would be" in await tab.text(".notice")


async def test_a_card_is_published_after_its_preview_and_its_payments_compared(tab: Tab, switch: RunningSwitch) -> None:
    await tab.open(f"{switch.base}/console/new-scorecard")
    await tab.run(f"document.getElementById('text').value = {CARD.replace('corner-shop', 'browser')!r}")
    await tab.changes(lambda: tab.click("button[value=preview]"))
    assert re.search(r"\d+\s+of \d+ past payments? otherwise", await tab.text("#preview"))
    await tab.changes(lambda: tab.click("button[value=publish]"))
    assert "browser@1" in await tab.text("h1")
    await tab.changes(lambda: tab.click("#monitor button"))
    assert "PSI of the points" in await tab.text("#monitor")
    assert await tab.axe() == []
    await tab.changes(lambda: tab.click("form[action$='/mode'] button:not(.primary)"))
    assert "It is asked about every payment" in await tab.text()
    running = (await switch.call("GET", "/v1/rule-packs")).json["deployments"][0]
    assert len(running["shadows"]) == 1


async def test_the_overview_keeps_itself_new(tab: Tab, switch: RunningSwitch, day: Day) -> None:
    await tab.open(f"{switch.base}/console")
    paid = await switch.pay(day.shop, day.alice, 11, reference="seen at once")
    await tab.until(
        f"document.querySelector(\"[data-live=newest] a[href='/console/transfers/{paid.json['id']}']\") !== null"
    )
    await tab.until("document.querySelector('#rate-chart canvas') !== null")


async def test_the_overview_is_fed_by_one_stream_and_asks_again_and_again_where_there_is_none(
    tab: Tab, switch: RunningSwitch, day: Day
) -> None:
    assert switch.front_door._runner is not None
    console: Any = switch.front_door._runner.app[CONSOLE]
    await tab.open(f"{switch.base}/console/health")
    async with asyncio.timeout(60):
        while console._live._listeners:  # of the page before
            await asyncio.sleep(0.05)
    await tab.open(f"{switch.base}/console")
    taken = "document.querySelector('[data-live=live] time').dateTime"
    before = await tab.run(taken)
    await tab.until(f"{taken} !== {before!r}")
    assert console._live._listeners == 1, "one stream, however many scripts the page has"
    places, console._listeners = console._listeners, Places(0, 1, 0.0)
    try:
        await tab.open(f"{switch.base}/console")
        before = await tab.run(taken)
        await tab.until(f"{taken} !== {before!r}")
        assert not await tab.run("document.body.classList.contains('stale')")
    finally:
        console._listeners = places
    assert [each for each in tab.complaints if "503" not in each] == [], "the browser names what was refused"
    tab.complaints.clear()


async def test_without_scripts_the_overview_comes_anew(tab: Tab, switch: RunningSwitch) -> None:
    requests, overview = switch.services.metrics.requests, ("GET /console", 200)
    await tab.do("Emulation.setScriptExecutionDisabled", value=True)
    try:
        before = requests[overview]
        await tab.do("Page.navigate", url=f"{switch.base}/console")
        async with asyncio.timeout(60):
            while requests[overview] < before + 2:
                await asyncio.sleep(0.05)
    finally:
        await tab.do("Emulation.setScriptExecutionDisabled", value=False)


class _Look(NamedTuple):
    """What a page is found to be: as wide as so many pixels on a phone, by so many its tables are wider than their cards on a desktop, and
    what axe says of it in both schemes."""

    width: int
    hidden: list[int]
    wrong: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def looks(tab: Tab, scene: Scene) -> dict[str, _Look]:
    """Of every page, by its path. Each is opened twice, on a phone and on a desktop: to open them takes half of the time."""
    hidden = "[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth).filter(n => n > 0)"
    found = {}
    for path in looked_at(scene.day).values():
        await tab.look(width=390)
        await tab.open(scene.switch.base + path)
        width = await tab.run("document.documentElement.scrollWidth")
        await tab.look(width=1280)
        await tab.open(scene.switch.base + path)
        wide = await tab.run(hidden)
        wrong = [f"{path}: {each}" for each in await tab.axe()]
        await tab.look(width=1280, dark=True)
        wrong += [f"{path}, dark: {each}" for each in await tab.axe("color-contrast", "link-in-text-block")]
        found[path] = _Look(width, wide, wrong)
    await tab.look(width=1280)
    return found


async def test_axe_finds_nothing_wrong_with_any_page(looks: dict[str, _Look]) -> None:
    wrong = [each for look in looks.values() for each in look.wrong]
    assert not wrong, "\n".join(wrong)


async def test_no_page_is_wider_than_a_phone(looks: dict[str, _Look]) -> None:
    assert not {path: look.width for path, look in looks.items() if look.width > 390}


async def test_no_table_is_wider_than_its_card_on_a_desktop(looks: dict[str, _Look]) -> None:
    assert not {path: look.hidden for path, look in looks.items() if look.hidden}
