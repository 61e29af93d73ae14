"""Backtest a pack against a switch's own journal, in a process of its own.

It is bounded in time and memory, runs one at a time and ends with its parent.

The child reads the journal to its end as it was at the beginning, at low priority and through a session of its own, so neither front door
nor shards wait for it. It dies when its standard input ends, which is when its parent does, however that dies.
"""

import asyncio
import contextlib
import os
import resource
import struct
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.backtest.decided_under import DecidedUnder
from actors.backtest.explain import Explanation, explained
from actors.backtest.newest import Newest, newest_attempts
from actors.backtest.population import Population, PopulationCount
from actors.backtest.run import Became, LabelLayers, Labels, Period, tally_attempts
from actors.database.connection import SQL, UNAVAILABLE, connect
from actors.database.control_rows import all_controls
from actors.database.label_rows import all_labels, all_refunded, labels_of, refunded_of
from actors.journal.interface import JournalUnavailable
from actors.journal.postgres import PostgresJournal
from actors.ledger.bounds import Capacity
from actors.ledger.rebuilding import Contradiction, Rebuilder, Rebuilt
from actors.process.forked import Child, Forks
from actors.process.tuning import NICENESS
from actors.records.addresses import shard_of
from actors.records.blocks import GENESIS, Chain, OpenedBlocks
from actors.records.ids import bound_key
from actors.records.layout import RECORD, Records
from actors.records.secret import Secret
from actors.scoring.pack_compiler import LINE_BYTES_MAX, compiled
from actors.scoring.pack_compiler import prepare as prepare_compiler
from models.scorecard import parse
from rules.backtest.became import new_became
from rules.backtest.counts import new_tally
from rules.backtest.report import BacktestReport, report
from rules.builtin import PACK
from rules.decisions.pack import Decider
from rules.language.document import read_pack
from rules.vocabulary.columns import COLUMN_COUNT

TIMEOUT_S: Final = 300.0
"""Long enough for some hundred million attempts; whoever has more takes an export and `shardpay rules backtest`."""
MEMORY_BYTES_MAX: Final = 6 << 30
"""Resident; what a shard remembers of twenty million wallets."""
_LENGTH: Final = struct.Struct("<Q")
_KEY_BYTES: Final = 16
_KIB: Final = 1024

Failure = Literal["busy", "too_large", "contradiction", "unavailable", "ended"]


class LiveBacktest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be tried. `card`: the scorecard that the text names, as JSON. Labels: of transfers by `addresses` (int64) and `truths`
    (int8); of requests by `wallets` (int64), `keys` (16 bytes each) and `key_truths`."""

    url: str
    secret: bytes
    shards: int
    capacity: Capacity
    text: str
    files: dict[str, str]
    card: bytes | None
    number: int = 0
    version: int = 0
    since_ms: int | None = None
    until_ms: int | None = None
    last: int | None = None
    """Of the newest so many attempts of all shards alone."""
    addresses: bytes = b""
    truths: bytes = b""
    wallets: bytes = b""
    keys: bytes = b""
    key_truths: bytes = b""
    divided_ms: int | None = None
    """Not what a pack would decide, but how payments before this time and those since differ in the eyes of `card`."""
    explained: int | None = None
    """Not how many it would decide, but how it decides the one payment at this address."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended."""

    report: BacktestReport | None = None
    population: Population | None = None
    explanation: Explanation | None = None
    failure: Failure | None = None
    detail: str = ""


_DECODER: Final = msgspec.msgpack.Decoder(Response)
_ASKED: Final = msgspec.msgpack.Decoder(LiveBacktest)
IDLE_S: Final = 3_600.0
"""Of the process that waits, some 130 MB: people who look at payments ask now and then, and wait for nothing."""
CHILDREN: Final = Forks(__name__, idle_s=IDLE_S)
"""Of this process."""


# The parent.


class LiveBacktester:
    """Runs one at a time."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._running = False

    def get_ready(self) -> None:
        """Somebody may ask soon: have all that it takes loaded, in the background."""
        CHILDREN.get_ready()

    async def run(self, test: LiveBacktest) -> Response:
        """What became of it; a child that takes too long is killed. Cancelled, it takes the child along."""
        if self._running:
            return Response(failure="busy")
        self._running = True
        try:
            return await self._run(test)
        finally:
            self._running = False

    async def _run(self, test: LiveBacktest) -> Response:
        child = None
        try:
            async with asyncio.timeout(self._timeout_s):
                child = await CHILDREN.start(LINE_BYTES_MAX)
                answer = b"" if child is None else await _talk(child, msgspec.msgpack.encode(test))
        except TimeoutError:
            return Response(failure="too_large", detail=f"It was not done within {self._timeout_s:.0f} s.")
        finally:
            if child is not None:
                child.end()
        return _DECODER.decode(answer) if answer else Response(failure="ended")


async def _talk(child: Child, asked: bytes) -> bytes:
    """All that the child says. Its standard input stays open: its end would be that of the child."""
    with contextlib.suppress(ConnectionError):
        child.writer.write(_LENGTH.pack(len(asked)) + asked)
        await child.writer.drain()
    return await child.reader.read()


# The child.


class _TooLarge(Exception):
    """More memory than a backtest may have."""


class _KeyLabels:
    """Labels of requests by the keys that journals keep of them."""

    def __init__(self, test: LiveBacktest, callers: list[int]) -> None:
        secret = Secret.of(test.secret)
        wallets = np.frombuffer(test.wallets, np.int64).tolist()
        keys = [test.keys[at : at + _KEY_BYTES] for at in range(0, len(test.keys), _KEY_BYTES)]
        bound = [bound_key(secret, caller, wallets[i], key) for caller in callers for i, key in enumerate(keys)]
        words = np.array(bound, np.uint64).reshape(-1, 2)
        order = np.argsort(words[:, 0], kind="stable")
        self._hi, self._lo = words[order].T
        self._truths = np.tile(np.frombuffer(test.key_truths, np.int8), len(callers))[order]

    def of(self, records: Records, addresses: NDArray[np.int64]) -> Labels:
        """Labels of records (n,), by their addresses."""
        if not len(self._hi):
            return Labels(addresses[:0], self._truths)
        places = np.minimum(np.searchsorted(self._hi, records["key_hi"]), len(self._hi) - 1)
        met = np.flatnonzero((self._hi[places] == records["key_hi"]) & (self._lo[places] == records["key_lo"]))
        return Labels(addresses[met], self._truths[places[met]])


async def _tested(test: LiveBacktest) -> BacktestReport:
    document = read_pack(test.text, test.files.__getitem__, stored=True)
    decider = Decider(compiled(document, test.card, test.number, test.version))
    tally, counted = new_tally(len(decider.pack.rules)), new_became(len(decider.pack.rules))
    session = await connect(test.url, name="shardpay-backtest")
    try:
        if not await session.fetchval(SQL["backtest_lock"]):
            raise BlockingIOError
        callers = [row["id"] for row in await session.fetch(SQL["accounts"])] if test.keys else []
        newest = None if test.last is None else await _newest(test.url, test.shards, test.last)
        if newest is None:
            known, refunded = await all_labels(session), await all_refunded(session)
        else:
            known, refunded = await labels_of(session, newest.addresses), await refunded_of(session, newest.addresses)
        stored, became = Labels(*known), Became(counted, refunded)
        for shard in range(test.shards) if newest is None else newest.ends:
            period = Period(test.since_ms, test.until_ms, None if newest is None else newest.first_of(shard))
            counting = partial(tally_attempts, tally, decider, period=period, became=became)
            end = None if newest is None else newest.ends[shard]
            await _tally_shard(test, shard, end, counting, _KeyLabels(test, callers), session, stored)
    finally:
        session.terminate()
    return report(decider.pack, tally, counted)


async def _counted(test: LiveBacktest) -> Population:
    """How the payments of two spans differ."""
    assert test.card is not None and test.divided_ms is not None, "asked for by both"
    count = PopulationCount(parse(test.card), test.divided_ms)
    session = await connect(test.url, name="shardpay-backtest")
    try:
        if not await session.fetchval(SQL["backtest_lock"]):
            raise BlockingIOError
        for shard in range(test.shards):
            rebuilder = Rebuilder(shard, test.capacity)
            async for run in _journal(test.url, shard):
                count.add(rebuilder.feed(np.array(run.records, RECORD), run.addresses, run.seen))
                _bound_memory()
            count.add(rebuilder.end())
    finally:
        session.terminate()
    return count.found()


async def _explained(test: LiveBacktest, address: int) -> Explanation | None:
    """How one payment was decided: its shard's journal is read up to it."""
    document = read_pack(test.text, test.files.__getitem__, stored=True)
    decider = Decider(compiled(document, test.card, test.number, test.version))
    session, under, found = await connect(test.url, name="shardpay-backtest"), None, None
    try:
        if not await session.fetchval(SQL["backtest_lock"]):
            raise BlockingIOError
        shard = shard_of(address)
        rebuilder = Rebuilder(shard, test.capacity)
        async with contextlib.aclosing(_journal(test.url, shard)) as runs:
            async for run in runs:
                under = under or DecidedUnder(*await all_controls(session))
                records = np.array(run.records, RECORD)
                under.take(records, run.addresses, run.controls)
                found = explained(decider, rebuilder.feed(records, run.addresses, run.seen), under, address)
                _bound_memory()
                if found is not None:
                    return found
        return explained(decider, rebuilder.end(), under or DecidedUnder(), address)
    finally:
        session.terminate()


def _bound_memory() -> None:
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB > MEMORY_BYTES_MAX:
        raise _TooLarge


async def _tally_shard(
    test: LiveBacktest,
    shard: int,
    end: int | None,
    counting: Callable[..., None],
    keyed: _KeyLabels,
    session: Any,
    stored: Labels,
) -> None:
    """`counting`: `tally_attempts` but for what is of the shard, up to the block `end`; None: to the last."""
    by_id = Labels(np.frombuffer(test.addresses, np.int64), np.frombuffer(test.truths, np.int8))
    labels = by_id.and_of(Labels(by_id.addresses[:0], by_id.truths[:0]))
    rebuilder = Rebuilder(shard, test.capacity)
    under: DecidedUnder | None = None
    async for run in _journal(test.url, shard, end):
        if under is None:  # read after the journal's end was: there is no revision in it that is not there
            under = DecidedUnder(*await all_controls(session))
        records, addresses = np.array(run.records, RECORD), run.addresses
        labels = labels.and_of(keyed.of(records, addresses))
        under.take(records, addresses, run.controls)
        rebuilt = rebuilder.feed(records, addresses, run.seen)
        counting(rebuilt=rebuilt, labels=LabelLayers(labels, stored), under=under)
        _bound_memory()
    last: Rebuilt = rebuilder.end()
    counting(rebuilt=last, labels=LabelLayers(labels, stored), under=under or DecidedUnder())


async def _newest(url: str, shards: int, count: int) -> Newest:
    """The newest so many attempts of all shards."""
    newest = await newest_attempts(lambda shard: PostgresJournal(url, shard=shard, writer=0), shards, count)
    _bound_memory()
    return newest


async def _journal(url: str, shard: int, end: int | None = None) -> AsyncGenerator[OpenedBlocks, None]:
    """A shard's blocks, opened, up to the block `end`; None: to its end as it is now."""
    journal = PostgresJournal(url, shard=shard, writer=0)
    try:
        if end is None:
            head = await journal.head(shard)
            if head is None:
                return
            end = head.number
        chain = Chain(shard, 0, GENESIS)
        async with contextlib.aclosing(journal.scan(shard, 1, end)) as pages:
            async for page in pages:
                yield chain.extend([(number, data) for number, data, _ in page])
    finally:
        await journal.close()


def _outcome(test: LiveBacktest) -> Response:
    try:
        if test.divided_ms is not None:
            return Response(population=asyncio.run(_counted(test)))
        if test.explained is not None:
            return Response(explanation=asyncio.run(_explained(test, test.explained)))
        return Response(report=asyncio.run(_tested(test)))
    except BlockingIOError:
        return Response(failure="busy")
    except _TooLarge:
        return Response(failure="too_large", detail=f"It needs more than {MEMORY_BYTES_MAX >> 30} GiB of memory.")
    except Contradiction as error:
        return Response(failure="contradiction", detail=str(error))
    except (*UNAVAILABLE, JournalUnavailable) as error:
        return Response(failure="unavailable", detail=str(error))


def _die_with_parent() -> None:
    """Standard input says nothing more; it ends when the parent does."""
    sys.stdin.buffer.read()
    os._exit(1)


def prepare() -> None:
    """As whoever checks packs does; and every kernel is loaded, or compiled, once for all copies."""
    os.nice(NICENESS)
    prepare_compiler()
    decider, none, unlabelled = (
        Decider(PACK),
        np.zeros(0, np.int64),
        Labels(np.zeros(0, np.int64), np.zeros(0, np.int8)),
    )
    Rebuilder(0, Capacity()).feed(np.zeros(0, RECORD), none, none)
    one = Rebuilt(np.zeros(1, RECORD), np.zeros(1, np.int64), np.zeros((1, COLUMN_COUNT), np.int64))
    count, became, labels = (
        len(PACK.rules),
        Became(new_became(len(PACK.rules)), none),
        LabelLayers(unlabelled, unlabelled),
    )
    tally_attempts(new_tally(count), decider, one, labels, Period(), DecidedUnder(), became)
    explained(decider, one, DecidedUnder(), 0)


def main() -> None:
    """Entry point of the child."""
    if len(head := sys.stdin.buffer.read(_LENGTH.size)) < _LENGTH.size:
        return  # nobody waits any longer
    (length,) = _LENGTH.unpack(head)
    test = _ASKED.decode(sys.stdin.buffer.read(length))
    threading.Thread(target=_die_with_parent, daemon=True).start()
    sys.stdout.buffer.write(msgspec.msgpack.encode(_outcome(test)))
    sys.stdout.buffer.flush()
    os._exit(0)
