"""Drive a job: give units to workers, count what they gave, publish when all is there.

The driver moves no data. It dies at any time without harm: what is done is in the output's done-list, and the next run goes on from there.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from actors.process.worker_pool import Event, Pool
from actors.rescore.inputs import Prepared
from actors.rescore.job import Corrupt, Done, InputFile, Job, Part, Plan, RescoreRefused, Tally, Unit
from actors.rescore.output import BAD, CARD, INPUTS, MANIFEST, Output, Status
from actors.rescore.refusals import explained, in_words
from actors.rescore.scoring import not_comparable, stability, summed
from actors.storage.interface import StorageRefused, now
from models.scorecard import Scorecard, canonical

STATUS_EVERY_S: Final = 5.0
TURN_S: Final = 0.25
"""How often the driver looks up while nothing comes."""
DEATHS_MAX: Final = 3
"""Of workers at one unit: then it is the unit that kills them. And for each worker, one after the other with none getting ready."""
NOWHERE: Final = -1
"""No unit: of a death before any was given."""
GRACE_S: Final = 20.0
"""After a stop, for units that are being worked on: half of what orchestrators give by default."""
FORMAT: Final = 1


class Stopped(Exception):
    """Somebody asked the driver to stop; what is done is kept."""


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """An input as the manifest names it."""

    path: str
    bytes: int
    footer: str
    rows: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The result: what readers go by. `rows` = scored + bad + not available, and each of them is in `tally`."""

    format: int
    card: dict[str, Any]
    code: str
    settings: dict[str, Any]
    schema: tuple[str, ...]
    inputs: tuple[Input, ...]
    corrupt: tuple[Corrupt, ...]
    rows: int
    scored: int
    bad: int
    not_available: int
    parts: tuple[Part, ...]
    bad_rows: tuple[Part, ...]
    tally: Tally


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """Score `share` of the units first, and no more where PSI against the run `before` is over `psi_max`."""

    share: float
    psi_max: float
    before: Tally


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What does not decide bytes. `stopping` is asked whether to stop; `on_status` gets each status."""

    workers: int
    max_bad: float
    stopping: Callable[[], bool]
    on_status: Callable[[Status], None]
    canary: Canary | None = None


def run(prepared: Prepared, pool: Callable[[Job], Pool], options: Options) -> Manifest:
    """Do what is left of a job and publish it. Raises RescoreRefused, Stopped and StorageRefused."""
    output = Output(prepared.job.output)
    with in_words(prepared.job.output):
        output.open()
        try:
            finished = _finished(output, prepared)
            if finished is not None:
                _check_bad(output, finished.bad, finished.rows, options.max_bad)
                _check_moved(options.canary, finished.tally, "of")
                return finished
            done = _resumed(output, prepared)
            return _Driver(prepared, output, done, options).run(pool)
        finally:
            output.close()


def read_manifest(output: Output) -> Manifest | None:
    """None where no job has ended. Raises RescoreRefused for one of another version."""
    data = output.read(MANIFEST)
    try:
        return None if data is None else msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise RescoreRefused(f"{output.folder}/{MANIFEST} is not a manifest of this version: {error}") from None


# What is there already.


def _finished(output: Output, prepared: Prepared) -> Manifest | None:
    """What the same job has published. Raises RescoreRefused for the result of another one, or of inputs that are others now."""
    manifest = read_manifest(output)
    if manifest is None:
        return None
    plan = prepared.job.plan
    output.drop_work()
    other = _other_job(manifest, plan)
    if other is not None:
        raise RescoreRefused(f"{output.folder} holds the result of another job: {other}; give --output a new folder")
    changed = _changed_input(_inputs_of(output, manifest), plan) or _changed_corrupt(manifest, plan)
    if changed is not None:
        raise RescoreRefused(f"{output.folder} holds the result of other inputs: {changed}; give --output a new folder")
    output.check_whole((*manifest.parts, *manifest.bad_rows))
    return manifest


def _other_job(manifest: Manifest, plan: Plan) -> str | None:
    """The first thing besides the inputs in which a plan is not that of a result."""
    for field, old in (("card", manifest.card["hash"]), ("code", manifest.code)):
        if old != getattr(plan, field):
            return _called(field, old, getattr(plan, field))
    settings = msgspec.convert(manifest.settings, type(plan.settings))
    return None if settings == plan.settings else _called("settings", settings, plan.settings)


def _changed_corrupt(manifest: Manifest, plan: Plan) -> str | None:
    """The first file that could not be read and is gone, or that is there since."""
    before = {each.path for each in manifest.corrupt if each.group is None}
    differ = sorted(before ^ {each.path for each in plan.corrupt})
    return f"{differ[0]} is {'gone' if differ[0] in before else 'new'}" if differ else None


def _inputs_of(output: Output, manifest: Manifest) -> list[InputFile]:
    """The inputs of a result as they were read. Raises RescoreRefused where it does not say when they were changed."""
    tags = output.tags()
    if tags is None or {each.path for each in manifest.inputs} - tags.keys():
        raise RescoreRefused(
            f"{output.folder} holds a result without {INPUTS}, so whether its inputs have changed since is not known; "
            "give --output a new folder"
        )
    return [
        InputFile(path=each.path, bytes=each.bytes, tag=tags[each.path], footer=each.footer, rows=each.rows)
        for each in manifest.inputs
    ]


def _resumed(output: Output, prepared: Prepared) -> dict[int, Done]:
    """What an earlier run of the same job has done. Raises RescoreRefused for another job, naming what differs."""
    before = output.plan()
    if before is None:
        output.begin(prepared.job.plan)
        return {}
    difference = _difference(before, prepared.job.plan)
    if difference is not None:
        raise RescoreRefused(f"{output.folder} was begun otherwise: {difference}; undo that, or use a new folder")
    done = output.done()
    output.drop_staged()
    return done


def _difference(before: Plan, plan: Plan) -> str | None:
    """The first thing in which two plans differ."""
    changed = _changed_input(before.inputs, plan)
    if changed is not None:
        return changed
    for field in Plan.__struct_fields__:
        old, new = getattr(before, field), getattr(plan, field)
        if old != new:
            return f"{_called(field, old, new)}"
    return None


def _changed_input(before: Iterable[InputFile], plan: Plan) -> str | None:
    """The first input that is not what it was, by its name."""
    now_by_path = {each.path: each for each in plan.inputs}
    unreadable = {each.path: each.reason for each in plan.corrupt}
    for each in before:
        found = now_by_path.pop(each.path, None)
        if found is None:
            return f"{each.path} " + (
                f"cannot be read: {unreadable[each.path]}" if each.path in unreadable else "is gone"
            )
        for field, what in (("bytes", "size"), ("footer", "footer"), ("tag", "time of change, or ETag")):
            if getattr(found, field) != getattr(each, field):
                return f"{each.path} has changed ({what})"
    if now_by_path:
        return f"{next(iter(now_by_path))} is new"
    return None


def _called(field: str, old: Any, new: Any) -> str:
    if field == "settings":
        names = [name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name)]
        return f"{names[0]} was {getattr(old, names[0])!r}, now {getattr(new, names[0])!r}"
    words = {"card": "the card", "code": "the program"}
    return f"{words.get(field, field)} was {old!r}, now {new!r}"


# The loop.


class _Driver:
    """Units on their way through workers."""

    def __init__(self, prepared: Prepared, output: Output, done: dict[int, Done], options: Options) -> None:
        self._prepared, self._output, self._done, self._options = prepared, output, done, options
        self._units = {unit.number: unit for unit in prepared.units}
        self._canaries = _canaries(prepared.units, options.canary)
        in_order = sorted(prepared.units, key=lambda unit: unit.number not in self._canaries)
        self._left = deque(unit for unit in in_order if unit.number not in done)
        self._busy: dict[int, Unit] = {}
        self._starting: set[int] = set()
        self._idle: set[int] = set()
        self._bad = sum(each.tally.bad for each in done.values())
        self._deaths: dict[int, int] = {}
        self._rows_total, self._bytes_total = prepared.rows, prepared.bytes
        self._begun = time.monotonic()
        self._begun_rows, self._begun_bytes = self._so_far()
        self._next_status = self._begun

    def run(self, make_pool: Callable[[Job], Pool]) -> Manifest:
        """Give out units until all are done, and publish while the workers end."""
        self._check_bad()
        self._check_canary()
        if not self._units:
            _check_moved(self._options.canary, summed({}, self._prepared.job.card), "of")
        if not self._left:
            return _publish(self._output, self._prepared, self._done)
        pool = make_pool(self._prepared.job)
        try:
            self._work(pool)
            pool.end()
            return _publish(self._output, self._prepared, self._done)
        finally:
            pool.stop()

    def _work(self, pool: Pool) -> None:
        try:
            self._report_status("starting")
            for _ in range(min(self._options.workers, len(self._left))):
                self._start(pool)
            while self._left or self._busy:
                if self._options.stopping():
                    self._wind_down(pool)
                    raise Stopped
                self._turn(pool, take=True)
            self._report_status("publishing")
        except BaseException:
            self._report_status("stopped")
            raise

    def _start(self, pool: Pool) -> None:
        """One more worker, which need not wait for its first unit while the next is started."""
        worker = pool.start()
        self._starting.add(worker)
        if pool.prompt and self._left and self._may_go_on():
            self._give(pool, worker)

    def _give(self, pool: Pool, worker: int) -> None:
        self._busy[worker] = self._left.popleft()
        pool.give(worker, self._busy[worker])

    def _turn(self, pool: Pool, take: bool) -> None:
        """`take`: whether units are given out, and workers started in place of dead ones."""
        self._output.keep()
        while take and self._left and self._idle and self._may_go_on():
            self._give(pool, self._idle.pop())
        for event in pool.events(TURN_S):
            self._take(pool, event, take)
        if time.monotonic() >= self._next_status:
            self._report_status("working")

    def _wind_down(self, pool: Pool) -> None:
        """Units that are being worked on may end; those that take longer are dropped, and made again by the next run."""
        deadline = time.monotonic() + GRACE_S
        while self._busy and time.monotonic() < deadline:
            self._turn(pool, take=False)

    def _take(self, pool: Pool, event: Event, take: bool) -> None:
        worker = event.worker
        if event.kind == "ready":
            self._deaths.pop(NOWHERE, None)
            self._starting.discard(worker)
            if worker not in self._busy:
                self._idle.add(worker)
            return
        unit = self._busy.pop(worker, None)
        if event.kind == "done":
            assert unit is not None
            self._done[unit.number] = event.value
            self._bad += event.value.tally.bad
            self._idle.add(worker)
            self._check_bad()
            self._check_canary()
        elif event.kind == "failed":
            raise explained(event.value, self._prepared.job.output)
        else:
            self._worker_died(worker, unit, str(event.value))
            if take and self._left:
                self._start(pool)

    def _worker_died(self, worker: int, unit: Unit | None, how: str) -> None:
        """A worker died: its unit is given out next. Raises RescoreRefused where too many die."""
        if unit is not None:
            self._left.appendleft(unit)
        at = None if worker in self._starting else unit
        self._idle.discard(worker)
        self._starting.discard(worker)
        place = NOWHERE if at is None else at.number
        self._deaths[place] = self._deaths.get(place, 0) + 1
        most = DEATHS_MAX * self._options.workers if at is None else DEATHS_MAX
        if self._deaths[place] >= most:
            where = "before they were ready" if at is None else f"at {self._spans(at)}"
            raise RescoreRefused(f"{most} workers died {where}, the last one so: {how}")

    def _spans(self, unit: Unit) -> str:
        span = unit.spans[0]
        path = self._prepared.job.plan.inputs[span.file].path
        return f"unit {unit.number}, which begins with row group {span.first} of {path}"

    def _check_bad(self) -> None:
        _check_bad(self._output, self._bad, self._rows_total, self._options.max_bad)

    def _may_go_on(self) -> bool:
        """Whether the next unit is one that goes first, or those have shown that others may follow."""
        return not self._canaries or self._left[0].number in self._canaries

    def _check_canary(self) -> None:
        """Compare with the run before, once all units that go first are done."""
        canary = self._options.canary
        if canary is None or not self._canaries or not self._canaries <= self._done.keys():
            return
        found = summed({number: self._done[number].tally for number in self._canaries}, self._prepared.job.card)
        _check_moved(canary, found, "in the first")
        self._canaries = frozenset()

    def _so_far(self) -> tuple[int, int]:
        units = [self._units[number] for number in self._done]
        return sum(unit.rows for unit in units), sum(unit.bytes for unit in units)

    def _report_status(self, state: str) -> None:
        """Write the status for `rescore status`, and give it to whoever watches. A full disk is reported by those who write results."""
        at = time.monotonic()
        self._next_status = at + STATUS_EVERY_S
        rows, done_bytes = self._so_far()
        seconds = max(at - self._begun, 1e-9)
        rate, bytes_rate = (rows - self._begun_rows) / seconds, (done_bytes - self._begun_bytes) / seconds
        tallies = [each.tally for each in self._done.values()]
        status = Status(
            at=now(),
            state=state,
            rows_done=rows,
            rows_total=self._rows_total,
            bytes_done=done_bytes,
            bytes_total=self._bytes_total,
            scored=sum(tally.scored for tally in tallies),
            bad=sum(tally.bad for tally in tallies),
            not_available=sum(tally.not_available for tally in tallies),
            units_done=len(self._done),
            units_total=len(self._units),
            workers=len(self._busy) + len(self._idle),
            rows_per_s=round(rate, 1),
            bytes_per_s=round(bytes_rate, 1),
            eta_s=round((self._bytes_total - done_bytes) / bytes_rate, 1) if bytes_rate else None,
            worker_peak_bytes=max((each.peak_bytes for each in self._done.values()), default=0),
        )
        self._options.on_status(status)
        try:
            self._output.write_status(status)
        except (OSError, StorageRefused):
            return


def _check_bad(output: Output, bad: int, rows: int, most: float) -> None:
    """Raises RescoreRefused where more rows are bad than may be."""
    if bad > most * rows:
        share = f"{bad:,} of {rows:,} rows are bad"
        raise RescoreRefused(f"{share}, more than --max-bad {most:g}; see {output.folder}/{BAD}")


def _check_moved(canary: Canary | None, found: Tally, where: str) -> None:
    """Raises RescoreRefused where scores have moved or cannot be compared; where nobody had one or has one, none has moved. `where`: before
    how many rows they are."""
    if canary is None or not (canary.before.scored or found.scored):
        return
    moved, rows = stability(canary.before, found), f"{where} {found.rows:,} rows"
    if moved is None:
        raise RescoreRefused(
            f"PSI against the run before is not known {rows}, as {not_comparable(canary.before, found)}: "
            "stopped; without --canary it goes on"
        )
    if moved > canary.psi_max:
        raise RescoreRefused(
            f"PSI {moved:.3f} against the run before, over {canary.psi_max:g}, {rows}: stopped; "
            "a higher --psi-max goes on"
        )


def _canaries(units: list[Unit], canary: Canary | None) -> frozenset[int]:
    """Units that go first, spread evenly over all; at least one."""
    if canary is None or not units:
        return frozenset()
    count = max(1, round(canary.share * len(units)))
    return frozenset(units[at * len(units) // count].number for at in range(count))


# The end.


def _publish(output: Output, prepared: Prepared, done: dict[int, Done]) -> Manifest:
    job = prepared.job
    manifest = _manifest(job, done)
    if manifest.rows != prepared.rows:
        raise RescoreRefused(f"{manifest.rows:,} rows came out of {prepared.rows:,}: the job contradicts itself")
    tags = {each.path: each.tag for each in job.plan.inputs}
    output.finish(done.values(), {CARD: canonical(job.card), INPUTS: _json(tags)}, _json(manifest))
    return manifest


def _json(value: Any) -> bytes:
    """As a person may read it."""
    return msgspec.json.format(msgspec.json.encode(value))


def _manifest(job: Job, done: dict[int, Done]) -> Manifest:
    plan = job.plan
    tally = summed({unit: each.tally for unit, each in done.items()}, job.card)
    in_order = [done[unit] for unit in sorted(done)]
    return Manifest(
        format=FORMAT,
        card=_card(job.card, plan.card),
        code=plan.code,
        settings=_settings(plan),
        schema=plan.schema,
        inputs=_inputs(plan),
        corrupt=(*plan.corrupt, *(group for each in in_order for group in each.corrupt)),
        rows=tally.rows,
        scored=tally.scored,
        bad=tally.bad,
        not_available=tally.not_available,
        parts=tuple(part for each in in_order for part in each.parts),
        bad_rows=tuple(part for each in in_order for part in each.bad_rows),
        tally=tally,
    )


def _card(card: Scorecard, digest: str) -> dict[str, Any]:
    return {"name": card.name, "version": card.version, "hash": digest}


def _settings(plan: Plan) -> dict[str, Any]:
    """The settings as they are in JSON."""
    settings: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(plan.settings))
    return settings


def _inputs(plan: Plan) -> tuple[Input, ...]:
    return tuple(Input(path=each.path, bytes=each.bytes, footer=each.footer, rows=each.rows) for each in plan.inputs)
