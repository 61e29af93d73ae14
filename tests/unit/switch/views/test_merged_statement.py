"""Stripes of a wallet as one list: in order of time, with the balance of the whole wallet, whatever the cuts of their pages."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from actors.records.addresses import record_address
from actors.records.layout import Kind
from switch.gateway.encode import Details
from switch.views.merged_statement import Merged, merged
from switch.views.statement import Statement, Step

WALLET = 1_024
Chains = dict[int, list[Step]]


def step(shard: int, number: int, time: int, amount: int, out: bool) -> Step:
    address = record_address(shard, number, 0)
    record = {"kind": Kind.TRANSFER, "payer": WALLET if out else 9, "amount": amount, "record_time": time}
    return Step(address, record, address, record, Details())


@st.composite
def some_chains(draw: st.DrawFn) -> Chains:
    """Newest first by shard; times never go back along a chain."""
    chains: Chains = {}
    for shard in range(draw(st.integers(1, 4))):
        moves = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.booleans()), max_size=8))
        time, steps = 100, []
        for number, (later, amount, out) in enumerate(moves, start=1):
            time += later
            steps.append(step(shard, number, time, amount, out))
        chains[shard] = steps[::-1]
    return chains


def signed(each: Step) -> int:
    return -each.record["amount"] if each.record["payer"] == WALLET else each.record["amount"]


def pages_of(chains: Chains, limit: int, cut: int) -> Iterator[Merged]:
    """All pages, of which each stripe reads `cut` steps at most: fewer than the limit, as where much lies between that is not listed."""
    places = {shard: chain[0].address for shard, chain in chains.items() if chain}
    balance = sum(signed(each) for chain in chains.values() for each in chain)
    while places:
        read = {}
        for shard, place in places.items():
            rest = [each for each in chains[shard] if each.address <= place]
            taken = rest[: min(limit, cut)]
            read[shard] = Statement(steps=taken, next=rest[len(taken)].address if len(rest) > len(taken) else 0)
        page = merged(WALLET, read, balance, limit)
        yield page
        places, balance = {shard: place for shard, place in page.places.items() if place}, page.balance


@given(some_chains(), st.integers(1, 9), st.integers(1, 9))
def test_pages_give_every_step_once_newest_first_with_the_balance_after_it(
    chains: Chains, limit: int, cut: int
) -> None:
    pages = list(pages_of(chains, limit, cut))
    steps = [each for page in pages for each in page.steps]
    everything = [each for chain in chains.values() for each in chain]
    assert sorted(each.address for each in steps) == sorted(each.address for each in everything)
    times = [each.record["record_time"] for each in steps]
    assert times == sorted(times, reverse=True)
    balances = [balance for page in pages for balance in page.balances]
    older = [sum(map(signed, steps[at:])) for at in range(len(steps))]
    assert balances == older
    for page in pages:
        assert len(page.steps) <= limit and page.steps
