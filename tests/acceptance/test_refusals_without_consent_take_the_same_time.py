"""Nobody learns from the time of an answer whether a wallet exists, has a score, or has not consented: refusals of three kinds, asked
in turn over one connection, cannot be told apart by how long they took."""

import random
import time
import uuid
from typing import Any, Final

import aiohttp
import numpy as np

from models.credit.shipped import FOLDER
from switch.http.times import now_ms, time_text
from tests.acceptance.running import KEY, RunningSwitch
from tests.score_batches import score_row, stream

WALLETS: Final = 25
QUESTIONS: Final = 10
"""About one wallet a day; the scenario allows no more."""
SCENARIO: Final = "hotel"
TOLERANCE: Final = 0.12
"""How far from one half the chance may be that the one kind takes longer than the other: of 250 questions each it strays by less than 0.03
by luck, so this is four and a half times that. A fifth more of the time goes beyond it."""


def chance_of_longer(first: list[float], second: list[float]) -> float:
    """That a time of the first is longer than one of the second: 0.5 when they cannot be told apart. Ranks alone count, no outlier does."""
    a, b = np.array(first)[:, None], np.array(second)[None, :]
    return float((a > b).mean() + 0.5 * (a == b).mean())


async def _wallets(session: aiohttp.ClientSession) -> list[str]:
    body = {"wallets": [{"currency": "EUR", "kind": "user"}] * WALLETS}
    async with session.post("/v1/wallets/batch", json=body, headers={"Idempotency-Key": str(uuid.uuid4())}) as response:
        return [each["id"] for each in (await response.json())["results"]]


async def _post(session: aiohttp.ClientSession, path: str, body: Any) -> Any:
    async with session.post(path, json=body) as response:
        answer = await response.json()
        assert response.status == 201, answer
        return answer


async def _publish(session: aiohttp.ClientSession, rows: list[dict[str, Any]]) -> None:
    async with session.put(
        "/v1/scorecards/wallet", data=(FOLDER / "wallet.json").read_bytes(), headers=JSON
    ) as response:
        assert response.status in (200, 201)
    arrow = {"Content-Type": "application/vnd.apache.arrow.stream"}
    async with session.post("/v1/scores/batch", data=stream(rows), headers=arrow) as response:
        assert response.status == 200


JSON: Final = {"Content-Type": "application/json"}


async def test_refusals_without_consent_take_the_same_time(shared_switch: RunningSwitch) -> None:
    seed = 20_261_128
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(
        shared_switch.url, headers={"Authorization": f"Bearer {KEY}"}, connector=connector
    ) as session:
        asked = {"no consent": await _wallets(session), "no score": await _wallets(session)}
        asked["nobody"] = [str(uuid.uuid4()) for _ in range(WALLETS)]
        await _publish(session, [score_row(wallet, 700) for wallet in asked["no consent"]])
        ends = time_text(now_ms() + 86_400_000)
        for wallet in asked["no score"]:
            consent = {"wallet": wallet, "scenario": SCENARIO, "merchant": "bootstrap", "expires_at": ends}
            await _post(session, "/v1/consents", consent)
        rounds = [(kind, wallet) for kind, wallets in asked.items() for wallet in wallets for _ in range(QUESTIONS)]
        random.Random(seed).shuffle(rounds)
        took: dict[str, list[float]] = {kind: [] for kind in asked}
        for kind, wallet in rounds:
            started = time.perf_counter()
            answer = await _post(session, "/v1/credit/decisions", {"wallet": wallet, "scenario": SCENARIO})
            took[kind].append(time.perf_counter() - started)
            assert answer["result"] == "not_available"
    kinds = list(took)
    chances = {
        f"{first}, {second}": chance_of_longer(took[first], took[second])
        for at, first in enumerate(kinds)
        for second in kinds[at + 1 :]
    }
    medians = {kind: round(1_000 * float(np.median(times)), 2) for kind, times in took.items()}
    assert all(abs(chance - 0.5) < TOLERANCE for chance in chances.values()), (seed, chances, medians)


def test_a_fifth_more_time_would_be_seen() -> None:
    """The comparison itself: it sees a step of a fifth of the usual time in what else is the same, and luck alone it does not."""
    rng = np.random.default_rng(1)
    usual, other = (rng.lognormal(1.4, 0.3, WALLETS * QUESTIONS) for _ in range(2))
    assert abs(chance_of_longer(usual.tolist(), other.tolist()) - 0.5) < TOLERANCE
    assert chance_of_longer((usual * 1.2).tolist(), other.tolist()) - 0.5 > TOLERANCE
