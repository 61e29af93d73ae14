"""What rules count of a wallet that pays.

These are the windows that its next payment will be decided with. They are made of what the wallet's shard remembers of its attempts, as the
columns of a decision are: one that was declined counts too.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from aiohttp import web

from actors.records.ids import encode_wallet
from actors.records.secret import Secret
from actors.rpc.interface import Attempts, ShardClient, ShardUnavailable
from rules.vocabulary.columns import DAY_MS, WINDOW_NAMES, WINDOWS_MS
from switch.api.route import Route
from switch.api.services import Limits
from switch.http.access import Access
from switch.http.auth import READ
from switch.http.call import Call
from switch.http.times import now_ms, time_text
from switch.problems.table import ProblemError
from switch.views.representations import Balance, json_response


class WindowServices(Protocol):
    """What this handler uses of the front door."""

    secret: Secret
    limits: Limits
    clients: Sequence[ShardClient]

    async def wallet_in_path(self, call: Call) -> int:
        """`Services.wallet_in_path`."""

    async def balance(self, address: int) -> Balance:
        """`Services.balance`."""

    async def shards_of(self, address: int) -> Sequence[int]:
        """`Services.shards_of`."""


class WalletWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts of the last so many `seconds`, after `since`: how many, their sum, the largest, and to how many payees. `complete` false:
    some were forgotten, so these are lower bounds. `until`: when the oldest of them leaves, null: none is in it."""

    window: str
    seconds: int
    since: str
    count: int
    sum: int
    max: int
    payees: int
    complete: bool
    until: str | None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A payment or a hold that was asked for, whatever became of it."""

    effective_at: str
    amount: int
    payee: str


class WalletWindows(msgspec.Struct, frozen=True, kw_only=True):
    """What rules count of a wallet as of a time. `counted` false: nothing is, since it is an operator's wallet, or the switch runs
    unscored. `day_total`: what has left it since midnight UTC, until `day_until`; `attempts`: those of windows, newest first."""

    wallet: str
    as_of: str
    counted: bool
    windows: list[WalletWindow]
    day_total: int
    day_until: str
    attempts: list[Attempt]


async def get_windows(services: WindowServices, call: Call) -> web.Response:
    """GET /v1/wallets/{id}/windows."""
    call.query()
    address = await services.wallet_in_path(call)
    await services.balance(address)  # that it is there
    shards = await services.shards_of(address)
    found = await _attempts(services, shards[0], address) if len(shards) == 1 else None
    now = now_ms()
    if found is not None and found.times:
        now = max(now, found.times[-1])  # the next attempt is not before it
    return json_response(_shown(services.secret, address, found, now))


async def _attempts(services: WindowServices, shard: int, address: int) -> Attempts | None:
    try:
        async with asyncio.timeout(services.limits.deadline_s):
            return await services.clients[shard].attempts(address)
    except (ShardUnavailable, TimeoutError):
        raise ProblemError("timeout", money_moved="no") from None


def _shown(secret: Secret, address: int, found: Attempts | None, now: int) -> WalletWindows:
    lengths = dict(zip(WINDOW_NAMES, WINDOWS_MS, strict=True))
    day, attempts = now // DAY_MS, []
    if found is not None:
        inside = [at > now - max(WINDOWS_MS) for at in found.times]
        rows = zip(found.times, found.amounts, found.payees, inside, strict=True)
        attempts = [
            Attempt(effective_at=time_text(at), amount=amount, payee=encode_wallet(secret, payee))
            for at, amount, payee, counts in rows
            if counts
        ]
    return WalletWindows(
        wallet=encode_wallet(secret, address),
        as_of=time_text(now),
        counted=found is not None,
        windows=[] if found is None else [window_of(found, name, length, now) for name, length in lengths.items()],
        day_total=found.day_total if found is not None and found.day == day else 0,
        day_until=time_text((day + 1) * DAY_MS),
        attempts=attempts[::-1],
    )


def window_of(found: Attempts, name: str, length_ms: int, now: int) -> WalletWindow:
    """The window (now - length, now] as the columns of a payment at `now` have it."""
    since = now - length_ms
    rows = [row for row in zip(found.times, found.amounts, found.same_payee_times, strict=True) if row[0] > since]
    amounts = [amount for _, amount, _ in rows]
    return WalletWindow(
        window=name,
        seconds=length_ms // 1_000,
        since=time_text(since),
        count=len(rows),
        sum=sum(amounts),
        max=max(amounts, default=0),
        payees=sum(before <= since for _, _, before in rows),
        complete=found.forgotten <= since,
        until=time_text(rows[0][0] + length_ms) if rows else None,
    )


ROUTES: Final = (
    Route(
        "GET",
        "/v1/wallets/{id}/windows",
        "What rules count of a wallet: attempts of the last hour, day and week.",
        READ,
        Access.WALLET,
        get_windows,
        answer=WalletWindows,
        problems=frozenset({"wallet_not_found"}),
    ),
)
