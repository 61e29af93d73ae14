"""One total table of problems: code, status, title, and whether a retry can help.

Bodies are RFC 9457 problem details. `money_moved` is "no" only when nothing was handed to a shard that could still happen; else
"unknown": then the same request with the same key tells.
"""

from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from actors.records.codes import OUTCOMES, REVIEW_ENDS, Code, Outcome, is_declined, is_untried
from switch.problems.advice import ADVICE

UNKNOWN_NUMBER: Final = 900
"""In Arrow answers, where codes are numbers: the row's answer was lost (`timeout`). Ledger codes stay below it."""
OVERLOADED_NUMBER: Final = 901
"""In Arrow answers: the front door's queue was full, the row was not sent (`overloaded`)."""

AFTER_DECLINED_NUMBER: Final = 902
"""In Arrow answers: the front door refused the row for what its `after` names (`after_declined`)."""
AFTER_UNRELATED_NUMBER: Final = 903
"""The same (`after_unrelated`)."""
REFUSED_NUMBERS: Final = (AFTER_DECLINED_NUMBER, AFTER_UNRELATED_NUMBER)
"""Rows that the front door refused: nothing was recorded."""

NO_PROBLEM: Final = (Code.OK, Code.IN_REVIEW)
"""What is answered with the transfer itself."""

_FRONT_DOOR: Final[dict[str, Outcome]] = {
    "malformed_request": Outcome(400, False, "The request is not valid HTTP."),
    "malformed_json": Outcome(400, False, "The body is not valid JSON."),
    "malformed_arrow": Outcome(400, False, "The body is not a valid Arrow stream."),
    "missing_idempotency_key": Outcome(400, False, "This call needs an Idempotency-Key header."),
    "invalid_idempotency_key": Outcome(400, False, "An Idempotency-Key has 1 to 255 printable ASCII characters."),
    "invalid_shardpay_time": Outcome(400, False, "Shardpay-Time is not an RFC 3339 time in UTC."),
    "unauthenticated": Outcome(401, False, "No valid API key was given."),
    "forbidden": Outcome(403, False, "The API key may not make this call."),
    "approval_needed": Outcome(403, False, "This call needs a second person."),
    "key_beyond_maker": Outcome(403, False, "A key gives no more than the key that makes it has."),
    "key_needs_command": Outcome(403, False, "With four eyes, this key is made where the database is."),
    "own_proposal": Outcome(403, False, "Who made a proposal cannot approve it."),
    "not_found": Outcome(404, False, "There is nothing here."),
    "event_not_found": Outcome(404, False, "The event does not exist."),
    "transfer_not_found": Outcome(404, False, "The transfer does not exist."),
    "key_not_seen": Outcome(404, False, "No request with this key was seen at this wallet."),
    "rule_pack_not_found": Outcome(404, False, "There is no rule pack, or no version, of this name."),
    "api_key_not_found": Outcome(404, False, "There is no such API key."),
    "label_not_found": Outcome(404, False, "The transfer has no label."),
    "proposal_not_found": Outcome(404, False, "There is no such proposal."),
    "list_not_found": Outcome(404, False, "There is no list of this name."),
    "list_entry_not_found": Outcome(404, False, "There is no such entry of a list, or snooze of a rule."),
    "rule_not_found": Outcome(404, False, "There is no rule of this name in the pack."),
    "scorecard_not_found": Outcome(404, False, "There is no scorecard, or no version, of this name."),
    "case_not_found": Outcome(404, False, "There is no such dispute or review."),
    "receipt_not_found": Outcome(404, False, "There is no such receipt."),
    "features_not_published": Outcome(404, False, "The wallet's score was published without what it is of."),
    "webhook_endpoint_not_found": Outcome(404, False, "There is no such webhook endpoint."),
    "delivery_not_found": Outcome(404, False, "There is no such delivery, or it is kept no longer."),
    "bench_report_not_found": Outcome(404, False, "There are no results of benchmarks of this name."),
    "scenario_not_found": Outcome(404, False, "There is no scenario, or no version, of this name."),
    "method_not_allowed": Outcome(405, False, "This path does not take this method."),
    "request_timeout": Outcome(408, True, "The body did not arrive in time."),
    "external_id_taken": Outcome(409, False, "Another wallet has this external_id."),
    "cursor_ahead": Outcome(
        409, False, "The cursor is ahead of the journal: an older backup was restored since. Begin anew."
    ),
    "operator_wallets_full": Outcome(409, False, "No further operator wallet can be created."),
    "version_conflict": Outcome(409, False, "Another version was published meanwhile."),
    "deployment_refused": Outcome(409, False, "The packs that run cannot be changed in this way."),
    "receipt_refused": Outcome(409, False, "The receipt does not say yes to this."),
    "case_exists": Outcome(409, False, "The entry is disputed already or deleted, or the decision is reviewed."),
    "order_number_taken": Outcome(409, False, "Another order has this number."),
    "webhook_endpoints_full": Outcome(409, False, "There are as many webhook endpoints as there can be."),
    "webhook_endpoint_disabled": Outcome(409, False, "Nothing is sent to the webhook endpoint."),
    "deliveries_full": Outcome(503, True, "As many deliveries wait for the webhook endpoint as there can be."),
    "key_refused": Outcome(409, False, "The account cannot have such a key."),
    "api_key_over": Outcome(409, False, "The API key was revoked or has expired."),
    "last_key": Outcome(409, False, "No other key that works can make keys."),
    "list_full": Outcome(409, False, "There are as many lists, or entries, as there can be."),
    "notes_full": Outcome(409, False, "The case has as many notes as there can be."),
    "proposals_full": Outcome(409, False, "As many proposals are open as there can be."),
    "proposal_over": Outcome(409, False, "The proposal can be answered no longer."),
    "four_eyes_off": Outcome(409, False, "This switch asks for no second person."),
    "scenarios_full": Outcome(409, False, "There are as many scenarios as there can be."),
    "backtest_too_large": Outcome(
        409, False, "The history is too long for this call: export it and use shardpay rules backtest."
    ),
    "payload_too_large": Outcome(413, False, "The body is larger than this call takes."),
    "unsupported_media_type": Outcome(415, False, "This call does not take this content type or encoding."),
    "expectation_failed": Outcome(417, False, "Only the expectation 100-continue is known."),
    "invalid_field": Outcome(422, False, "A field is missing, unknown or has a wrong value."),
    "invalid_rule_pack": Outcome(422, False, "The rule pack does not check."),
    "invalid_scorecard": Outcome(422, False, "The scorecard does not check."),
    "invalid_scenario": Outcome(422, False, "The scenario does not check."),
    "after_declined": Outcome(422, False, "The transfer named in `after` was declined: it moved no money."),
    "after_unrelated": Outcome(422, False, "The transfer named in `after` is between other wallets."),
    "invalid_query": Outcome(422, False, "A query parameter is missing, unknown or has a wrong value."),
    "too_many_bodies": Outcome(429, True, "The caller has as many bytes of bodies under way as one caller may have."),
    "too_many_requests": Outcome(429, True, "The caller makes as many requests a second as one caller may make."),
    "too_many_changes": Outcome(429, True, "Lists and snoozes were changed as often in an hour as they may be."),
    "too_many_connections": Outcome(429, True, "The caller has as many connections as one caller may have."),
    "internal_error": Outcome(500, True, "Something went wrong inside the switch."),
    "overloaded": Outcome(503, True, "The switch has as much work as it can queue."),
    "backtest_running": Outcome(503, True, "Another backtest is running; there is one at a time."),
    "timeout": Outcome(503, True, "The switch did not answer in time."),
    "database_unavailable": Outcome(503, True, "The database cannot be reached."),
    "not_ready": Outcome(503, True, "The switch is not ready."),
}

PROBLEMS: Final[dict[str, Outcome]] = {
    **{code.name.lower(): outcome for code, outcome in OUTCOMES.items() if code not in NO_PROBLEM},
    **_FRONT_DOOR,
}
"""Every problem there is, by its `code`."""

NUMBERS: Final[dict[int, str]] = {
    **{int(code): code.name.lower() for code in Code},
    UNKNOWN_NUMBER: "timeout",
    OVERLOADED_NUMBER: "overloaded",
    AFTER_DECLINED_NUMBER: "after_declined",
    AFTER_UNRELATED_NUMBER: "after_unrelated",
}
"""Names of the numbers that stand for codes in Arrow answers and in the rows of batches."""

_BY_STATUS: Final[dict[int, str]] = {
    400: "malformed_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "payload_too_large",
    415: "unsupported_media_type",
    417: "expectation_failed",
}


MoneyMoved = Literal["no", "unknown"]
"""What is known of the money of a request that failed."""


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field; `field` is a path like `transfers[3].amount`, empty for the whole body. In a document: where, counted
    from 1, the line's text, and what to do."""

    field: str
    message: str
    line: int | UnsetType = UNSET
    column: int | UnsetType = UNSET
    text: str | UnsetType = UNSET
    hint: str | UnsetType = UNSET


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an error, as RFC 9457 has it. `decision`: of a payment that was recorded and declined."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    money_moved: MoneyMoved
    transfer_id: str | UnsetType = UNSET
    decision: dict[str, Any] | UnsetType | None = UNSET
    replayed: bool | UnsetType = UNSET
    errors: tuple[FieldError, ...] | UnsetType = UNSET


class ProblemError(Exception):
    """A request that ends as a problem; raised anywhere in a handler, rendered in one place."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        money_moved: MoneyMoved = "no",
        transfer_id: str | None = None,
        decision: dict[str, Any] | None = None,
        errors: tuple[FieldError, ...] = (),
        replayed: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.money_moved = money_moved
        self.transfer_id = transfer_id
        self.decision = decision
        self.errors = errors
        self.replayed = replayed
        self.headers = headers or {}


def number_outcome(number: int) -> Outcome:
    """Status, retryability and title of a row's code number."""
    return OUTCOMES[Code(number)] if number in NO_PROBLEM else PROBLEMS[NUMBERS[number]]


def row_status(number: int, done: str) -> str:
    """What became of one row of a batch: `done`, in_review, declined, refused, not_tried or unknown."""
    if number == Code.OK:
        return done
    if number == Code.IN_REVIEW:
        return "in_review"
    if number in REVIEW_ENDS:
        return "declined"
    if number == UNKNOWN_NUMBER:
        return "unknown"
    if number == OVERLOADED_NUMBER or is_untried(number):
        return "not_tried"
    return "declined" if is_declined(number) else "refused"


def row_detail(number: int) -> str | UnsetType:
    """What is said of one row of a batch beside its code."""
    return UNSET if number in NO_PROBLEM else number_outcome(number).title


def invalid_field(field: str, message: str) -> ProblemError:
    """One wrong field of a body."""
    return ProblemError("invalid_field", f"{field or 'body'}: {message}", errors=(FieldError(field, message),))


def invalid_query(name: str, message: str) -> ProblemError:
    """One wrong query parameter."""
    return ProblemError("invalid_query", f"{name}: {message}", errors=(FieldError(name, message),))


def problem_body(problem: ProblemError) -> Problem:
    """What is answered for a problem."""
    status, retryable, title = PROBLEMS[problem.code]
    recorded = problem.transfer_id is not None
    return Problem(
        type=f"/problems/{problem.code}",
        title=title,
        status=status,
        detail=problem.detail or ADVICE[problem.code],
        code=problem.code,
        retryable=retryable,
        money_moved=problem.money_moved,
        transfer_id=problem.transfer_id or UNSET,
        decision=problem.decision if recorded else UNSET,
        replayed=problem.replayed if recorded else UNSET,
        errors=problem.errors or UNSET,
    )


def from_http(error: web.HTTPException) -> ProblemError:
    """A problem for an error of the HTTP library itself."""
    allow = error.headers.get("Allow")
    code = _BY_STATUS.get(error.status, "malformed_request" if error.status < 500 else "internal_error")
    return ProblemError(code, headers={"Allow": allow} if allow else None)


def from_status(status: int) -> ProblemError:
    """A problem for a request that never became one: a broken request line, a header too long."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "error"
    return ProblemError(_BY_STATUS.get(status, "malformed_request" if status < 500 else "internal_error"), phrase)
