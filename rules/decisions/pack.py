"""A rule pack at run time: rules over columns, a scorecard, thresholds, one decision.

The verdict is the strictest of the live rules that fire and of the thresholds under which the points lie: the card's and those of the
live rules that fire. Reasons come from the part that decided: the rules that fired with the verdict, else what cost the most points.
A rule that has no value (null, overflow, division by zero) does not fire. Shadow rules change nothing.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.card_rows import score_rows
from models.jit import kernel, read_only
from models.scorecard import REASONS_MAX, CardTables, Scorecard, flatten
from rules.decisions.controls import NO_CONTROLS, Controls, KeptColumn, kept_bits
from rules.decisions.decision import DECISION, Action, Decisions
from rules.vocabulary.catalogue import CODES
from rules.vocabulary.columns import COLUMN_COUNT, INDEX, NULL

REASONS_PER_PACK_MAX = 32
"""A decision keeps its reasons as a 32-bit mask."""

NEVER: Final = -(2**62)
"""A threshold under which no points lie."""
NO_REASON: Final = -1

Fires = Callable[[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]], None]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: what it is called, what it does when it fires, and the reason it gives. `live`: else in shadow."""

    id: str
    action: Action
    reason: str = ""
    points: int = 0
    live: bool = True


class FirstTable(msgspec.Struct, frozen=True):
    """Rules `first` and those after it, `size` together, of which only the first fires whose cells hold; in `Pack.rows` they are from `at`
    on."""

    first: int
    size: int
    at: int

    @property
    def places(self) -> range:
        """Of its rules."""
        return range(self.first, self.first + self.size)


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack ready to decide. `fires(columns, hits, unknown)` sets bit i % 64 of hits[row, i // 64] when rule i fires on that row, of
    `unknown` when it has no value there; `columns` have one more for each list of `kept`. `rows` does the same for the rows of `tables`,
    each for itself: who snoozes one needs to know whether those after it fit."""

    number: int
    name: str
    version: int
    rules: tuple[Rule, ...]
    card: Scorecard | None
    review_below: int | None = None
    decline_below: int | None = None
    fallback: Action
    fires: Fires
    kept: tuple[KeptColumn, ...] = ()
    tables: tuple[FirstTable, ...] = ()
    rows: Fires | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reason codes by bit: the live rules', then the card's, each once."""
        live = [rule.reason for rule in self.rules if rule.live and rule.reason]
        card = [item.reason for item in self.card.characteristics] if self.card is not None else []
        return tuple(dict.fromkeys([*live, *card]))


class RuleHits(NamedTuple):
    """Decisions (n,) of DECISION with what they were made of, shadow rules included: bit i % 64 of hits[row, i // 64] says whether rule i
    fired there, of `unknown` that it had no value."""

    decisions: Decisions
    hits: NDArray[np.uint64]
    unknown: NDArray[np.uint64]

    def of(self, rows: NDArray[np.bool_]) -> "RuleHits":
        """Some rows of it."""
        return RuleHits(self.decisions[rows], self.hits[rows], self.unknown[rows])


class Trace(NamedTuple):
    """What became of every rule, shadow rules included. hits (n, rules): whether it fired; not_evaluated (rules,): how often it had no
    value."""

    decisions: Decisions
    hits: NDArray[np.bool_]
    not_evaluated: NDArray[np.int64]


class _Tables(NamedTuple):
    """A pack flattened for the kernel."""

    live: NDArray[np.int64]
    action: NDArray[np.int64]
    points: NDArray[np.int64]
    reason: NDArray[np.int64]
    card_reason: NDArray[np.int64]


class Decider:
    """A pack with its tables laid out and its kernels compiled. Stateless between calls; make one per pack and keep it."""

    def __init__(self, pack: Pack) -> None:
        if len(pack.reasons) > REASONS_PER_PACK_MAX:
            raise ValueError(f"{pack.name}: at most {REASONS_PER_PACK_MAX} reasons fit a decision")
        self.pack = pack
        self._card: CardTables | None = flatten(pack.card, INDEX, CODES) if pack.card is not None else None
        self._tables = _tables(pack)
        self._words = max(1, -(-len(pack.rules) // 64))
        self._thresholds = tuple(NEVER if each is None else each for each in (pack.review_below, pack.decline_below))
        self.decide(np.zeros((1, COLUMN_COUNT), np.int64))

    def decide(self, columns: NDArray[np.int64]) -> Decisions:
        """Decisions (n,) of dtype DECISION for columns of shape (n, COLUMN_COUNT)."""
        return self.fired(columns).decisions

    def trace(self, columns: NDArray[np.int64]) -> Trace:
        """The same decisions, and what became of every rule, one by one."""
        decisions, hits, unknown = self.fired(columns)
        rules = len(self.pack.rules)
        return Trace(decisions, _bits(hits, rules), _bits(unknown, rules).sum(axis=0, dtype=np.int64))

    def fired(
        self,
        columns: NDArray[np.int64],
        controls: Controls = NO_CONTROLS,
        revisions: NDArray[np.int64] | None = None,
    ) -> RuleHits:
        """The same decisions with the rules that fired, as the kernels report them; under `controls` as of their revision, or of
        `revisions` (n,), one for each payment."""
        count = len(columns)
        as_of = controls.revision if revisions is None else revisions
        if self.pack.kept:
            columns = controls.with_lists(columns, self.pack.kept, as_of)
        columns = read_only(np.ascontiguousarray(columns))
        hits = np.zeros((count, self._words), np.uint64)
        unknown = np.zeros((count, self._words), np.uint64)
        self.pack.fires(columns, hits, unknown)
        if controls.any_snoozed:
            self._snooze(hits, unknown, columns, controls, as_of)
        totals = np.zeros(count, np.int64)
        shortfalls = np.empty((count, len(self._tables.card_reason)), np.int64)
        if self._card is not None:
            score_rows(self._card, NULL, columns, totals, shortfalls)
        decisions = np.zeros(count, DECISION)
        _combine(self._tables, hits, totals, shortfalls, *self._thresholds, self.pack.number, decisions)
        decisions["controls"] = kept_bits(controls.revision) if revisions is None else kept_bits(revisions)
        return RuleHits(decisions, hits, unknown)

    def _snooze(
        self,
        hits: NDArray[np.uint64],
        unknown: NDArray[np.uint64],
        columns: NDArray[np.int64],
        controls: Controls,
        as_of: NDArray[np.int64] | int,
    ) -> None:
        """A rule that is snoozed for the payer neither fires nor lacks a value; of its table the first row fires that is not snoozed."""
        by_place: dict[int, NDArray[np.bool_]] = {}
        for place, rule in enumerate(self.pack.rules):
            snoozed = controls.snoozed(self.pack.name, rule.id, columns, as_of)
            if snoozed is not None and snoozed.any():
                by_place[place] = snoozed
        for table in self.pack.tables:
            if not by_place.keys().isdisjoint(table.places):
                self._first_of_others(table, by_place, hits, unknown, columns)
        for place, snoozed in by_place.items():
            others = ~np.uint64(1 << (place & 63))
            hits[snoozed, place >> 6] &= others
            unknown[snoozed, place >> 6] &= others

    def _first_of_others(
        self,
        table: FirstTable,
        by_place: dict[int, NDArray[np.bool_]],
        hits: NDArray[np.uint64],
        unknown: NDArray[np.uint64],
        columns: NDArray[np.int64],
    ) -> None:
        """Let the first row of a table fire that is not snoozed, where a snoozed one fired or had no value: elsewhere it keeps no other
        from it. There the table's dates hold, which `rows` does not look at."""
        snoozed = np.zeros((len(columns), table.size), np.bool_)
        for place in by_place.keys() & set(table.places):
            snoozed[:, place - table.first] = by_place[place]
        touched = _bits(hits | unknown, table.first + table.size)[:, table.first :] & snoozed
        payments = np.flatnonzero(touched.any(axis=1))
        if not len(payments):
            return
        each = self._each_row(columns[payments])
        fits, unsure = (_bits(words, table.at + table.size)[:, table.at :] & ~snoozed[payments] for words in each)
        fitted, unsure_before = _before(fits), _before(unsure)
        fires = fits & ~fitted & ~unsure_before
        hits[payments] = _with_bits(hits[payments], table.first, fires)
        unknown[payments] = _with_bits(unknown[payments], table.first, (fits | unsure) & ~fitted & ~fires)

    def _each_row(self, columns: NDArray[np.int64]) -> NDArray[np.uint64]:
        """(2, n, words): whether rows of tables fit, each for itself, and whether they have no value."""
        assert self.pack.rows is not None
        words = np.zeros((2, len(columns), -(-sum(table.size for table in self.pack.tables) // 64)), np.uint64)
        self.pack.rows(read_only(np.ascontiguousarray(columns)), words[0], words[1])
        return words

    def warm_rows(self) -> None:
        """Have the loops that only snoozes of rows need compiled, or loaded, before there is one."""
        if self.pack.rows is not None:
            self._each_row(np.zeros((1, COLUMN_COUNT + len(self.pack.kept)), np.int64))

    def fallback(self, count: int) -> Decisions:
        """What stands in for `count` decisions when no scorer answers."""
        return fallback_decisions(count, action=self.pack.fallback, number=self.pack.number)


def fallback_decisions(count: int, *, action: Action, number: int) -> Decisions:
    """`count` decisions flagged as fallback."""
    decisions = np.zeros(count, DECISION)
    decisions["action"] = action
    decisions["flags"] = 1
    decisions["pack"] = number
    return decisions


def _tables(pack: Pack) -> _Tables:
    bits = {reason: bit for bit, reason in enumerate(pack.reasons)}
    live = [(place, rule) for place, rule in enumerate(pack.rules) if rule.live]
    card = pack.card.characteristics if pack.card is not None else ()

    def numbers(values: list[int]) -> NDArray[np.int64]:
        return np.array(values, np.int64)

    return _Tables(
        live=numbers([place for place, _ in live]),
        action=numbers([int(rule.action) for _, rule in live]),
        points=numbers([rule.points for _, rule in live]),
        reason=numbers([bits.get(rule.reason, NO_REASON) for _, rule in live]),
        card_reason=numbers([bits[item.reason] for item in card]),
    )


def _bits(words: NDArray[np.uint64], count: int) -> NDArray[np.bool_]:
    """(n, count) of words (n, ...): bit i % 64 of word i // 64."""
    unpacked = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    return unpacked[:, :count].astype(np.bool_)


def _before(bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n, rows): whether any row before has it."""
    found = np.zeros_like(bits)
    np.logical_or.accumulate(bits[:, :-1], axis=1, out=found[:, 1:])
    return found


def _with_bits(words: NDArray[np.uint64], first: int, bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Words (n, ...) in which bits from `first` on are these (n, count)."""
    unpacked = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    unpacked[:, first : first + bits.shape[1]] = bits
    return np.packbits(unpacked, axis=1, bitorder="little").view("<u8").astype(np.uint64)


@kernel
def _fired(hits, row, place):
    return hits[row, place >> 6] >> np.uint64(place & 63) & np.uint64(1) != 0


@kernel
def _given_by_rules(tables, hits, row, verdict):
    """Reasons of the first rules that fired with the verdict."""
    mask = np.int64(0)
    given = 0
    for i in range(len(tables.live)):
        reason = tables.reason[i]
        if tables.action[i] != verdict or reason < 0 or mask >> reason & 1 or given == REASONS_MAX:
            continue
        if _fired(hits, row, tables.live[i]):
            mask |= np.int64(1) << reason
            given += 1
    return mask


@kernel
def _given_by_points(tables, hits, row, shortfalls):
    """Reasons of what cost the most points, rules before characteristics where they cost the same."""
    mask = np.int64(0)
    for _ in range(REASONS_MAX):
        worst = np.int64(0)
        named = np.int64(-1)
        for i in range(len(tables.live)):
            reason = tables.reason[i]
            if (
                -tables.points[i] > worst
                and reason >= 0
                and not mask >> reason & 1
                and _fired(hits, row, tables.live[i])
            ):
                worst = -tables.points[i]
                named = reason
        for c in range(shortfalls.shape[1]):
            reason = tables.card_reason[c]
            if shortfalls[row, c] > worst and not mask >> reason & 1:
                worst = shortfalls[row, c]
                named = reason
        if named < 0:
            break
        mask |= np.int64(1) << named
    return mask


@kernel
def _combine(tables, hits, totals, shortfalls, review_below, decline_below, number, decisions):
    for row in range(len(hits)):
        verdict = 0
        total = totals[row]
        for i in range(len(tables.live)):
            if _fired(hits, row, tables.live[i]):
                total += tables.points[i]
                if tables.action[i] > verdict:
                    verdict = tables.action[i]
        by_points = 2 if total < decline_below else (1 if total < review_below else 0)
        mask = np.int64(0)
        if by_points > verdict:
            verdict = by_points
            mask = _given_by_points(tables, hits, row, shortfalls)
        elif verdict > 0:
            mask = _given_by_rules(tables, hits, row, verdict)
        decisions[row]["action"] = verdict
        decisions[row]["points"] = total
        decisions[row]["reasons"] = mask
        decisions[row]["pack"] = number
