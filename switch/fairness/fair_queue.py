"""A queue that callers share: one line each, served in turn, none longer than its share.

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

    def take(self, rows_max: int, quantum: int) -> list[J]:
        """What goes next: up to `rows_max` rows, `quantum` of each caller a turn; a larger job alone. Who got a turn goes to the end."""
        taken: list[J] = []
        room = rows_max
        refused = 0
        while self._lines and room > 0 and refused < len(self._lines):
            caller, line = next(iter(self._lines.items()))
            rows = self._turn(line, min(room, quantum), not taken, taken)
            refused = 0 if rows else refused + 1
            room -= rows
            if line.jobs:
                self._lines.move_to_end(caller)
            else:
                del self._lines[caller]
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
