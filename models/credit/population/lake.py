"""A population as the records that an export of the journal would have: wallets, payments, orders.

So features of made-up people can be computed without a switch, by the same queries and code as those of real wallets.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.arrays import Integers
from models.credit.population.wishes import DAY_MS
from models.credit.population.year import DEFAULT_AFTER_DAYS, Population

NEVER_MS: Final = 2**62
"""A time that does not come."""

_OPERATORS: Final = "external:"
"""Wallets of the operator are called so; their ids begin with 20 bits of 0."""
_MERCHANTS: Final = "merchant:"
_NONE_HAS: Final = {
    "channel": pa.string(),
    "country": pa.string(),
    "device": pa.uint32(),
    "movement": pa.string(),
    "resolution": pa.string(),
    "score": pa.int32(),
}
"""What none of these records tells."""


def records_of(made: Population) -> pa.Table:
    """That each wallet was opened, the payments, and what became of orders. Rows are in the order of `address`, which is that of time."""
    payments = made.payments
    names = wallet_names(payments)
    index = pa.array(list(names.values()))
    ids = pa.array(list(names))
    places = {name: pc.index_in(payments.column(name), value_set=index).combine_chunks() for name in ("payer", "payee")}
    first = _first_rows(places["payer"].to_numpy(), places["payee"].to_numpy(), len(names))
    opened = _opened(index, ids, payments.column("effective_at").take(pa.array(first)), payments.column("currency")[0])
    moved = _moved(payments, ids.take(places["payer"]), ids.take(places["payee"]))
    holders = ids.take(pc.index_in(made.orders.column("person"), value_set=index).combine_chunks())
    parts = [opened, moved, *_of_orders(made.orders, holders)]
    every = pa.concat_tables(parts, promote_options="default")
    times = every.column("effective_time").cast(pa.int64()).to_numpy()
    every = every.take(pa.array(np.argsort(times, kind="stable")))
    every = every.append_column("address", pa.array(np.arange(1, every.num_rows + 1)))
    every = every.append_column("record_time", every.column("effective_time"))
    for name, kind in _NONE_HAS.items():
        every = every.append_column(name, pa.nulls(every.num_rows, kind))
    return every


def wallet_names(payments: pa.Table) -> dict[str, str]:
    """External ids by id."""
    names = pc.unique(pa.chunked_array([*payments.column("payer").chunks, *payments.column("payee").chunks]))
    return {_id(name, at): name for at, name in enumerate(names.to_pylist())}


def _id(name: str, at: int) -> str:
    return f"{'00000' if name.startswith(_OPERATORS) else 'f0000'}000-0000-8000-8000-{at:012x}"


def _first_rows(payer: Integers, payee: Integers, count: int) -> NDArray[np.int64]:
    """By wallet, the first row that names it."""
    first = np.full(count, len(payer), np.int64)
    rows = np.arange(len(payer))
    for column in (payer, payee):
        np.minimum.at(first, column, rows)
    return first


def _opened(names: pa.Array, ids: pa.Array, times: pa.ChunkedArray, currency: pa.Scalar) -> pa.Table:
    def kind(name: str) -> str:
        return "external" if name.startswith(_OPERATORS) else "merchant" if name.startswith(_MERCHANTS) else "user"

    count = len(names)
    return pa.table(
        {
            "record": pa.array(["wallet_opened"] * count),
            "code": pa.array(["ok"] * count),
            "effective_time": times,
            "wallet": ids,
            "wallet_kind": pa.array([kind(name) for name in names.to_pylist()]),
            "wallet_status": pa.array(["open"] * count),
            "tier": pa.array(np.zeros(count, np.uint8)),
            "currency": pa.array([currency.as_py()] * count),
            **_flags(count),
        }
    )


def _moved(payments: pa.Table, payer: pa.Array, payee: pa.Array) -> pa.Table:
    count = payments.num_rows
    return pa.table(
        {
            "record": pa.array(["transfer"]).take(pa.array(np.zeros(count, np.int64))),
            "code": pc.if_else(payments.column("declined"), "insufficient_funds", "ok"),
            "effective_time": payments.column("effective_at"),
            "payer": payer,
            "payee": payee,
            "amount": payments.column("amount"),
            "kind": payments.column("kind"),
            "currency": payments.column("currency"),
            **_flags(count),
        }
    )


def _flags(count: int) -> dict[str, pa.Array]:
    return {name: pa.array(np.zeros(count, np.bool_)) for name in ("remote", "suspense", "review")}


def _of_orders(orders: pa.Table, holders: pa.Array) -> Iterator[pa.Table]:
    """Each order as its shard records it: used; paid; overdue when it was due and not paid; in default when it stayed so."""
    due = orders.column("due_at").cast(pa.int64()).to_numpy()
    paid = orders.column("paid_at").cast(pa.int64()).fill_null(NEVER_MS).to_numpy()
    defaulted = due + DEFAULT_AFTER_DAYS * DAY_MS
    always = np.ones(len(due), np.bool_)
    steps = (
        ("order_completed", orders.column("created_at").cast(pa.int64()).to_numpy(), always),
        ("order_overdue", due, paid > due),
        ("order_defaulted", defaulted, paid > defaulted),
        ("order_paid", paid, paid < NEVER_MS),
    )
    for record, times, happened in steps:
        rows = pa.array(np.flatnonzero(happened))
        yield pa.table(
            {
                "record": pa.array([record] * len(rows)),
                "code": pa.array(["ok"] * len(rows)),
                "effective_time": pa.array(times, pa.timestamp("ms", "UTC")).take(rows),
                "payer": holders.take(rows),
                "amount": orders.column("amount").take(rows),
                "reference": orders.column("order").take(rows),
                **_flags(len(rows)),
            }
        )
