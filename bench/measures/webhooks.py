"""`webhooks`: deliveries a second of a journal's events to a receiver on the same machine.

Alone, and beside an endpoint that never answers.
"""

import json
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from bench.contenders.contender import call, call_json, end, free_port, spawn, wait_ready
from bench.contenders.hooks import ReceiverCounts
from bench.contenders.switch import KEY, Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns

NAME: Final = "webhooks"
AIM: Final = 2_000.0
BESIDE_AIM: Final = 0.9
PATH: Final = "/v1/webhook-endpoints"
CONFIG: Final = '[webhooks]\nallow_http = true\nallow_networks = ["127.0.0.0/8"]\n'
TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.02
DEAD_FIRST_S: Final = 3.0
"""The endpoint that never answers has attempts under way when the other one begins."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Seven payments a wallet are in the journal before; `events` of them are waited for."""

    wallets: int = 3_000
    events: int = 18_000


QUICK: Final = Sizes(wallets=600, events=3_000)


class Scene:
    """A switch with a journal, and a receiver."""

    def __init__(self, work: Path, sizes: Sizes) -> None:
        work.mkdir(parents=True, exist_ok=True)
        config = work / "config.toml"
        config.write_text(CONFIG)
        self._work = work
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.switch = Switch("shardpay", work / "switch", shards=1, scorers=0, wallets=sizes.wallets, config=config)

    def start(self) -> None:
        """Ready, with payments in the journal."""
        log = self._work / "receiver.log"
        self._process = spawn(["-m", "bench.contenders.hooks", "--port", str(self.port)], log)
        wait_ready(self.port, "/readyz", self._process, log)
        self.switch.start()
        self.switch.wallets()

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

    def counts(self) -> ReceiverCounts:
        """What has come so far."""
        return msgspec.json.decode(call(self.port, "POST", "/count")[1], type=ReceiverCounts)

    def reset(self) -> None:
        """Count anew."""
        call(self.port, "POST", "/reset")


def run(options: Options) -> list[Figure]:
    """Deliveries a second, alone and beside a dead endpoint, and the ratio."""
    sizes = QUICK if options.quick else Sizes()
    scene = Scene(options.work / NAME, sizes)
    try:
        scene.start()
        _rate(options, scene, sizes, False, -1)  # kernels are loaded, the process that sends is there
        cases = {"alone": False, "beside a dead endpoint": True}
        rates = take_turns(
            {name: partial(_rate, options, scene, sizes, dead) for name, dead in cases.items()}, options.rounds
        )
    finally:
        scene.stop()
    detail = {"sizes": json.loads(msgspec.json.encode(sizes))}
    alone, beside = (figure(NAME, name, "deliveries/s", rates[name], aim=AIM, detail=detail) for name in cases)
    return [alone, beside, ratio(NAME, beside, alone, BESIDE_AIM)]


def _rate(options: Options, scene: Scene, sizes: Sizes, dead: bool, number: int) -> float:
    options.say(f"{NAME}: {'beside a dead endpoint' if dead else 'alone'}, round {number + 1} of {options.rounds}")
    scene.reset()
    made = []
    if dead:
        made.append(scene.endpoint("/dead"))
        _until(lambda: scene.counts().dead > 0, "the dead endpoint is tried")
        time.sleep(DEAD_FIRST_S)
    made.append(scene.endpoint("/hooks"))
    _until(lambda: scene.counts().count >= sizes.events, f"{sizes.events} deliveries")
    counts = scene.counts()
    for each in made:
        scene.remove(each)
    time.sleep(2.0)  # the sender looks once a second
    return (counts.count - 1) / (counts.last_s - counts.first_s)


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{NAME}: not within {TIMEOUT_S:g} s: {what}")
        time.sleep(POLL_S)
