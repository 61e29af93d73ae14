"""A visit asks the API as who is signed in; a form brings its own key, and a page its own place in a list."""

from typing import Any

import pytest

from switch.console.page import Wanted, unless
from switch.problems.table import ProblemError
from tests.unit.switch.console.visiting import Answers, visit

WALLET = "/v1/wallets/{id}"


async def test_a_get_has_its_path_its_query_and_the_parts_of_the_path() -> None:
    api = Answers({f"GET {WALLET}": {"id": "w"}})
    assert await visit(api).get(WALLET, {"a": "b"}, id="w") == {"id": "w"}
    assert api.asked == [(f"GET {WALLET}", {"params": {"id": "w"}, "query": {"a": "b"}})]


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"idempotency_key": "k"}, {"If-Match": "1", "Idempotency-Key": "k"}),
        ({"idempotency_key": ""}, {"If-Match": "1"}),
        ({}, {"If-Match": "1"}),
    ],
)
async def test_a_form_that_is_sent_twice_has_one_key(form: dict[str, str], headers: dict[str, str]) -> None:
    api = Answers({"POST /v1/x": {}})
    wanted = Wanted(method="POST", path="/v1/x", headers={"If-Match": "1"}, body={})
    await visit(api, form=form).send(wanted)
    assert dict(api.calls[0].headers) == headers and dict(wanted.headers) == {"If-Match": "1"}


def test_a_list_goes_on_where_its_page_was_asked_to() -> None:
    assert visit(Answers({}), query={"after": "c", "other": "x"}).page_query(limit="5") == {"limit": "5", "after": "c"}
    assert visit(Answers({})).page_query(limit="5") == {"limit": "5"}


async def test_only_the_problems_that_are_named_are_nothing() -> None:
    async def fails() -> Any:
        raise ProblemError("wallet_not_found")

    async def answers() -> Any:
        return 0

    assert await unless(frozenset({"wallet_not_found"}), fails()) is None
    assert await unless(frozenset({"wallet_not_found"}), answers()) == 0
    with pytest.raises(ProblemError):
        await unless(frozenset({"forbidden"}), fails())


def test_parts_of_the_path_are_the_requests() -> None:
    assert visit(Answers({}), params={"id": "w"}).param("id") == "w"


@pytest.mark.parametrize(("refused", "times"), [((), 1), (("POST /v1/rule-packs/backtest",), 0)])
async def test_what_a_form_takes_is_got_ready_for_who_may_send_it(refused: tuple[str, ...], times: int) -> None:
    api = Answers({}, refused)
    visit(api).get_ready("POST", "/v1/rule-packs/backtest")
    assert api.got_ready == times and api.calls == []
