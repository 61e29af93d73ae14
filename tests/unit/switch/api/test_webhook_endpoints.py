"""Who sees which endpoints, where a cursor may begin, and what a URL and types may be."""

import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from actors.records.secret import Secret
from actors.stores.api_keys import Bound, Principal
from actors.stores.webhook_endpoints import EndpointState, StoredEndpoint
from switch.api import webhook_endpoints
from switch.api.events import SCOPE
from switch.api.webhook_endpoints import EndpointServices, account_seen, shown
from switch.http.cursors import encode_cursor
from switch.problems.table import ProblemError
from switch.webhooks.addresses import AddressGuard, WebhookKeys

SECRET = Secret.of(bytes(range(16)))


def test_an_admin_of_all_wallets_sees_everybodys_and_others_their_own() -> None:
    bound = Bound(frozenset(), frozenset({"shop"}))
    assert account_seen(Principal(7, frozenset({"admin"}))) is None
    assert account_seen(Principal(7, frozenset({"webhooks"}))) == 7
    assert account_seen(Principal(7, frozenset({"admin", "webhooks"}), bound)) == 7


def stored(**fields: Any) -> StoredEndpoint:
    values: dict[str, Any] = {
        "id": uuid.UUID(int=5),
        "account": 1,
        "name": "shop",
        "url": "https://a.example",
        "description": "",
        "types": None,
        "ordered": False,
        "state": EndpointState.ENABLED,
        "made_at": datetime(2026, 1, 2, tzinfo=UTC),
        "failing_since": None,
        "delivered": 1,
        "failed": 2,
        "pending": 3,
        "dead": 4,
        "secrets": 1,
    }
    return StoredEndpoint(**{**values, **fields})


def test_a_disabled_endpoint_says_why_and_a_secret_is_shown_when_it_is_new() -> None:
    assert shown(stored()).status == "enabled" and shown(stored(), "whsec_a").secret == "whsec_a"
    why = {state: shown(stored(state=state)).disabled_because for state in EndpointState if state}
    assert list(why.values()) == ["asked", "failing", "gone"]
    assert {shown(stored(state=state)).status for state in why} == {"disabled"}


class Events:
    """The heads of two journals."""

    def __init__(self, ahead: bool = False) -> None:
        self._ahead = ahead

    async def end(self) -> list[int]:
        return [8, 9]

    async def ahead(self, places: Any) -> bool:
        return self._ahead


def services(ahead: bool = False) -> EndpointServices:
    guard = AddressGuard(WebhookKeys())
    topology = SimpleNamespace(shards=2)
    return cast(
        EndpointServices,
        SimpleNamespace(secret=SECRET, events=Events(ahead), topology=topology, webhook_guard=guard),
    )


async def test_a_cursor_begins_now_at_the_start_or_where_a_list_of_events_ended() -> None:
    cursor = encode_cursor(SECRET, SCOPE, 3, 4)
    found = [await webhook_endpoints._places(services(), after) for after in ("now", "start", cursor)]
    assert found == [[8, 9], [0, 0], [3, 4]]
    with pytest.raises(ProblemError) as wrong:
        await webhook_endpoints._places(services(), encode_cursor(SECRET, "another list", 3, 4))
    assert wrong.value.code == "invalid_field" and wrong.value.errors[0].field == "after"
    with pytest.raises(ProblemError) as ahead:
        await webhook_endpoints._places(services(ahead=True), cursor)
    assert ahead.value.code == "cursor_ahead"


def test_types_are_those_of_events_and_each_once() -> None:
    assert webhook_endpoints._types(None) is None
    assert webhook_endpoints._types(["transfer.posted", "leg.landed", "transfer.posted"]) == [
        "leg.landed",
        "transfer.posted",
    ]
    with pytest.raises(ProblemError) as wrong:
        webhook_endpoints._types(["leg.landed", "webhook.test"])
    assert wrong.value.errors[0].field == "types[1]"


def test_a_url_that_leads_inside_is_a_wrong_field() -> None:
    with pytest.raises(ProblemError) as wrong:
        webhook_endpoints._check_url(services(), "https://169.254.169.254/")
    assert wrong.value.errors[0].field == "url"
