"""A queue that callers share: one line each, served in turn, none longer than its share.

Beside others no caller has too much under way.

Round robin with a quantum of rows (Shreedhar and Varghese 1995; the quantum is no smaller than a part of a batch, so no deficit has to be
carried over): whoever sends one payment waits for one quantum of each other caller and not for all that they have queued.
"""

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar


class Queued(Protocol):
    """What can wait here."""

    @property
    def caller(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def detail_bytes(self) -> int: ...


J = TypeVar("J", bound=Queued)


class _Line(Generic[J]):
    """What one caller has waiting."""

    __slots__ = ("detail_bytes", "jobs", "rows")

    def __init__(self) -> None:
        self.jobs: deque[J] = deque()
        self.rows = 0
        self.detail_bytes = 0


class UnderWay:
    """Rows of each caller that have left and are not answered: at most `of_one`, or twice what all others have, or one job however large.

    Who floods a shard beside somebody who asks now and then keeps it and the event loop busy with so many rows and no more; several who
    send much do not hold each other up.
    """

    __slots__ = ("_all", "_of", "_of_one")

    def __init__(self, of_one: int) -> None:
        self._of_one = of_one
        self._of: dict[int, int] = {}
        self._all = 0

    def began(self, caller: int, rows: int) -> None:
        """So many leave."""
        self._of[caller] = self._of.get(caller, 0) + rows
        self._all += rows

    def ended(self, caller: int, rows: int) -> None:
        """So many are answered, or lost."""
        self._all -= rows
        self._of[caller] -= rows
        if not self._of[caller]:
            del self._of[caller]

    def idle(self, caller: int) -> bool:
        """Whether it has nothing under way."""
        return caller not in self._of

    def room(self, caller: int) -> int:
        """How many more rows of it may leave."""
        own = self._of.get(caller, 0)
        return max(self._of_one, 2 * (self._all - own)) - own


class FairQueue(Generic[J]):
    """Jobs by caller. `rows_max` and `detail_bytes_max` bound all of it, and one caller's part of each is at most half."""

    def __init__(self, rows_max: int, detail_bytes_max: int) -> None:
        self._rows_max = rows_max
        self._detail_bytes_max = detail_bytes_max
        self._lines: OrderedDict[int, _Line[J]] = OrderedDict()
        self.rows = 0
        self.detail_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._lines)

    def fits(self, caller: int, rows: int, detail_bytes: int) -> bool:
        """Whether so much more of a caller may wait. The first of a line always may, if there is room for it at all: a batch is
        never too large for good."""
        if self.rows and (
            self.rows + rows > self._rows_max or self.detail_bytes + detail_bytes > self._detail_bytes_max
        ):
            return False
        line = self._lines.get(caller)
        return line is None or (
            line.rows + rows <= self._rows_max // 2 and line.detail_bytes + detail_bytes <= self._detail_bytes_max // 2
        )

    def put(self, job: J) -> None:
        """At the end of its caller's line."""
        line = self._lines.get(job.caller)
        if line is None:
            line = self._lines[job.caller] = _Line()
        line.jobs.append(job)
        line.rows += job.count
        line.detail_bytes += job.detail_bytes
        self.rows += job.count
        self.detail_bytes += job.detail_bytes

    def take(self, rows_max: int, quantum: int, under_way: UnderWay | None = None) -> list[J]:
        """What goes next: up to `rows_max` rows, `quantum` of each caller a turn and what it may have under way; a larger job alone. Who
        got a turn goes to the end, who could not use it stays in front."""
        taken: list[J] = []
        room = rows_max
        refused: list[tuple[int, _Line[J]]] = []
        while self._lines and room > 0:
            caller, line = self._lines.popitem(last=False)
            alone, most = not taken, min(room, quantum)
            if under_way is not None:
                alone, most = alone and under_way.idle(caller), min(most, under_way.room(caller))
            rows = self._turn(line, most, alone, taken)
            room -= rows
            if not rows:
                refused.append((caller, line))
            elif line.jobs:
                self._lines[caller] = line
            if rows and under_way is not None:
                under_way.began(caller, rows)
        for caller, line in reversed(refused):
            self._lines[caller] = line
            self._lines.move_to_end(caller, last=False)
        return taken

    def _turn(self, line: _Line[J], room: int, first: bool, taken: list[J]) -> int:
        """Rows taken from the head of a line."""
        rows = 0
        detail_bytes = 0
        jobs = line.jobs
        while jobs and (rows + jobs[0].count <= room or (first and not rows)):
            job = jobs.popleft()
            rows += job.count
            detail_bytes += job.detail_bytes
            taken.append(job)
        line.rows -= rows
        line.detail_bytes -= detail_bytes
        self.rows -= rows
        self.detail_bytes -= detail_bytes
        return rows
