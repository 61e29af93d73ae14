"""The page of calls has each with its scopes, its parameters and its own problems; types are described once."""

from switch.api.app import OPEN_ROUTES, ROUTES
from switch.api.route import BODY, WRITE, Route
from switch.http.access import Access
from switch.http.schema import Capture
from switch.problems.table import PROBLEMS
from switch.reference.http_api import _call, _column, document, heading

PAGE = document()


def route(**fields: object) -> Route:
    made = {
        "method": "POST", "path": "/v1/x/{id}/{change:freeze|close}", "summary": "Do it.", "scopes": frozenset({"pay", "admin"}),
        "access": Access.REFUSED, "handler": None, "answer": None,
    }  # fmt: skip
    return Route(**{**made, **fields})  # type: ignore[arg-type]


def test_every_call_has_a_section() -> None:
    headings = [line for line in PAGE.splitlines() if line.startswith("### ")]
    assert {f"### {heading(each)}" for each in ROUTES} <= set(headings) and len(headings) == len(set(headings))
    for each in OPEN_ROUTES:
        assert each.path in PAGE


def test_a_path_of_several_words_has_one_heading() -> None:
    assert heading(route()) == "POST /v1/x/{id}/freeze, /close"


def test_a_call_says_who_may_what_it_takes_and_how_it_ends() -> None:
    shown = _call(route(answer=Capture, bodies=(Capture,), query=("limit",), problems=WRITE | {"wallet_not_found"}))
    assert "- Scope: `admin` or `pay`" in shown and "- A bound account: may not call it" in shown
    assert "- Body: [Capture](#capture)" in shown and "- Answer: 200 [Capture](#capture)" in shown
    assert "| `limit` |" in shown
    assert shown.endswith(
        "Problems: [wallet_not_found](problems.md#wallet_not_found), and those of writing to the ledger."
    )


def test_a_call_that_can_end_as_all_others_lists_nothing() -> None:
    assert "Problems:" not in _call(route(answer=Capture, problems=BODY))


def test_every_problem_that_is_named_there_is() -> None:
    named = {part.partition(")")[0] for part in PAGE.split("(problems.md#")[1:]}
    assert named and named <= set(PROBLEMS)


def test_columns_of_arrow_have_their_types() -> None:
    assert _column("payer", True) == ("`payer`", "fixed_size_binary(16)", "yes")
    assert _column("currency", True)[1] == "string" and _column("amount", True)[1] == "int64"
