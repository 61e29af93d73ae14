"""Countries are pairs that a request may name, and what is meant by a wrong one is a right one."""

from rules.vocabulary.countries import IN_USE, NEAR
from rules.vocabulary.encodings import COUNTRIES


def test_every_country_in_use_is_a_pair_that_a_request_may_name() -> None:
    assert set(COUNTRIES.values()) >= IN_USE
    assert {"DE", "MM", "XK"} <= IN_USE and len(
        [pair for pair in IN_USE if pair[0] != "X" and not "QM" <= pair <= "QZ"]
    ) == 251


def test_what_is_meant_by_a_pair_that_is_not_in_use_is_one_that_is() -> None:
    assert not NEAR.keys() & IN_USE
    assert {meant for meant in NEAR.values() if len(meant) == 2} <= IN_USE
    assert NEAR.keys() <= set(COUNTRIES.values())
