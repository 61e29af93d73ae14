"""The lists of a wallet as one statement: by effective time, with the balance of the whole wallet, whatever the cuts of their pages."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from actors.records.addresses import record_address
from actors.records.layout import Kind
from switch.gateway.encode import Details
from switch.views.merged_statement import END, Merged, Position, Source, merged
from switch.views.statement import Statement, Step

WALLET = 1_024
Lists = dict[Source, list[Step]]


def step(shard: int, number: int, time: int, amount: int, out: bool) -> Step:
    address = record_address(shard, number, 0)
    record = {"kind": Kind.TRANSFER, "payer": WALLET if out else 9, "amount": amount, "effective_time": time}
    return Step(address, record, address, record, Details())


def order(each: Step) -> tuple[int, int]:
    return each.record["effective_time"], each.address


@st.composite
def some_lists(draw: st.DrawFn) -> Lists:
    """Newest first: of each shard what came in time, and what came late."""
    lists: Lists = {}
    for shard in range(draw(st.integers(1, 4))):
        moves = draw(st.lists(st.tuples(st.integers(100, 109), st.integers(1, 9), st.booleans()), max_size=8))
        newest = 0
        for late in (False, True):
            lists[Source(shard, late)] = []
        for number, (time, amount, out) in enumerate(moves, start=1):
            lists[Source(shard, time < newest)].append(step(shard, number, time, amount, out))
            newest = max(newest, time)
    return {source: sorted(steps, key=order, reverse=True) for source, steps in lists.items()}


def signed(each: Step) -> int:
    return -each.record["amount"] if each.record["payer"] == WALLET else each.record["amount"]


def pages_of(lists: Lists, limit: int, cut: int) -> Iterator[Merged]:
    """All pages, of which each list reads `cut` steps at most: fewer than the limit, as where much lies between that is not listed."""
    places = {source: Position(*order(steps[0])) for source, steps in lists.items() if steps}
    balance = sum(signed(each) for steps in lists.values() for each in steps)
    while places:
        read = {}
        for source, place in places.items():
            rest = [each for each in lists[source] if order(each) <= place]
            taken = rest[: min(limit, cut)]
            time, address = order(rest[len(taken)]) if len(rest) > len(taken) else END
            read[source] = Statement(steps=taken, next=address, next_time=time)
        page = merged(WALLET, read, balance, limit)
        yield page
        places, balance = {source: place for source, place in page.places.items() if place != END}, page.balance


@given(some_lists(), st.integers(1, 9), st.integers(1, 9))
def test_pages_give_every_step_once_newest_first_with_the_balance_after_it(lists: Lists, limit: int, cut: int) -> None:
    pages = list(pages_of(lists, limit, cut))
    steps = [each for page in pages for each in page.steps]
    everything = sorted((each for steps in lists.values() for each in steps), key=order, reverse=True)
    assert [each.address for each in steps] == [each.address for each in everything]
    balances = [balance for page in pages for balance in page.balances]
    older = [sum(map(signed, steps[at:])) for at in range(len(steps))]
    assert balances == older
    for page in pages:
        assert len(page.steps) <= limit and page.steps
