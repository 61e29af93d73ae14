"""Proposals in PostgreSQL: the step to approval is taken once, and never by who made it."""

import asyncio
import uuid

import pytest

from actors.database.pool import Pool
from actors.stores import proposals
from actors.stores.proposals import LAST, NewProposal, ProposalsFull, ProposalState, ProposalStore

CALL = NewProposal(method="PUT", path="/v1/x", body="{}", reason="why")


async def state(store: ProposalStore, identity: uuid.UUID) -> ProposalState:
    found = await store.one(identity)
    assert found is not None
    return found.state


async def test_only_another_account_begins_and_what_is_refused_can_be_answered_again(
    pool: Pool, account: int, other: int
) -> None:
    store = ProposalStore(pool)
    identity = await store.add(CALL, account, 1)
    assert not await store.begin(identity, account)
    assert await store.begin(identity, other) and await state(store, identity) is ProposalState.CARRYING_OUT
    assert not await store.decline(identity, other)
    await store.give_back(identity)
    assert await state(store, identity) is ProposalState.OPEN
    assert await store.begin(identity, other)
    await store.done(identity, other)
    assert await state(store, identity) is ProposalState.APPROVED
    assert not await store.begin(identity, other) and not await store.decline(identity, account)
    await store.give_back(identity)
    assert await state(store, identity) is ProposalState.APPROVED


async def test_who_made_one_may_take_it_back_and_as_many_are_open_as_can_be(
    pool: Pool, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "OPEN_MAX", 3)
    store = ProposalStore(pool)
    made = await asyncio.gather(*(store.add(CALL, account, 1) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, ProposalsFull) for each in made) == 2
    first = next(each for each in made if isinstance(each, uuid.UUID))
    assert await store.decline(first, account)
    await store.add(CALL, account, 1)
    every = await store.page(LAST, 9, open_only=False)
    assert [each.id for each in every] == sorted((each.id for each in every), reverse=True) and len(every) == 4
    assert len(await store.page(LAST, 9, open_only=True)) == 3
    assert (await store.one(uuid.uuid4())) is None
