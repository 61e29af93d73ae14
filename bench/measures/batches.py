"""`batches`: Arrow batches of 32,768 payments over HTTP, unscored and scored.

Several in flight, on one and on two shards.
"""

from functools import partial
from typing import Final

import msgspec

from bench.contenders.switch import Switch
from bench.report.figures import Figure, figure
from bench.report.options import Options, take_turns
from bench.workload.load import Batches, LoadSpec
from bench.workload.turn import Turn, detail_of, measure

NAME: Final = "batches"
AIM_UNSCORED: Final = 700_000
AIM_SCORED: Final = 400_000
SHARDS: Final = (1, 2)


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`count` batches are sent, with so many connections and one batch in flight on each; then the clock stops."""

    wallets: int = 200_000
    rows: int = 32_768
    connections: int = 3
    warm_up_batches: int = 12
    count: int = 100
    seconds: float = 60.0


QUICK: Final = Sizes(wallets=20_000, warm_up_batches=4, count=12)


def run(options: Options) -> list[Figure]:
    """Payments a second for each number of shards, unscored and scored."""
    sizes = QUICK if options.quick else Sizes()
    switches = [
        Switch(
            f"{shards} shard{'s' if shards > 1 else ''}, {'scored' if scorers else 'unscored'}",
            options.work / f"batches-{shards}-{scorers}",
            shards=shards,
            scorers=scorers,
            wallets=sizes.wallets,
            loaded=not options.quick,
        )
        for scorers in (0, 1)
        for shards in options.shards or SHARDS
    ]
    turns = take_turns({s.name: partial(_turn, options, sizes, s) for s in switches}, options.rounds)
    return [_figure(switch, turns[switch.name], sizes) for switch in switches]


def _turn(options: Options, sizes: Sizes, switch: Switch, number: int) -> Turn:
    options.say(f"{NAME}: {switch.name}, round {number + 1} of {options.rounds}")
    switch.start()
    try:
        wallets = switch.wallet_bytes()
        seed = number * 1_000_000
        _load(sizes, switch, wallets, sizes.warm_up_batches, seed)
        return _load(sizes, switch, wallets, sizes.count, seed + 100_000)
    finally:
        switch.stop()


def _load(sizes: Sizes, switch: Switch, wallets: bytes, count: int, seed: int) -> Turn:
    spec = LoadSpec(
        port=switch.port,
        key=switch.key,
        connections=sizes.connections,
        seconds=sizes.seconds,
        seed=seed,
        work=Batches(wallets=wallets, rows=sizes.rows, count=count),
    )
    return measure(spec, switch.roots)


def _figure(switch: Switch, turns: list[Turn], sizes: Sizes) -> Figure:
    checked = switch.check(sum(turn.load.done for turn in turns))
    aim = AIM_SCORED if switch.scorers else AIM_UNSCORED
    rates = [turn.load.rate for turn in turns]
    return figure(NAME, switch.name, "payments/s", rates, aim=aim, detail=detail_of(turns, sizes, checked))
