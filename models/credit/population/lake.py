"""A population's payments as the records that an export of the journal would have after their import.

So features of made-up people can be computed without a switch, by the same queries and code as those of real wallets.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_OPERATORS: Final = "external:"
"""Wallets of the operator are called so; their ids begin with 20 bits of 0."""
_MERCHANTS: Final = "merchant:"
_TEXTS: Final = ("record", "wallet", "wallet_kind", "wallet_status", "currency", "payer", "payee", "kind", "code")
_NONE_HAS: Final = {"channel": pa.string(), "country": pa.string(), "device": pa.uint32(), "movement": pa.string()}
"""What an import does not tell."""


def records_of(payments: pa.Table) -> pa.Table:
    """The payments of a population, and before the first of each wallet that it was opened. Rows are in the order of `address`."""
    names = pc.unique(pa.chunked_array([*payments.column("payer").chunks, *payments.column("payee").chunks]))
    places = {name: pc.index_in(payments.column(name), value_set=names) for name in ("payer", "payee")}
    payer, payee = (column.to_numpy() for column in places.values())
    times = payments.column("effective_at")
    ids = pa.array([_id(name, at) for at, name in enumerate(names.to_pylist())])
    first = _first_rows(payer, payee, len(names))
    opened = _opened(names, ids, times.take(pa.array(first)), payments.column("currency")[0])
    moved = _moved(payments, ids.take(places["payer"].combine_chunks()), ids.take(places["payee"].combine_chunks()))
    both = pa.concat_tables([opened, moved], promote_options="default")
    order = np.argsort(np.concatenate([first, np.arange(len(payer))]), kind="stable")
    both = both.take(pa.array(order)).append_column("address", pa.array(np.arange(1, len(order) + 1)))
    for name, kind in _NONE_HAS.items():
        both = both.append_column(name, pa.nulls(both.num_rows, kind))
    return both


def wallet_names(payments: pa.Table) -> dict[str, str]:
    """External ids by id."""
    names = pc.unique(pa.chunked_array([*payments.column("payer").chunks, *payments.column("payee").chunks]))
    return {_id(name, at): name for at, name in enumerate(names.to_pylist())}


def _id(name: str, at: int) -> str:
    return f"{'00000' if name.startswith(_OPERATORS) else 'f0000'}000-0000-8000-8000-{at:012x}"


def _first_rows(payer: NDArray[Any], payee: NDArray[Any], count: int) -> NDArray[np.int64]:
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
