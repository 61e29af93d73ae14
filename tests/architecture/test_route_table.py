"""The table of routes is total: what each call needs, takes, answers and how it fails stands there and nowhere else."""

import ast
import inspect
from collections import Counter
from pathlib import Path

import pytest

from actors.stores.scopes import ADMINISTRATIVE, BOUND_SCOPES, SCOPES
from switch.api.app import OPEN_ROUTES, ROUTES
from switch.api.route import ALWAYS, Route
from switch.problems.table import PROBLEMS
from switch.reference.schema import named_in

API = Path(__file__).parents[2] / "switch" / "api"

UNROUTED = {"not_found", "method_not_allowed"}
"""Of paths that no route has."""
OPEN = {"not_ready"}
"""Of /readyz."""
IN_BATCHES = {"group_invalid", "linked_declined", "linked_in_review", "linked_refused", "run_superseded"}
"""Of rows of a batch, whose answer is no problem."""
QUESTIONS = {
    "/v1/dry-runs/transfers",
    "/v1/dry-runs/credit/orders/import",
    "/v1/lookups/transfers",
    "/v1/rule-packs/backtest",
    "/v1/scorecards/backtest",
    "/v1/scorecards/population",
    "/v1/transfers/{id}/explanation",
    "/v1/wallets/{id}/credit/what-if",
}
"""What is a POST since its body is long, or the work to answer it, and changes nothing."""
NAMES = [f"{route.method} {route.path}" for route in ROUTES]


def test_every_route_stands_there_once() -> None:
    assert not [name for name, count in Counter(NAMES).items() if count > 1]
    assert len({each.path for each in OPEN_ROUTES}) == len(OPEN_ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_a_route_says_what_goes_in_and_out(route: Route) -> None:
    assert route.summary.endswith(".") and len(route.summary) < 80
    assert list(named_in(route.answer))
    assert route.scopes and route.all_problems <= set(PROBLEMS)
    assert not route.problems & ALWAYS
    assert bool(route.bodies) == (route.method not in ("GET", "DELETE"))
    assert not (route.query and route.method not in ("GET", "POST"))
    words = inspect.getdoc(route.handler) or ""
    path = route.path.partition("{change")[0]
    assert words.startswith(f"{route.method} {path}"), words


def test_a_post_keeps_keys_unless_it_is_a_question() -> None:
    """Asked again, a question is answered as things are then."""
    posts = [route for route in ROUTES if route.method == "POST"]
    assert {each.path for each in posts if "idempotency_mismatch" not in each.problems} == QUESTIONS


def test_what_only_asks_says_so() -> None:
    assert {route.path for route in ROUTES if route.asks} == QUESTIONS
    assert not [route for route in ROUTES if route.asks and route.method != "POST"]


def test_every_change_by_an_administrative_scope_is_logged() -> None:
    """A new scope that no bound account has is administrative by itself, and a new route that takes one is logged by itself."""
    assert set(SCOPES) - set(BOUND_SCOPES) < set(ADMINISTRATIVE) <= set(SCOPES)
    changing = {each for each in ROUTES if each.method != "GET" and each.path not in QUESTIONS}
    administrative = {each for each in changing if each.scopes & set(ADMINISTRATIVE)}
    assert len(administrative) > 35
    assert {each for each in administrative if not each.logged} == {each for each in ROUTES if each.journalled}
    assert [(each.method, each.path) for each in ROUTES if each.journalled] == [("POST", "/v1/wallets")]


def test_what_is_kept_as_text_is_of_logged_calls_that_send_something() -> None:
    assert not [each.path for each in ROUTES if each.body_kept and not (each.logged and each.bodies)]


def test_every_problem_is_one_of_some_route() -> None:
    declared = frozenset().union(*(route.all_problems for route in ROUTES))
    assert set(PROBLEMS) - declared == UNROUTED | OPEN | IN_BATCHES


def test_handlers_name_the_services_that_they_use() -> None:
    """mypy proves that the front door has them, and that a handler uses no other."""
    handlers = [route.handler for route in ROUTES] + [each.handler for each in OPEN_ROUTES]
    given = {each: inspect.signature(each).parameters["services"].annotation for each in handlers}
    assert not {each.__qualname__ for each, services in given.items() if not getattr(services, "_is_protocol", False)}


def _stated(node: ast.ClassDef) -> set[str]:
    """Attributes and methods of a protocol, without those it inherits."""
    fields = {
        each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    return fields | {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_a_protocol_of_services_states_no_service_that_nobody_uses() -> None:
    nodes = [node for path in sorted(API.glob("*.py")) for node in ast.walk(ast.parse(path.read_text()))]
    classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef) and node.name.endswith("Services")}
    protocols = {name: node for name, node in classes.items() if any(ast.unparse(b) == "Protocol" for b in node.bases)}
    used: dict[str, set[str]] = {name: set() for name in protocols}

    def use(name: str, attributes: set[str]) -> None:
        if name in protocols:
            used[name] |= attributes
            for base in protocols[name].bases:
                use(ast.unparse(base), attributes)

    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = [each for each in ast.walk(node) if isinstance(each, ast.Attribute)]
            attributes = {each.attr for each in inside if ast.unparse(each.value) == "services"}
            for parameter in node.args.args:
                if parameter.arg == "services" and parameter.annotation is not None:
                    use(ast.unparse(parameter.annotation), attributes)
    assert len(protocols) >= 15
    assert not {f"{name}.{each}" for name, node in protocols.items() for each in _stated(node) - used[name]}
