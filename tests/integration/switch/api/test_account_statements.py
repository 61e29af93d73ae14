"""A statement of account adds up, is by effective time, and says the same as JSON, as CSV and as a page to print."""

import csv
import html
import io
import re
import threading
import time
from collections.abc import AsyncIterator

import pytest

from switch.api import account_statements
from switch.http.times import time_text
from switch.views.account_statement import AccountStatement
from tests.e2e.test_late_imports import Payment, balance, opened, send
from tests.front_door import RunningSwitch, running_switch

DAY_MS = 86_400_000


START_MS = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS - 40 * DAY_MS


FORMULA = '=HYPERLINK("http://x")'


SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_opening_and_lines_add_up_to_closing_whatever_came_late(switch: RunningSwitch) -> None:
    banks, ann = [await opened(switch, "external") for _ in range(2)], await opened(switch, "user")
    shop = await opened(switch, "merchant")
    at = [START_MS + day * DAY_MS for day in range(10)]
    made = [Payment(at[1], banks[0], ann, 1_001), *(Payment(at[day], ann, shop, 10 * day) for day in (3, 7, 8))]
    made += [Payment(at[2], banks[1], ann, 2), Payment(at[5], banks[1], ann, 5), Payment(at[9], banks[0], ann, 9)]
    assert await send(switch, made[:4]) + await send(switch, made[4:]) == made  # days 2 and 5 come late
    for wallet in (ann, shop, *banks):
        for first, last in ((0, 20), (2, 8), (3, 4), (20, 21)):
            since, until = START_MS + first * DAY_MS, START_MS + last * DAY_MS
            path = f"/v1/wallets/{wallet}/statement?from={time_text(since)}&to={time_text(until)}"
            shown = (await switch.call("GET", path)).json
            own = [each for each in made if since <= each.time < until and wallet in (each.payer, each.payee)]
            signed = [
                -each.amount if each.payer == wallet else each.amount for each in sorted(own, key=lambda p: p.time)
            ]
            assert [line["amount"] for line in shown["lines"]] == signed
            assert shown["opening"] == await balance(switch, wallet, since - 1)
            assert shown["closing"] == await balance(switch, wallet, until - 1)
            assert shown["opening"] + sum(signed) == shown["closing"]
            assert shown["paid_in"] - shown["paid_out"] == sum(signed)
            after = shown["opening"]
            for line in shown["lines"]:
                after += line["amount"]
                assert line["balance_after"] == after


async def test_all_three_forms_say_the_same_and_carry_nothing_that_runs(switch: RunningSwitch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet(external_id=SCRIPT, owner="Ann")
    assert (await switch.pay(bank, ann, 123_456, reference=FORMULA)).status == 201
    assert (await switch.pay(ann, bank, 7, reference=SCRIPT)).status == 201
    path = f"/v1/wallets/{ann}/statement?from=2020-01-01T00:00:00Z&format="
    shown = (await switch.call("GET", path + "json")).json
    assert [(line["amount"], line["reference"]) for line in shown["lines"]] == [(123_456, FORMULA), (-7, SCRIPT)]
    sheet = await switch.call("GET", path + "csv")
    rows = list(csv.DictReader(io.StringIO(sheet.raw.decode(), newline="")))
    assert [(row["type"], row["reference"], row["amount"], row["balance_after"]) for row in rows] == [
        ("opening", "", "", "0.00"),
        ("transfer", f"'{FORMULA}", "1234.56", "1234.56"),
        ("transfer", SCRIPT, "-0.07", "1234.49"),
        ("closing", "", "", "1234.49"),
    ]
    printed = await switch.call("GET", path + "html")
    page = printed.raw.decode()
    assert printed.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<script" not in page and html.escape(SCRIPT) in page
    assert re.findall(r'<td class="amount">([^<]*)</td>', page) == [
        *("", "0.00"),
        *("1234.56", "1234.56"),
        *("-0.07", "1234.49"),
        *("", "1234.49"),
    ]
    assert [line["id"] for line in shown["lines"]] == [row["id"] for row in rows if row["id"]]


@pytest.mark.parametrize("format_", account_statements.FORMATS)
async def test_a_statement_is_written_in_a_thread_while_it_has_its_place(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    content_type, render = account_statements._FORMATS[format_]
    written: list[tuple[bool, int]] = []

    def rendered(statement: AccountStatement) -> bytes:
        inside = sum(switch.services.pages._inside.values())
        written.append((threading.current_thread() is threading.main_thread(), inside))
        return render(statement)

    monkeypatch.setitem(account_statements._FORMATS, format_, (content_type, rendered))
    bank, ann = await switch.wallet("external"), await switch.wallet()
    assert (await switch.pay(bank, ann, 100)).status == 201
    shown = await switch.call("GET", f"/v1/wallets/{ann}/statement?from=2020-01-01T00:00:00Z&format={format_}")
    assert shown.status == 200 and shown.headers["Content-Type"] == content_type
    assert written == [(False, 1)]


async def test_what_cannot_be_told_is_refused(switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    bank, ann = await switch.wallet("external"), await switch.wallet()
    for _ in range(3):
        assert (await switch.pay(bank, ann, 100)).status == 201
    path = f"/v1/wallets/{ann}/statement"
    for query, field in (
        ("", "from"),
        ("?from=yesterday", "from"),
        ("?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
        ("?from=2026-01-01T00:00:00Z&format=pdf", "format"),
    ):
        refused = await switch.call("GET", path + query)
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)
    turned = "from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z"
    for other in (f"/v1/wallets/{ann}/transfers?{turned}", f"/v1/owners/transfers?owner=ann&{turned}"):
        refused = await switch.call("GET", other)
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "to"), other
    monkeypatch.setattr(account_statements, "LINES_MAX", 2)
    refused = await switch.call("GET", path + "?from=2020-01-01T00:00:00Z")
    assert (refused.status, refused.json["errors"][0]["field"]) == (422, "from")


async def test_lines_are_found_by_what_they_are(switch: RunningSwitch) -> None:
    bank, ann, shop = await switch.wallet("external"), await switch.wallet(), await switch.wallet("merchant")
    assert (await switch.pay(bank, ann, 50_000, kind="top_up")).status == 201
    for i in range(30):
        more = {"reference": "rent", "metadata": {"month": str(i)}} if i % 10 == 0 else {}
        assert (await switch.pay(ann, shop, 100 + i, kind="payment", **more)).status == 201
    held = (await switch.pay(ann, shop, 500, hold=True)).json["id"]
    assert (await switch.call("POST", f"/v1/transfers/{held}/capture", {}, key="c")).status == 201

    async def amounts(query: str, limit: int = 100) -> list[int]:
        found, after = [], ""
        while True:
            page = (await switch.call("GET", f"/v1/wallets/{ann}/transfers?limit={limit}&{query}{after}")).json
            assert len(page["data"]) <= limit
            found += [line["amount"] for line in page["data"]]
            if not page["has_more"]:
                return found
            after = f"&after={page['next']}"

    for limit in (1, 2, 100):
        assert await amounts("reference=rent", limit) == [120, 110, 100]
    assert await amounts("metadata=month:10") == [110] and await amounts("metadata=month:1") == []
    assert await amounts("type=capture") == [500] and await amounts("kind=top_up") == [50_000]
    assert await amounts("direction=in") == [50_000] and await amounts(f"counterparty={bank}", 3) == [50_000]
    assert await amounts("amount_min=128&amount_max=500&direction=out", 2) == [500, 129, 128]
    for query, field in (
        ("type=hold", "type"),
        ("kind=gift", "kind"),
        ("direction=up", "direction"),
        ("counterparty=me", "counterparty"),
        ("metadata=month", "metadata"),
        ("amount_min=-1", "amount_min"),
        ("amount_min=5&amount_max=4", "amount_max"),
    ):
        refused = await switch.call("GET", f"/v1/wallets/{ann}/transfers?{query}")
        assert (refused.status, refused.json["errors"][0]["field"]) == (422, field)
