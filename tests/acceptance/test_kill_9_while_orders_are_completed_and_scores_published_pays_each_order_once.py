"""`kill -9` of any process while orders are completed and scores are published: each order pays exactly once, each inquiry is logged
once, each run scores a wallet once."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from models.credit.shipped import shipped
from models.scorecard import canonical
from switch.http.times import now_ms, time_text
from tests.acceptance.load import CURRENCY, OPENING, Load
from tests.acceptance.running import RunningSwitch, audit_is_clean, running_switch, shardpay
from tests.score_batches import score_row, stream

GUESTS = 12
CLIENTS = 6
STAYS_MAX = 8
"""Of one guest: a scenario answers ten questions about a wallet a day."""
CAP, BILL = 20_000, 7_001
DAY_MS = 86_400_000


class Stay(msgspec.Struct):
    """One guest's order: where it is asked, made, completed, and what was answered each time."""

    guest: int
    number: str
    receipt: str = ""
    order: str = ""
    transfers: set[str] = set()


class Inn:
    """An inn whose guests check in without a deposit, and a bureau that scores them meanwhile."""

    def __init__(self, bureau: Load, guests: Load, inn: Load) -> None:
        self.bureau, self.guests, self.inn = bureau, guests, inn
        self.stays: list[Stay] = []
        self.runs = 0
        self.stopped = False
        self.wallets: list[str] = []
        self.till = ""

    async def prepare(self) -> None:
        """A card, scored guests with money, and their standing consent."""
        card = shipped("wallet")
        status, made = await self.bureau.call(
            "PUT", f"/v1/scorecards/{card.name}", msgspec.json.decode(canonical(card))
        )
        assert status in (200, 201), made
        bank = await self._wallet("external", "")
        self.till = await self._wallet("merchant", "inn")
        self.wallets = [await self._wallet("user", "guest") for _ in range(GUESTS)]
        await self.publish()
        for wallet in self.wallets:
            body: dict[str, Any] = {"payer": bank, "payee": wallet, "amount": OPENING, "currency": CURRENCY}
            status, made = await self.bureau.call("POST", "/v1/transfers", body, f"opening {wallet}")
            assert status == 201, made
            body = {"wallet": wallet, "scenario": "hotel", "merchant": "inn", "standing": {"cap": CAP}}
            body["expires_at"] = time_text(now_ms() + 7 * DAY_MS)
            status, made = await self.guests.call("POST", "/v1/consents", body, f"consent {wallet}")
            assert status == 201, made

    async def _wallet(self, kind: str, owner: str) -> str:
        body = {"currency": CURRENCY, "kind": kind} | ({"owner": owner} if owner else {})
        status, made = await self.bureau.call("POST", "/v1/wallets", body)
        assert status == 201, made
        return str(made["id"])

    async def publish(self) -> None:
        """The next run, sent until all of it is answered."""
        self.runs += 1
        rows = [score_row(wallet, 640 + self.runs % 5, self.runs) for wallet in self.wallets]
        while True:
            status, answer = await self.bureau.call("POST", "/v1/scores/batch", stream(rows), f"run {self.runs}")
            assert status == 200, answer
            with pa.ipc.open_stream(answer) as reader:
                table = reader.read_all()
            names = msgspec.json.decode(table.schema.metadata[b"codes"])
            codes = {names[str(row["code"])] for row in table.to_pylist()}
            if codes == {"ok"}:
                return
            assert codes <= {"ok", "timeout", "busy", "overloaded"}, codes

    async def publish_on(self) -> None:
        while not self.stopped:
            await self.publish()
            await asyncio.sleep(0.2)

    async def receive(self, guests: Iterator[int]) -> None:
        """Guest after guest: asked about, checked in, billed."""
        while not self.stopped:
            guest = next(guests)
            if sum(stay.guest == guest for stay in self.stays) >= STAYS_MAX:
                await asyncio.sleep(0.05)
                continue
            stay = Stay(guest, f"N{len(self.stays)}")
            self.stays.append(stay)
            await self._stays(stay)

    async def _stays(self, stay: Stay) -> None:
        asked = {"wallet": self.wallets[stay.guest], "scenario": "hotel", "amount": CAP}
        status, answer = await self.inn.call("POST", "/v1/credit/decisions", asked, f"ask {stay.number}")
        assert (status, answer["result"]) == (201, "yes"), answer
        stay.receipt = answer["receipt"]
        order = {
            "receipt": stay.receipt,
            "kind": "deposit_waived",
            "cap": CAP,
            "currency": CURRENCY,
            "payee": self.till,
        }
        order |= {"number": stay.number, "introduction": "one night"}
        status, answer = await self.inn.call("POST", "/v1/credit/orders", order, f"order {stay.number}")
        assert (status, answer["status"]) == (201, "confirmed"), answer
        stay.order = answer["id"]
        await self.complete(stay)

    async def complete(self, stay: Stay) -> None:
        """Send the bill, for the first time or again."""
        bill = {"items": [{"name": "one night", "amount": BILL}]}
        path = f"/v1/credit/orders/{stay.order}/complete"
        status, answer = await self.inn.call("POST", path, bill, f"bill {stay.number}")
        assert (status, answer["status"]) == (200, "paid"), answer
        stay.transfers.add(answer["transfer"])

    async def check(self) -> None:
        """What was answered is what there is, once."""
        assert self.stays and all(stay.order for stay in self.stays)
        await asyncio.gather(*(self.complete(stay) for stay in self.stays))
        assert all(len(stay.transfers) == 1 for stay in self.stays)
        for stay in self.stays:
            _, order = await self.inn.call("GET", f"/v1/credit/orders/{stay.order}")
            assert [step["step"] for step in order["steps"]] == ["created", "completed", "paid"], order
        for guest, wallet in enumerate(self.wallets):
            mine = [stay for stay in self.stays if stay.guest == guest]
            _, asked = await self.guests.call("GET", f"/v1/wallets/{wallet}/credit/inquiries?limit=50")
            assert sorted(each["receipt"] for each in asked["data"]) == sorted(stay.receipt for stay in mine)
            _, shown = await self.bureau.call("GET", f"/v1/wallets/{wallet}")
            assert shown["posted"] == OPENING - BILL * len(mine)
            _, scores = await self.guests.call("GET", f"/v1/wallets/{wallet}/credit/history?limit=100")
            runs = [each["run"] for each in scores["data"]]
            assert runs == sorted(set(runs), reverse=True) and set(range(max(1, self.runs - 50), self.runs + 1)) <= set(
                runs
            )
        async with asyncio.timeout(30):
            while (await self.bureau.call("GET", f"/v1/wallets/{self.till}"))[1]["posted"] != BILL * len(self.stays):
                await asyncio.sleep(0.1)


def _key(switch: RunningSwitch, *options: str) -> str:
    made = shardpay("keys", "create", "--data", str(switch.data), *options)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@contextlib.asynccontextmanager
async def _inn(switch: RunningSwitch) -> AsyncIterator[Inn]:
    tokens = await asyncio.gather(
        asyncio.to_thread(_key, switch, "--scope", "holder", "--name", "guest", "--owner", "guest"),
        asyncio.to_thread(
            _key, switch, "--scope", "merchant", "--name", "inn", "--owner", "inn", "--scenario", "hotel"
        ),
    )
    async with Load(switch.url, 1) as bureau, Load(switch.url, 1, 0, tokens[0]) as guests:
        async with Load(switch.url, 1, 0, tokens[1]) as inn:
            yield Inn(bureau, guests, inn)


async def _killed_at_work(switch: RunningSwitch, victims: tuple[str, ...], stays_between: int) -> None:
    async with _inn(switch) as inn:
        await inn.prepare()
        order = itertools.cycle(range(GUESTS))
        working = [asyncio.create_task(inn.receive(order)) for _ in range(CLIENTS)]
        working.append(asyncio.create_task(inn.publish_on()))
        for victim in victims:
            before = len(inn.stays)
            async with asyncio.timeout(60):
                while len(inn.stays) < min(before + stays_between, GUESTS * STAYS_MAX):
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(switch.kill, victim)
            if victim in ("everything", "serve"):
                await asyncio.to_thread(switch.start)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(switch.wait_ready)
        inn.stopped = True
        async with asyncio.timeout(60):
            await asyncio.gather(*working)
        await inn.check()
        reported = [load.statuses for load in (inn.bureau, inn.guests, inn.inn)]
        print(f"{len(inn.stays)} orders, {inn.runs} runs, answers by status {reported}")
        assert any(0 in each or 503 in each for each in reported), "the kills came too late to prove anything"


async def test_kill_9_of_a_shard_and_a_front_door(shared_switch: RunningSwitch) -> None:
    await _killed_at_work(shared_switch, ("shard", "front door"), 15)


@pytest.mark.slow
def test_kill_9_of_every_process_in_turn(server_place: Path) -> None:
    with running_switch(server_place / "data", "--shards", "2") as switch:
        victims = ("shard", "front door", "postgres", "everything", "scorer", "raylet")
        asyncio.run(_killed_at_work(switch, victims, 12))
        audit_is_clean(switch)
