"""What can be asked for by hand, and how a delivery is shown."""

import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from actors.stores.webhook_endpoints import Attempt, DeliveryState, EndpointState, StoredDelivery, StoredEndpoint
from switch.api import webhook_deliveries
from switch.api.webhook_deliveries import DeliveryServices
from switch.problems.table import ProblemError

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_delivery_is_shown_with_its_attempts() -> None:
    stored = StoredDelivery(
        endpoint=uuid.UUID(int=1),
        id=uuid.UUID(int=2),
        event=3,
        message=uuid.UUID(int=4),
        type="leg.landed",
        payer=0,
        payee=0,
        state=DeliveryState.DEAD,
        tries=1,
        next_at=None,
        attempts=(Attempt(tried_at=NOW, took_ms=5, status=None, error="no connection"),),
    )
    shown = webhook_deliveries._shown(stored)
    assert (shown.id, shown.endpoint, shown.event) == tuple(str(uuid.UUID(int=number)) for number in (2, 1, 4))
    assert (shown.status, shown.next_attempt_at) == ("dead", None)
    assert shown.attempts[0].at == "2026-01-02T00:00:00.000Z" and shown.attempts[0].error == "no connection"


def test_filters_are_names_of_states_and_ids_of_events() -> None:
    assert webhook_deliveries._state({}) is None and webhook_deliveries._state({"state": "dead"}) is DeliveryState.DEAD
    assert webhook_deliveries._message({"event": str(uuid.UUID(int=4))}) == uuid.UUID(int=4)
    for query in ({"state": "lost"}, {"event": "x"}):
        with pytest.raises(ProblemError) as wrong:
            webhook_deliveries._state(query)
            webhook_deliveries._message(query)
        assert wrong.value.code == "invalid_query"


@pytest.mark.parametrize(
    ("state", "room", "code"),
    (
        (EndpointState.ENABLED, True, None),
        (EndpointState.ENABLED, False, "deliveries_full"),
        (EndpointState.GONE, True, "webhook_endpoint_disabled"),
    ),
)
async def test_nothing_is_asked_for_where_it_would_not_be_sent(
    state: EndpointState, room: bool, code: str | None
) -> None:
    async def has_room(endpoint: uuid.UUID, more: int) -> bool:
        return room

    store = SimpleNamespace(has_room=has_room)
    services = cast(DeliveryServices, SimpleNamespace(webhook_store=store))
    endpoint = cast(StoredEndpoint, SimpleNamespace(id=uuid.UUID(int=1), state=state))
    if code is None:
        await webhook_deliveries._check_sends(services, endpoint)
        return
    with pytest.raises(ProblemError) as refused:
        await webhook_deliveries._check_sends(services, endpoint)
    assert refused.value.code == code
