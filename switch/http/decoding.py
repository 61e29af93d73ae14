"""From the bytes of a body to its type (switch/http/schema.py).

Decoding is by schema, so nesting never goes deeper than the schema's own four levels; a name that stands twice is refused; null for a
field that may be left out is as if it were not there; in a PATCH, it clears a field that may be null.
"""

import json
import re
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET

from switch.fairness.scheduling import STEP_ROWS, Steps
from switch.http.body_errors import EXPLAINED_BYTES_MAX, explained, no_json, short, without_nulls, wrong_field
from switch.http.names import NAMES_MAX, few_names, names_of, too_many_names
from switch.http.schema import (
    BACKTEST_LABELS_MAX,
    TRANSFERS_MAX,
    WALLETS_MAX,
    BacktestLabel,
    Bill,
    Capture,
    CardBacktest,
    CardMode,
    CardPopulation,
    CaseAssignee,
    CaseNote,
    Changes,
    CreditQuestion,
    DisputeOutcome,
    Empty,
    KeyedTransfer,
    KeyPatch,
    KeyRotation,
    LabelBatch,
    ListEntry,
    LoweredCap,
    NewConsent,
    NewDispute,
    NewKey,
    NewList,
    NewOrder,
    NewProposalText,
    NewReview,
    NewSnooze,
    NewWallet,
    NewWebhookEndpoint,
    PackBacktest,
    PackMode,
    PackText,
    PastOrders,
    Refund,
    Reinsertion,
    ReviewOutcome,
    ScenarioText,
    SecretRotation,
    SourceOutcome,
    Transfer,
    TransferBatch,
    TransferLabel,
    TransferLookup,
    WalletBatch,
    WalletPatch,
    WebhookEndpointPatch,
    Wire,
)
from switch.problems.table import ProblemError, invalid_field

T = TypeVar("T")
R = TypeVar("R")

TRANSFER: Final = msgspec.json.Decoder(Transfer)
CAPTURE: Final = msgspec.json.Decoder(Capture)
REFUND: Final = msgspec.json.Decoder(Refund)
TRANSFER_LOOKUP: Final = msgspec.json.Decoder(TransferLookup)
NEW_WALLET: Final = msgspec.json.Decoder(NewWallet)
WALLET_PATCH: Final = msgspec.json.Decoder(WalletPatch)
PACK_TEXT: Final = msgspec.json.Decoder(PackText)
PACK_MODE: Final = msgspec.json.Decoder(PackMode)
NEW_LIST: Final = msgspec.json.Decoder(NewList)
LIST_ENTRY: Final = msgspec.json.Decoder(ListEntry)
NEW_SNOOZE: Final = msgspec.json.Decoder(NewSnooze)
TRANSFER_LABEL: Final = msgspec.json.Decoder(TransferLabel)
LABEL_BATCH: Final = msgspec.json.Decoder(LabelBatch)
CASE_NOTE: Final = msgspec.json.Decoder(CaseNote)
CASE_ASSIGNEE: Final = msgspec.json.Decoder(CaseAssignee)
NEW_PROPOSAL: Final = msgspec.json.Decoder(NewProposalText)
CARD_MODE: Final = msgspec.json.Decoder(CardMode)
CARD_POPULATION: Final = msgspec.json.Decoder(CardPopulation)
SCENARIO_TEXT: Final = msgspec.json.Decoder(ScenarioText)
NEW_CONSENT: Final = msgspec.json.Decoder(NewConsent)
CREDIT_QUESTION: Final = msgspec.json.Decoder(CreditQuestion)
NEW_ORDER: Final = msgspec.json.Decoder(NewOrder)
CHANGES: Final = msgspec.json.Decoder(Changes)
LOWERED_CAP: Final = msgspec.json.Decoder(LoweredCap)
NEW_DISPUTE: Final = msgspec.json.Decoder(NewDispute)
SOURCE_ANSWER: Final = msgspec.json.Decoder(SourceOutcome)
DISPUTE_OUTCOME: Final = msgspec.json.Decoder(DisputeOutcome)
REINSERTION: Final = msgspec.json.Decoder(Reinsertion)
NEW_REVIEW: Final = msgspec.json.Decoder(NewReview)
REVIEW_OUTCOME: Final = msgspec.json.Decoder(ReviewOutcome)
BILL: Final = msgspec.json.Decoder(Bill)
PAST_ORDERS: Final = msgspec.json.Decoder(PastOrders)
NEW_WEBHOOK_ENDPOINT: Final = msgspec.json.Decoder(NewWebhookEndpoint)
WEBHOOK_ENDPOINT_PATCH: Final = msgspec.json.Decoder(WebhookEndpointPatch)
SECRET_ROTATION: Final = msgspec.json.Decoder(SecretRotation)
NEW_KEY: Final = msgspec.json.Decoder(NewKey)
KEY_ROTATION: Final = msgspec.json.Decoder(KeyRotation)
KEY_PATCH: Final = msgspec.json.Decoder(KeyPatch)
EMPTY: Final = msgspec.json.Decoder(Empty)


class Listed(Generic[T, R]):
    """Bodies that are a list with something around it, `field` its name: rows are cut out and decoded one by one, so that others get their
    turn and no more of them are looked at than there may be. `texts`: something beside the list has names of its own."""

    def __init__(
        self, body: type[T], field: str, row: type[R], *, rows_min: int, rows_max: int, texts: bool = False
    ) -> None:
        self._body = msgspec.json.Decoder(body)
        self._field = field
        self._row = msgspec.json.Decoder(row)
        self._rows_min = rows_min
        self._rows_max = rows_max
        self._marks_max = rows_max * _ROW_MARKS + NAMES_MAX if texts else 0

    def decode(self, body: bytes) -> Steps[tuple[T, list[R]]]:
        """What is around the list, and its rows. Raises as `decode`."""
        if self._marks_max and (yield from names_of(body, lists_too=False, marks_max=self._marks_max)) > NAMES_MAX:
            raise too_many_names("")
        value = _decoded(self._body, body, "")
        yield
        raw = getattr(value, self._field)
        text = b"" if raw is UNSET else bytes(raw)
        rows, inside = (yield from self._rows(text)) if text else ([], 0)
        colons = 0
        for start in range(0, len(body), _COUNTED_BYTES):
            colons += body.count(b":", start, start + _COUNTED_BYTES)
            yield
        if colons - inside != _members(value):
            yield from self._refuse_repeats(value, body.replace(text, b"null", 1) if text else body)
        return value, rows

    @staticmethod
    def _refuse_repeats(value: T, around: bytes) -> Steps[None]:
        """Look closer at what stands around the list: there are texts with colons, or parts that are not decoded, or names twice."""
        yield
        names = yield from names_of(around)
        if names > NAMES_MAX:
            raise too_many_names("")
        if names != _members(value):
            _refuse_repeats(around)

    def _rows(self, text: bytes) -> Steps[tuple[list[R], int]]:
        """The rows of a list, and the colons in them. That the text is JSON is known."""
        if text[:1] != b"[":
            raise invalid_field(self._field, "Expected `array`")
        rows: list[R] = []
        at = looked = 1
        colons = 0
        while (at := _end_of(_GAP, text, at, at + _STEP_BYTES)) < len(text) - 1:
            if text[at] in _BETWEEN:
                yield
                continue
            path = f"{self._field}[{len(rows)}]"
            if len(rows) == self._rows_max:
                raise invalid_field(self._field, f"Expected `array` of length <= {self._rows_max}")
            if text[at] != _OPENING[0]:
                raise invalid_field(path, "Expected `object`")
            end = yield from _end_of_object(text, at)
            if not end:
                raise invalid_field(path, f"it has more than {ROW_BYTES_MAX:,} bytes")
            row = text[at:end]
            colons += row.count(b":")
            rows.append(_checked(self._row, row, path))
            at = end
            if len(rows) % STEP_ROWS == 0 or at - looked > _STEP_BYTES:
                looked = at
                yield
        if len(rows) < self._rows_min:
            raise invalid_field(self._field, f"Expected `array` of length >= {self._rows_min}")
        return rows, colons


_COUNTED_BYTES: Final = 1 << 20
"""Searched in one step: half a millisecond."""
ROW_BYTES_MAX: Final = 1 << 20
"""Of a row: as much as a body may have that is alone."""
_ROW_MARKS: Final = 8
"""Colons and brackets of a row: a label that is right has six."""
_STEP_BYTES: Final = 64 << 10
"""Of rows decoded in one step."""
_STEP_BRACKETS: Final = 512
"""Brackets of one row passed in one step: a row that is right has six."""
_OPENING: Final = b"{["
_QUOTE: Final = ord('"')
_BETWEEN: Final = b" \t\r\n,"
_GAP: Final = re.compile(rb"[\s,]*+")
_TO_BRACKET: Final = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL)


def _end_of(pattern: re.Pattern[bytes], text: bytes, at: int, until: int) -> int:
    match = pattern.match(text, at, until)
    assert match is not None, "it matches nothing, too"
    return match.end()


def _end_of_object(text: bytes, at: int) -> Steps[int]:
    """Where the JSON object that begins at a place ends; 0 when it is longer than a row may be."""
    depth = brackets = 0
    until = min(at + ROW_BYTES_MAX, len(text))
    while True:
        at = _end_of(_TO_BRACKET, text, at, until) + 1
        if at > until or text[at - 1] == _QUOTE:
            return 0
        depth += 1 if text[at - 1] in _OPENING else -1
        if not depth:
            return at
        brackets += 1
        if brackets % _STEP_BRACKETS == 0:
            yield


TRANSFER_BATCH: Final = Listed(TransferBatch, "transfers", KeyedTransfer, rows_min=1, rows_max=TRANSFERS_MAX)
WALLET_BATCH: Final = Listed(WalletBatch, "wallets", NewWallet, rows_min=1, rows_max=WALLETS_MAX)
PACK_BACKTEST: Final = Listed(
    PackBacktest, "labels", BacktestLabel, rows_min=0, rows_max=BACKTEST_LABELS_MAX, texts=True
)
CARD_BACKTEST: Final = Listed(CardBacktest, "labels", BacktestLabel, rows_min=0, rows_max=BACKTEST_LABELS_MAX)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body as its type. Raises ProblemError: malformed_json, or invalid_field with the field's path."""
    return _checked(decoder, body, "")


def _checked(decoder: msgspec.json.Decoder[T], body: bytes, path: str) -> T:
    """As `decode`, of a part of a body at `path`."""
    colons = body.count(b":")
    if colons > NAMES_MAX and not few_names(body):
        raise too_many_names(path)
    value = _decoded(decoder, body, path)
    if colons != _members(value):
        _refuse_repeats(body)
    return value


def decode_long(decoder: msgspec.json.Decoder[T], body: bytes) -> Steps[T]:
    """As `decode`, of a body with long texts and no Raw parts."""
    names = yield from names_of(body)
    if names > NAMES_MAX:
        raise too_many_names("")
    value = _decoded(decoder, body, "")
    yield
    if names != _members(value):
        _refuse_repeats(body)
    return value


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes, path: str) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        refused = error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ProblemError("malformed_json", no_json(body, str(error))) from None
    if len(body) > EXPLAINED_BYTES_MAX:
        raise wrong_field(str(refused), path)
    try:
        present = without_nulls(msgspec.json.decode(body), decoder.type)
    except (
        msgspec.DecodeError,
        ValueError,
        RecursionError,
    ):  # it goes wrong further on, too: a number beyond all bounds, or no JSON
        raise wrong_field(str(refused), path) from None
    try:
        return decoder.decode(msgspec.json.encode(present))
    except msgspec.ValidationError as error:
        raise explained(str(error), present, decoder.type, path) from None


def _refuse_repeats(body: bytes) -> None:
    """Raise ProblemError when an object of a body, known to be JSON of the right form, has a name twice."""
    try:
        _DUPLICATES.decode(body.decode())
    except _Repeated as error:
        raise invalid_field(error.name, "the field is given more than once") from None
    except (ValueError, RecursionError) as error:
        raise ProblemError("malformed_json", no_json(body, str(error))) from None


def _members(value: Any) -> int:
    """Members of the JSON objects that a value of a wire type was made of, repeated ones counted once: absent fields are UNSET."""
    if isinstance(value, Wire):
        fields = msgspec.structs.astuple(value)
        count = len(fields) - fields.count(UNSET)
        for field in fields:
            if type(field) not in _SINGLE:
                count += _members(field)
        return count
    if isinstance(value, dict):
        return len(value)
    return sum(map(_members, value)) if isinstance(value, list) else 0


_SINGLE: Final = frozenset((str, int, bool, type(UNSET), type(None)))
"""What has no members."""


class _Repeated(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = short(name)


def _no_repeats(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _Repeated(name)
        seen.add(name)


# The schema decoder keeps the last of two equal names; a payment with two amounts is refused. It runs after the schema's, on what
# is known to be shallow, and only when there are more colons than members: each member has one, so with as many of them as of
# members none was repeated. It is four times as slow as the schema's decoder.
_DUPLICATES: Final = json.JSONDecoder(object_pairs_hook=_no_repeats)
