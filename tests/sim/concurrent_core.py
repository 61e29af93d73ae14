"""Questions where chains begin, put while a core is at work on a message: the host does that when the core works in a thread.

Whatever is drawn here comes from a source of its own and moves nothing, so a seed lives through the same with it and without.
"""

import contextlib
from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actors.ledger.book import local_row
from actors.ledger.ledger import Admitted, Applied
from actors.records.layout import BLOCK_RECORDS_MAX
from actors.shard import messages as m
from actors.shard.chain_heads import Heads
from tests.sim.statements import look_into_journal

if TYPE_CHECKING:
    from tests.sim.process import Process

SHARE: Final = 0.2
"""Of the messages, those that are worked on in a thread."""
ASKED: Final = 2
LOOK_MS: Final = (0, 60)
"""When the front door's statement runs, after the answer."""


class ConcurrentCore:
    """Handles messages in place of a process's core, sometimes as if in a thread."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._random: Random = process.switch.scheduler.onlooker

    def handle(self, message: m.Message, clock: int) -> list[m.Output]:
        """As the core does."""
        core = self._process.core
        if not core.serving or self._random.random() >= SHARE:
            return core.handle(message, clock)
        heads = core.begin_concurrent()
        try:
            with self._asked_of(heads):
                return core.handle(message, clock)
        finally:
            core.end_concurrent()

    @contextlib.contextmanager
    def _asked_of(self, heads: Heads) -> Iterator[None]:
        """Ask before and after each step that moves heads."""
        core = self._process.core
        steps = ((core.ledger, "apply"), (core.ledger, "apply_legs"), (core.ledger, "expire"), (core.writer, "seal"))
        kept = [(owner, name, vars(owner).get(name)) for owner, name in steps]
        for owner, name in steps:
            setattr(owner, name, self._step(heads, getattr(owner, name)))
        try:
            yield
        finally:
            for owner, name, before in kept:
                if before is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, before)

    def _step(self, heads: Heads, step: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*arguments: Any) -> Any:
            touched = arguments[0] if isinstance(arguments[0], Admitted) else None
            wallets = self._some(touched)
            before = [self._head(wallet) for wallet in wallets]
            self._ask(heads, wallets)
            done = step(*arguments)
            if isinstance(done, Applied):
                for wallet, head in zip(wallets, before, strict=True):
                    self._ask_half_way(heads, wallet, head, done, arguments[2])
            self._ask(heads, wallets)
            return done

        return asked

    def _some(self, touched: Admitted | None) -> list[int]:
        """Wallets of a batch, or of the shard."""
        known: list[int] = list(self._process.switch.auditor.model.shards[self._process.shard].wallets)
        if touched is not None and len(touched.rows) and self._random.random() < 0.8:
            rows = touched.rows
            known = [*rows["payer"].tolist(), *rows["payee"].tolist()]
        return [self._random.choice(known) for _ in range(ASKED)] if known else []

    def _row(self, wallet: int) -> int:
        return int(local_row(self._process.core.ledger.book, wallet))

    def _head(self, wallet: int) -> int:
        row = self._row(wallet)
        return int(self._process.core.ledger.book.wallets["head"][row]) if row >= 0 else 0

    def _ask_half_way(self, heads: Heads, wallet: int, before: int, applied: Applied, first: int) -> None:
        """Ask as if only some of a batch's records were made."""
        row = self._row(wallet)
        if row < 0:
            return
        made = np.flatnonzero((applied.records["payer"] == wallet) | (applied.records["payee"] == wallet)).tolist()
        addresses = [first + (i // BLOCK_RECORDS_MAX << 8) + i % BLOCK_RECORDS_MAX for i in made]
        kept = self._process.core.ledger.book.wallets["head"]
        last = int(kept[row])
        kept[row] = self._random.choice((before, *addresses))
        self._ask(heads, [wallet])
        kept[row] = last

    def _ask(self, heads: Heads, wallets: list[int]) -> None:
        switch, shard = self._process.switch, self._process.shard
        asked_at = len(switch.database.journals[shard])
        for wallet in wallets:
            shown = heads.read_during_batch(np.array([wallet], np.int64))
            if shown is None:
                switch.scheduler.count("heads that wait for the end of a batch")
                continue
            switch.scheduler.count("heads told beside a batch")
            delay = self._random.randint(*LOOK_MS)
            switch.scheduler.after(delay, look_into_journal, switch, shard, [wallet], asked_at, shown)
