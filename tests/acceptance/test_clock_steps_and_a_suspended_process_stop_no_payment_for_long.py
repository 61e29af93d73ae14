"""The database's clock is set by an hour or by six seconds, forth and back, and a shard's process is stopped: payments go on.

A step is in an alert and in the warnings of the shard. No hold expires early, by what has elapsed, and times stay in order.
"""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.journal.memory import MemoryDatabase, MemoryJournal
from actors.records.codes import Code
from actors.records.layout import Kind
from actors.shard import host as host_module
from actors.shard.host import ShardHost
from actors.shard.in_process import LocalSwitch, MemorySegments
from bench.workload.payments import opening_rows, payment_rows
from tests.acceptance.load import Load
from tests.acceptance.running import audit_is_clean, running_switch

GOES_ON_WITHIN_S = 5.0
HOLD_S = 1


async def _started(journal: MemoryJournal) -> tuple[LocalSwitch, Any]:
    switch = LocalSwitch(journals=[journal], segments=MemorySegments(), secret=bytes(16))
    await switch.start()
    rows = opening_rows(20, np.random.default_rng(1))
    opened = await switch.hosts[0].submit(rows.copy(), {})
    while opened["code"].any():  # the first ones wait until the shard has claimed a segment
        opened = await switch.hosts[0].submit(rows.copy(), {})
    return switch, opened["address"]


async def _pay(host: ShardHost, addresses: Any, seed: int, **fields: int) -> Any:
    rows = payment_rows(addresses, 1, np.random.default_rng(seed))
    for name, value in fields.items():
        rows[name] = value
    (result,) = await host.submit(rows, {})
    assert result["code"] != Code.BUSY
    return result


@pytest.mark.parametrize("step_ms", [-3_600_000, -6_000, 6_000, 3_600_000])
async def test_a_step_of_the_databases_clock_stops_no_payment(step_ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "CLOCK_EVERY_TICKS", 1)
    step = 0
    journal = MemoryJournal(MemoryDatabase(), clock_ms=lambda: time.time_ns() // 1_000_000 + step)
    switch, addresses = await _started(journal)
    host = switch.hosts[0]
    before = await _pay(host, addresses, 1)
    step = step_ms
    began = time.monotonic()
    warnings: list[str] = []
    seed, last = 2, before["record_time"]
    while not warnings:
        assert time.monotonic() - began < GOES_ON_WITHIN_S, "a step is told"
        result = await _pay(host, addresses, seed)
        assert last <= result["effective_time"] == result["record_time"]
        last, seed = result["record_time"], seed + 1
        warnings = host.condition().warnings
        await asyncio.sleep(0.05)
    assert not host.condition().stops
    assert "clock" in warnings[0] and abs(host.core.clock_off_ms - step_ms) < 500
    elapsed_ms = 1_000 * (time.monotonic() - began)
    assert abs(int(last - before["record_time"]) - elapsed_ms) < 0.02 * elapsed_ms + 250
    step = 0
    while host.condition().warnings:
        assert time.monotonic() - began < 2 * GOES_ON_WITHIN_S, "a step that is taken back is over"
        await asyncio.sleep(0.05)
    await switch.stop()


async def test_no_hold_expires_early_when_the_clock_is_set_an_hour_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "CLOCK_EVERY_TICKS", 1)
    step = 0
    journal = MemoryJournal(MemoryDatabase(), clock_ms=lambda: time.time_ns() // 1_000_000 + step)
    switch, addresses = await _started(journal)
    host = switch.hosts[0]
    began = time.monotonic()
    held = await _pay(host, addresses, 5, op=int(Kind.HOLD), expires_in_s=HOLD_S)
    step = 3_600_000
    assert held["code"] == Code.OK, Code(int(held["code"])).name
    while (host.core.ledger.book.holds.rows["address"] != 0).any():
        assert time.monotonic() - began < 10
        await asyncio.sleep(0.01)
    assert time.monotonic() - began >= 0.98 * HOLD_S
    await switch.stop()


@pytest.mark.slow
async def test_payments_go_on_after_a_shards_process_was_stopped(tmp_path: Path) -> None:
    with running_switch(tmp_path / "data", "--shards", "1") as switch:
        async with Load(switch.url, 12, wallets=4) as load:
            await load.prepare()
            (shard,) = switch.find("shard")
            for pause_s, same in ((3.0, True), (8.5, False)):
                shard.send_signal(signal.SIGSTOP)
                await asyncio.sleep(pause_s)
                shard.send_signal(signal.SIGCONT)
                began = time.monotonic()
                payer, payee = load.wallets[:2]
                body = {"payer": payer, "payee": payee, "amount": 1, "currency": "EUR"}
                status, answer = await load.call("POST", "/v1/transfers", body, f"after-{pause_s}")
                took = time.monotonic() - began
                print(f"stopped for {pause_s} s: paid after {took:.1f} s")
                assert status == 201, answer
                assert not same or (took < GOES_ON_WITHIN_S and shard.is_running())
        audit_is_clean(switch)
