"""A shard's methods over bytes answer what its host does, along the way of Ray as along the socket."""

import asyncio
from typing import NoReturn

import numpy as np
import pytest

from actors.records.layout import RESULT, WALLET
from actors.rpc.interface import NotReady
from actors.rpc.transport import CallServer
from actors.shard.calls import ShardCalls
from actors.shard.remote import pack_rows
from bench.workload.payments import payment_rows
from tests.unit.actors.shard.test_host import started


async def test_rows_come_back_as_the_host_answers_them_and_a_repeat_is_told() -> None:
    switch, addresses = await started()
    calls = CallServer(None, ShardCalls(lambda: switch.hosts[0], lambda: 7).methods)
    data = pack_rows(payment_rows(addresses, 3, np.random.default_rng(4)), {})
    results = np.frombuffer(await calls.call("submit", data), RESULT)
    again = np.frombuffer(await calls.call("submit", data), RESULT)
    assert not results["code"].any() and again["replayed"].all()
    np.testing.assert_array_equal(again["address"], results["address"])
    wallets = np.frombuffer(await calls.call("wallets", addresses.tobytes()), WALLET)
    np.testing.assert_array_equal(wallets, await switch.hosts[0].wallets(addresses))
    assert b"disk_free_bytes" in await calls.call("condition", b"")
    await switch.stop()


async def test_before_there_is_a_host_a_call_is_refused_at_once() -> None:
    def starting() -> NoReturn:
        raise NotReady("shard 0 is starting")

    methods = ShardCalls(starting, lambda: None).methods
    with pytest.raises(NotReady, match="is starting"):
        methods["submit"](pack_rows(payment_rows(np.array([1 << 16, 2 << 16]), 1, np.random.default_rng(4)), {}))
    assert not asyncio.all_tasks() - {asyncio.current_task()}
