"""One total table: every code is a documented problem."""

from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from actors.records.codes import Code
from switch.http.problem_pages import document
from switch.http.server import problem_response
from switch.problems.advice import ADVICE
from switch.problems.table import (
    NO_PROBLEM,
    NUMBERS,
    OVERLOADED_NUMBER,
    PROBLEMS,
    UNKNOWN_NUMBER,
    ProblemError,
    from_http,
    row_status,
)


@pytest.mark.parametrize("code", [code for code in Code if code not in NO_PROBLEM])
def test_every_ledger_code_is_a_problem_and_a_number(code: Code) -> None:
    assert code.name.lower() in PROBLEMS
    assert NUMBERS[code] == code.name.lower()
    assert code < UNKNOWN_NUMBER


def test_what_waits_for_an_analyst_is_no_problem_and_has_a_number_for_batches() -> None:
    assert set(NO_PROBLEM) & {Code[name.upper()] for name in PROBLEMS if name.upper() in Code.__members__} == set()
    assert (NUMBERS[Code.IN_REVIEW], row_status(Code.IN_REVIEW, "posted")) == ("in_review", "in_review")


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_problem_renders_completely(code: str) -> None:
    response = problem_response(ProblemError(code))
    assert isinstance(response.body, bytes)
    body = msgspec.json.decode(response.body)
    outcome = PROBLEMS[code]
    assert body == {
        "type": f"/problems/{code}",
        "title": outcome.title,
        "status": outcome.status,
        "detail": ADVICE[code],
        "code": code,
        "retryable": outcome.retryable,
        "money_moved": "no",
    }
    assert response.headers["Content-Type"] == "application/problem+json"
    assert ("Retry-After" in response.headers) == (outcome.status in (429, 503))
    assert 400 <= outcome.status < 600
    assert ADVICE[code] != outcome.title


def test_every_problem_has_advice_and_stands_in_the_docs() -> None:
    assert set(ADVICE) == set(PROBLEMS)
    docs = Path(__file__).parents[4] / "docs" / "reference" / "problems.md"
    assert docs.read_text() == document(), "python -m switch.http.problem_pages > docs/reference/problems.md"


def test_a_recorded_decline_names_its_transfer() -> None:
    problem = ProblemError("declined", transfer_id="t", decision={"action": "decline"}, replayed=True)
    response = problem_response(problem)
    assert isinstance(response.body, bytes)
    body = msgspec.json.decode(response.body)
    assert (body["transfer_id"], body["decision"], body["replayed"]) == ("t", {"action": "decline"}, True)
    assert response.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (web.HTTPNotFound(), "not_found"),
        (web.HTTPMethodNotAllowed("GET", ["POST"]), "method_not_allowed"),
        (web.HTTPRequestEntityTooLarge(1, 2), "payload_too_large"),
        (web.HTTPTeapot() if hasattr(web, "HTTPTeapot") else web.HTTPConflict(), "malformed_request"),
        (web.HTTPBadGateway(), "internal_error"),
    ],
)
def test_errors_of_the_library_become_problems(error: web.HTTPException, code: str) -> None:
    assert from_http(error).code == code


def test_rows_of_a_batch_say_what_became_of_them() -> None:
    statuses = {number: row_status(number, "posted") for number in NUMBERS}
    assert statuses[Code.OK] == "posted"
    assert statuses[UNKNOWN_NUMBER] == "unknown"
    assert statuses[OVERLOADED_NUMBER] == statuses[Code.BUSY] == "not_tried"
    assert statuses[Code.SAME_WALLET] == "refused"
    assert statuses[Code.INSUFFICIENT_FUNDS] == "declined"
