"""Ways to break how repeats are read by page and how requests are cut into parts."""

from typing import Any

import numpy as np

from actors.ledger.ledger import Ledger
from actors.records.blocks import Writer
from actors.records.layout import Results
from actors.shard import messages as m
from actors.shard.config import ShardConfig
from actors.shard.core import ShardCore
from actors.shard.intake import Asked, Intake
from actors.shard.repeats import RepeatAnswers


class _WithAnother(ShardCore):
    """A core with another part for repeats."""

    part_class: type[RepeatAnswers] = RepeatAnswers

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self._repeats = self.part_class()


class _WithAsked(ShardCore):
    """A core with other requests on their way."""

    asked_class: type[Asked] = Asked

    def __init__(self, config: ShardConfig, ledger: Ledger, writer: Writer) -> None:
        super().__init__(config, ledger, writer)
        self._intake = Intake(self.asked_class)


class SkipsTheLastRowOfAReplayPage(_WithAnother):
    class part_class(RepeatAnswers):
        def read(self, message: m.RecordsRead) -> Any:
            batch, repeats = self._page[-1]
            last = repeats.places[-1]
            before = batch.results[last].copy()
            done = super().read(message)
            batch.results[last] = before
            return done


class TakesOnlyTheFirstPageForARepeat(_WithAnother):
    class part_class(RepeatAnswers):
        def read(self, message: m.RecordsRead) -> Any:
            for batch, repeats in self._page:
                batch.repeats = repeats.part(0, 0)
            self._waiting.clear()
            return super().read(message)


class CutsALinkedGroup(_WithAsked):
    class asked_class(Asked):
        def _group_end(self, end: int, at_least_one: bool) -> int:
            return end if end > self.taken else super()._group_end(end, at_least_one)


class AnswersWithItsLastPart(_WithAsked):
    """As if what the parts before were answered was not kept."""

    class asked_class(Asked):
        def answer(self, first: int, results: Results) -> list[m.Answer]:
            if self._results is not None:
                self._results[:] = 0
            return super().answer(first, results)


class AnswersOneRowWithAnothersRecord(_WithAnother):
    class part_class(RepeatAnswers):
        def read(self, message: m.RecordsRead) -> Any:
            turned = np.roll(message.records, 1)
            return super().read(m.RecordsRead(records=turned))


PARTS: tuple[type[ShardCore], ...] = (
    SkipsTheLastRowOfAReplayPage,
    TakesOnlyTheFirstPageForARepeat,
    AnswersOneRowWithAnothersRecord,
    CutsALinkedGroup,
    AnswersWithItsLastPart,
)
