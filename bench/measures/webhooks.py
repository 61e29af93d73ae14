"""`webhooks`: deliveries a second of a journal's events to a receiver on the same machine.

Alone, and beside an endpoint that never answers. Then single payments over HTTP at 64 connections, scored: alone, and beside all of that.
"""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from bench.contenders.contender import call, call_json, end, free_port, spawn, wait_ready
from bench.contenders.hooks import ReceiverCounts
from bench.contenders.switch import KEY, Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.load import LoadSpec, Payments
from bench.workload.turn import Turn, beside, detail_of

NAME: Final = "webhooks"
AIM: Final = 2_000.0
BESIDE_AIM: Final = 0.9
PAYMENTS_AIM: Final = 0.5
"""Deliveries, their receiver and payments share the two cores."""
PAID: Final = "payments, no webhooks"
PAID_BESIDE: Final = "payments, webhooks delivered beside a dead endpoint"
MEANWHILE: Final = "deliveries meanwhile"
PATH: Final = "/v1/webhook-endpoints"
CONFIG: Final = '[webhooks]\nallow_http = true\nallow_networks = ["127.0.0.0/8"]\n'
TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.02
DEAD_FIRST_S: Final = 3.0
"""The endpoint that never answers has attempts under way when the other one begins."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Seven payments a wallet are in the journal before; `events` of them are waited for. Payments are made for `seconds`."""

    wallets: int = 3_000
    events: int = 18_000
    connections: int = 64
    seconds: float = 6.0
    rate_max: int = 12_000


QUICK: Final = Sizes(wallets=600, events=3_000, seconds=2.0)


class Scene:
    """A switch with a journal, and a receiver."""

    def __init__(self, work: Path, sizes: Sizes) -> None:
        work.mkdir(parents=True, exist_ok=True)
        config = work / "config.toml"
        config.write_text(CONFIG)
        self._work = work
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.wallets: list[str] = []
        self.switch = Switch("shardpay", work / "switch", shards=1, scorers=1, wallets=sizes.wallets, config=config)

    def start(self) -> None:
        """Ready, with payments in the journal."""
        log = self._work / "receiver.log"
        self._process = spawn(["-m", "bench.contenders.hooks", "--port", str(self.port)], log)
        wait_ready(self.port, "/readyz", self._process, log)
        self.switch.start()
        self.wallets = self.switch.wallets()

    def stop(self) -> None:
        """End both."""
        self.switch.stop()
        end(self._process)

    def endpoint(self, path: str) -> str:
        """A new endpoint that gets all payments from the beginning on."""
        body = {"url": f"http://127.0.0.1:{self.port}{path}", "types": ["transfer.posted"], "after": "start"}
        identity: str = call_json(self.switch.port, PATH, KEY, body)["id"]
        return identity

    def remove(self, identity: str) -> None:
        """Delete an endpoint."""
        status, _ = call(self.switch.port, "DELETE", f"{PATH}/{identity}", headers={"Authorization": f"Bearer {KEY}"})
        if status != 200:
            raise RuntimeError(f"an endpoint could not be deleted: {status}")

    @contextlib.contextmanager
    def delivering(self, *, dead: bool = True) -> Iterator[None]:
        """With a new endpoint to which everything is delivered, and one that never answers. Counts begin anew."""
        self.reset()
        made = []
        if dead:
            made.append(self.endpoint("/dead"))
            _until(lambda: self.counts().dead > 0, "the dead endpoint is tried")
            time.sleep(DEAD_FIRST_S)
        made.append(self.endpoint("/hooks"))
        _until(lambda: self.counts().count > 0, "the first delivery")
        yield
        for each in made:
            self.remove(each)
        time.sleep(2.0)  # the sender looks once a second

    def counts(self) -> ReceiverCounts:
        """What has come so far."""
        return msgspec.json.decode(call(self.port, "POST", "/count")[1], type=ReceiverCounts)

    def reset(self) -> None:
        """Count anew."""
        call(self.port, "POST", "/reset")


def run(options: Options) -> list[Figure]:
    """Deliveries a second, alone and beside a dead endpoint, payments a second without and with both, and the ratios."""
    sizes = QUICK if options.quick else Sizes()
    scene = Scene(options.work / NAME, sizes)
    try:
        scene.start()
        _rate(options, scene, sizes, False, -1)  # kernels are loaded, the process that sends is there
        cases = {"alone": False, "beside a dead endpoint": True}
        rates = take_turns(
            {name: partial(_rate, options, scene, sizes, dead) for name, dead in cases.items()}, options.rounds
        )
        _pay(scene, sizes, 0, _nothing)
        paid = take_turns(
            {PAID: partial(_paid, options, scene, sizes), PAID_BESIDE: partial(_paid_beside, options, scene, sizes)},
            options.rounds,
        )
    finally:
        scene.stop()
    detail = {"sizes": json.loads(msgspec.json.encode(sizes))}
    alone, dead = (figure(NAME, name, "deliveries/s", rates[name], aim=AIM, detail=detail) for name in cases)
    without, paid_beside = (_payments(name, [turn for turn, _ in turns], sizes) for name, turns in paid.items())
    meanwhile = figure(
        NAME, MEANWHILE, "deliveries/s", [delivered for _, delivered in paid[PAID_BESIDE]], detail=detail
    )
    payments = [without, paid_beside, meanwhile, ratio(NAME, paid_beside, without, PAYMENTS_AIM)]
    return [alone, dead, ratio(NAME, dead, alone, BESIDE_AIM), *payments]


def _payments(name: str, turns: list[Turn], sizes: Sizes) -> Figure:
    return figure(NAME, name, "payments/s", [turn.load.rate for turn in turns], detail=detail_of(turns, sizes, {}))


def _paid(options: Options, scene: Scene, sizes: Sizes, number: int) -> tuple[Turn, float]:
    options.say(f"{NAME}: {PAID}, round {number + 1} of {options.rounds}")
    return _pay(scene, sizes, 2 * number + 1, _nothing)


def _paid_beside(options: Options, scene: Scene, sizes: Sizes, number: int) -> tuple[Turn, float]:
    options.say(f"{NAME}: {PAID_BESIDE}, round {number + 1} of {options.rounds}")
    with scene.delivering():
        return _pay(scene, sizes, 2 * number + 2, partial(_delivered, scene))


def _pay(scene: Scene, sizes: Sizes, seed: int, meanwhile: Callable[[threading.Thread], float]) -> tuple[Turn, float]:
    spec = LoadSpec(
        port=scene.switch.port,
        key=scene.switch.key,
        connections=sizes.connections,
        seconds=sizes.seconds,
        seed=seed,
        work=Payments(wallets=scene.wallets, count=int(sizes.seconds * sizes.rate_max)),
    )
    return beside(spec, scene.switch.roots, meanwhile)


def _nothing(load: threading.Thread) -> float:
    load.join()
    return 0.0


def _delivered(scene: Scene, load: threading.Thread) -> float:
    """Deliveries a second from now to the end of a load."""
    began, before = time.monotonic(), scene.counts().count
    load.join()
    return (scene.counts().count - before) / (time.monotonic() - began)


def _rate(options: Options, scene: Scene, sizes: Sizes, dead: bool, number: int) -> float:
    options.say(f"{NAME}: {'beside a dead endpoint' if dead else 'alone'}, round {number + 1} of {options.rounds}")
    with scene.delivering(dead=dead):
        _until(lambda: scene.counts().count >= sizes.events, f"{sizes.events} deliveries")
        counts = scene.counts()
    return (counts.count - 1) / (counts.last_s - counts.first_s)


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{NAME}: not within {TIMEOUT_S:g} s: {what}")
        time.sleep(POLL_S)
