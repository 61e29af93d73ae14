"""The head of each shard's journal is that of the database, and moves with each payment."""

import hashlib

import pytest

from actors.database.connection import connect
from actors.records.blocks import header_of
from actors.stores.api_keys import KeyStore
from tests.front_door import RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_heads_are_the_last_blocks_with_their_hashes(shared: RunningSwitch) -> None:
    bank, shop = await shared.wallet("external"), await shared.wallet("merchant")
    before = (await shared.call("GET", "/v1/journal/heads")).json["heads"]
    assert (await shared.pay(bank, shop, 10)).status == 201
    answer = await shared.call("GET", "/v1/journal/heads")
    assert answer.status == 200, answer.raw
    heads = answer.json["heads"]
    assert [head["shard"] for head in heads] == list(range(len(heads)))
    assert sum(head["block"] for head in heads) > sum(head["block"] for head in before)
    connection = await connect(shared.database_url, name="test")
    try:
        for head in heads:
            row = await connection.fetchrow(
                "SELECT records FROM journal WHERE shard = $1 AND block = $2", head["shard"], head["block"]
            )
            assert head["hash"] == hashlib.sha256(row[0]).hexdigest()
            assert head["previous"] == header_of(row[0]).previous.hex()
            assert head["whole"] is True and head["written_at"] <= answer.json["taken_at"]
            owned = await connection.fetchval("SELECT count(*) FROM segment WHERE shard = $1", head["shard"])
            assert head["segments"] == owned
    finally:
        await connection.close()


async def test_who_is_no_administrator_sees_none(shared: RunningSwitch) -> None:
    key = await KeyStore(shared.pool).create("reader-of-heads", ["read"])
    assert (await shared.call("GET", "/v1/journal/heads", token=key.key)).status == 403
