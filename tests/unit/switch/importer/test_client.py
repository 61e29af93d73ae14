"""The calls: what is sent, what is read, what is tried again and what is not."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from numpy.typing import NDArray

from actors.records.layout import RESULT
from actors.records.secret import Secret
from switch.gateway import arrow
from switch.http.times import time_text
from switch.importer import client as calls
from switch.importer.client import (
    Client,
    Made,
    Standing,
    SwitchError,
    arrow_answers,
    arrow_body,
    json_answers,
    json_body,
    untried,
)
from switch.importer.history import KINDS, History, WalletSpec
from switch.importer.shardpay_format import read
from tests.excerpts import write_shardpay
from tests.steps import to_end

Handler = Callable[[web.Request], Awaitable[web.Response]]
Serve = Callable[[Handler], Awaitable[Client]]
WALLET = WalletSpec(external_id="a", kind="user", currency="EUR", opened_ms=1_000, floor=-5)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return read(write_shardpay(tmp_path / "rows", rows=20))


@pytest.fixture
async def serve(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    """A client of a server that answers every call as the test wants."""
    monkeypatch.setattr(calls, "PAUSE_MIN_S", 0.001)
    open_ones: list[Client | TestServer] = []

    async def start(handler: Handler) -> Client:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        client = Client(str(server.make_url("/")), "secret", 2)
        open_ones.extend((client, server))
        return client

    yield start
    for each in open_ones:
        if isinstance(each, Client):
            await each.__aexit__(None, None, None)
        else:
            await each.close()


def _ids(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(1, 256, (count, 16)).astype(np.uint8)


def test_arrow_and_json_bodies_say_the_same(history: History) -> None:
    wallets, after = _ids(len(history.wallets)), np.zeros((3, 16), np.uint8)
    after[1] = _ids(1)
    rows = np.array([4, 7, 9])
    with pa.ipc.open_stream(arrow_body(history, rows, wallets, after)) as reader:
        table = reader.read_all()
    lines = msgspec.json.decode(json_body(history, rows, wallets, after))["transfers"]
    for column, line in zip(table.to_pylist(), lines, strict=True):
        for name in ("idempotency_key", "payer", "payee"):
            assert str(uuid.UUID(bytes=column[name])) == line[name]
        assert uuid.UUID(bytes=column["after"]).int == uuid.UUID(line.get("after", str(uuid.UUID(int=0)))).int
        assert (column["amount"], column["currency"], column["kind"]) == (
            line["amount"],
            line["currency"],
            line["kind"],
        )
        assert time_text(round(column["effective_time"].timestamp() * 1_000)) == line["effective_at"]
    assert [row for row, line in zip(rows.tolist(), lines, strict=True) if "reference" in line] == [
        row for row in rows.tolist() if history.references and history.references[row]
    ]
    assert all(line["kind"] in KINDS for line in lines)


def test_arrow_and_json_answers_are_read_alike() -> None:
    results = np.zeros(3, RESULT)
    results["code"] = 0, 121, 1
    results["address"] = 256, 512, 0
    results["record_time"] = 1_700_000_000_000
    results["replayed"] = 0, 1, 0
    columns = arrow_answers(to_end(arrow.encode_results(Secret.of(bytes(16)), results)))
    ids = [str(uuid.UUID(bytes=raw.tobytes())) for raw in columns.ids]
    body = {
        "results": [
            {"id": ids[0], "status": "posted", "code": "ok", "replayed": False},
            {"id": ids[1], "status": "declined", "code": "insufficient_funds", "replayed": True},
            {"id": None, "status": "not_tried", "code": "deferred", "replayed": False},
        ]
    }
    lines = json_answers(msgspec.json.encode(body))
    assert (lines.codes == columns.codes).all() and columns.codes.tolist() == [0, 121, 1]
    assert (lines.ids == columns.ids).all()
    assert lines.replayed.tolist() == columns.replayed.tolist() == [False, True, False]


def test_what_was_not_tried_or_lost_is_sent_again_and_nothing_else() -> None:
    codes = np.array([0, 1, 2, 3, 4, 20, 27, 110, 121, 900, 901], np.uint16)
    assert codes[untried(codes)].tolist() == [1, 2, 3, 4, 900, 901]


async def test_refused_connections_and_503_are_tried_again_with_the_same_body(serve: Serve) -> None:
    seen: list[tuple[bytes, str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((await request.read(), request.headers["Idempotency-Key"], request.headers["Shardpay-Time"]))
        if len(seen) == 1:
            assert request.transport is not None
            request.transport.close()
        if len(seen) == 2:
            return web.json_response({"code": "overloaded", "detail": "."}, status=503, headers={"Retry-After": "0"})
        if len(seen) == 3:
            return web.json_response({"results": [{"id": None, "status": "not_tried", "code": "busy"}]})
        return web.json_response({"results": [{"id": str(uuid.UUID(int=7)), "status": "created", "code": "ok"}]})

    client = await serve(handler)
    assert await client.create_wallets([WALLET], uuid.UUID(int=1)) == [Made(uuid.UUID(int=7), False)]
    assert len(seen) == 4 and len(set(seen)) == 1
    assert msgspec.json.decode(seen[0][0]) == {
        "wallets": [{"currency": "EUR", "kind": "user", "external_id": "a", "floor": -5}]
    }
    assert seen[0][1:] == (str(uuid.UUID(int=1)), "1970-01-01T00:00:01.000Z")


@pytest.mark.parametrize(("status", "code"), [(401, "unauthenticated"), (422, "invalid_field")])
async def test_what_no_retry_can_heal_ends_the_import(serve: Serve, status: int, code: str) -> None:
    calls_made = []

    async def handler(request: web.Request) -> web.Response:
        calls_made.append(request.path)
        return web.json_response({"code": code, "detail": "because"}, status=status)

    client = await serve(handler)
    with pytest.raises(SwitchError, match=f"{status} {code}: because"):
        await client.standing(uuid.UUID(int=1))
    assert calls_made == [f"/v1/wallets/{uuid.UUID(int=1)}"]


async def test_a_wallet_of_another_account_ends_the_import(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"results": [{"id": None, "status": "refused", "code": "external_id_taken"}]})

    client = await serve(handler)
    with pytest.raises(SwitchError, match="the wallet a cannot be made: external_id_taken; it was made with a key of"):
        await client.create_wallets([WALLET], uuid.UUID(int=1))


async def test_a_wallet_that_is_there_is_used_and_what_it_holds_is_read(serve: Serve) -> None:
    there = str(uuid.UUID(int=7))

    async def handler(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"id": there, "kind": "user", "currency": "EUR", "posted": 5, "held": 1})
        return web.json_response({"results": [{"id": there, "status": "refused", "code": "external_id_taken"}]})

    client = await serve(handler)
    assert await client.create_wallets([WALLET], uuid.UUID(int=1)) == [Made(uuid.UUID(int=7), True)]
    assert await client.standing(uuid.UUID(int=7)) == Standing("user", "EUR", 5, 1)


async def test_a_switch_that_stays_silent_ends_the_import(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SILENCE_MAX_S", 0.0)

    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=503, text="not a problem document")

    client = await serve(handler)
    with pytest.raises(SwitchError, match="has not answered for 0 s: 503"):
        await client.standing(uuid.UUID(int=1))
    with pytest.raises(SwitchError, match=r"no switch is ready at .*/readyz answers 503"):
        await client.ready(0.0)
