"""The Python client against a front door: typed answers, pages, batches from tables, a stream that goes on, and retries that count once."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator

import aiohttp
import pyarrow as pa
import pytest
from aiohttp import web

from switch.client import AsyncClient, Client, DeclinedError, ProblemError, UnreachableError
from tests.front_door import RunningSwitch, running_switch


@pytest.fixture
async def switch(database_url: str) -> AsyncIterator[RunningSwitch]:
    async with running_switch(database_url, shards=2) as running:
        yield running


@pytest.fixture
async def client(switch: RunningSwitch) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(switch.base, switch.key) as opened:
        yield opened


@contextlib.asynccontextmanager
async def cutting(base: str, losses: int) -> AsyncIterator[tuple[str, list[str]]]:
    """A way to the switch on which the first answers to payments are lost after they were given. Its URL, and the keys that passed."""
    keys: list[str] = []

    async def forward(request: web.Request) -> web.StreamResponse:
        sent = await request.read()
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, base + request.path_qs, data=sent, headers=headers) as answer,
        ):
            raw = await answer.read()
        if request.method == "POST":
            keys.append(request.headers["Idempotency-Key"])
            if len(keys) <= losses:
                assert request.transport is not None
                request.transport.abort()
        return web.Response(body=raw, status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", keys
    await runner.cleanup()


class Relay:
    """Connections to the switch that can be cut."""

    def __init__(self, base: str) -> None:
        self._host, _, port = base.removeprefix("http://").rpartition(":")
        self._port = int(port)
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return "http://{}:{}".format(*self._server.sockets[0].getsockname())

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, back]
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
        writer.close()


async def funded(client: AsyncClient, amount: int = 10_000) -> tuple[str, str]:
    bank = await client.wallets.create(currency="EUR", kind="external")
    user = await client.wallets.create(currency="EUR", kind="user", owner="ann", metadata={"plan": "basic"})
    await client.transfers.create(payer=bank.id, payee=user.id, amount=amount, currency="EUR")
    return bank.id, user.id


async def test_a_hold_is_captured_and_refunded_with_typed_answers(client: AsyncClient) -> None:
    bank, user = await funded(client)
    hold = await client.transfers.create(payer=user, payee=bank, amount=700, currency="EUR", hold=True)
    assert (hold.status, hold.amount) == ("held", 700)
    capture = await client.transfers.capture(hold.id, amount=500)
    await client.transfers.refund(capture.id, amount=100)
    shown = await client.transfers.get(hold.id)
    assert shown.captures is not None and [each.amount for each in shown.captures] == [500]
    wallet = await client.wallets.get(user)
    assert (wallet.posted, wallet.held, wallet.metadata) == (9_600, 0, {"plan": "basic"})


async def test_lists_are_read_over_all_their_pages(client: AsyncClient) -> None:
    bank, user = await funded(client)
    ids = [(await client.transfers.create(payer=user, payee=bank, amount=1 + n, currency="EUR")).id for n in range(5)]
    assert [each.id async for each in client.wallets.statement(user, limit=2)][:5] == ids[::-1]
    assert [each.id async for each in client.wallets.list(owner="ann")] == [user]


async def test_a_decline_and_a_wrong_field_are_different_errors(client: AsyncClient) -> None:
    bank, user = await funded(client, 10)
    with pytest.raises(DeclinedError) as declined:
        await client.transfers.create(payer=user, payee=bank, amount=11, currency="EUR")
    assert (await client.transfers.get(declined.value.transfer_id)).status == "declined"
    with pytest.raises(ProblemError, match="amount"):
        await client.transfers.create(payer=user, payee=bank, amount=-1, currency="EUR")


async def test_a_payment_whose_answer_is_lost_twice_counts_once(switch: RunningSwitch, client: AsyncClient) -> None:
    bank, user = await funded(client, 100)
    async with cutting(switch.base, losses=2) as (url, keys), AsyncClient(url, switch.key) as over:
        transfer = await over.transfers.create(payer=user, payee=bank, amount=60, currency="EUR")
    assert transfer.replayed is True
    assert len(keys) == 3 and len(set(keys)) == 1
    assert (await client.wallets.get(user)).posted == 40


async def test_a_call_that_is_never_answered_tells_the_key_that_finds_the_payment(
    switch: RunningSwitch, client: AsyncClient
) -> None:
    bank, user = await funded(client, 100)
    async with cutting(switch.base, losses=1_000) as (url, _), AsyncClient(url, switch.key, retry_s=0.5) as over:
        with pytest.raises(UnreachableError) as lost:
            await over.transfers.create(payer=user, payee=bank, amount=60, currency="EUR")
    assert lost.value.money_moved == "unknown" and lost.value.idempotency_key is not None
    found = await client.transfers.find(wallet=user, idempotency_key=lost.value.idempotency_key)
    assert (found.amount, found.status) == (60, "posted")


async def test_a_table_is_paid_row_by_row(client: AsyncClient) -> None:
    bank, user = await funded(client, 100)
    table = pa.table(
        {
            "payer": [user, user, user],
            "payee": [bank, bank, bank],
            "amount": [60, 60, 40],
            "currency": ["EUR"] * 3,
        }
    )
    paid = await client.pay_table(table)
    assert paid.column("code").to_pylist() == ["ok", "insufficient_funds", "ok"]
    again = await client.pay_table(paid.select([*table.column_names, "idempotency_key"]))
    assert again.column("replayed").to_pylist() == [True] * 3
    assert again.column("id") == paid.column("id")
    found = await client.transfers.find(
        wallet=user, idempotency_key=str(uuid.UUID(bytes=paid.column("idempotency_key")[0].as_py()))
    )
    assert found.amount == 60


async def test_a_stream_of_events_goes_on_where_it_broke(switch: RunningSwitch, client: AsyncClient) -> None:
    bank, user = await funded(client, 100)
    seen: list[str] = []
    relay = Relay(switch.base)
    async with relay as url, AsyncClient(url, switch.key) as over, asyncio.timeout(60):
        async with contextlib.aclosing(over.stream_events(types="transfer.posted")) as events:
            async for event in events:
                seen.append(event.id)
                if len(seen) == 3:
                    break
                relay.cut()
                await client.transfers.create(payer=user, payee=bank, amount=5, currency="EUR")
    assert len(set(seen)) == 3


async def test_a_stream_that_began_with_now_misses_nothing_though_it_broke_before_anything_happened(
    switch: RunningSwitch, client: AsyncClient
) -> None:
    bank, user = await funded(client, 100)
    relay = Relay(switch.base)
    async with relay as url, AsyncClient(url, switch.key) as over, asyncio.timeout(60):
        stream = over.stream_events("now", types="transfer.posted")
        async with contextlib.aclosing(stream):
            coming = asyncio.create_task(anext(stream))
            while stream.cursor == "now":
                await asyncio.sleep(0.01)
            relay.cut()
            paid = await client.transfers.create(payer=user, payee=bank, amount=5, currency="EUR")
            assert (await coming).id == paid.id
            before = stream.cursor
            assert [each.id async for each in client.events.list(after=before, types="transfer.posted")] == [paid.id]
            stream.advance()
            assert stream.cursor != before
            assert [each.id async for each in client.events.list(after=stream.cursor)] == []


async def test_the_client_without_an_event_loop_does_the_same(switch: RunningSwitch, client: AsyncClient) -> None:
    bank, user = await funded(client)

    def work() -> tuple[int, list[str], list[str]]:
        with Client(switch.base, switch.key) as blocking:
            first = blocking.transfers.create(payer=user, payee=bank, amount=100, currency="EUR")
            entries = [each.id for each in blocking.wallets.statement(user, limit=1)]
            with contextlib.closing(blocking.stream_events(types="transfer.posted")) as events:
                streamed = [next(events).type for _ in range(2)]
            return blocking.wallets.get(user).posted, [entries[0], first.id], streamed

    posted, (newest, made), streamed = await asyncio.to_thread(work)
    assert posted == 9_900 and newest == made and streamed == ["transfer.posted"] * 2
