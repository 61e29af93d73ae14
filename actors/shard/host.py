"""Carries a shard core's messages: to PostgreSQL, to other shards, to the scorers, to callers.

Decides nothing.

The process ends (`die`) when the core says so, when something unforeseen happens, and when it was stopped for so long that another may
have taken the shard over: nothing that waited in its memory is answered after that.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from actors.checkpoint.file import CheckpointStore
from actors.journal.interface import Block, BlockConflict, Journal, JournalUnavailable, OutcomeUnknown
from actors.process.elapsed import elapsed_ns
from actors.records.admin_entries import LOG_SHARD
from actors.records.blocks import GENESIS, Sealed, block_hash, header_of
from actors.records.credit_layout import (
    NOTHING_SEEN,
    CreditQuestions,
    CreditRequests,
    CreditResults,
    CreditStates,
    ScoreOutcomes,
    ScoreRows,
    SeenHeads,
    outcomes_of,
)
from actors.records.layout import ORIGINAL, Requests, Results, WalletRows
from actors.rpc.interface import Attempts, BatchTimes, ChainHead, Condition, NotReady
from actors.rpc.transport import CallLost
from actors.shard import messages as m
from actors.shard.chain_heads import Heads
from actors.shard.checkpointing import Saving
from actors.shard.clock import ShardClock
from actors.shard.compile_kernels import ready_kernels
from actors.shard.core import ShardCore
from actors.shard.fallbacks import FallbackShare
from actors.shard.neighbours import Peer, Scorer, Segments
from actors.shard.outages import Outages, pause_s
from actors.shard.preview import Preview
from actors.shard.refundable import fill_original
from actors.shard.timing import Timing
from models.wording import counted
from rules.decisions.decision import Decisions, Fallback

log = logging.getLogger(__name__)

TICK_S: Final = 0.1
CLOCK_EVERY_TICKS: Final = 10
STALL_MAX_S: Final = 8.0
"""Beyond this between two ticks the process was stopped; a takeover waits longer than this before it trusts its silence."""
PAGE_BLOCKS: Final = 512
RUNS_AHEAD: Final = 3
"""Pages of the journal received and checked before they are replayed, some 2 ms of work each: the thread never waits for one."""
THREAD_ROWS_MIN: Final = 4_096
"""Rows that keep the core busy for some 3 ms; to change threads costs 0.1 ms."""
ASKED_MAX: Final = 10_000
"""Questions that wait for their answer; further ones are turned away as by a shard that does not serve. As many as Ray lets call."""
LATER_MAX: Final = 256
"""Messages that wait for the end of the core's work, beyond which pushes are turned away: their gap is read from the journal. Questions
are bounded by ASKED_MAX, and what the host itself reads by what the core asked for."""


class ShardHost:
    """Runs one shard in an event loop. `run` recovers, opens and serves until cancelled."""

    def __init__(
        self,
        core: ShardCore,
        *,
        journal: Journal,
        peers: Mapping[int, Peer],
        scorer: Scorer,
        segments: Segments,
        halt: Callable[[str], NoReturn],
        checkpoints: CheckpointStore | None = None,
    ) -> None:
        self.core = core
        self._heads_during_batch: Heads | None = None
        self._later: deque[m.Message] = deque()
        self.shard = core.config.shard
        self._journal = journal
        self._peers = peers
        self._scorer = scorer
        self._segments = segments
        self._halt = halt
        self._saving = Saving(core, checkpoints)
        self._clock = ShardClock()
        self._beat = float("inf")  # one that still recovers answers nothing, however long it was stopped
        self._asked_rows = 0
        self._fallbacks = FallbackShare()
        self._outages = Outages(self.shard)
        self._retry = self._outages.patiently
        self._reading_clock = asyncio.Lock()
        self._refs = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._timing = Timing()
        self._tasks: set[asyncio.Task[None]] = set()
        self._scoring: dict[asyncio.Future[tuple[Decisions, Fallback]], tuple[int, list[int], int]] = {}
        self._carriers: dict[type, Callable[[Any], Awaitable[None]]] = {
            m.Append: self._append,
            m.ReadBlock: self._read_block,
            m.ReadHead: self._read_head,
            m.ReadOn: self._read_on,
            m.Push: self._push,
            m.ReadChannel: self._read_channel,
            m.AskProfiles: self._ask_profiles,
            m.ReadRecords: self._read_records,
            m.ReadOriginals: self._read_originals,
            m.NeedSegment: self._need_segment,
            m.ReadSegments: self._read_segments,
            m.Pause: self._go_on,
        }

    # For callers.

    def condition(self) -> Condition:
        """Why no payments are taken, and what operators should mend."""
        stops: list[str] = []
        warnings: list[str] = []
        if not self.core.ready:
            stops.append("its journal is being read, or the database's clock")
        if self.core.clock_off_ms:
            warnings.append(
                f"clock: the database's clock is {self.core.clock_off_ms} ms ahead of this shard's, which nears it by 1 %"
            )
        stopped = [sender for sender, receiver in self.core.receivers.items() if receiver.stopped]
        if stopped:
            warnings.append(f"channels: what shards {stopped} sent contradicts their journals and is not taken in")
        if self.core.config.scored:
            scoring = self._scorer.condition()
            stops += scoring.stops
            warnings += scoring.warnings + self._fallbacks.warnings()
        warnings += self.core.tables.warnings
        who = f"shard {self.shard}: "
        return Condition(
            fills={name: fill.ratio for name, fill in self.core.tables.fills.items()},
            clock_off_ms=self.core.clock_off_ms,
            stops=[who + text for text in stops],
            warnings=[who + text for text in warnings],
            durable_block=self.core.writer.durable_block,
            read_blocks={sender: receiver.cursor.block for sender, receiver in self.core.receivers.items()},
        )

    @property
    def ready(self) -> bool:
        """Whether payments are taken."""
        return self.core.ready

    def submit(self, rows: Requests, details: dict[int, bytes]) -> "asyncio.Future[Results]":
        """RESULT rows for REQUEST rows, durable. Raises NotReady, at once."""
        return self._ask(lambda ref: m.Submit(ref=ref, rows=rows, details=details))

    async def submit_timed(self, rows: Requests, details: dict[int, bytes]) -> tuple[Results, BatchTimes]:
        """As `submit`, and when what was done."""
        followed = 0

        def message(ref: int) -> m.Message:
            nonlocal followed
            self._timing.follow(ref)
            followed = ref
            return m.Submit(ref=ref, rows=rows, details=details)

        try:
            results: Results = await self._ask(message)
        finally:
            times = self._timing.end(followed) if followed else BatchTimes()
        return results, times

    async def preview(self, row: Requests) -> Results:
        """The RESULT row (1,) that a payment, a REQUEST row (1,), would have; nothing is recorded. Raises NotReady."""
        tried: Preview | Results = await self._ask(lambda ref: m.TryOut(ref=ref, row=row))
        if not isinstance(tried, Preview):
            return tried
        decisions = None
        if self.core.config.scored:
            try:
                decisions, _ = await self._scorer.preview(tried.payers, tried.columns)
            except Exception as error:
                raise NotReady(f"no scorer answers: {error!r}") from error
        return tried.decided(decisions)

    async def attempts(self, wallet: int) -> Attempts | None:
        """What windows of a wallet count, durable; None where nothing is counted. Raises NotReady."""
        result: Attempts | None = await self._ask(lambda ref: m.Recall(ref=ref, wallet=wallet))
        return result

    async def wallets(self, addresses: NDArray[np.int64]) -> WalletRows:
        """WALLET rows, durable; currency 0 where there is none. Raises NotReady."""
        result: WalletRows = await self._ask(lambda ref: m.Read(ref=ref, addresses=addresses))
        return result

    async def credit(self, rows: CreditRequests, details: dict[int, bytes]) -> CreditResults:
        """CREDIT_RESULT rows for CREDIT_REQUEST rows, durable. Raises NotReady."""
        result: CreditResults = await self._ask(lambda ref: m.Credit(ref=ref, rows=rows, details=details))
        return result

    async def publish(
        self, rows: ScoreRows, details: dict[int, bytes], seen: SeenHeads = NOTHING_SEEN
    ) -> ScoreOutcomes:
        """SCORE_OUTCOME rows for SCORE_ROW rows of one run, durable. Raises NotReady."""
        return outcomes_of(await self._ask(lambda ref: m.Publish(ref=ref, rows=rows, details=details, seen=seen)))

    async def credit_states(self, questions: CreditQuestions) -> CreditStates:
        """CREDIT_STATE rows for CREDIT_QUESTION rows, durable. Raises NotReady."""
        result: CreditStates = await self._ask(lambda ref: m.ReadCredit(ref=ref, questions=questions))
        return result

    async def heads(self, addresses: NDArray[np.int64]) -> list[ChainHead]:
        """Where chains of wallets begin; at once while the core works in a thread, unless it moves them unseen. Raises NotReady."""
        self._check_ready()
        self._checked_beat()
        heads = None if self._heads_during_batch is None else self._heads_during_batch.read_during_batch(addresses)
        return await self._ask(lambda ref: m.FindHeads(ref=ref, addresses=addresses)) if heads is None else heads

    async def find_key(self, caller: int, home: int, key: bytes) -> int:
        """Address of the record a key made, 0 if none is known. Raises NotReady."""
        result: int = await self._ask(lambda ref: m.FindKey(ref=ref, caller=caller, home=home, key=key))
        return result

    async def push(self, legs: m.Legs) -> None:
        """Take in a push of another shard. Raises NotReady."""
        self._check_ready()
        if len(self._later) >= LATER_MAX:
            raise NotReady(f"shard {self.shard} has {counted(len(self._later), 'message')} to take in first")
        self._feed(legs)

    async def profiles(self, addresses: NDArray[np.int64]) -> WalletRows:
        """WALLET rows for another shard."""
        return await self.wallets(addresses)

    def _check_ready(self) -> None:
        if not self.core.serving:
            raise NotReady(f"shard {self.shard} is recovering")

    def _ask(self, message: Callable[[int], m.Message]) -> "asyncio.Future[Any]":
        self._check_ready()
        if len(self._answers) >= ASKED_MAX:
            raise NotReady(f"shard {self.shard} has {counted(len(self._answers), 'question')} to answer first")
        self._refs += 1
        ref = self._refs
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[ref] = future
        self._feed(message(ref))
        return future

    # The core.

    def _feed(self, message: m.Message) -> None:
        """Hand a message to the core: at once, or in its turn while the core is at work in a thread."""
        now_ns = self._checked_beat()
        if self._heads_during_batch is not None:
            self._later.append(message)
        elif self.core.rows_at_hand(message) >= THREAD_ROWS_MIN:
            self._work_in_thread(partial(self.core.handle, message, self._clock.now_ms(now_ns)))
        else:
            self._perform_all(self.core.handle(message, self._clock.now_ms(now_ns)))

    def _work_in_thread(self, work: Callable[[], list[m.Output]]) -> None:
        """Let the core work in a thread, from now on, while this one receives and sends; then carry on with what came meanwhile."""
        assert self._heads_during_batch is None, "one message at a time"
        self._heads_during_batch = self.core.begin_concurrent()
        self._spawn(lambda: self._waited_for(work))

    async def _waited_for(self, work: Callable[[], list[m.Output]]) -> None:
        outputs = await asyncio.to_thread(work)
        self._work_ended()
        if outputs:
            self._checked_beat()
        self._perform_all(outputs)
        self._perform_on()

    def _work_ended(self) -> None:
        self._heads_during_batch = None
        self.core.end_concurrent()

    def _perform_on(self) -> None:
        while self._later and self._heads_during_batch is None:
            self._feed(self._later.popleft())

    def _perform_all(self, outputs: list[m.Output]) -> None:
        for output in outputs:
            self._perform(output)

    def _perform(self, output: m.Output) -> None:
        if isinstance(output, m.Answer):
            future = self._answers.pop(output.ref)
            if not future.done():
                future.set_result(output.value)
        elif isinstance(output, m.Score):
            self._score(output)
        elif isinstance(output, m.Halt):
            self._halt(output.reason)
        elif isinstance(output, m.Save):
            self._saving.save(output)
        elif isinstance(output, m.Alert):
            log.error("shard %d: %s", self.shard, output.text)
        else:
            self._spawn(partial(self._carriers[type(output)], output))

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.ensure_future(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """A task that is ended before its first step has begun nothing."""
        try:
            await work()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._end(error)

    def _end(self, error: Exception) -> None:
        log.error("shard %d", self.shard, exc_info=error)
        self._halt(f"unforeseen: {error!r}")

    # Life.

    async def run(self) -> None:
        """Compile, recover from the journal, open it, and keep time. Ends when cancelled.

        Kernels compile in a thread: a shard whose loop stood still for so long would take itself for one that was stopped.
        """
        try:
            await asyncio.to_thread(ready_kernels)
            await self._recover()
            ticks = 0
            while True:
                self._beat = self._checked_beat() / 1e9
                self._feed(m.Tick())
                if ticks % CLOCK_EVERY_TICKS == 0:
                    self._spawn(self._renew_clock)
                    self._check_fallbacks()
                ticks += 1
                await asyncio.sleep(TICK_S)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("shard %d", self.shard)
            self._halt(f"cannot recover: {error!r}")

    def _check_fallbacks(self) -> None:
        if self._fallbacks.observe(self._asked_rows, self.core.fallbacks):
            log.error("shard %d: %s", self.shard, self._fallbacks.warnings()[0])

    def _checked_beat(self) -> int:
        """Elapsed nanoseconds; a process that was stopped for long, with its machine or alone, ends here, before it can answer anything."""
        now_ns = elapsed_ns()
        stalled_s = now_ns / 1e9 - self._beat
        if stalled_s > STALL_MAX_S:
            self._halt(f"stopped for {stalled_s:.0f} s: another may own this shard now")
        return now_ns

    async def _recover(self) -> None:
        await self._retry(lambda: self._journal.takeover(self.shard, self.core.writer.writer.number))
        self.core.timeline = await self._retry(self._journal.timeline)
        await self._send_segments(0)
        await self._retry(self._read_fallback)
        if not self.core.writer.durable_block:
            await self._saving.load(self._hash_at)
        await self._retry(self._replay_journal)
        while not self._clock.started:
            await self._retry(self._read_clock)
        self._beat = elapsed_ns() / 1e9
        self._feed(m.Recovered())

    async def _replay_journal(self) -> None:
        """Read this shard's journal on to its end. What else comes waits its turn."""
        self._heads_during_batch = self.core.begin_concurrent()
        try:
            await self._replay_pages()
        finally:
            self._work_ended()
            self._perform_on()

    async def _replay_pages(self) -> None:
        """Receive and check pages while those before are replayed in a thread. Only one of both holds the interpreter for long: to
        hash in the thread as well made each of 25,000 blocks a second a change of hands."""
        ahead: deque[asyncio.Future[None]] = deque()
        with ThreadPoolExecutor(1, "replay") as thread:
            try:
                await self._replay_pages_in(thread, ahead)
            finally:
                await asyncio.gather(*ahead)  # a record that does not fit is reported before a journal that went away

    async def _replay_pages_in(self, thread: ThreadPoolExecutor, ahead: deque[asyncio.Future[None]]) -> None:
        """`ahead`: what has been handed to the thread and is not awaited yet, RUNS_AHEAD runs at most."""
        chain = self.core.chain()
        scan = self._journal.scan(self.shard, self.core.writer.durable_block + 1)
        async with contextlib.aclosing(scan) as pages:
            async for page in pages:
                run = chain.extend([(number, data) for number, data, _ in page])
                if len(ahead) == RUNS_AHEAD:
                    await ahead.popleft()
                ahead.append(asyncio.get_running_loop().run_in_executor(thread, self.core.replay, run))

    async def stop(self) -> None:
        """End all tasks; what is in flight stays unanswered."""
        under_way: list[asyncio.Future[Any]] = [*self._tasks, *self._scoring]
        for each in under_way:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*under_way, return_exceptions=True)
        await self._journal.close()
        await self._segments.close()

    async def drained(self) -> None:
        """Wait until nothing is queued, scored or in flight."""
        while self._answers or self.core.queued_rows or self.core.writer.backlog:  # noqa: ASYNC110 - three conditions, once a life
            await asyncio.sleep(0.01)

    async def save(self) -> None:
        """Write a checkpoint now, if nothing is under way; for an orderly end."""
        if self.core.serving:
            self._feed(m.SaveNow())
            await self._saving.ended()

    async def _hash_at(self, shard: int, block: int) -> bytes | None:
        """That of a block of a journal, None if there is none."""
        found = await self._retry(lambda: self._journal.block(shard, block))
        return None if found is None else block_hash(found.records)

    # The journal.

    async def _append(self, output: m.Append) -> None:
        if output.attempt:
            await asyncio.sleep(pause_s(output.attempt))
        first, *others = output.blocks
        previous = header_of(first.data).previous
        blocks = [_stored(self.shard, first, previous), *(_stored(self.shard, block) for block in others)]
        begun = time.time_ns() if self._timing else 0
        try:
            await self._journal.append(blocks)
        except BlockConflict:
            self._feed(m.Stored(sequence=output.sequence, outcome="taken"))
        except (OutcomeUnknown, JournalUnavailable) as error:
            self._outages.waits(error)
            lost = isinstance(error, OutcomeUnknown)
            self._feed(m.Stored(sequence=output.sequence, outcome="unknown" if lost else "unavailable"))
        else:
            self._outages.over()
            if begun:
                self._timing.stored(begun)
            self._feed(m.Stored(sequence=output.sequence, outcome="stored"))

    async def _read_block(self, output: m.ReadBlock) -> None:
        block = await self._retry(lambda: self._journal.block(self.shard, output.number))
        data = None if block is None else block.records
        self._feed(m.BlockIs(sequence=output.sequence, number=output.number, data=data))

    async def _read_head(self, output: m.ReadHead) -> None:
        head = await self._retry(lambda: self._journal.head(self.shard))
        number, hash_ = (0, GENESIS) if head is None else (head.number, block_hash(head.records))
        self._feed(m.HeadIs(sequence=output.sequence, number=number, hash=hash_))

    async def _read_on(self, output: m.ReadOn) -> None:
        await self._retry(self._replay_journal)
        self._feed(m.Recovered())

    async def _read_records(self, output: m.ReadRecords) -> None:
        records = await self._retry(partial(self._journal.records, output.addresses))
        self._feed(m.RecordsRead(records=records))

    async def _read_originals(self, output: m.ReadOriginals) -> None:
        originals = np.zeros(len(output.targets), ORIGINAL)
        for original, target in zip(originals, output.targets, strict=True):
            original["address"] = target
            record = await self._record(target)
            if record is not None:
                references = np.array(await self._retry(partial(self._journal.references, target)), np.int64)
                fill_original(original, record, await self._retry(partial(self._journal.records, references)))
        self._feed(m.Originals(stamp=output.stamp, originals=originals))

    async def _record(self, address: int) -> Any:
        """The record at an address of any shard's journal, None if there is none."""
        (record,) = await self._retry(partial(self._journal.records, np.array([address], np.int64)))
        return record if record["kind"] else None

    async def _read_clock(self) -> None:
        """One look after another: a reading that arrives after a later one would lead the clock astray."""
        async with self._reading_clock:
            reading = await self._journal.clock(elapsed_ns)
            self._clock.read(reading, self.core.ledger.record_time)
        if self._clock.started:
            self._feed(m.Clock(off_ms=self._clock.off_ms))

    async def _renew_clock(self) -> None:
        with contextlib.suppress(JournalUnavailable):  # an append says so, loudly
            await self._read_clock()
            if self.core.config.scored:
                await self._read_fallback()
            if self.shard == LOG_SHARD:
                await self._read_admin_log()

    async def _read_fallback(self) -> None:
        """Scorers say what it is with their decisions: but they may be away, or decide with a deployment that the database has lost."""
        fallback = await self._segments.fallback()
        if fallback is not None:
            self._feed(m.FallbackIs(fallback=fallback))

    async def _read_admin_log(self) -> None:
        newest = await self._segments.admin_log()
        if newest is not None:
            self._feed(m.AdminLogIs(entry=newest[0], hash=newest[1]))

    # Others.

    def _score(self, output: m.Score) -> None:
        """No task of its own: the next step begins where the answer arrives."""
        self._asked_rows += len(output.payers)
        followed = self.core.refs_in_scoring if self._timing else []
        begun = time.time_ns() if followed else 0
        try:
            decided = asyncio.ensure_future(self._scorer.decide(output.payers, output.columns))
        except Exception as error:  # what else the core has said is performed all the same
            self._undecided(output.number, error)
            return
        self._scoring[decided] = output.number, followed, begun
        decided.add_done_callback(self._scored)

    def _scored(self, decided: "asyncio.Future[tuple[Decisions, Fallback]]") -> None:
        number, followed, begun = self._scoring.pop(decided)
        if decided.cancelled():
            return
        error = decided.exception()
        if error is not None:
            self._undecided(number, error)
            return
        if followed:
            self._timing.scored(followed, begun)
        decisions, fallback = decided.result()
        try:
            self._feed(m.Scored(number=number, decisions=decisions, fallback=fallback))
        except Exception as unforeseen:
            self._end(unforeseen)

    def _undecided(self, number: int, error: BaseException) -> None:
        """The batch waits for its time to be over, then the fallback decides."""
        log.warning("shard %d: no decisions for batch %d: %r", self.shard, number, error)

    async def _push(self, output: m.Push) -> None:
        try:
            await self._peers[output.shard].push(output.legs)
        except Exception as error:
            self._unreached("push", output.shard, error)
        self._feed(m.Pushed(shard=output.shard))

    async def _read_channel(self, output: m.ReadChannel) -> None:
        try:
            page = await self._journal.read(output.sender, output.first, PAGE_BLOCKS)
        except JournalUnavailable:
            self._feed(m.PageFailed(sender=output.sender))
            return
        blocks = [(block.number, block.records) for block in page]
        self._feed(m.Page(sender=output.sender, stamp=output.stamp, blocks=blocks, end=len(blocks) < PAGE_BLOCKS))

    async def _ask_profiles(self, output: m.AskProfiles) -> None:
        wallets: WalletRows | None
        try:
            wallets = await self._peers[output.shard].profiles(output.addresses)
        except Exception as error:
            self._unreached("profiles", output.shard, error)
            wallets = None
        self._feed(
            m.Profiles(shard=output.shard, stamp=output.stamp, addresses=np.array(output.addresses), wallets=wallets)
        )

    async def _go_on(self, output: m.Pause) -> None:
        if output.ms:
            await asyncio.sleep(output.ms / 1_000)
        self._feed(output.then)

    def _unreached(self, what: str, shard: int, error: Exception) -> None:
        """A shard that starts or was lost is met all day; anything else is a bug and logged as one."""
        expected = isinstance(error, (NotReady, CallLost, TimeoutError))
        level = logging.DEBUG if expected else logging.ERROR
        log.log(level, "shard %d: %s to %d: %r", self.shard, what, shard, error, exc_info=None if expected else error)

    async def _need_segment(self, _: m.NeedSegment) -> None:
        await self._retry(lambda: self._segments.claim(self.shard))
        await self._send_segments(0)

    async def _read_segments(self, output: m.ReadSegments) -> None:
        await self._send_segments(output.stamp)

    async def _send_segments(self, stamp: int) -> None:
        owners = await self._retry(self._segments.owners)
        self._feed(m.Segments(owners=owners, stamp=stamp, closed=await self._retry(self._segments.closed)))


def _stored(shard: int, block: Sealed, previous: bytes | None = None) -> Block:
    """A sealed block as the journal stores it; `previous` as in `Block`."""
    return Block(
        shard=shard,
        number=block.number,
        records=block.data,
        details=block.details,
        references=block.references,
        anchors=block.anchors,
        reviews=block.reviews,
        suspended=block.suspended,
        late=block.late,
        credit=block.credit,
        previous=previous,
    )
