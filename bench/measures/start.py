"""`start`: seconds from the start of `shardpay serve` to ready.

In a new data directory, in one used before, and with kernels not compiled yet.
"""

import time
from functools import partial
from typing import Final

from bench.contenders.switch import Switch, forget_data
from bench.report.figures import Figure, figure
from bench.report.options import Options, take_turns

NAME: Final = "start"
WARM_AIM_S: Final = 15.0
COLD_AIM_S: Final = 60.0
SHARDS: Final = 2


def run(options: Options) -> list[Figure]:
    """Seconds until the switch takes payments."""
    shards = options.shards[0] if options.shards else SHARDS
    first = partial(_first, options, shards)
    first(-1)  # compiles what this machine has not compiled yet, and reads the programs from disk
    turns = {"first start": first, "second start": partial(_second, options, shards)}
    if not options.quick:
        turns["first start, kernels not compiled"] = partial(_cold, options, shards)
    rounds = take_turns(turns, options.rounds)
    aims = {"second start": WARM_AIM_S, "first start, kernels not compiled": COLD_AIM_S}
    return [
        figure(NAME, case, "s", seconds, better="lower", aim=aims.get(case), detail={"shards": shards})
        for case, seconds in rounds.items()
    ]


def _switch(options: Options, shards: int) -> Switch:
    return Switch("start", options.work / "start", shards=shards, scorers=1, wallets=0)


def _first(options: Options, shards: int, number: int) -> float:
    options.say(f"{NAME}: first start, round {number + 1} of {options.rounds}")
    forget_data(options.work / "start")
    return _timed(_switch(options, shards), {})


def _second(options: Options, shards: int, number: int) -> float:
    """In the directory that `_first` left."""
    options.say(f"{NAME}: second start, round {number + 1} of {options.rounds}")
    return _timed(_switch(options, shards), {})


def _cold(options: Options, shards: int, number: int) -> float:
    options.say(f"{NAME}: kernels not compiled, round {number + 1} of {options.rounds}")
    forget_data(options.work / "start")
    cache = options.work / f"kernels-{number}"
    cache.mkdir()
    return _timed(_switch(options, shards), {"NUMBA_CACHE_DIR": str(cache)})


def _timed(switch: Switch, environment: dict[str, str]) -> float:
    started = time.monotonic()
    switch.start(environment)
    seconds = time.monotonic() - started
    switch.stop()
    return seconds
