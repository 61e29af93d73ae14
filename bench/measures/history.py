"""`history`: pages of a statement and balances at a time, of long and short histories.

`history`: pages of 50 of a wallet's statement and its balance at a time over HTTP, of a wallet with millions of records and of one with a
hundred; idle, and while Arrow batches run as fast as they can.

The newest records of both wallets lie equally scattered among those of others, so both pages cost the same number of blocks. All questions
are asked in turns over one connection, so what disturbs one of them disturbs all.
"""

import http.client
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from bench.contenders.switch import Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.load import Batches, LoadSpec
from bench.workload.payments import Ids, unit_body, uuid_texts
from bench.workload.turn import Turn, beside
from switch.http.times import time_text

NAME: Final = "history"
AIM_MS: Final = 5.0
RATIO_AIM: Final = 1.5
"""As fast, within what two medians of one run differ by on a shared machine."""
PAGE: Final = 50
RECENT: Final = 100
"""Records of the short history, and the newest of the long one."""
RECENT_BATCHES: Final = 50
RECENT_ROWS: Final = 656
"""They come in so many batches of so many payments, so that each lies in a block of its own."""
RATE_MAX: Final = 800_000
"""Batches are built for this many payments a second; faster ones end the load early, which does no harm."""

LONG_PAGE: Final = "page of 50, long history"
SHORT_PAGE: Final = "page of 50, short history"
PAST_PAGE: Final = "page of 50 up to a time, long history"
LONG_BALANCE: Final = "balance at a time, long history"
SHORT_BALANCE: Final = "balance at a time, short history"
QUESTIONS: Final = (LONG_PAGE, SHORT_PAGE, PAST_PAGE, LONG_BALANCE, SHORT_BALANCE)
RATIOS: Final = ((LONG_PAGE, SHORT_PAGE), (LONG_BALANCE, SHORT_BALANCE))
IDLE: Final = "idle"
LOADED: Final = "beside Arrow batches"


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`records` of the long history; each question is asked `samples` times when idle, and for `seconds` beside the load."""

    wallets: int = 20_000
    records: int = 10_000_000
    rows: int = 32_768
    samples: int = 300
    connections: int = 3
    seconds: float = 12.0


QUICK: Final = Sizes(wallets=2_000, records=20_000, samples=60, seconds=3.0)

Asked = dict[str, list[float]]
"""Milliseconds by question."""


class Sample(NamedTuple):
    """A question that was asked and answered between two times of the machine's monotonic clock, seconds."""

    question: str
    began: float
    ended: float


def within(samples: Iterable[Sample], began: float, ended: float) -> Asked:
    """What was asked and answered between two times; what only touched the time between is left out."""
    asked: Asked = {question: [] for question in QUESTIONS}
    for sample in samples:
        if began <= sample.began and sample.ended <= ended:
            asked[sample.question].append(1000 * (sample.ended - sample.began))
    return asked


class _Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one round measured."""

    idle: Asked
    loaded: Asked
    load: Turn


class _Histories:
    """A switch with a wallet of a long history and one of a short one: the last two of its wallets."""

    def __init__(self, options: Options, sizes: Sizes) -> None:
        shards = options.shards[0] if options.shards else 1
        self.switch = Switch(
            NAME, options.work / NAME, shards=shards, scorers=0, wallets=sizes.wallets, loaded=not options.quick
        )
        self.others: Ids = np.empty((0, 16), np.uint8)
        self.paths: dict[str, Callable[[], str]] = {}
        self._options = options
        self._sizes = sizes
        self._rng = np.random.default_rng(3)

    def ensure(self) -> None:
        """Make the histories, once; called while the switch runs."""
        if self.paths:
            return
        wallets = np.frombuffer(self.switch.wallet_bytes(), np.uint8).reshape(-1, 16)
        self.others, long, short = wallets[:-2], wallets[-2], wallets[-1]
        self._options.say(f"{NAME}: writing {self._sizes.records:,} payments to one wallet")
        begun = time.time()
        for start in range(0, self._sizes.records, self._sizes.rows):
            rows = min(self._sizes.rows, self._sizes.records - start)
            self.switch.pay(unit_body(self._some(rows), np.broadcast_to(long, (rows, 16))))
        recent = time.time()
        for _ in range(RECENT_BATCHES):
            self._scattered(long, short)
        ended = time.time()
        names = uuid_texts(long.tobytes() + short.tobytes())
        pages = [f"/v1/wallets/{name}/transfers?limit={PAGE}" for name in names]
        balances = [f"/v1/wallets/{name}/balance?at=" for name in names]
        self.paths = {
            LONG_PAGE: lambda: pages[0],
            SHORT_PAGE: lambda: pages[1],
            PAST_PAGE: lambda: f"{pages[0]}&to={self._time(begun, recent)}",
            LONG_BALANCE: lambda: balances[0] + self._time(begun, ended),
            SHORT_BALANCE: lambda: balances[1] + self._time(recent, ended),
        }

    def _some(self, rows: int) -> Ids:
        return self.others[self._rng.integers(0, len(self.others), rows)]

    def _scattered(self, long: Ids, short: Ids) -> None:
        """A batch with a few payments to each of both wallets."""
        payers = self._rng.integers(0, len(self.others), RECENT_ROWS)
        payees = self.others[(payers + 1) % len(self.others)]
        each = RECENT // RECENT_BATCHES
        places = self._rng.choice(RECENT_ROWS, 2 * each, replace=False)
        payees[places[:each]], payees[places[each:]] = long, short
        self.switch.pay(unit_body(self.others[payers], payees))

    def _time(self, since: float, until: float) -> str:
        return time_text(int(1000 * self._rng.uniform(since, until)))

    def ask(self, over: Callable[[int], bool]) -> list[Sample]:
        """All questions in turns until it is over, which is asked with the number of turns."""
        samples: list[Sample] = []
        connection = http.client.HTTPConnection("127.0.0.1", self.switch.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.switch.key}"}
        turns = 0
        while not over(turns):
            for question in QUESTIONS:
                path = self.paths[question]()
                began = time.monotonic()
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                answer = response.read()
                samples.append(Sample(question, began, time.monotonic()))
                _check(question, response.status, answer)
            turns += 1
        connection.close()
        return samples


def _check(question: str, status: int, answer: bytes) -> None:
    value = msgspec.json.decode(answer)
    full = "data" not in value or len(value["data"]) == PAGE or question == PAST_PAGE
    if status != 200 or not full:
        raise RuntimeError(f"{NAME}: {question}: {status} {answer[:300]!r}")


def run(options: Options) -> list[Figure]:
    """Median milliseconds of each question, idle and beside the load; how many times a short history's a long one's are."""
    sizes = QUICK if options.quick else Sizes()
    histories = _Histories(options, sizes)
    rounds = take_turns({NAME: partial(_round, options, sizes, histories)}, options.rounds)[NAME]
    checked = histories.switch.check(sizes.records + sum(each.load.load.done for each in rounds))
    detail: dict[str, Any] = {
        "sizes": msgspec.to_builtins(sizes),
        "load": [msgspec.to_builtins(each.load) for each in rounds],
        "payments_a_second": [each.load.load.rate for each in rounds],
        "checked": checked,
    }
    found: list[Figure] = []
    for state, asked in ((IDLE, [each.idle for each in rounds]), (LOADED, [each.loaded for each in rounds])):
        figures = {question: _figure(question, state, asked, detail) for question in QUESTIONS}
        found += figures.values()
        found += [ratio(NAME, figures[a], figures[b], RATIO_AIM, better="lower") for a, b in RATIOS]
    return found


def _round(options: Options, sizes: Sizes, histories: _Histories, number: int) -> _Round:
    options.say(f"{NAME}: round {number + 1} of {options.rounds}")
    switch = histories.switch
    switch.start()
    try:
        histories.ensure()
        histories.ask(lambda turns: turns >= sizes.samples // 10)  # until its pages are in memory
        idle = within(histories.ask(lambda turns: turns >= sizes.samples), 0.0, math.inf)
        load, loaded = _beside_load(sizes, histories, number)
        return _Round(idle=idle, loaded=loaded, load=load)
    finally:
        switch.stop()


def _beside_load(sizes: Sizes, histories: _Histories, number: int) -> tuple[Turn, Asked]:
    switch = histories.switch
    count = int(sizes.seconds * RATE_MAX / sizes.rows)
    spec = LoadSpec(
        port=switch.port,
        key=switch.key,
        connections=sizes.connections,
        seconds=sizes.seconds,
        seed=1_000_000 * (number + 1),
        work=Batches(wallets=histories.others.tobytes(), rows=sizes.rows, count=count),
    )
    turn, samples = beside(spec, switch.roots, lambda load: histories.ask(lambda _: not load.is_alive()))
    return turn, within(samples, turn.load.began, turn.load.ended)


def _figure(question: str, state: str, asked: list[Asked], detail: dict[str, Any]) -> Figure:
    samples = [each[question] for each in asked]
    more = {**detail, "samples": [len(each) for each in samples], "p99_ms": median(map(_p99, samples))}
    return figure(
        NAME, f"{question}, {state}", "ms", [median(each) for each in samples], better="lower", aim=AIM_MS, detail=more
    )


def _p99(values: list[float]) -> float:
    return round(float(np.percentile(values, 99)), 3)
