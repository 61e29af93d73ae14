"""A population as an export: each payment and order as its shard would have recorded it, in the order of time."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from models.credit.population.lake import records_of, wallet_names
from models.credit.population.year import DEFAULT_AFTER_DAYS, Population, population_of

START_MS = 1_735_689_600_000
DAY_S = 86_400


@pytest.fixture(scope="module")
def made() -> Population:
    return population_of(60, 7, START_MS)


@pytest.fixture(scope="module")
def records(made: Population) -> pa.Table:
    return records_of(made)


def of(records: pa.Table, *kinds: str) -> list[dict[str, Any]]:
    return [row for row in records.to_pylist() if row["record"] in kinds]


def test_records_are_in_the_order_of_time_and_have_addresses_of_their_own(records: pa.Table) -> None:
    times = records["effective_time"].to_pylist()
    assert times == sorted(times) and records["record_time"].to_pylist() == times
    assert records["address"].to_pylist() == list(range(1, records.num_rows + 1))


def test_every_payment_is_a_transfer_between_the_wallets_of_its_names(made: Population, records: pa.Table) -> None:
    names = wallet_names(made.payments)
    assert len(set(names.values())) == len(names)
    found = Counter(
        (names[row["payer"]], names[row["payee"]], row["amount"], row["code"], row["kind"])
        for row in of(records, "transfer")
    )
    wanted = Counter(
        (row["payer"], row["payee"], row["amount"], "insufficient_funds" if row["declined"] else "ok", row["kind"])
        for row in made.payments.to_pylist()
    )
    assert found == wanted


def test_wallets_are_opened_once_before_they_are_used_and_operators_ids_begin_with_zeros(
    made: Population, records: pa.Table
) -> None:
    names = wallet_names(made.payments)
    opened = {row["wallet"]: row for row in of(records, "wallet_opened")}
    assert opened.keys() == names.keys() and len(of(records, "wallet_opened")) == len(opened)
    kinds = {"external": "external", "merchant": "merchant", "synthetic": "user"}
    for wallet, row in opened.items():
        assert row["wallet_kind"] == kinds[names[wallet].partition(":")[0]]
        assert wallet.startswith("00000") == (row["wallet_kind"] == "external")
    for row in of(records, "transfer"):
        assert all(row["effective_time"] >= opened[row[side]]["effective_time"] for side in ("payer", "payee"))


def test_an_order_has_the_records_of_what_became_of_it(made: Population, records: pa.Table) -> None:
    names = {name: wallet for wallet, name in wallet_names(made.payments).items()}
    by_order: dict[int, dict[str, Any]] = {}
    for row in of(records, "order_completed", "order_overdue", "order_defaulted", "order_paid"):
        assert row["record"] not in by_order.setdefault(row["reference"], {})
        by_order[row["reference"]][row["record"]] = row
    states = set()
    for order in made.orders.to_pylist():
        steps = by_order.pop(order["order"])
        assert {row["payer"] for row in steps.values()} == {names[order["person"]]}
        assert {row["amount"] for row in steps.values()} == {order["amount"]}
        assert steps["order_completed"]["effective_time"] == order["created_at"]
        paid = order["paid_at"]
        assert ("order_paid" in steps) == (paid is not None)
        late = paid is None or paid > order["due_at"]
        assert ("order_overdue" in steps) == late
        after = None if paid is None else (paid - order["due_at"]).total_seconds()
        assert ("order_defaulted" in steps) == (after is None or after > DEFAULT_AFTER_DAYS * DAY_S)
        states.add(frozenset(steps))
    assert not by_order and len(states) >= 3
