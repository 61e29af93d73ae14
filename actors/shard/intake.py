"""Requests that wait for a batch, and how a batch is made of them.

It is bounded in rows and bytes; large requests come a part at a time.

All of a batch is sealed and stored together, and whoever comes later waits for it. So a request whose records and details take long to
store is cut, where no linked group is, into parts that are batches of their own; small requests go between them. While several callers are
about, batches are slices: small requests are batches of their own, callers with large ones take turns, and one slice of those at a time
is under way, so a payment waits for a slice and not for all that others have sent.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.ledger.admission import BEHIND_MAX
from actors.records.layout import FLAG_LINKED, RECORD, RESULT, Requests, Results
from actors.records.survey import OPEN_GROUP, SEVERAL, survey_requests
from actors.shard.fills import Fill
from actors.shard.messages import Answer, Submit

BATCH_ROWS_MAX: Final = 65_536
QUEUE_ROWS_MAX: Final = 131_072
"""Rows that wait; beyond it the answer is BUSY."""
QUEUE_DETAIL_BYTES_MAX: Final = 128 << 20
"""Details that wait, of two of the largest batches; beyond it the answer is BUSY."""
SMALL_ROWS_MAX: Final = 16_384
"""Rows of small requests that may wait beyond QUEUE_ROWS_MAX: who has large ones cannot take their place."""
SMALL_SHARE: Final = 8
"""A request is small that takes at most this part of a batch; half of a batch is for small ones first, the other half for the rest."""
SLICE_ROWS: Final = 512
"""Of a batch while several callers are about: made in some 1 ms and stored in 2. Beside one that pays a hundred times a second 50,000 rows
a second go through; with slices of 256 it is 26,000, with 128 16,000, at which two full batches would come near their deadline."""
SMALL_CALL_ROWS: Final = 64
"""A request of so many rows is small, too, while several are about: payments that a front door gathered."""
SLICE_EVERY_MS: Final = 8
"""A slice of large requests waits until all small ones are stored, but no longer than so after the slice before: then it has its turn."""
ABOUT_MS: Final = 1_000
"""So long after its last request a caller still counts as being about: one that sends a payment now and then, too."""


class Asked:
    """A request on its way through the shard: what of it was taken so far, and what was answered. `found`: what its rows are, as in
    `survey`. `behind`: payers of which a row of the parts before is not tried yet, as in `Admission`."""

    def __init__(self, submit: Submit) -> None:
        self.ref = submit.ref
        self.count = len(submit.rows)
        self.caller, self.found = survey_requests(submit.rows)
        assert not self.found & OPEN_GROUP, "a group ends where its request ends"
        self.taken = 0
        self.behind: NDArray[np.int64] | None = None
        self._rows = submit.rows
        self._details = submit.details
        self._slots, self._edges = _edges(submit.details)
        self._results: Results | None = None
        self._answered = 0

    @property
    def rows_left(self) -> int:
        """Rows that no batch has taken yet."""
        return self.count - self.taken

    @property
    def bytes_left(self) -> int:
        """What they will take in the journal."""
        return self.rows_left * RECORD.itemsize + self.detail_bytes_left

    @property
    def small(self) -> bool:
        """Whether that is a small part of a slice, or a call's worth of payments that fits into one."""
        gathered = self.count <= SMALL_CALL_ROWS and self.bytes_left <= _slice_bytes()
        return gathered or self.bytes_left <= _slice_bytes() // SMALL_SHARE

    @property
    def detail_bytes_left(self) -> int:
        """What their details will take."""
        return self._detail_bytes(self.taken, self.count) if self._details else 0

    def _detail_bytes(self, first: int, end: int) -> int:
        low, high = np.searchsorted(self._slots, (first, end))
        return int(self._edges[high] - self._edges[low])

    def take(self, rows_max: int, bytes_max: int, *, at_least_one: bool) -> "Part | None":
        """As much as fits; at least one group, however large, or else perhaps nothing."""
        first = self.taken
        end = self.count
        if self.rows_left > rows_max or self.bytes_left > bytes_max:
            end = self._group_end(self._fitting(rows_max, bytes_max), at_least_one)
        if end == first:
            return None
        self.taken = end
        return Part(self, first, end)

    def _fitting(self, rows_max: int, bytes_max: int) -> int:
        """Where rows end that fit, groups or not."""
        rows = min(self.rows_left, rows_max, bytes_max // RECORD.itemsize)
        while rows and rows * RECORD.itemsize + self._detail_bytes(self.taken, self.taken + rows) > bytes_max:
            rows //= 2
        return self.taken + rows

    def _group_end(self, end: int, at_least_one: bool) -> int:
        if end > self.taken and not self._rows["flags"][end - 1] & FLAG_LINKED:
            return end
        ends = self.taken + np.flatnonzero(self._rows["flags"][self.taken :] & FLAG_LINKED == 0) + 1
        fitting = int(np.searchsorted(ends, end, "right"))
        if fitting:
            return int(ends[fitting - 1])
        return int(ends[0]) if at_least_one else self.taken

    def rows(self, first: int, end: int) -> Requests:
        """Some of its rows."""
        return self._rows[first:end]

    def details(self, first: int, end: int) -> dict[int, bytes]:
        """Their details, by index from `first`."""
        if end - first == self.count or not self._details:
            return self._details
        low, high = np.searchsorted(self._slots, (first, end))
        return {slot - first: self._details[slot] for slot in self._slots[low:high].tolist()}

    def applied(self) -> None:
        """Rows and details are let go when all were taken: an answer may wait for long, and details are large."""
        if not self.rows_left:
            self._rows, self._details = self._rows[:0], {}
            self._slots, self._edges = _edges({})

    def answer(self, first: int, results: Results) -> list[Answer]:
        """RESULT rows of a part; the answer, when it is the last that was missing."""
        if len(results) == self.count:
            return [Answer(ref=self.ref, value=results)]
        if self._results is None:
            self._results = np.zeros(self.count, RESULT)
        self._results[first : first + len(results)] = results
        self._answered += len(results)
        return [] if self._answered < self.count else [Answer(ref=self.ref, value=self._results)]


def _slice_bytes() -> int:
    return SLICE_ROWS * RECORD.itemsize


def _edges(details: dict[int, bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which rows have details, and the sum of their bytes before each of them and after the last."""
    if not details:
        return _NO_EDGES
    slots = np.sort(np.fromiter(details, np.int64, len(details)))
    sizes = np.fromiter((len(details[slot]) for slot in slots.tolist()), np.int64, len(slots))
    return slots, np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))


_NO_EDGES: Final = (np.zeros(0, np.int64), np.zeros(1, np.int64))


class Part(NamedTuple):
    """Rows `first` to `end` of a request."""

    asked: Asked
    first: int
    end: int

    @property
    def rows(self) -> Requests:
        """These rows."""
        return self.asked.rows(self.first, self.end)

    def details(self) -> dict[int, bytes]:
        """Details by row of the part."""
        return self.asked.details(self.first, self.end)


def whole(submit: Submit) -> Part:
    """All of a request in one part."""
    part = Asked(submit).take(len(submit.rows), 1 << 62, at_least_one=True)
    assert part is not None
    return part


class Intake:
    """The queue. A request that was taken in part goes to its end. Times are those of the core, milliseconds."""

    def __init__(self, asked: type[Asked] = Asked) -> None:
        self.rows = 0
        self._asked = asked
        self._detail_bytes = 0
        self._queue: list[Asked] = []
        self._last_caller: int | None = None
        self._several_until = 0
        self._slice_due_ms = 0
        self._large_next = False

    def offer(self, submit: Submit, now_ms: int) -> bool:
        """Let a request wait, at least one row; False when there is no room."""
        asked = self._asked(submit)
        size = asked.detail_bytes_left
        self._heard_of(asked.caller, now_ms)
        full = size and self._queue and self._detail_bytes + size > QUEUE_DETAIL_BYTES_MAX
        if full or self.rows + asked.count > self._rows_max(asked, now_ms):
            return False
        self._queue.append(asked)
        self.rows += asked.count
        self._detail_bytes += size
        return True

    def _heard_of(self, caller: int, now_ms: int) -> None:
        if self._last_caller not in (None, caller) or caller == SEVERAL:
            self._several_until = now_ms + ABOUT_MS
        self._last_caller = caller

    def _rows_max(self, asked: Asked, now_ms: int) -> int:
        """How many rows may wait with this request. A caller has at most half of the queue while others are about."""
        if asked.small:
            return QUEUE_ROWS_MAX + SMALL_ROWS_MAX
        own = sum(each.rows_left for each in self._queue if each.caller == asked.caller)
        if own and own + asked.count > QUEUE_ROWS_MAX // 2 and self.is_shared(now_ms):
            return 0
        return QUEUE_ROWS_MAX

    def is_shared(self, now_ms: int) -> bool:
        """Whether several callers are about."""
        return now_ms < self._several_until

    @property
    def fill(self) -> Fill:
        """How full the queue is."""
        return Fill(self.rows, QUEUE_ROWS_MAX + SMALL_ROWS_MAX)

    def batch_rows(self, more: int, now_ms: int) -> int:
        """How many rows the next batch may have when so many more come."""
        rows = self.rows + more
        return min(rows, SLICE_ROWS) if self.is_shared(now_ms) else rows

    def take(self, bytes_max: int, backlog_bytes: int, now_ms: int) -> list[Part]:
        """The parts of the next batch: at most BATCH_ROWS_MAX rows and so many bytes, but at least one group. None when what waits has to
        wait until more of the backlog is stored. Whose rows are taken is about, however long ago they came: a large request of one
        that says nothing more is not to become one batch that all others wait for."""
        parts = self._next_parts(bytes_max, backlog_bytes, now_ms)
        for part in parts[:1] + parts[-1:]:
            self._heard_of(part.asked.caller, now_ms)
        return parts

    def _next_parts(self, bytes_max: int, backlog_bytes: int, now_ms: int) -> list[Part]:
        if not self.is_shared(now_ms):
            return self._take(bytes_max)
        slice_bytes = min(bytes_max, _slice_bytes())
        small = [asked for asked in self._queue if asked.small]
        large = [asked for asked in self._queue if not asked.small] if backlog_bytes < slice_bytes // 2 else []
        due = self._large_next and now_ms >= self._slice_due_ms
        if large and (due or not (small or backlog_bytes)):
            self._large_next = False
            self._slice_due_ms = now_ms + SLICE_EVERY_MS
            return self._take_slice(large, slice_bytes)
        self._large_next = True
        return self._take_slice(small, slice_bytes)

    @property
    def has_large(self) -> bool:
        """Whether large requests wait."""
        return any(not asked.small for asked in self._queue)

    def _take(self, bytes_max: int) -> list[Part]:
        taking = _Taking(bytes_max)
        small = bytes_max // SMALL_SHARE
        rest = [a for a in self._queue if a.bytes_left > small or not taking.whole(a, bytes_max // 2)]
        cut: list[Asked] = []
        while rest and not cut and taking.some(rest[0]):
            asked = rest.pop(0)
            if asked.rows_left:
                cut.append(asked)
        self._now_waits(rest + cut)
        return taking.parts

    def _take_slice(self, waiting: Sequence[Asked], bytes_max: int) -> list[Part]:
        """Some of these requests, callers in turn; who had theirs goes to the end."""
        taking = _Taking(bytes_max)
        served = set()
        for asked in _in_turn(waiting):
            if not taking.some(asked):
                break
            served.add(asked.caller)
        behind = [asked for asked in waiting if asked.caller in served]
        moved = set(map(id, behind))
        self._now_waits([asked for asked in self._queue if id(asked) not in moved] + [a for a in behind if a.rows_left])
        return taking.parts

    def _now_waits(self, queue: list[Asked]) -> None:
        self._queue = queue
        self.rows = sum(asked.rows_left for asked in queue)
        self._detail_bytes = sum(asked.detail_bytes_left for asked in queue)


def _in_turn(waiting: Sequence[Asked]) -> list[Asked]:
    """The first of each caller, then the second of each, and so on."""
    places = Counter[int]()
    turns = []
    for asked in waiting:
        turns.append(places[asked.caller])
        places[asked.caller] += 1
    return [waiting[i] for i in sorted(range(len(waiting)), key=turns.__getitem__)]


class _Taking:
    """A batch that is being put together."""

    def __init__(self, bytes_max: int) -> None:
        self.parts: list[Part] = []
        self._rows_max = BATCH_ROWS_MAX
        self._bytes_max = bytes_max

    def whole(self, asked: Asked, bytes_kept: int) -> bool:
        """Take all of a request that leaves so many bytes free."""
        size, rows = asked.bytes_left, asked.rows_left
        if size > self._bytes_max - bytes_kept or rows > self._rows_max:
            return False
        return self._take(asked)

    def some(self, asked: Asked) -> bool:
        """Take as much of a request as fits."""
        return self._take(asked)

    def _take(self, asked: Asked) -> bool:
        size = asked.bytes_left
        part = asked.take(self._rows_max, self._bytes_max, at_least_one=not self.parts)
        if part is None:
            return False
        self.parts.append(part)
        self._rows_max -= part.end - part.first
        self._bytes_max -= size - asked.bytes_left
        return True


def untried_payers(parts: list[Part]) -> NDArray[np.int64] | None:
    """Payers of which a row of an earlier part is not tried yet, as in `Admission.behind`; None when no request was cut."""
    known = [part.asked.behind for part in parts if part.asked.behind is not None]
    if not known:
        return None
    payers = np.unique(np.concatenate([behind[1 : 1 + behind[0]] for behind in known]))[:BEHIND_MAX]
    merged = np.zeros(1 + BEHIND_MAX, np.int64)
    merged[0], merged[1 : 1 + len(payers)] = len(payers), payers
    return merged
