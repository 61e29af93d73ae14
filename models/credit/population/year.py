"""A whole population: people, what they paid in a year, their orders, and who defaulted after it.

`payments` is in the format that `shardpay import` takes; wallets are called `synthetic:person-7` and `merchant:synthetic-3`.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.credit.population.draws import Draws, Numbers
from models.credit.population.paying import DECLINED, DROPPED, NO_ORDER, pay_in_order
from models.credit.population.people import DAYS, People, people_of
from models.credit.population.wishes import DAY_MS, KINDS, NOTES, OUTSIDE, Orders, Wishes, World, all_wishes, orders_of

CURRENCY: Final = "EUR"
HORIZON_DAYS: Final = 90
"""For which the outcome is known, after the year."""
DEFAULT_AFTER_DAYS: Final = 60
"""An order that is not paid so long after it was due is in default."""
STATES: Final = ("open", "kept", "late", "overdue", "defaulted")
DECIMALS: Final = 9
"""Of chances and traits: fewer than machines differ in."""
DECLARED: Final = "synthetic: made by shardpay population, of no real person"


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """Tables. `payments`: the columns of an import. `people`: person, opened_at, chance, defaulted and the hidden traits. `orders`: order,
    person, merchant, amount, created_at, due_at, paid_at, state."""

    payments: pa.Table
    people: pa.Table
    orders: pa.Table


def population_of(count: int, seed: int, start_ms: int, step: Callable[[str], None] = lambda what: None) -> Population:
    """`count` people whose year begins at `start_ms`. The same arguments give the same tables."""
    draws = Draws(seed)
    people = people_of(draws, count)
    world = World(draws, people)
    step("people")
    orders = orders_of(world)
    wishes = all_wishes(world, orders)
    step("wishes")
    outcome = np.empty(len(wishes.amount), np.int64)
    paid = np.full(len(orders.amount), NO_ORDER, np.int64)
    bottomless = (np.arange(world.wallets) >= world.outside).astype(np.int64)
    balances = np.zeros(world.wallets, np.int64)
    pay_in_order(wishes.payer, wishes.payee, wishes.amount, wishes.order, bottomless, balances, paid, outcome)
    step("payments")
    names = _names(world)
    return Population(
        payments=_payments(wishes, outcome, names, start_ms),
        people=_people(people, names, start_ms),
        orders=_orders(orders, wishes, paid, names, start_ms),
    )


def _names(world: World) -> pa.Array:
    """External ids of all wallets, by their number."""
    return pa.array(
        [f"synthetic:person-{at}" for at in range(world.count)]
        + [f"merchant:synthetic-{at}" for at in range(world.merchants)]
        + [f"external:synthetic-{name}" for name in OUTSIDE]
    )


def _times(milliseconds: Numbers, start_ms: int, known: NDArray[np.bool_] | None = None) -> pa.Array:
    mask = None if known is None else ~known
    return pa.array(milliseconds + start_ms, pa.timestamp("ms", "UTC"), mask=mask)


def _payments(wishes: Wishes, outcome: NDArray[np.int64], names: pa.Array, start_ms: int) -> pa.Table:
    rows = np.flatnonzero(outcome != DROPPED)
    order = wishes.order[rows]
    notes = pa.array([f"synthetic {note}" for note in NOTES]).take(pa.array(wishes.note[rows]))
    numbered = pc.binary_join_element_wise(notes, pa.array(order).cast(pa.string()), " ")
    keys = pc.binary_join_element_wise(pa.scalar("synthetic"), pa.array(np.arange(len(rows))).cast(pa.string()), "-")
    return _declared(
        {
            "idempotency_key": keys,
            "payer": names.take(pa.array(wishes.payer[rows])),
            "payee": names.take(pa.array(wishes.payee[rows])),
            "amount": pa.array(wishes.amount[rows]),
            "currency": pa.array([CURRENCY]).take(pa.array(np.zeros(len(rows), np.int64))),
            "effective_at": _times(wishes.time_ms[rows], start_ms),
            "kind": pa.array(KINDS).take(pa.array(wishes.kind[rows])),
            "reference": pc.if_else(pa.array(order >= 0), numbered, notes),
            "declined": pa.array(outcome[rows] == DECLINED),
        }
    )


def _people(people: People, names: pa.Array, start_ms: int) -> pa.Table:
    hidden = ("discipline", "prudence", "means", "steadiness", "ties")
    return _declared(
        {
            "person": names.slice(0, len(people)),
            "opened_at": _times(people.opened * DAY_MS, start_ms),
            "chance": pa.array(np.round(people.chance, DECIMALS)),
            "defaulted": pa.array(people.defaulted),
            **{name: pa.array(np.round(getattr(people, name), DECIMALS)) for name in hidden},
            "occasional": pa.array(people.occasional),
            "setback_at": _times(people.setback * DAY_MS, start_ms, people.setback < DAYS),
        }
    )


def _orders(orders: Orders, wishes: Wishes, paid: Numbers, names: pa.Array, start_ms: int) -> pa.Table:
    known = paid >= 0
    paid_ms = np.where(known, wishes.time_ms[np.maximum(paid, 0)], 0) if len(wishes.time_ms) else np.zeros_like(paid)
    end = DAYS * DAY_MS
    late = np.where(orders.due_ms + DEFAULT_AFTER_DAYS * DAY_MS < end, "defaulted", "overdue")
    unpaid = np.where(orders.due_ms < end, late, "open")
    state = np.where(known, np.where(paid_ms <= orders.due_ms, "kept", "late"), unpaid)
    return _declared(
        {
            "order": pa.array(np.arange(len(paid))),
            "person": names.take(pa.array(orders.person)),
            "merchant": names.take(pa.array(orders.merchant)),
            "amount": pa.array(orders.amount),
            "created_at": _times(orders.created_ms, start_ms),
            "due_at": _times(orders.due_ms, start_ms),
            "paid_at": _times(paid_ms, start_ms, known),
            "state": pa.array(state.tolist(), pa.string()),
        }
    )


def _declared(columns: dict[str, pa.Array]) -> pa.Table:
    return pa.table(columns).replace_schema_metadata({"declared": DECLARED})


def as_ndjson(payments: pa.Table) -> pa.ChunkedArray:
    """A line of JSON for each payment. None of the texts needs escaping."""
    parts: list[Any] = []
    for name in payments.column_names:
        column = payments.column(name)
        if pa.types.is_timestamp(column.type):
            column = pc.strftime(column, "%Y-%m-%dT%H:%M:%SZ")
        quote = '"' if pa.types.is_string(column.type) else ""
        parts += [f'{", " if parts else "{"}"{name}": {quote}', column.cast(pa.string()), quote]
    return pc.binary_join_element_wise(*parts, "}\n", "")
