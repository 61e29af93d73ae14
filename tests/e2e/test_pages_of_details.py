"""Pages are bounded in bytes: what many full details follow each other gives shorter pages, and nothing is left out."""

import uuid
from collections.abc import AsyncIterator

import pytest

from switch.views import event_feed, statement
from tests.front_door import RunningSwitch, running_switch

COUNT = 60
SMALL = 20_000
"""Of details: some blocks' worth."""


@pytest.fixture
async def switch(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningSwitch]:
    for module in (event_feed, statement):
        monkeypatch.setattr(module, "DETAILS_BYTES_MAX", SMALL)
    async with running_switch(database_url, shards=1) as running:
        yield running


async def test_pages_of_events_and_statements_end_early_and_go_on(switch: RunningSwitch) -> None:
    bank, user = await switch.wallet("external"), await switch.wallet()
    paid = []
    metadata = {f"k{i}": "x" * 500 for i in range(20)}
    for i in range(COUNT // 10):
        rows = [
            {
                "payer": bank,
                "payee": user,
                "amount": 1 + j,
                "currency": "EUR",
                "metadata": metadata,
                "reference": f"{i} {j}",
            }
            for j in range(10)
        ]
        body = {"transfers": [{**row, "idempotency_key": str(uuid.uuid4())} for row in rows]}
        answer = await switch.call("POST", "/v1/transfers/batch", body, key=str(uuid.uuid4()))
        paid += [row["id"] for row in answer.json["results"]]
    for path, order in (
        (f"/v1/wallets/{user}/transfers?limit=50", paid[::-1]),
        ("/v1/events?types=transfer.posted&limit=50", paid),
    ):
        seen: list[str] = []
        pages, after = 0, ""
        while True:
            page = (await switch.call("GET", path + after)).json
            pages += 1
            seen += [each["id"] for each in page["data"]]
            if not page["has_more"]:
                break
            after = f"&after={page['next']}"
        assert seen == order
        if "/v1/wallets" in path:  # events are gathered from several queries
            assert pages > 2, "50 of them do not go into one page"
