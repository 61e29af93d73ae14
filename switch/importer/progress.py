"""What a person sees of an import while it runs: rows a second, latencies, declines by code.

Nothing is drawn unless stderr is a terminal.
"""

import time
from collections import Counter, deque
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from switch.problems.table import NUMBERS

RECENT: Final = 2_000
"""Calls over which the latencies on the screen are taken."""


class Tally:
    """Counts of one run. `stage` and `waiting` are for the eye."""

    def __init__(self) -> None:
        self.rows = 0
        self.resumed_rows = 0
        self.replayed = 0
        self.total = 0
        self.codes: Counter[int] = Counter()
        self.latencies_s: list[float] = []
        self.retries = 0
        self.stage = ""
        self.waiting = ""
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._started = 0.0
        self._ended = 0.0

    def start(self) -> None:
        """Payments begin."""
        self._started = time.perf_counter()

    def end(self) -> None:
        """Payments are over."""
        self._ended = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long payments took, or have taken."""
        return (self._ended or time.perf_counter()) - self._started if self._started else 0.0

    @property
    def rate(self) -> float:
        """Rows a second of this run."""
        return (self.rows - self.resumed_rows) / self.seconds if self.seconds else 0.0

    def called(self, seconds: float) -> None:
        """A call was answered."""
        self.waiting = ""
        if self._started and not self._ended:
            self.latencies_s.append(seconds)
            self._recent.append(seconds)

    def retried(self, why: str) -> None:
        """A call must be made again."""
        self.retries += 1
        self.waiting = why

    def answered(self, codes: NDArray[np.uint16], replayed: int) -> None:
        """Rows have their answers."""
        self.rows += len(codes)
        self.replayed += replayed
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            self.codes[int(code)] += int(count)

    def declined(self) -> dict[str, int]:
        """Rows by the name of what they were declined for, the most first."""
        return {NUMBERS[code]: count for code, count in self.codes.most_common() if code}

    def latencies_ms(self, recent: bool = False) -> tuple[float, float]:
        """The 50th and 99th percentile of calls with payments."""
        values = self._recent if recent else self.latencies_s
        if not values:
            return 0.0, 0.0
        p50, p99 = np.percentile(np.array(values), (50, 99)) * 1_000
        return float(p50), float(p99)


class _TallyColumn(ProgressColumn):
    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def render(self, task: Task) -> Text:
        """The text next to the bar."""
        tally = self._tally
        if tally.waiting:
            return Text(f"waiting: {tally.waiting}"[:100], style="yellow")
        p50, p99 = tally.latencies_ms(recent=True)
        declines = ", ".join(f"{name} {count:,}" for name, count in tally.declined().items())
        return Text(f"{tally.rate:,.0f} rows/s · p50 {p50:.0f} ms · p99 {p99:.0f} ms · {declines or 'no declines'}")


class Display:
    """Draws a tally on stderr while the context lasts."""

    def __init__(self, tally: Tally) -> None:
        console = Console(stderr=True)
        self._tally = tally
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            _TallyColumn(tally),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=1)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refresh()
        self._progress.stop()

    def refresh(self) -> None:
        """Show the tally as it is now."""
        tally = self._tally
        self._progress.update(
            self._task, description=tally.stage, total=max(tally.total, 1), completed=min(tally.rows, tally.total)
        )
