"""An honest caller, a process of its own: `python -m tests.acceptance.honest URL TOKEN PAYER PAYEE...`.

For each line of its input, a number of payments, it pays so many at a steady rate, whatever becomes of those before, and prints what each
took, seconds. It is made to notice nothing but the switch: requests are written by hand, its connections are open beforehand, and it takes
the processor before others where it may, as one that runs on a machine of its own would.
"""

import asyncio
import gc
import json
import sys
import uuid
from collections import deque
from collections.abc import Sequence
from itertools import cycle
from typing import Final
from urllib.parse import urlsplit

from tests.acceptance.ranks import rank

RATE: Final = 100
"""Payments a second."""
CONNECTIONS: Final = 32
"""Beyond it connections are opened when they are needed: at 100 payments a second, once one takes longer than 0.3 s."""
BEFORE_OTHERS: Final = -10
"""Niceness, for who may ask for it."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Honest:
    """Pays from one wallet to others in turn."""

    def __init__(self, url: str, token: str, payer: str, payees: Sequence[str]) -> None:
        where = urlsplit(url)
        assert where.hostname is not None and where.port is not None
        self._host, self._port = where.hostname, where.port
        self._token, self._payer = token, payer
        self._payees = cycle(payees)
        self._free: deque[Connection] = deque()

    async def connect(self) -> None:
        """Open the connections."""
        for _ in range(CONNECTIONS):
            self._free.append(await asyncio.open_connection(self._host, self._port))

    async def pay(self, count: int) -> list[float]:
        """What each of so many payments took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        tasks = []
        for number in range(count):
            await asyncio.sleep(began + number / RATE - loop.time())
            tasks.append(asyncio.create_task(self._pay_one()))
        return await asyncio.gather(*tasks)

    async def _pay_one(self) -> float:
        connection = self._free.popleft() if self._free else await asyncio.open_connection(self._host, self._port)
        reader, writer = connection
        request = self._request()
        clock = asyncio.get_running_loop().time
        began = clock()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        took = clock() - began
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        answer = await reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 201 "), (head, answer)
        self._free.append(connection)
        return took

    def _request(self) -> bytes:
        pair = f'"payer":"{self._payer}","payee":"{next(self._payees)}"'
        body = f'{{{pair},"amount":1,"currency":"EUR"}}'
        headers = f"Host: x\r\nAuthorization: Bearer {self._token}\r\nIdempotency-Key: {uuid.uuid4().hex}\r\n"
        headers += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return f"POST /v1/transfers HTTP/1.1\r\n{headers}\r\n{body}".encode()


async def main(url: str, token: str, payer: str, *payees: str) -> None:
    """Pay as the input says."""
    honest = Honest(url, token, payer, payees)
    await honest.connect()
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await honest.pay(int(line))), flush=True)


if __name__ == "__main__":
    rank(BEFORE_OTHERS)
    gc.disable()
    asyncio.run(main(*sys.argv[1:]))
