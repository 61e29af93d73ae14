"""Run an import: wallets, waves of payments, and a comparison of every balance.

It can be killed at any point: every call is made again under the same key, in the same order, and gets the same answer.
"""

import asyncio
import csv
import hashlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from actors.records.addresses import shard_of
from actors.records.codes import FIRST_DECLINED, Code
from actors.records.ids import addresses_in
from models.wording import counted
from switch.http.times import now_ms, time_text
from switch.importer.client import SILENCE_MAX_S, Answers, Backoff, Client, SwitchError, untried
from switch.importer.correction import Corrections
from switch.importer.expected import Expected, expected
from switch.importer.formats import read_history
from switch.importer.history import HELD_BACK, OPENING, History, ImportFileError
from switch.importer.marks import Marks, are_forgotten, refuse_lost
from switch.importer.plan import NONE, Plan, make_plan, requests
from switch.importer.progress import Tally
from switch.importer.state import StateFile, StateRefused, Wave
from switch.importer.wallets import READS_AT_A_TIME, Wallets, floor_notes, make_wallets, standings, without_openings
from switch.problems.table import NUMBERS, REFUSED_NUMBERS

NEVER_MADE: Final = 1 << 62
"""Beyond every address of a record."""
READY_WITHIN_S: Final = 60.0
BEFORE_WRITING: Final = ("", "reading")
"""Stages of an import in which nothing was made yet."""
REQUEST_ROWS: Final = 4_096
"""Rows of a request: large enough that calls cost little, small enough that several are under way."""
LANDED_WITHIN_S: Final = 30.0
"""Money on its way between shards lands within milliseconds; a balance that stays wrong for so long is wrong."""
LOOK_AGAIN_S: Final = 0.02
SHOWN_MAX: Final = 10


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`rate`: rows a second at most, 0 = as fast as it goes; `currency`: of a file that names none."""

    file: Path
    format: str
    url: str
    key: str | None
    concurrency: int
    rate: float
    state: Path | None
    currency: str | None = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet that does not hold what it must."""

    wallet: str
    expected: int
    posted: int
    held: int


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet must hold."""

    posted: int
    held: int = 0


_EMPTY: Final = Holding(posted=0)


class Unexpected(msgspec.Struct, frozen=True, kw_only=True):
    """A row whose outcome is not the file's."""

    row: str
    expected: str
    outcome: str


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one run. `rows`: of the file, with opening balances and the like in `extra_rows`; `wallets_there_before`: those that this
    file did not make; `changed`: rows that are new among rows that were imported before; `drift`: how far the whole amounts lie
    from the last balances that the file itself records."""

    file: str
    format: str
    rows: int
    extra_rows: int
    wallets: int
    wallets_there_before: int
    waves: int
    resumed_rows: int
    replayed: int
    posted: int
    declined: dict[str, int]
    seconds: float
    rows_per_second: float
    total_seconds: float
    calls: int
    retries: int
    latency_p50_ms: float
    latency_p99_ms: float
    drift: int | None
    unexpected_count: int
    unexpected: list[Unexpected]
    difference_count: int
    differences: list[Difference]
    changed_count: int
    changed: list[str]
    notes: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether everything came out as the file says, and nothing is left for a person to look at."""
        return not (self.unexpected_count or self.difference_count or self.changed_count)


_HINTS: Final = {
    "idempotency_mismatch": "; a payment with its key was made before and is not as this row says: give it a key of its own",
    "effective_time_went_back": "; its payer has paid at a later time already, in this file or another",
}


class RowRefused(SwitchError):
    """A row that the switch does not take at all."""


async def run_import(options: Options, tally: Tally, refresh: Callable[[], None]) -> ImportReport:
    """Import a file. Raises ImportFileError and SwitchError; what was done stays done."""
    started = time.perf_counter()
    tally.stage = "reading"
    history = await asyncio.to_thread(read_history, options.format, options.file, options.currency)
    wanted = await asyncio.to_thread(_expected, options)
    tally.total = len(history.payments)
    ticker = asyncio.create_task(_tick(refresh))
    try:
        connections = max(options.concurrency, READS_AT_A_TIME)
        async with Client(options.url, options.key, connections, tally.called, tally.retried) as client:
            await client.ready(READY_WITHIN_S)
            await client.may_pay_and_read()
            tally.stage = "wallets"
            wallets = await make_wallets(client, history)
            history = without_openings(history, wallets.before)
            tally.total = len(history.payments)
            run = ImportRun(options, history, client, wallets, tally)
            await run.payments()
            tally.stage = "balances"
            differences = await compare(client, history, wallets, run.wanted(wanted))
    finally:
        ticker.cancel()
    seconds = time.perf_counter() - started
    return run.report(differences, wanted.drift, seconds)


def _expected(options: Options) -> Expected:
    """What wallets must hold, before anything is made: a file that cannot be checked is not paid. Raises ImportFileError."""
    try:
        return expected(options.format, options.file)
    except (LookupError, ValueError, ArithmeticError, csv.Error, pa.ArrowException) as error:
        raise ImportFileError(
            f"{options.file}: what wallets must hold afterwards cannot be worked out from it: {error!r}"
        ) from error


async def _tick(refresh: Callable[[], None]) -> None:
    while True:
        refresh()
        await asyncio.sleep(0.25)


def places(ids: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Segment (w,) in each wallet id (w, 16): its first 20 bits. Wallets of a segment belong to one shard."""
    high = ids[:, :3].astype(np.int64)
    segments: NDArray[np.int64] = (high[:, 0] << 16 | high[:, 1] << 8 | high[:, 2]) >> 4
    return segments


class ImportRun:
    """The payments of one import."""

    def __init__(self, options: Options, history: History, client: Client, wallets: Wallets, tally: Tally) -> None:
        self._options = options
        self._history = history
        self._client = client
        self._wallets = wallets
        self._ids = wallets.ids
        self._tally = tally
        self._operator = np.array([wallet.operator for wallet in history.wallets], np.bool_)
        self._codes = np.zeros(len(history.payments), np.uint16)
        self._old = np.zeros(len(history.payments), np.bool_)
        """Rows that were answered before this run began, so that wallets that were there before hold what came of them."""
        self._first_made: dict[int, int] = {}
        """By shard, the address of the first record that this run made."""
        self._sent_before = np.zeros(len(history.payments), np.bool_)
        self._paid_now = np.zeros(len(history.wallets), np.bool_)
        """Wallets that this run paid."""
        self._there = np.zeros(len(history.wallets), np.bool_)
        self._balance = np.zeros(len(history.wallets), np.int64)
        for index, standing in wallets.before.items():
            self._there[index] = True
            self._balance[index] = standing.posted
        self._transfer_ids: dict[int, bytes] = {}
        self._plan: Plan | None = None
        self._corrections = Corrections(history, wallets.ids, self._operator, client)
        self._marks = Marks()
        """Of what was answered so far: by earlier runs, then in the wave under way."""
        self._notes: list[str] = []
        self._late: list[int] = []
        """Rows that were not taken, since their payer has made payments of this file that come after them."""
        self._resumed_ms: int | None = None
        """When the wave under way was sent first, if that was by an earlier run."""
        self._slots = asyncio.Semaphore(options.concurrency)
        self._sent = 0

    async def payments(self) -> None:
        """Send every wave that was not answered yet. Raises SwitchError."""
        payments, tally = self._history.payments, self._tally
        tally.stage = "planning"
        plan = self._plan = await asyncio.to_thread(
            make_plan,
            payments.payer,
            payments.payee,
            payments.effective_ms,
            self._history.slice_ms,
            self._operator,
            places(self._ids),
        )
        sources = set(plan.after[plan.after != NONE].tolist())
        path = self._options.state or Path(f".shardpay-import-{self._history.digest.hex()}.state")
        with StateFile(path, self._history.digest, self._identity(plan)) as state:
            try:
                progress = await asyncio.to_thread(state.read)
            except StateRefused as error:
                raise SwitchError(f"{error}, and is left as it is; name another with --state") from None
            waves, begun_ms, _ = progress
            for done in waves:
                self._marks.add_noted(done)
            await refuse_lost(self._marks, self._corrections.marked, self._name, path, progress)
            for done in waves:
                self._restore(plan, done)
            if not waves and plan.waves and begun_ms is None:
                await self._corrections.refuse_forgotten(plan.rows(0), self._wallets)
            elif not waves and plan.waves and are_forgotten(begun_ms or 0):
                begun_ms = None if await self._corrections.are_untouched(plan.rows(0), self._wallets) else begun_ms
            tally.resumed_rows = tally.rows
            tally.stage = "payments"
            tally.start()
            for wave in range(len(waves), plan.waves):
                self._resumed_ms = begun_ms
                if begun_ms is None:
                    await asyncio.to_thread(state.begin, wave, now_ms())
                state.append(await self._wave(plan, wave, sources))
                begun_ms = None
            tally.end()

    def _identity(self, plan: Plan) -> bytes:
        digest = hashlib.blake2b(self._history.digest, digest_size=16)
        for column in (self._ids, plan.order, plan.starts, plan.after):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.digest()

    def _restore(self, plan: Plan, wave: Wave) -> None:
        self._codes[np.frombuffer(wave.rows, "<u4")] = np.frombuffer(wave.codes, "<u2")
        for place, row in enumerate(np.frombuffer(wave.sources, "<u4").tolist()):
            self._transfer_ids[row] = wave.ids[16 * place : 16 * place + 16]
        rows = plan.rows(wave.number)
        self._old[rows] = True
        self._book(rows)
        self._tally.answered(self._codes[rows], wave.replayed)

    async def _wave(self, plan: Plan, wave: int, sources: set[int]) -> Wave:
        payments = self._history.payments
        self._marks = Marks()
        rows = plan.rows(wave)
        for row in (*plan.confirm.get(wave, ()), *self._not_to_name(plan, rows)):
            await self._confirm(int(payments.payer[row]))
        parts = requests(rows, payments.payer, payments.payee, self._operator, REQUEST_ROWS)
        if len(parts) == 1:
            replayed = await self._request(plan, parts[0], sources)
        else:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._request(plan, part, sources)) for part in parts]
            replayed = sum(task.result() for task in tasks)
        self._book(rows)
        failed = rows[self._codes[rows] != Code.OK]
        named = [row for row in rows.tolist() if row in sources]
        return Wave(
            wave,
            failed.astype("<u4").tobytes(),
            self._codes[failed].astype("<u2").tobytes(),
            np.array(named, "<u4").tobytes(),
            b"".join(self._transfer_ids[row] for row in named),
            replayed,
            *self._marks.packed(),
        )

    async def _request(self, plan: Plan, rows: NDArray[np.int64], sources: set[int]) -> int:
        """Send rows until all are answered; gives how many answers were recorded results. What is sent again keeps its order."""
        replayed = 0
        pause = Backoff()
        async with self._slots:
            sent_ms = self._resumed_ms
            while True:
                await self._pace(len(rows))
                sent_ms = sent_ms or now_ms()
                self._check_keys(rows, sent_ms)
                answered = await self._client.transfers(self._history, rows, self._ids, self._after(plan, rows))
                answers = await self._corrections.known(rows, answered)
                if answers.tries == 1:
                    self._old[rows] |= self._recorded_before(answers) & ~self._sent_before[rows]
                self._sent_before[rows] = True
                again = untried(answers.codes)
                ended = rows[~again]
                codes = answers.codes[~again]
                await self._check_refused(ended, codes)
                self._codes[ended] = codes
                self._marks.add(ended, answers.ids[~again])
                for place in np.flatnonzero(~again).tolist():
                    if int(rows[place]) in sources:
                        self._transfer_ids[int(rows[place])] = answers.ids[place].tobytes()
                count = int(np.count_nonzero(answers.replayed[~again]))
                self._tally.answered(codes, count)
                replayed += count
                if not again.any():
                    return replayed
                if len(ended):
                    pause = Backoff()
                rows = rows[again]
                await pause.take(0.0, f"{counted(len(rows), 'row has', 'rows have')} no result yet")

    def _check_keys(self, rows: NDArray[np.int64], sent_ms: int) -> None:
        """Before rows are sent that perhaps were sent first at a time. Raises SwitchError where the switch may have forgotten their keys,
        and would pay twice."""
        if are_forgotten(sent_ms):
            first, last = self._name(int(rows[0])), self._name(int(rows[-1]))
            raise SwitchError(
                f"{first} to {last} were sent first at {time_text(sent_ms)}, and not all were answered; the switch remembers "
                "their keys for 24 hours, so sent now they could be paid twice. Statements of their wallets say which are paid: "
                "import a file of those that are not"
            )

    def _recorded_before(self, answers: Answers) -> NDArray[np.bool_]:
        """Which rows (k,) of an answer were recorded before this run began. A repeat alone does not say so: the switch sends a row again by
        itself when a process dies. What this run made lies beyond the first record that it made on a shard."""
        addresses = addresses_in(answers.ids)
        shards = shard_of(addresses)
        for shard in np.unique(shards[~answers.replayed & (addresses > 0)]).tolist():
            made = addresses[~answers.replayed & (shards == shard)].min()
            self._first_made[shard] = min(self._first_made.get(shard, made), made)
        bounds = np.array([self._first_made.get(shard, NEVER_MADE) for shard in shards.tolist()], np.int64)
        before: NDArray[np.bool_] = answers.replayed & (addresses < bounds)
        return before

    def _not_to_name(self, plan: Plan, rows: NDArray[np.int64]) -> list[int]:
        """Those of a wave's rows whose `after` was declined: what paid their payer before it may still be under way, and a decline cannot
        be named."""
        named = rows[plan.after[rows] != NONE]
        declined: list[int] = named[self._codes[plan.after[named]] != Code.OK].tolist()
        return declined

    def _after(self, plan: Plan, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Ids (k, 16) to name in `after`, nil where none is needed."""
        after = np.zeros((len(rows), 16), np.uint8)
        sources = plan.after[rows]
        for place in np.flatnonzero((sources != NONE) & (self._codes[sources] == Code.OK)).tolist():
            after[place] = np.frombuffer(self._transfer_ids[int(sources[place])], np.uint8)
        return after

    async def _check_refused(self, rows: NDArray[np.int64], codes: NDArray[np.uint16]) -> None:
        refused = np.flatnonzero((codes > 0) & (codes < FIRST_DECLINED) | np.isin(codes, REFUSED_NUMBERS))
        for row, code in zip(rows[refused].tolist(), codes[refused].tolist(), strict=True):
            if code == Code.EFFECTIVE_TIME_WENT_BACK and await self._corrections.stands_before(row):
                self._late.append(row)
                continue
            hint = _HINTS.get(NUMBERS[code], "")
            raise RowRefused(f"{self._name(row)} was refused: {NUMBERS[code]}; nothing after it was sent{hint}")

    async def _pace(self, rows: int) -> None:
        if self._options.rate > 0:
            due_s = self._sent / self._options.rate
            self._sent += rows
            await asyncio.sleep(max(0.0, due_s - self._tally.seconds))

    async def _confirm(self, wallet: int) -> None:
        """Wait until all money that was paid to a wallet so far has landed on its shard. What earlier runs paid has. Raises SwitchError."""
        if not self._paid_now[wallet]:
            return
        due = int(self._balance[wallet])
        identity = uuid.UUID(bytes=self._ids[wallet].tobytes())
        deadline = time.monotonic() + SILENCE_MAX_S
        while (await self._client.standing(identity)).posted != due:
            if time.monotonic() > deadline:
                raise SwitchError(f"{self._history.wallets[wallet].external_id} never came to {due}")
            await asyncio.sleep(LOOK_AGAIN_S)

    def _book(self, rows: NDArray[np.int64]) -> None:
        """Add up what wallets hold after answered rows; those that were there before hold what came of old rows."""
        payments = self._history.payments
        posted = rows[self._codes[rows] == Code.OK]
        for wallet, change in ((payments.payer[posted], np.subtract), (payments.payee[posted], np.add)):
            counts = ~(self._there[wallet] & self._old[posted])
            change.at(self._balance, wallet[counts], payments.amount[posted][counts])
        self._paid_now[payments.payee[posted[~self._old[posted]]]] = True

    def wanted(self, expected: Expected) -> dict[str, Holding]:
        """What wallets must hold by their names: what the file says, on top of what they held before it, without the opening balances
        that they already had."""
        history, payments = self._history, self._history.payments
        index = {wallet.external_id: place for place, wallet in enumerate(history.wallets)}
        old = np.flatnonzero(self._old & (self._codes == Code.OK))
        before = np.zeros(len(history.wallets), np.int64)
        np.add.at(before, payments.payer[old], payments.amount[old])
        np.subtract.at(before, payments.payee[old], payments.amount[old])
        balances = dict(expected.balances)
        for name, opening in expected.openings.items():
            if name in index and self._there[index[name]]:
                balances[name] -= opening
                balances[expected.funded_by] += opening
        wanted = {}
        for name, balance in balances.items():
            held = self._wallets.before.get(index.get(name, -1))
            base = 0 if held is None else held.posted + int(before[index[name]])
            wanted[name] = Holding(posted=balance + base, held=0 if held is None else held.held)
        self._notes = self._corrections.unexplained(old, before, self._wallets, expected.openings)
        return wanted

    def _name(self, row: int) -> str:
        number = int(self._history.payments.number[row])
        if number < OPENING:
            return self._history.place.of(number)
        base = HELD_BACK if number >= HELD_BACK else OPENING
        return f"the opening balance of {self._history.wallets[number - base].external_id}"

    def report(self, differences: list[Difference], drift: int | None, total_seconds: float) -> ImportReport:
        """The figures, once all is done."""
        history, tally = self._history, self._tally
        unexpected = self._unexpected()
        changed = [] if self._plan is None else self._corrections.changed(self._plan, self._old, self._late)
        p50, p99 = tally.latencies_ms()
        extra = int(np.count_nonzero(history.payments.number >= OPENING))
        return ImportReport(
            file=str(self._options.file),
            format=history.name,
            rows=len(history.payments) - extra,
            extra_rows=extra,
            wallets=len(history.wallets),
            wallets_there_before=len(self._wallets.before),
            waves=0 if self._plan is None else self._plan.waves,
            resumed_rows=tally.resumed_rows,
            replayed=tally.replayed,
            posted=tally.codes[0],
            declined=tally.declined(),
            seconds=tally.seconds,
            rows_per_second=tally.rate,
            total_seconds=total_seconds,
            calls=len(tally.latencies_s),
            retries=tally.retries,
            latency_p50_ms=p50,
            latency_p99_ms=p99,
            drift=drift,
            unexpected_count=len(unexpected),
            unexpected=[self._outcome(row) for row in unexpected[:SHOWN_MAX].tolist()],
            difference_count=len(differences),
            differences=differences[:SHOWN_MAX],
            changed_count=len(changed),
            changed=[self._name(row) for row in changed[:SHOWN_MAX]],
            notes=(*history.notes, *self._notes, *floor_notes(history, self._wallets)),
        )

    def _unexpected(self) -> NDArray[np.int64]:
        stated = np.where(self._history.payments.declined, np.uint16(Code.INSUFFICIENT_FUNDS), np.uint16(0))
        return np.flatnonzero(self._codes != stated)

    def _outcome(self, row: int) -> Unexpected:
        stated = Code.INSUFFICIENT_FUNDS if self._history.payments.declined[row] else Code.OK
        return Unexpected(row=self._name(row), expected=NUMBERS[stated], outcome=NUMBERS[int(self._codes[row])])


async def compare(client: Client, history: History, wallets: Wallets, wanted: dict[str, Holding]) -> list[Difference]:
    """Wallets that do not hold exactly what they must. Money still on its way is waited for."""
    index = {wallet.external_id: place for place, wallet in enumerate(history.wallets)}
    absent = [
        Difference(wallet=name, expected=wanted[name].posted, posted=0, held=0) for name in wanted if name not in index
    ]
    open_ones = list(index.values())
    deadline = time.monotonic() + LANDED_WITHIN_S
    while True:
        found = await standings(client, wallets, open_ones)
        wrong = {}
        for place, is_ in found.items():
            name = history.wallets[place].external_id
            must = wanted.get(name, _EMPTY)
            if (is_.posted, is_.held) != (must.posted, must.held):
                wrong[place] = Difference(wallet=name, expected=must.posted, posted=is_.posted, held=is_.held)
        if not wrong or time.monotonic() > deadline:
            return sorted([*absent, *wrong.values()], key=lambda difference: difference.wallet)
        open_ones = list(wrong)
        await asyncio.sleep(LOOK_AGAIN_S)
