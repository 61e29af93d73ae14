"""`credit`: decisions one by one over HTTP at 64 keep-alive connections.

As many as are answered, then at the rate that is the aim; there the 99th percentile counts from when a question was due. Each is logged
before it is answered.

With --peers beside a PostgreSQL function behind aiohttp that reads consent and score and writes a log row, and knows no more.
"""

from functools import partial
from typing import Final, NamedTuple

import msgspec

from bench.contenders.bureau import Bureau
from bench.contenders.contender import Contender
from bench.contenders.decider import Decider
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.load import LoadSpec, Questions
from bench.workload.questions import DECISIONS_A_DAY
from bench.workload.turn import Turn, detail_of, measure

NAME: Final = "credit"
AIM: Final = 3_000.0
P99_AIM_MS: Final = 25.0


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`rate_max`: requests are built for this many a second; one that does more ends early, which does no harm."""

    wallets: int = 2_000
    connections: int = 64
    warm_up_s: float = 3.0
    seconds: float = 10.0
    rate_max: int = 7_000


QUICK: Final = Sizes(wallets=300, warm_up_s=1.0, seconds=2.0, rate_max=6_000)


def run(options: Options) -> list[Figure]:
    """Decisions a second of each contender, the 99th percentile, and the ratio."""
    sizes = QUICK if options.quick else Sizes()
    asked = options.rounds * sizes.rate_max * (sizes.warm_up_s + 2 * sizes.seconds)
    wallets = max(sizes.wallets, 1 + int(asked / DECISIONS_A_DAY))
    contenders: list[Contender] = [
        Bureau("shardpay", options.work / "bureau", wallets=wallets, loaded=not options.quick)
    ]
    if options.peers:
        contenders.append(Decider(options.work / "decider", wallets=wallets))
    turns = take_turns({c.name: partial(_turn, options, sizes, c) for c in contenders}, options.rounds)
    figures = {c.name: _figure(c, turns[c.name], sizes) for c in contenders}
    at_rate = [pair.at_rate.load.p99_ms for pair in turns["shardpay"]]
    name = f"shardpay at {AIM:,.0f} a second, p99"
    found = [*figures.values(), figure(NAME, name, "ms", at_rate, aim=P99_AIM_MS, better="lower")]
    if options.peers:
        found.append(ratio(NAME, figures["shardpay"], figures["decider"]))
    return found


class _Turns(NamedTuple):
    """As many as are answered, and at the rate that is the aim."""

    full: Turn
    at_rate: Turn


def _turn(options: Options, sizes: Sizes, contender: Contender, number: int) -> _Turns:
    options.say(f"{NAME}: {contender.name}, round {number + 1} of {options.rounds}")
    contender.start()
    try:
        wallets = contender.wallets()
        _load(sizes, contender, wallets, sizes.warm_up_s, 3 * number)
        full = _load(sizes, contender, wallets, sizes.seconds, 3 * number + 1)
        return _Turns(full, _load(sizes, contender, wallets, sizes.seconds, 3 * number + 2, rate=AIM))
    finally:
        contender.stop()


def _load(sizes: Sizes, contender: Contender, wallets: list[str], seconds: float, seed: int, rate: float = 0.0) -> Turn:
    spec = LoadSpec(
        port=contender.port,
        key=contender.key,
        connections=sizes.connections,
        seconds=seconds,
        seed=seed,
        work=Questions(wallets=wallets, count=int(seconds * sizes.rate_max)),
        rate=rate,
    )
    return measure(spec, contender.roots)


def _figure(contender: Contender, pairs: list[_Turns], sizes: Sizes) -> Figure:
    every = [turn for pair in pairs for turn in pair]
    for turn in every:
        if turn.load.codes:
            raise RuntimeError(f"{NAME}: {contender.name}: questions that were not answered: {turn.load.codes}")
    checked = contender.check(sum(turn.load.done for turn in every))
    turns = [pair.full for pair in pairs]
    rates = [turn.load.rate for turn in turns]
    aim = AIM if isinstance(contender, Bureau) else None
    return figure(NAME, contender.name, "decisions/s", rates, aim=aim, detail=detail_of(turns, sizes, checked))
