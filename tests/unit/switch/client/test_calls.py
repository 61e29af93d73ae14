"""When a call is sent again, and what it ends with: an answer that was lost may have counted."""

import json
import ssl
from typing import Any

import pytest

from switch.client.calls import (
    Attempts,
    Call,
    Feed,
    Lost,
    Reply,
    body,
    decoded,
    no_connection,
    path,
    query,
    retry_after_s,
)
from switch.client.errors import DeclinedError, ProblemError, ShardpayError, UnreachableError

POST = Call("POST", "/v1/transfers", b"{}", key="k-1")
GET = Call("GET", "/v1/wallets/w")


def attempts(call: Call = POST) -> Attempts:
    return Attempts(call, started=0.0, retry_s=10.0)


def problem(status: int, code: str, *, retryable: bool = False, retry_after_s: float = 0.0, **fields: Any) -> Reply:
    stated = {"code": code, "retryable": retryable, "money_moved": "unknown", **fields}
    return Reply(status, json.dumps(stated).encode(), retry_after_s)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 9)"), "Connection refused"),
        (OSError(-2, "Name or service not known"), "Name or service not known"),
        (
            ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed"),
            "certificate verify failed: self-signed",
        ),
        (OSError("no route"), "no route"),
    ],
)
def test_why_there_is_no_connection_is_told_in_words(error: OSError, why: str) -> None:
    assert no_connection("https://h", error) == f"no connection to https://h: {why}"


def test_an_answer_is_final() -> None:
    assert attempts().after_reply(Reply(201, b"{}"), 1.0) is None


def test_a_retryable_problem_waits_at_least_as_long_as_the_switch_asks() -> None:
    pause = attempts().after_reply(problem(503, "busy", retryable=True, retry_after_s=3.0), 1.0)
    assert pause is not None and pause >= 3.0


def test_pauses_grow_to_a_bound() -> None:
    trying = attempts()
    pauses = [trying.after_loss(Lost("reset", True), 0.0) for _ in range(12)]
    assert 0.025 <= pauses[0] <= 0.05 and 2.5 <= pauses[-1] <= 5.0


@pytest.mark.parametrize("status", [408, 429, 500, 502, 504, 520, 524])
@pytest.mark.parametrize(
    "text", [b"<html>", b'{"code":"BAD_GATEWAY"}', b'{"code":504,"retryable":false}', b"[]", b"null"]
)
def test_what_a_proxy_answers_is_tried_again_and_says_nothing_of_money(status: int, text: bytes) -> None:
    assert attempts().after_reply(Reply(status, text), 1.0) is not None
    with pytest.raises(ProblemError) as raised:
        attempts().after_reply(Reply(status, text), 9.999)
    assert (raised.value.money_moved, raised.value.idempotency_key) == ("unknown", "k-1")


def test_an_answer_that_is_no_switchs_leaves_the_key_to_ask_with() -> None:
    with pytest.raises(ShardpayError, match="not an answer of a switch") as raised:
        decoded(b"<html>", dict, "k-1")
    assert (raised.value.money_moved, raised.value.idempotency_key) == ("unknown", "k-1")


def test_a_refusal_that_no_retry_heals_ends_the_call_with_its_words() -> None:
    refused = problem(
        422, "invalid_field", money_moved="no", detail="no", errors=[{"field": "amount", "message": "is missing"}]
    )
    with pytest.raises(ProblemError) as raised:
        attempts().after_reply(refused, 1.0)
    assert (raised.value.code, raised.value.money_moved, raised.value.idempotency_key) == ("invalid_field", "no", "k-1")
    assert str(raised.value) == "invalid_field: no; amount: is missing"


def test_a_decline_names_its_transfer() -> None:
    with pytest.raises(DeclinedError) as raised:
        attempts().after_reply(problem(402, "declined", money_moved="no", transfer_id="t", decision=None), 1.0)
    assert raised.value.transfer_id == "t" and raised.value.decision is None


def test_no_answer_in_time_ends_with_the_key_to_ask_with() -> None:
    with pytest.raises(UnreachableError) as raised:
        attempts().after_loss(Lost("reset", True), 9.999)
    assert (raised.value.money_moved, raised.value.idempotency_key) == ("unknown", "k-1")


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (307, b""),
        (302, b"<html>"),
        (400, b"<html>"),
        (404, b"default backend - 404"),
        (421, b'{"code": "misdirected"}'),
    ],
)
def test_a_refusal_that_is_no_switchs_says_nothing_of_money(lost: bool, status: int, text: bytes) -> None:
    trying = attempts()
    if lost:
        trying.after_loss(Lost("reset", True), 1.0)
    with pytest.raises(ProblemError) as raised:
        trying.after_reply(Reply(status, text), 2.0)
    assert (raised.value.status, raised.value.money_moved, raised.value.idempotency_key) == (status, "unknown", "k-1")


def test_whoever_answers_a_question_it_moves_no_money() -> None:
    with pytest.raises(ProblemError) as raised:
        attempts(GET).after_reply(Reply(404, b"default backend - 404"), 1.0)
    assert raised.value.money_moved == "no"


@pytest.mark.parametrize(("text", "seconds"), [("3", 3.0), ("", 0.0), ("-1", 0.0), ("soon", 0.0), ("\u00b2", 0.0)])
def test_how_long_to_wait_is_read_from_whole_seconds_alone(text: str, seconds: float) -> None:
    assert retry_after_s({"Retry-After": text}) == seconds


@pytest.mark.parametrize(
    ("fields", "moved"), [({"money_moved": "unknown"}, "unknown"), ({}, "unknown"), ({"money_moved": "no"}, "no")]
)
def test_a_try_of_which_the_switch_does_not_know_may_have_moved_money(fields: dict[str, Any], moved: str) -> None:
    """Though nothing listens any more at the next."""
    trying = attempts()
    trying.after_reply(problem(503, "timeout", retryable=True, **fields), 1.0)
    with pytest.raises(UnreachableError) as raised:
        trying.after_loss(Lost("connection refused", False), 9.999)
    assert raised.value.money_moved == moved


def test_what_was_never_sent_moved_no_money() -> None:
    with pytest.raises(UnreachableError) as raised:
        attempts().after_loss(Lost("connection refused", False), 9.999)
    assert raised.value.money_moved == "no"


@pytest.mark.parametrize(
    ("status", "code", "retryable", "moved"),
    [
        (503, "busy", True, "unknown"),
        (401, "unauthenticated", False, "unknown"),
        (403, "forbidden", False, "unknown"),
        (404, "payer_not_found", False, "unknown"),
        (405, "method_not_allowed", False, "unknown"),
        (429, "too_many_requests", True, "unknown"),
        (402, "declined", False, "no"),
        (409, "payer_closed", False, "no"),
        (422, "invalid_field", False, "no"),
    ],
)
def test_a_refusal_after_a_lost_answer_says_no_only_when_it_looked_at_the_key(
    status: int, code: str, retryable: bool, moved: str
) -> None:
    trying = attempts()
    trying.after_loss(Lost("reset", True), 1.0)
    with pytest.raises(ProblemError) as raised:
        trying.after_reply(problem(status, code, retryable=retryable, money_moved="no"), 9.999)
    assert raised.value.money_moved == moved


def test_a_question_moves_no_money() -> None:
    with pytest.raises(UnreachableError) as raised:
        attempts(GET).after_loss(Lost("reset", True), 9.999)
    assert raised.value.money_moved == "no"


def test_values_stay_in_their_places() -> None:
    assert path("/v1/wallets/{id}/close", id="../x?y") == "/v1/wallets/..%2Fx%3Fy/close"
    for nothing in ("", ".", ".."):
        with pytest.raises(ValueError, match=r"id: .* names nothing"):
            path("/v1/wallets/{id}/transfers", id=nothing)
    assert query(from_="2026-01-01T00:00:00Z", owner="a&b", limit=None) == "?from=2026-01-01T00%3A00%3A00Z&owner=a%26b"
    assert json.loads(body(from_=1, owner=None)) == {"from": 1, "owner": None}


def test_events_count_when_they_are_whole_and_the_cursor_follows_them() -> None:
    feed = Feed("c0")
    lines = [b"retry: 1000\n", b"\n", b"id: c1\n", b"event: x\n", b'data: {"a":\n', b"data: 1}\n", b"\n"]
    assert [data for line in lines if (data := feed.line(line))] == [b'{"a":\n1}']
    assert feed.cursor == "c1"
    feed.line(b"id: c2\n")
    feed.line(b"data: {}\n")
    feed.begin_again()
    assert feed.line(b"\n") == b"" and feed.cursor == "c1"
    feed.line(b": heartbeat\n")
    feed.line(b"id: c3\n")
    assert feed.line(b"\n") == b"" and feed.cursor == "c3"
