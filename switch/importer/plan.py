"""Plan which rows may be sent at the same time.

No wallet that pays ever sees its rows in another order than the file's.

Rows are asked for in waves; a wave begins when all of the one before it are answered. In one wave the rows of one payer go to its
shard in one request, in order. What could be overtaken there ends its payer's turn: a row that may wait, because the payee is not
yet known to the payer's shard or because money named by `after` may still be on its way. A payee that pays too takes
part in no other row of the wave that pays it. Operator wallets, and payees that never pay, have no order to keep.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SLICE_ROWS_MIN: Final = 256
"""Rows of several slices of time go together until there are this many: waves of a handful of rows would only wait."""
TURN_ROWS_MAX: Final = 4_096
"""Rows of one payer in a wave, so that a request never has to be larger than what a call takes."""
NONE: Final = -1


class Plan(NamedTuple):
    """`order` (n,): rows by wave, in each wave in the order of the file. `starts` (waves + 1,): where each wave begins in it. `after`
    (n,): the row whose money a row needs, or -1. `confirm`: rows by wave, before which their payer's balance must have come to
    what it should be: money from several shards was under way, and `after` names but one."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    after: NDArray[np.int64]
    confirm: dict[int, list[int]]

    @property
    def waves(self) -> int:
        """How many waves there are."""
        return len(self.starts) - 1

    def rows(self, wave: int) -> NDArray[np.int64]:
        """Rows of a wave."""
        return self.order[self.starts[wave] : self.starts[wave + 1]]


def make_plan(
    payer: NDArray[np.int32],
    payee: NDArray[np.int32],
    effective_ms: NDArray[np.int64],
    slice_ms: int,
    operator: NDArray[np.bool_],
    place: NDArray[np.int64],
) -> Plan:
    """Plan rows (n,) between wallets (w,). `place` (w,): equal numbers are known to lie on one shard."""
    planner = _Planner(payer, operator, place)
    wave = np.empty(len(payer), np.int64)
    for start, end in slices(effective_ms, slice_ms):
        planner.begin_slice()
        payers, payees = payer[start:end].tolist(), payee[start:end].tolist()
        wave[start:end] = [planner.put(start + i, p, q) for i, (p, q) in enumerate(zip(payers, payees, strict=True))]
    order = np.argsort(wave, kind="stable")
    counts = np.bincount(wave, minlength=planner.next_wave)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    after = np.full(len(payer), NONE, np.int64)
    for row, source in planner.after.items():
        after[row] = source
    confirm: dict[int, list[int]] = {}
    for row in planner.confirm:
        confirm.setdefault(int(wave[row]), []).append(row)
    return Plan(order, starts, after, confirm)


def slices(effective_ms: NDArray[np.int64], slice_ms: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 of rows that go together: whole slices of time, at least SLICE_ROWS_MIN rows where there are."""
    start, count = 0, len(effective_ms)
    for end in [*(np.flatnonzero(np.diff(effective_ms // slice_ms)) + 1).tolist(), count]:
        if end - start >= SLICE_ROWS_MIN or (end == count and end > start):
            yield start, end
            start = end


class _Planner:
    """Goes through the rows once. `next_wave`: the first wave that nothing is in."""

    def __init__(self, payer: NDArray[np.int32], operator: NDArray[np.bool_], place: NDArray[np.int64]) -> None:
        pays = np.zeros(len(operator), np.bool_)
        pays[payer] = True
        self._ordered: list[bool] = (pays & ~operator).tolist()
        self._operator: list[bool] = operator.tolist()
        self._place: list[int] = place.tolist()
        self._ready = [0] * len(operator)
        """First wave in which a wallet's shard may be given its next row."""
        self._used = [NONE] * len(operator)
        """Last wave with a row of the wallet."""
        self._turn = [0] * len(operator)
        """Rows of the wallet in that wave."""
        self._known: dict[tuple[int, int], int] = {}
        """Wave in which a payee was first named to a place."""
        self._incoming: dict[int, dict[int, int]] = {}
        """Last row that paid a wallet from each other place, since it last asked for that money."""
        self._base = 0
        self.next_wave = 0
        self.after: dict[int, int] = {}
        self.confirm: list[int] = []

    def begin_slice(self) -> None:
        """All that follows comes after all that came before."""
        self._base = self.next_wave

    def put(self, row: int, payer: int, payee: int) -> int:
        """Wave of a row."""
        home = payee if self._operator[payer] and not self._operator[payee] else payer
        wave = self._base
        if self._ordered[home]:
            wave = max(wave, self._ready[home])
        elsewhere = payee != home and self._ordered[payee]
        if elsewhere:
            wave = max(wave, self._ready[payee], self._used[payee] + 1)
        waits = payer == home and self._needs_money(row, home)
        waits |= payee != home and self._needs_profile(home, payee, wave)
        if self._ordered[home]:
            self._take_turn(home, wave, waits)
        if elsewhere:
            self._used[payee] = wave
            self._ready[payee] = wave + 1
            if self._place[payee] != self._place[home]:
                self._incoming.setdefault(payee, {})[self._place[home]] = row
        self.next_wave = max(self.next_wave, wave + 1)
        return wave

    def _take_turn(self, wallet: int, wave: int, waits: bool) -> None:
        self._turn[wallet] = self._turn[wallet] + 1 if self._used[wallet] == wave else 1
        self._used[wallet] = wave
        full = self._turn[wallet] >= TURN_ROWS_MAX
        self._ready[wallet] = wave + 1 if waits or full else wave

    def _needs_money(self, row: int, payer: int) -> bool:
        incoming = self._incoming.pop(payer, None)
        if incoming is None:
            return False
        if len(incoming) > 1:
            self.confirm.append(row)
            return False
        (self.after[row],) = incoming.values()
        return True

    def _needs_profile(self, home: int, payee: int, wave: int) -> bool:
        if self._operator[payee] or self._place[home] == self._place[payee]:
            return False
        pair = self._place[home], payee
        known = self._known.get(pair)
        if known is None or wave < known:
            self._known[pair] = wave
        return known is None or known >= wave


def requests(
    rows: NDArray[np.int64],
    payer: NDArray[np.int32],
    payee: NDArray[np.int32],
    operator: NDArray[np.bool_],
    rows_max: int,
) -> list[NDArray[np.int64]]:
    """A wave's rows (k,) as requests of about `rows_max` rows: the rows of one home wallet stay together and in order. A request is at
    most TURN_ROWS_MAX larger, unless operators alone take part."""
    if len(rows) <= rows_max:
        return [rows]
    home = home_wallets(rows, payer, payee, operator)
    by_home = np.argsort(home, kind="stable")
    firsts = np.flatnonzero(np.diff(home[by_home], prepend=-1))
    request_of_home = firsts // rows_max
    request = np.empty(len(rows), np.int64)
    request[by_home] = np.repeat(request_of_home, np.diff(firsts, append=len(rows)))
    return [rows[request == number] for number in np.unique(request)]


def home_wallets(
    rows: NDArray[np.int64], payer: NDArray[np.int32], payee: NDArray[np.int32], operator: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """The wallet whose shard each row (k,) goes to: the payer, or the payee when an operator wallet pays."""
    by_operator = operator[payer[rows]] & ~operator[payee[rows]]
    return np.where(by_operator, payee[rows], payer[rows])
