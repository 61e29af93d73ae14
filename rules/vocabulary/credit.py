"""Columns of a credit scenario's condition and grant: one int64 a field, in a fixed order.

`NULL` marks what is not known. Amounts are in minor units of the wallet's currency.

Every field belongs to a category of data; a scenario names the categories that it uses, and a consent tells them to the holder.
"""

import re
from collections.abc import Mapping
from typing import Final

from models.prohibited import prohibited_word
from rules.vocabulary.catalogue import BOOL, CURRENCY, INT, NOT_GIVEN, Field, Type, Vocabulary

SCORE_MIN: Final = 350
SCORE_MAX: Final = 950
BAND_EDGES: Final = (550, 600, 650, 700)
"""Scores from which on a wallet is in the next band."""
BANDS: Final = len(BAND_EDGES) + 1
DIMENSIONS: Final = ("history", "behaviour", "ability", "identity", "relations")
"""Subtotals of a score, which add up to it."""

_NO_RELATIONS: Final = "the score has no such dimension"


def _field(
    name: str,
    meaning: str,
    unit: str = "",
    *,
    type_: Type = INT,
    unknown: str = "",
    range: tuple[int, int] | None = None,
) -> Field:
    return Field(
        name=name,
        column=name,
        type=type_,
        meaning=meaning,
        unit=unit or (f"{range[0]}..{range[1]}" if range else ""),
        unknown=unknown,
        range=range,
    )


_ALL: Final = (
    _field("amount", "what the merchant asks for", "minor units", unknown=NOT_GIVEN),
    _field("cap", "the scenario's cap in the wallet's currency", "minor units"),
    _field("currency", "the wallet's currency", type_=CURRENCY),
    _field("score", "the wallet's published score", range=(SCORE_MIN, SCORE_MAX)),
    _field("band", "its band: 1 below 550, 2 from 550, 3 from 600, 4 from 650, 5 from 700 on", range=(1, BANDS)),
    _field("score_age_days", "time since the score's data end", "days"),
    _field("history", "subtotal of the dimension history", "points", unknown=_NO_RELATIONS),
    _field("behaviour", "subtotal of the dimension behaviour", "points", unknown=_NO_RELATIONS),
    _field("ability", "subtotal of the dimension ability", "points", unknown=_NO_RELATIONS),
    _field("identity", "subtotal of the dimension identity", "points", unknown=_NO_RELATIONS),
    _field("relations", "subtotal of the dimension relations", "points", unknown=_NO_RELATIONS),
    _field("open_orders", "service orders of the wallet that are not over"),
    _field("overdue_orders", "of them, those past their due time"),
    _field("defaulted_orders", "service orders of the wallet that were never paid in time and are not cured"),
    _field("kept_orders", "service orders of the wallet that were paid"),
    _field("tier", "tier of the wallet", range=(0, 255)),
    _field("months_on_book", "age of the wallet", "months of 30 days"),
    _field("disputed", "whether the holder disputes an entry and the answer is due", type_=BOOL),
)

CREDIT_FIELDS: Final[Mapping[str, Field]] = {field.name: field for field in _ALL}
CREDIT_COLUMNS: Final = tuple(CREDIT_FIELDS)
"""In this order; further ones go to the end."""
CREDIT_INDEX: Final = {name: position for position, name in enumerate(CREDIT_COLUMNS)}

CATEGORY: Final[Mapping[str, str]] = {
    "score": "score",
    "band": "score",
    "score_age_days": "score",
    **{name: name for name in DIMENSIONS},
    **{name: "orders" for name in ("open_orders", "overdue_orders", "defaulted_orders", "kept_orders")},
    "tier": "account",
    "months_on_book": "account",
    "disputed": "disputes",
}
"""Categories of data by field. What the merchant itself asks, the cap and the currency are no data about a person."""
CATEGORIES: Final = tuple(dict.fromkeys(CATEGORY.values()))

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
PRICE_WORDS: Final = frozenset(
    "price prices pricing fee fees interest apr discount discounts surcharge margin markup commission premium "
    "tariff cost costs".split()
)
"""No scenario sets a price, by whatever name."""
_PERSONAL_WORDS: Final = frozenset(
    "willingness pay propensity elasticity spend spending basket loyalty urgency visits searches device browser "
    "brand address neighbourhood".split()
)
"""What would tell how much somebody is ready to pay."""


def words_of(name: str) -> list[str]:
    """Small words that a name is made of."""
    return [word.lower() for word in _WORD.findall(name)]


def price_word(name: str) -> str:
    """The word for which a field of this name is refused as a price, empty when there is none."""
    return next((word for word in words_of(name) if word in PRICE_WORDS), "")


def refused(name: str) -> str:
    """Why a scenario may not look at what is called so, empty when nothing speaks against it."""
    prohibited = prohibited_word(name)
    if prohibited is not None:
        return f"nobody is judged by {prohibited}, it is a prohibited input"
    if price_word(name):
        return "no scenario sets a price, nor depends on one"
    if set(words_of(name)) & _PERSONAL_WORDS:
        return "personal terms that depend on the willingness to pay are refused"
    return ""


CREDIT: Final = Vocabulary(
    fields=CREDIT_FIELDS, windows={}, index=CREDIT_INDEX, page="docs/reference/scenarios.md", refused=refused
)
"""Of scenarios."""
