"""The switch itself as a contender: `shardpay serve` with a data directory of its own."""

import asyncio
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from actors.process.ray_cluster import ray_temp_dir
from bench.contenders.contender import call, call_json, end, free_port, spawn, wait_ready
from bench.workload.load import ARROW
from bench.workload.payments import CURRENCY, Ids, funding_body, unit_body, uuid_texts

KEY: Final = "sp_bench_0123456789abcdef0123456789abcdef"
WALLETS_A_CALL: Final = 10_000
ROWS_A_CALL: Final = 32_768
OPENING_TRIES: Final = 5
LOADED_S: Final = 14.0
"""So long after a start all is loaded that a first explanation or preview would wait for, a second and a half of a processor."""
ACQUAINTING_PAYMENTS: Final = 6
"""With two shards, 63 of 64 wallets are then known on both."""


class Switch:
    """`shards`, `scorers`, `config` as of `shardpay serve`; it keeps its wallets from round to round. `loaded`: wait after each start until
    nothing is loaded any more, as no payment of a later hour meets it."""

    def __init__(
        self,
        name: str,
        data: Path,
        *,
        shards: int,
        scorers: int,
        wallets: int,
        config: Path | None = None,
        loaded: bool = False,
    ) -> None:
        self.name = name
        self.key = KEY
        self.port = 0
        self.shards = shards
        self.scorers = scorers
        self._data = data
        self._count = wallets
        self._config = config
        self._loaded = loaded
        self._ids = np.empty((0, 16), np.uint8)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: dict[str, str] | None = None) -> None:
        """As `Contender.start`: returns when /readyz answers 200, or later."""
        self._data.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        log = self._data / "serve-output.log"
        command = ["-m", "switch", "serve", "--data", str(self._data), "--port", str(self.port), "--front-doors", "1"]
        command += ["--drain-grace", "0"]
        command += ["--shards", str(self.shards), "--scorers", str(self.scorers)]
        command += [] if self._config is None else ["--config", str(self._config)]
        self._process = spawn(command, log, {"SHARDPAY_API_KEY": KEY, **(environment or {})})
        try:
            wait_ready(self.port, "/readyz", self._process, log)
        except BaseException:
            self.stop()
            raise
        time.sleep(LOADED_S if self._loaded else 0)

    def stop(self) -> None:
        """As `Contender.stop`."""
        end(self._process)

    def roots(self) -> list[int]:
        """As `Contender.roots`."""
        assert self._process is not None
        return [self._process.pid]

    def wallets(self) -> list[str]:
        """As `Contender.wallets`."""
        return uuid_texts(self.wallet_bytes())

    def wallet_bytes(self) -> bytes:
        """Ids of 16 bytes of the funded wallets, joined."""
        if not len(self._ids):
            self.grow(self._count)
            self._acquaint()
        return self._ids.tobytes()

    def grow(self, count: int) -> None:
        """Open and fund so many more wallets; called while it runs."""
        opened = self._open_wallets(count)
        self._fund(opened)
        self._ids = np.concatenate([self._ids, opened])

    def _open_wallets(self, more: int) -> Any:
        parts = []
        before = len(self._ids)
        for start in range(before, before + more, WALLETS_A_CALL):
            count = min(WALLETS_A_CALL, before + more - start)
            body = {"wallets": [{"currency": CURRENCY, "kind": "user"}] * count}
            parts.append("".join(self._open(body, f"wallets-{start}")).replace("-", ""))
        return np.frombuffer(bytes.fromhex("".join(parts)), np.uint8).reshape(-1, 16)

    def _open(self, body: dict[str, Any], key: str) -> list[str]:
        """Ids of a batch of wallets. On a busy machine some rows may be late; the same key opens those that are missing."""
        codes: set[str] = set()
        for _ in range(OPENING_TRIES):
            results = call_json(self.port, "/v1/wallets/batch", KEY, body, {"Idempotency-Key": key})["results"]
            if all(each["id"] for each in results):
                return [each["id"] for each in results]
            codes = {each["code"] for each in results}
        raise RuntimeError(f"wallets could not be opened: {codes}")

    def _fund(self, wallets: Ids) -> None:
        source = call_json(self.port, "/v1/wallets", KEY, {"currency": CURRENCY, "kind": "external"})["id"]
        payer = np.frombuffer(bytes.fromhex(source.replace("-", "")), np.uint8)
        for start in range(0, len(wallets), ROWS_A_CALL):
            self.pay(funding_body(payer, wallets[start : start + ROWS_A_CALL]))

    def _acquaint(self) -> None:
        """Let everybody be paid by some others. The first payment to a wallet of another shard waits until its profile is asked for; a
        benchmark of a few seconds would consist of little else, a switch that has run for a day meets few of them."""
        for turn in range(1, ACQUAINTING_PAYMENTS + 1):
            payers = np.roll(self._ids, turn * 7_919, axis=0)
            for start in range(0, len(self._ids), ROWS_A_CALL):
                part = slice(start, start + ROWS_A_CALL)
                self.pay(unit_body(payers[part], self._ids[part]))

    def pay(self, body: bytes) -> None:
        """One Arrow batch; called while it runs. Raises RuntimeError."""
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": ARROW, "Idempotency-Key": str(uuid.uuid4())}
        status, answer = call(self.port, "POST", "/v1/transfers/batch", body, headers)
        if status != 200:
            raise RuntimeError(f"a batch before the benchmark: {status} {answer[:300]!r}")

    def check(self, paid: int) -> dict[str, Any]:
        """As `Contender.check`: a full audit of the journal."""
        from actors.audit.audit import audit_database
        from actors.database import embedded

        server = embedded.start(self._data)
        try:
            report = asyncio.run(audit_database(server.url))
            settings = asyncio.run(server_settings(server.url))
        finally:
            server.stop()
        if report.differences or report.transfers < paid + len(self._ids):
            raise RuntimeError(f"{self.name}: {report.transfers} transfers in the journal, {report.differences[:3]}")
        return {"audit": msgspec.to_builtins(report), "postgresql": settings}


def forget_data(data: Path) -> None:
    """Remove a data directory, with what Ray keeps of it where paths are shorter."""
    elsewhere = ray_temp_dir(data).parent
    shutil.rmtree(data, ignore_errors=True)
    shutil.rmtree(elsewhere, ignore_errors=True)


async def server_settings(url: str) -> dict[str, str]:
    """What a commit costs on a server depends on these."""
    from actors.database.connection import connect

    names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "wal_compression")
    connection = await connect(url, name="shardpay-bench")
    try:
        return {name: await connection.fetchval(f"SHOW {name}") for name in names}
    finally:
        await connection.close()
