"""PostgreSQL stopped under load: callers get 503 with Retry-After, then everything goes on by itself."""

import asyncio
from pathlib import Path

import pytest

from actors.database import embedded
from tests.acceptance.load import Load
from tests.acceptance.running import running_switch, shardpay


async def _stopped(url: str, database: Path, server: embedded.PostgresServer, seconds: float) -> None:
    async with Load(url, 3) as load:
        await load.prepare()
        paying = asyncio.create_task(load.run(clients=32))
        while len(load.payments) < 300:
            await asyncio.sleep(0.05)
        assert await asyncio.to_thread(server.stop), "somebody else holds the server"
        await asyncio.sleep(seconds)
        before = sum(len(payment.answers) for payment in load.payments)
        assert load.statuses.get(503, 0) > 0, "nobody was told to come back later"
        await asyncio.to_thread(embedded.start, database)
        async with asyncio.timeout(30):
            while sum(len(payment.answers) for payment in load.payments) < before + 300:
                await asyncio.sleep(0.05)
        load.stop()
        await paying
        await load.check()
        print(f"{len(load.payments)} payments, answers by status {load.statuses}")


def _run(server_place: Path, seconds: float) -> None:
    database = server_place / "database"
    server = embedded.start(database)
    try:
        with running_switch(server_place / "data", "--shards", "2", "--database", server.url) as switch:
            asyncio.run(_stopped(switch.url, database, server, seconds))
            switch.stop()
        audit = shardpay("audit", "--database", server.url)
        assert audit.returncode == 0, audit.stdout + audit.stderr
    finally:
        (database / "postgres.users").unlink()  # nobody else uses it, whoever still says so
        embedded.start(database).stop()


def test_postgresql_stopped_for_8_s(server_place: Path) -> None:
    _run(server_place, 8.0)


@pytest.mark.slow
def test_postgresql_stopped_for_20_s(server_place: Path) -> None:
    _run(server_place, 20.0)
