"""A function in PostgreSQL behind aiohttp as a contender, whatever it does.

The same embedded server and settings as the switch, with a data directory of its own.
"""

import asyncio
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actors.database import embedded
from actors.database.connection import connect
from bench.contenders.contender import end, free_port, spawn, wait_ready
from bench.contenders.switch import server_settings


class PostgresPeer:
    """As `Contender`. `peer`: the module of its server process; `sql`: its statements, `schema`, `vacuum` and `totals` among them."""

    name: str
    peer: str
    sql: Mapping[str, str]
    key = "none"

    def __init__(self, data: Path, *, wallets: int) -> None:
        self.port = 0
        self._data = data
        self._count = wallets
        self._ids: list[str] = []
        self._server: embedded.PostgresServer | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def fill(self, connection: Any, ids: list[uuid.UUID]) -> None:
        """Make what there is of these wallets before anything is asked."""
        raise NotImplementedError

    def wrong(self, totals: Mapping[str, Any], done: int) -> bool:
        """Whether the totals contradict so many answers."""
        raise NotImplementedError

    def start(self) -> None:
        """As `Contender.start`."""
        self._server = embedded.start(self._data)
        try:
            asyncio.run(self._prepare(self._server.url))
            self.port = free_port()
            log = self._data / "peer.log"
            command = ["-m", self.peer, "--port", str(self.port), "--url", self._server.url]
            self._process = spawn(command, log)
            wait_ready(self.port, "/readyz", self._process, log)
        except BaseException:
            self.stop()
            raise

    async def _prepare(self, url: str) -> None:
        connection = await connect(url, name="shardpay-bench")
        try:
            if not self._ids:
                await connection.execute(self.sql["schema"])
                ids = [uuid.uuid4() for _ in range(self._count)]
                await self.fill(connection, ids)
                self._ids = [str(each) for each in ids]
            await connection.execute(self.sql["vacuum"])
        finally:
            await connection.close()

    def stop(self) -> None:
        """As `Contender.stop`."""
        end(self._process)
        if self._server is not None:
            self._server.stop()
            self._server = None

    def roots(self) -> list[int]:
        """As `Contender.roots`."""
        assert self._process is not None and self._server is not None
        postmaster = self._server.pid
        return [self._process.pid] if postmaster is None else [self._process.pid, postmaster]

    def wallets(self) -> list[str]:
        """As `Contender.wallets`."""
        return self._ids

    def check(self, paid: int) -> dict[str, Any]:
        """As `Contender.check`."""
        server = embedded.start(self._data)
        try:
            return asyncio.run(self._check(server.url, paid))
        finally:
            server.stop()

    async def _check(self, url: str, paid: int) -> dict[str, Any]:
        connection = await connect(url, name="shardpay-bench")
        try:
            totals = await connection.fetchrow(self.sql["totals"])
        finally:
            await connection.close()
        if self.wrong(totals, paid):
            raise RuntimeError(f"{self.name}: {dict(totals)} after {paid} answers")
        return {"totals": dict(totals), "postgresql": await server_settings(url)}
