"""What a shard does between messages: a sans-I/O core.

Messages and a time go in, messages come out, nothing waits.

Laws. No answer before the commit of all that it rests on, shown by an operation on the journal begun after the request arrived. One
batch at a time is between its features and its records; legs may land meanwhile, and record time stands still so that records
stay in order of time. A block, once sealed, goes to the journal with the same bytes or not at all.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import numpy as np

from actors.ledger.admission import T_DEFERRED, T_DUPLICATES, Channels
from actors.ledger.arrays import Arrays, InMemorySnapshot
from actors.ledger.holds import holds_open
from actors.ledger.ledger import Ledger
from actors.records.addresses import address_after, record_address, segment_of, shard_of
from actors.records.blocks import Chain, OpenedBlocks, Writer
from actors.records.codes import Code
from actors.records.ids import bound_key
from actors.records.layout import (
    ATTEMPTS,
    MOVEMENTS,
    READ_UP_TO,
    RECORD,
    RESULT,
    SENDER,
    TOPOLOGY,
    WRITER,
    Kind,
    Requests,
)
from actors.records.survey import OPENINGS
from actors.shard import messages as m
from actors.shard.admin_log import RepeatedLog
from actors.shard.batch import Batch
from actors.shard.chain_heads import Heads
from actors.shard.channels import Arrival, Cursor, Receiver, Sender, cursor_of, fill_cursor, fill_legs, rests_on
from actors.shard.config import ShardConfig
from actors.shard.credit import CreditRequests
from actors.shard.fills import Fill, FillWatch
from actors.shard.intake import Intake, untried_payers
from actors.shard.journal_writer import JournalWriter
from actors.shard.pace import Pace
from actors.shard.preview import Preview
from actors.shard.recall import recalled
from actors.shard.refundable import RefundableRecords
from actors.shard.remote_wallets import RemoteWallets
from actors.shard.repeats import RepeatAnswers
from actors.shard.scores import ScorePublication
from actors.shard.segments import OwnSegments
from rules.decisions.decision import Action, Decisions
from rules.decisions.pack import fallback_decisions

BACKLOG_RECORDS_MAX: Final = 131_072
"""Records applied and not durable; beyond it no batch is begun."""
BATCHES_AT_ONCE: Final = 8
"""Of batches that leave nothing to wait for, as repeats do: so many, some 4 ms if they are small, then others have their turn."""
HEADS_EVERY_MS: Final = 1_000
CURSOR_BLOCKS_MAX: Final = 4_096
"""A cursor that moved this far without legs is written down all the same, so that a restart need not read it all again."""

_DEFERRED: Final = int(Code.DEFERRED)


class ShardCore:
    """One shard. Feed `handle`; perform what it gives."""

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        self.config = config
        self.ledger = ledger
        self.writer = JournalWriter(writer)
        self.serving = False
        self.dead = False
        self.clock_off_ms = 0
        self.timeline = 0
        self.tables = FillWatch()
        self.fallbacks = 0
        self._fallback = config.fallback
        self.keep: Callable[[Arrays], Any] = InMemorySnapshot
        self.receivers = {s: Receiver(s, config.shard) for s in range(config.shards) if s != config.shard}
        self._sender = Sender(config.shard, config.shards, writer.number, 0, b"")
        self._remote_wallets = RemoteWallets(config.shard)
        self._originals = RefundableRecords()
        self._channels = Channels(np.zeros(config.shards, np.int64), np.zeros(config.shards, np.int64))
        self._intake = Intake()
        self._pace = Pace()
        self._scoring: Batch | None = None
        self._repeats = RepeatAnswers()
        self._credit = CreditRequests(self, self._channels, self._emit, self._fetch_payees)
        self._scores = ScorePublication(self, self._emit)
        self._after_batch: list[m.FindKey | m.TryOut | m.Recall] = []
        self._batches = 0
        self._stamp = 0
        self._heads_at = 0
        self._concurrent: Heads | None = None
        self._paused = False
        self._segments = OwnSegments(ledger, config.shard)
        self._unsaved_records = 0
        self._written = dict.fromkeys(self.receivers, 0)
        self._recorded = dict.fromkeys(self.receivers, 0)
        self._log = RepeatedLog(self)
        self._now = 0
        self._timed = False
        self._out: list[m.Output] = []
        self._handlers = self._all_handlers()

    def _all_handlers(self) -> dict[type, Callable[[Any], None]]:
        return {
            m.Submit: self._submit,
            m.Read: self._read,
            m.Credit: self._credit.offer,
            m.ReadCredit: self._credit.read,
            m.Publish: self._scores.offer,
            m.FindHeads: self._find_heads,
            m.FindKey: self._find_key,
            m.TryOut: self._try_out,
            m.Recall: self._recall,
            m.Scored: self._scored,
            m.FallbackIs: self._fallback_is,
            m.Stored: self._stored,
            m.BlockIs: self._block_is,
            m.HeadIs: lambda message: self._emit(self.writer.head_is(message)),
            m.Recovered: self._recovered,
            m.Legs: self._legs,
            m.Page: self._page,
            m.PageFailed: lambda message: self.receivers[message.sender].failed(),
            m.Profiles: self._profiles,
            m.Pushed: self._pushed,
            m.RecordsRead: self._records_read,
            m.Originals: self._originals_read,
            m.Segments: self._segments.read,
            m.AdminLogIs: self._log.newest,
            m.Clock: self._clock,
            m.Tick: self._tick,
            m.SaveNow: self._save_now,
            m.GoOn: self._go_on,
            m.Rested: self._scores.rested,
        }

    @property
    def queued_rows(self) -> int:
        """Rows that wait for a batch."""
        return self._intake.rows

    @property
    def refs_in_scoring(self) -> list[int]:
        """The submits whose rows wait for decisions now."""
        return [] if self._scoring is None else [part.asked.ref for part in self._scoring.parts]

    def rows_at_hand(self, message: m.Message) -> int:
        """How many rows the next message may set in motion."""
        rows = len(message.rows) if isinstance(message, m.Submit) else 0
        rows += self._repeats.page_rows if isinstance(message, m.RecordsRead) else 0
        return self._intake.batch_rows(rows, self._now) + (0 if self._scoring is None else len(self._scoring.rows))

    @property
    def ready(self) -> bool:
        """Whether this shard takes payments."""
        return self.serving and not self.dead and self._timed

    def begin_concurrent(self) -> Heads:
        """Chain heads as they can be read while the next call of this core runs in another thread."""
        self._concurrent = Heads(self.ledger, self.writer)
        return self._concurrent

    def end_concurrent(self) -> None:
        """That call has ended."""
        self._concurrent = None

    def handle(self, message: m.Message, now_ms: int) -> list[m.Output]:
        """Take one message at a time of a ShardClock, milliseconds. Gives what is to be performed, in order."""
        if self.dead:
            return []
        self._now = max(self._now, now_ms)
        if self._scoring is None:
            self.ledger.advance(self._now)
        self._handlers[type(message)](message)
        if self.serving and not self.dead:
            self._save_when_due()
            self._expire_holds()
            self._credit_turn()
            self._begin_batch()
            self._append()
        outputs, self._out = self._out, []
        last_words: list[m.Output] = [output for output in outputs if isinstance(output, m.Halt)] if self.dead else []
        return last_words or outputs

    def _emit(self, outputs: list[m.Output]) -> None:
        self._out.extend(outputs)
        for output in outputs:
            if isinstance(output, m.Halt):
                self.dead = True
                self.serving = False

    # Recovery and opening.

    def replay(self, run: OpenedBlocks) -> None:
        """Replay what follows in this shard's journal. Raises ValueError when a record contradicts the ones before."""
        assert not self.serving
        records = run.records
        good = self.ledger.replay(records, run.addresses)
        if good < len(records):
            address = int(run.addresses[good])
            raise ValueError(f"shard {self.config.shard}: {self.ledger.why_not(address)}")
        for cursor in self._log.others(records):
            sender, block = int(cursor[SENDER]), int(cursor[READ_UP_TO])
            self._move(sender, cursor_of(cursor))
            self._written[sender] = self._recorded[sender] = block
        self.writer.start_at(run.number, run.hash)
        self._unsaved_records += len(records)

    def chain(self) -> Chain:
        """Reads this shard's journal on from where it was replayed to."""
        return Chain(self.config.shard, self.writer.durable_block, self.writer.durable_hash)

    def claims(self, cursors: Mapping[int, tuple[int, bytes]]) -> list[tuple[int, int, bytes]]:
        """As `rests_on`: what a checkpoint with these cursors takes for granted of other shards' journals."""
        return rests_on(cursors)

    def resume_at(self, block: int, hash_: bytes, cursors: dict[int, Cursor]) -> None:
        """The ledger was restored from a checkpoint taken at this block."""
        self.writer.start_at(block, hash_)
        for sender, cursor in cursors.items():
            self._move(sender, cursor)
            self._written[sender] = cursor.block

    def _recovered(self, _: m.Recovered) -> None:
        records = np.zeros(1, RECORD)
        records["kind"] = Kind.OPEN
        records[TOPOLOGY] = self.writer.writer.topology
        records[WRITER] = self.writer.writer.number
        records["record_time"] = self.ledger.record_time
        records["effective_time"] = self.ledger.record_time
        self.writer.seal(records, {}, 0)
        self._emit(self.writer.next_operation())

    def _opened(self) -> None:
        self.serving = True
        self._emit(self._segments.opened())
        self._stamp = self.ledger.record_time
        self._credit.opened()
        opened, hash_ = self.writer.durable_block, self.writer.durable_hash
        writer = self.writer.writer.number
        self._sender = Sender(self.config.shard, self.config.shards, writer, opened, hash_, self.timeline)
        self._emit(self._sender.pushes(heads=True))
        self._heads_at = self._now
        self._look_at_tables()
        self._read_others()

    # The journal.

    def _append(self) -> None:
        outputs = self.writer.next_operation()
        if any(isinstance(output, m.Append) for output in outputs):
            self._pace.began(self.writer.flight_bytes, self._now)
            if self._scores.has_work:
                self._pause()  # the next part is made while this one is stored
        self._emit(outputs)

    def _stored(self, message: m.Stored) -> None:
        if message.outcome == "stored":
            self._pace.ended(self._now)
        else:
            self._pace.began(0, self._now)
        self._became_durable(*self.writer.stored(message))

    def _block_is(self, message: m.BlockIs) -> None:
        units, outputs = self.writer.block_is(message)
        if not self.serving and any(isinstance(o, m.Halt) for o in outputs):
            self.writer.start_at(self.writer.durable_block, self.writer.durable_hash)
            outputs = [m.ReadOn(first=self.writer.durable_block + 1)]
        self._became_durable(units, outputs)

    def _became_durable(self, units: list[Any], outputs: list[m.Output]) -> None:
        self._emit(outputs)
        if units and not self.serving:
            self._opened()
            return
        for unit in units:
            self._unsaved_records += len(unit.records)
            if self.receivers:
                number, owners = unit.blocks[-1].number, self.ledger.book.owners
                self._sender.add(unit.records, unit.addresses, number, unit.last_hash, owners)
        if units:
            self._emit(self._sender.pushes(heads=False))

    # Requests.

    def _submit(self, message: m.Submit) -> None:
        self._scores.paid(self._now)
        if not self.ready or not self._intake.offer(message, self._now):
            results = np.zeros(len(message.rows), RESULT)
            results["code"] = Code.BUSY
            self._emit([m.Answer(ref=message.ref, value=results)])

    def _begin_batch(self) -> None:
        begun = 0
        while self._intake.rows and self._scoring is None and self._may_begin():
            if begun == BATCHES_AT_ONCE or self._answers_go_first():
                self._pause()
                return
            parts = self._intake.take(self._pace.bytes_max, self.writer.backlog_bytes, self._now)
            if not parts:
                return
            begun += 1
            self.ledger.advance(self._now)
            self._admit(Batch(self._batches, parts, self._next_stamp()))

    def _answers_go_first(self) -> bool:
        """Answers leave before a slice of a large request is begun, which others may wait for."""
        may_wait = self._intake.is_shared(self._now) and self._intake.has_large
        return may_wait and any(isinstance(output, m.Answer) for output in self._out)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._emit([m.Pause()])

    def _go_on(self, _: m.GoOn) -> None:
        self._paused = False

    def _may_begin(self) -> bool:
        """Not with too much undurable, nor while a checkpoint waits for what is applied to become durable."""
        if self.writer.backlog_bytes >= self._pace.backlog_max:
            return False
        return self.writer.backlog < (1 if self._save_is_due() else BACKLOG_RECORDS_MAX)

    def _expire_holds(self) -> None:
        """Before a batch is admitted at this record time, and never between its admission and its records."""
        if self._scoring is None and holds_open(self.ledger.book.holds) and self._may_begin():
            records = self.ledger.expire(self.writer.next_address)
            if len(records):
                self.writer.seal(records, {}, 0)

    def _save_is_due(self) -> bool:
        """While it is, nothing is begun or taken in from others, which would put it off for as long as they send."""
        every = self.config.save_every_records
        return every is not None and self._unsaved_records >= every

    def _save_when_due(self) -> None:
        if not self._save_is_due() or self._scoring is not None or self.writer.backlog:
            return
        self._unsaved_records = 0
        save = m.Save(
            block=self.writer.durable_block,
            hash=self.writer.durable_hash,
            cursors={sender: (r.cursor.block, r.cursor.hash) for sender, r in self.receivers.items()},
            keys_since_ms=self.ledger.keys_since_ms,
            arrays=self.ledger.snapshot(self.keep),
        )
        self._emit([save])
        self._read_others()

    def _save_now(self, _: m.SaveNow) -> None:
        self._unsaved_records = max(self._unsaved_records, self.config.save_every_records or 0)

    def _next_stamp(self) -> int:
        self._stamp = max(self._stamp + 1, self.ledger.record_time)
        return self._stamp

    def _admit(self, batch: Batch) -> None:
        self._batches += 1
        if batch.found & OPENINGS:
            self._emit(self._segments.make_room())
        head = self.writer.next_address - 1
        admission = self.ledger.admit(batch.rows, self._channels, head, untried_payers(batch.parts))
        for part in batch.parts:
            part.asked.behind = admission.behind
        admitted = self.ledger.going_on(batch.rows, admission)
        batch.admitted, batch.seen = admitted, head
        if len(admitted.rows) < len(batch.rows):
            batch.results["code"] = admission.code
            if admission.tally[T_DUPLICATES]:
                batch.duplicates = admission.duplicate
            if admission.tally[T_DEFERRED]:
                self._request_missing(batch)
        if self.config.scored and admitted.attempts:
            columns = self.ledger.columns(admitted)
            batch.deadline = self._now + self.config.score_timeout_ms
            self._scoring = batch
            self._emit([m.Score(number=batch.number, payers=admitted.rows["payer"], columns=columns)])
        else:
            self._apply_batch(batch, None)

    def _request_missing(self, batch: Batch) -> None:
        deferred = np.flatnonzero(batch.results["code"] == _DEFERRED)
        rows = batch.rows[deferred]
        batch.results["record_time"][deferred] = batch.stamp
        self._fetch_payees(rows, batch.stamp)
        for sender in {shard_of(int(after)) for after in rows["after"] if after}:
            if sender in self.receivers:
                self._emit(self.receivers[sender].read(batch.stamp))
        targets = np.unique(rows["after"][rows["op"] == Kind.REFUND])
        if len(targets):
            self._emit(self._originals.want(targets, self.ledger, batch.stamp))

    def _fetch_payees(self, rows: Requests, stamp: int) -> None:
        payees = np.unique(rows["payee"][np.isin(rows["op"], ATTEMPTS)])
        self._emit(self._remote_wallets.want(payees, self.ledger, stamp))
        owners, segments = self.ledger.book.owners, segment_of(rows["payee"])
        if (owners[segments[(segments > 0) & (segments < len(owners))]] == 0).any():
            self._emit([m.ReadSegments(stamp=stamp)])

    def _originals_read(self, message: m.Originals) -> None:
        durable = record_address(self.config.shard, self.writer.durable_block + 1, 0)
        self._originals.answered(message, self.ledger, durable)

    def _fallback_is(self, message: m.FallbackIs) -> None:
        """What the database says holds, an earlier deployment too: a standby that is behind may have taken over."""
        self._fallback = message.fallback

    def _scored(self, message: m.Scored) -> None:
        if message.fallback is not None and message.fallback.revision > self._fallback.revision:
            self._fallback = message.fallback  # scorers change over one after the other, and one may not have yet
        batch = self._scoring
        if batch is None or message.number != batch.number or batch.admitted is None:
            return
        assert len(message.decisions) == len(batch.admitted.rows)
        self._scoring = None
        self._apply_batch(batch, message.decisions)

    def _fall_back(self) -> None:
        batch = self._scoring
        if batch is None or batch.admitted is None or self._now < batch.deadline:
            return
        count = len(batch.admitted.rows)
        self.fallbacks += count
        self._scoring = None
        action, pack, _ = self._fallback
        self._apply_batch(batch, fallback_decisions(count, action=Action(action), number=pack))

    def _apply_batch(self, batch: Batch, decisions: Decisions | None) -> None:
        admitted = batch.admitted
        assert admitted is not None
        if self._concurrent is not None:
            self._concurrent.keep(admitted)
        applied = self.ledger.apply(admitted, decisions, self.writer.next_address)
        if len(admitted.rows) == len(batch.rows):
            batch.results = applied.results
        else:
            batch.results[admitted.places] = applied.results
        if applied.repeated:
            repeating = np.flatnonzero(applied.results["address"] < 0)
            batch.repeat(admitted.places[repeating], -applied.results["address"][repeating])
        if applied.deferred:
            late = applied.results["code"] == _DEFERRED
            batch.results["record_time"][admitted.places[late]] = batch.stamp
        if len(applied.records):
            controls = int(decisions["controls"][0]) if decisions is not None and len(decisions) else 0
            self.writer.seal(applied.records, batch.details_of(admitted, applied), batch.seen, controls)
        batch.applied()
        self._emit(self._repeats.take(batch, self.ledger, self.writer))
        self.writer.when_durable(lambda: self._batch_durable(batch))
        waiting, self._after_batch = self._after_batch, []
        for message in waiting:
            self._handlers[type(message)](message)

    # Keys used before.

    def _records_read(self, message: m.RecordsRead) -> None:
        batches, outputs = self._repeats.read(message)
        self._emit(outputs)
        for batch in batches:
            self._answer(batch)

    def _batch_durable(self, batch: Batch) -> None:
        batch.durable = True
        self._answer(batch)

    def _answer(self, batch: Batch) -> None:
        if batch.durable:
            self._emit(batch.answers())

    # Reads.

    def _read(self, message: m.Read) -> None:
        if not self.serving:
            return
        rows = self.ledger.wallets(message.addresses)
        self.writer.when_durable(lambda: self._emit([m.Answer(ref=message.ref, value=rows)]))

    def _credit_turn(self) -> None:
        """Between batches, as holds expire."""
        has_work = self._credit.has_work or self._scores.has_work
        if has_work and self._scoring is None and self._may_begin():
            more = self._credit.turn()
            if self._scores.turn(self._now) or more:
                self._pause()

    def _find_heads(self, message: m.FindHeads) -> None:
        """Waits for nothing: whoever asks looks into the journal, and there sees what is durable and who owns it."""
        if not self.serving:
            return
        self._emit([m.Answer(ref=message.ref, value=Heads(self.ledger, self.writer).read(message.addresses))])

    def _find_key(self, message: m.FindKey) -> None:
        if not self.serving:
            return
        key = bound_key(self.ledger.secret, message.caller, message.home, message.key)
        address = self.ledger.key_address(*key)
        if address < 0:
            self._after_batch.append(message)
            return
        self.writer.when_durable(lambda: self._emit([m.Answer(ref=message.ref, value=address)]))

    def _try_out(self, message: m.TryOut) -> None:
        if self._scoring is not None:
            self._after_batch.append(message)
        elif self.serving:
            preview = Preview(self.ledger, message.row, self._channels, self.writer.next_address)
            if preview.code == Code.DEFERRED:
                self._fetch_payees(message.row, self._next_stamp())
            value = preview if preview.code == Code.OK else preview.refused(self._stamp)
            self.writer.when_durable(lambda: self._emit([m.Answer(ref=message.ref, value=value)]))

    def _recall(self, message: m.Recall) -> None:
        if self._scoring is not None:
            self._after_batch.append(message)
        elif self.serving:
            found = recalled(self.ledger.book, message.wallet) if self.config.scored else None
            self.writer.when_durable(lambda: self._emit([m.Answer(ref=message.ref, value=found)]))

    # Other shards.

    def _legs(self, message: m.Legs) -> None:
        """What was durable on another timeline of the database may not be there any more; its sender ends as soon as it notices."""
        receiver = self.receivers.get(message.sender)
        if receiver is None or not self.serving or message.timeline != self.timeline or self._save_is_due():
            return
        arrival, outputs = receiver.pushed(message, self._next_stamp())
        self._emit(self._judged(receiver, outputs))
        self._arrive(message.sender, arrival)

    def _page(self, message: m.Page) -> None:
        receiver = self.receivers[message.sender]
        if self._save_is_due():
            receiver.failed()
            return
        arrival, outputs = receiver.page(message, self.ledger.book.owners, self._next_stamp())
        self._emit(self._judged(receiver, outputs))
        self._arrive(message.sender, arrival)
        if message.end and not receiver.stopped:
            self._channels.asked[message.sender] = max(self._channels.asked[message.sender], message.stamp)

    def _judged(self, receiver: Receiver, outputs: list[m.Output]) -> list[m.Output]:
        """A cursor contradicts the sender's journal. One that is in memory only is wrong together with all else that was read since, and
        recovery reads it anew; one in this shard's own journal stops the channel, loudly, until a person has looked."""
        if receiver.stopped and receiver.cursor.block > self._recorded[receiver.sender]:
            text = f"what memory says of shard {receiver.sender}'s journal up to block {receiver.cursor.block} is not in it"
            return [m.Halt(reason=text)]
        return outputs

    def _read_others(self) -> None:
        """What they sent may have been passed over: their journals have it."""
        for receiver in self.receivers.values():
            self._emit(receiver.read(self._next_stamp()))

    def _arrive(self, sender: int, arrival: Arrival | None) -> None:
        if arrival is None:
            return
        far = arrival.cursor.block - self._written[sender] >= CURSOR_BLOCKS_MAX
        self._move(sender, arrival.cursor)
        legs = np.isin(arrival.records["kind"], MOVEMENTS)
        changes = self._remote_wallets.changed(arrival.records[~legs], self.ledger)
        count = int(np.count_nonzero(legs))
        if not count and not len(changes) and not far:
            return
        records = np.zeros(count + len(changes) + 1, RECORD)
        fill_legs(records[:count], arrival.records[legs], arrival.addresses[legs])
        records[count:-1] = changes
        records[count:]["record_time"] = self.ledger.record_time
        fill_cursor(records[-1:], sender, arrival.cursor)
        self._written[sender] = self._recorded[sender] = arrival.cursor.block
        addresses = self.writer.next_address + address_after(0, np.arange(count, dtype=np.int64))
        self.ledger.apply_legs(records[:count], addresses)
        for i in range(count, len(records) - 1):
            self.ledger.learn(records[i])
        self.writer.seal(records, {}, 0)

    def _move(self, sender: int, cursor: Cursor) -> None:
        self.receivers[sender].cursor = cursor
        self._channels.read[sender] = cursor.block

    def _pushed(self, message: m.Pushed) -> None:
        self._sender.ended(message.shard)
        self._emit(self._sender.pushes(heads=False))

    def _profiles(self, message: m.Profiles) -> None:
        if self._save_is_due():
            message = msgspec.structs.replace(message, wallets=None)  # whoever needs them asks again
        records = self._remote_wallets.answered(message, self.ledger)
        records["record_time"] = self.ledger.record_time
        records = records[[self.ledger.learn(record) for record in records]]
        if len(records):
            self.writer.seal(records, {}, 0)

    # Segments, clock, time.

    def _clock(self, message: m.Clock) -> None:
        self._timed = True
        if message.off_ms and not self.clock_off_ms:
            text = f"the database's clock is {message.off_ms} ms away from ours: ours goes on and nears it by 1 %"
            self._emit([m.Alert(text=text)])
        self.clock_off_ms = message.off_ms

    def _look_at_tables(self) -> None:
        backlog = Fill(self.writer.backlog, BACKLOG_RECORDS_MAX)
        self._emit([*self.tables.look(self.ledger, queued_rows=self._intake.fill, backlog=backlog)])

    def _tick(self, _: m.Tick) -> None:
        self._fall_back()
        if self.serving and self._now - self._heads_at >= HEADS_EVERY_MS:
            self._heads_at = self._now
            self._emit(self._sender.pushes(heads=True))
            self._look_at_tables()
            self.writer.when_durable(lambda: None)  # An idle process, too, must notice that another has taken over.
