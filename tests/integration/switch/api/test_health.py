"""Probes say whether payments are taken, and name what stops them; metrics have names that dashboards rely on."""

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from actors.records.ids import decode_wallet
from actors.records.layout import RECORD
from actors.records.secret import Secret
from actors.rpc.interface import ShardUnavailable
from actors.shard.messages import Legs
from tests.front_door import SECRET, RunningSwitch, running_switch
from tests.payments import funded, once_posted


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url) as running:
        yield running


async def test_probes_and_metrics(switch: RunningSwitch) -> None:
    await funded(switch)
    for path in ("/healthz", "/readyz"):
        assert (await switch.call("GET", path)).status == 200
    text = (await switch.call("GET", "/metrics")).raw.decode()
    for line in (
        'shardpay_requests_total{route="POST /v1/transfers",status="201"} 1.0',
        'shardpay_results_total{code="ok"} 1.0',
        'shardpay_decisions_total{action="approve"} 1.0',
        'shardpay_queue_rows{shard="1"} 0.0',
        'shardpay_table_fill_ratio{shard="1",table="keys"}',
        'shardpay_table_fill_ratio{shard="0",table="holds"}',
    ):
        assert line in text
    assert (await switch.call("GET", "/readyz")).json == {"status": "ready", "shards": 2, "warnings": []}
    for client in switch.clients:

        async def unreachable(addresses: Any) -> Any:
            raise ShardUnavailable(True)

        client.wallets = unreachable  # type: ignore[method-assign]
    answer = await switch.call("GET", "/readyz")
    assert (answer.status, answer.json["code"]) == (503, "not_ready")


async def test_readiness_warns_of_a_clock_that_was_set_and_names_what_stops_intake(switch: RunningSwitch) -> None:
    core = switch.clients[0]._host.core
    core.clock_off_ms = 7_000
    answer = await switch.call("GET", "/readyz")
    assert (answer.status, len(answer.json["warnings"])) == (200, 1)
    assert "the database's clock is 7000 ms ahead" in answer.json["warnings"][0]
    assert 'shardpay_clock_off_ms{shard="0"} 7000.0' in (await switch.call("GET", "/metrics")).raw.decode()
    core._timed = False
    answer = await switch.call("GET", "/readyz")
    assert (answer.status, answer.json["code"]) == (503, "not_ready")
    assert "shard 0: its journal is being read, or the database's clock" in answer.json["detail"]


async def test_a_stopped_channel_shows_in_readiness_and_payments_within_shards_go_on(switch: RunningSwitch) -> None:
    bank, user = await funded(switch)
    here, there = (client._host.core for client in switch.clients)
    while here.ledger.wallet(decode_wallet(Secret.of(SECRET), user)) is None:
        user = await switch.wallet()
        assert (await switch.pay(bank, user, 1_000)).status == 201
    receiver = there.receivers[0]
    while receiver.cursor.block < here.writer.sealed_block or there._recorded[0] < receiver.cursor.block:
        other = await switch.wallet()  # of the one shard or the other, until a remote credit was the last in flight
        assert (await switch.pay(user, other, 1)).status == 201
        await once_posted(switch, other, 1)
    wrong = Legs(
        sender=0,
        writer=here.writer.writer.number + 1,
        timeline=there.timeline,
        since=receiver.cursor.block,
        since_hash=bytes(32),
        until=receiver.cursor.block + 1,
        until_hash=bytes(32),
        records=np.zeros(0, RECORD),
        addresses=np.zeros(0, np.int64),
    )
    await switch.clients[1]._host.push(wrong)
    answer = await switch.call("GET", "/readyz")
    assert answer.status == 200
    reported = "shard 1: channels: what shards [0] sent contradicts their journals and is not taken in"
    assert answer.json["warnings"] == [reported]
    assert (await switch.pay(user, bank, 1)).status == 201
