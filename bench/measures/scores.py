"""`scores`: a finished run's scores published to a switch, alone and beside single payments.

Every run scores all wallets again, under the next number, as fast as the switch takes them. Payments come at a stated rate, with scores and
without; their times count from when they were due. Every round has all three, and accounts of processor time a score and a payment.
"""

import os
import time
from contextlib import closing
from functools import partial
from statistics import median
from typing import Any, Final

import msgspec

from actors.rescore.inputs import prepare
from actors.rescore.job import Settings
from actors.rescore.publishing import BATCH_ROWS, UNDER_WAY
from actors.rescore.run import Options as RunOptions
from actors.rescore.run import run as rescore
from actors.rescore.unit import local_pool
from bench.contenders.switch import KEY, Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.client_process import ClientProcess
from bench.workload.load import LoadSpec, Payments
from bench.workload.processes import cpu_seconds, sample
from bench.workload.publisher import PublisherResult, PublisherSpec, publisher
from bench.workload.turn import Turn, beside, detail_of, measure
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
    """`wallets`: of a run that has more batches than are under way, so none comes before what the run before says of the same wallets.
    `payments_a_second`: with one a batch, they take three quarters of two processors; `connections`: more than are ever in use at that
    rate; `alone_s`: shorter than the rest, as scores alone fill disk and journal twice as fast."""

    wallets: int = 131_072
    connections: int = 64
    warm_up_s: float = 2.0
    seconds: float = 8.0
    alone_s: float = 4.0
    payments_a_second: float = 1_000.0


QUICK: Final = Sizes(
    wallets=(UNDER_WAY + 1) * BATCH_ROWS, warm_up_s=1.0, seconds=2.0, alone_s=1.0, payments_a_second=500.0
)


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """Scores that were taken within so many seconds. `cpu_s`: processor seconds by group of processes meanwhile."""

    scores: int
    seconds: float
    cpu_s: dict[str, float]

    @property
    def rate(self) -> float:
        """Scores a second."""
        return self.scores / self.seconds


class _Round(msgspec.Struct, frozen=True, kw_only=True):
    """Scores alone and beside payments; payments without and with scores."""

    alone: Published
    beside: Published
    steady: Turn
    busy: Turn


class _Scores:
    """A finished job over the wallets of a switch, published run after run."""

    def __init__(self, options: Options, switch: Switch, sizes: Sizes) -> None:
        source, output = options.work / "features", options.work / "scored"
        write_wallet_files(source, shipped(), 1, sizes.wallets, ids=switch.wallet_bytes())
        prepared = prepare(source, output, shipped(), Settings(as_of=int(time.time() * 1000) - 60_000))
        quietly: Any = {"stopping": lambda: False, "on_status": lambda _: None}
        rescore(prepared, local_pool, RunOptions(workers=os.cpu_count() or 1, max_bad=0.0, **quietly))
        self._folder = output
        self._switch = switch
        self._run = 1

    def publishing(self, key: str | None, seconds: float) -> ClientProcess[PublisherResult]:
        """A process that is ready to publish under the next numbers."""
        url = f"http://127.0.0.1:{self._switch.port}"
        spec = PublisherSpec(
            url=url, key=key, folder=str(self._folder), run=self._run, seconds=seconds, timeout_s=TIMEOUT_S
        )
        return publisher(spec)

    def publish(self, process: ClientProcess[PublisherResult]) -> Published:
        """Let it publish, and see where processor time goes."""
        pids = [*self._switch.roots(), process.pid]
        before = sample(pids)
        result = process.run()
        self._run += result.runs
        return Published(scores=result.scores, seconds=result.seconds, cpu_s=cpu_seconds(before, sample(pids)))


def run(options: Options) -> list[Figure]:
    """Scores a second, and 99th percentiles of payments in milliseconds."""
    sizes = QUICK if options.quick else Sizes()
    shards = options.shards[0] if options.shards else 1
    switch = Switch(
        NAME, options.work / NAME, shards=shards, scorers=1, wallets=sizes.wallets, loaded=not options.quick
    )
    made: list[_Scores] = []
    rounds = take_turns({NAME: partial(_round, options, sizes, switch, made)}, options.rounds)[NAME]
    checked = switch.check(sum(turn.load.done for each in rounds for turn in (each.steady, each.busy)))
    alone = figure(NAME, ALONE, "scores/s", [each.alone.rate for each in rounds], detail=_accounts(rounds))
    both = figure(NAME, BESIDE, "scores/s", [each.beside.rate for each in rounds], aim=RATE_AIM)
    steady = _p99(STEADY, [each.steady for each in rounds], sizes, checked)
    busy = _p99(BUSY, [each.busy for each in rounds], sizes, checked)
    return [alone, both, ratio(NAME, both, alone), steady, busy, ratio(NAME, busy, steady, P99_AIM, better="lower")]


def _accounts(rounds: list[_Round]) -> dict[str, Any]:
    """Microseconds of processor time a score and a payment, by group of processes; and all that the rounds kept."""
    return {
        "us_a_score": [_each(each.alone.cpu_s, each.alone.scores) for each in rounds],
        "us_a_payment": [_each(each.steady.cpu_s, each.steady.load.done) for each in rounds],
        "alone": [msgspec.to_builtins(each.alone) for each in rounds],
        "beside": [msgspec.to_builtins(each.beside) for each in rounds],
    }


def _each(cpu_s: dict[str, float], count: int) -> dict[str, float]:
    return {group: round(1e6 * seconds / count, 2) for group, seconds in cpu_s.items()}


def _round(options: Options, sizes: Sizes, switch: Switch, made: list[_Scores], number: int) -> _Round:
    options.say(f"{NAME}: round {number + 1} of {options.rounds}")
    switch.start()
    try:
        if not made:
            made.append(_Scores(options, switch, sizes))
        scores = made[0]
        with Client(f"http://127.0.0.1:{switch.port}", KEY) as client:
            client.scorecards.publish(shipped().name, document=msgspec.json.decode(canonical(shipped())))
            key = client.keys.create(name="credit-team", scopes=["credit"]).key
        spec = partial(_load, sizes, switch)
        measure(spec(sizes.warm_up_s, 10 * number), switch.roots)
        steady = measure(spec(sizes.seconds, 10 * number + 1), switch.roots)
        for seconds in (sizes.warm_up_s, sizes.alone_s):
            with closing(scores.publishing(key, seconds)) as process:
                alone = scores.publish(process)
        os.sync()  # what was written for the scores alone is not to be written while payments are measured
        with closing(scores.publishing(key, sizes.seconds)) as process:
            publish = partial(scores.publish, process)
            busy, both = beside(spec(sizes.seconds, 10 * number + 2), switch.roots, lambda _: publish())
        return _Round(alone=alone, beside=both, steady=steady, busy=busy)
    finally:
        switch.stop()


def _load(sizes: Sizes, switch: Switch, seconds: float, seed: int) -> LoadSpec:
    rate = sizes.payments_a_second
    return LoadSpec(
        port=switch.port,
        key=switch.key,
        connections=sizes.connections,
        seconds=seconds,
        seed=seed,
        work=Payments(wallets=switch.wallets(), count=int(seconds * rate) + 1),
        rate=rate,
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
