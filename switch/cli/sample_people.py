"""`serve --sample`: wallets about which a merchant may ask, with answers that are known beforehand.

They are made by the calls that everybody has: the shipped card and scores by it are published, and consents given. The switch
knows nothing of them.
"""

import asyncio
import json
import shlex
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp

from actors.stores.api_keys import Binding
from switch.cli.sample import check, kept_key, post, sample_session
from switch.http.times import time_text

MERCHANT: Final = "sample-hotel"
SCENARIO: Final = "hotel"
TILL: Final = f"sample:{MERCHANT}"
CARD, CARD_WITHOUT_RELATIONS = "wallet", "wallet-without-relations"
AMOUNT: Final = 30_000
"""Minor units that a guest waives the deposit for; the scenario grants more."""
RUN: Final = 1
CONSENT_DAYS: Final = 300
"""The scenario takes 365 at most."""
_DAY_MS: Final = 86_400_000
_JSON: Final = {"Content-Type": "application/json"}
_STREAM: Final = {"Content-Type": "application/vnd.apache.arrow.stream"}


class Person(NamedTuple):
    """`answer`: what a merchant is told. `at_most`: the score that their features come to, or a little less; `payments`: in a year, which
    may be too few for a score; `owes`: an order of the past is overdue; `disputes`: which they say is wrong."""

    name: str
    answer: str
    at_most: int
    payments: int = 100
    consents: bool = True
    owes: bool = False
    disputes: bool = False


PEOPLE: Final = (
    Person("sample:yes", "yes", 760),
    Person("sample:no", "no: SCORE_BELOW", 540),
    Person("sample:not-scored", "not_available: too few payments for a score", 760, payments=3),
    Person("sample:overdue", "no: OVERDUE_ORDERS", 760, owes=True),
    Person("sample:disputed", "no: OVERDUE_ORDERS, disputed", 760, owes=True, disputes=True),
    Person("sample:no-consent", "not_available: no consent", 760, consents=False),
)


async def merchant_key(url: str, data: Path) -> str:
    """The key of the sample's hotel, which asks in its scenario alone and is paid to its own wallet."""
    binding = Binding(owners=[MERCHANT], scenarios=[SCENARIO])
    return await kept_key(url, data / f"{MERCHANT}.key", MERCHANT, ["merchant"], binding)


async def make_people(base_url: str, key: str, relations: bool = True) -> dict[str, str]:
    """Wallet ids by name. What is there is left alone: scores come last, so whoever has one has all. `relations`: whether cards may judge
    by whom holders pay. Raises aiohttp.ClientError."""
    async with sample_session(base_url, key) as session:
        ids = {}
        for name, kind in (*((person.name, "user") for person in PEOPLE), (TILL, "merchant")):
            owner = MERCHANT if name == TILL else name
            body = {"currency": "EUR", "external_id": name, "kind": kind, "owner": owner}
            ids[name] = (await post(session, "/v1/wallets", body, name))["id"]
        if not await _is_scored(session, ids[PEOPLE[0].name]):
            for person in PEOPLE:
                if person.consents:
                    await post(session, "/v1/consents", _consent(ids[person.name]), f"{person.name}:consent")
                if person.owes:
                    order = _overdue(ids[person.name], ids[TILL], person.name)
                    made = await post(session, "/v1/credit/orders/import", {"orders": [order]}, f"{person.name}:order")
                if person.disputes:
                    wrong = {"entry": made["results"][0]["id"], "text": "I was never there."}
                    await post(session, "/v1/credit/disputes", wrong, f"{person.name}:dispute")
            await _publish_scores(session, ids, CARD if relations else CARD_WITHOUT_RELATIONS)
        return ids


async def _is_scored(session: aiohttp.ClientSession, wallet: str) -> bool:
    async with session.get(f"/v1/wallets/{wallet}/credit") as response:
        await check(response)
        return (await response.json())["score"] is not None


def _consent(wallet: str) -> dict[str, Any]:
    """The same in each start of a day, so that its key may be used again."""
    today = time.time_ns() // 1_000_000 // _DAY_MS
    ends = time_text((today + CONSENT_DAYS) * _DAY_MS)
    return {"wallet": wallet, "scenario": SCENARIO, "merchant": MERCHANT, "expires_at": ends}


def _overdue(wallet: str, till: str, number: str) -> dict[str, Any]:
    """An order that was used two months ago, was due a week ago, and is not paid."""
    today = time.time_ns() // 1_000_000 // _DAY_MS
    used, due = (time_text((today - days) * _DAY_MS) for days in (60, 7))
    names = {"wallet": wallet, "merchant": MERCHANT, "scenario": SCENARIO, "payee": till, "number": number}
    return {**names, "amount": 12_500, "introduction": "Two nights", "created_at": used, "due_at": due}


async def _publish_scores(session: aiohttp.ClientSession, ids: dict[str, str], name: str) -> None:
    card, stream = await asyncio.to_thread(_scores, ids, name)
    async with session.put(f"/v1/scorecards/{name}", data=card, headers=_JSON) as response:
        await check(response)
    async with session.post("/v1/scores/batch", data=stream, headers=_STREAM) as response:
        await check(response)


def _scores(ids: dict[str, str], name: str) -> tuple[bytes, bytes]:
    """The shipped card and everybody's scores by it. Loads kernels, which takes seconds."""
    import pyarrow as pa

    from models.credit.score import DAYS, DAYS_MIN, PAYMENTS, WalletScorer
    from models.credit.score_stream import score_stream
    from models.credit.shipped import shipped
    from models.scorecard import canonical

    card = shipped(name)
    rows = []
    for person in PEOPLE:
        known = {DAYS: 4 * DAYS_MIN, PAYMENTS: person.payments}
        wallet = bytes.fromhex(ids[person.name].replace("-", ""))
        rows.append({**known, **_features(card, person.at_most), "wallet": wallet})
    table = pa.Table.from_pylist(rows)
    return canonical(card), score_stream(WalletScorer(card), table, RUN, time.time_ns() // 1_000_000 - 1)


def _features(card: Any, at_most: int) -> dict[str, int]:
    """Values that are the best for each line of the card, but the worst for the first ones, until they come to so many points."""
    total = card.base + sum(max(item.points) for item in card.characteristics)
    values = {}
    for item in card.characteristics:
        wanted = max(item.points) if total <= at_most else min(item.points)
        total -= max(item.points) - wanted
        place = item.points.index(wanted)
        values[item.feature] = item.edges[place - 1] if place else item.edges[0] - 1
    return values


def question(base_url: str, key: str, ids: dict[str, str]) -> str:
    """Who there is, and a curl command that asks about the first of them."""
    width = max(len(person.answer) for person in PEOPLE)
    lines = [f"  {person.answer:{width}}  {ids[person.name]}" for person in PEOPLE]
    body = json.dumps({"wallet": ids[PEOPLE[0].name], "scenario": SCENARIO, "amount": AMOUNT})
    command = (
        f"curl -s {shlex.quote(f'{base_url}/v1/credit/decisions')} \\\n"
        f"  -H 'Authorization: Bearer {key}' \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )
    return "\n".join([*lines, "", command])
