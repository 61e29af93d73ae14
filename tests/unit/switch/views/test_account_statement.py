"""A statement of account in three forms: amounts are signed, and no text of a payment is a formula or markup."""

import csv
import io
from typing import Any

import pytest

from switch.views.account_statement import CSV_COLUMNS, AccountStatement, amount_text, as_csv, as_page, line_of
from switch.views.statement import Entry

NOON = "2026-11-24T12:00:00.000Z"


def entry(**fields: Any) -> Entry:
    shown: dict[str, Any] = {
        "id": "t1", "type": "transfer", "direction": "out", "payer": "me", "payee": "shop", "amount": 1_250,
        "currency": "EUR", "kind": "payment", "balance_after": 750, "created_at": NOON, "effective_at": NOON,
    }  # fmt: skip
    return Entry(**(shown | fields))


def statement(*entries: Entry, **fields: Any) -> AccountStatement:
    facts: dict[str, Any] = {
        "wallet": "me", "external_id": None, "owner": None, "currency": "EUR", "decimals": 2, "since": NOON,
        "until": NOON, "opening": 2_000, "paid_in": 0, "paid_out": 1_250, "closing": 750,
    }  # fmt: skip
    return AccountStatement(**(facts | fields), lines=[line_of(each) for each in entries])


def cells(found: AccountStatement) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(found).decode(), newline="")))


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (1_250, 2, "12.50"),
        (-1_250, 2, "-12.50"),
        (-5, 2, "-0.05"),
        (0, 2, "0.00"),
        (5, 3, "0.005"),
        (1_250, 0, "1250"),
        (-7, None, "-7"),
        (2**53 - 1, 2, "90071992547409.91"),
    ],
)
def test_an_amount_is_in_the_currencys_unit_without_rounding(amount: int, decimals: int | None, text: str) -> None:
    assert amount_text(amount, decimals) == text


def test_a_line_is_signed_and_names_the_other_side() -> None:
    out, into = line_of(entry()), line_of(entry(direction="in", payer="bank", payee="me"))
    assert (out.amount, out.counterparty) == (-1_250, "shop")
    assert (into.amount, into.counterparty) == (1_250, "bank")


def test_csv_has_opening_lines_and_closing_in_order() -> None:
    header, opening, line, closing = cells(statement(entry(reference="order, 7")))
    assert tuple(header) == CSV_COLUMNS
    assert (opening[3], opening[8], closing[3], closing[8]) == ("opening", "20.00", "closing", "7.50")
    assert line == [NOON, NOON, "t1", "transfer", "payment", "shop", "order, 7", "-12.50", "7.50", "EUR"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_reference_that_a_spreadsheet_would_compute_is_text(text: str) -> None:
    assert cells(statement(entry(reference=text)))[2][6] == f"'{text}"
    assert cells(statement(entry(reference=f"a{text}")))[2][6] == f"a{text}"


def test_a_page_escapes_what_callers_wrote_and_shows_names_that_there_are() -> None:
    bad = "<script>alert('1')</script>&\""
    page = as_page(statement(entry(reference=bad), owner=bad)).decode()
    assert "<script" not in page and page.count("&lt;script&gt;") == 2
    assert page.count("<dt>Name</dt>") == 1, "there is an owner, and no external id"
    assert '<td class="amount">-12.50</td><td class="amount">7.50</td>' in page
    assert "on suspense" not in page


def test_a_page_says_what_lies_on_suspense() -> None:
    assert "transfer, payment, on suspense" in as_page(statement(entry(suspense=True))).decode()
