"""The layout of what a shard keeps of payment credit, and of its requests.

All credit records are rows of RECORD whose fields have other names, see `FIELDS_OF_KIND`; a SCORE has an overlay of its own. Only the
journal keeps them for ever: the rows here are what a decision needs and what is not over.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from actors.records.layout import RECORD, WALLET, Kind, Records, offset_of

FIRST_CREDIT: Final = int(Kind.CONSENT_GRANTED)
"""Kinds from this on are credit records: they move no money and are on a chain of their own."""
DIMENSIONS: Final = ("history", "behaviour", "ability", "identity", "relations")
REASONS_MAX: Final = 4


class OrderKind(IntEnum):
    """deposit_waived: nothing is held, a cap says what can be asked at most; pay_later: used now, collected at completion."""

    DEPOSIT_WAIVED = 1
    PAY_LATER = 2


class OrderState(IntEnum):
    """Where a service order stands; numbers are never reused."""

    CREATED = 1
    CONFIRMED = 2
    DUE = 3
    OVERDUE = 4
    DEFAULTED = 5
    PAID = 6
    CANCELLED = 7
    PAID_ELSEWHERE = 8
    EXPIRED = 9
    WRITTEN_OFF = 10


OPEN_STATES: Final = frozenset(
    {OrderState.CREATED, OrderState.CONFIRMED, OrderState.DUE, OrderState.OVERDUE, OrderState.DEFAULTED}
)
"""Orders that a shard keeps in memory; the others are over."""


class Stopped(IntEnum):
    """What else than the holder's money keeps an order from being paid; while it does, the order's clock stands still."""

    NOTHING = 0
    PAYEE = 1
    """Its wallet is closed, at the end of its range, or not to be found; the holder can do nothing about it."""
    FROZEN = 2
    """An operator has frozen the holder's wallet."""
    LIMIT = 3
    """The amount is more than the holder's tier may pay on any day."""


class InquiryResult(IntEnum):
    """What a merchant is told; not_available says nothing of why."""

    NOT_AVAILABLE = 0
    YES = 1
    NO = 2


class Resolution(IntEnum):
    """What became of a dispute, or of a review of a decision; numbers are never reused."""

    CORRECTED = 1
    DELETED = 2
    KEPT = 3
    OVERTURNED = 4
    UPHELD = 5


class CaseState(IntEnum):
    """Where a dispute or a review stands that is not over."""

    OPENED = 1
    FORWARDED = 2
    ANSWERED = 3


SCORE_RANGE: Final = range(350, 951)
"""What a score can be; a wallet without one has 0 and a cause."""


class Cause(IntEnum):
    """Why an inquiry ended as it did, for the holder and for auditors."""

    DECIDED = 0
    NO_WALLET = 1
    NO_CONSENT = 2
    CONSENT_EXPIRED = 3
    NOT_SCORED = 4
    TOO_MANY_OPEN = 5
    OVERDUE = 6
    NOT_OFFERED = 7
    NOTHING_GRANTED = 8
    CONSENT_OUTDATED = 9


CREDIT: Final = np.dtype(
    [
        ("head", "i8"),
        ("as_of", "i8"),
        ("scored", "i8"),
        ("card", "u4"),
        ("kept", "u4"),
        ("score", "i2"),
        ("subtotals", "i2", (len(DIMENSIONS),)),
        ("band", "u1"),
        ("cause", "u1"),
        ("open", "u1"),
        ("overdue", "u1"),
        ("defaulted", "u2"),
        ("disputed", "u1"),
        ("spare", "u1"),
        ("run", "u4"),
        ("consents", "u2"),
        ("spare2", "u1", (2,)),
        ("first_consent", "i4"),
    ]
)
"""What is kept of a wallet beside its row: head = address of its newest credit record; scored = address of its newest SCORE, from which
score, subtotals, band, cause (of N/A), card, run and as_of are; open, overdue, defaulted: orders that are so now; kept: orders paid;
consents: how many rows of the holder's there are, in a list that begins at 1 + first_consent."""

CONSENT: Final = np.dtype(
    [
        ("holder", "i8"),
        ("record", "i8"),
        ("expiry", "i8"),
        ("cap", "i8"),
        ("account", "u4"),
        ("scenario", "u4"),
        ("standing", "u1"),
        ("spare", "u1"),
        ("version", "u2"),
        ("next", "i4"),
    ]
)
"""A live consent to what this version of the scenario says, 0 = any (of old journals); 1 + next: the holder's next one. holder 0: the row
is free, and `record` is 1 + the next free one, 0 = none."""

ORDER: Final = np.dtype(
    [
        ("address", "i8"),
        ("created", "i8"),
        ("holder", "i8"),
        ("payee", "i8"),
        ("cap", "i8"),
        ("amount", "i8"),
        ("due", "i8"),
        ("timer", "i8"),
        ("receipt", "i8"),
        ("account", "u4"),
        ("scenario", "u4"),
        ("default_after_s", "u4"),
        ("currency", "u2"),
        ("state", "u1"),
        ("kind", "u1"),
        ("modified", "u1"),
        ("attempts", "u1"),
        ("stopped", "u1"),
        ("corrected", "u1"),
        ("next", "i4"),
        ("overdue_at", "i8"),
        ("defaulted_at", "i8"),
        ("deleted_by", "i8"),
        ("stopped_at", "i8"),
    ]
)
"""An order that is not over: address of its ORDER_CREATED, its id, made at the time `created`. amount: what is to be collected, from DUE
on; timer: when the shard does something by itself, 0 = never; attempts: those that the shard made, by which it waits for the next;
overdue_at, defaulted_at: addresses of the records that said so; deleted_by: the dispute that ended with their deletion, 0 = none, until
it is reinserted the order counts for nothing; corrected: a dispute found that it was never late. stopped: by what, since stopped_at: a
`Stopped`; 1 + next: the holder's next one. address 0: the row is free, and `holder` is 1 + the next free one."""

CASE: Final = np.dtype(
    [
        ("address", "i8"),
        ("holder", "i8"),
        ("entry", "i8"),
        ("due", "i8"),
        ("forward_by", "i8"),
        ("account", "u4"),
        ("scenario", "u4"),
        ("kind", "u1"),
        ("state", "u1"),
        ("spare", "u1", (6,)),
    ]
)
"""A dispute or a review of a decision that is open: address of its first record, whose `kind` it has; entry: the record that it is about;
due: when it must be answered; forward_by: when it goes to its source by itself, 0 = never. address 0: the row is free, and `holder` is 1 +
the next free one."""

CREDIT_REQUEST: Final = np.dtype(
    [
        ("op", "u1"),
        ("kind", "u1"),
        ("cause", "u1"),
        ("standing", "u1"),
        ("caller", "u4"),
        ("account", "u4"),
        ("scenario", "u4"),
        ("holder", "i8"),
        ("home", "i8"),
        ("payee", "i8"),
        ("amount", "i8"),
        ("granted", "i8"),
        ("key_hi", "u8"),
        ("key_lo", "u8"),
        ("digest", "u8"),
        ("reference", "i8"),
        ("expiry", "i8"),
        ("confirm_by", "i8"),
        ("seen", "i8"),
        ("writer", "i8"),
        ("deferred_at", "i8"),
        ("valid_until", "i8"),
        ("effective_time", "i8"),
        ("paid_at", "i8"),
        ("points", "i4"),
        ("reasons", "u4"),
        ("default_after_s", "u4"),
        ("version", "u2"),
        ("open_max", "u1"),
        ("spare", "u1"),
    ]
)
"""One credit request, front door to shard. `op`: the record asked for; `kind`: of an order, the result of an inquiry, or a resolution;
`home`: the wallet to which the key is bound, also where there is no such holder; `reference`: consent, receipt, order, entry or case;
`seen`: head of the holder's credit chain that the front door decided on, -1 = whatever it is; `writer`: of the state that it decided
on, 0 = any; `open_max`: orders that the holder may have
open, this one included, or inquiries that the account may make about the wallet in a day, 0 = as many as it likes; `valid_until`: end of an
order's receipt, by which the order must be recorded, 0 = not compared; `effective_time`: when an order of the past was used, 0 = it is a
new one; `paid_at`: when it was paid, 0 = it is still owed; `confirm_by`: of a
dispute, when it is forwarded, 0 = never."""

CREDIT_RESULT: Final = np.dtype(
    [
        ("code", "u2"),
        ("replayed", "u1"),
        ("state", "u1"),
        ("spare", "u4"),
        ("address", "i8"),
        ("transfer", "i8"),
        ("record_time", "i8"),
    ]
)
"""`address`: of the record; of a replay, that of the first answer, whose digest the front door compares. `transfer`: address of the
transfer of a collection, declined or not. `state`: of the order after it. `record_time`: of the record; DEFERRED: to be echoed as
`deferred_at`."""

SCORE_OUTCOME: Final = np.dtype([("code", "u2"), ("replayed", "u1"), ("spare", "u1")])
"""What became of a published score: how a CREDIT_RESULT begins. Where its record is nobody asks."""

_SCORE_FIELDS: Final = {
    "kind": ("u1", offset_of(RECORD, "kind")),
    "band": ("u1", offset_of(RECORD, "label")),
    "cause": ("u1", offset_of(RECORD, "channel")),
    "holder": ("i8", offset_of(RECORD, "payer")),
    "previous": ("i8", offset_of(RECORD, "payer_prev")),
    "score": ("i4", offset_of(RECORD, "points")),
    "card": ("u4", offset_of(RECORD, "pack")),
    "run": ("u4", offset_of(RECORD, "device")),
    "as_of": ("i8", offset_of(RECORD, "effective_time")),
    "record_time": ("i8", offset_of(RECORD, "record_time")),
    "subtotals": (("<i2", (len(DIMENSIONS),)), offset_of(RECORD, "amount")),
    "reasons": (("<u2", (REASONS_MAX,)), offset_of(RECORD, "amount") + 2 * len(DIMENSIONS)),
    "gaps": (("<i2", (REASONS_MAX,)), offset_of(RECORD, "amount") + 2 * len(DIMENSIONS) + 2 * REASONS_MAX),
}
SCORE: Final = np.dtype(
    {
        "names": list(_SCORE_FIELDS),
        "formats": [form for form, _ in _SCORE_FIELDS.values()],
        "offsets": [offset for _, offset in _SCORE_FIELDS.values()],
        "itemsize": RECORD.itemsize,
    }
)
"""A SCORE record: in the bytes of amount, payer_posted, payee_posted and payer_held it keeps five subtotals, four reasons and their
gaps."""

SCORE_ROW: Final = np.dtype(
    [
        ("holder", "i8"),
        ("as_of", "i8"),
        ("subtotals", "<i2", (len(DIMENSIONS),)),
        ("reasons", "<u2", (REASONS_MAX,)),
        ("gaps", "<i2", (REASONS_MAX,)),
        ("band", "u1"),
        ("cause", "u1"),
        ("card", "u4"),
        ("run", "u4"),
        ("score", "i4"),
    ]
)
"""What a run says of a wallet, front door to shard: what a SCORE keeps but for links and record time, a third of its bytes."""
SCORE_WORDS: Final = np.dtype(
    [
        ("holder", "i8"),
        ("as_of", "i8"),
        ("first", "i8"),
        ("second", "i8"),
        ("third", "i8"),
        ("last", "u2"),
        ("band", "u1"),
        ("cause", "u1"),
        ("card", "u4"),
        ("run", "u4"),
        ("score", "i4"),
    ]
)
"""A SCORE_ROW with subtotals, reasons and gaps in the words of a record that keep them: amount, payer_posted, payee_posted, payer_held."""

CREDIT_QUESTION: Final = np.dtype(
    [("holder", "i8"), ("order", "i8"), ("account", "u4"), ("scenario", "u4"), ("payee", "i8"), ("to_record", "i8")]
)
"""What a front door asks before it decides: a holder, and where they are not 0 an order, a merchant's account with a scenario, and a
wallet that orders pay. to_record: 1 = what is decided will be recorded by the state's writer or not at all, so the answer need not wait
for the journal."""

CREDIT_STATE: Final = np.dtype(
    [("wallet", WALLET), ("credit", CREDIT), ("consent", CONSENT), ("order", ORDER), ("paying", "i8"), ("writer", "i8")]
)
"""The answer, at one moment: zeros where there is no such thing, or no longer. paying: how many orders that are not over pay the payee.
writer: number of the process that answered."""

CreditRows = NDArray[np.void]
"""CREDIT rows (n,)."""
CreditRequests = NDArray[np.void]
"""CREDIT_REQUEST rows (n,)."""
CreditResults = NDArray[np.void]
"""CREDIT_RESULT rows (n,)."""
ConsentRows = NDArray[np.void]
"""CONSENT rows (n,)."""
OrderRows = NDArray[np.void]
"""ORDER rows (n,)."""
CaseRows = NDArray[np.void]
"""CASE rows (n,)."""
ScoreRows = NDArray[np.void]
"""SCORE_ROW rows (n,)."""
SeenHeads = NDArray[np.int64]
"""Addresses (n,) of the last credit records of wallets; none where nobody looked."""
NOTHING_SEEN: Final[SeenHeads] = np.empty(0, np.int64)
ScoreOutcomes = NDArray[np.void]
"""SCORE_OUTCOME rows (n,)."""
CreditQuestions = NDArray[np.void]
"""CREDIT_QUESTION rows (n,)."""
CreditStates = NDArray[np.void]
"""CREDIT_STATE rows (n,)."""


def outcomes_of(results: CreditResults) -> ScoreOutcomes:
    """Of CREDIT_RESULT rows (n,) how they begin."""
    words = results.view(np.uint32).reshape(len(results), CREDIT_RESULT.itemsize // 4)
    return np.ascontiguousarray(words[:, 0]).view(SCORE_OUTCOME)


def is_credit(records: Records) -> NDArray[np.bool_]:
    """Which records (n,) are credit records."""
    found: NDArray[np.bool_] = records["kind"] >= FIRST_CREDIT
    return found


assert (CREDIT.itemsize, CREDIT_RESULT.itemsize, SCORE_OUTCOME.itemsize) == (64, 32, 4)
assert SCORE_ROW.itemsize == SCORE_WORDS.itemsize == 56
assert all(SCORE_OUTCOME.fields[name] == CREDIT_RESULT.fields[name] for name in ("code", "replayed"))  # type: ignore[index]
assert offset_of(RECORD, "amount") + 2 * (len(DIMENSIONS) + 2 * REASONS_MAX) <= offset_of(RECORD, "key_hi")
