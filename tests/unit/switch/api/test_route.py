"""A line of the table of routes says how a call can end, and whether it keeps keys."""

from typing import Any

import pytest

from actors.records.codes import Code, is_untried
from switch.api.route import ALWAYS, BODY, KEY, KEY_NEEDED, WRITE, Route, named
from switch.http.access import Access
from switch.problems.table import PROBLEMS


def route(*problems: str) -> Route:
    handler: Any = None
    scopes = frozenset({"pay"})
    return Route(
        "POST", "/v1/x", "Something.", scopes, Access.WALLET, handler, answer=None, problems=frozenset(problems)
    )


def test_codes_of_the_ledger_are_named_as_their_problems() -> None:
    assert named(Code.PAYER_NOT_FOUND, Code.INSUFFICIENT_FUNDS) == {"payer_not_found", "insufficient_funds"}
    assert named() == frozenset()


@pytest.mark.parametrize(
    "group", [ALWAYS, BODY, KEY, KEY_NEEDED, WRITE], ids=["always", "body", "key", "needed", "write"]
)
def test_every_problem_of_a_group_is_in_the_table(group: frozenset[str]) -> None:
    assert group <= set(PROBLEMS)


def test_a_write_may_end_with_whatever_was_not_tried() -> None:
    assert {code.name.lower() for code in Code if is_untried(code)} <= WRITE and "idempotency_mismatch" in WRITE


def test_a_call_ends_with_its_own_problems_and_those_of_every_call() -> None:
    assert route("wallet_not_found").all_problems == ALWAYS | {"wallet_not_found"}


@pytest.mark.parametrize(
    ("problems", "keyed"),
    [
        ((), False),
        (("invalid_idempotency_key",), False),
        (("idempotency_mismatch",), False),
        (("idempotency_mismatch", "invalid_idempotency_key"), True),
        ((*WRITE, *KEY_NEEDED), True),
    ],
)
def test_a_route_keeps_keys_when_one_can_be_wrong_and_can_be_used_otherwise(
    problems: tuple[str, ...], keyed: bool
) -> None:
    assert route(*problems).keyed is keyed


@pytest.mark.parametrize(
    ("method", "scopes", "asks", "logged"),
    [
        ("POST", {"admin"}, False, True),
        ("DELETE", {"holder", "admin"}, False, True),
        ("PATCH", {"keys"}, False, True),
        ("POST", {"import"}, False, True),
        ("POST", {"pay", "holder", "merchant", "read", "webhooks"}, False, False),
        ("GET", {"admin"}, False, False),
        ("POST", {"analyst"}, True, False),
    ],
)
def test_a_change_by_an_administrative_scope_is_logged(method: str, scopes: set[str], asks: bool, logged: bool) -> None:
    made = route()._replace(method=method, scopes=frozenset(scopes), asks=asks)
    assert made.logged is logged and not made._replace(journalled=True).logged


def test_a_call_is_about_its_path_with_its_own_parts() -> None:
    one = route()._replace(path="/v1/wallets/{id}/{change:freeze|close}/x/{value}")
    assert (
        one.resource({"id": "7", "change": "close", "value": "a b/c?é"}) == "/v1/wallets/7/close/x/a%20b%2Fc%3F%C3%A9"
    )
    assert route().resource({}) == "/v1/x"
