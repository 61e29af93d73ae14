"""The statement of an operator wallet: the chains of its stripes as one list, newest first, with the balance of the whole wallet."""

from collections.abc import Mapping
from typing import NamedTuple

from switch.views.statement import Statement, Step, pays


class Merged(NamedTuple):
    """A page: steps newest first, the wallet's balance after each, where to go on by shard (0: at an end), and the balance there."""

    steps: list[Step]
    balances: list[int]
    places: dict[int, int]
    balance: int


def merged(wallet: int, pages: Mapping[int, Statement], balance: int, limit: int) -> Merged:
    """The newest `limit` steps of pages by shard. `balance`: of the wallet after all of them. A page that is cut short says nothing of what
    follows it, so nothing older is taken of the others either."""
    taken = dict.fromkeys(pages, 0)
    steps: list[Step] = []
    balances: list[int] = []
    while len(steps) < limit:
        left = {shard: page.steps[taken[shard]] for shard, page in pages.items() if taken[shard] < len(page.steps)}
        if not left or any(page.next and shard not in left for shard, page in pages.items()):
            break
        newest = max(left, key=lambda shard: (left[shard].record["record_time"], -shard))
        step = left[newest]
        steps.append(step)
        balances.append(balance)
        amount = step.record["amount"]
        balance += amount if pays(step.record, wallet) else -amount
        taken[newest] += 1
    places = {
        shard: page.steps[taken[shard]].address if taken[shard] < len(page.steps) else page.next
        for shard, page in pages.items()
    }
    return Merged(steps, balances, places, balance)
