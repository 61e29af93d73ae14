"""Clients that do everything to the same few wallets at the same time, and a naive model of what that must come to.

Requests are cut off, sent twice at a time and repeated under their keys; wallets are frozen and closed under way. What counts
is only what was answered: from that the model says what every hold, payment, statement and balance must be.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from tests.acceptance.load import CURRENCY, Load

OPENING = 2_000
AMOUNT_MAX = 400
RECENT = 12
"""So many of the newest holds and payments are fought for."""
CUT_OFF_SHARE, TWICE_SHARE = 0.15, 0.15
CUT_OFF_MAX_S = 0.02
PAGE = 100
READERS = 32
QUIET_WITHIN_S = 60.0


class Asked(msgspec.Struct, eq=False):
    """One request that moves money, and the different answers that were recorded for it: one at most. `parts`: captures, voids
    and refunds of it."""

    what: str
    key: str
    path: str
    body: dict[str, Any]
    payer: str
    payee: str
    parts: list["Asked"] = []
    recorded: set[tuple[str, str]] = set()
    amount: int = 0

    @property
    def done(self) -> bool:
        """Whether it did what it was to do."""
        return any(code == "ok" for code, _ in self.recorded)

    @property
    def id(self) -> str:
        """Id of its record."""
        ((_, identity),) = self.recorded
        return identity

    @property
    def moves(self) -> bool:
        """Whether money has moved by it."""
        return self.done and self.what in ("transfer", "capture", "refund")

    def did(self, what: str) -> list["Asked"]:
        """What was done to it."""
        return [part for part in self.parts if part.what == what and part.done]


class Interleaving(Load):
    """`run` does things until so many requests were answered; then `check`."""

    def __init__(self, url: str, seed: int, wallets: int = 8) -> None:
        super().__init__(url, seed, wallets)
        self.bank = self.fees = ""
        self.asked: list[Asked] = []
        self.users: list[str] = []
        self.frozen: set[str] = set()
        self.closed: set[str] = set()
        self.refused: Counter[str] = Counter()
        self._limit = 0
        self._reading = asyncio.Semaphore(READERS)

    # Doing.

    async def prepare(self) -> None:
        """Make the wallets and fund each."""
        self.bank = await self._wallet("external")
        self.fees = await self._wallet("fee")
        for _ in range(self.count):
            await self._newcomer()

    async def run_for(self, requests: int, clients: int = 24) -> None:
        """Do so many more things."""
        self._limit = len(self.asked) + requests
        await asyncio.gather(*(self._client() for _ in range(clients)))

    async def _client(self) -> None:
        doings: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (28, self._pay),
            (22, self._hold),
            (22, self._capture),
            (7, self._void),
            (14, self._refund),
            (5, self._group),
            (4, self._top_up),
            (3, self._freeze),
            (5, self._unfreeze),
            (1, self._retire),
        ]
        weights = [weight for weight, _ in doings]
        while len(self.asked) < self._limit:
            ((_, do),) = self.random.choices(doings, weights)
            await do()

    async def _wallet(self, kind: str) -> str:
        body = {"currency": CURRENCY, "kind": kind}
        status, made = await self.call("POST", "/v1/wallets", body, f"wallet {self.random.random()}")
        assert status == 201, made
        identity: str = made["id"]
        return identity

    async def _newcomer(self) -> None:
        user = await self._wallet("user")
        self.wallets.append(user)
        await self._transfer(self.bank, user, OPENING)
        self.users.append(user)

    async def _transfer(self, payer: str, payee: str, amount: int, **more: Any) -> None:
        body = {"payer": payer, "payee": payee, "amount": amount, "currency": CURRENCY, **more}
        what = "hold" if "hold" in more else "transfer"
        await self._tell(self._new(what, "/v1/transfers", body, payer, payee))

    def _new(
        self, what: str, path: str, body: dict[str, Any], payer: str, payee: str, of: Asked | None = None
    ) -> Asked:
        asked = Asked(what, f"{what} {len(self.asked)}", path, body, payer, payee)
        if of is not None:
            of.parts.append(asked)
        self.asked.append(asked)
        return asked

    def _amount(self) -> int:
        return self.random.randint(1, AMOUNT_MAX)

    async def _pay(self) -> None:
        payer, payee = self.random.sample(self.users, 2)
        await self._transfer(payer, self.bank if self.random.random() < 0.1 else payee, self._amount())

    async def _top_up(self) -> None:
        await self._transfer(self.bank, self.random.choice(self.users), self._amount())

    async def _hold(self) -> None:
        payer, payee = self.random.sample(self.users, 2)
        await self._transfer(payer, payee, self._amount(), hold=True, expires_in=self.random.randint(1, 3))

    def _one_of(self, *whats: str) -> Asked | None:
        recent = [each for each in self.asked[-20 * RECENT :] if each.what in whats and each.done][-RECENT:]
        return self.random.choice(recent) if recent else None

    async def _capture(self) -> None:
        if hold := self._one_of("hold"):
            body: dict[str, Any] = {"final": self.random.random() < 0.4}
            if self.random.random() < 0.8:
                body["amount"] = self.random.randint(1, max(1, hold.amount * 2 // 3))
            path = f"/v1/transfers/{hold.id}/capture"
            await self._tell(self._new("capture", path, body, hold.payer, hold.payee, hold))

    async def _void(self) -> None:
        if hold := self._one_of("hold"):
            await self._tell(self._new("void", f"/v1/transfers/{hold.id}/void", {}, hold.payer, hold.payee, hold))

    async def _refund(self) -> None:
        if paid := self._one_of("transfer", "capture"):
            share = {"amount": self.random.randint(1, paid.amount)} if self.random.random() < 0.8 else {}
            path = f"/v1/transfers/{paid.id}/refund"
            await self._tell(self._new("refund", path, share, paid.payee, paid.payer, paid))

    async def _group(self) -> None:
        payer, payee = self.random.sample(self.users, 2)
        rows = []
        for to in (payee, self.fees):
            body = {"payer": payer, "payee": to, "amount": self._amount(), "currency": CURRENCY}
            rows.append(self._new("transfer", "", body, payer, to))
        await self._sent(rows[0].key, self._send_group(rows), self._send_group(rows))

    async def _freeze(self) -> None:
        user = self.random.choice(self.users)
        self.frozen.add(user)
        status, answer = await self.call("POST", f"/v1/wallets/{user}/freeze", {})
        assert status in (200, 409), answer

    async def _unfreeze(self) -> None:
        if self.frozen:
            user = self.random.choice(sorted(self.frozen))
            self.frozen.discard(user)
            status, answer = await self.call("POST", f"/v1/wallets/{user}/unfreeze", {})
            assert status in (200, 409), answer

    async def _retire(self) -> None:
        """Close a wallet while others still capture, void and refund what was done with it; another takes its place."""
        if len(self.users) <= self.count - 2:
            return
        user = self.users.pop(self.random.randrange(len(self.users)))
        self.frozen.discard(user)
        while True:
            await self.call("POST", f"/v1/wallets/{user}/unfreeze", {})
            if (left := (await self._get(f"/v1/wallets/{user}"))["available"]) > 0:
                await self._transfer(user, self.bank, left)
            status, answer = await self.call("POST", f"/v1/wallets/{user}/close", {})
            if status == 200:
                break
            assert answer["code"] == "wallet_not_empty", answer
        self.closed.add(user)
        await self._newcomer()

    # Sending.

    async def _tell(self, asked: Asked) -> None:
        await self._sent(asked.key, self._send(asked), self._send(asked))

    async def _sent(self, key: str, once: Coroutine[Any, Any, bool], again: Coroutine[Any, Any, bool]) -> None:
        """Once; or cut off and again; or twice at a time."""
        way = random.Random(f"{self.random.random()} {key}").random()
        if way < CUT_OFF_SHARE:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(way / CUT_OFF_SHARE * CUT_OFF_MAX_S):
                    await once
            await again
        elif way < CUT_OFF_SHARE + TWICE_SHARE:
            await asyncio.gather(once, again)
        else:
            again.close()
            await once

    async def _send(self, asked: Asked) -> bool:
        """Send until it is answered; gives whether the answer was a repeated one."""
        status, answer = await self.call("POST", asked.path, asked.body, asked.key)
        assert status in (201, 402, 409), (asked, answer)
        if status == 201:
            asked.amount = answer["amount"]
            assert asked.amount == asked.body.get("amount", asked.amount), asked
            asked.recorded.add(("ok", answer["id"]))
            return bool(answer["replayed"])
        if "transfer_id" in answer:
            asked.recorded.add((answer["code"], answer["transfer_id"]))
        assert answer["money_moved"] == "no"
        self.refused[answer["code"]] += 1
        return True

    async def _send_group(self, rows: list[Asked]) -> bool:
        body = {"transfers": [{"idempotency_key": row.key, **row.body} for row in rows], "linked": True}
        results: list[dict[str, Any]] = []
        while not results or any(result["status"] in ("not_tried", "unknown") for result in results):
            status, answer = await self.call("POST", "/v1/transfers/batch", body, key=f"group of {rows[0].key}")
            assert status == 200, answer
            results = answer["results"]
        assert len({result["code"] == "ok" for result in results}) == 1, results
        for row, result in zip(rows, results, strict=True):
            row.amount = row.body["amount"]
            if result["id"]:
                row.recorded.add((result["code"], result["id"]))
            if result["code"] != "ok":
                self.refused[result["code"]] += 1
        return all(result["replayed"] for result in results)

    async def _get(self, path: str) -> Any:
        async with self._reading:
            status, answer = await self.call("GET", path)
        assert status == 200, (path, answer)
        return answer

    async def _pages(self, path: str) -> list[dict[str, Any]]:
        """All that a list has."""
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = await self._get(f"{path}limit={PAGE}{after}")
            found += page["data"]
            if not page["has_more"]:
                return found
            after = f"&after={page['next']}"

    # Judging.

    async def check(self) -> None:
        """Everything that the switch shows follows from what it has answered."""
        recorded = [asked for asked in self.asked if asked.recorded]
        for asked in recorded:
            assert len(asked.recorded) == 1, asked
        assert len({asked.id for asked in recorded}) == len(recorded)
        await self._all(self._unseen, [asked for asked in self.asked if not asked.recorded])
        await self._all(self._repeated, [asked for asked in recorded if asked.path])
        suspended = await self._suspended()
        holds = [asked for asked in recorded if asked.what == "hold" and asked.done]
        await self._all(self._check_hold, holds)
        await self._all(self._check_refunds, [asked for asked in recorded if asked.moves and asked.what != "refund"])
        for wallet in (self.bank, self.fees, *self.wallets):
            await self._check_statement(wallet, suspended)

    async def _all(self, look: Callable[[Asked], Awaitable[None]], things: list[Asked]) -> None:
        waiting = iter(things)

        async def some() -> None:
            for each in waiting:
                await look(each)

        await asyncio.gather(*(some() for _ in range(READERS)))

    async def _unseen(self, asked: Asked) -> None:
        """What was refused has left no trace, though it may have been cut off before."""
        home = asked.payee if asked.payer in (self.bank, self.fees) else asked.payer
        status, answer = await self.call("GET", f"/v1/transfers?wallet={home}&idempotency_key={asked.key}")
        assert (status, answer["code"]) == (404, "key_not_seen"), (asked, answer)

    async def _repeated(self, asked: Asked) -> None:
        assert await self._send(asked), f"{asked} was done a second time"
        assert len(asked.recorded) == 1, asked

    async def _suspended(self) -> dict[str, set[str]]:
        """Wait until no money is held or on its way; gives what lies on suspense: ids of movements by wallet."""
        async with asyncio.timeout(QUIET_WITHIN_S):
            while True:
                suspended: dict[str, set[str]] = {}
                for event in await self._pages("/v1/events?types=leg.suspended&"):
                    suspended.setdefault(event["data"]["payee"], set()).add(event["data"]["of"])
                expected = {
                    wallet: self._expected(wallet, suspended) for wallet in (self.bank, self.fees, *self.wallets)
                }
                shown = {wallet: await self._get(f"/v1/wallets/{wallet}") for wallet in expected}
                balances = {wallet: each["posted"] for wallet, each in shown.items()}
                if balances == expected and not any(each["held"] for each in shown.values()):
                    break
                await asyncio.sleep(0.1)
        assert suspended.keys() <= self.closed, "only what is for a closed wallet goes to suspense"
        lost = sum(asked.amount for asked in self.asked if asked.moves and asked.id in suspended.get(asked.payee, ()))
        assert sum(balances.values()) + lost == 0
        assert all(balances[user] >= 0 for user in self.wallets)
        assert all(shown[user]["status"] == "closed" and balances[user] == 0 for user in self.closed)
        return suspended

    def _expected(self, wallet: str, suspended: dict[str, set[str]]) -> int:
        moved = [asked for asked in self.asked if asked.moves]
        paid = sum(asked.amount for asked in moved if asked.payer == wallet)
        lost = suspended.get(wallet, set())
        return sum(asked.amount for asked in moved if asked.payee == wallet and asked.id not in lost) - paid

    async def _check_hold(self, hold: Asked) -> None:
        """No hold is spent twice: what was captured and released is what was held, and it ended once."""
        shown = await self._get(f"/v1/transfers/{hold.id}")
        captures, voids = hold.did("capture"), hold.did("void")
        assert {part["id"]: part["amount"] for part in shown["captures"]} == {c.id: c.amount for c in captures}
        captured = sum(capture.amount for capture in captures)
        assert (shown["captured"], shown["captured"] + shown["released"]) == (captured, hold.amount)
        assert shown["left"] == captured - shown["refunded"]
        finals = [c for c in captures if c.body["final"]]
        ended = "voided" if voids else "captured" if finals or captured == hold.amount else "expired"
        assert (shown["status"], len(voids) + len(finals) <= 1) == (ended, True), (shown, voids, finals)

    async def _check_refunds(self, paid: Asked) -> None:
        """Refunds never above the payment."""
        shown = await self._get(f"/v1/transfers/{paid.id}")
        refunds = {each.id: each.amount for each in paid.did("refund")}
        assert {part["id"]: part["amount"] for part in shown["refunds"]} == refunds, paid
        assert sum(refunds.values()) == shown["refunded"] == paid.amount - shown["left"] <= paid.amount

    async def _check_statement(self, wallet: str, suspended: dict[str, set[str]]) -> None:
        """A statement lists what moved the wallet's money, each once, and its balances follow from each other."""
        entries = await self._pages(f"/v1/wallets/{wallet}/transfers?")
        lost = suspended.get(wallet, set())
        paid = [a.id for a in self.asked if a.moves and a.payer == wallet]
        received = [a.id for a in self.asked if a.moves and a.payee == wallet and a.id not in lost]
        assert sorted(entry["id"] for entry in entries) == sorted(paid + received), wallet
        if wallet in (self.bank, self.fees):
            return
        balance = 0
        for entry in reversed(entries):
            balance += entry["amount"] if entry["direction"] == "in" else -entry["amount"]
            assert entry["balance_after"] == balance >= 0, entry
