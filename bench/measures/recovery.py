"""`recovery`: a shard that starts again reads its whole journal; so does an audit.

Records a second of both, on the same journal.

A shard that takes the place of one that died finds as much memory free as that one held. On a virtual machine that gives free memory
back to its host it is gone seconds later, and the first touch of each page waits for the host: measured as a case of its own.
"""

import asyncio
import multiprocessing
import time
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final

import msgspec
import numpy as np

from actors.audit.audit import audit_database
from actors.database import embedded
from actors.database.connection import migrate
from actors.ledger.bounds import Capacity
from actors.ledger.table import table_count
from actors.records.addresses import SEGMENT_SLOTS
from actors.shard.in_process import LocalSwitch
from bench.contenders.switch import server_settings
from bench.report.figures import Figure, figure
from bench.report.options import Options, take_turns
from bench.workload.direct import lone_shard, open_wallets
from bench.workload.payments import payment_rows

NAME: Final = "recovery"
AIM: Final = 2_000_000
DEAD_SHARD_BYTES: Final = 800 << 20
"""More than a shard needs that recovers the journal of `Sizes`."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """A journal of one shard with so many payments, scored, between so many wallets."""

    wallets: int = 100_000
    payments: int = 3_200_000
    rows: int = 32_768


QUICK: Final = Sizes(wallets=5_000, payments=65_536)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """So many records of payments and wallets took so long."""

    records: int
    seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


def run(options: Options) -> list[Figure]:
    """Records a second of a shard's recovery and of an audit."""
    sizes = QUICK if options.quick else Sizes()
    server = embedded.start(options.work / "recovery")
    try:
        return _run(options, sizes, server.url)
    finally:
        server.stop()


def _run(options: Options, sizes: Sizes, url: str) -> list[Figure]:
    options.say(f"{NAME}: writing a journal of {sizes.payments:,} payments")
    written = asyncio.run(write_journal(url, sizes))
    asyncio.run(_recover(url, sizes))  # compiles what replays
    contenders = {
        "recovery": partial(_recovery_after_a_death, options, url, sizes),
        "audit": partial(_audit, options, url),
        "recovery, memory from the host": partial(_recovery, options, url, sizes),
    }
    turns = take_turns(contenders, options.rounds)
    detail: dict[str, Any] = {
        "sizes": msgspec.to_builtins(sizes),
        "write": msgspec.to_builtins(written),
        "postgresql": asyncio.run(server_settings(url)),
    }
    figures = []
    aims = {"recovery": AIM, "audit": AIM}
    for name in contenders:
        rounds = [each.rate for each in turns[name]]
        more = {**detail, "turns": msgspec.to_builtins(turns[name])}
        figures.append(figure(NAME, name, "records/s", rounds, aim=aims.get(name), detail=more))
    return figures


def _recovery_after_a_death(options: Options, url: str, sizes: Sizes, number: int) -> Reading:
    dead = multiprocessing.get_context("spawn").Process(target=_hold_memory)
    dead.start()
    dead.join()
    return _recovery(options, url, sizes, number)


def _hold_memory() -> None:
    np.ones(DEAD_SHARD_BYTES, np.int8)


def _recovery(options: Options, url: str, sizes: Sizes, number: int) -> Reading:
    options.say(f"{NAME}: round {number + 1} of {options.rounds}")
    return asyncio.run(_recover(url, sizes))


def _audit(options: Options, url: str, number: int) -> Reading:
    started = time.perf_counter()
    report = asyncio.run(audit_database(url))
    seconds = time.perf_counter() - started
    if report.differences:
        raise RuntimeError(f"the audit found {report.differences[:3]}")
    return Reading(records=report.records, seconds=seconds)


def _local(url: str, sizes: Sizes) -> AbstractAsyncContextManager[LocalSwitch]:
    """One shard over the journal, not started yet."""
    capacity = Capacity(
        segments=4 + sizes.wallets // SEGMENT_SLOTS,
        segment_map=4_096,
        keys=2
        * (sizes.payments + sizes.wallets),  # as at a real shard, far from full: no table is copied for want of room
        payers=sizes.wallets,
        attempts=128 * sizes.wallets,
        profiles=16,
    )
    return lone_shard(url, capacity)


async def write_journal(url: str, sizes: Sizes) -> Reading:
    """Pay through a shard in this process."""
    await migrate(url)
    async with _local(url, sizes) as switch:
        await switch.start()
        rng = np.random.default_rng(2)
        addresses = await open_wallets(switch.hosts[0], sizes.wallets, rng)
        started = time.perf_counter()
        for start in range(0, sizes.payments, sizes.rows):
            rows = payment_rows(addresses, min(sizes.rows, sizes.payments - start), rng)
            results = await switch.hosts[0].submit(rows, {})
            assert not results["code"].any(), "no payment of this benchmark is declined"
        return Reading(records=sizes.payments, seconds=time.perf_counter() - started)


async def _recover(url: str, sizes: Sizes) -> Reading:
    """A fresh host, from nothing to serving."""
    async with _local(url, sizes) as switch:
        started = time.perf_counter()
        await switch.start()
        seconds = time.perf_counter() - started
        records = table_count(switch.hosts[0].core.ledger.book.keys)
    return Reading(records=records, seconds=seconds)
