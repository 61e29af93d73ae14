"""Refuse columns that a person may not be judged by.

A card may name one and say why it is used.

The words are those of the United States' Regulation B (sex, marital status, race, colour, religion, national origin) and of the European
Union's Charter, article 21, without age, which both allow to be used under conditions. A name is cut into words at every
change of case, digit and sign, so `SEX`, `applicant_sex` and `maritalStatus` are found and `sextant` is not. A column under
another name, or one that stands for a prohibited one, is not found: that remains the analyst's to answer for.
"""

import re
from itertools import pairwise
from typing import Final

WORDS: Final = frozenset(
    "sex gender male female marital marriage married unmarried divorced widowed spouse religion religious church faith "
    "race racial ethnic ethnicity caste tribe nationality citizenship foreign foreigner immigrant disability "
    "disabled pregnancy pregnant sexuality".split()
)
CATEGORY_WORDS: Final = frozenset("male female married unmarried divorced widowed".split())
PAIRS: Final = frozenset(
    [
        ("civil", "status"),
        ("family", "status"),
        ("national", "origin"),
        ("country", "birth"),
        ("birth", "country"),
        ("birth", "place"),
        ("skin", "color"),
        ("skin", "colour"),
        ("genetic", "data"),
        ("trade", "union"),
        ("political", "opinion"),
        ("political", "party"),
        ("sexual", "orientation"),
    ]
)

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def prohibited_word(name: str) -> str | None:
    """The word, or pair of words, for which a feature of this name is refused."""
    words: list[str] = [word.lower() for word in _WORD.findall(name) if word.lower() != "of"]
    for word in words:
        if word in WORDS:
            return word
    for pair in pairwise(words):
        if pair in PAIRS:
            return " ".join(pair)
    return None


def prohibited_category(text: str) -> str | None:
    """The word for which a column that holds this category is refused, whatever its name: a person's sex or marital status."""
    for word in _WORD.findall(text):
        if word.lower() in CATEGORY_WORDS:
            return str(word.lower())
    return None
