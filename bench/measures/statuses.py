"""`statuses`: what questions for the status of payments cost payments.

Single payments over HTTP at a stated rate, scored, each at its time: alone, and beside another account that asks ten times as often what
became of payments. Twice: with as many questions as an account is answered, and with so many that most are refused.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

import msgspec

from bench.contenders.contender import call, call_json
from bench.contenders.switch import KEY, Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.load import Loading, LoadResult, LoadSpec, Payments, Statuses
from bench.workload.turn import Turn, beside, detail_of

NAME: Final = "statuses"
QUESTIONS_A_PAYMENT: Final = 10
RATES: Final = (150, 500)
"""Payments a second. An account is answered 2,000 questions a second at one front door: all of the first, the most of the second are
refused."""
RATIO_AIM: Final = 1.5
ASKING: Final = "asking"
ASKED_OF: Final = 200
"""Wallets whose payments are asked about."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """A turn lasts `seconds`."""

    wallets: int = 5_000
    connections: int = 64
    asking_connections: int = 64
    warm_up_s: float = 3.0
    seconds: float = 8.0


QUICK: Final = Sizes(wallets=1_000, warm_up_s=1.0, seconds=2.0)


class _Scene:
    """A switch with payments that can be asked about by somebody else."""

    def __init__(self, options: Options, sizes: Sizes) -> None:
        self.sizes = sizes
        self.switch = Switch(NAME, options.work / NAME, shards=1, scorers=1, wallets=sizes.wallets)
        self.wallets: list[str] = []
        self.ids: list[str] = []
        self.key = ""

    def start(self) -> None:
        """Ready, with payments, and a key of another account."""
        self.switch.start()
        self.wallets = self.switch.wallets()
        self.key = call_json(self.switch.port, "/v1/keys", KEY, {"name": ASKING, "scopes": ["read"]})["key"]
        self.ids = list(self._paid())
        _load(self, RATES[-1], self.sizes.warm_up_s, 0)

    def _paid(self) -> Iterator[str]:
        headers = {"Authorization": f"Bearer {KEY}"}
        for wallet in self.wallets[:ASKED_OF]:
            status, page = call(self.switch.port, "GET", f"/v1/wallets/{wallet}/transfers", headers=headers)
            if status != 200:
                raise RuntimeError(f"{NAME}: no statement: {status} {page[:300]!r}")
            yield from (each["id"] for each in msgspec.json.decode(page)["data"])


def run(options: Options) -> list[Figure]:
    """By rate of payments: their p99 alone and beside questions, milliseconds, the ratio, and how many questions a second were answered."""
    scene = _Scene(options, QUICK if options.quick else Sizes())
    try:
        scene.start()
        cases = {
            _case(rate, asked): partial(_turn, options, scene, rate, asked) for rate in RATES for asked in (False, True)
        }
        turns = take_turns(cases, options.rounds)
    finally:
        scene.switch.stop()
    figures = []
    for rate in RATES:
        quiet, asked = _case(rate, False), _case(rate, True)
        alone, flooded = (_payments(f"{case}, p99", turns[case], scene.sizes) for case in (quiet, asked))
        questions = [found for _, found in turns[asked] if found is not None]
        answered = figure(NAME, f"{asked}, answered", "questions/s", [each.rate for each in questions])
        figures += [alone, flooded, ratio(NAME, flooded, alone, RATIO_AIM, better="lower"), answered]
    return figures


def _case(rate: int, asked: bool) -> str:
    return f"{rate} payments/s" + (f" beside {rate * QUESTIONS_A_PAYMENT:,} questions/s" if asked else "")


def _payments(case: str, turns: list[tuple[Turn, LoadResult | None]], sizes: Sizes) -> Figure:
    values = [turn.load.p99_ms for turn, _ in turns]
    return figure(NAME, case, "ms", values, better="lower", detail=detail_of([turn for turn, _ in turns], sizes, {}))


def _turn(options: Options, scene: _Scene, rate: int, asked: bool, number: int) -> tuple[Turn, LoadResult | None]:
    beside_what = "beside questions" if asked else "alone"
    options.say(f"{NAME}: {rate} payments a second {beside_what}, round {number + 1} of {options.rounds}")
    return _load(scene, rate, scene.sizes.seconds, RATES.index(rate) + 10 * number + 5 * asked + 1, asked=asked)


def _load(
    scene: _Scene, rate: int, seconds: float, seed: int, *, asked: bool = False
) -> tuple[Turn, LoadResult | None]:
    """Payments that are due at equal intervals; questions begin with them and end after them."""
    count = int(seconds * rate) + 1
    spec = LoadSpec(
        port=scene.switch.port,
        key=KEY,
        connections=scene.sizes.connections,
        seconds=seconds,
        seed=seed,
        work=Payments(wallets=scene.wallets, count=count),
        rate=float(rate),
    )
    if not asked:
        turn, _ = beside(spec, scene.switch.roots, lambda load: load.join())
        return turn, None
    questions = msgspec.structs.replace(
        spec,
        key=scene.key,
        connections=scene.sizes.asking_connections,
        rate=float(rate * QUESTIONS_A_PAYMENT),
        work=Statuses(ids=scene.ids, count=count * QUESTIONS_A_PAYMENT),
    )
    asking = Loading(questions)
    try:
        return beside(spec, scene.switch.roots, lambda _: asking.run())
    finally:
        asking.close()
