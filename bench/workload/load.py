"""The load generator: a process of its own, over keep-alive connections.

It is the same for every contender. In a closed loop each connection sends the next request when the last answer is in. At a stated rate
requests are due at equal intervals, and a time counts from when the request was due: one that waits for a free connection has begun to
wait, so a switch that stands still is not spared the requests that it held up.

All requests are built before the clock starts; while it runs, a request costs one write, one read and the search for two
headers. `python -m bench.workload.load`: see `client_process`.
"""

import asyncio
import gc
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import uvloop

from bench.workload.client_process import ClientProcess, play
from bench.workload.payments import http_get, http_request, payment_body, payment_requests
from bench.workload.processes import own_cpu_s
from bench.workload.questions import question_requests

ARROW: Final = "application/vnd.apache.arrow.stream"
DEADLINE_S: Final = 60.0
"""Beyond its time a run may last this long until the last answers are in."""


class Payments(msgspec.Struct, frozen=True, kw_only=True, tag="payments"):
    """Single payments between wallets given by id."""

    wallets: list[str]
    count: int


class Questions(msgspec.Struct, frozen=True, kw_only=True, tag="questions"):
    """Decisions of credit about wallets given by id."""

    wallets: list[str]
    count: int


class Statuses(msgspec.Struct, frozen=True, kw_only=True, tag="statuses"):
    """What became of transfers given by id, each asked about equally often."""

    ids: list[str]
    count: int


class Batches(msgspec.Struct, frozen=True, kw_only=True, tag="batches"):
    """Arrow batches of payments between wallets; `wallets`: their ids of 16 bytes, joined."""

    wallets: bytes
    rows: int
    count: int


class LoadSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds`: no request is sent after this; with all requests sent it ends earlier. `rate`: requests a second, 0 for a closed loop."""

    port: int
    key: str
    connections: int
    seconds: float
    seed: int
    work: Payments | Questions | Statuses | Batches
    rate: float = 0.0


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """`done`: payments that were made, or questions that were answered. `codes`: of the others, by code. Times of whole requests,
    milliseconds, from when they were due. `began`: when, on the machine's monotonic clock, so that another process knows what it did
    beside this load."""

    began: float
    seconds: float
    requests: int
    done: int
    statuses: dict[int, int]
    codes: dict[str, int]
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    cpu_s: float
    exhausted: bool

    @property
    def ended(self) -> float:
        """When the last answer was in, on the same clock as `began`."""
        return self.began + self.seconds

    @property
    def rate(self) -> float:
        """Of what was done, so much a second."""
        return self.done / self.seconds


def loading(spec: LoadSpec) -> ClientProcess[LoadResult]:
    """A load process that is ready to begin."""
    return ClientProcess(__name__, spec, LoadResult)


class _LoadRun:
    """All connections together: what is still to be sent, and what came back."""

    def __init__(self, requests: Sequence[bytes], spec: LoadSpec) -> None:
        self._requests = iter(requests)
        self._seconds = spec.seconds
        self._interval_s = 1 / spec.rate if spec.rate else 0.0
        self._due = 0
        self.keep_bodies = isinstance(spec.work, Batches)
        self.done_status = 200 if isinstance(spec.work, Statuses) else 201
        self.started = 0.0
        self.ended = 0.0
        self.open = 0
        self.exhausted = False
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.codes: Counter[str] = Counter()
        self.bodies: list[bytes] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next(self) -> tuple[bytes, float] | None:
        """The next request and when it is due, None when it is time to end."""
        due = self.started + self._due * self._interval_s if self._interval_s else time.monotonic()
        if due - self.started >= self._seconds:
            return None
        self._due += 1
        request = next(self._requests, None)
        self.exhausted = self.exhausted or request is None
        return None if request is None else (request, due)

    def came(self, status: int, body: bytes) -> None:
        """An answer is complete."""
        self.statuses[status] += 1
        if status >= 300:
            self.codes[_code_of(body)] += 1
        elif self.keep_bodies:
            self.bodies.append(body)

    def left(self) -> None:
        """A connection has ended; the last one ends the run."""
        self.open -= 1
        if self.open == 0 and not self.over.done():
            self.ended = time.monotonic()
            self.over.set_result(None)


class _Connection(asyncio.Protocol):
    """One request at a time: the next is sent when the answer is complete and it is due."""

    def __init__(self, run: _LoadRun) -> None:
        self._run = run
        self._buffer = bytearray()
        self._need = 0
        self._due = 0.0
        self._waiting = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self) -> None:
        """Send the next request, at once or when it is due, or hang up."""
        following = self._run.next()
        if following is None:
            self._transport.close()
            return
        request, self._due = following
        early_s = self._due - time.monotonic()
        if early_s > 0:
            asyncio.get_running_loop().call_later(early_s, self._send, request)
        else:
            self._send(request)

    def _send(self, request: bytes) -> None:
        self._waiting = True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if self._need == 0:
            self._need = _length_of(buffer)
        if self._need == 0 or len(buffer) < self._need:
            return
        self._run.latencies.append(time.monotonic() - self._due)
        status = int(buffer[9:12])
        body = b"" if status == 201 else bytes(buffer[buffer.index(b"\r\n\r\n") + 4 : self._need])
        self._run.came(status, body)
        buffer.clear()
        self._need = 0
        self._waiting = False
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._run.codes["connection_lost"] += 1
        self._run.left()


def _length_of(buffer: bytearray) -> int:
    """Bytes of the whole answer, 0 while its headers are not complete."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    at = buffer.find(b"ontent-Length: ", 0, end)
    if at < 0:
        raise ValueError("an answer without Content-Length")
    return end + 4 + int(buffer[at + 15 : buffer.find(b"\r", at)])


def _code_of(body: bytes) -> str:
    """The code in a problem."""
    _, found, rest = body.partition(b'"code":"')
    return rest.partition(b'"')[0].decode() if found else "no_code"


def _requests(spec: LoadSpec) -> list[bytes]:
    host = f"127.0.0.1:{spec.port}"
    if isinstance(spec.work, Payments):
        return payment_requests(spec.work.wallets, spec.work.count, host=host, key=spec.key, seed=spec.seed)
    if isinstance(spec.work, Questions):
        return question_requests(spec.work.wallets, spec.work.count, host=host, key=spec.key, seed=spec.seed)
    if isinstance(spec.work, Statuses):
        asked = [http_get(f"/v1/transfers/{identity}", host, spec.key) for identity in spec.work.ids]
        return [asked[number % len(asked)] for number in range(spec.work.count)]
    wallets = np.frombuffer(spec.work.wallets, np.uint8).reshape(-1, 16)
    keys = ({"Content-Type": ARROW, "Idempotency-Key": str(uuid.uuid4())} for _ in range(spec.work.count))
    return [
        http_request("/v1/transfers/batch", host, spec.key, key, payment_body(wallets, spec.work.rows, spec.seed + i))
        for i, key in enumerate(keys)
    ]


async def _drive(spec: LoadSpec, requests: list[bytes]) -> LoadResult:
    run = _LoadRun(requests, spec)
    loop = asyncio.get_running_loop()
    connections = []
    for _ in range(spec.connections):
        _, connection = await loop.create_connection(lambda: _Connection(run), "127.0.0.1", spec.port)
        connections.append(connection)
    run.open = len(connections)
    cpu = own_cpu_s()
    run.started = time.monotonic()
    for connection in connections:
        connection.send()
    async with asyncio.timeout(spec.seconds + DEADLINE_S):
        await run.over
    cpu = own_cpu_s() - cpu
    return _result(run, cpu)


def _result(run: _LoadRun, cpu_s: float) -> LoadResult:
    done = run.statuses[run.done_status]
    for code, rows in _batch_codes(run.bodies).items():
        if code == "ok":
            done += rows
        else:
            run.codes[code] += rows
    p50, p99, p999, largest = (float(v) for v in 1000 * np.percentile(run.latencies or [0.0], [50, 99, 99.9, 100]))
    return LoadResult(
        began=run.started,
        seconds=run.ended - run.started,
        requests=len(run.latencies),
        done=done,
        statuses=dict(run.statuses),
        codes=dict(run.codes),
        p50_ms=round(p50, 3),
        p99_ms=round(p99, 3),
        p999_ms=round(p999, 3),
        max_ms=round(largest, 3),
        cpu_s=round(cpu_s, 3),
        exhausted=run.exhausted,
    )


def _batch_codes(bodies: Sequence[bytes]) -> Counter[str]:
    """Rows by code of Arrow answers; read when the clock has stopped."""
    import pyarrow as pa

    counts: Counter[str] = Counter()
    for body in bodies:
        with pa.ipc.open_stream(body) as reader:
            table = reader.read_all()
        names = msgspec.json.decode(table.schema.metadata[b"codes"])
        numbers, rows = np.unique(table.column("code").to_numpy(), return_counts=True)
        for number, count in zip(numbers.tolist(), rows.tolist(), strict=True):
            counts[names[str(number)]] += count
    return counts


def _prepared(spec: LoadSpec) -> Callable[[], LoadResult]:
    """All requests are built beforehand."""
    requests = _requests(spec)
    gc.disable()

    def drive() -> LoadResult:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_drive(spec, requests))

    return drive


if __name__ == "__main__":
    play(LoadSpec, _prepared)
