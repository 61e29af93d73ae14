"""A parameter means the same everywhere, unless its path says otherwise; what is needed has no default."""

import re

from switch.api.app import ROUTES
from switch.reference.http_calls import _QUERY_OF, NOTES, QUERY, query_meaning


def test_a_path_may_say_what_a_parameter_means_there() -> None:
    assert query_meaning("/v1/credit/orders", "wallet") == QUERY["wallet"] == "The holder's wallet."
    assert query_meaning("/v1/transfers", "wallet").startswith("The payer")
    assert "last" in query_meaning("/v1/events", "after") and "last" not in query_meaning("/v1/keys", "after")


def test_what_is_said_of_a_path_is_of_a_parameter_that_it_has() -> None:
    taken = {(route.path, name) for route in ROUTES for name in route.query}
    assert set(_QUERY_OF) <= taken
    assert set(NOTES) <= {(route.method, route.path) for route in ROUTES}


def test_what_is_needed_is_not_said_to_have_a_default() -> None:
    """`at` was said to be now by default, and refused without."""
    for route in ROUTES:
        for name in route.needed:
            assert not re.search("default", query_meaning(route.path, name)), f"{route.path} {name}"
