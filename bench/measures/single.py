"""`single`: payments one by one over HTTP at 64 keep-alive connections, durable.

Scored and unscored; with --peers against row locks and an echo.
"""

from functools import partial
from typing import Final

import msgspec

from bench.contenders.contender import Contender
from bench.contenders.peer_echo import Echo
from bench.contenders.rowlock import Rowlock
from bench.contenders.switch import Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.load import LoadSpec, Payments
from bench.workload.turn import Turn, detail_of, measure

NAME: Final = "single"
RATIO_AIM: Final = 1.5
SCORED_AIM: Final = 0.75
UNSCORED: Final = ", unscored"
SHARDS: Final = 1


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`rate_max`: requests are built for this many a second; one that does more ends early, which does no harm."""

    wallets: int = 20_000
    connections: int = 64
    warm_up_s: float = 4.0
    seconds: float = 12.0
    rate_max: int = 24_000


QUICK: Final = Sizes(wallets=2_000, warm_up_s=1.0, seconds=2.0)


def run(options: Options) -> list[Figure]:
    """Payments a second of each contender, and the ratios."""
    sizes = QUICK if options.quick else Sizes()
    contenders = _contenders(options, sizes)
    turns = take_turns({c.name: partial(_turn, options, sizes, c) for c in contenders}, options.rounds)
    figures = {c.name: _figure(c, turns[c.name], sizes) for c in contenders}
    found = list(figures.values())
    for name, each in figures.items():
        if name + UNSCORED in figures:
            found.append(ratio(NAME, each, figures[name + UNSCORED], SCORED_AIM))
            if "rowlock" in figures:
                found.append(ratio(NAME, each, figures["rowlock"], RATIO_AIM))
    return found


def _contenders(options: Options, sizes: Sizes) -> list[Contender]:
    contenders: list[Contender] = [
        Switch(
            name + scored,
            options.work / f"switch-{n}-{scorers}",
            shards=n,
            scorers=scorers,
            wallets=sizes.wallets,
            loaded=not options.quick,
        )
        for n, name in ((n, f"shardpay --shards {n}") for n in options.shards or (SHARDS,))
        for scorers, scored in ((1, ""), (0, UNSCORED))
    ]
    if options.peers:
        contenders.append(Rowlock(options.work / "rowlock", wallets=sizes.wallets))
        contenders.append(Echo(options.work / "echo", wallets=sizes.wallets))
    return contenders


def _turn(options: Options, sizes: Sizes, contender: Contender, number: int) -> Turn:
    options.say(f"{NAME}: {contender.name}, round {number + 1} of {options.rounds}")
    contender.start()
    try:
        wallets = contender.wallets()
        _load(sizes, contender, wallets, sizes.warm_up_s, 2 * number)
        return _load(sizes, contender, wallets, sizes.seconds, 2 * number + 1)
    finally:
        contender.stop()


def _load(sizes: Sizes, contender: Contender, wallets: list[str], seconds: float, seed: int) -> Turn:
    spec = LoadSpec(
        port=contender.port,
        key=contender.key,
        connections=sizes.connections,
        seconds=seconds,
        seed=seed,
        work=Payments(wallets=wallets, count=int(seconds * sizes.rate_max)),
    )
    return measure(spec, contender.roots)


def _figure(contender: Contender, turns: list[Turn], sizes: Sizes) -> Figure:
    checked = contender.check(sum(turn.load.done for turn in turns))
    rates = [turn.load.rate for turn in turns]
    return figure(NAME, contender.name, "payments/s", rates, detail=detail_of(turns, sizes, checked))
