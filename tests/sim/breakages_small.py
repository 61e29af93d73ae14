"""Breakages of one condition each, which mutation of the code found that no test and no seed had caught."""

from typing import Any

from actors.shard import messages as m
from actors.shard.core import ShardConfig, ShardCore
from switch.attempts import Attempts


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


SMALL_BREAKAGES: tuple[type[ShardCore], ...] = (
    CountsAPayeeAtTheEdgeOfAWindowTwice,
    TakesAPageForTheJournalsEnd,
    DropsBothGenerationsOfKeys,
    ForgetsALostAnswer,
)
