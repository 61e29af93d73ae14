"""One table of outcomes.

A number, once given, is never reused; the order of precedence is the order of the numbers.

A *refused* request leaves no trace: the request itself is wrong, or nothing was tried. A *declined* one is recorded under its key:
the same request gets the same answer for ever, and a new attempt needs a new key.
"""

from enum import IntEnum
from typing import Final, NamedTuple


class Code(IntEnum):
    """Result of one request row. Where several refusals or several declines apply, the first in this order is the answer; what
    is refused is not declined, and whether a request can be tried is asked as its wallets are looked up."""

    OK = 0
    # Not tried: nothing happened, the same request can be sent again.
    DEFERRED = 1
    MOVED = 2
    BUSY = 3
    KEYS_FULL = 4
    HOLDS_FULL = 5
    WALLETS_FULL = 6
    CALLER_HOLDS_FULL = 7
    CONSENTS_FULL = 8
    ORDERS_FULL = 9
    TOO_MANY_DECISIONS = 10
    CASES_FULL = 11
    # Refused: nothing was recorded.
    IDEMPOTENCY_MISMATCH = 20
    SAME_WALLET = 21
    PAYER_NOT_FOUND = 22
    PAYEE_NOT_FOUND = 23
    WALLET_NOT_FOUND = 24
    CURRENCY_MISMATCH = 25
    EFFECTIVE_TIME_IN_FUTURE = 26
    EFFECTIVE_TIME_WENT_BACK = 27
    AFTER_NOT_FOUND = 28
    OPERATOR_WALLET = 29
    WALLET_CLOSED = 30
    WALLET_NOT_EMPTY = 31
    INVALID_REQUEST = 32
    HOLD_NOT_OPEN = 33
    HOLD_CAPTURED = 34
    HOLD_VOIDED = 35
    HOLD_EXPIRED = 36
    HOLD_EXCEEDED = 37
    NOT_A_HOLD = 38
    NOT_REFUNDABLE = 39
    REFUND_EXCEEDED = 40
    GROUP_INVALID = 41
    LINKED_REFUSED = 42
    HOLD_IN_REVIEW = 43
    NOT_IN_REVIEW = 44
    REVIEW_APPROVED = 45
    REVIEW_DECLINED = 46
    REVIEW_EXPIRED = 47
    CONSENT_NOT_FOUND = 48
    ORDER_NOT_FOUND = 49
    ORDER_STATE = 50
    ORDER_CHANGED = 51
    CAP_EXCEEDED = 52
    TOO_MANY_ORDERS = 53
    RECEIPT_EXPIRED = 54
    RUN_SUPERSEDED = 55
    CASE_NOT_OPEN = 56
    ENTRY_NOT_FOUND = 57
    CASE_UNANSWERED = 58
    WALLET_HAS_ORDERS = 59
    TOO_MANY_CONSENTS = 60
    # Declined: recorded, nothing moved.
    PAYER_CLOSED = 100
    PAYER_FROZEN = 101
    PAYEE_CLOSED = 102
    DECLINED = 110
    LINKED_IN_REVIEW = 111
    DAILY_LIMIT_EXCEEDED = 120
    INSUFFICIENT_FUNDS = 121
    BALANCE_OUT_OF_RANGE = 122
    REVIEWS_FULL = 123
    LINKED_DECLINED = 130
    # Neither done nor declined: recorded, the payer's money is held. No record has this code, only results have.
    IN_REVIEW = 200


class Outcome(NamedTuple):
    """What a code means to a caller. `retryable`: sending the very same request again can succeed."""

    status: int
    retryable: bool
    title: str


OUTCOMES: Final[dict[Code, Outcome]] = {
    Code.OK: Outcome(201, False, "Done."),
    Code.DEFERRED: Outcome(503, True, "What this request depends on was not reached in time."),
    Code.MOVED: Outcome(503, True, "The wallet is being moved to another shard."),
    Code.BUSY: Outcome(503, True, "The shard has as much work as it can queue."),
    Code.KEYS_FULL: Outcome(503, True, "The table of idempotency keys is full."),
    Code.HOLDS_FULL: Outcome(503, True, "The table of open holds is full."),
    Code.WALLETS_FULL: Outcome(503, True, "The shard has no room for further wallets."),
    Code.CALLER_HOLDS_FULL: Outcome(429, True, "The caller has as many open holds as one caller may have."),
    Code.CONSENTS_FULL: Outcome(503, True, "The table of consents is full."),
    Code.ORDERS_FULL: Outcome(503, True, "The table of open service orders is full."),
    Code.TOO_MANY_DECISIONS: Outcome(
        429, True, "The merchant has asked about this wallet as often as it may in a day."
    ),
    Code.CASES_FULL: Outcome(503, True, "The table of open disputes and reviews is full."),
    Code.IDEMPOTENCY_MISMATCH: Outcome(422, False, "The key was used before with another body."),
    Code.SAME_WALLET: Outcome(422, False, "Payer and payee are the same wallet."),
    Code.PAYER_NOT_FOUND: Outcome(404, False, "The payer's wallet does not exist."),
    Code.PAYEE_NOT_FOUND: Outcome(404, False, "The payee's wallet does not exist."),
    Code.WALLET_NOT_FOUND: Outcome(404, False, "The wallet does not exist."),
    Code.CURRENCY_MISMATCH: Outcome(422, False, "Payer, payee and transfer must have one currency."),
    Code.EFFECTIVE_TIME_IN_FUTURE: Outcome(422, False, "The effective time lies in the future."),
    Code.EFFECTIVE_TIME_WENT_BACK: Outcome(422, False, "The payer already has a later payment."),
    Code.AFTER_NOT_FOUND: Outcome(422, False, "The transfer named in `after` does not exist."),
    Code.OPERATOR_WALLET: Outcome(409, False, "Operator wallets cannot be closed and have no tier."),
    Code.WALLET_CLOSED: Outcome(409, False, "The wallet is closed."),
    Code.WALLET_NOT_EMPTY: Outcome(409, False, "Only a wallet with balance zero and nothing held can be closed."),
    Code.INVALID_REQUEST: Outcome(422, False, "The request holds a value that the ledger does not take."),
    Code.HOLD_NOT_OPEN: Outcome(409, False, "The hold is no longer open."),
    Code.HOLD_CAPTURED: Outcome(409, False, "The hold was captured to the end."),
    Code.HOLD_VOIDED: Outcome(409, False, "The hold was voided."),
    Code.HOLD_EXPIRED: Outcome(409, False, "The hold has expired."),
    Code.HOLD_EXCEEDED: Outcome(409, False, "The amount is more than is left of the hold."),
    Code.NOT_A_HOLD: Outcome(409, False, "Only a transfer made with `hold` can be captured or voided."),
    Code.NOT_REFUNDABLE: Outcome(409, False, "Only what moved money can be refunded: a posted transfer or a capture."),
    Code.REFUND_EXCEEDED: Outcome(409, False, "The amount is more than is left to refund."),
    Code.GROUP_INVALID: Outcome(
        422, False, "A linked group has one user payer, one time, and a key of its own for each row."
    ),
    Code.LINKED_REFUSED: Outcome(422, False, "Another transfer of the linked group was refused."),
    Code.HOLD_IN_REVIEW: Outcome(409, False, "An analyst is asked about this hold; until then it stays as it is."),
    Code.NOT_IN_REVIEW: Outcome(409, False, "No analyst was asked about this transfer."),
    Code.REVIEW_APPROVED: Outcome(409, False, "The payment was approved before."),
    Code.REVIEW_DECLINED: Outcome(409, False, "The payment was declined by an analyst."),
    Code.REVIEW_EXPIRED: Outcome(409, False, "Nobody answered in time: the payment was declined."),
    Code.CONSENT_NOT_FOUND: Outcome(404, False, "There is no such consent, or it has ended."),
    Code.ORDER_NOT_FOUND: Outcome(404, False, "The service order does not exist, or is over."),
    Code.ORDER_STATE: Outcome(409, False, "The state of the service order does not allow this call."),
    Code.ORDER_CHANGED: Outcome(409, False, "The cap of a service order can be lowered once."),
    Code.CAP_EXCEEDED: Outcome(409, False, "The amount is more than the order's cap."),
    Code.TOO_MANY_ORDERS: Outcome(409, False, "The holder has as many open orders as the scenario allows."),
    Code.RECEIPT_EXPIRED: Outcome(409, False, "The receipt has expired: ask for a new decision."),
    Code.RUN_SUPERSEDED: Outcome(409, False, "A later run has scored this wallet."),
    Code.CASE_NOT_OPEN: Outcome(409, False, "The dispute or review is over, or there is none."),
    Code.ENTRY_NOT_FOUND: Outcome(404, False, "The entry is no record of this holder."),
    Code.CASE_UNANSWERED: Outcome(409, False, "What its source has not confirmed cannot be kept."),
    Code.WALLET_HAS_ORDERS: Outcome(409, False, "Service orders that are not over pay to or from this wallet."),
    Code.TOO_MANY_CONSENTS: Outcome(409, False, "The holder has as many live consents as one holder may have."),
    Code.PAYER_CLOSED: Outcome(409, False, "The payer's wallet is closed."),
    Code.PAYER_FROZEN: Outcome(409, False, "The payer's wallet is frozen."),
    Code.PAYEE_CLOSED: Outcome(409, False, "The payee's wallet is closed."),
    Code.DECLINED: Outcome(402, False, "The payment was declined by scoring."),
    Code.LINKED_IN_REVIEW: Outcome(
        402, False, "Scoring wants a payment of the linked group reviewed; a group cannot wait."
    ),
    Code.DAILY_LIMIT_EXCEEDED: Outcome(402, False, "The payer's daily limit would be exceeded."),
    Code.INSUFFICIENT_FUNDS: Outcome(402, False, "The payer's available balance is too low."),
    Code.BALANCE_OUT_OF_RANGE: Outcome(409, False, "A balance would leave the range that is kept exact."),
    Code.REVIEWS_FULL: Outcome(409, False, "The payment needs a review and no further hold can be opened for it."),
    Code.LINKED_DECLINED: Outcome(409, False, "Another transfer of the linked group was declined."),
    Code.IN_REVIEW: Outcome(201, False, "An analyst is asked; until then the amount is held."),
}

REVIEW_ENDS: Final = (Code.REVIEW_DECLINED, Code.REVIEW_EXPIRED, Code.HOLD_VOIDED)
"""Told to a retry of a payment that was in review: it is recorded, and nothing moved."""
FIRST_REFUSED: Final = 20
FIRST_DECLINED: Final = 100
LAST_DECLINED: Final = 199


def is_declined(code: int) -> bool:
    """Whether the outcome is recorded though nothing moved."""
    return FIRST_DECLINED <= code <= LAST_DECLINED


def is_untried(code: int) -> bool:
    """Whether nothing was tried, so the same request may simply be sent again."""
    return 0 < code < FIRST_REFUSED
