"""`kill -9` while administrators work: every change that is there has one entry, every answered one says so, and the audit is clean.

What a process began and did not end is entered as of unknown outcome.
"""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

import aiohttp

from actors.database.locate import opened
from actors.database.pool import Pool
from actors.stores.admin_log import LAST, AdminLogStore, StoredEntry, Wanted, outcome_of
from tests.acceptance.running import KEY, RunningSwitch, running_switch, shardpay

LIST = "/v1/lists/stolen"
WORKERS = 8
VICTIMS = ("front door", "postgres", "shard", "everything")
BETWEEN = 60
"""Answered changes before the next process is killed."""


class Work:
    """Entries of a list, each asked for once by one of several people; `answered`: those that got 200."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answered: list[str] = []
        self.asked = 0
        self.done = False

    async def run(self) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:
            await asyncio.gather(*(self._one(session, number) for number in range(WORKERS)))

    async def _one(self, session: aiohttp.ClientSession, worker: int) -> None:
        count = 0
        while not self.done:
            count += 1
            self.asked += 1
            value = f"{worker}-{count}"
            try:
                async with session.put(f"{self.url}{LIST}/entries/{value}", json={"reason": "r"}) as answer:
                    if answer.status == 200:
                        self.answered.append(value)
                        continue
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.05)

    async def until_more(self) -> None:
        """Until a good deal more was answered."""
        wanted = len(self.answered) + BETWEEN
        async with asyncio.timeout(120):
            while len(self.answered) < wanted:
                await asyncio.sleep(0.02)


async def _killed(switch: RunningSwitch) -> Work:
    work = Work(switch.url)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:
        async with session.put(f"{switch.url}{LIST}", json={"type": "device"}) as made:
            assert made.status == 201, await made.text()
    working = asyncio.create_task(work.run())
    for victim in VICTIMS:
        await work.until_more()
        await asyncio.to_thread(switch.kill, victim)
        if victim == "everything":
            await asyncio.to_thread(switch.start)
    await work.until_more()
    work.done = True
    await working
    return work


async def _compare(url: str, work: Work) -> None:
    pool = await Pool.open(url, name="test")
    try:
        store = AdminLogStore(pool)
        left = await store.finish_left(timedelta())
        async with pool.session() as session:
            there = {
                row["value"] for row in await session.fetch("SELECT value FROM control_entry WHERE name = 'stolen'")
            }
        entries: list[StoredEntry] = []
        before = LAST
        while page := await store.page(Wanted(resource=f"{LIST}/entries"), before, 1_000):
            entries, before = [*entries, *page], page[-1].entry.number
    finally:
        await pool.close()
    outcomes = {each.entry.call.resource.rpartition("/")[2]: outcome_of(each.entry) for each in entries}
    several = [
        resource for resource, count in Counter(each.entry.call.resource for each in entries).items() if count > 1
    ]
    assert not several, "a call has one entry"
    assert not [value for value in there if outcomes.get(value) not in ("done", "unknown")], "a change without an entry"
    assert not [value for value in work.answered if outcomes.get(value) != "done" or value not in there]
    print(
        f"{work.asked} calls, {len(there)} changes, {len(work.answered)} answered, {len(entries)} entries, {left} left by the dead"
    )


def test_kill_9_of_any_process_while_administrators_work(server_place: Path) -> None:
    data = server_place / "data"

    async def compared(work: Work) -> None:
        async with opened(data, None) as url:
            await _compare(url, work)

    with running_switch(data) as switch:
        work = asyncio.run(_killed(switch))
        asyncio.run(compared(work))
    done = shardpay("audit", "--data", str(data))
    assert done.returncode == 0, done.stdout
    assert "entries in the log of administrators" in done.stdout
