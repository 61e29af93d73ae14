"""The table of routes is total: what each call needs, takes, answers and how it fails stands there and nowhere else."""

import inspect
from collections import Counter

import msgspec
import pytest

from switch.api.app import OPEN_ROUTES, ROUTES
from switch.api.route import ALWAYS, Route
from switch.api.services import Services
from switch.problems.table import PROBLEMS

UNROUTED = {"not_found", "method_not_allowed"}
"""Of paths that no route has."""
OPEN = {"not_ready"}
"""Of /readyz."""
IN_BATCHES = {"group_invalid", "linked_declined", "linked_in_review", "linked_refused", "run_superseded"}
"""Of rows of a batch, whose answer is no problem."""
NAMES = [f"{route.method} {route.path}" for route in ROUTES]


def test_every_route_stands_there_once() -> None:
    assert not [name for name, count in Counter(NAMES).items() if count > 1]
    assert len({each.path for each in OPEN_ROUTES}) == len(OPEN_ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_a_route_says_what_goes_in_and_out(route: Route) -> None:
    assert route.summary.endswith(".") and len(route.summary) < 80
    assert issubclass(route.answer, msgspec.Struct)
    assert route.scopes and route.all_problems <= set(PROBLEMS)
    assert not route.problems & ALWAYS
    assert bool(route.bodies) == (route.method not in ("GET", "DELETE"))
    assert not (route.query and route.method != "GET")
    words = inspect.getdoc(route.handler) or ""
    path = route.path.partition("{change")[0]
    assert words.startswith(f"{route.method} {path}"), words


def test_every_problem_is_one_of_some_route() -> None:
    declared = frozenset().union(*(route.all_problems for route in ROUTES))
    assert set(PROBLEMS) - declared == UNROUTED | OPEN | IN_BATCHES


NARROW = {"backtests", "events", "health", "rule_packs", "scorecards", "statements"}
"""Modules whose handlers name the services that they use, as a protocol; it only ever grows. mypy proves that the front door has them
and that a handler uses no other."""


def test_handlers_name_the_services_that_they_use() -> None:
    handlers = [route.handler for route in ROUTES] + [each.handler for each in OPEN_ROUTES]
    whole = {
        each.__module__ for each in handlers if inspect.signature(each).parameters["services"].annotation is Services
    }
    modules = {each.__module__ for each in handlers}
    assert {f"switch.api.{name}" for name in NARROW} <= modules - whole
