"""Breakages of one condition each, which mutation of the code found that no test and no seed had caught."""

from typing import Any

import msgspec
import numpy as np

from actors.ledger.arrays import InMemorySnapshot
from actors.ledger.book import NEVER
from actors.shard import messages as m
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.refundable import RefundableRecords
from switch.gateway.attempts import Attempts, RowAttempts


class _WithColumns(ShardCore):
    """A core whose ledger makes columns in another way."""

    def __init__(self, config: ShardConfig, ledger: Any, writer: Any) -> None:
        super().__init__(config, ledger, writer)
        self._whole_columns = ledger.columns
        ledger.columns = self.columns

    def columns(self, admitted: Any) -> Any:
        return self._whole_columns(admitted)


class CountsAPayeeAtTheEdgeOfAWindowTwice(_WithColumns):
    """An attempt just as old as the window is wide lies before it."""

    def columns(self, admitted: Any) -> Any:
        times = self.ledger.book.attempts["same_payee_time"]
        before = times.copy()
        times += 1
        columns = super().columns(admitted)
        same = times == before + 1
        times[same] = before[same]
        return columns


class TakesAPageForTheJournalsEnd(ShardCore):
    def _page(self, message: m.Page) -> None:
        super()._page(message)
        self._channels.asked[message.sender] = max(self._channels.asked[message.sender], message.stamp)


class DropsBothGenerationsOfKeys(ShardCore):
    def __init__(self, config: ShardConfig, ledger: Any, writer: Any) -> None:
        super().__init__(config, ledger, writer)
        self._whole_rotation = ledger._rotate_keys
        ledger._rotate_keys = self._rotate

    def _rotate(self) -> None:
        since = self.ledger.keys_since_ms
        self._whole_rotation()
        if self.ledger.keys_since_ms != since:
            self.ledger.book = self.ledger.book._replace(older_keys=self.ledger._new_keys())


class ForgetsALostAnswer(ShardCore):
    """Not the core but who asks it: what came back last is all that a request has seen."""

    class attempts_class(Attempts):
        __slots__ = ()

        def lost(self, *, not_sent: bool) -> None:
            super().lost(not_sent=True)


class ForgetsALostAnswerOfOneOfMany(ShardCore):
    """The same in a write queue's book of many rows."""

    class row_attempts_class(RowAttempts):
        __slots__ = ()

        def lost(self, rows: Any, *, not_sent: bool) -> None:
            super().lost(rows, not_sent=True)


class LetsAnUntriedRowSayThatNothingHappened(ShardCore):
    """Though an answer to it was lost before."""

    class row_attempts_class(RowAttempts):
        __slots__ = ()

        def answered(self, rows: Any, answer: Any) -> None:
            self.results[rows] = answer


class ForgetsInACheckpointUntilWhenAReviewedHoldIsKept(ShardCore):
    def __init__(self, config: ShardConfig, ledger: Any, writer: Any) -> None:
        super().__init__(config, ledger, writer)
        self.keep = lambda arrays: InMemorySnapshot({**arrays, "holds.kept": np.zeros_like(arrays["holds.kept"])})


class ForgetsInACheckpointWhoseHoldsAre(ShardCore):
    def __init__(self, config: ShardConfig, ledger: Any, writer: Any) -> None:
        super().__init__(config, ledger, writer)
        self.keep = lambda arrays: InMemorySnapshot({**arrays, "holds.callers": np.zeros_like(arrays["holds.callers"])})


class IgnoresInANewRingThatAttemptsWereLost(_WithColumns):
    """A payer that gets memory for its attempts may have had some before, which were not kept or were given up."""

    def columns(self, admitted: Any) -> Any:
        rings = self.ledger.book.rings
        before = rings["owner"].copy()
        columns = super().columns(admitted)
        rings["forgotten"][rings["owner"] != before] = NEVER
        return columns


class FilesStaleAnswersAboutOriginals(ShardCore):
    """As if any answer was that to the question that is open."""

    def __init__(self, config: ShardConfig, ledger: Any, writer: Any) -> None:
        super().__init__(config, ledger, writer)
        self._originals = self.part_class()

    class part_class(RefundableRecords):
        def answered(self, message: m.Originals, ledger: Any, durable: int) -> None:
            for address in message.originals["address"].tolist():
                if address in self._asking:
                    self._asking[address] = message.stamp
            super().answered(message, ledger, durable)


class OutlivesAFailover(ShardCore):
    """Not the core but its host: sessions on another timeline are as good as those before."""

    heeds_timelines = False


class TakesPushesOfAnotherTimeline(ShardCore):
    def _legs(self, message: m.Legs) -> None:
        super()._legs(msgspec.structs.replace(message, timeline=self.timeline))


SMALL_BREAKAGES: tuple[type[ShardCore], ...] = (
    CountsAPayeeAtTheEdgeOfAWindowTwice,
    TakesAPageForTheJournalsEnd,
    DropsBothGenerationsOfKeys,
    ForgetsALostAnswer,
    ForgetsALostAnswerOfOneOfMany,
    LetsAnUntriedRowSayThatNothingHappened,
    ForgetsInACheckpointUntilWhenAReviewedHoldIsKept,
    ForgetsInACheckpointWhoseHoldsAre,
    IgnoresInANewRingThatAttemptsWereLost,
    FilesStaleAnswersAboutOriginals,
    OutlivesAFailover,
    TakesPushesOfAnotherTimeline,
)
