"""A corrected file, imported again: unchanged rows are recognised by their content.

Whatever stands around them does not matter.

Their times within a slice, and what they name in `after`, follow from the rows around them, so a switch that compares whole bodies
calls them different; then what it recorded is looked at. A row that is new although rows after it were imported before was changed or
put in. Which earlier payment it replaces, and what to do about that one, only a person can decide.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.codes import Code
from models.wording import counted
from rules.vocabulary.times import time_ms
from switch.importer.client import Answers, Client, Recorded, SwitchError
from switch.importer.history import KINDS, OPENING, History
from switch.importer.marks import Mark
from switch.importer.plan import Plan, home_wallets
from switch.importer.wallets import NOTES_MAX, READS_AT_A_TIME, Wallets
from switch.problems.table import NUMBERS

FIRST_LOOKED_AT: Final = 64
"""Wallets of the first rows that are looked at."""
LATER_LOOKED_AT: Final = 8
"""Later rows of a payer that are looked for, to distinguish a corrected file from one that is older than another."""
_NUMBER: Final = {name: number for number, name in NUMBERS.items()}


class Corrections:
    """What of a history was imported before. ids (w, 16): of its wallets."""

    def __init__(self, history: History, ids: NDArray[np.uint8], operator: NDArray[np.bool_], client: Client) -> None:
        payments = history.payments
        self._history, self._ids, self._client = history, ids, client
        self._home = home_wallets(np.arange(len(payments)), payments.payer, payments.payee, operator)
        self._reading = asyncio.Semaphore(READS_AT_A_TIME)

    async def known(self, rows: NDArray[np.int64], answers: Answers) -> Answers:
        """Answers for rows (k,) in which a row that differs only by its time within its slice, or by `after`, is a repeat."""
        differ = np.flatnonzero(answers.codes == Code.IDEMPOTENCY_MISMATCH).tolist()
        if not self._history.keyed_by_content or not differ:
            return answers
        found = await asyncio.gather(*(self._recorded(int(rows[place])) for place in differ))
        codes, ids, replayed = answers.codes.copy(), answers.ids.copy(), answers.replayed.copy()
        for place, recorded in zip(differ, found, strict=True):
            if recorded is not None and self._is_recorded(int(rows[place]), recorded):
                codes[place] = _NUMBER[recorded.code]
                ids[place] = np.frombuffer(uuid.UUID(recorded.id).bytes, np.uint8)
                replayed[place] = True
        return Answers(codes, ids, replayed, answers.tries)

    async def stands_before(self, row: int) -> bool:
        """Whether the payer of a row made payments of this file that come after it."""
        payer = self._history.payments.payer
        later = row + 1 + np.flatnonzero(payer[row + 1 :] == payer[row])
        for place in later[:LATER_LOOKED_AT].tolist() if self._history.keyed_by_content else ():
            if await self._recorded(place) is not None:
                return True
        return False

    async def marked(self, mark: Mark) -> Recorded | None:
        """The payment of a row that was answered with an id, None where the switch has none, or another at this address."""
        async with self._reading:
            found = await self._client.transfer(mark.identity)
        return found if found is not None and self._is_recorded(mark.row, found) else None

    async def refuse_forgotten(self, rows: NDArray[np.int64], wallets: Wallets) -> None:
        """Before the first `rows` (k,) of a file of which nothing is noted. Raises SwitchError where wallets that it made have payments,
        and none of these: it was imported before, and the switch has forgotten its keys."""
        _, places = np.unique(self._home[rows], return_index=True)
        made = [place for place in sorted(places.tolist()) if int(self._home[rows[place]]) not in wallets.before]
        looked_at = rows[made[:FIRST_LOOKED_AT]].tolist()
        if any([each is not None for each in await asyncio.gather(*map(self._recorded, looked_at))]):
            return
        for index in self._home[looked_at].tolist():
            if await self._has_payments(wallets, index):
                name = self._history.wallets[index].external_id
                raise SwitchError(
                    f"this file was imported before: it made {name}, which has payments, and the switch does not remember the "
                    "keys of its rows any more, so sent now they would be paid again. The file that says how far that import came is named "
                    "with --state"
                )

    async def are_untouched(self, rows: NDArray[np.int64], wallets: Wallets) -> bool:
        """Whether the file made all wallets of these rows (k,), and none was ever paid from or to: then none of the rows was taken."""
        homes = np.unique(self._home[rows]).tolist()
        if any(home in wallets.before for home in homes):
            return False
        return not any(await asyncio.gather(*(self._has_payments(wallets, home) for home in homes)))

    def changed(self, plan: Plan, old: NDArray[np.bool_], late: Sequence[int]) -> list[int]:
        """Rows that are new although rows of the same wallet, or of a later wave, are `old` (n,): no import that stopped leaves such.
        `late`: rows known to be. Ascending."""
        if not self._history.keyed_by_content or not old.any():
            return sorted(late)
        wave = np.empty(len(old), np.int64)
        wave[plan.order] = np.repeat(np.arange(plan.waves), np.diff(plan.starts))
        last = np.full(int(self._home.max()) + 1, -1, np.int64)
        np.maximum.at(last, self._home[old], np.flatnonzero(old))
        new = ~old & (self._history.payments.number < OPENING)
        before = (np.arange(len(old)) < last[self._home]) | (wave < wave[old].max())
        return sorted({*np.flatnonzero(new & before).tolist(), *late})

    def unexplained(
        self, old: NDArray[np.intp], before: NDArray[np.int64], wallets: Wallets, openings: dict[str, int]
    ) -> list[str]:
        """Wallets with `old` rows (k,) that held more or less than their opening balance and those rows say. `before` (w,): what
        their balance would be more without the rows."""
        payments, history = self._history.payments, self._history
        if not history.keyed_by_content:
            return []
        touched = np.union1d(payments.payer[old], payments.payee[old]).tolist()
        notes = []
        for index in (index for index in touched if index in wallets.before and not history.wallets[index].operator):
            name = history.wallets[index].external_id
            rest = wallets.before[index].posted + int(before[index]) - openings.get(name, 0)
            if rest:
                notes.append(
                    f"{name} held {rest} that no row of this file explains: it comes from other files, or from rows that were changed or "
                    "taken out of this one"
                )
        more = len(notes) - NOTES_MAX
        return [*notes[:NOTES_MAX], f"and {counted(more, 'more wallet')}"] if more > 0 else notes

    async def _has_payments(self, wallets: Wallets, index: int) -> bool:
        async with self._reading:
            return await self._client.has_payments(wallets.identity(index))

    async def _recorded(self, row: int) -> Recorded | None:
        async with self._reading:
            return await self._client.recorded(self._ids[self._home[row]], self._history.keys[row])

    def _is_recorded(self, row: int, recorded: Recorded) -> bool:
        """Whether a row is a payment that was recorded."""
        history, payments = self._history, self._history.payments
        payer, payee = int(payments.payer[row]), int(payments.payee[row])
        wanted = (
            str(uuid.UUID(bytes=self._ids[payer].tobytes())),
            str(uuid.UUID(bytes=self._ids[payee].tobytes())),
            int(payments.amount[row]),
            history.wallets[payer].currency,
            KINDS[payments.kind[row]],
            int(payments.effective_ms[row]) // history.slice_ms,
        )
        return wanted == (
            recorded.payer,
            recorded.payee,
            recorded.amount,
            recorded.currency,
            recorded.kind,
            time_ms(recorded.effective_at) // history.slice_ms,
        )
