"""A whole switch in one process: shards, their journals, scorers, and the network between them, with all that can go wrong there."""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.ledger.arrays import InMemorySnapshot, Snapshot
from actors.ledger.book import M_OPEN_SLOT, M_SEGMENTS
from actors.ledger.bounds import IDEMPOTENCY_WINDOW_MS, Capacity
from actors.ledger.ledger import Ledger, LedgerConfig
from actors.records.addresses import SEGMENT_SLOTS
from actors.records.blocks import Writer
from actors.shard import messages as m
from actors.shard.clock import ShardClock
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from switch.gateway.attempts import Attempts, RowAttempts
from tests.sim.auditor import Auditor
from tests.sim.case_model import CASES
from tests.sim.database import Database, DatabaseFaults
from tests.sim.model import CHAINED_FIRST, DAY_MS
from tests.sim.process import CALL_TIMEOUT_MS, Delivery, Process
from tests.sim.questions import ProfileQuestion
from tests.sim.scheduler import START_MS, Scheduler
from tests.sim.snapshots import OPERATOR_SLOTS, SEGMENT_WALLETS, SegmentsInUse

CAPACITY = Capacity(
    segments=12,
    segment_map=64,
    keys=20_000,
    payers=16,
    attempts=300,
    profiles=1_000,
    holds=8,
    originals=6,
    caller_holds_percent=75,
    consents=12,
    orders=10,
    cases=CASES,
    inquirers=500,
)
CROWDED = msgspec.structs.replace(CAPACITY, payers=4, attempts=100, profiles=12, originals=2)
"""Of every third seed: all tables are full in its midst, and each row makes room for another again and again. The wallets
of a linked group must be known all at once, so the longest of a group is shorter."""
PAGE_BLOCKS = (1, 2, 6)
"""One of these in a seed: with the fewest most of a journal is always still to be read."""
SENT_AGAIN = 0.5
"""Of the seeds, those in which an answer about a refundable record comes again while it is asked for anew."""
SECRET = bytes(range(16))
DAILY_LIMITS = {1: 50_000, 2: 6_000}
REVIEW_SECONDS = 2
KEYS_ROTATE_AFTER_MS = (1_000, 7_000)
"""Within a seed the generations of keys change once, so that what was recorded before is then in the older."""


class Faults(NamedTuple):
    """How likely what goes wrong is, for one seed. `crash`: per message handled. `zombie`: per call, that it reaches an old process."""

    crash: float
    lost: float
    repeated: float
    slow: float
    zombie: float
    scorer: float
    takeover_every_ms: int
    pause_every_ms: int
    clock_every_ms: int
    outage_every_ms: int


NO_FAULTS = Faults(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class SmallSegments(Ledger):
    """A ledger whose segments hold only a few wallets, so that further ones are needed soon, and whose chains are said to be long, so
    that anchors are."""

    def __init__(self, config: LedgerConfig, capacity: Capacity) -> None:
        super().__init__(config, capacity)
        self._chained()[0, :OPERATOR_SLOTS] = CHAINED_FIRST
        self._lengthen_chains(1)

    def _chained(self) -> NDArray[np.int64]:
        return self.book.wallets["chained"].reshape(self.capacity.segments, SEGMENT_SLOTS)

    def _lengthen_chains(self, first: int) -> None:
        self._chained()[first:, -SEGMENT_WALLETS:] = CHAINED_FIRST

    def restore(self, snapshot: Snapshot, keys_since_ms: int) -> None:
        """Segments that the snapshot does not hold are new."""
        super().restore(snapshot, keys_since_ms)
        self._lengthen_chains(int(self.book.meta[M_SEGMENTS]))

    def use_segment(self, segment: int) -> bool:
        """Begin near the end of the segment."""
        used = super().use_segment(segment)
        self.book.meta[M_OPEN_SLOT] = SEGMENT_SLOTS - SEGMENT_WALLETS
        return used


class Switch:
    """All processes, and who is asked for which shard. `features`: by writer and `seen`, the columns of a batch's attempts as they went
    to the scorer."""

    def __init__(
        self,
        scheduler: Scheduler,
        shards: int,
        faults: Faults,
        database_faults: DatabaseFaults,
        core_class: type[ShardCore] = ShardCore,
        save_every_records: int | None = None,
        capacity: Capacity = CAPACITY,
    ) -> None:
        self.capacity = capacity
        self.scheduler = scheduler
        self.shards = shards
        self.faults = faults
        self.database = Database(scheduler, shards, database_faults)
        self.auditor = Auditor(shards, self.database, DAILY_LIMITS, REVIEW_SECONDS, scheduler)
        self.processes: list[list[Process]] = [[] for _ in range(shards)]
        self.current: list[Process | None] = [None] * shards
        self.checkpoints: list[list[m.Save]] = [[] for _ in range(shards)]
        self.features: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._core_class = core_class
        self.clock_class: type[ShardClock] = getattr(core_class, "clock_class", ShardClock)
        self._save_every_records = save_every_records
        self._incarnations = 0
        self._refs = 0
        self._starting = [False] * shards
        self._keys_since = START_MS + scheduler.onlooker.randint(*KEYS_ROTATE_AFTER_MS) - IDEMPOTENCY_WINDOW_MS
        self.page_blocks = scheduler.onlooker.choice(PAGE_BLOCKS)
        self.attempts_class: type[Attempts] = getattr(core_class, "attempts_class", Attempts)
        self.row_attempts_class: type[RowAttempts] = getattr(core_class, "row_attempts_class", RowAttempts)
        self.tells_again = Random(f"stale {scheduler.seed}").random() < SENT_AGAIN
        self.healed = False

    def make_core(self, shard: int, writer: Writer) -> ShardCore:
        """A core with an empty ledger."""
        config = LedgerConfig(
            shard=shard,
            shards=self.shards,
            secret=SECRET,
            daily_limits=DAILY_LIMITS,
            review_expires_in_s=REVIEW_SECONDS,
        )
        shard_config = ShardConfig(
            shard=shard, shards=self.shards, score_timeout_ms=300, save_every_records=self._save_every_records
        )
        ledger = SmallSegments(config, self.capacity)
        ledger.keys_since_ms = self._keys_since
        core = self._core_class(shard_config, ledger, writer)
        if core.keep is InMemorySnapshot:
            core.keep = SegmentsInUse
        return core

    def next_ref(self) -> int:
        """A reference that was never used."""
        self._refs += 1
        return self._refs

    # Processes.

    def start_process(self, shard: int) -> None:
        """A new incarnation begins to recover; calls go to it from now on."""
        self._starting[shard] = False
        self._incarnations += 1
        process = Process(self, shard, self._incarnations)
        s = self.scheduler
        process.clock_offset = s.delay(-3 * DAY_MS, 3 * DAY_MS)
        if self.database.step_ms:
            s.count("started while the clock was set")
        s.count("incarnations")
        if any(p.alive for p in self.processes[shard]):
            s.count("two writers")
        self.processes[shard] = [p for p in self.processes[shard] if p.alive]
        self.processes[shard].append(process)
        self.current[shard] = process
        s.note(f"{process.name} starts")
        process.start()

    def process_died(self, process: Process) -> None:
        """If it was the one to be asked, another is started after a while."""
        if self.current[process.shard] is process:
            self.current[process.shard] = None
            alive = [p for p in self.processes[process.shard] if p.alive]
            if alive and not self.healed and self.scheduler.chance(0.3):
                self.current[process.shard] = alive[-1]
                return
            self._start_later(process.shard)

    def _start_later(self, shard: int) -> None:
        if not self._starting[shard]:
            self._starting[shard] = True
            self.scheduler.after(self.scheduler.delay(1, 400), self.start_process, shard)

    def take_over(self, shard: int) -> None:
        """Start a process, sometimes two at once, while the one before may still run."""
        self.scheduler.count("takeovers")
        self.start_process(shard)
        if self.scheduler.chance(0.3):
            self.scheduler.after(self.scheduler.delay(0, 20), self._start_another, shard)

    def _start_another(self, shard: int) -> None:
        if not self.healed:
            self.start_process(shard)

    def target(self, shard: int) -> Process | None:
        """Who a call for a shard reaches now."""
        alive = [p for p in self.processes[shard] if p.alive]
        if len(alive) > 1 and self.scheduler.chance(self.faults.zombie):
            return self.scheduler.random.choice(alive)
        current = self.current[shard]
        serving = [p for p in alive if p.core.serving]
        if current is not None and not current.core.serving and serving and self.scheduler.chance(0.5):
            return self.scheduler.random.choice(serving)
        return current

    def heal(self) -> None:
        """No further faults; one process a shard, with the right time."""
        self.healed = True
        self.faults = NO_FAULTS
        self.database.faults = DatabaseFaults(0, 0, 0)
        self.database.down_until = 0
        self.database.set_clock(0)
        for shard in range(self.shards):
            for process in self.processes[shard]:
                process.paused_until = 0
                if process is not self.current[shard]:
                    process.die("healed")
            if self.current[shard] is None:
                self._start_later(shard)

    def stop(self) -> None:
        """All processes end in good order, as before a restore."""
        for process in [p for processes in self.processes for p in processes]:
            process.end_orderly()
        self.current = [None] * self.shards
        self._starting = [False] * self.shards

    def end(self) -> None:
        """Give the memory back."""
        self.checkpoints.clear()
        for process in [p for processes in self.processes for p in processes]:
            process.die("the end")

    # The network.

    def network_delay(self) -> int:
        """How long a message takes."""
        s = self.scheduler
        return s.delay(20, 900) if s.chance(self.faults.slow) else s.delay(0, 4)

    def send(self, deliver: Callable[..., None], *arguments: Any) -> int:
        """Carry a message between processes: once, twice or not at all. Gives how often."""
        s = self.scheduler
        if s.chance(self.faults.lost):
            s.count("messages lost")
            return 0
        s.after(self.network_delay(), deliver, *arguments)
        if s.chance(self.faults.repeated):
            s.count("messages repeated")
            s.after(self.network_delay(), deliver, *arguments)
            return 2
        return 1

    def call(self, shard: int, question: Any, message: Callable[[int], m.Message]) -> int:
        """Ask a shard. Gives how often the question travels."""

        def arrive() -> None:
            process = self.target(shard)
            if process is not None:
                process.ask(question, message)

        return self.send(arrive)

    def answered(self, process: Process, delivery: Delivery | None, value: Any) -> None:
        """A core gave an answer: it is judged as it is given, and may then get lost."""
        question = None if delivery is None else delivery.question
        stated = value.tobytes() if isinstance(value, np.ndarray) else str(value).encode()
        self.scheduler.note(f"{process.name} answers", stated)
        self.auditor.judge(process.shard, delivery, value)
        assert question is not None
        self.send(question.reply, value)

    def to_scorer_and_back(self, process: Process, scored: m.Scored) -> None:
        """Carry decisions home; a scorer may be late or die."""
        s = self.scheduler
        if s.chance(self.faults.scorer):
            if s.chance(0.5):
                return
            s.after(s.delay(100, 900), process.feed, scored)
            return
        s.after(self.network_delay(), process.feed, scored)

    def push(self, process: Process, push: m.Push) -> None:
        """Carry a push; the sender hears that it has ended, early or late."""

        def arrive() -> None:
            target = self.target(push.shard)
            if target is not None and target.core.serving:
                target.feed(push.legs)

        copies = self.send(arrive)
        if copies == 2 and len(push.legs.records):
            self.scheduler.count("legs repeated")
        if copies == 0 and len(push.legs.records):
            self.scheduler.count("legs lost")
        ended = self.network_delay() if copies else self.scheduler.delay(1, CALL_TIMEOUT_MS)
        self.scheduler.after(ended, process.feed, m.Pushed(shard=push.shard))

    def ask_profiles(self, process: Process, ask: m.AskProfiles) -> None:
        """Carry a request for remote wallets and its answer, or after a time-out report that there is none."""
        ended = [False]

        def end(wallets: Any) -> None:
            if not ended[0]:
                ended[0] = True
                self.scheduler.count("profiles answered" if wallets is not None else "profiles timed out")
                process.feed(m.Profiles(shard=ask.shard, stamp=ask.stamp, addresses=ask.addresses, wallets=wallets))

        question = ProfileQuestion(ask.addresses, len(self.database.journals[ask.shard]), end)
        self.call(ask.shard, question, lambda ref: m.Read(ref=ref, addresses=ask.addresses))
        self.scheduler.after(CALL_TIMEOUT_MS, end, None)
