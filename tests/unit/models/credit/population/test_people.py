"""Who defaults is drawn from a chance alone, and the chance is what traits say."""

import numpy as np

from models.credit.population.draws import Draws
from models.credit.population.people import DAYS, LOG_ODDS, NEVER, NEWCOMERS, SETBACKS, WEIGHTS, People, people_of
from models.statistics import auc


def test_the_chance_is_what_outcomes_are_drawn_from() -> None:
    people = people_of(Draws(3), 200_000)
    for low, high in ((0.0, 0.02), (0.02, 0.05), (0.05, 0.1), (0.1, 0.3), (0.3, 1.0)):
        within = (people.chance >= low) & (people.chance < high)
        expected, deviation = people.chance[within].mean(), np.sqrt(people.chance[within].mean() / within.sum())
        assert abs(people.defaulted[within].mean() - expected) < 4 * deviation
    best = auc(-people.chance, people.defaulted)
    for trait in (people.discipline, people.prudence, people.means, people.steadiness, people.ties):
        assert auc(trait, people.defaulted) < best
    assert 0.8 < best < 0.86


def test_people_are_the_same_however_many_others_there_are() -> None:
    few, many = people_of(Draws(7), 50), people_of(Draws(7), 5_000)
    for name in People.__struct_fields__:
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:50], name)
    assert len(few) == 50 and len(people_of(Draws(7), 0)) == 0
    assert (people_of(Draws(8), 50).chance != few.chance).all()


def test_traits_have_mean_0_and_variance_1_and_go_together_as_stated() -> None:
    people = people_of(Draws(2), 100_000)
    for trait in (people.discipline, people.prudence, people.means, people.steadiness, people.ties):
        assert abs(trait.mean()) < 0.02 and abs(trait.std() - 1) < 0.02
    for one, other, expected in (
        (people.discipline, people.prudence, 0.4),
        (people.means, people.steadiness, 0.3),
        (people.discipline, people.ties, 0.3),
        (people.discipline, people.means, 0.0),
    ):
        assert abs(np.corrcoef(one, other)[0, 1] - expected) < 0.02


def test_wallets_are_opened_and_setbacks_come_within_the_year() -> None:
    people = people_of(Draws(2), 100_000)
    assert people.opened.min() == 0 and people.opened.max() < DAYS
    assert abs((people.opened > 0).mean() - NEWCOMERS) < 0.01
    falls = people.setback < NEVER
    assert abs(falls.mean() - SETBACKS) < 0.01
    assert DAYS // 3 <= people.setback[falls].min() and people.setback[falls].max() < DAYS
    assert (people.income > 0).all() and (0 < people.chance).all() and (people.chance < 1).all()


def test_a_trait_changes_the_odds_of_defaulting_by_its_weight_alone() -> None:
    people = people_of(Draws(2), 5_000)
    log_odds = np.log(people.chance / (1 - people.chance))
    columns = {
        "discipline": people.discipline,
        "prudence": people.prudence,
        "means": people.means,
        "steadiness": people.steadiness,
        "ties": people.ties,
        "setback": people.setback < NEVER,
        "occasional": people.occasional,
        "newness": people.opened / DAYS,
    }
    inputs = np.column_stack([np.ones(len(people)), *columns.values()])
    found, *_ = np.linalg.lstsq(inputs, log_odds, rcond=None)
    np.testing.assert_allclose(found, [LOG_ODDS, *(WEIGHTS[name] for name in columns)], atol=1e-9)
