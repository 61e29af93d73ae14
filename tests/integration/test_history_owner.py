"""A statement is shown only on the word of the process that owns the journal, and from what is durable in it."""

from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.database.connection import connect
from actors.database.pool import Pool
from actors.records.addresses import block_of, record_address, suspense_address
from actors.records.blocks import GENESIS, Writer, seal
from actors.records.ids import decode_wallet
from actors.records.layout import RECORD, Kind
from actors.records.secret import Secret
from actors.rpc.interface import ChainHead
from switch.api.services import Limits
from switch.views.statement import History, WriterFenced
from tests.front_door import SECRET, RunningSwitch, running_front_door, running_switch

FAR_FUTURE_MS = 1 << 42


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=1) as running:
        yield running


@pytest.fixture
async def history(switch: RunningSwitch) -> AsyncIterator[History]:
    pool = await Pool.open(switch.database_url, name="test-history")
    yield History(pool)
    await pool.close()


async def _paid(switch: RunningSwitch) -> tuple[str, int, ChainHead]:
    """A wallet that got money twice: its id, its address, and what the shard says of it."""
    bank, user = await switch.wallet("external"), await switch.wallet()
    for amount in (30, 12):
        assert (await switch.pay(bank, user, amount)).status == 201
    await switch.log_is_repeated()
    address = decode_wallet(Secret.of(SECRET), user)
    (head,) = await switch.clients[0].heads(np.array([address]))
    return user, address, head


async def _open_as_another(switch: RunningSwitch) -> None:
    """What a successor's first act looks like in the journal."""
    async with switch.pool.session() as session:
        number = 1 + await session.fetchval("SELECT max(block) FROM journal WHERE shard = 0")
    records = np.zeros(1, RECORD)
    records["kind"] = Kind.OPEN
    writer = Writer(0, 1, 4_711, bytes(16))
    blocks, _ = seal(writer, first=number, previous=GENESIS, seen=0, records=records, details={})
    connection = await connect(switch.database_url, name="test")
    await connection.execute("INSERT INTO journal VALUES (0, $1, $2, NULL)", number, blocks[0].data)
    await connection.close()


async def test_places_that_are_not_durable_are_passed_over(switch: RunningSwitch, history: History) -> None:
    _, address, head = await _paid(switch)
    ahead = record_address(0, block_of(head.places[0]) + 50, 3)
    hopeful = head._replace(places=[ahead, *head.places])
    newest = await history.newest(address, 0, hopeful, 10)
    assert newest is not None and [step.record["amount"] for step in newest[1].steps] == [12, 30]
    assert newest[0] == (head.places[0], 42, 0)
    place = await history.at(address, 0, hopeful, FAR_FUTURE_MS)
    assert place is not None and (place.address, place.posted) == (head.places[0], 42)


async def test_a_wallet_of_which_nothing_is_durable_is_not_shown(switch: RunningSwitch, history: History) -> None:
    _, address, head = await _paid(switch)
    opening = head._replace(places=[record_address(0, block_of(head.places[0]) + 50, 3)])
    assert await history.newest(address, 0, opening, 10) is None
    assert await history.at(address, 0, opening, FAR_FUTURE_MS) is None


async def test_a_built_in_wallet_that_was_never_used_has_an_empty_statement(
    switch: RunningSwitch, history: History
) -> None:
    await _paid(switch)
    address = suspense_address(978)
    (head,) = await switch.clients[0].heads(np.array([address]))
    newest = await history.newest(address, 0, head, 10)
    assert newest is not None and not newest[1].steps


async def test_the_word_of_a_process_that_was_superseded_counts_for_nothing(
    switch: RunningSwitch, history: History
) -> None:
    _, address, head = await _paid(switch)
    await _open_as_another(switch)
    with pytest.raises(WriterFenced):
        await history.newest(address, 0, head, 10)
    with pytest.raises(WriterFenced):
        await history.at(address, 0, head, FAR_FUTURE_MS)


@pytest.mark.parametrize("another", [False, True], ids=["gone", "another's"])
async def test_the_word_of_a_process_counts_for_nothing_when_a_failover_lost_what_it_knew_to_be_stored(
    switch: RunningSwitch, history: History, another: bool
) -> None:
    _, address, head = await _paid(switch)
    known = head._replace(successors=[block_of(head.places[0]) + (1 if another else 50)])
    known = known._replace(writer=head.writer + another)
    with pytest.raises(WriterFenced):
        await history.newest(address, 0, known, 10)
    with pytest.raises(WriterFenced):
        await history.at(address, 0, known, FAR_FUTURE_MS)


async def test_the_front_door_asks_until_it_hears_from_the_owner(
    switch: RunningSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _, _ = await _paid(switch)
    asked: list[int] = []
    heads = switch.clients[0].heads

    async def stale_at_first(addresses: NDArray[np.int64]) -> list[ChainHead]:
        asked.append(len(asked))
        reported = await heads(addresses)
        return [each._replace(successors=[1], writer=1) for each in reported] if len(asked) < 3 else reported

    monkeypatch.setattr(switch.clients[0], "heads", stale_at_first)
    async with running_front_door(switch, Limits()) as front_door:
        answer = await front_door.call("GET", f"/v1/wallets/{user}/transfers")
    assert answer.status == 200 and [line["amount"] for line in answer.json["data"]] == [12, 30]
    assert len(asked) == 3
