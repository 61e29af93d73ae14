"""`scores`: a finished run's scores published to a switch, alone and beside single payments.

Every run scores all wallets again, under the next number, as fast as the switch takes them. Payments meanwhile are compared with payments
alone.
"""

import itertools
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any, Final

import msgspec
import pyarrow.compute as pc

from actors.rescore.inputs import prepare
from actors.rescore.job import Settings
from actors.rescore.output import Output
from actors.rescore.publishing import Note, batches
from actors.rescore.run import Manifest
from actors.rescore.run import Options as RunOptions
from actors.rescore.run import run as rescore
from actors.rescore.unit import local_pool
from actors.storage.place import folder_at
from bench.contenders.switch import KEY, Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.load import LoadSpec, Payments
from bench.workload.turn import Turn, beside, detail_of
from bench.workload.wallet_files import write_wallet_files
from models.credit.shipped import shipped
from models.scorecard import canonical
from switch.client import Client

NAME: Final = "scores"
ALONE: Final = "scores/s, nothing else to do"
BESIDE: Final = "scores/s, beside payments"
STEADY: Final = "p99 of payments, no scores"
BUSY: Final = "p99 of payments, scores published"
RATE_AIM: Final = 200_000
P99_AIM: Final = 2.0
"""How many times the p99 without scores."""
TIMEOUT_S: Final = 120.0


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`connections`: few enough that the machine is not full, so that latency is not mostly queueing."""

    wallets: int = 131_072
    connections: int = 16
    warm_up_s: float = 3.0
    seconds: float = 10.0
    rate_max: int = 12_000


QUICK: Final = Sizes(wallets=4_096, warm_up_s=1.0, seconds=2.0)


class _Round(msgspec.Struct, frozen=True, kw_only=True):
    """Scores a second alone and beside payments; payments without and with scores."""

    alone: float
    beside: float
    steady: Turn
    busy: Turn


class _Scores:
    """A finished job over the wallets of a switch, published run after run."""

    def __init__(self, options: Options, switch: Switch, sizes: Sizes) -> None:
        source, output = options.work / "features", options.work / "scored"
        write_wallet_files(source, shipped(), 1, sizes.wallets, ids=switch.wallet_bytes())
        settings = Settings(as_of=int(time.time() * 1000) - 60_000)
        prepared = prepare(source, output, shipped(), settings)
        quietly: Any = {"stopping": lambda: False, "on_status": lambda _: None}
        self._manifest: Manifest = rescore(
            prepared, local_pool, RunOptions(workers=os.cpu_count() or 1, max_bad=0.0, **quietly)
        )
        self._output = Output(folder_at(output))
        self._runs = itertools.count(1)

    def tables(self) -> Iterator[Any]:
        """Batches of one run after the other."""
        for run in self._runs:
            for batch in batches(self._output, self._manifest, Note(url="", run=run)):
                yield batch.table


def run(options: Options) -> list[Figure]:
    """Scores a second, and 99th percentiles of payments in milliseconds."""
    sizes = QUICK if options.quick else Sizes()
    shards = options.shards[0] if options.shards else 1
    switch = Switch(NAME, options.work / NAME, shards=shards, scorers=1, wallets=sizes.wallets)
    made: list[_Scores] = []
    rounds = take_turns({NAME: partial(_round, options, sizes, switch, made)}, options.rounds)[NAME]
    checked = switch.check(sum(turn.load.done for each in rounds for turn in (each.steady, each.busy)))
    rates = [
        figure(NAME, ALONE, "scores/s", [each.alone for each in rounds]),
        figure(NAME, BESIDE, "scores/s", [each.beside for each in rounds], aim=RATE_AIM),
    ]
    steady = _p99(STEADY, [each.steady for each in rounds], sizes, checked)
    busy = _p99(BUSY, [each.busy for each in rounds], sizes, checked)
    return [*rates, steady, busy, ratio(NAME, busy, steady, P99_AIM, better="lower")]


def _round(options: Options, sizes: Sizes, switch: Switch, made: list[_Scores], number: int) -> _Round:
    options.say(f"{NAME}: round {number + 1} of {options.rounds}")
    switch.start()
    try:
        if not made:
            made.append(_Scores(options, switch, sizes))
        tables = made[0].tables()
        with Client(f"http://127.0.0.1:{switch.port}", KEY, timeout_s=TIMEOUT_S) as client:
            document = msgspec.json.decode(canonical(shipped()))
            client.scorecards.publish(shipped().name, document=document)
            _published(client, tables, sizes.warm_up_s, None)
            alone = _published(client, tables, sizes.seconds, None)
            spec = partial(_load, sizes, switch)
            beside(spec(sizes.warm_up_s, 10 * number), switch.roots, lambda _: None)
            steady, _ = beside(spec(sizes.seconds, 10 * number + 1), switch.roots, lambda _: None)
            busy, rate = beside(
                spec(sizes.seconds, 10 * number + 2), switch.roots, partial(_published, client, tables, sizes.seconds)
            )
        return _Round(alone=alone, beside=rate, steady=steady, busy=busy)
    finally:
        switch.stop()


def _published(client: Client, tables: Iterator[Any], seconds: float, load: threading.Thread | None) -> float:
    """Scores a second that were taken, until the time is over or the load has ended."""
    started, rows = time.perf_counter(), 0
    while (load is None or load.is_alive()) and time.perf_counter() - started < seconds:
        table = next(tables)
        codes = pc.unique(client.publish_scores(table).column("code")).to_pylist()
        if codes != ["ok"]:
            raise RuntimeError(f"{NAME}: scores that were not taken: {codes}")
        rows += len(table)
    return rows / (time.perf_counter() - started)


def _load(sizes: Sizes, switch: Switch, seconds: float, seed: int) -> LoadSpec:
    work = Payments(wallets=switch.wallets(), count=int(seconds * sizes.rate_max))
    return LoadSpec(
        port=switch.port, key=switch.key, connections=sizes.connections, seconds=seconds, seed=seed, work=work
    )


def _p99(case: str, turns: list[Turn], sizes: Sizes, checked: dict[str, Any]) -> Figure:
    for turn in turns:
        if turn.load.codes:
            raise RuntimeError(f"{NAME}: {case}: payments that were not made: {turn.load.codes}")
    more = {
        "payments_a_second": median(turn.load.rate for turn in turns),
        "max_ms": max(turn.load.max_ms for turn in turns),
        **detail_of(turns, sizes, checked),
    }
    return figure(NAME, case, "ms", [turn.load.p99_ms for turn in turns], better="lower", detail=more)
