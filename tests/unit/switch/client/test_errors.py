"""What a failed call says of itself: in words, and of the money."""

from typing import Any

import pytest

from switch.client.errors import DeclinedError, ProblemError, ShardpayError, UnreachableError

FIELDS = [{"field": "amount", "message": "above 0"}, {"field": "payee", "message": "a wallet id"}]


def problem(status: int = 422, **body: Any) -> ProblemError:
    return ProblemError(status, dict(body), money_moved="no", idempotency_key="k")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"code": "invalid_field", "title": "A field is wrong.", "detail": "amount: above 0"},
            "invalid_field: amount: above 0",
        ),
        ({"code": "overloaded", "title": "Too much at once."}, "overloaded: Too much at once."),
        ({"code": "invalid_field", "errors": FIELDS}, "invalid_field: 422; amount: above 0; payee: a wallet id"),
        (
            {"code": "invalid_field", "detail": "amount: above 0", "errors": FIELDS},
            "invalid_field: amount: above 0; payee: a wallet id",
        ),
        (
            {
                "code": "invalid_rule_pack",
                "detail": "line 5, column 9: a value is missing",
                "errors": [{"field": "text", "message": "a value is missing", "line": 5, "column": 9}],
            },
            "invalid_rule_pack: line 5, column 9: a value is missing",
        ),
        (
            {
                "code": "invalid_field",
                "detail": "name: the field is required",
                "errors": [
                    {"field": "name", "message": "the field is required"},
                    {"field": "kind", "message": "the field is required"},
                ],
            },
            "invalid_field: name: the field is required; kind: the field is required",
        ),
        ({}, "422: 422"),
    ],
    ids=[
        "detail",
        "title",
        "fields",
        "a field that the detail names",
        "a place that the detail names",
        "the same of two",
        "nothing",
    ],
)
def test_an_error_names_its_problem_and_every_wrong_field(body: dict[str, Any], text: str) -> None:
    assert str(problem(**body)) == text


def test_an_error_has_the_problem_as_it_came() -> None:
    error = problem(503, code="overloaded", retryable=True, detail="later")
    assert (error.status, error.code, error.detail, error.retryable) == (503, "overloaded", "later", True)
    assert (error.money_moved, error.idempotency_key, error.problem["code"]) == ("no", "k", "overloaded")
    assert problem().retryable is False and problem(502).code == "502"


def test_a_declined_payment_names_its_record_and_why() -> None:
    body = {"code": "declined", "transfer_id": "t1", "decision": {"action": "decline"}}
    error = DeclinedError(402, body, money_moved="no", idempotency_key="k")
    assert (error.transfer_id, error.decision) == ("t1", {"action": "decline"})
    assert DeclinedError(402, {"transfer_id": "t2"}, money_moved="no", idempotency_key=None).decision is None


def test_each_error_is_one_that_a_caller_can_catch_as_ours_and_no_answer_is_not_a_problem() -> None:
    lost = UnreachableError("no answer", money_moved="unknown", idempotency_key="k")
    assert isinstance(lost, ShardpayError) and not isinstance(lost, ProblemError)
    assert lost.money_moved == "unknown" and issubclass(DeclinedError, ProblemError)
