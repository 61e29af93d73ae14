"""A statement as one list of several, newest effective time first, with the balance after each line.

The lists of a wallet are, for each shard on which it has a row, its chain without late records, and its late records.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from switch.views.statement import Statement, Step, pays


class Source(NamedTuple):
    """One of the lists."""

    shard: int
    late: bool


class Position(NamedTuple):
    """Where a list goes on; its order is that of (effective time, address), and a chain needs the address alone. Both 0: at its end."""

    time: int
    address: int


END: Final = Position(0, 0)


class Merged(NamedTuple):
    """A page: steps newest first, the wallet's balance after each, where to go on by list, and the balance there."""

    steps: list[Step]
    balances: list[int]
    places: dict[Source, Position]
    balance: int


def merged(wallet: int, pages: Mapping[Source, Statement], balance: int, limit: int) -> Merged:
    """The newest `limit` steps of the pages. `balance`: of the wallet after all of them. A page that is cut short says nothing of what
    follows it, so nothing older is taken of the others either."""
    taken = dict.fromkeys(pages, 0)
    steps: list[Step] = []
    balances: list[int] = []
    while len(steps) < limit:
        left = {source: page.steps[taken[source]] for source, page in pages.items() if taken[source] < len(page.steps)}
        if not left or any(page.next and source not in left for source, page in pages.items()):
            break
        newest = max(left, key=lambda source: (left[source].record["effective_time"], left[source].address))
        step = left[newest]
        steps.append(step)
        balances.append(balance)
        amount = step.record["amount"]
        balance += amount if pays(step.record, wallet) else -amount
        taken[newest] += 1
    places = {source: _position(page, taken[source]) for source, page in pages.items()}
    return Merged(steps, balances, places, balance)


def _position(page: Statement, taken: int) -> Position:
    if taken < len(page.steps):
        step = page.steps[taken]
        return Position(step.record["effective_time"], step.address)
    return Position(page.next_time, page.next)
