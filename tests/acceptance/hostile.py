"""Hostile callers, each sort a process of its own: `python -m tests.acceptance.hostile SORT URL TOKEN PAYER PAYEE`.

It says `ready` when it begins, works until it is killed, and ends by itself when the switch refuses what it should take. What it sends is
made before or cheap, and it gives way to every other process, as one that runs on a machine of its own would.
"""

import asyncio
import http.client
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa

from tests.acceptance.ranks import give_way

ROWS: Final = 65_536
JSON_ROWS: Final = 10_000
HOLD_ROWS: Final = 2_000
ARROW: Final = "application/vnd.apache.arrow.stream"


class Target(NamedTuple):
    """Whom to disturb: the switch, the hostile caller's key, and wallets that it may name."""

    host: str
    port: int
    token: str
    payer: str
    payee: str

    @property
    def head(self) -> str:
        """Headers of a request that is written by hand."""
        return f"Host: x\r\nAuthorization: Bearer {self.token}\r\n"

    def connected(self, receive_bytes: int = 0) -> socket.socket:
        """A connection; with so small a buffer of its own, what the switch sends waits at the switch."""
        made = socket.socket()
        if receive_bytes:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        made.connect((self.host, self.port))
        return made

    def session(self) -> "Session":
        """A connection that sends whole requests and reads their answers."""
        return Session(self)


class Session:
    """Requests one after another."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection = http.client.HTTPConnection(target.host, target.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        """The status of the answer, which is read to its end."""
        given = {"Authorization": f"Bearer {self._target.token}", **headers}
        self._connection.request(method, path, body, given)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def post(self, body: bytes, content_type: str) -> None:
        """A new batch."""
        key = {"Idempotency-Key": uuid.uuid4().hex, "Content-Type": content_type}
        status = self.ask("POST", "/v1/transfers/batch", body, **key)
        assert status in (200, 429, 503), status


def _stream(target: Target, devices: bool) -> tuple[bytearray, int]:
    """An Arrow batch, and where its keys begin."""
    payer, payee = uuid.UUID(target.payer).bytes, uuid.UUID(target.payee).bytes
    keys = os.urandom(16 * ROWS)
    columns: dict[str, Any] = {
        "idempotency_key": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), ROWS, [None, pa.py_buffer(keys)]),
        "payer": pa.array([payer] * ROWS, pa.binary(16)),
        "payee": pa.array([payee] * ROWS, pa.binary(16)),
        "currency": pa.array(["EUR"] * ROWS).dictionary_encode(),
        "amount": pa.array([1] * ROWS, pa.int64()),
    }
    if devices:
        columns["device"] = pa.array([os.urandom(16).hex() for _ in range(ROWS)])
    schema = pa.schema([pa.field(name, column.type, False) for name, column in columns.items()])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(columns.values()), schema=schema))
    body = bytearray(sink.getvalue())
    return body, body.index(keys)


def _at_once(count: int, work: Callable[[Callable[[], None]], None]) -> None:
    """Work in threads; each calls what it is given when it is prepared. Whatever fails ends the process."""
    prepared = threading.Barrier(count + 1)

    def guarded() -> None:
        try:
            work(lambda: (prepared.wait(), None)[1])
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)

    threads = [threading.Thread(target=guarded) for _ in range(count)]
    for thread in threads:
        thread.start()
    prepared.wait()
    _ready()
    for thread in threads:
        thread.join()


def _ready() -> None:
    """From here on it gives way. What it prepares, it prepares as anybody: on a busy machine it would never be ready."""
    give_way()
    print("ready", flush=True)


def slow_bodies(target: Target) -> None:
    """Forty connections that announce a batch and send next to nothing of it; one that is closed is made anew."""
    head = f"POST /v1/transfers/batch HTTP/1.1\r\n{target.head}Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"

    def announced() -> socket.socket:
        made = target.connected()
        made.sendall(head.encode())
        return made

    connections = [announced() for _ in range(40)]
    _ready()
    while True:
        for place, each in enumerate(connections):
            try:
                each.sendall(b" ")
            except OSError:
                each.close()
                connections[place] = announced()
        time.sleep(0.1)


def unknown_keys(target: Target) -> None:
    """A new key that nobody made for each request."""

    def some(prepared: Callable[[], None]) -> None:
        session = target.session()
        prepared()
        while True:
            status = session.ask("GET", f"/v1/wallets/{target.payer}", Authorization=f"Bearer {uuid.uuid4().hex}")
            assert status == 401, status

    _at_once(8, some)


def _full_batches(target: Target, devices: bool) -> None:
    def some(prepared: Callable[[], None]) -> None:
        session = target.session()
        body, keys = _stream(target, devices)
        prepared()
        while True:
            body[keys : keys + 16 * ROWS] = os.urandom(16 * ROWS)
            session.post(bytes(body), ARROW)

    _at_once(3, some)


def full_batches(target: Target) -> None:
    """The largest batches back to back, three at a time."""
    _full_batches(target, False)


def distinct_devices(target: Target) -> None:
    """The same with a device of its own for each row."""
    _full_batches(target, True)


def _json_batches(target: Target, sessions: int, rows: int, more: str) -> None:
    """JSON batches back to back, made before; what makes each new is a part of its keys."""

    def some(prepared: Callable[[], None]) -> None:
        session = target.session()
        start = (
            f'{{"payer":"{target.payer}","payee":"{target.payee}","amount":1,"currency":"EUR"{more},"idempotency_key":"'
        )
        run = uuid.uuid4().hex.encode()
        body = b'{"transfers":[' + b",".join(start.encode() + run + b'-%d"}' % i for i in range(rows)) + b"]}"
        prepared()
        while True:
            session.post(body, "application/json")
            body = body.replace(run, run := uuid.uuid4().hex.encode())

    _at_once(sessions, some)


def json_batches(target: Target) -> None:
    """The largest JSON batches, three at a time."""
    _json_batches(target, 3, JSON_ROWS, "")


def holds(target: Target) -> None:
    """Holds from a wallet that needs no funds, as fast as they are taken."""
    _json_batches(target, 2, HOLD_ROWS, ',"hold":true')


class _Flood(asyncio.Protocol):
    """One payment after another on a connection."""

    def __init__(self, target: Target) -> None:
        body = f'{{"payer":"{target.payer}","payee":"{target.payee}","amount":1,"currency":"EUR"}}'
        head = f"POST /v1/transfers HTTP/1.1\r\n{target.head}Content-Type: application/json\r\n"
        self._before = f"{head}Content-Length: {len(body)}\r\nIdempotency-Key: ".encode()
        self._after = f"\r\n\r\n{body}".encode()
        self._transport: Any = None
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._pay()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if found and len(body) == int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]):
            assert head[9:12] in (b"201", b"429", b"503"), self._answer
            self._answer = b""
            self._pay()

    def _pay(self) -> None:
        self._transport.write(self._before + os.urandom(16).hex().encode() + self._after)


def single_payments(target: Target) -> None:
    """Payments one by one, on 128 connections at once."""

    async def flood() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_end)
        for _ in range(128):
            await loop.create_connection(lambda: _Flood(target), target.host, target.port)
        _ready()
        await loop.create_future()

    asyncio.run(flood())


def _end(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    print(context, file=sys.stderr, flush=True)
    os._exit(1)


def streams_not_read(target: Target) -> None:
    """Event streams from the beginning of the journal, of which nothing is read."""
    head = f"GET /v1/events HTTP/1.1\r\n{target.head}Accept: text/event-stream\r\n\r\n"
    connections = []
    for _ in range(40):
        connections.append(target.connected(4_096))
        connections[-1].sendall(head.encode())
    _ready()
    while True:
        time.sleep(1)


def answers_not_read(target: Target) -> None:
    """Pages of events, asked for without end and never read."""
    asked = f"GET /v1/events?limit=100 HTTP/1.1\r\n{target.head}\r\n".encode()
    connections = []
    for _ in range(40):
        connections.append(target.connected(4_096))
        connections[-1].sendall(asked * 100)
    _ready()
    while True:
        time.sleep(1)


def pages(target: Target) -> None:
    """The largest pages of events, sixteen at a time."""

    def some(prepared: Callable[[], None]) -> None:
        session = target.session()
        prepared()
        while True:
            session.ask("GET", "/v1/events?limit=100")

    _at_once(16, some)


SORTS: Final = {
    sort.__name__: sort
    for sort in (
        slow_bodies,
        unknown_keys,
        full_batches,
        distinct_devices,
        json_batches,
        holds,
        single_payments,
        streams_not_read,
        answers_not_read,
        pages,
    )
}

if __name__ == "__main__":
    chosen, url, *rest = sys.argv[1:]
    where = urlsplit(url)
    assert where.hostname is not None and where.port is not None
    SORTS[chosen](Target(where.hostname, where.port, *rest))
