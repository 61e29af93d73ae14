"""`swap`: latency of single payments while the live pack is changed again and again.

Beside that when it is left alone.

`swap` makes packs live that were compiled before: scorers load them from disk and change over. `publish` sends a new text each time, which
is compiled in a process of its own first; that takes processor time from payments, on two cores a lot of it.
"""

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any, Final

import msgspec

from bench.contenders.contender import call, call_json
from bench.contenders.switch import KEY, Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.load import LoadSpec, Payments
from bench.workload.turn import Turn, beside, detail_of

NAME: Final = "swap"
STEADY: Final = "p99, the pack is left alone"
SWAP: Final = "p99, packs that are there change places"
PUBLISH: Final = "p99, new packs are compiled and go live"
PACK: Final = "swapped"
RULES: Final = 20
PAUSE_S: Final = 0.5
"""Between two changes: far more often than anybody publishes."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`connections`: few enough that the machine is not full, so that latency is not mostly queueing."""

    wallets: int = 5_000
    connections: int = 16
    warm_up_s: float = 3.0
    seconds: float = 10.0
    rate_max: int = 12_000


QUICK: Final = Sizes(wallets=2_000, warm_up_s=1.0, seconds=2.0)


class _Round(msgspec.Struct, frozen=True, kw_only=True):
    """A load, and how many milliseconds each change took that was made meanwhile."""

    turn: Turn
    changes_ms: list[float]


class _Packs:
    """Packs of one switch: `text` is another one each time."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._texts = 0
        self._version = 0

    def publish(self) -> None:
        """A new text, live."""
        self._texts += 1
        rules = "".join(
            f"  - {{id: r{i}, action: decline, reason: R{i}, when: 'amount > {10**9 + self._texts} && "
            f'payer_available < {1000 + i} && count("1h") > {100 + i} && payee_seen == 0\'}}\n'
            for i in range(RULES)
        )
        text = f"name: {PACK}\nfallback: decline\nrules:\n{rules}"
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        body = json.dumps({"text": text}).encode()
        status, answer = call(self._switch.port, "PUT", f"/v1/rule-packs/{PACK}", body, headers)
        if status >= 300:
            raise RuntimeError(f"a pack: {status} {answer[:300]!r}")
        self._version = json.loads(answer)["version"]
        self._live(self._version)

    def swap(self) -> None:
        """The other one of the two newest versions, live."""
        self._version += 1 if self._version < self._texts else -1
        self._live(self._version)

    def _live(self, version: int) -> None:
        wanted = {"mode": "live", "version": version}
        done = call_json(self._switch.port, f"/v1/rule-packs/{PACK}/mode", KEY, wanted)
        if done["scorers"]["waiting"]:
            raise RuntimeError(f"scorers have not changed over: {done['scorers']}")


def run(options: Options) -> list[Figure]:
    """99th percentiles in milliseconds of the three cases, and how many times that of the first the others are."""
    sizes = QUICK if options.quick else Sizes()
    shards = options.shards[0] if options.shards else 1
    switch = Switch(
        NAME, options.work / NAME, shards=shards, scorers=1, wallets=sizes.wallets, loaded=not options.quick
    )
    packs = _Packs(switch)
    cases = {STEADY: None, SWAP: packs.swap, PUBLISH: packs.publish}
    turns = take_turns({NAME: partial(_round, options, sizes, switch, packs, cases)}, options.rounds)[NAME]
    checked = switch.check(sum(each[case].turn.load.done for each in turns for case in cases))
    figures = {case: _figure(case, [each[case] for each in turns], sizes, checked) for case in cases}
    against = [ratio(NAME, figures[case], figures[STEADY], better="lower") for case in (SWAP, PUBLISH)]
    return [*figures.values(), *against]


def _round(
    options: Options,
    sizes: Sizes,
    switch: Switch,
    packs: _Packs,
    cases: dict[str, Callable[[], None] | None],
    number: int,
) -> dict[str, _Round]:
    options.say(f"{NAME}: round {number + 1} of {options.rounds}")
    switch.start()
    try:
        wallets = switch.wallets()
        for _ in range(2):
            packs.publish()
        _load(sizes, switch, wallets, sizes.warm_up_s, 10 * number, None)
        return {
            case: _load(sizes, switch, wallets, sizes.seconds, 10 * number + 1 + i, change)
            for i, (case, change) in enumerate(cases.items())
        }
    finally:
        switch.stop()


def _load(
    sizes: Sizes, switch: Switch, wallets: list[str], seconds: float, seed: int, change: Callable[[], None] | None
) -> _Round:
    spec = LoadSpec(
        port=switch.port,
        key=switch.key,
        connections=sizes.connections,
        seconds=seconds,
        seed=seed,
        work=Payments(wallets=wallets, count=int(seconds * sizes.rate_max)),
    )

    def changes(load: threading.Thread) -> list[float]:
        taken = []
        while change is not None and load.is_alive():
            started = time.perf_counter()
            change()
            taken.append(round(1000 * (time.perf_counter() - started), 1))
            load.join(PAUSE_S)
        return taken

    turn, taken = beside(spec, switch.roots, changes)
    return _Round(turn=turn, changes_ms=taken)


def _figure(case: str, rounds: list[_Round], sizes: Sizes, checked: dict[str, Any]) -> Figure:
    loads = [each.turn.load for each in rounds]
    for load in loads:
        if load.codes:
            raise RuntimeError(f"{NAME}: {case}: payments that were not made: {load.codes}")
    taken = [ms for each in rounds for ms in each.changes_ms]
    more = {
        "changes": len(taken),
        "change_ms": median(taken) if taken else 0.0,
        "payments_a_second": median(load.rate for load in loads),
        "p999_ms": median(load.p999_ms for load in loads),
        "max_ms": max(load.max_ms for load in loads),
        **detail_of([each.turn for each in rounds], sizes, checked),
    }
    return figure(NAME, case, "ms", [load.p99_ms for load in loads], better="lower", detail=more)
