"""`growth`: single payments over HTTP while a switch grows, first in wallets, then in remembered keys, and the memory that they take.

Unscored, on one shard and in one run without a restart. Payments go between wallets drawn from all there are, so that more wallets are
really more memory to touch. Each stage's latency is given beside that of the first: growth goes one way, so no turns are taken.
"""

from typing import Any, Final

import msgspec
import numpy as np

from bench.contender_switch import ROWS_A_CALL, Switch
from bench.data import Ids, unit_body, uuid_texts
from bench.figures import Figure, figure, ratio
from bench.load import LoadSpec, Payments
from bench.options import Options
from bench.processes import resident_of
from bench.turn import Turn, measure

NAME: Final = "growth"
QUANTILES: Final = ("p50_ms", "p99_ms", "p999_ms")
KEYS_A_WALLET: Final = 2
"""One of its opening, one of its first money."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """So many wallets and keys are there when latency is measured."""

    wallets: int
    keys: int


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`sample`: wallets of one measurement, drawn anew for each. `holds` are made at the end."""

    stages: tuple[Stage, ...] = (
        Stage(wallets=10_000, keys=40_000),
        Stage(wallets=1_000_000, keys=4_000_000),
        Stage(wallets=5_000_000, keys=20_000_000),
    )
    sample: int = 200_000
    holds: int = 1_000_000
    connections: int = 16
    warm_up_s: float = 3.0
    seconds: float = 15.0
    rate_max: int = 12_000


QUICK: Final = Sizes(
    stages=(Stage(wallets=2_000, keys=8_000), Stage(wallets=20_000, keys=80_000)),
    sample=10_000,
    holds=20_000,
    warm_up_s=1.0,
    seconds=2.0,
)


class _Growing:
    """A switch, what was put into it, and what its shard's memory grew by meanwhile."""

    def __init__(self, options: Options, sizes: Sizes) -> None:
        self.switch = Switch(NAME, options.work / NAME, shards=1, scorers=0, wallets=0)
        self.ids: Ids = np.empty((0, 16), np.uint8)
        self.paid = 0
        self.bytes_a_key = self.bytes_a_wallet = self.bytes_a_hold = 0.0
        self._options = options
        self._sizes = sizes
        self._rng = np.random.default_rng(4)

    def reach(self, stage: Stage) -> None:
        """Grow; the last stage is the largest, and its memory counts."""
        self._options.say(f"{NAME}: growing to {stage.wallets:,} wallets and {stage.keys:,} keys")
        start, wallets = self._resident(), stage.wallets - len(self.ids)
        self.switch.grow(wallets)
        self.ids = np.frombuffer(self.switch.wallet_bytes(), np.uint8).reshape(-1, 16)
        opened, keys = self._resident(), stage.keys - KEYS_A_WALLET * len(self.ids) - self.paid
        self._pay(keys, hold=False)
        self.bytes_a_key = (self._resident() - opened) / keys
        self.bytes_a_wallet = (opened - start) / wallets - KEYS_A_WALLET * self.bytes_a_key

    def hold(self) -> None:
        """Make the holds."""
        start = self._resident()
        self._pay(self._sizes.holds, hold=True)
        self.bytes_a_hold = (self._resident() - start) / self._sizes.holds - self.bytes_a_key

    def measure(self, number: int) -> Turn:
        """Latencies now."""
        sizes = self._sizes
        for seconds, seed in ((sizes.warm_up_s, 2 * number), (sizes.seconds, 2 * number + 1)):
            chosen = self._rng.choice(len(self.ids), min(sizes.sample, len(self.ids)), replace=False)
            work = Payments(wallets=uuid_texts(self.ids[chosen].tobytes()), count=int(seconds * sizes.rate_max))
            turn = measure(
                LoadSpec(
                    port=self.switch.port,
                    key=self.switch.key,
                    connections=sizes.connections,
                    seconds=seconds,
                    seed=seed,
                    work=work,
                ),
                self.switch.roots,
            )
            self.paid += turn.load.done
        return turn

    def _pay(self, count: int, *, hold: bool) -> None:
        for start in range(0, count, ROWS_A_CALL):
            rows = min(ROWS_A_CALL, count - start)
            payers = self._rng.integers(0, len(self.ids), rows)
            payees = (payers + self._rng.integers(1, len(self.ids), rows)) % len(self.ids)
            self.switch.pay(unit_body(self.ids[payers], self.ids[payees], hold=hold))
            self.paid += 0 if hold else rows

    def _resident(self) -> int:
        return resident_of(self.switch.roots(), "shard")


def run(options: Options) -> list[Figure]:
    """Quantiles of latency at each stage, how many times those of the first stage they are, and bytes of the shard's memory."""
    sizes = QUICK if options.quick else Sizes()
    growing = _Growing(options, sizes)
    growing.switch.start()
    try:
        turns = []
        for number, stage in enumerate(sizes.stages):
            growing.reach(stage)
            turns.append([growing.measure(options.rounds * number + i) for i in range(options.rounds)])
        growing.hold()
    finally:
        growing.switch.stop()
    detail: dict[str, Any] = {"sizes": msgspec.to_builtins(sizes), "checked": growing.switch.check(growing.paid)}
    found = []
    for quantile in QUANTILES:
        figures = [_figure(quantile, stage, turn, detail) for stage, turn in zip(sizes.stages, turns, strict=True)]
        found += figures
        found += [ratio(NAME, each, figures[0], better="lower") for each in figures[1:]]
    memory = {
        "a wallet": growing.bytes_a_wallet,
        "a remembered key": growing.bytes_a_key,
        "an open hold": growing.bytes_a_hold,
    }
    found += [figure(NAME, f"memory {what}", "bytes", [b], better="lower", detail=detail) for what, b in memory.items()]
    return found


def _figure(quantile: str, stage: Stage, turns: list[Turn], detail: dict[str, Any]) -> Figure:
    values = [float(getattr(turn.load, quantile)) for turn in turns]
    case = f"{quantile.removesuffix('_ms')} at {stage.wallets:,} wallets, {stage.keys:,} keys"
    more = {**detail, "turns": msgspec.to_builtins(turns)}
    return figure(NAME, case, "ms", values, better="lower", detail=more)
