"""Late records: imports that count from before a record that was there already.

They move money on a wallet's chain; only imports are late.

A chain is in the order of booking, and looks back in time find a place on it by chain time, max(the one before, own effective time). So a
record with no lag counts from its chain time on, and a late one, which has a lag, from earlier on. Let P(T) be the newest record of the
chain whose chain time is at most T, and posted(P) the balance after it. A record up to P counts from T or before, whether it is late
or not; one after P has a chain time beyond T, so it counts up to T only when it is late. Hence

    balance(T) = posted(P(T)) + the sum of the signed amounts of late records after P(T) whose effective time is at most T.

And records without a lag have effective times that never go back along the chain. So a statement by effective time is two lists merged: the
chain without its late records, and those by (effective time, address): of equal times the late one was booked later.

A late record up to P counts from the chain time of P or before. So the second part is the sum of all whose effective time is at most T,
less that of all up to P. Both are kept, so that a look reads no more among a million late records than among a few: with each row what
the wallet's late records up to it come to, and for spans of time, each a thousand of the next shorter ones, what those in it come to.

The journal keeps a row for each late record, in the transaction of its block; all follow from the records.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.records.addresses import suspense_address
from actors.records.layout import FLAG_REMOTE, FLAG_SUSPENSE, MOVEMENTS, Kind, Records

SPAN_BITS: Final = 10
"""A span of time is 2^10 of the next shorter ones: a look reads at most 1,023 sums of each width."""
WIDTHS: Final = (0, 10, 20, 30, 40)
"""Spans are 2^width milliseconds: of the widest, 35 years, a wallet has a few."""

_MOVING: Final = (*MOVEMENTS, Kind.LEG)


class Late(NamedTuple):
    """A late record of a wallet. `previous`: the one before it on the wallet's chain; `amount`: what it added to the balance."""

    wallet: int
    effective: int
    record: int
    previous: int
    amount: int


class LateRow(NamedTuple):
    """A late record as it is kept. `before`: the newest record before it on the wallet's chain that is not late; `total`: what the wallet's
    late records on this shard come to, up to it."""

    wallet: int
    effective: int
    record: int
    before: int
    amount: int
    total: int


class Span(NamedTuple):
    """The `span`th 2^width milliseconds since 1970, of a wallet."""

    wallet: int
    width: int
    span: int


def late_of(records: Records, addresses: Callable[[NDArray[np.intp]], NDArray[np.int64]]) -> list[Late]:
    """Rows of records (n,) of a shard's journal; first those of payers, then those of payees. `addresses` of records at some indexes."""
    payer, payee = _sides(records)
    if not len(payer) and not len(payee):
        return []
    return [
        *_rows(records[payer], addresses(payer), "payer", -1),
        *_rows(records[payee], addresses(payee), "payee", 1),
    ]


def late_rows(late: Iterable[Late]) -> list[LateRow]:
    """All late records of a shard as they are kept, in the order of booking."""
    newest: dict[int, LateRow] = {}
    rows = []
    for wallet, effective, record, previous, amount in sorted(late, key=lambda each: (each.record, each.wallet)):
        last = newest.get(wallet)
        before = last.before if last is not None and last.record == previous else previous
        row = LateRow(wallet, effective, record, before, amount, amount + (0 if last is None else last.total))
        newest[wallet] = row
        rows.append(row)
    return rows


def late_sums(late: Iterable[Late]) -> dict[Span, int]:
    """What late records of a shard come to by span of time."""
    sums: dict[Span, int] = defaultdict(int)
    for each in late:
        for width in WIDTHS:
            sums[Span(each.wallet, width, each.effective >> width)] += each.amount
    return sums


def _sides(records: Records) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indexes of records that are late on the payer's chain, and on the payee's. A HOLD has something else where the payee's lag lies."""
    lagging = np.flatnonzero((records["payer_lag"] | records["payee_lag"]) != 0)
    if not len(lagging):
        return lagging, lagging
    lagging = lagging[np.isin(records["kind"][lagging], _MOVING) & (records["code"][lagging] == 0)]
    found = records[lagging]
    local = found["flags"] & FLAG_REMOTE == 0
    return lagging[found["payer_lag"] != 0], lagging[local & (found["payee_lag"] != 0)]


def _rows(records: Records, addresses: NDArray[np.int64], side: str, sign: int) -> list[Late]:
    wallets = records[side].copy()
    for at in np.flatnonzero((records["kind"] == Kind.LEG) & (records["flags"] & FLAG_SUSPENSE != 0)).tolist():
        wallets[at] = suspense_address(int(records["currency"][at]))
    columns = (wallets, records["effective_time"], addresses, records[f"{side}_prev"], sign * records["amount"])
    return [Late(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
