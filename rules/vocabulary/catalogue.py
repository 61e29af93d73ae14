"""The catalogue of what a rule may name.

Each field's column, type, unit and meaning, the windows and the functions over them.

A word (country, currency, channel ...) is a number in its column; its domain knows the number of each word.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from rules.vocabulary.columns import DAY_MS, HOUR_MS, INDEX, NULL, WINDOW_NAMES
from rules.vocabulary.countries import IN_USE, NEAR
from rules.vocabulary.currencies import NUMERIC
from rules.vocabulary.encodings import COUNTRIES, Channel, Label, WalletKind, device_number, wallet_number


class Domain(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The words of one kind of text. `words`: number by word, None where there are too many to list; then `number` makes them. `in_use`:
    those of the words that stand for something, where not all do; `near`: what is meant by words that do not."""

    name: str
    expected: str
    words: Mapping[str, int] | None = None
    number: Callable[[str], int] | None = None
    in_use: frozenset[str] | None = None
    near: Mapping[str, str] = {}


class Type(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A type of the language. Two types are the same only if they are the same object."""

    name: str
    domain: Domain | None = None


def _text(domain: Domain) -> Type:
    return Type(name=domain.name, domain=domain)


INT: Final = Type(name="int")
BOOL: Final = Type(name="bool")
TIME: Final = Type(name="timestamp")
NULL_TYPE: Final = Type(name="null")
TEXT: Final = Type(name="string")
"""A text that nothing has given a domain yet."""

COUNTRY: Final = _text(
    Domain(
        name="country",
        expected="two letters of ISO 3166-1 like MM",
        words={text: number for number, text in COUNTRIES.items()},
        in_use=IN_USE,
        near=NEAR,
    )
)
CURRENCY: Final = _text(Domain(name="currency", expected="an ISO 4217 code like EUR", words=NUMERIC))
CHANNEL: Final = _text(
    Domain(name="channel", expected="one of the channels", words={item.name.lower(): int(item) for item in Channel})
)
KIND: Final = _text(
    Domain(name="kind", expected="one of the payment kinds", words={item.name.lower(): int(item) for item in Label})
)
WALLET_KIND: Final = _text(
    Domain(
        name="wallet_kind",
        expected="one of the wallet kinds",
        words={item.name.lower(): int(item) for item in WalletKind},
    )
)
DEVICE: Final = _text(Domain(name="device", expected="a device's name", number=device_number))
WALLET: Final = _text(Domain(name="wallet", expected="a wallet id", number=wallet_number))


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One name of the language. `unknown`: whether it can be null, and when; empty: it is always known. `range`: the first and last number
    that it can be."""

    name: str
    column: str
    type: Type
    meaning: str
    unit: str = ""
    unknown: str = ""
    range: tuple[int, int] | None = None

    @property
    def usual(self) -> int:
        """What a test of a pack has in the column when it gives nothing: nothing happened yet, a user pays a user, the rest unknown."""
        if self.unknown not in ("", _OPERATOR):
            return NULL
        return _USUAL.get(self.name, 0)


_OPERATOR: Final = "an operator wallet pays"
NOT_GIVEN: Final = "not given"
"""What a caller can leave out."""
_USUAL: Final = {
    "currency": NUMERIC["XXX"],
    "payer_kind": 1,
    "payee_kind": 1,
    "weekday": 1,
    "effective_time": 4 * DAY_MS,
}
"""The hour 0 of a Monday, 1970-01-05."""


def _field(
    name: str,
    type_: Type,
    meaning: str,
    unit: str = "",
    *,
    unknown: str = "",
    column: str | None = None,
    range: tuple[int, int] | None = None,
) -> Field:
    return Field(
        name=name,
        column=column or name,
        type=type_,
        meaning=meaning,
        unit=unit or (f"{range[0]}..{range[1]}" if range else ""),
        unknown=unknown,
        range=range,
    )


_ALL: Final = (
    _field("amount", INT, "what is to be paid", "minor units"),
    _field("currency", CURRENCY, "its currency"),
    _field("kind", KIND, "what the caller says the payment is", column="label"),
    _field("hold", BOOL, "whether the money is to be held only"),
    _field("channel", CHANNEL, "where the payment was made"),
    _field("country", COUNTRY, "where the payment was made", unknown=NOT_GIVEN),
    _field("device", DEVICE, "name of the payer's device; only a 32-bit hash of it is compared", unknown=NOT_GIVEN),
    _field("hour", INT, "hour of the day of the effective time, UTC", range=(0, 23)),
    _field("weekday", INT, "day of the week of the effective time, UTC, Monday first", range=(1, 7)),
    _field("effective_time", TIME, "when the payment counts"),
    _field("payer", WALLET, "wallet that pays"),
    _field("payer_kind", WALLET_KIND, "kind of the payer's wallet"),
    _field("payer_age_days", INT, "age of the payer's wallet", "days", unknown=_OPERATOR),
    _field("payer_tier", INT, "tier of the payer's wallet", range=(0, 255), unknown=_OPERATOR),
    _field("payer_available", INT, "what the payer could pay, before this payment", "minor units", unknown=_OPERATOR),
    _field(
        "payer_score",
        INT,
        "the payer's credit score, as it was last published",
        range=(350, 950),
        unknown="none is published",
    ),
    _field("payer_day_total", INT, "what left the payer's wallet today", "minor units", unknown=_OPERATOR),
    _field("payer_credits", INT, "all that was ever credited to the payer", "minor units", unknown=_OPERATOR),
    _field("payer_debits", INT, "all that was ever debited from the payer", "minor units", unknown=_OPERATOR),
    _field("payer_credited", INT, "the payer's newest credit", "minor units", unknown="none is known"),
    _field("payer_credited_ago_s", INT, "time since the payer's newest credit", "seconds", unknown="none is known"),
    _field("payee", WALLET, "wallet that is paid"),
    _field("payee_kind", WALLET_KIND, "kind of the payee's wallet"),
    _field("payee_age_days", INT, "age of the payee's wallet", "days"),
    _field("payee_tier", INT, "tier of the payee's wallet", range=(0, 255)),
    _field("payee_seen", INT, "the payer's attempts to this payee in the last seven days", unknown=_OPERATOR),
)

FIELDS: Final[Mapping[str, Field]] = {field.name: field for field in _ALL}
"""Fields by name."""


WORDS: Final[Mapping[str, Type]] = {
    field.column: field.type for field in _ALL if field.type.domain is not None and field.type.domain.words is not None
}
"""Types of columns that hold words of a list, by column."""

CODES: Final[Mapping[str, Mapping[str, int]]] = {
    column: type_.domain.words
    for column, type_ in WORDS.items()
    if type_.domain is not None and type_.domain.words is not None
}
"""What scorecards call categories: number by word, by column."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A function over a window of the payer's earlier attempts; `column` is completed with the window's name."""

    name: str
    column: str
    type: Type
    meaning: str
    unit: str = ""


WINDOWS: Final[Mapping[str, Window]] = {
    window.name: window
    for window in (
        Window(name="count", column="count", type=INT, meaning="attempts to pay"),
        Window(name="sum", column="sum", type=INT, meaning="their amounts together", unit="minor units"),
        Window(name="max", column="max", type=INT, meaning="the largest of them", unit="minor units"),
        Window(name="distinct_payees", column="payees", type=INT, meaning="different payees among them"),
        Window(
            name="saturated",
            column="saturated",
            type=BOOL,
            meaning="whether more happened than is remembered, so the others are lower bounds",
        ),
    )
}
"""Window functions by name; each takes one of `WINDOW_NAMES`."""

INPUTS: Final[Mapping[str, Field]] = {
    **FIELDS,
    **{
        f'{window.name}("{name}")': _field(
            f'{window.name}("{name}")',
            window.type,
            window.meaning,
            window.unit,
            unknown=_OPERATOR,
            column=f"{window.column}_{name}" if window.type is INT else window.column,
        )
        for window in WINDOWS.values()
        for name in WINDOW_NAMES
    },
}
"""What a test of a pack may give: fields, and windows as a rule writes them."""


def _nothing_refused(name: str) -> str:
    return ""


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What expressions of one sort of document may name. `index`: numbers of columns; `page`: of the reference; `refused`: why a name that
    is no field is refused for what it says, empty when it is not."""

    fields: Mapping[str, Field]
    windows: Mapping[str, Window]
    index: Mapping[str, int]
    page: str
    refused: Callable[[str], str] = _nothing_refused


PAYMENTS: Final = Vocabulary(fields=FIELDS, windows=WINDOWS, index=INDEX, page="docs/reference/rules.md")
"""Of rule packs."""


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """A method of a time: what a clock shows, in UTC or in a time zone. It shows `unit_ms` long units, `cycle` of them over and over; 1970
    began with the unit `first`."""

    name: str
    unit_ms: int
    cycle: int
    first: int
    meaning: str

    @property
    def range(self) -> tuple[int, int]:
        """What it can be."""
        return 0, self.cycle - 1


CLOCKS: Final[Mapping[str, Clock]] = {
    clock.name: clock
    for clock in (
        Clock(name="getHours", unit_ms=HOUR_MS, cycle=24, first=0, meaning="hour of the day"),
        Clock(name="getMinutes", unit_ms=60_000, cycle=60, first=0, meaning="minute of the hour"),
        Clock(name="getDayOfWeek", unit_ms=DAY_MS, cycle=7, first=4, meaning="day of the week, Sunday is 0"),
    )
}
"""Methods of times by name, as in CEL."""


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function or operator, for the reference."""

    form: str
    meaning: str


FUNCTIONS: Final = (
    Function(
        form="+ - * / % (int)",
        meaning="whole numbers of 64 bits; division cuts towards zero; overflow and division by zero: not evaluated",
    ),
    Function(form="== !=", meaning="equality of numbers, truth values, timestamps, words of one kind"),
    Function(form="< <= > >=", meaning="order of numbers and timestamps"),
    Function(
        form="&& || !", meaning="and, or, not; a part that was not evaluated does no harm when the other part decides"
    ),
    Function(form="c ? a : b", meaning="a if c holds, else b"),
    Function(form='x in ["A", "B"], x in lists.NAME', meaning="whether a list has x"),
    Function(
        form='x.startsWith("A")',
        meaning="whether a word begins so; for country, currency, channel, kind, payer_kind, payee_kind",
    ),
    Function(form="x == null, x != null", meaning="whether a field is unknown, or known"),
    Function(form='timestamp("2026-01-31T12:00:00Z")', meaning="a moment, RFC 3339 in UTC"),
    *(
        Function(
            form=f'effective_time.{clock.name}("Europe/Berlin")',
            meaning=f"{clock.meaning}, {clock.range[0]}..{clock.range[1]}, on clocks there; in UTC without a time zone",
        )
        for clock in CLOCKS.values()
    ),
)
"""Operators and functions besides those over windows."""
