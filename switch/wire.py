"""What comes in: strict types, no unknown or repeated fields, every length bounded. What is not exactly as documented is refused.

Decoding is by schema, so nesting never goes deeper than the schema's own four levels: the first value of a wrong type ends it.
"""

import ipaddress
import json
import re
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from actors.ledger.admission import HOLD_SECONDS_MAX
from actors.ledger.layout import AMOUNT_MAX, Channel, Label, WalletKind
from actors.scoring.deployment import Mode
from rules.split import SHARE_MAX
from switch.problems import ProblemError, invalid_field
from switch.shares import STEP_ROWS, Steps

T = TypeVar("T")
R = TypeVar("R")

TRANSFERS_MAX: Final = 10_000
WALLETS_MAX: Final = 10_000
KEY_CHARACTERS_MAX: Final = 255
BACKTEST_LABELS_MAX: Final = 100_000

# PostgreSQL text cannot hold NUL, so names that go there must not.
_NO_NUL: Final = r"^[^\x00]*\Z"

Id = Annotated[str, Meta(min_length=36, max_length=36)]
Amount = Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
Currency = Annotated[str, Meta(min_length=3, max_length=3)]
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=_NO_NUL)]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=40, pattern=_NO_NUL)]
MetadataText = Annotated[str, Meta(max_length=500, pattern=_NO_NUL)]
Metadata = Annotated[dict[MetadataKey, MetadataText], Meta(max_length=50)]
# What takes more than 64 bits cannot be digested, and few readers of the answer would take it.
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Attributes = Annotated[dict[MetadataKey, MetadataText | Integer | float | bool | None], Meta(max_length=50)]
DocumentName = Annotated[str, Meta(min_length=1, max_length=64, pattern=_NO_NUL)]
Version = Annotated[int, Meta(ge=1, lt=2**31)]
Key = Annotated[str, Meta(min_length=1, max_length=KEY_CHARACTERS_MAX, pattern=r"^[ -~]+\Z")]


class _Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Base of what is read."""


class Context(_Wire, frozen=True, kw_only=True, omit_defaults=True):
    """Where and how a payment was made; `device` is any name the caller has for it."""

    channel: str | UnsetType = UNSET
    device: Annotated[str, Meta(min_length=1, max_length=64)] | UnsetType = UNSET
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] | UnsetType = UNSET
    ip: Annotated[str, Meta(max_length=45)] | UnsetType = UNSET


class Transfer(_Wire, frozen=True, kw_only=True):
    """POST /v1/transfers. `expires_in`: seconds that an amount is held."""

    payer: Id
    payee: Id
    amount: Amount
    currency: Currency
    after: Id | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    reference: Annotated[str, Meta(max_length=256)] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    context: Context | UnsetType = UNSET
    hold: bool | UnsetType = UNSET
    expires_in: Annotated[int, Meta(ge=1, le=HOLD_SECONDS_MAX)] | UnsetType = UNSET


class KeyedTransfer(Transfer, frozen=True, kw_only=True):
    """One row of POST /v1/transfers/batch. `effective_at` needs the scope import."""

    idempotency_key: Key
    effective_at: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET


class TransferBatch(_Wire, frozen=True, kw_only=True):
    """POST /v1/transfers/batch: `transfers` is a list of KeyedTransfer. `linked`: all or none."""

    transfers: Raw
    linked: bool | UnsetType = UNSET


class Capture(_Wire, frozen=True, kw_only=True):
    """POST /v1/transfers/{id}/capture. Without an amount all that is left; `final`, true unless said otherwise, releases the rest."""

    amount: Amount | UnsetType = UNSET
    final: bool | UnsetType = UNSET


class Refund(_Wire, frozen=True, kw_only=True):
    """POST /v1/transfers/{id}/refund. Without an amount all that is left."""

    amount: Amount | UnsetType = UNSET


class NewWallet(_Wire, frozen=True, kw_only=True):
    """POST /v1/wallets. `floor`: lowest posted balance less held; negative for credit."""

    currency: Currency
    kind: str
    external_id: Name | UnsetType = UNSET
    owner: Name | UnsetType = UNSET
    floor: Annotated[int, Meta(ge=-AMOUNT_MAX, le=0)] | UnsetType = UNSET
    tier: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    attributes: Attributes | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class WalletBatch(_Wire, frozen=True, kw_only=True):
    """POST /v1/wallets/batch: `wallets` is a list of NewWallet."""

    wallets: Raw


class WalletPatch(_Wire, frozen=True, kw_only=True):
    """PATCH /v1/wallets/{id}; null clears a field."""

    tier: Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    owner: Name | UnsetType | None = UNSET
    attributes: Attributes | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class PackText(_Wire, frozen=True, kw_only=True):
    """PUT /v1/rule-packs/{name} as JSON; as YAML the body is the text. `files`: the texts of lists that it names."""

    text: str
    files: dict[str, str] | UnsetType = UNSET


class PackMode(_Wire, frozen=True, kw_only=True):
    """POST /v1/rule-packs/{name}/mode. `version`: the newest unless given; `share`: of the wallets, per mille, for a challenger."""

    mode: Mode
    version: Version | UnsetType = UNSET
    share: Annotated[int, Meta(ge=1, le=SHARE_MAX)] | UnsetType = UNSET


class CardMode(PackMode, frozen=True, kw_only=True):
    """POST /v1/scorecards/{name}/mode. `version`: of the card, the newest unless given; `pack`: through which it decides,
    the live one unless given."""

    pack: DocumentName | UnsetType = UNSET


class BacktestLabel(_Wire, frozen=True, kw_only=True):
    """What is known of a payment, named by its `id`, or by the `idempotency_key` of its request with the `wallet` that pays (that is paid,
    when an operator wallet pays)."""

    label: bool
    id: Id | UnsetType = UNSET
    wallet: Id | UnsetType = UNSET
    idempotency_key: Key | UnsetType = UNSET


class BacktestAsked(_Wire, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """What backtests have in common. Effective times; a document that is published: `name` with `version`, the newest unless given;
    `labels` is a list of BacktestLabel."""

    name: DocumentName | UnsetType = UNSET
    version: Version | UnsetType = UNSET
    since: str | UnsetType = UNSET
    until: str | UnsetType = UNSET
    labels: Raw | UnsetType = UNSET


class PackBacktest(BacktestAsked, frozen=True, kw_only=True):
    """POST /v1/rule-packs/backtest. A pack: `text` with `files`, or one that is published."""

    text: str | UnsetType = UNSET
    files: dict[str, str] | UnsetType = UNSET


class CardBacktest(BacktestAsked, frozen=True, kw_only=True):
    """POST /v1/scorecards/backtest. A scorecard: `document`, or one that is published; `pack` as in CardMode."""

    document: Raw | UnsetType = UNSET
    pack: DocumentName | UnsetType = UNSET


class Empty(_Wire, frozen=True, kw_only=True):
    """A call that takes no fields."""


TRANSFER: Final = msgspec.json.Decoder(Transfer)
CAPTURE: Final = msgspec.json.Decoder(Capture)
REFUND: Final = msgspec.json.Decoder(Refund)
NEW_WALLET: Final = msgspec.json.Decoder(NewWallet)
WALLET_PATCH: Final = msgspec.json.Decoder(WalletPatch)
PACK_TEXT: Final = msgspec.json.Decoder(PackText)
PACK_MODE: Final = msgspec.json.Decoder(PackMode)
CARD_MODE: Final = msgspec.json.Decoder(CardMode)
EMPTY: Final = msgspec.json.Decoder(Empty)

LABELS: Final = {label.name.lower(): int(label) for label in Label}
CHANNELS: Final = {channel.name.lower(): int(channel) for channel in Channel}
WALLET_KINDS: Final = {kind.name.lower(): kind for kind in WalletKind if kind is not WalletKind.SUSPENSE}
"""Kinds that can be created; suspense wallets are built in."""

_AT: Final = re.compile(r"^(?P<message>.*?)(?: - at `(?:key` in `)?\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"(?:unknown|required) field `(?P<name>.*)`$", re.DOTALL)
_MESSAGE_CHARACTERS_MAX: Final = 200


class Listed(Generic[T, R]):
    """Bodies that are a list with something around it, `field` its name: rows are cut out and decoded one by one, so that others get their
    turn and no more of them are looked at than there may be."""

    def __init__(self, body: type[T], field: str, row: type[R], *, rows_min: int, rows_max: int) -> None:
        self._body = msgspec.json.Decoder(body)
        self._field = field
        self._row = msgspec.json.Decoder(row)
        self._rows_min = rows_min
        self._rows_max = rows_max

    def decode(self, body: bytes) -> Steps[tuple[T, list[R]]]:
        """What is around the list, and its rows. Raises as `decode`."""
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
            _refuse_repeats(body.replace(text, b"null", 1) if text else body)
        return value, rows

    def _rows(self, text: bytes) -> Steps[tuple[list[R], int]]:
        """The rows of a list, and the colons in them. That the text is JSON is known."""
        if text[:1] != b"[":
            raise invalid_field(self._field, "Expected `array`")
        rows: list[R] = []
        at, colons = 1, 0
        while (at := _end_of(_GAP, text, at)) < len(text) - 1:
            path = f"{self._field}[{len(rows)}]"
            if len(rows) == self._rows_max:
                raise invalid_field(self._field, f"Expected `array` of length <= {self._rows_max}")
            if text[at] != _OPENING[0]:
                raise invalid_field(path, "Expected `object`")
            end = yield from _end_of_object(text, at)
            row = text[at:end]
            colons += row.count(b":")
            rows.append(_checked(self._row, row, path))
            if len(rows) % STEP_ROWS == 0:
                yield
            at = end
        if len(rows) < self._rows_min:
            raise invalid_field(self._field, f"Expected `array` of length >= {self._rows_min}")
        return rows, colons


_COUNTED_BYTES: Final = 1 << 20
"""Searched in one step: half a millisecond."""
_STEP_BRACKETS: Final = 512
"""Brackets of one row passed in one step: a row that is right has six."""
_OPENING: Final = b"{["
_GAP: Final = re.compile(rb"[\s,]*+")
_TO_BRACKET: Final = re.compile(rb'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"\[\]{}]*+)*+', re.DOTALL)


def _end_of(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    match = pattern.match(text, at)
    assert match is not None, "it matches nothing, too"
    return match.end()


def _end_of_object(text: bytes, at: int) -> Steps[int]:
    """Where the JSON object that begins at a place ends."""
    depth = brackets = 0
    while True:
        at = _end_of(_TO_BRACKET, text, at) + 1
        depth += 1 if text[at - 1] in _OPENING else -1
        if not depth:
            return at
        brackets += 1
        if brackets % _STEP_BRACKETS == 0:
            yield


TRANSFER_BATCH: Final = Listed(TransferBatch, "transfers", KeyedTransfer, rows_min=1, rows_max=TRANSFERS_MAX)
WALLET_BATCH: Final = Listed(WalletBatch, "wallets", NewWallet, rows_min=1, rows_max=WALLETS_MAX)
PACK_BACKTEST: Final = Listed(PackBacktest, "labels", BacktestLabel, rows_min=0, rows_max=BACKTEST_LABELS_MAX)
CARD_BACKTEST: Final = Listed(CardBacktest, "labels", BacktestLabel, rows_min=0, rows_max=BACKTEST_LABELS_MAX)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body as its type. Raises ProblemError: malformed_json, or invalid_field with the field's path."""
    return _checked(decoder, body, "")


def _checked(decoder: msgspec.json.Decoder[T], body: bytes, path: str) -> T:
    """As `decode`, of a part of a body at `path`."""
    value = _decoded(decoder, body, path)
    if body.count(b":") != _members(value):
        _refuse_repeats(body)
    return value


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes, path: str) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _field_problem(str(error), path) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ProblemError("malformed_json", _short(str(error))) from None


def _refuse_repeats(body: bytes) -> None:
    """Raise ProblemError when an object of a body, known to be JSON of the right form, has a name twice."""
    try:
        _DUPLICATES.decode(body.decode())
    except _Repeated as error:
        raise invalid_field(error.name, "the field is given more than once") from None
    except (ValueError, RecursionError) as error:
        raise ProblemError("malformed_json", _short(str(error))) from None


def _members(value: Any) -> int:
    """Members of the JSON objects that a value of a wire type was made of, repeated ones counted once: absent fields are UNSET."""
    if isinstance(value, dict):
        return len(value)
    if isinstance(value, list):
        return sum(map(_members, value))
    if not isinstance(value, _Wire):
        return 0
    count = 0
    for name in value.__struct_fields__:
        field = getattr(value, name)
        if field is not UNSET:
            count += 1 if isinstance(field, str | int) else 1 + _members(field)
    return count


class _Repeated(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = _short(name)


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


def _field_problem(text: str, before: str) -> ProblemError:
    match = _AT.match(text)
    assert match is not None
    path = match["path"] or ""
    if before:
        path = f"{before}{path if path.startswith('[') else '.' * bool(path) + path}"
    field = _FIELD.search(match["message"])
    if field is not None:
        path = f"{path}.{field['name']}" if path else field["name"]
    return invalid_field(_short(path), _short(match["message"]))


def _short(text: str) -> str:
    """Text from outside, cut to a length that is safe to give back."""
    return text if len(text) <= _MESSAGE_CHARACTERS_MAX else text[:_MESSAGE_CHARACTERS_MAX] + "..."


def named(table: dict[str, Any], value: str | UnsetType, default: Any, field: str) -> Any:
    """The number that a name stands for. Raises invalid_field with the names there are."""
    if value is UNSET:
        return default
    try:
        return table[value]
    except KeyError:
        raise invalid_field(field, f"expected one of: {', '.join(table)}") from None


def check_ip(text: str, field: str) -> None:
    """Refuse what is no IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise invalid_field(field, "an IPv4 or IPv6 address is expected") from None
