"""Webhook deliveries about events, by endpoint, beside what the events are about."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from switch.console.page import Visit

ENDPOINTS: Final = "/v1/webhook-endpoints"
DELIVERIES: Final = f"{ENDPOINTS}/{{id}}/deliveries"
ENDPOINTS_ASKED: Final = "20"
QUESTIONS_MAX: Final = 40
"""One for each event and endpoint."""
PER_QUESTION: Final = "5"


async def sent_of(visit: Visit, events: Sequence[str]) -> Any:
    """Deliveries about events, by id, oldest first, of each endpoint that was sent any; None where the key sees none."""
    if not visit.may("GET", ENDPOINTS):
        return None
    endpoints = (await visit.get(ENDPOINTS, {"limit": ENDPOINTS_ASKED}))["data"]
    asked = events[: QUESTIONS_MAX // max(len(endpoints), 1)]
    found = await asyncio.gather(*(_of(visit, endpoint, asked) for endpoint in endpoints))
    pairs = zip(endpoints, found, strict=True)
    return [{"endpoint": endpoint, "deliveries": deliveries} for endpoint, deliveries in pairs if deliveries]


async def _of(visit: Visit, endpoint: dict[str, Any], events: Sequence[str]) -> list[Any]:
    queries = ({"event": event, "limit": PER_QUESTION} for event in events)
    pages = await asyncio.gather(*(visit.get(DELIVERIES, query, id=endpoint["id"]) for query in queries))
    return [delivery for page in pages for delivery in page["data"]]
