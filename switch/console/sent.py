"""Webhook deliveries about events, by endpoint, beside what the events are about."""

from collections.abc import Sequence
from typing import Any, Final

from switch.console.page import Visit

ENDPOINTS: Final = "/v1/webhook-endpoints"
DELIVERIES: Final = "/v1/webhook-deliveries"
ROWS: Final = "100"
"""Endpoints, as many as a switch has; and deliveries, the newest."""


async def sent_of(visit: Visit, events: Sequence[str]) -> Any:
    """Deliveries about events, up to 100 of each, by endpoint, oldest first; None where the key sees none."""
    if not visit.may("GET", DELIVERIES):
        return None
    endpoints = (await visit.get(ENDPOINTS, {"limit": ROWS}))["data"]
    if not endpoints or not events:
        return []
    found = (await visit.get(DELIVERIES, {"events": ",".join(events), "limit": ROWS}))["data"][::-1]
    by_endpoint = [
        {"endpoint": each, "deliveries": [one for one in found if one["endpoint"] == each["id"]]} for each in endpoints
    ]
    return [each for each in by_endpoint if each["deliveries"]]
