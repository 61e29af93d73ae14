"""An import from start to end: wallets, waves of payments, and every balance compared with what the file says it must be.

It can be killed at any point: every call is made again under the same key, in the same order, and gets the same answer.
"""

import asyncio
import hashlib
import time
import uuid
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from actors.ledger.codes import FIRST_DECLINED, Code
from switch.importer.client import SILENCE_MAX_S, Client, Pause, SwitchError, untried
from switch.importer.expected import expected
from switch.importer.formats import read_history
from switch.importer.history import HELD_BACK, OPENING, History
from switch.importer.plan import NONE, Plan, make_plan, requests
from switch.importer.progress import Tally
from switch.importer.state import StateFile, Wave
from switch.problems import NUMBERS

READY_WITHIN_S: Final = 60.0
WALLETS_MAX: Final = 10_000
WALLET_BATCHES_AT_A_TIME: Final = 4
REQUEST_ROWS: Final = 4_096
"""Rows of a request: large enough that calls cost little, small enough that several are under way."""
READS_AT_A_TIME: Final = 32
LANDED_WITHIN_S: Final = 30.0
"""Money on its way between shards lands within milliseconds; a balance that stays wrong for so long is wrong."""
LOOK_AGAIN_S: Final = 0.02
SHOWN_MAX: Final = 10


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`rate`: rows a second at most, 0 = as fast as it goes."""

    file: Path
    format: str
    url: str
    key: str | None
    concurrency: int
    rate: float
    state: Path | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet that does not hold what it must."""

    wallet: str
    expected: int
    posted: int
    held: int


class Unexpected(msgspec.Struct, frozen=True, kw_only=True):
    """A row whose outcome is not the file's."""

    row: str
    expected: str
    outcome: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one run. `rows`: of the file, with opening balances and the like in `extra_rows`; `drift`: how far the whole amounts lie
    from the last balances that the file itself records."""

    file: str
    format: str
    rows: int
    extra_rows: int
    wallets: int
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
    notes: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether everything came out as the file says."""
        return not self.unexpected_count and not self.difference_count


class RowRefused(SwitchError):
    """A row that the switch does not take at all."""


async def run_import(options: Options, tally: Tally, refresh: Callable[[], None]) -> Report:
    """Import a file. Raises ImportFileError and SwitchError; what was done stays done."""
    started = time.perf_counter()
    tally.stage = "reading"
    history = await asyncio.to_thread(read_history, options.format, options.file)
    tally.total = len(history.payments)
    ticker = asyncio.create_task(_tick(refresh))
    try:
        connections = max(options.concurrency, READS_AT_A_TIME)
        async with Client(options.url, options.key, connections, tally.called, tally.retried) as client:
            await client.ready(READY_WITHIN_S)
            tally.stage = "wallets"
            ids = await create_wallets(client, history)
            run = Run(options, history, client, ids, tally)
            await run.payments()
            tally.stage = "balances"
            wanted = await asyncio.to_thread(expected, options.format, options.file)
            differences = await compare(client, history, ids, wanted.balances)
    finally:
        ticker.cancel()
    seconds = time.perf_counter() - started
    return run.report(differences, wanted.drift, seconds)


async def _tick(refresh: Callable[[], None]) -> None:
    while True:
        refresh()
        await asyncio.sleep(0.25)


async def create_wallets(client: Client, history: History) -> NDArray[np.uint8]:
    """Ids (w, 16) of the history's wallets, which are made or found again."""
    ids = np.zeros((len(history.wallets), 16), np.uint8)
    batches = iter(_wallet_batches(history))

    async def maker() -> None:
        for key, batch in batches:
            made = await client.create_wallets([history.wallets[index] for index in batch], key)
            for index, identity in zip(batch, made, strict=True):
                ids[index] = np.frombuffer(identity.bytes, np.uint8)

    async with asyncio.TaskGroup() as group:
        for _ in range(WALLET_BATCHES_AT_A_TIME):
            group.create_task(maker())
    return ids


def _wallet_batches(history: History) -> list[tuple[uuid.UUID, list[int]]]:
    """Wallets that were opened at one time, as a call takes them, and the call's key."""
    wallets = history.wallets
    by_time = sorted(range(len(wallets)), key=lambda index: wallets[index].opened_ms)
    batches = []
    for opened_ms, group in groupby(by_time, key=lambda index: wallets[index].opened_ms):
        indices = list(group)
        for start in range(0, len(indices), WALLETS_MAX):
            name = f"{history.digest.hex()}:wallets:{opened_ms}:{start}"
            key = uuid.UUID(bytes=hashlib.blake2b(name.encode(), digest_size=16).digest())
            batches.append((key, indices[start : start + WALLETS_MAX]))
    return batches


def places(ids: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Segment (w,) in each wallet id (w, 16): its first 20 bits. Wallets of a segment live on one shard."""
    high = ids[:, :3].astype(np.int64)
    segments: NDArray[np.int64] = (high[:, 0] << 16 | high[:, 1] << 8 | high[:, 2]) >> 4
    return segments


class Run:
    """The payments of one import."""

    def __init__(
        self, options: Options, history: History, client: Client, ids: NDArray[np.uint8], tally: Tally
    ) -> None:
        self._options = options
        self._history = history
        self._client = client
        self._ids = ids
        self._tally = tally
        self._operator = np.array([wallet.operator for wallet in history.wallets], np.bool_)
        self._codes = np.zeros(len(history.payments), np.uint16)
        self._balance = np.zeros(len(history.wallets), np.int64)
        self._transfer_ids: dict[int, bytes] = {}
        self._plan: Plan | None = None
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
        with StateFile(path, self._identity(plan)) as state:
            waves = await asyncio.to_thread(state.read)
            for done in waves:
                self._restore(plan, done)
            tally.resumed_rows = tally.rows
            tally.stage = "payments"
            tally.start()
            for wave in range(len(waves), plan.waves):
                state.append(await self._wave(plan, wave, sources))
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
        self._book(rows)
        self._tally.settled(self._codes[rows], wave.replayed)

    async def _wave(self, plan: Plan, wave: int, sources: set[int]) -> Wave:
        payments = self._history.payments
        for row in plan.confirm.get(wave, ()):
            await self._confirm(int(payments.payer[row]))
        rows = plan.rows(wave)
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
        )

    async def _request(self, plan: Plan, rows: NDArray[np.int64], sources: set[int]) -> int:
        """Send rows until all are answered; gives how many answers were replays. What is sent again keeps its order."""
        replayed = 0
        pause = Pause()
        async with self._slots:
            while True:
                await self._pace(len(rows))
                answers = await self._client.transfers(self._history, rows, self._ids, self._after(plan, rows))
                again = untried(answers.codes)
                settled = rows[~again]
                codes = answers.codes[~again]
                self._check_refused(settled, codes)
                self._codes[settled] = codes
                for place in np.flatnonzero(~again).tolist():
                    if int(rows[place]) in sources:
                        self._transfer_ids[int(rows[place])] = answers.ids[place].tobytes()
                count = int(np.count_nonzero(answers.replayed[~again]))
                self._tally.settled(codes, count)
                replayed += count
                if not again.any():
                    return replayed
                if len(settled):
                    pause = Pause()
                rows = rows[again]
                await pause.take(0.0, f"{len(rows)} rows are not settled yet")

    def _after(self, plan: Plan, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Ids (k, 16) to name in `after`, nil where none is needed."""
        after = np.zeros((len(rows), 16), np.uint8)
        sources = plan.after[rows]
        for place in np.flatnonzero(sources != NONE).tolist():
            after[place] = np.frombuffer(self._transfer_ids[int(sources[place])], np.uint8)
        return after

    def _check_refused(self, rows: NDArray[np.int64], codes: NDArray[np.uint16]) -> None:
        refused = np.flatnonzero((codes > 0) & (codes < FIRST_DECLINED))
        if len(refused):
            row, code = int(rows[refused[0]]), int(codes[refused[0]])
            raise RowRefused(f"{self._name(row)} was refused: {NUMBERS[code]}; nothing after it was sent")

    async def _pace(self, rows: int) -> None:
        if self._options.rate > 0:
            due_s = self._sent / self._options.rate
            self._sent += rows
            await asyncio.sleep(max(0.0, due_s - self._tally.seconds))

    async def _confirm(self, wallet: int) -> None:
        """Wait until all money that was paid to a wallet so far has landed on its shard. Raises SwitchError."""
        due = int(self._balance[wallet])
        identity = uuid.UUID(bytes=self._ids[wallet].tobytes())
        deadline = time.monotonic() + SILENCE_MAX_S
        while (await self._client.posted(identity))[0] != due:
            if time.monotonic() > deadline:
                raise SwitchError(f"{self._history.wallets[wallet].external_id} never came to {due}")
            await asyncio.sleep(LOOK_AGAIN_S)

    def _book(self, rows: NDArray[np.int64]) -> None:
        """Keep count of what wallets hold after settled rows."""
        payments = self._history.payments
        posted = rows[self._codes[rows] == Code.OK]
        np.subtract.at(self._balance, payments.payer[posted], payments.amount[posted])
        np.add.at(self._balance, payments.payee[posted], payments.amount[posted])

    def _name(self, row: int) -> str:
        number = int(self._history.payments.number[row])
        if number < OPENING:
            return f"row {number}"
        base = HELD_BACK if number >= HELD_BACK else OPENING
        return f"the opening balance of {self._history.wallets[number - base].external_id}"

    def report(self, differences: list[Difference], drift: int | None, total_seconds: float) -> Report:
        """The figures, once all is done."""
        history, tally = self._history, self._tally
        unexpected = self._unexpected()
        p50, p99 = tally.latencies_ms()
        extra = int(np.count_nonzero(history.payments.number >= OPENING))
        return Report(
            file=str(self._options.file),
            format=history.name,
            rows=len(history.payments) - extra,
            extra_rows=extra,
            wallets=len(history.wallets),
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
            notes=history.notes,
        )

    def _unexpected(self) -> NDArray[np.int64]:
        if not self._history.tells_declines:
            return np.zeros(0, np.int64)
        as_told = np.where(self._history.payments.declined, np.uint16(Code.INSUFFICIENT_FUNDS), np.uint16(0))
        return np.flatnonzero(self._codes != as_told)

    def _outcome(self, row: int) -> Unexpected:
        told = Code.INSUFFICIENT_FUNDS if self._history.payments.declined[row] else Code.OK
        return Unexpected(row=self._name(row), expected=NUMBERS[told], outcome=NUMBERS[int(self._codes[row])])


async def compare(client: Client, history: History, ids: NDArray[np.uint8], wanted: dict[str, int]) -> list[Difference]:
    """Wallets that do not hold exactly what they must, with nothing held. Money still on its way is waited for."""
    index = {wallet.external_id: place for place, wallet in enumerate(history.wallets)}
    absent = [Difference(wallet=name, expected=wanted[name], posted=0, held=0) for name in wanted if name not in index]
    extra = [name for name in index if name not in wanted]
    open_names = [*wanted.keys() & index.keys(), *extra]
    deadline = time.monotonic() + LANDED_WITHIN_S
    while True:
        found = await _read(client, open_names, index, ids)
        wrong = [
            Difference(wallet=name, expected=wanted.get(name, 0), posted=posted, held=held)
            for name, (posted, held) in found.items()
            if posted != wanted.get(name, 0) or held
        ]
        if not wrong or time.monotonic() > deadline:
            return sorted(absent + wrong, key=lambda difference: difference.wallet)
        open_names = [difference.wallet for difference in wrong]
        await asyncio.sleep(LOOK_AGAIN_S)


async def _read(
    client: Client, names: list[str], index: dict[str, int], ids: NDArray[np.uint8]
) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    left = iter(names)

    async def reader() -> None:
        for name in left:
            found[name] = await client.posted(uuid.UUID(bytes=ids[index[name]].tobytes()))

    async with asyncio.TaskGroup() as group:
        for _ in range(READS_AT_A_TIME):
            group.create_task(reader())
    return found
