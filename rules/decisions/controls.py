"""What operators change without a new pack: entries of kept lists, and snoozes of rules.

What holds for a payment depends on a revision and on its effective time alone, so a backtest that knows the revision gives the same bits.

An entry is never changed: it is added by one revision and removed by a later one, and another one of the same number follows it at the
earliest then. A rule reads a kept list as a column behind those of the catalogue: the number that is looked for where the list has it,
else NULL.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rules.vocabulary.columns import COLUMN_COUNT, INDEX, NULL

ALWAYS: Final = 2**63 - 1
"""Until when an entry holds that has no end, and the revision that removes one which nobody removed."""
ENTRIES_MAX: Final = 1 << 20
"""Entries there ever were: their places share 64 bits with revisions."""
REVISION_BITS: Final = 16
"""A block keeps so many bits of the revision with which its payments were decided."""
REVISIONS_AN_HOUR_MAX: Final = 60_000
"""So what a block keeps names one revision only, by the time of its records."""
SEARCHED_MS: Final = 30 * 60_000
"""So far may a revision be ahead of the record that was decided with it, by two clocks."""
STALE_S: Final = 600.0
"""Whoever could not ask for changes for so long decides no more: what a block keeps would name another revision."""

_REVISIONS: Final = 40
_EFFECTIVE: Final = INDEX["effective_time"]
_PAYER: Final = INDEX["payer"]

ListName = str
SnoozeName = str
Revisions = TypeVar("Revisions", int, NDArray[np.int64])


def snooze_name(pack: str, rule: str) -> SnoozeName:
    """What the snoozes of a pack's rule are called together; names have no slash."""
    return f"{pack}/{rule}"


def rule_of(name: SnoozeName) -> tuple[str, str]:
    """The pack and the rule whose snoozes are called so."""
    pack, _, rule = name.partition("/")
    return pack, rule


class ControlEntry(NamedTuple):
    """One number in a list, or one wallet (an address) for which a rule is snoozed: from revision `added` on, before `removed`, and before
    the effective time `until` in milliseconds."""

    name: str
    number: int
    until: int
    added: int
    removed: int


class What(IntEnum):
    """Kinds of entries: of a list, or a snooze of a rule for a wallet."""

    LIST = 1
    SNOOZE = 2


class KeptColumn(NamedTuple):
    """A kept list that a pack looks into, and the column whose numbers it looks for."""

    list: str
    column: int


class Timed:
    """Entries of one name, ready to be looked up."""

    def __init__(self, entries: Iterable[ControlEntry]) -> None:
        rows = sorted((entry.number, entry.added, entry.until, entry.removed) for entry in entries)
        columns = np.array(rows, np.int64).reshape(-1, 4)
        self._numbers, places = np.unique(columns[:, 0], return_inverse=True)
        self._keys = (places.astype(np.int64) << _REVISIONS) | columns[:, 1]
        self._until, self._removed = columns[:, 2], columns[:, 3]

    def holds(
        self, numbers: NDArray[np.int64], times: NDArray[np.int64], revisions: NDArray[np.int64] | int
    ) -> NDArray[np.bool_]:
        """For which of these numbers (n,) there was an entry as of `revisions`, one or (n,), that has not ended by `times` (n,)."""
        if not len(self._numbers):
            return np.zeros(len(numbers), np.bool_)
        places = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        last = np.searchsorted(self._keys, (places << _REVISIONS) | revisions, "right") - 1
        same = (last >= 0) & (self._keys[last] >> _REVISIONS == places) & (self._numbers[places] == numbers)
        found: NDArray[np.bool_] = same & (self._removed[last] > revisions) & (self._until[last] > times)
        return found


class Controls:
    """All of it as of `revision`; what was removed before may be left out when nobody asks for earlier ones. `lists` and `snoozes` by
    name."""

    def __init__(self, revision: int, lists: Mapping[ListName, Timed], snoozes: Mapping[SnoozeName, Timed]) -> None:
        self.revision = revision
        self._lists = lists
        self._snoozes = snoozes

    @classmethod
    def of(cls, revision: int, lists: Iterable[ControlEntry], snoozes: Iterable[ControlEntry]) -> "Controls":
        """From all entries."""
        return cls(revision, _by_name(lists), _by_name(snoozes))

    def with_lists(
        self, columns: NDArray[np.int64], kept: Iterable[KeptColumn], revisions: NDArray[np.int64] | int
    ) -> NDArray[np.int64]:
        """Columns (n, COLUMN_COUNT) with one more for each kept list."""
        kept = tuple(kept)
        wide = np.full((len(columns), COLUMN_COUNT + len(kept)), NULL, np.int64)
        wide[:, :COLUMN_COUNT] = columns
        for place, (name, column) in enumerate(kept, COLUMN_COUNT):
            if name in self._lists:
                numbers = columns[:, column]
                found = self._lists[name].holds(numbers, columns[:, _EFFECTIVE], revisions)
                wide[found, place] = numbers[found]
        return wide

    def snoozed(
        self, pack: str, rule: str, columns: NDArray[np.int64], revisions: NDArray[np.int64] | int
    ) -> NDArray[np.bool_] | None:
        """For which payments (n, COLUMN_COUNT) a rule is snoozed; None when for nobody."""
        timed = self._snoozes.get(snooze_name(pack, rule)) if self._snoozes else None
        return None if timed is None else timed.holds(columns[:, _PAYER], columns[:, _EFFECTIVE], revisions)

    @property
    def any_snoozed(self) -> bool:
        """Whether there is a snooze of any rule."""
        return bool(self._snoozes)


class Changed(NamedTuple):
    """What was added or removed up to a revision, kinds with their entries."""

    revision: int
    entries: Sequence[tuple[What, ControlEntry]] = ()

    def controls(self) -> Controls:
        """As of every revision up to this one, if this is all there ever was."""
        lists = (entry for what, entry in self.entries if what is What.LIST)
        snoozes = (entry for what, entry in self.entries if what is What.SNOOZE)
        return Controls.of(self.revision, lists, snoozes)


NO_CONTROLS: Final = Controls(0, {}, {})
"""Nothing was ever added."""


def _by_name(entries: Iterable[ControlEntry]) -> dict[str, Timed]:
    by_name: dict[str, list[ControlEntry]] = {}
    for entry in entries:
        by_name.setdefault(entry.name, []).append(entry)
    return {name: Timed(each) for name, each in by_name.items()}


def kept_bits(revision: Revisions) -> Revisions:
    """What a block keeps of a revision, or of each of many."""
    return revision & ((1 << REVISION_BITS) - 1)


def whole_revisions(bits: NDArray[np.int64], times: NDArray[np.int64], made: NDArray[np.int64]) -> NDArray[np.int64]:
    """Revisions (n,) of which blocks kept `bits` (n,), by the record times (n,) of their payments; `made` (m,): when revisions 1..m were
    made, in milliseconds."""
    newest = np.searchsorted(made, times + SEARCHED_MS, "right")
    return np.maximum(newest - ((newest - bits) & ((1 << REVISION_BITS) - 1)), 0)
