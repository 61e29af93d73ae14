"""Numbers drawn by name and place: the same whatever is drawn beside them, and spread as they should be."""

import numpy as np
import pytest

from models.credit.population.draws import Draws, repeated

MANY = np.arange(20_000)


def test_a_draw_depends_on_seed_stream_and_number_alone() -> None:
    draws = Draws(7)
    all_at_once = draws.uniform("age", MANY[:100])
    assert draws.uniform("age", MANY[40:43]).tolist() == all_at_once[40:43].tolist()
    assert draws.uniform("age", np.array([41], np.int32)).tolist() == all_at_once[41:42].tolist()
    for other in (draws.uniform("city", MANY[:100]), Draws(8).uniform("age", MANY[:100])):
        assert not (other == all_at_once).any()


def test_uniform_draws_lie_between_0_and_1_and_fill_it() -> None:
    drawn = Draws(1).uniform("u", MANY)
    assert 0 < drawn.min() and drawn.max() < 1
    assert np.bincount((drawn * 10).astype(int), minlength=10) == pytest.approx(2_000, rel=0.1)


def test_normal_draws_have_mean_0_and_variance_1() -> None:
    drawn = Draws(1).normal("n", MANY)
    assert drawn.mean() == pytest.approx(0, abs=0.03) and drawn.var() == pytest.approx(1, abs=0.03)
    assert (np.abs(drawn) < 1.96).mean() == pytest.approx(0.95, abs=0.01)


def test_numbers_below_a_limit_reach_all_of_them_and_not_the_limit() -> None:
    limits = np.where(MANY % 2, 3, 5)
    drawn = Draws(2).below("b", MANY, limits)
    assert set(drawn[MANY % 2 == 1].tolist()) == {0, 1, 2} and set(drawn[MANY % 2 == 0].tolist()) == {0, 1, 2, 3, 4}
    assert set(Draws(2).below("b", MANY, 1).tolist()) == {0}


def test_counts_are_the_whole_part_and_one_more_as_often_as_the_rest_says() -> None:
    drawn = Draws(3).counts("c", MANY, np.full(len(MANY), 2.25))
    assert set(drawn.tolist()) == {2, 3} and drawn.mean() == pytest.approx(2.25, abs=0.02)
    assert (Draws(3).counts("c", MANY, np.full(len(MANY), 4.0)) == 4).all()


def test_each_person_is_repeated_as_often_as_its_count_says() -> None:
    whose, which = repeated(np.array([2, 0, 3]))
    assert whose.tolist() == [0, 0, 2, 2, 2] and which.tolist() == [0, 1, 0, 1, 2]
