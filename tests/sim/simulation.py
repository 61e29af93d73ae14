"""One seed: a whole switch lives through faults, then heals; everything it owes must then arrive in bounded time."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from actors.ledger import credit as credit_tables
from actors.ledger import ledger, orders
from actors.records import layout
from actors.shard import (
    channels,
    core,
    credit,
    disputes,
    intake,
    journal_writer,
    pace,
    refundable,
    remote_wallets,
    repeats,
)
from actors.shard.core import ShardCore
from tests.sim.case_model import REVIEWS_MAX
from tests.sim.credit_model import CONSENTS_MAX
from tests.sim.database import DatabaseFaults, Image
from tests.sim.load import Load
from tests.sim.model import Model
from tests.sim.process import Process
from tests.sim.rebuilt import compare
from tests.sim.scheduler import START_MS, Scheduler
from tests.sim.switch import CAPACITY, CROWDED, Faults, Switch
from tests.sim.truth import Untrue

SEEDS: Final = 100
"""That the suite runs, from 0 on: all of them clean."""
FAULTS_MS: Final = 10_000
"""Virtual time during which things go wrong."""
HEALED_MS: Final = 120_000
"""Virtual time within which, from then on, all must be answered and all remote credits applied."""
REQUESTS: Final = (150, 400)
QUIET_FROM_MS: Final = (1_000, 4_000)
BACKED_UP_AFTER_MS: Final = 1_500
"""What was on its way to a shard that is left alone has mostly arrived by then."""
RESTORED_AFTER_MS: Final = (50, 1_200)
FAILS_OVER: Final = 0.2
"""Of the seeds."""
FAILS_OVER_FROM_MS: Final = (600, 7_000)
LAGS_MS: Final = (1, 300)
"""How far a standby is behind when it takes over."""
OPENINGS_OF_TEN: Final = 7
"""Of ten seeds in a row this one opens wallets just before commits are lost, and after it."""
OPENED_AFTER_MS: Final = 200
STEPS_MS: Final = (-3_600_000, -6_000, -500, 500, 6_000, 3_600_000)
"""By how much the database's clock is set."""


SMALL: Final = (
    (intake, "QUEUE_ROWS_MAX", 120),
    (intake, "BATCH_ROWS_MAX", 80),
    (intake, "SMALL_ROWS_MAX", 30),
    (intake, "SLICE_ROWS", 24),
    (intake, "QUEUE_DETAIL_BYTES_MAX", 20_000),
    (pace, "BYTES_MIN", 1_000),
    (pace, "BYTES_MAX", 20_000),
    (pace, "BYTES_FIRST", 4_000),
    (repeats, "PAGE_ROWS_MAX", 3),
    (repeats, "SHARE_ROWS_MIN", 2),
    (repeats, "WAITING_ROWS_MAX", 60),
    (core, "BACKLOG_RECORDS_MAX", 60),
    (core, "CURSOR_BLOCKS_MAX", 10),
    (channels, "PUSH_RECORDS_MAX", 6),
    (journal_writer, "APPEND_BLOCKS_MAX", 2),
    (journal_writer, "APPEND_BYTES_MAX", 12_000),
    (remote_wallets, "ASK_MAX", 3),
    (refundable, "ASK_MAX", 2),
    (ledger, "EXPIRE_MAX", 3),
    (credit_tables, "_SWEEP_ROWS", 4),
    (credit_tables, "CONSENTS_OF_HOLDER_MAX", CONSENTS_MAX),
    (orders, "ATTEMPTS_AFTER_MS", (300, 700, 1_500)),
    (disputes, "REVIEWS_MAX", REVIEWS_MAX),
    (credit, "TURN_ROWS_MAX", 3),
    (credit, "QUEUE_ROWS_MAX", 25),
    (orders, "GRACE_MS", 1_500),
    (credit, "LOOK_AGAIN_MS", 100),
    (layout, "_HUGE_FROM_BYTES", sys.maxsize),
)
"""Bounds made so small that a seed reaches them; and no huge pages, for a process of a seed writes some rows of each table."""


@contextlib.contextmanager
def small_bounds() -> Iterator[None]:
    kept = [getattr(module, name) for module, name, _ in SMALL]
    for module, name, value in SMALL:
        setattr(module, name, value)
    try:
        yield
    finally:
        for (module, name, _), value in zip(SMALL, kept, strict=True):
            setattr(module, name, value)


class Outcome(NamedTuple):
    """What became of a seed. `error`: what the auditor found, or None."""

    seed: int
    error: str | None
    trace_hash: str
    counts: Counter[str]


class Simulation:
    """Build with a seed, then `run`."""

    def __init__(self, seed: int, core_class: type[ShardCore] = ShardCore, *, verbose: bool = False) -> None:
        self.scheduler = Scheduler(seed, verbose=verbose)
        r = self.scheduler.random
        self.faults = Faults(
            crash=r.choice((0, 0.0005, 0.003)),
            lost=r.choice((0, 0.02, 0.15)),
            repeated=r.choice((0, 0.05, 0.2)),
            slow=r.choice((0, 0.05, 0.3)),
            zombie=r.choice((0.1, 0.5)),
            scorer=r.choice((0, 0.05, 0.3)),
            takeover_every_ms=r.choice((0, 1_000, 4_000)),
            pause_every_ms=r.choice((0, 1_500)),
            clock_every_ms=r.choice((0, 0, 2_500)),
            outage_every_ms=r.choice((0, 4_000)),
        )
        database_faults = DatabaseFaults(
            unavailable=r.choice((0, 0.05)), unknown=r.choice((0, 0.05, 0.2)), slow=r.choice((0, 0.1))
        )
        shards = r.choice((2, 2, 3, 4))
        save_every = r.choice((None, None, 40, 15))
        capacity = CROWDED if seed % 3 == 2 else CAPACITY
        self.switch = Switch(self.scheduler, shards, self.faults, database_faults, core_class, save_every, capacity)
        self.load = Load(self.switch, r.randint(*REQUESTS))
        self._restores = Random(f"restore {seed}")
        self._failovers = Random(f"failover {seed}")
        self._backed_up = self._restores.random() < (0.5 if save_every else 0.1)

    def run(self) -> None:
        """Raises when anything is untrue, contradicts itself, or does not end."""
        scheduler, auditor = self.scheduler, self.switch.auditor
        for shard in range(self.switch.shards):
            self.switch.start_process(shard)
            if scheduler.chance(0.3):
                scheduler.after(scheduler.delay(0, 150), self.switch.take_over, shard)
        scheduler.after(20, self.load.start)
        self._plan_faults()
        if self._backed_up:
            scheduler.after(self._restores.randint(*QUIET_FROM_MS), self._leave_some_alone)
        if self._failovers.random() < FAILS_OVER:
            scheduler.after(self._failovers.randint(*FAILS_OVER_FROM_MS), self._stand_by)
        while scheduler.now < START_MS + FAULTS_MS:
            scheduler.run_next()
            auditor.step()
        scheduler.note("healed")
        self.load.left = 0
        self.switch.heal()
        while not self._all_done():
            if scheduler.now > START_MS + FAULTS_MS + HEALED_MS:
                raise Untrue(f"after healing: {self._what_is_left()}")
            scheduler.run_next()
            auditor.step()
        auditor.quiesce([process.core.ledger for process in self.switch.current if process is not None])
        compare(self.switch, pages=scheduler.random.choice((1, 7, 1_000_000)))

    def _all_done(self) -> bool:
        if self.load.front_door.unfinished or self.load.credit.unfinished or self.switch.auditor.outstanding():
            return False
        heads = [len(journal) for journal in self.switch.database.journals]
        for shard, process in enumerate(self.switch.current):
            if process is None or not process.core.serving or process.deliveries:
                return False
            for sender, receiver in process.core.receivers.items():
                if receiver.cursor.block < heads[sender]:
                    return False
            if process.core.writer.durable_block != heads[shard] or process.core.writer.backlog:
                return False
        return True

    def _what_is_left(self) -> str:
        waiting = list(self.load.front_door.unfinished.values())
        if waiting:
            return f"{len(waiting)} requests have no final answer, the first is {waiting[0].body} on {waiting[0].shard}"
        if self.load.credit.unfinished:
            first = next(iter(self.load.credit.unfinished.values()))
            return f"{len(self.load.credit.unfinished)} credit requests have no final answer, the first is {first.body}"
        for process in self.switch.current:
            if process is not None and process.deliveries:
                return f"{process.name} has not answered {next(iter(process.deliveries.values())).question}"
        return self.switch.auditor.outstanding() or "a cursor has not reached its sender's head"

    # What goes wrong.

    def _leave_some_alone(self) -> None:
        """From before the backup to the restore: a shard that writes nothing meanwhile has a checkpoint that its own journal agrees with,
        and that has read on in the journals of others."""
        shards = range(self.switch.shards)
        self.load.front_door.left_alone.update(s for s in shards if self._restores.random() < 0.6)
        self.scheduler.after(BACKED_UP_AFTER_MS, self._back_up)

    def _back_up(self) -> None:
        """Everything is restored from this backup a while later, beside the checkpoints that were written since."""
        truth = self.switch.auditor.image()
        image = self.switch.database.image()
        self._open_wallets()
        after = self._restores.randint(*RESTORED_AFTER_MS)
        self.scheduler.after(after, self._restore, image, truth)

    def _restore(self, image: Image, truth: tuple[Model, set[int]]) -> None:
        self.scheduler.count("backups restored")
        self.scheduler.note("a backup is restored")
        self.scheduler.forget_all()
        self.switch.stop()
        self.switch.database.restore(image)
        self.switch.auditor.restore(truth)
        for shard in range(self.switch.shards):
            self.switch.start_process(shard)
        self.load.begin_again()
        self.scheduler.after(OPENED_AFTER_MS, self._open_wallets)
        self._plan_faults()

    def _open_wallets(self) -> None:
        """In some seeds wallets that what follows will take, and others after it."""
        if self.scheduler.seed % 10 == OPENINGS_OF_TEN:
            for shard in range(self.switch.shards):
                self.load.open_on(shard, 2)

    def _stand_by(self) -> None:
        """What a standby has, which takes over a while later."""
        truth, image = self.switch.auditor.image(), self.switch.database.image()
        self._open_wallets()
        self.scheduler.after(self._failovers.randint(*LAGS_MS), self._fail_over, image, truth)

    def _fail_over(self, image: Image, truth: tuple[Model, set[int]]) -> None:
        """The standby takes over while processes live; what was durable and answered since is lost."""
        self.scheduler.count("failovers")
        self.scheduler.count("failovers that lost commits", self.switch.database.lacks(image))
        self.scheduler.note("the database fails over")
        self.switch.auditor.step()
        self.switch.database.fail_over(image)
        self.switch.auditor.restore(truth)
        self.load.groups.begin_again()
        self.scheduler.after(OPENED_AFTER_MS, self._open_wallets)
        if not self.switch.healed and self._failovers.random() < 0.5:
            self.scheduler.after(self._failovers.randint(*FAILS_OVER_FROM_MS) // 2, self._stand_by)

    def _plan_faults(self) -> None:
        every = (
            (self.faults.takeover_every_ms, self._take_over),
            (self.faults.pause_every_ms, self._pause),
            (self.faults.clock_every_ms, self._jump),
            (self.faults.outage_every_ms, self._outage),
        )
        for mean, action in every:
            if mean:
                self.scheduler.after(self.scheduler.delay(mean // 4, 2 * mean), self._again, mean, action)

    def _again(self, mean: int, action: object) -> None:
        if self.switch.healed:
            return
        assert callable(action)
        action()
        self.scheduler.after(self.scheduler.delay(1, 2 * mean), self._again, mean, action)

    def _take_over(self) -> None:
        shard = self.scheduler.random.randrange(self.switch.shards)
        if len(self.switch.processes[shard]) < 4:
            self.switch.take_over(shard)

    def _process(self) -> Process | None:
        alive = [p for processes in self.switch.processes for p in processes if p.alive]
        return self.scheduler.random.choice(alive) if alive else None

    def _pause(self) -> None:
        process = self._process()
        if process is not None and process.paused_until < self.scheduler.now:
            self.scheduler.count("pauses")
            process.paused_until = self.scheduler.now + self.scheduler.delay(10, 3_000)
            if self.scheduler.chance(0.5):
                self.switch.take_over(process.shard)

    def _jump(self) -> None:
        """Set the database's clock, not before every shard has a time: a switch that never knew better believes it."""
        if all(self.switch.database.journals):
            self.scheduler.count("clock steps")
            self.switch.database.set_clock(self.scheduler.random.choice(STEPS_MS))
            self.scheduler.after(self.scheduler.delay(10, 6_000), self.switch.database.set_clock, 0)

    def _outage(self) -> None:
        self.scheduler.count("outages")
        self.switch.database.down_until = self.scheduler.now + self.scheduler.delay(100, 2_500)


def run_seed(seed: int, core_class: type[ShardCore] = ShardCore, *, verbose: bool = False) -> Outcome:
    """Run one seed; whatever is wrong, a crash of the code included, is its error."""
    simulation = Simulation(seed, core_class, verbose=verbose)
    error = None
    try:
        with small_bounds():
            simulation.run()
    except Untrue as found:
        error = str(found)
    except Exception as found:  # A bug that shows as a crash counts like one that the auditor finds.
        if verbose:
            raise
        error = f"{type(found).__name__}: {found}"
    finally:
        simulation.switch.end()
    scheduler = simulation.scheduler
    return Outcome(seed, error, scheduler.trace_hash, scheduler.counts)
