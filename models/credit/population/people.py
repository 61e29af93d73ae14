"""Hidden traits, and the chance that they give, from which alone it is drawn who defaults.

So nobody who knows less can order people better than by that chance: it is the best possible predictor, and what it reaches is the
most that any card can.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.credit.population.draws import Draws, Numbers
from models.statistics import Floats, probability

DAYS: Final = 365
NEWCOMERS: Final = 0.25
"""Share of people whose wallet was opened during the year, on any of its days; the others had it when the year began."""
SETBACKS: Final = 0.14
"""Share of people who lose most of their income on some day of the last two thirds of the year."""
OCCASIONAL: Final = -2.0
"""Log odds of somebody average to use the wallet in some months only; `OCCASIONAL_MORE` is added for one less of discipline."""
OCCASIONAL_MORE: Final = 0.5
LOG_ODDS: Final = -3.7
"""Of defaulting, of somebody who is average in everything."""
WEIGHTS: Final = {
    "discipline": -0.85,
    "prudence": -0.55,
    "means": -0.35,
    "steadiness": -0.3,
    "ties": -0.3,
    "setback": 1.6,
    "occasional": 0.5,
    "newness": 2.0,
}
"""What one more of a trait adds to the log odds of defaulting; `newness` is 1 for a wallet that is opened when the year ends."""
INCOME_MINOR: Final = 220_000
"""Of a month, of somebody with average means."""
INCOME_SPREAD: Final = 0.45
"""Standard deviation of the logarithm of income."""
NEVER: Final = 10**6
"""A day that does not come."""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Columns (n,). Traits have mean 0 and variance 1: `discipline` keeps what was agreed, `prudence` spends less than it earns, `means`
    earns more, `steadiness` earns on fixed days, `ties` has more people to pay. `opened`: day of the year; `setback`: day on which income
    falls, NEVER if it does not; `occasional`: uses the wallet in some months only; `income`: of a month, before a setback; `chance`: of
    defaulting in the months after."""

    discipline: Floats
    prudence: Floats
    means: Floats
    steadiness: Floats
    ties: Floats
    opened: Numbers
    setback: Numbers
    occasional: NDArray[np.bool_]
    income: Floats
    chance: Floats
    defaulted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.chance)


def people_of(draws: Draws, count: int) -> People:
    """As many people, numbered from 0."""
    each = np.arange(count)
    discipline = draws.normal("discipline", each)
    prudence = 0.4 * discipline + np.sqrt(1 - 0.4**2) * draws.normal("prudence", each)
    means = draws.normal("means", each)
    steadiness = 0.3 * means + np.sqrt(1 - 0.3**2) * draws.normal("steadiness", each)
    ties = 0.3 * discipline + np.sqrt(1 - 0.3**2) * draws.normal("ties", each)
    is_new = draws.uniform("newcomer", each) < NEWCOMERS
    opened = np.where(is_new, draws.below("opened", each, DAYS - 1), 0)
    falls = draws.uniform("setback", each) < SETBACKS
    setback = np.where(falls, DAYS // 3 + draws.below("setback:day", each, DAYS - DAYS // 3), NEVER)
    occasional = draws.uniform("occasional", each) < probability(OCCASIONAL - OCCASIONAL_MORE * discipline)
    traits = {
        "discipline": discipline,
        "prudence": prudence,
        "means": means,
        "steadiness": steadiness,
        "ties": ties,
        "setback": falls,
        "occasional": occasional,
        "newness": opened / DAYS,
    }
    log_odds = LOG_ODDS + sum(WEIGHTS[name] * trait for name, trait in traits.items())
    chance = probability(np.asarray(log_odds))
    return People(
        discipline=discipline,
        prudence=prudence,
        means=means,
        steadiness=steadiness,
        ties=ties,
        opened=opened,
        setback=setback,
        occasional=occasional,
        income=INCOME_MINOR * np.exp(INCOME_SPREAD * means),
        chance=chance,
        defaulted=draws.uniform("defaulted", each) < chance,
    )
