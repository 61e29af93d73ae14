"""Ways to break the core, each in one place. The simulation is worth what it catches: it must catch every one of these."""

from typing import Any, ClassVar

import numpy as np

from actors.journal.interface import ClockReading
from actors.ledger.book import M_RECORD_TIME, M_RINGS, local_row
from actors.ledger.holds import open_hold
from actors.ledger.ledger import Admitted, Applied, Ledger
from actors.records.addresses import block_of
from actors.records.blocks import OpenedBlocks, Writer, block_hash, header_of
from actors.records.layout import FLAG_CONTINUES, FLAG_LINKED, FLAG_REVIEW, RECORD, Kind
from actors.rpc.interface import ChainHead
from actors.shard import messages as m
from actors.shard.chain_heads import Heads
from actors.shard.channels import Arrival, Cursor, Receiver
from actors.shard.clock import NS_PER_MS, ShardClock
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.journal_writer import AppendUnit, JournalWriter
from actors.shard.refundable import RefundableRecords
from actors.shard.remote_wallets import RemoteWallets
from tests.sim.breakages_credit import CREDIT_BREAKAGES
from tests.sim.breakages_parts import PARTS
from tests.sim.breakages_small import SMALL_BREAKAGES


class _WithWriter(ShardCore):
    """A core with another journal writer."""

    writer_class: type[JournalWriter] = JournalWriter

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self.writer = self.writer_class(writer)


class _WithReceiver(ShardCore):
    """A core with other incoming channels."""

    receiver_class: type[Receiver] = Receiver

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self.receivers = {sender: self.receiver_class(sender, config.shard) for sender in self.receivers}


class AnswersBeforeTheCommit(_WithWriter):
    class writer_class(JournalWriter):
        def when_durable(self, release: Any) -> None:
            release()


class AnswersWithoutLookingWhoOwnsTheJournal(_WithWriter):
    class writer_class(JournalWriter):
        def when_durable(self, release: Any) -> None:
            if self.durable_block == self.sealed_block:
                release()
            else:
                super().when_durable(release)


class NamesOnlyWhatItKnowsToBeDurable(_WithWriter):
    """What is committed and not yet known to be was shown by events before; a statement must not lag behind them."""

    class writer_class(JournalWriter):
        def places(self, wallet: int, head: int, units: Any) -> list[int]:
            return [place for place in super().places(wallet, head, units) if block_of(place) <= self.durable_block]


class NamesOnlyItsNewestRecord(_WithWriter):
    class writer_class(JournalWriter):
        def places(self, wallet: int, head: int, units: Any) -> list[int]:
            return super().places(wallet, head, units)[:1]


class TellsOfRecordsThatItIsStillMaking(ShardCore):
    """As if heads read beside the core's work were those from before it."""

    def begin_concurrent(self) -> Heads:
        self._concurrent = self.heads_class(self.ledger, self.writer)
        return self._concurrent

    class heads_class(Heads):
        def read_during_batch(self, addresses: Any) -> list[ChainHead]:
            reported = super().read_during_batch(addresses)
            if reported is not None:
                return reported
            (address,) = addresses.tolist()
            row, head = self._row(address)
            return [ChainHead(self._number, int(self._book.wallets["currency"][row]), [head], self._successors)]


class _Whoever(int):
    """The number of every writer."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


class SpeaksInTheNameOfWhoeverOwnsTheJournal(ShardCore):
    """As if the front door did not look who wrote the newest block."""

    def _find_heads(self, message: m.FindHeads) -> None:
        super()._find_heads(message)
        for i, output in enumerate(self._out):
            if isinstance(output, m.Answer) and output.ref == message.ref:
                heads = [head._replace(writer=_Whoever()) for head in output.value]
                self._out[i] = m.Answer(ref=message.ref, value=heads)


class TakesAnothersBlockForItsOwn(_WithWriter):
    class writer_class(JournalWriter):
        def block_is(self, message: m.BlockIs) -> tuple[list[AppendUnit], list[m.Output]]:
            if message.data is not None and self._flight:
                mine = self._flight[0].blocks[0].data
                message = m.BlockIs(sequence=message.sequence, number=message.number, data=mine)
            return super().block_is(message)


class TakesAnotherHeadForItsOwn(_WithWriter):
    class writer_class(JournalWriter):
        def head_is(self, message: m.HeadIs) -> list[m.Output]:
            own = m.HeadIs(sequence=message.sequence, number=self.durable_block, hash=self.durable_hash)
            return super().head_is(own)


class TakesUnknownForStored(_WithWriter):
    class writer_class(JournalWriter):
        def stored(self, message: m.Stored) -> tuple[list[AppendUnit], list[m.Output]]:
            if message.outcome == "unknown":
                message = m.Stored(sequence=message.sequence, outcome="stored")
            return super().stored(message)


class WritesAgainUnderTheNextNumber(_WithWriter):
    class writer_class(JournalWriter):
        def block_is(self, message: m.BlockIs) -> tuple[list[AppendUnit], list[m.Output]]:
            known = message.data is not None and self._flight and header_of(message.data).writer == self.writer.number
            if not known or self.durable_block == 0:
                return super().block_is(message)
            assert message.data is not None
            records = [unit.records for unit in (*self._flight, *self._waiting)]
            self.start_at(message.number, block_hash(message.data))
            for part in records:
                self.seal(part, {}, 0)
            return [], self.next_operation()


class LosesWhoWaitsWhenAnOutcomeIsUnknown(_WithWriter):
    class writer_class(JournalWriter):
        def stored(self, message: m.Stored) -> tuple[list[AppendUnit], list[m.Output]]:
            if message.outcome == "unknown":
                self._waiters = []
            return super().stored(message)


class LosesWhatWaitsWhenThePushIsBusy(ShardCore):
    def _became_durable(self, units: list[Any], outputs: list[m.Output]) -> None:
        super()._became_durable(units, outputs)
        for box in self._sender._boxes.values():
            if box.busy:
                box.records, box.addresses, box.count = [], [], 0


class ForgetsItsCursorsInReplay(ShardCore):
    def replay(self, run: OpenedBlocks) -> None:
        super().replay(run)
        for sender in self.receivers:
            self._move(sender, Cursor(0, bytes(16)))


class ForgetsItsKeysInReplay(ShardCore):
    def replay(self, run: OpenedBlocks) -> None:
        super().replay(run)
        self.ledger.book = self.ledger.book._replace(keys=self.ledger._new_keys())


class DoesNotApplyWhatItReadsOn(ShardCore):
    def replay(self, run: OpenedBlocks) -> None:
        if self.writer._operation:
            self.writer.start_at(run.number, run.hash)
        else:
            super().replay(run)


class PushesWhatIsNotDurable(ShardCore):
    def _apply_batch(self, batch: Any, decisions: Any) -> None:
        super()._apply_batch(batch, decisions)
        for unit in self.writer._waiting:
            number, hash_ = unit.blocks[-1].number, unit.last_hash
            self._sender.add(unit.records, unit.addresses, number, hash_, self.ledger.book.owners)
        self._emit(self._sender.pushes(heads=False))


class AppliesAPushAgain(_WithReceiver):
    class receiver_class(Receiver):
        def pushed(self, legs: m.Legs, stamp: int) -> tuple[Arrival | None, list[m.Output]]:
            if self.stopped or legs.since > self.cursor.block or not len(legs.records):
                return super().pushed(legs, stamp)
            cursor = max(self.cursor, Cursor(legs.until, legs.until_hash[:16]))
            return Arrival(legs.records, legs.addresses, cursor), []


class BelievesItsCursors(_WithReceiver):
    """Whatever journal they speak of: after the restore of an older backup a checkpoint's are ahead of it."""

    def claims(self, cursors: Any) -> list[tuple[int, int, bytes]]:
        return []

    def _judged(self, receiver: Receiver, outputs: list[m.Output]) -> list[m.Output]:
        return outputs

    class receiver_class(Receiver):
        def pushed(self, legs: m.Legs, stamp: int) -> tuple[Arrival | None, list[m.Output]]:
            self.writer = legs.writer
            return super().pushed(legs, stamp)

        def read(self, stamp: int) -> list[m.Output]:
            self._doubted = None
            return super().read(stamp)


class SkipsAGap(_WithReceiver):
    class receiver_class(Receiver):
        def pushed(self, legs: m.Legs, stamp: int) -> tuple[Arrival | None, list[m.Output]]:
            if legs.since > self.cursor.block:
                self.cursor = Cursor(legs.since, legs.since_hash[:16])
            return super().pushed(legs, stamp)


class DropsAPageThatAPushOvertook(_WithReceiver):
    class receiver_class(Receiver):
        def page(self, page: m.Page, owners: Any, stamp: int) -> tuple[Arrival | None, list[m.Output]]:
            overtaken = bool(page.blocks) and page.blocks[0][0] <= self.cursor.block
            arrival, outputs = super().page(page, owners, stamp)
            if arrival is not None and overtaken:
                arrival = Arrival(np.zeros(0, RECORD), np.zeros(0, np.int64), arrival.cursor)
            return arrival, outputs


class AppliesABatchThatFellBackOnceMore(ShardCore):
    _fallen: Any = None

    def _fall_back(self) -> None:
        batch = self._scoring
        super()._fall_back()
        if batch is not None and self._scoring is not batch:
            self._fallen = batch

    def _scored(self, message: m.Scored) -> None:
        if self._fallen is not None and self._fallen.number == message.number:
            self._apply_batch(self._fallen, message.decisions)
        super()._scored(message)


class KeepsAProfileThatAChangeOvertook(ShardCore):
    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self._remote_wallets = self.part_class(config.shard)

    class part_class(RemoteWallets):
        def answered(self, message: m.Profiles, ledger: Ledger) -> Any:
            self._overtaken.clear()
            return super().answered(message, ledger)


class ForgetsToRenewProfiles(ShardCore):
    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self._remote_wallets = self.part_class(config.shard)

    class part_class(RemoteWallets):
        def changed(self, changes: Any, ledger: Ledger) -> Any:
            return super().changed(changes, ledger)[:0]


class LetsItsTimeGoBack(ShardCore):
    def handle(self, message: m.Message, now_ms: int) -> list[m.Output]:
        self._now = now_ms
        if self._scoring is None:
            self.ledger.book.meta[M_RECORD_TIME] = min(self.ledger.record_time, now_ms)
        return super().handle(message, now_ms)


class LetsItsTimeStandStillUnderLoad(ShardCore):
    def _admit(self, batch: Any) -> None:
        self.ledger.book.meta[M_RECORD_TIME] = min(self.ledger.record_time, self._batch_time)
        super()._admit(batch)

    _batch_time = 2**62

    def handle(self, message: m.Message, now_ms: int) -> list[m.Output]:
        if self._scoring is None:
            self._batch_time = max(self.ledger.record_time, now_ms)
        return super().handle(message, now_ms)


class IgnoresWhatARequestWaitsFor(ShardCore):
    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self._channels.read[:] = 2**43

    def _move(self, sender: int, cursor: Cursor) -> None:
        super()._move(sender, cursor)
        self._channels.read[:] = 2**43


class BelievesForEverThatAWalletDoesNotExist(ShardCore):
    def _profiles(self, message: m.Profiles) -> None:
        for_ever = m.Profiles(shard=message.shard, stamp=2**62, addresses=message.addresses, wallets=message.wallets)
        super()._profiles(for_ever)


class TrustsItsOwnClock(ShardCore):
    class clock_class(ShardClock):
        def read(self, reading: ClockReading, floor_ms: int) -> None:
            self.started = True

        def now_ms(self, elapsed_ns: int) -> int:
            return elapsed_ns // NS_PER_MS


class FollowsAStepOfTheClockAtOnce(ShardCore):
    class clock_class(ShardClock):
        def _steer(self, difference_ns: int, uncertain_ns: int) -> None:
            super()._steer(difference_ns, uncertain_ns)
            self._base_ns += self._goal_ns


class WritesNoCursorWithoutLegs(ShardCore):
    def _arrive(self, sender: int, arrival: Arrival | None) -> None:
        self._written[sender] = self.receivers[sender].cursor.block
        super()._arrive(sender, arrival)


class UsesASegmentAgain(ShardCore):
    def _opened(self) -> None:
        spare = list(self._segments._spare)
        super()._opened()
        self._segments._spare = spare


class OpensWalletsWhereSomeWereLost(ShardCore):
    def _opened(self) -> None:
        self._segments._closed = frozenset()
        super()._opened()


class _WithApplying(ShardCore):
    """A core whose ledger applies batches, and expires holds, in another way."""

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self._whole, self._whole_expire = ledger.apply, ledger.expire
        ledger.apply = self.apply  # type: ignore[method-assign]
        ledger.expire = self.expire  # type: ignore[method-assign]

    def apply(self, admitted: Admitted, decisions: Any, first: int) -> Applied:
        return self._whole(admitted, decisions, first)

    def expire(self, first: int) -> Any:
        return self._whole_expire(first)


class CapturesADeadHold(_WithApplying):
    def _expire_holds(self) -> None:
        if not self._intake.rows:
            super()._expire_holds()

    def apply(self, admitted: Admitted, decisions: Any, first: int) -> Applied:
        holds = self.ledger.book.holds.rows
        kept = holds[["address", "expiry"]].copy()
        holds["expiry"] += 60_000
        applied = self._whole(admitted, decisions, first)
        same = holds["address"] == kept["address"]
        holds["expiry"][same] = kept["expiry"][same]
        return applied


class ApprovesAfterTheExpiry(_WithApplying):
    def _expire_holds(self) -> None:
        if not self._intake.rows:
            super()._expire_holds()

    def apply(self, admitted: Admitted, decisions: Any, first: int) -> Applied:
        holds = self.ledger.book.holds.rows
        kept = holds[["address", "expiry"]].copy()
        late = (holds["review"] != 0) & (holds["address"] != 0)
        holds["expiry"][late] += 60_000
        applied = self._whole(admitted, decisions, first)
        same = late & (holds["address"] == kept["address"]) & (holds["review"] != 0)
        holds["expiry"][same] = kept["expiry"][same]
        return applied


class LeavesACaseOpenThatWasApproved(_WithApplying):
    def apply(self, admitted: Admitted, decisions: Any, first: int) -> Applied:
        book = self.ledger.book
        before = book.holds.rows[book.holds.rows["review"] != 0].copy()
        applied = self._whole(admitted, decisions, first)
        done = applied.records[(applied.records["kind"] == Kind.CAPTURE) & (applied.records["code"] == 0)]
        for hold in before[np.isin(before["address"], done["reference"])]:
            record = np.zeros(1, RECORD)
            for name in ("payer", "payee", "expiry", "effective_time", "currency", "label"):
                record[name] = hold[name]
            record["amount"], record["flags"] = hold["left"], FLAG_REVIEW
            open_hold(book.holds, record[0], hold["address"])
        return applied


class ForgetsWhatIsInReviewAfterAStart(ShardCore):
    def _opened(self) -> None:
        super()._opened()
        self.ledger.book.holds.rows["review"] = 0


class CapturesAnApprovedHold(_WithApplying):
    """Of a hold that is approved not the review ends but the hold."""

    def apply(self, admitted: Admitted, decisions: Any, first: int) -> Applied:
        self.ledger.book.holds.kept[:] = 0
        return self._whole(admitted, decisions, first)


class ReleasesAVoidedHoldTwice(_WithApplying):
    def apply(self, admitted: Admitted, decisions: Any, first: int) -> Applied:
        applied = self._whole(admitted, decisions, first)
        for record in applied.records[applied.records["kind"] == Kind.VOID]:
            row = int(local_row(self.ledger.book, int(record["payer"])))
            self.ledger.book.wallets["held"][row] -= record["amount"]
        return applied


class DoesNotGiveBackTheDayOfAnExpiredHold(_WithApplying):
    def expire(self, first: int) -> Any:
        book = self.ledger.book
        rows = [int(local_row(book, int(payer))) for payer in np.unique(book.holds.rows["payer"]) if payer]
        totals = book.wallets["day_total"][rows]
        records = self._whole_expire(first)
        book.wallets["day_total"][rows] = totals
        return records


class AppliesHalfAGroup(_WithApplying):
    def apply(self, admitted: Admitted, decisions: Any, first: int) -> Applied:
        linked = admitted.rows["flags"] & FLAG_LINKED
        admitted.rows["flags"] &= np.uint8(255 - FLAG_LINKED)
        applied = self._whole(admitted, decisions, first)
        admitted.rows["flags"] |= linked
        for record, source in zip(applied.records, applied.sources, strict=True):
            record["flags"] |= linked[source]
            if source and linked[source - 1]:
                record["flags"] |= FLAG_CONTINUES
            applied.results["flags"][source] = record["flags"]
        return applied


class RepeatsAGroupInPart(ShardCore):
    def _answer(self, batch: Any) -> None:
        batch.repeat_as_a_whole = lambda: None
        super()._answer(batch)


class ForgetsToExpireAfterAStart(ShardCore):
    def _opened(self) -> None:
        super()._opened()
        self.ledger.book.holds.filled[:] = 0


class ForgetsToExpireAfterACheckpoint(ShardCore):
    def resume_at(self, block: int, hash_: bytes, cursors: dict[int, Cursor]) -> None:
        super().resume_at(block, hash_, cursors)
        self.ledger.book.holds.filled[:] = 0


class _WithOriginals(ShardCore):
    """A core that learns of refundable records in another way."""

    part_class: type[RefundableRecords] = RefundableRecords

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self._originals = self.part_class()


class ForgetsRefundsThatAreNotDurable(_WithOriginals):
    class part_class(RefundableRecords):
        def answered(self, message: m.Originals, ledger: Ledger, durable: int) -> None:
            super().answered(message, ledger, 2**62)


class ReadsOriginalsAndNotTheirRefunds(ShardCore):
    def _originals_read(self, message: m.Originals) -> None:
        message.originals["refunded"] = 0
        super()._originals_read(message)


class _Stripped(JournalWriter):
    """Blocks leave without something."""

    without: ClassVar[dict[str, Any]] = {}

    def seal(self, records: Any, details: dict[int, bytes], seen: int, controls: int = 0) -> AppendUnit:
        unit = super().seal(records, details, seen, controls)
        unit.blocks[:] = [block._replace(**self.without) for block in unit.blocks]
        return unit


class LeavesAnchorsOutOfTheTransaction(_WithWriter):
    class writer_class(_Stripped):
        without: ClassVar[dict[str, Any]] = {"anchors": ()}


class LeavesLateRecordsOutOfTheTransaction(_WithWriter):
    class writer_class(_Stripped):
        without: ClassVar[dict[str, Any]] = {"late": ()}


class LeavesCasesOutOfTheTransaction(_WithWriter):
    class writer_class(_Stripped):
        without: ClassVar[dict[str, Any]] = {"reviews": ()}


class LeavesReferencesOutOfTheTransaction(_WithWriter):
    class writer_class(_Stripped):
        without: ClassVar[dict[str, Any]] = {"references": ()}


class SaysThatFeaturesSawWhatLandedMeanwhile(ShardCore):
    def _apply_batch(self, batch: Any, decisions: Any) -> None:
        batch.seen = self.writer.next_address - 1
        super()._apply_batch(batch, decisions)


class ForgetsAttemptsAfterACheckpoint(ShardCore):
    def resume_at(self, block: int, hash_: bytes, cursors: dict[int, Cursor]) -> None:
        self.ledger.book.rings["count"] = 0
        super().resume_at(block, hash_, cursors)


class FreesAPayerWhomWindowsStillSee(ShardCore):
    """When the table of payers is full, whoever is first gives up its memory, and nothing says so."""

    def _admit(self, batch: Any) -> None:
        book = self.ledger.book
        if book.meta[M_RINGS] == len(book.rings):
            book.wallets["ring"][book.wallets["ring"] == 1] = 0
        super()._admit(batch)


BREAKAGES: tuple[type[ShardCore], ...] = (
    AnswersBeforeTheCommit,
    AnswersWithoutLookingWhoOwnsTheJournal,
    NamesOnlyWhatItKnowsToBeDurable,
    NamesOnlyItsNewestRecord,
    TellsOfRecordsThatItIsStillMaking,
    SpeaksInTheNameOfWhoeverOwnsTheJournal,
    TakesAnothersBlockForItsOwn,
    TakesAnotherHeadForItsOwn,
    TakesUnknownForStored,
    WritesAgainUnderTheNextNumber,
    LosesWhoWaitsWhenAnOutcomeIsUnknown,
    LosesWhatWaitsWhenThePushIsBusy,
    ForgetsItsCursorsInReplay,
    ForgetsItsKeysInReplay,
    DoesNotApplyWhatItReadsOn,
    PushesWhatIsNotDurable,
    AppliesAPushAgain,
    BelievesItsCursors,
    SkipsAGap,
    DropsAPageThatAPushOvertook,
    AppliesABatchThatFellBackOnceMore,
    KeepsAProfileThatAChangeOvertook,
    ForgetsToRenewProfiles,
    LetsItsTimeGoBack,
    LetsItsTimeStandStillUnderLoad,
    IgnoresWhatARequestWaitsFor,
    BelievesForEverThatAWalletDoesNotExist,
    TrustsItsOwnClock,
    FollowsAStepOfTheClockAtOnce,
    WritesNoCursorWithoutLegs,
    OpensWalletsWhereSomeWereLost,
    UsesASegmentAgain,
    CapturesADeadHold,
    ApprovesAfterTheExpiry,
    LeavesACaseOpenThatWasApproved,
    ForgetsWhatIsInReviewAfterAStart,
    CapturesAnApprovedHold,
    ReleasesAVoidedHoldTwice,
    DoesNotGiveBackTheDayOfAnExpiredHold,
    AppliesHalfAGroup,
    RepeatsAGroupInPart,
    ForgetsToExpireAfterAStart,
    ForgetsToExpireAfterACheckpoint,
    ForgetsRefundsThatAreNotDurable,
    FreesAPayerWhomWindowsStillSee,
    ReadsOriginalsAndNotTheirRefunds,
    LeavesAnchorsOutOfTheTransaction,
    LeavesReferencesOutOfTheTransaction,
    LeavesCasesOutOfTheTransaction,
    LeavesLateRecordsOutOfTheTransaction,
    SaysThatFeaturesSawWhatLandedMeanwhile,
    ForgetsAttemptsAfterACheckpoint,
    *PARTS,
    *CREDIT_BREAKAGES,
    *SMALL_BREAKAGES,
)
