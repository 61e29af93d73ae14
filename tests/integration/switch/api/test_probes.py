"""Who asks without a key costs shards and database little, however often; whoever pays meanwhile is not kept waiting."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.console.visitor import visitor
from tests.front_door import RunningSwitch

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASKING = 500
A_HANDFUL = 40
"""Each front door may begin anew four times a second; all of these are asked within seconds, on a slow machine too."""


@pytest.fixture
def asked(shared: RunningSwitch, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Calls of shards and statements, counted by name."""
    counts: Counter[str] = Counter()

    def count(place: Any, name: str, label: str) -> None:
        real = getattr(place, name)

        async def counted(*given: Any, **named: Any) -> Any:
            counts[label] += 1
            return await real(*given, **named)

        monkeypatch.setattr(place, name, counted)

    count(shared.clients[0], "condition", "condition")
    count(shared.clients[0], "wallets", "wallets")
    for name in ("fetch", "fetchrow", "fetchval"):
        count(shared.services.pool, name, "statements")
    return counts


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
async def test_any_number_of_strangers_asks_shards_and_database_a_handful_of_times(
    shared: RunningSwitch, asked: Counter[str], path: str
) -> None:
    async def ask() -> int:
        return (await shared.call("GET", path, headers={"Authorization": ""})).status

    assert set(await asyncio.gather(*(ask() for _ in range(ASKING)))) == {200}
    assert 1 <= asked["condition"] <= A_HANDFUL and asked["wallets"] <= A_HANDFUL
    assert 1 <= asked["statements"] <= A_HANDFUL * 4


async def test_any_number_of_open_overviews_takes_figures_a_handful_of_times(
    shared: RunningSwitch, asked: Counter[str]
) -> None:
    async with await visitor(shared) as visit:
        seen = await asyncio.gather(*(visit.get("/console") for _ in range(100)))
    assert {each.status for each in seen} == {200}
    assert 1 <= asked["condition"] <= 2 * A_HANDFUL, "readiness and the overview each ask for it"
