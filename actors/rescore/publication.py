"""Send a finished run's scores to a switch, on from where an earlier try was, and note how far it is.

A run scores a wallet once, so what is sent twice changes nothing, and the notes only save time. They may be ahead of the switch: one that
was restored from a backup, or another database at the same address, lacks what was answered before. A journal loses nothing but its end,
and a batch is sent when all but one before it are answered. So batches are sent again from the second last on that was wholly new to the
switch: where it knows their scores, it knows all before them; where it takes one as new, everything is sent again. Who is killed in between
sends everything too, as the switch knows these batches by then. A journal whose end is lost while batches are sent shows in their answers,
which name the database's timeline: where it changes, everything is sent again.
"""

import hashlib
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from actors.rescore.job import RescoreRefused
from actors.rescore.output import MANIFEST, PUBLISHED, Output
from actors.rescore.publishing import UNDER_WAY, Batch, Numbers, Place, answered, batches
from actors.rescore.run import Manifest

OK, SUPERSEDED = "ok", "run_superseded"
REFUSED: Final = frozenset({401, 403})
"""Statuses of a call whose key is not taken."""
ANSWERED_MAX: Final = 16
"""Batches that a note counts one by one; more of them, as where all is known from before, are sent again as if they never had been."""
FINAL: Final = frozenset({OK, SUPERSEDED})
"""Codes of rows that another try would not change."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run was sent. `manifest`: SHA-256 of what was sent; `undone`: the run that is undone for its wallets by this one, 0 where
    their scores are published. Of the rows up to parts and `rows` of the next, `codes` counts what became of them, and `replayed` those
    that had their score of this run before, None where they were sent before. `answered`: of each batch behind them, rows that were new to
    the switch; `is_checked`: not while these are sent again."""

    url: str
    manifest: str
    run: int
    undone: int = 0
    parts: int = 0
    rows: int = 0
    codes: dict[str, int] = {}
    replayed: int | None = 0
    answered: tuple[int, ...] = ()
    is_checked: bool = True

    @property
    def numbers(self) -> Numbers:
        """What rows are sent under."""
        return Numbers(self.run, self.undone)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a run by what became of them, those of earlier tries among them. `replayed`: had a score of this run when they were sent
    first; None where that is not known, as all were sent again."""

    run: int
    codes: dict[str, int]
    replayed: int | None

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(self.codes.values())


class _Lost(Exception):
    """The switch does not know what it has answered, or may not, as a standby of its database was promoted."""


class _Answer:
    """What became of a batch. `new`: rows that the switch has taken as new."""

    def __init__(self, batch: Batch, answer: pa.Table) -> None:
        codes, replayed = answer.column("code"), answer.column("replayed")
        self.end = batch.end
        self.timelines = frozenset((answer.schema.metadata or {}).get(b"timelines", b"").split())
        self.codes = {each["values"]: each["counts"] for each in pc.value_counts(codes).to_pylist()}
        self.new = pc.sum(pc.and_not(pc.equal(codes, OK), replayed)).as_py() or 0

    @property
    def is_new(self) -> bool:
        """Whether all that the switch took of it was new."""
        return 0 < self.new == self.codes.get(OK)

    def check(self, new: int) -> None:
        """Of a batch that was sent before, when so many rows were new. Raises _Lost where some are again."""
        if self.new:
            raise _Lost
        self.new = new


class _Window:
    """The batches that a later try sends again: from the second last on that was wholly new to the switch."""

    def __init__(self) -> None:
        self.batches: deque[_Answer] = deque()
        self._new = 0

    def add(self, answer: _Answer) -> Iterator[_Answer]:
        """Gives those that need not be sent again any more."""
        self.batches.append(answer)
        self._new += answer.is_new
        while self._new - self.batches[0].is_new >= UNDER_WAY:
            oldest = self.batches.popleft()
            self._new -= oldest.is_new
            yield oldest

    @property
    def news(self) -> tuple[int, ...]:
        """Rows that were new of each, the first ones."""
        return tuple(each.new for each in itertools.islice(self.batches, ANSWERED_MAX))


class Publication:
    """One run of a finished job on its way to the switch at `url`. Only one at a time works on a folder. `run`: of whoever names none it is
    the last one of these scores that was not undone; else a new one, seconds since 1970 and above all that this switch was sent from
    the folder."""

    def __init__(self, output: Output, manifest: Manifest, url: str, run: int | None, undone: int = 0) -> None:
        self._output, self._manifest = output, manifest
        self._url, self._run, self._undone = url.rstrip("/"), run, undone
        self._begin: Note
        """Of a try that is the first, known once the lease is held."""
        self._others: list[Note] = []

    def send(self, call: Callable[[pa.Table], pa.Table], on_rows: Callable[[int], None]) -> Sent:
        """Send what is left by a call that answers with `code` and `replayed` of each row; `on_rows` is given how many are done. Raises
        RescoreRefused, also where another works on the folder, and what the call raises."""
        self._output.lock()
        try:
            note = self._resumed()
            while (sent := self._tried(note, call, on_rows)) is None:
                note = self._anew()
            self._output.keep()
            self._output.drop_work()
            return sent
        finally:
            self._output.close()

    def _tried(self, note: Note, call: Callable[[pa.Table], pa.Table], on_rows: Callable[[int], None]) -> Sent | None:
        try:
            return self._sent(note, call, on_rows)
        except _Lost:
            return None

    # What was sent before.

    def _resumed(self) -> Note:
        """The note of this run, if there is one. Raises RescoreRefused for a number that was used otherwise: a switch would answer `ok`
        and take nothing."""
        notes = _notes(self._output)
        digest = hashlib.sha256(self._output.folder.read(MANIFEST)).hexdigest()
        run = _run_number(notes, self._url, digest) if self._run is None else self._run
        self._begin = Note(url=self._url, manifest=digest, run=run, undone=self._undone)
        self._others = [note for note in notes if not _is_of(note, self._begin)]
        for note in self._others:
            if note.url == self._begin.url:
                self._check_number(note)
        mine = next((note for note in notes if _is_of(note, self._begin)), self._begin)
        return mine if mine.is_checked else self._anew()

    def _check_number(self, note: Note) -> None:
        run, where = self._begin.run, f"take a number above it ({self._output.folder}/{PUBLISHED} has all)"
        if note.run == run:
            what = f"undone run {note.undone}" if note.undone else "published scores of this folder"
            raise RescoreRefused(f"run {run} has {what} before: {where}")
        if note.undone == run:
            raise RescoreRefused(f"run {run} was undone by run {note.run}: {where}")

    def _anew(self) -> Note:
        return msgspec.structs.replace(self._begin, replayed=None)

    def _keep(self, *mine: Note) -> None:
        self._output.folder.write(PUBLISHED, msgspec.json.encode([*self._others, *mine]))

    # What is sent now.

    def _first(
        self, note: Note, batch: Batch, call: Callable[[pa.Table], pa.Table]
    ) -> tuple[Note, tuple[Batch, pa.Table]]:
        """A batch, sent by itself, with its answer. Where the switch refuses the key nothing has happened: the notes are as they were."""
        checking = msgspec.structs.replace(note, is_checked=not note.answered)
        self._keep(checking)
        try:
            with closing(answered([batch], call, self._output.keep)) as answers:
                return checking, next(answers)
        except Exception as error:
            if getattr(error, "status", None) in REFUSED and getattr(error, "money_moved", None) == "no":
                self._keep(*(() if note in (self._begin, self._anew()) else (note,)))
            raise

    def _sent(self, note: Note, call: Callable[[pa.Table], pa.Table], on_rows: Callable[[int], None]) -> Sent:
        """Raises _Lost where the switch does not know the batches behind the note that it has answered before."""
        before, window, rows = note.answered, _Window(), sum(note.codes.values())
        given = batches(self._output, self._manifest, note.numbers, Place(note.parts, note.rows))
        batch = next(given, None)
        if batch is None:
            return _all(note, ())
        note, first = self._first(note, batch, call)
        timelines: frozenset[bytes] = frozenset()
        with closing(answered(given, call, self._output.keep)) as others:  # nothing is under way when all is sent again
            for number, (batch, table) in enumerate(itertools.chain([first], others)):
                answer = _Answer(batch, table)
                timelines |= answer.timelines
                if len(timelines) > 1:
                    self._keep(self._anew())
                    raise _Lost
                if number < len(before):
                    answer.check(before[number])
                for oldest in window.add(answer):
                    note = _added(note, oldest)
                if number + 1 >= len(before):
                    note = msgspec.structs.replace(note, answered=window.news, is_checked=True)
                    self._keep(note)
                rows += len(table)
                on_rows(rows)
        found = _all(note, window.batches)
        if found.codes.keys() - FINAL:
            self._keep(self._anew())  # the same command tries them again
        return found


def _run_number(notes: Iterable[Note], url: str, manifest: str) -> int:
    here = [note for note in notes if note.url == url]
    gone = {note.undone for note in here}
    begun = [note.run for note in here if note.manifest == manifest and not note.undone and note.run not in gone]
    return max(begun) if begun else max([int(time.time()), *(note.run + 1 for note in here)])


def _notes(output: Output) -> list[Note]:
    """A single note, as an earlier version wrote it, says nothing: all is sent again. Raises RescoreRefused for anything else."""
    data = output.read(PUBLISHED) or b"[]"
    try:
        return [] if data.startswith(b"{") else msgspec.json.decode(data, type=list[Note])
    except msgspec.DecodeError as error:
        where = f"{output.folder}/{PUBLISHED}"
        raise RescoreRefused(f"{where} is not of this version: {error}; without it everything is sent again") from None


def _is_of(note: Note, other: Note) -> bool:
    """Whether both are of one run of the same scores at the same switch."""
    return (note.url, note.manifest, note.run, note.undone) == (other.url, other.manifest, other.run, other.undone)


def _added(note: Note, answer: _Answer) -> Note:
    """The note with the next batch among what it counts."""
    replayed = None if note.replayed is None else note.replayed + answer.codes.get(OK, 0) - answer.new
    codes = dict(Counter(note.codes) + Counter(answer.codes))
    return msgspec.structs.replace(note, parts=answer.end.parts, rows=answer.end.rows, codes=codes, replayed=replayed)


def _all(note: Note, recent: Iterable[_Answer]) -> Sent:
    for answer in recent:
        note = _added(note, answer)
    return Sent(run=note.run, codes=note.codes, replayed=note.replayed)
