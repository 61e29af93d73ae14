"""Weigh the weights of evidence of each column's bins by a regression.

A characteristic that beside the others would give more points for more risk is left out.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.scorecard import CHARACTERISTICS_MAX
from models.statistics import Floats, joined, logistic, rows_by_outcome
from models.training.binning import Bins, Column, Plan, bins_of, places_in, weights_of


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A column that the card does not use, and why."""

    feature: str
    why: str


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """Bins and how they are weighed, before any points. `places`: of their columns. `coefficients` are of good:bad, above zero;
    `intercept`: bad log odds of a row that gets zero everywhere."""

    bins: tuple[Bins, ...]
    places: tuple[int, ...]
    coefficients: Floats
    errors: Floats
    intercept: float
    left_out: tuple[LeftOut, ...]

    def log_odds(self, columns: Sequence[Column], rows: NDArray[np.intp]) -> Floats:
        """Good log odds of rows of the columns that it was made of."""
        found = np.full(len(rows), -self.intercept)
        for bins, place, coefficient in zip(self.bins, self.places, self.coefficients, strict=True):
            found += coefficient * weights_of(bins, columns[place].values[rows])
        return found


def weighed(
    columns: Sequence[Column],
    rows: NDArray[np.intp],
    bad: NDArray[np.int64],
    weights: Floats,
    plan: Plan,
    directions: Mapping[str, int],
    iv_min: float = 0.0,
) -> Model:
    """`bad` and `weights` are those of all rows. `directions`: 1 where risk may only rise with a column, -1 fall."""
    kept: list[tuple[int, Bins]] = []
    left_out = []
    for place, column in enumerate(columns):
        bins = bins_of(column, rows, bad, _directed(plan, directions.get(column.feature, 0)), weights)
        iv = bins.iv
        if np.ptp(bins.weights[bins.rows > 0]) > 0 and iv >= iv_min:
            kept.append((place, bins))
        else:
            left_out.append(LeftOut(feature=column.feature, why=f"information value {iv:.4f}"))
    for place, bins in sorted(kept, key=lambda each: -each[1].iv)[CHARACTERISTICS_MAX:]:
        why = f"a card has {CHARACTERISTICS_MAX} characteristics at most, and {bins.iv:.4f} is less information value than theirs"
        left_out.append(LeftOut(feature=bins.feature, why=why))
        kept = [each for each in kept if each[0] != place]
    counts = rows_by_outcome(bad[rows], weights[rows])
    average = float(np.log(counts[1].sum() / counts[0].sum()))
    alike = [places_in(bins, columns[place].values[rows]) for place, bins in kept]
    fitted, start = None, None
    while kept:
        alike, counts = joined(alike, counts)
        inputs = np.column_stack([bins.weights[at] for (_, bins), at in zip(kept, alike, strict=True)])
        fitted = logistic(inputs, counts[0], counts[1], start=start)
        worst = int(np.argmax(fitted.coefficients))
        if fitted.coefficients[worst] < 0:
            break
        why = "beside the others it would give more points for more risk"
        left_out.append(LeftOut(feature=kept.pop(worst)[1].feature, why=why))
        alike.pop(worst)
        start = np.delete(np.append(fitted.intercept, fitted.coefficients), worst + 1)
    return Model(
        bins=tuple(bins for _, bins in kept),
        places=tuple(place for place, _ in kept),
        coefficients=-fitted.coefficients if fitted and kept else np.zeros(0),
        errors=fitted.errors if fitted and kept else np.zeros(0),
        intercept=fitted.intercept if fitted and kept else average,
        left_out=tuple(left_out),
    )


def _directed(plan: Plan, direction: int) -> Plan:
    """The plan as it holds for a column whose direction is asked for."""
    if not direction:
        return plan
    return msgspec.structs.replace(plan, shapes=("rise",) if direction > 0 else ("fall",))
