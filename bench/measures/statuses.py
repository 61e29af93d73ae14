"""`statuses`: what questions for the status of payments cost payments.

Single payments over HTTP at a stated rate, scored, each at its time: alone, and beside another account that asks ten times as often what
became of payments. Twice: with as many questions as an account is answered, and with so many that most wait. A third account asks now and
then, with and without the second: how long does it wait?
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from typing import Final, NamedTuple

import msgspec

from bench.contenders.contender import call, call_json
from bench.contenders.switch import KEY, Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.client_process import ClientProcess
from bench.workload.load import LoadResult, LoadSpec, Payments, Statuses, loading
from bench.workload.turn import Turn, beside, detail_of

NAME: Final = "statuses"
QUESTIONS_A_PAYMENT: Final = 10
RATES: Final = (150, 500)
"""Payments a second. Beside them an account is answered eight questions once in 5 to 16 ms: most of the first, of the second a third."""
RATIO_AIM: Final = 1.5
FEW: Final = 10
"""Questions a second of the account that asks now and then."""
FEW_CONNECTIONS: Final = 4
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


class Asked(Enum):
    """Who asks beside payments."""

    NOTHING = "nobody"
    FEW = "one who asks now and then"
    MANY = "one who asks now and then, and a flood"


class Seen(NamedTuple):
    """One turn: payments, and questions of those that asked."""

    payments: Turn
    few: LoadResult | None
    many: LoadResult | None


class _Scene:
    """A switch with payments that can be asked about by somebody else."""

    def __init__(self, options: Options, sizes: Sizes) -> None:
        self.sizes = sizes
        self.switch = Switch(
            NAME, options.work / NAME, shards=1, scorers=1, wallets=sizes.wallets, loaded=not options.quick
        )
        self.wallets: list[str] = []
        self.ids: list[str] = []
        self.key_of_few = self.key_of_many = ""

    def start(self) -> None:
        """Ready, with payments, and keys of other accounts."""
        self.switch.start()
        self.wallets = self.switch.wallets()
        self.key_of_few, self.key_of_many = self._key("asks-now-and-then"), self._key("asks-often")
        self.ids = list(self._paid())
        _load(self, RATES[-1], self.sizes.warm_up_s, 0)

    def _key(self, name: str) -> str:
        key: str = call_json(self.switch.port, "/v1/keys", KEY, {"name": name, "scopes": ["read"]})["key"]
        return key

    def _paid(self) -> Iterator[str]:
        headers = {"Authorization": f"Bearer {KEY}"}
        for wallet in self.wallets[:ASKED_OF]:
            status, page = call(self.switch.port, "GET", f"/v1/wallets/{wallet}/transfers", headers=headers)
            if status != 200:
                raise RuntimeError(f"{NAME}: no statement: {status} {page[:300]!r}")
            yield from (each["id"] for each in msgspec.json.decode(page)["data"])


def run(options: Options) -> list[Figure]:
    """By rate of payments: their p99 alone and beside questions, milliseconds, the ratio, how many questions a second of a flood were
    answered, and how long who asks now and then waits."""
    scene = _Scene(options, QUICK if options.quick else Sizes())
    try:
        scene.start()
        cases = {
            f"{rate} {asked.name}": partial(_turn, options, scene, rate, asked) for rate in RATES for asked in Asked
        }
        turns = take_turns(cases, options.rounds)
    finally:
        scene.switch.stop()
    return [
        each
        for rate in RATES
        for each in _figures(rate, {asked: turns[f"{rate} {asked.name}"] for asked in Asked}, scene)
    ]


def _figures(rate: int, turns: dict[Asked, list[Seen]], scene: _Scene) -> list[Figure]:
    alone_name = f"{rate} payments/s"
    flood_name = f"{alone_name} beside {rate * QUESTIONS_A_PAYMENT:,} questions/s"
    alone = _payments(f"{alone_name}, p99", turns[Asked.NOTHING], scene.sizes)
    flooded = _payments(f"{flood_name}, p99", turns[Asked.MANY], scene.sizes)
    answered = [seen.many.rate for seen in turns[Asked.MANY] if seen.many is not None]
    return [
        alone,
        flooded,
        ratio(NAME, flooded, alone, RATIO_AIM, better="lower"),
        figure(NAME, f"{flood_name}, answered", "questions/s", answered),
        _few(f"{alone_name}, p99 of {FEW} questions/s", turns[Asked.FEW]),
        _few(f"{flood_name}, p99 of {FEW} of a third account", turns[Asked.MANY]),
    ]


def _payments(case: str, turns: list[Seen], sizes: Sizes) -> Figure:
    payments = [seen.payments for seen in turns]
    values = [turn.load.p99_ms for turn in payments]
    return figure(NAME, case, "ms", values, better="lower", detail=detail_of(payments, sizes, {}))


def _few(case: str, turns: list[Seen]) -> Figure:
    """How long who asks now and then waits; the detail has the medians too."""
    found = [seen.few for seen in turns if seen.few is not None]
    detail = {"questions": [msgspec.to_builtins(each) for each in found]}
    return figure(NAME, case, "ms", [each.p99_ms for each in found], better="lower", detail=detail)


def _turn(options: Options, scene: _Scene, rate: int, asked: Asked, number: int) -> Seen:
    options.say(f"{NAME}: {rate} payments a second beside {asked.value}, round {number + 1} of {options.rounds}")
    return _load(
        scene,
        rate,
        scene.sizes.seconds,
        RATES.index(rate) + 10 * number + 2 * list(Asked).index(asked) + 1,
        asked=asked,
    )


def _load(scene: _Scene, rate: int, seconds: float, seed: int, *, asked: Asked = Asked.NOTHING) -> Seen:
    """Payments that are due at equal intervals; questions begin with them and end after them."""
    spec = LoadSpec(
        port=scene.switch.port,
        key=KEY,
        connections=scene.sizes.connections,
        seconds=seconds,
        seed=seed,
        work=Payments(wallets=scene.wallets, count=int(seconds * rate) + 1),
        rate=float(rate),
    )
    wanted: list[LoadSpec] = []
    if asked is not Asked.NOTHING:
        wanted.append(_questions(scene, spec, scene.key_of_few, FEW_CONNECTIONS, FEW))
    if asked is Asked.MANY:
        many = rate * QUESTIONS_A_PAYMENT
        wanted.append(_questions(scene, spec, scene.key_of_many, scene.sizes.asking_connections, many))
    asking = [loading(each) for each in wanted]
    try:
        with ThreadPoolExecutor() as threads:
            try:
                turn, found = beside(spec, scene.switch.roots, lambda _: list(threads.map(ClientProcess.run, asking)))
            except BaseException:
                for each in asking:
                    each.terminate()
                raise
    finally:
        for each in asking:
            each.close()
    return Seen(turn, found[0] if found else None, found[1] if len(found) > 1 else None)


def _questions(scene: _Scene, spec: LoadSpec, key: str, connections: int, rate: int) -> LoadSpec:
    work = Statuses(ids=scene.ids, count=int(spec.seconds * rate) + 1)
    return msgspec.structs.replace(spec, key=key, connections=connections, rate=float(rate), work=work)
