"""A population is the same to the byte for a seed, pays only what it has, and says that it is synthetic."""

import hashlib
import json
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from models.credit.population.draws import Draws
from models.credit.population.year import DECLARED, Population, as_ndjson, population_of

START_MS = 1_735_689_600_000
DIGEST = "6cb172f9b2830363a03142bdf430ad04903d4f363cbf6b7d3f8a2b1ba53d86d4"
"""Of forty people's payments: another one, other people under the same seed."""


@pytest.fixture(scope="module")
def made() -> Population:
    return population_of(40, 7, START_MS)


def lines(made: Population) -> list[dict[str, Any]]:
    return [json.loads(line) for line in as_ndjson(made.payments).to_pylist()]


def test_a_seed_gives_the_same_bytes_everywhere(made: Population) -> None:
    text = "".join(as_ndjson(made.payments).to_pylist()).encode()
    assert hashlib.sha256(text).hexdigest() == DIGEST
    assert population_of(40, 7, START_MS) == made
    assert population_of(40, 8, START_MS).payments != made.payments


def test_every_table_and_every_row_says_that_it_is_synthetic(made: Population) -> None:
    for table in (made.payments, made.people, made.orders):
        assert table.schema.metadata == {b"declared": DECLARED.encode()}
    for row in lines(made):
        assert all("synthetic" in row[name] for name in ("idempotency_key", "payer", "payee", "reference"))


def test_payments_are_in_order_and_those_declined_are_those_without_the_money(made: Population) -> None:
    rows = lines(made)
    assert [row["effective_at"] for row in rows] == sorted(row["effective_at"] for row in rows)
    assert len({row["idempotency_key"] for row in rows}) == len(rows)
    balances: dict[str, int] = defaultdict(int)
    for row in rows:
        assert row["amount"] > 0 and row["payer"] != row["payee"]
        short = not row["payer"].startswith("external:") and balances[row["payer"]] < row["amount"]
        assert row["declined"] == short, row
        if not short:
            balances[row["payer"]] -= row["amount"]
            balances[row["payee"]] += row["amount"]
    assert any(row["declined"] for row in rows)


def test_an_order_is_paid_once_and_its_state_follows_from_when(made: Population) -> None:
    paid: dict[int, list[str]] = defaultdict(list)
    for row in lines(made):
        if row["reference"].startswith("synthetic order") and not row["declined"]:
            paid[int(row["reference"].split()[-1])].append(row["effective_at"])
    end_ms = START_MS + 365 * 86_400_000
    states = set()
    for order in made.orders.to_pylist():
        times = paid.pop(order["order"], [])
        due_ms = int(order["due_at"].timestamp() * 1_000)
        if times:
            assert times == [order["paid_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z")]
            expected = "kept" if order["paid_at"] <= order["due_at"] else "late"
        elif due_ms >= end_ms:
            expected = "open"
        else:
            expected = "defaulted" if due_ms + 60 * 86_400_000 < end_ms else "overdue"
        assert order["state"] == expected
        states.add(expected)
    assert not paid and states >= {"open", "kept", "late"}


def test_wallets_are_opened_at_midnight_so_that_an_import_makes_many_at_a_time(made: Population) -> None:
    first: dict[str, str] = {}
    for row in lines(made):
        for name in (row["payer"], row["payee"]):
            first.setdefault(name, row["effective_at"])
    people = {name: time for name, time in first.items() if not name.startswith("external:")}
    assert len(people) > 40 and all(time.endswith("T00:00:00.000Z") for time in people.values())


def test_draws_are_uniform_and_streams_have_nothing_to_do_with_each_other() -> None:
    numbers = np.arange(100_000)
    draws = Draws(1)
    uniform, other, normal = draws.uniform("a", numbers), draws.uniform("b", numbers), draws.normal("a", numbers)
    assert 0 < uniform.min() and uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.005 and abs(np.corrcoef(uniform, other)[0, 1]) < 0.02
    assert abs(normal.mean()) < 0.02 and abs(normal.std() - 1) < 0.02
    assert draws.uniform("a", numbers[5:6]) == uniform[5] != Draws(2).uniform("a", numbers)[5]
    assert (
        pa.array(draws.counts("a", numbers, np.full(100_000, 2.25))).value_counts().field("counts").sum().as_py()
        == 100_000
    )
    assert abs(draws.counts("a", numbers, np.full(100_000, 2.25)).mean() - 2.25) < 0.01
