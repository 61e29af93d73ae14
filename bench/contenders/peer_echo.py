"""A bare aiohttp server that reads a payment and answers at once: what HTTP alone costs here.

The server process and its contender.
"""

import subprocess
import uuid
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from bench.contenders.contender import end, free_port, spawn, wait_ready
from bench.contenders.peer_server import run, serve

_ANSWER: Final = b'{"id":"00000000-0000-8000-8000-000000000000","status":"posted","amount":1,"currency":"EUR"}'
_HEADERS: Final = {"Content-Type": "application/json"}


class Echo:
    """As `Contender`."""

    name = "echo"
    key = "none"

    def __init__(self, data: Path, *, wallets: int) -> None:
        self.port = 0
        self._data = data
        self._ids = [str(uuid.uuid4()) for _ in range(wallets)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """As `Contender.start`."""
        self._data.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        log = self._data / "echo.log"
        self._process = spawn(["-m", "bench.contenders.peer_echo", "--port", str(self.port)], log)
        try:
            wait_ready(self.port, "/readyz", self._process, log)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """As `Contender.stop`."""
        end(self._process)

    def roots(self) -> list[int]:
        """As `Contender.roots`."""
        assert self._process is not None
        return [self._process.pid]

    def wallets(self) -> list[str]:
        """As `Contender.wallets`."""
        return self._ids

    def check(self, paid: int) -> dict[str, Any]:
        """It keeps nothing."""
        return {}


async def _echo(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=_ANSWER, status=201, headers=_HEADERS)


async def serve_echo(url: str, port: int) -> None:
    """Run until killed."""
    await serve(port, "/v1/transfers", _echo)


if __name__ == "__main__":
    run(serve_echo)
