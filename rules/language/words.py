"""Words become numbers: what a text in a pack stands for, by the type that it is compared with."""

from itertools import chain
from typing import Final

from models.scorecard import Characteristic
from rules.language.problems import did_you_mean, shortened
from rules.vocabulary.catalogue import WORDS, Type

WORDS_LISTED_MAX: Final = 16


def word_number(type_: Type, word: str, *, stored: bool = False) -> int:
    """The number of a word. `stored`: in a pack that was published when words were not compared with those in use. Raises ValueError with
    what was expected, a hint after a semicolon."""
    domain = type_.domain
    assert domain is not None
    if domain.words is None:
        assert domain.number is not None
        return domain.number(word)
    in_use = domain.words if domain.in_use is None or stored else domain.in_use
    if word in in_use:
        return domain.words[word]
    if word in domain.near:
        hint = f"write {domain.near[word]}"
    elif len(domain.words) <= WORDS_LISTED_MAX:
        hint = did_you_mean(word, domain.words, "known are " + ", ".join(domain.words))
    else:
        hint = did_you_mean(word, sorted(in_use))
    raise ValueError(f"{shortened(word)!r} is no {domain.name}, {domain.expected}" + (f"; {hint}" if hint else ""))


def check_categories(item: Characteristic) -> None:
    """A category that stands for nothing, like the country UK, gets its points from no payment. Raises ValueError."""
    if item.categories is None or item.feature not in WORDS:
        return
    for word in chain.from_iterable(item.categories):
        try:
            word_number(WORDS[item.feature], word)
        except ValueError as error:
            raise ValueError(f"the card's {item.feature}: {error}") from None
