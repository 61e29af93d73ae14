"""`console`: what the console's pages cost payments, and how soon they answer beside them.

Single payments over HTTP at 64 connections, scored: alone, beside somebody who looks at all pages in turns, beside that with a stream
of declined payments open, and beside as many tabs as one account may have that listen to the overview. Pages are asked for at a steady
rate, whatever the answers take.
"""

import contextlib
import http.client
import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final
from urllib.parse import urlencode

import msgspec
import numpy as np

from bench.contenders.contender import call
from bench.contenders.switch import KEY, Switch
from bench.report.figures import Figure, figure, ratio
from bench.report.options import Options, take_turns
from bench.workload.load import LoadSpec, Payments
from bench.workload.turn import Turn, beside, detail_of

NAME: Final = "console"
ALONE: Final = "payments, nobody looks"
PAGES: Final = "payments, somebody looks at 5 pages a second"
STREAMED: Final = "payments, the same with a stream of events open"
TABS: Final = 16
LISTENED: Final = f"payments, {TABS} tabs listen to the overview"
PAGE_P50: Final = "pages beside payments, p50"
PAGE_P99: Final = "pages beside payments, p99"
SHARE_AIM: Final = 0.97
PAGE_AIM_MS: Final = 100.0
EVENTS: Final = "/v1/events"
LIVE: Final = "/console/live"
DECLINED: Final = "transfer.declined"


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`pages_a_second`: one person who clicks as fast as pages can be read, with the overview that renews itself. In each round the cases
    have so many `turns`, short ones, so that whatever disturbs the machine disturbs all of them."""

    wallets: int = 5_000
    connections: int = 64
    warm_up_s: float = 3.0
    seconds: float = 4.0
    turns: int = 2
    rate_max: int = 12_000
    pages_a_second: float = 5.0


QUICK: Final = Sizes(wallets=1_000, warm_up_s=1.0, seconds=2.0, turns=1)


class _Round(msgspec.Struct, frozen=True, kw_only=True):
    """A load, and how many milliseconds each page took that was asked for meanwhile, by path."""

    turn: Turn
    pages_ms: dict[str, list[float]]

    @property
    def all_ms(self) -> list[float]:
        """Of all pages."""
        return [ms for each in self.pages_ms.values() for ms in each]


class _Person:
    """Somebody who is signed in to the console."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", "/console/sign-in", urlencode({"key": KEY}), headers)
        answer = self._connection.getresponse()
        answer.read()
        cookie = answer.headers["Set-Cookie"]
        if answer.status != 303 or cookie is None:
            raise RuntimeError(f"{NAME}: not signed in: {answer.status}")
        self._headers = {"Cookie": cookie.partition(";")[0], "Accept": "text/html"}

    def look(self, path: str) -> bytes:
        """A page. Raises RuntimeError unless it is one."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{NAME}: {path}: {answer.status} {text[:300]!r}")
        return text

    def paths(self, wallet: str) -> list[str]:
        """One of each page: a payment and a pack by the links of others."""
        found = re.search(r'href="(/console/transfers/[0-9a-f-]{36})"', self.look("/console/events").decode())
        payment = [found[1]] if found else []
        fixed = ("reviews", "rule-packs", "rule-packs/default", "scorecards", "scenarios", "disputes", "rescoring")
        more = ("events", "webhooks", "lists", "credit-reviews", "audit", "keys", "bench", "health", "find?q=nothing")
        return ["/console", f"/console/wallets/{wallet}", *payment, *(f"/console/{each}" for each in (*fixed, *more))]

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def run(options: Options) -> list[Figure]:
    """Payments a second in the four cases, the ratios, and quantiles of pages in milliseconds."""
    sizes = QUICK if options.quick else Sizes()
    shards = options.shards[0] if options.shards else 1
    switch = Switch(
        NAME, options.work / NAME, shards=shards, scorers=1, wallets=sizes.wallets, loaded=not options.quick
    )
    rounds = take_turns({NAME: partial(_round, options, sizes, switch)}, options.rounds)[NAME]
    turns = [cases for each in rounds for cases in each]
    checked = switch.check(sum(each.turn.load.done for cases in turns for each in cases.values()))
    figures = {}
    for case in (ALONE, PAGES, STREAMED, LISTENED):
        loads = [cases[case].turn for cases in turns]
        front_door = [round(1e6 * each.cpu_s.get("front door", 0.0) / each.load.done, 1) for each in loads]
        detail = {**detail_of(loads, sizes, checked), "front_door_us_a_payment": front_door}
        rates = [each.load.rate for each in loads]
        figures[case] = figure(NAME, case, "payments/s", rates, detail=detail)
    against = [ratio(NAME, figures[case], figures[ALONE], SHARE_AIM) for case in (PAGES, STREAMED, LISTENED)]
    return [*figures.values(), *against, *_pages([cases[PAGES] for cases in turns])]


def _pages(turns: list[_Round]) -> Iterator[Figure]:
    slowest: dict[str, float] = {}
    for each in turns:
        for path, taken in each.pages_ms.items():
            slowest[path] = round(max(slowest.get(path, 0.0), *taken), 1)
    for case, quantile in ((PAGE_P50, 50), (PAGE_P99, 99)):
        values = [float(np.percentile(each.all_ms, quantile)) for each in turns]
        detail = {"pages": [len(each.all_ms) for each in turns], "slowest_ms": slowest}
        yield figure(NAME, case, "ms", values, better="lower", aim=PAGE_AIM_MS, detail=detail)


def _round(options: Options, sizes: Sizes, switch: Switch, number: int) -> list[dict[str, _Round]]:
    options.say(f"{NAME}: round {number + 1} of {options.rounds}")
    switch.start()
    try:
        wallets = switch.wallets()
        person = _Person(switch.port)
        _load(sizes, switch, wallets, sizes.warm_up_s, 100 * number, lambda _: {})
        paths = person.paths(wallets[0])
        for path in paths:  # templates are compiled, answers remembered
            person.look(path)
        looks = partial(_looks, sizes, person, paths)
        cases: dict[str, _Looks] = {
            ALONE: lambda _: {},
            PAGES: looks,
            STREAMED: partial(_streamed, switch.port, looks),
            LISTENED: partial(_listened, switch.port),
        }
        seeds = itertools.count(100 * number + 1)
        found = [
            {case: _load(sizes, switch, wallets, sizes.seconds, next(seeds), each) for case, each in cases.items()}
            for _ in range(sizes.turns)
        ]
        person.close()
        return found
    finally:
        switch.stop()


_Looks = Callable[[threading.Thread], dict[str, list[float]]]


def _load(sizes: Sizes, switch: Switch, wallets: list[str], seconds: float, seed: int, meanwhile: _Looks) -> _Round:
    spec = LoadSpec(
        port=switch.port,
        key=switch.key,
        connections=sizes.connections,
        seconds=seconds,
        seed=seed,
        work=Payments(wallets=wallets, count=int(seconds * sizes.rate_max)),
    )
    turn, taken = beside(spec, switch.roots, meanwhile)
    return _Round(turn=turn, pages_ms=taken)


def _looks(sizes: Sizes, person: _Person, paths: list[str], load: threading.Thread) -> dict[str, list[float]]:
    """Milliseconds of pages that were due at equal intervals while the load lasted: one that waits for the last one has begun to wait. The
    next turn goes on with the page after the last one of this."""
    taken: dict[str, list[float]] = {path: [] for path in paths}
    started, count = time.monotonic(), 0
    while load.is_alive():
        path, due = paths[0], started + count / sizes.pages_a_second
        load.join(max(due - time.monotonic(), 0.0))
        if load.is_alive():
            person.look(path)
            taken[path].append(1000 * (time.monotonic() - due))
            paths.append(paths.pop(0))
        count += 1
    return {path: each for path, each in taken.items() if each}


def _streamed(port: int, looks: _Looks, load: threading.Thread) -> dict[str, list[float]]:
    """The same with somebody who listens."""
    with _stream(port, _declined(port)):
        return looks(load)


def _listened(port: int, load: threading.Thread) -> dict[str, list[float]]:
    """The overview is listened to until the load ends."""
    with contextlib.ExitStack() as stack:
        for _ in range(TABS):
            stack.enter_context(_stream(port, LIVE))
        load.join()
    return {}


def _declined(port: int) -> str:
    """The path of a stream of declined payments from now on."""
    status, page = call(port, "GET", f"{EVENTS}?after=last&limit=1", headers={"Authorization": f"Bearer {KEY}"})
    if status != 200:
        raise RuntimeError(f"{NAME}: no events: {status} {page[:300]!r}")
    return f"{EVENTS}?{urlencode({'after': msgspec.json.decode(page)['next'], 'types': DECLINED})}"


@contextlib.contextmanager
def _stream(port: int, path: str) -> Iterator[None]:
    """A stream of events, read to its end by a thread."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as listening:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        listening.sendall(head.encode())
        answer = listening.recv(1 << 16)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{NAME}: no stream: {answer[:300]!r}")
        reading = threading.Thread(target=_read, args=(listening,), daemon=True)
        reading.start()
        yield
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        reading.join()


def _read(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while listening.recv(1 << 16):
            pass
