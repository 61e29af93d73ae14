"""One incarnation of a shard's process: it carries what its core says, as the actor does, and can die between any two messages.

Within a process every output is performed once and answered at most once, however late; between processes messages may be late,
lost, repeated and reordered.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actors.journal.interface import ClockReading
from actors.ledger.holds import holds_open
from actors.records.blocks import Writer
from actors.records.layout import ATTEMPTS, ORIGINAL, RECORD
from actors.shard import messages as m
from actors.shard.channels import Cursor
from actors.shard.clock import NS_PER_MS
from actors.shard.core import ShardCore
from actors.shard.refundable import fill_original
from tests.sim.concurrent_core import ConcurrentCore
from tests.sim.scorer import decide

if TYPE_CHECKING:
    from tests.sim.switch import Switch

PAGE_BLOCKS: Final = 6
TICK_MS: Final = 100
CLOCK_EVERY_MS: Final = 1_000
CALL_TIMEOUT_MS: Final = 1_500
"""After this a call to another process counts as lost."""

FROM_THE_DATABASE: Final = (m.Stored, m.BlockIs, m.HeadIs, m.RecordsRead, m.Originals, m.Page, m.Segments)
"""What a stopped process finds in its sessions when it goes on; after a failover these are gone with the sessions."""


class Delivery:
    """A question as one process got it: the core answers it at most once, under a reference of its own."""

    __slots__ = ("clock", "question", "shard_head", "until")

    def __init__(self, question: Any, shard_head: int, process: "Process") -> None:
        self.question = question
        self.shard_head = shard_head
        self.clock = process.now_ms()
        self.until = process.now_ms


class Process:
    """`number` is unique in a run; `clock_offset` is what its clock of elapsed time is ahead of true time."""

    def __init__(self, switch: "Switch", shard: int, number: int) -> None:
        self.switch = switch
        self.shard = shard
        self.number = number
        self.alive = True
        self.paused_until = 0
        self.clock_offset = 0
        self.clock = switch.clock_class()
        self._clock_sent = -(2**62)
        self.deliveries: dict[int, Delivery] = {}
        writer = Writer(shard, 1, switch.scheduler.random.getrandbits(63), bytes(16))
        self.core: ShardCore = switch.make_core(shard, writer)
        self.timeline = self.core.timeline = switch.database.timeline
        self._concurrent = ConcurrentCore(self)
        self._clock_due = 0
        self.heeds_timelines: bool = getattr(self.core, "heeds_timelines", True)
        self._answered: dict[int, tuple[int, Any]] = {}
        slow = switch.scheduler.chance(switch.faults.slow)
        self._replay_pause = switch.scheduler.delay(50, 1_000) if slow else 0
        self._carriers: dict[type, Callable[[Any], None]] = {
            m.Answer: self._answer,
            m.Score: self._score,
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
            m.Save: self._save,
            m.Alert: self._alert,
        }

    @property
    def name(self) -> str:
        """Shard and incarnation, for the trace."""
        return f"{self.shard}.{self.number}"

    # Life.

    def start(self) -> None:
        """Begin to recover."""
        self.feed(self.switch.database.topology())
        self._plan_io(self._load_checkpoint)
        self._tick()

    def _load_checkpoint(self) -> None:
        """Restore a checkpoint that the journal agrees with, if there is one; not always the newest can be read."""
        usable = self.switch.checkpoints[self.shard][-2:]
        if usable and not self.switch.scheduler.chance(0.1):
            saved = self.switch.scheduler.random.choice(usable)
            if self._agrees(saved):
                self.switch.scheduler.count("checkpoints restored")
                self.core.ledger.restore(saved.arrays, saved.keys_since_ms)
                cursors = {sender: Cursor(*cursor) for sender, cursor in saved.cursors.items()}
                self.core.resume_at(saved.block, saved.hash, cursors)
                self.switch.scheduler.count("holds restored", holds_open(self.core.ledger.book.holds))
        self._replay_later()

    def _agrees(self, saved: m.Save) -> bool:
        journals = self.switch.database.hashes

        def held(shard: int, block: int, hash_: bytes) -> bool:
            return block <= len(journals[shard]) and journals[shard][block - 1].startswith(hash_)

        if not held(self.shard, saved.block, saved.hash):
            return False
        agreed = all(held(*claim) for claim in self.core.claims(saved.cursors))
        self.switch.scheduler.count("checkpoints ahead of another's journal", not agreed)
        return agreed

    def _save(self, output: m.Save) -> None:
        self._plan_io(self._saved, output)

    def _saved(self, output: m.Save) -> None:
        self.switch.scheduler.count("checkpoints saved")
        self.switch.checkpoints[self.shard] = [*self.switch.checkpoints[self.shard][-1:], output]

    def end_orderly(self) -> None:
        """Leave a checkpoint, if nothing is under way, and end."""
        if self.alive and self.core.serving:
            for output in self.core.handle(m.SaveNow(), self.switch.scheduler.now):
                if isinstance(output, m.Save):
                    self._saved(output)
        self.die("stopped")

    def _replay_later(self) -> None:
        pause = self._replay_pause if self.clock.started else max(self._replay_pause, 1)
        self.switch.scheduler.after(pause, self._plan_io, self._replay_page)

    def _replay_page(self) -> None:
        first = self.core.writer.durable_block + 1
        blocks = self.switch.database.read(self.shard, first, 4 * PAGE_BLOCKS)
        self.switch.scheduler.count("blocks replayed", len(blocks))
        if blocks:
            self.core.replay(self.core.chain().extend(blocks))
            self._replay_later()
        elif not self.clock.started:
            self._replay_later()
        else:
            self.switch.scheduler.count("holds open at an opening", holds_open(self.core.ledger.book.holds))
            self.switch.auditor.recovered(self.shard, self.core.ledger, self.core.writer.durable_block)
            self.feed(m.Recovered())

    def _tick(self) -> None:
        scheduler = self.switch.scheduler
        if not self.alive:
            return
        if scheduler.now < self.paused_until:
            scheduler.after(self.paused_until - scheduler.now, self._tick)
            return
        self.feed(m.Tick())
        if scheduler.now >= self._clock_due:
            self._clock_due = scheduler.now + CLOCK_EVERY_MS
            self._plan_io(self._read_clock, self._elapsed_ns())
        scheduler.after(TICK_MS, self._tick)

    def _elapsed_ns(self) -> int:
        """Of a clock that began long before or after this process, and knows no time of day."""
        return (self.switch.scheduler.now + self.clock_offset) * NS_PER_MS

    def now_ms(self) -> int:
        """The time by this process."""
        return self.clock.now_ms(self._elapsed_ns())

    def _read_clock(self, sent_ns: int) -> None:
        database_ms = self.switch.database.clock_ms()
        self.switch.scheduler.after(self.switch.database.latency(), self._clock_read, sent_ns, database_ms)

    def _clock_read(self, sent_ns: int, database_ms: int) -> None:
        scheduler = self.switch.scheduler
        if scheduler.now < self.paused_until:
            scheduler.after(self.paused_until - scheduler.now, self._clock_read, sent_ns, database_ms)
            return
        received_ns = self._elapsed_ns()
        if self.alive and sent_ns >= self._clock_sent:
            self._clock_sent = sent_ns
            reading = ClockReading(sent_ns=sent_ns, received_ns=received_ns, database_ms=database_ms)
            self.clock.read(reading, self.core.ledger.record_time)
            if not self.clock.started:
                return
            if self.clock.off_ms:
                self.switch.scheduler.count("readings of a clock that was set")
            self.feed(m.Clock(off_ms=self.clock.off_ms))

    def die(self, why: str) -> None:
        """The process ends; its memory is gone."""
        if self.alive:
            self.alive = False
            self.deliveries.clear()
            # The arrays at once, not when the garbage collector comes round.
            del self.core.ledger._book, self.core.ledger._held
            self.switch.scheduler.note(f"{self.name} died: {why}")
            self.switch.process_died(self)

    # The core.

    def feed(self, message: m.Message) -> None:
        """Give the core a message, when the process is alive and not stopped."""
        scheduler = self.switch.scheduler
        if not self.alive:
            return
        if scheduler.now < self.paused_until:
            read = isinstance(message, FROM_THE_DATABASE)
            later = (self._in_session, self.feed) if read else (self.feed,)
            scheduler.after(self.paused_until - scheduler.now, *later, message)
            return
        scheduler.note(f"{self.name} <- {type(message).__name__}")
        passed_over = isinstance(message, (m.Legs, m.Page, m.Profiles)) and self.core.serving
        scheduler.count("arrivals while a checkpoint is due", passed_over and self.core._save_is_due())
        for output in self._concurrent.handle(message, self.now_ms()):
            if isinstance(output, m.Halt):
                scheduler.count("fenced")
                self.die(output.reason)
            else:
                self._carriers[type(output)](output)
        scheduler.count("messages while a request is cut", any(asked.taken for asked in self.core._intake._queue))
        if self.alive and scheduler.chance(self.switch.faults.crash):
            scheduler.count("crashes")
            self.die("crash")

    def ask(self, question: Any, message: Callable[[int], m.Message]) -> None:
        """A question from outside arrives; refused, as nothing, while the shard does not serve."""
        scheduler = self.switch.scheduler
        if scheduler.now < self.paused_until:
            scheduler.after(self.paused_until - scheduler.now, self.ask, question, message)
        elif self.alive and self.core.serving:
            ref = self.switch.next_ref()
            head = len(self.switch.database.journals[self.shard])
            self.deliveries[ref] = Delivery(question, head, self)
            self.feed(message(ref))

    def _plan_io(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do something when the database gets round to it, unless this process has died by then."""
        self.switch.scheduler.after(self.switch.database.latency(), self._in_session, action, *arguments)

    def _if_alive(self, action: Callable[..., None], *arguments: Any) -> None:
        if self.alive:
            action(*arguments)

    def _in_session(self, action: Callable[..., None], *arguments: Any) -> None:
        """Use a session, unless the database has failed over: then this process ends, whatever it has in memory."""
        if not self.alive:
            return
        if self.timeline != self.switch.database.timeline and self.heeds_timelines:
            self.switch.scheduler.count("processes that outlived a failover")
            self.die("the database's timeline has ended")
            return
        action(*arguments)

    def _answer(self, output: m.Answer) -> None:
        delivery = self.deliveries.pop(output.ref, None)
        self.switch.answered(self, delivery, output.value)

    def _alert(self, output: m.Alert) -> None:
        self.switch.scheduler.count("alerts")
        self.switch.scheduler.note(f"{self.name} alert: {output.text}")
        assert "stopped:" not in output.text, output.text

    # The journal.

    def _append(self, output: m.Append) -> None:
        pause = min(20 * 2**output.attempt, 1_000) if output.attempt else 0
        self.switch.scheduler.after(pause, self._in_session, self._append_now, output)

    def _append_now(self, output: m.Append) -> None:
        def reply(outcome: Any) -> None:
            self.feed(m.Stored(sequence=output.sequence, outcome=outcome))

        self.switch.database.append(self.shard, output.blocks, reply)

    def _read_block(self, output: m.ReadBlock) -> None:
        def read() -> None:
            blocks = self.switch.database.read(self.shard, output.number, 1)
            data = blocks[0][1] if blocks else None
            answer = m.BlockIs(sequence=output.sequence, number=output.number, data=data)
            self.switch.scheduler.after(self.switch.scheduler.delay(0, 3), self._in_session, self.feed, answer)

        self._plan_io(read)

    def _read_head(self, output: m.ReadHead) -> None:
        def read() -> None:
            number, hash_ = self.switch.database.head(self.shard)
            answer = m.HeadIs(sequence=output.sequence, number=number, hash=hash_)
            self.switch.scheduler.after(self.switch.scheduler.delay(0, 3), self._in_session, self.feed, answer)

        self._plan_io(read)

    def _read_on(self, output: m.ReadOn) -> None:
        self.switch.scheduler.count("openers that lost")
        assert output.first == self.core.writer.durable_block + 1
        self._replay_later()

    def _read_records(self, output: m.ReadRecords) -> None:
        def read() -> None:
            records = np.array([self.switch.database.record(int(a)) for a in output.addresses], RECORD)
            self.feed(m.RecordsRead(records=records))

        self.switch.scheduler.count("records read for repeats", len(output.addresses))
        self._plan_io(read)

    def _read_originals(self, output: m.ReadOriginals) -> None:
        """Record and references are read one after the other, for each target when the database gets round to it."""
        originals = np.zeros(len(output.targets), ORIGINAL)
        originals["address"] = output.targets
        self._tell_again(output.targets)
        self._plan_io(self._read_original, output, originals, 0)

    def _read_original(self, output: m.ReadOriginals, originals: Any, at: int) -> None:
        scheduler, database = self.switch.scheduler, self.switch.database
        if scheduler.chance(database.faults.unavailable):
            scheduler.count("originals tried again")
            self._plan_io(self._read_original, output, originals, at)
            return
        target = output.targets[at]
        record = database.record(target)
        if record is not None:
            fill_original(originals[at], record, [database.record(r) for r in database.references.get(target, ())])
        if at + 1 < len(originals):
            self._plan_io(self._read_original, output, originals, at + 1)
            return
        scheduler.count("originals read", len(originals))
        late = scheduler.delay(300, 3_000) if scheduler.chance(0.1) else self.switch.network_delay()
        for original in originals:
            self._answered[int(original["address"])] = output.stamp, original.copy()
        scheduler.after(late, self._if_alive, self.feed, m.Originals(stamp=output.stamp, originals=originals))

    def _tell_again(self, targets: list[int]) -> None:
        """An earlier answer about refundable records comes once more while they are being asked for again."""
        for target in targets:
            if self.switch.tells_again and target in self._answered:
                stamp, original = self._answered[target]
                self.switch.scheduler.count("stale answers about originals")
                answer = m.Originals(stamp=stamp, originals=original.reshape(1))
                self.switch.scheduler.after(0, self._if_alive, self.feed, answer)

    # Others.

    def _score(self, output: m.Score) -> None:
        batch = self.core._scoring
        assert batch is not None and batch.admitted is not None and batch.number == output.number
        attempts = np.isin(batch.admitted.rows["op"], ATTEMPTS)
        self.switch.features[self.core.writer.writer.number, batch.seen] = output.columns[attempts].copy()
        decisions = decide(output.columns)
        self.switch.to_scorer_and_back(self, m.Scored(number=output.number, decisions=decisions))

    def _push(self, output: m.Push) -> None:
        self.switch.push(self, output)

    def _read_channel(self, output: m.ReadChannel) -> None:
        scheduler = self.switch.scheduler

        def read() -> None:
            if scheduler.chance(self.switch.database.faults.unavailable):
                scheduler.count("pages that failed")
                self.feed(m.PageFailed(sender=output.sender))
                return
            blocks = self.switch.database.read(output.sender, output.first, self.switch.page_blocks)
            end = len(blocks) < self.switch.page_blocks
            scheduler.count("pages")
            page = m.Page(sender=output.sender, stamp=output.stamp, blocks=blocks, end=end)
            scheduler.after(self.switch.network_delay(), self.feed, page)

        self._plan_io(read)

    def _ask_profiles(self, output: m.AskProfiles) -> None:
        self.switch.ask_profiles(self, output)

    def _go_on(self, output: m.Pause) -> None:
        self.switch.scheduler.count("rests of scores" if output.ms else "pauses between batches")
        self.switch.scheduler.after(output.ms, self.feed, output.then)

    def _need_segment(self, _: m.NeedSegment) -> None:
        def claim() -> None:
            self.switch.database.claim(self.shard)
            self.feed(self.switch.database.topology())

        self._plan_io(claim)

    def _read_segments(self, output: m.ReadSegments) -> None:
        def read() -> None:
            self.feed(self.switch.database.topology(output.stamp))

        self.switch.scheduler.count("segments read again")
        self._plan_io(read)
