"""Which lines of a wallet's list pass each parameter, and what a wrong parameter is told."""

from typing import Any

import msgspec
import pytest

from actors.records.layout import AMOUNT_MAX
from switch.problems.table import ProblemError
from switch.views import entry_filter
from switch.views.statement import Entry

ANN, INN = "00002000-0b5f-835b-b06d-21112ac20dae", "00002000-1b4b-8841-8743-91533b1cd2fb"
LINE = Entry(
    id="1",
    type="capture",
    direction="out",
    payer=ANN,
    payee=INN,
    amount=500,
    currency="EUR",
    kind="payment",
    balance_after=0,
    reference="rent",
    metadata={"table": "7"},
    created_at="",
    effective_at="",
)


def passes(query: dict[str, str], **changed: Any) -> bool:
    return all(test(msgspec.structs.replace(LINE, **changed)) for test in entry_filter.tests_of(query))


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ({}, True),
        ({"type": "capture"}, True),
        ({"type": "refund"}, False),
        ({"kind": "payment"}, True),
        ({"kind": "cash_in"}, False),
        ({"direction": "out"}, True),
        ({"direction": "in"}, False),
        ({"counterparty": INN}, True),
        ({"counterparty": INN.upper()}, True),
        ({"counterparty": ANN}, False),
        ({"reference": "rent"}, True),
        ({"reference": "ren"}, False),
        ({"metadata": "table:7"}, True),
        ({"metadata": "table:"}, False),
        ({"metadata": "chair:7"}, False),
        ({"amount_min": "500", "amount_max": "500"}, True),
        ({"amount_min": "501"}, False),
        ({"amount_max": "499"}, False),
        ({"type": "capture", "direction": "in"}, False),
    ],
    ids=str,
)
def test_a_line_passes_what_it_fits(query: dict[str, str], passed: bool) -> None:
    assert passes(query) is passed


def test_the_counterparty_of_what_came_in_is_the_payer() -> None:
    assert passes({"counterparty": ANN}, direction="in") and not passes({"counterparty": INN}, direction="in")


def test_a_line_without_metadata_or_reference_passes_neither() -> None:
    assert not passes({"metadata": "table:7"}, metadata=msgspec.UNSET)
    assert not passes({"reference": "rent"}, reference=msgspec.UNSET)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"type": "open"}, "type"),
        ({"kind": ""}, "kind"),
        ({"direction": "both"}, "direction"),
        ({"counterparty": "inn"}, "counterparty"),
        ({"metadata": "table"}, "metadata"),
        ({"metadata": ":7"}, "metadata"),
        ({"amount_min": "-1"}, "amount_min"),
        ({"amount_min": "1e3"}, "amount_min"),
        ({"amount_max": "٣"}, "amount_max"),
        ({"amount_max": str(AMOUNT_MAX + 1)}, "amount_max"),
        ({"amount_max": ""}, "amount_max"),
        ({"amount_min": "9", "amount_max": "8"}, "amount_max"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_named(query: dict[str, str], named: str) -> None:
    with pytest.raises(ProblemError) as raised:
        entry_filter.tests_of(query)
    assert raised.value.code == "invalid_query" and [error.field for error in raised.value.errors] == [named]


def test_what_is_no_filter_leaves_out_no_line() -> None:
    assert entry_filter.tests_of({"limit": "5", "cursor": "x"}) == [] and "limit" not in entry_filter.NAMES
