"""A careful client: every payment has one key and is sent until it is answered; afterwards all balances must follow from the answers."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from typing import Any, Self

import aiohttp
import msgspec

from switch.gateway import arrow
from tests.acceptance.running import KEY

CURRENCY = "EUR"
OPENING = 10_000_000
AGAIN_S = 0.05
REST_S = 0.1


class Payment(msgspec.Struct):
    """One payment, and every answer that was ever given to it."""

    key: str
    payer: str
    payee: str
    amount: int
    answers: list[tuple[str, str]] = []


class Load:
    """Wallets on all shards, and payments between them."""

    def __init__(self, url: str, seed: int, wallets: int = 40, token: str = KEY) -> None:
        self.url = url
        self.token = token
        self.random = random.Random(seed)
        self.count = wallets
        self.external = ""
        self.wallets: list[str] = []
        self.payments: list[Payment] = []
        self.statuses: dict[int, int] = {}
        self.prepared_s: list[float] = []
        """What each request of `prepare` took: one wallet, a batch of wallets, then payments."""
        self._stop = asyncio.Event()
        self._rest_s = 0.0
        self._session: aiohttp.ClientSession | None = None
        print(f"load seed {seed}")

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=aiohttp.ClientTimeout(total=15),
            connector=aiohttp.TCPConnector(limit=0),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        """One request until it gets an answer other than 503. A body of bytes is an Arrow stream, and then the answer too."""
        assert self._session is not None
        headers = {"Idempotency-Key": key} if key else {}
        sent = {"json": body}
        if isinstance(body, bytes):
            headers["Content-Type"], sent = arrow.CONTENT_TYPE, {"data": body}
        while True:
            try:
                async with self._session.request(method, path, headers=headers, **sent) as response:
                    is_json = response.content_type != arrow.CONTENT_TYPE
                    answer: Any = await (response.json(content_type=None) if is_json else response.read())
                    self.statuses[response.status] = self.statuses.get(response.status, 0) + 1
                    if response.status != 503:
                        return response.status, answer
                    assert "Retry-After" in response.headers
                    assert answer["retryable"]
            except (aiohttp.ClientError, OSError, TimeoutError):
                self.statuses[0] = self.statuses.get(0, 0) + 1
            await asyncio.sleep(max(AGAIN_S, self._rest_s))

    async def prepare(self) -> None:
        """Make the wallets and fund each."""
        made = await self._first("/v1/wallets", {"currency": CURRENCY, "kind": "external"}, "external")
        self.external = made["id"]
        wallets = [{"currency": CURRENCY, "kind": "user", "external_id": f"w{i}"} for i in range(self.count)]
        made = await self._first("/v1/wallets/batch", {"wallets": wallets}, "wallets")
        self.wallets = [row["id"] for row in made["results"]]
        for i, wallet in enumerate(self.wallets):
            body = {"payer": self.external, "payee": wallet, "amount": OPENING, "currency": CURRENCY}
            await self._first("/v1/transfers", body, f"opening-{i}")

    async def _first(self, path: str, body: Any, key: str) -> Any:
        began = time.monotonic()
        status, made = await self.call("POST", path, body, key)
        self.prepared_s.append(time.monotonic() - began)
        assert status in (200, 201), made
        return made

    def stop(self) -> None:
        """Begin no more payments."""
        self._stop.set()

    @contextlib.asynccontextmanager
    async def unhurried(self) -> AsyncIterator[None]:
        """While processes start anew: payments go on, but each client rests between two, and the processors are not the load's alone.
        Afterwards all clients pay as fast as before."""
        self._rest_s = REST_S
        try:
            yield
        finally:
            self._rest_s = 0.0
        await asyncio.sleep(REST_S)

    async def run(self, clients: int = 16) -> None:
        """Pay until `stop`, then until every payment begun is answered."""
        await asyncio.gather(*(self._client() for _ in range(clients)))

    async def _client(self) -> None:
        while not self._stop.is_set():
            payer, payee = self.random.sample(self.wallets, 2)
            payment = Payment(f"p{len(self.payments)}", payer, payee, self.random.randint(1, 500))
            self.payments.append(payment)
            await self.send(payment)
            await asyncio.sleep(self._rest_s)

    async def send(self, payment: Payment) -> Any:
        """Send a payment until it is answered; keeps the answer."""
        body = {"payer": payment.payer, "payee": payment.payee, "amount": payment.amount, "currency": CURRENCY}
        status, answer = await self.call("POST", "/v1/transfers", body, payment.key)
        assert status in (201, 402), answer
        if status == 201:
            payment.answers.append((answer["status"], answer["id"]))
        else:
            payment.answers.append((answer["code"], answer["transfer_id"]))
        return answer

    async def check(self) -> None:
        """Every payment exactly once: asked again each gives its first answer, and the balances are those of the answers."""
        repeats = await asyncio.gather(*(self.send(payment) for payment in self.payments))
        expected = dict.fromkeys(self.wallets, OPENING)
        for payment, repeat in zip(self.payments, repeats, strict=True):
            assert len(set(payment.answers)) == 1, payment
            if payment.answers[0][0] == "posted":
                assert repeat["replayed"], payment
                expected[payment.payer] -= payment.amount
                expected[payment.payee] += payment.amount
        assert len({p.answers[0][1] for p in self.payments}) == len(self.payments)
        async with asyncio.timeout(30):
            while await self.balances() != expected:
                await asyncio.sleep(0.1)

    async def balances(self) -> dict[str, int]:
        """What each wallet has, by id, in the order of `wallets`."""
        balances = {}
        for wallet in self.wallets:
            status, answer = await self.call("GET", f"/v1/wallets/{wallet}")
            assert status == 200
            balances[wallet] = answer["posted"]
        return balances
