"""What a change would give, exactly: the same kernel scores the wallet with the changed values.

Only what the holder can influence is answered: how they keep orders, pay and save. Never who they are or whom they know: nobody is told
to change these, and nobody learns from answers what another identity would get.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
import numpy as np

from models.credit.points_table import in_units
from models.credit.score import DAYS, PAYMENTS, WalletScore, WalletScorer, known_of
from models.evaluation import NULL
from models.scorecard import Characteristic

INFLUENCED: Final = ("history", "behaviour", "ability")
"""Dimensions in which a holder's own doing counts."""
FIXED: Final = frozenset({DAYS, PAYMENTS, "months_on_book", "days_since_overdue", "days_since_default"})
"""For how long and from how much a wallet is known, and how long ago something was: time alone changes it."""
LIFTS_MAX: Final = 5
"""As many pieces of advice as a person follows."""
CHANGES_MAX: Final = 64
"""More than a card in use has features that can be changed."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A value of one feature that alone would lift the score: the nearest one of its bin. `gain`: by as many points."""

    feature: str
    dimension: str
    value: float | int | str
    gain: int
    score: int
    band: str


class CannotChange(ValueError):
    """A feature that no answer is given for. `feature`: its name; `possible`: those that can be asked for."""

    def __init__(self, feature: str, why: str, possible: tuple[str, ...]) -> None:
        super().__init__(f"{feature}: {why}; possible are {', '.join(possible) or 'none'}")
        self.feature = feature
        self.possible = possible


class WhatIf:
    """A wallet card laid out for questions. `fixed`: features of the dimensions named above that no act of the holder changes."""

    def __init__(self, scorer: WalletScorer, fixed: Collection[str] = ()) -> None:
        self.scorer = scorer
        self._items: dict[str, list[Characteristic]] = {}
        for item in scorer.card.characteristics:
            self._items.setdefault(item.feature, []).append(item)
        self.possible = tuple(
            feature
            for feature, items in self._items.items()
            if feature not in FIXED and feature not in fixed and all(item.dimension in INFLUENCED for item in items)
        )

    def score(self, record: Mapping[str, Any], changes: Mapping[str, Any]) -> WalletScore:
        """The score with these values instead. Raises CannotChange for a feature that cannot be asked for, ValueError for a value that
        the card does not take."""
        if len(changes) > CHANGES_MAX:
            raise ValueError(f"at most {CHANGES_MAX} changes")
        for feature, value in changes.items():
            self._refuse(feature, value)
        return self.scorer.score({**record, **changes})

    def lifts(self, record: Mapping[str, Any], most: int = LIFTS_MAX) -> tuple[Change, ...]:
        """Changes of a single feature that would lift the score, the largest gain first, equal ones in the order of the card: of each
        feature the nearest value that gains the most. Empty where there is no score."""
        scorer = self.scorer
        columns = scorer.evaluator.columns
        own = scorer.evaluator.encode_record(record)[0]
        candidates = [(feature, value) for feature in self.possible for value in self._values(feature)]
        rows = [{**record, feature: value} for feature, value in candidates]
        encoded = np.concatenate([own[None], *(scorer.evaluator.encode_record(row) for row in rows)])
        known = np.repeat(known_of(record), len(encoded), axis=1)
        scores = scorer.score_encoded(encoded, known)
        if scores.causes[0]:
            return ()
        gains = scores.rows.totals[1:] - scores.rows.totals[0]
        best: dict[str, tuple[int, int, int]] = {}
        for at, (feature, _) in enumerate(candidates):
            place = columns[feature]
            far = abs(int(encoded[at + 1, place]) - int(own[place])) if own[place] != NULL else 0
            rank = (-int(gains[at]), far, at)
            best[feature] = min(best.get(feature, rank), rank)
        found = sorted(
            (rank[0], self.possible.index(feature), rank[2]) for feature, rank in best.items() if rank[0] < 0
        )
        return tuple(self._change(scorer.shown(scores, at + 1), *candidates[at], -gain) for gain, _, at in found[:most])

    def _change(self, there: WalletScore, feature: str, value: Any, gain: int) -> Change:
        assert there.score is not None and there.band is not None
        dimension = self._items[feature][0].dimension or ""
        return Change(feature=feature, dimension=dimension, value=value, gain=gain, score=there.score, band=there.band)

    def _values(self, feature: str) -> list[Any]:
        """One value in each bin of the feature's characteristics: the lowest of each, and the highest below the first edge."""
        items = self._items[feature]
        if items[0].categories is not None:
            return list(dict.fromkeys(text for item in items for group in item.categories or () for text in group))
        scale = items[0].scale
        edges = sorted({edge for item in items for edge in item.edges or ()})
        return [in_units(each, scale) for each in sorted({*edges, *(edge - 1 for edge in edges)})]

    def _refuse(self, feature: str, value: Any) -> None:
        if feature not in self._items:
            raise CannotChange(feature, "the card does not look at it", self.possible)
        if feature not in self.possible:
            raise CannotChange(feature, "it is not for the holder to change", self.possible)
        if value is None or value != value:
            raise ValueError(f"{feature}: give the value that it would have")
