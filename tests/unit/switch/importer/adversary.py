"""The least helpful switch that still keeps its promises: it delays whatever it may. Shares nothing with the code under test.

Shards handle the rows of a wave's requests in any interleaving, each request's rows in order. A row whose payee is not yet known to the
shard, or whose `after` is not yet read, may be overtaken by all others. Credits to other shards land as late as allowed.
"""

import random
from collections import defaultdict
from typing import Any, NamedTuple


class World(NamedTuple):
    """Wallets by number, rows as (payer, payee, amount)."""

    operator: list[bool]
    floor: list[int]
    shard: list[int]
    rows: list[tuple[int, int, int]]


def in_order(world: World) -> list[bool]:
    """Which rows post when they are handled one after the other."""
    balance: dict[int, int] = defaultdict(int)
    outcome = []
    for payer, payee, amount in world.rows:
        posts = world.operator[payer] or balance[payer] - amount >= world.floor[payer]
        if posts:
            balance[payer] -= amount
            balance[payee] += amount
        outcome.append(posts)
    return outcome


class Adversary:
    """Applies waves; `outcome` by row afterwards."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self._balance: dict[int, int] = defaultdict(int)
        self._known: set[tuple[int, int]] = set()
        self._legs: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        self.outcome: dict[int, bool] = {}
        self.sequence: list[int] = []

    def home(self, row: int) -> int:
        """Shard of a row."""
        payer, payee, _ = self._world.rows[row]
        by_operator = self._world.operator[payer] and not self._world.operator[payee]
        return self._world.shard[payee if by_operator else payer]

    def wave(self, requests: list[list[int]], after: Any) -> None:
        """All requests of a wave, at once."""
        lines = [
            [row for row in request if self.home(row) == shard]
            for request in requests
            for shard in set(self._world.shard)
        ]
        lines = [line for line in lines if line]
        late: list[int] = []
        while lines:
            line = self._random.choice(lines)
            row = line.pop(0)
            self._some_land()
            if not line:
                lines.remove(line)
            if self._may_wait(row, after[row]) and self._random.random() < 0.9:
                late.append(row)
            else:
                self._handle(row, after[row])
        self._random.shuffle(late)
        for row in late:
            self._handle(row, after[row])

    def confirm(self, wallet: int) -> None:
        """Everything paid to a wallet lands."""
        shard = self._world.shard[wallet]
        for (_, to), legs in self._legs.items():
            if to == shard:
                self._apply_legs(legs, len(legs))

    def _may_wait(self, row: int, after: int) -> bool:
        _, payee, _ = self._world.rows[row]
        unknown = not self._world.operator[payee] and (self.home(row), payee) not in self._known
        return after >= 0 or (unknown and self._world.shard[payee] != self.home(row))

    def _handle(self, row: int, after: int) -> None:
        payer, payee, amount = self._world.rows[row]
        here = self.home(row)
        self._known.add((here, payee))
        if after >= 0:
            assert after in self.outcome, "a row is named in `after` before it is answered"
            self._read_channel(here, after)
        posts = self._world.operator[payer] or self._balance[payer] - amount >= self._world.floor[payer]
        self.outcome[row] = posts
        self.sequence.append(row)
        if not posts:
            return
        self._balance[payer] -= amount
        if self._world.operator[payee] or self._world.shard[payee] == here:
            self._balance[payee] += amount
        else:
            self._legs[here, self._world.shard[payee]].append((row, payee))

    def _some_land(self) -> None:
        """Now and then, money on its way lands by itself."""
        channels = [legs for legs in self._legs.values() if legs]
        if channels and self._random.random() < 0.5:
            legs = self._random.choice(channels)
            self._apply_legs(legs, self._random.randrange(len(legs) + 1))

    def _read_channel(self, here: int, after: int) -> None:
        """Up to the named transfer, and not further."""
        legs = self._legs[self.home(after), here]
        place = self.sequence.index(after)
        self._apply_legs(legs, sum(self.sequence.index(row) <= place for row, _ in legs))

    def _apply_legs(self, legs: list[tuple[int, int]], count: int) -> None:
        for row, payee in legs[:count]:
            self._balance[payee] += self._world.rows[row][2]
        del legs[:count]
