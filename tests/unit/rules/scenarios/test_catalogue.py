"""The scenarios that a new switch starts with."""

import pytest

from rules.scenarios.cases import run_cases
from rules.scenarios.catalogue import NAMES, texts
from rules.scenarios.document import is_scenario, read_scenario

TEXTS = texts()


def test_the_catalogue_has_all_thirteen() -> None:
    assert len(NAMES) == 13
    assert [read_scenario(text).name for text in TEXTS.values()] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_checks_without_a_note_and_passes_its_own_tests(name: str) -> None:
    found = read_scenario(TEXTS[name])
    assert is_scenario(found.text) and not found.notes
    assert {case.yes for case in found.tests} == {True, False}, "its tests show both answers"
    outcomes = run_cases(found.tests, found.evaluator(), found.reasons, found.terms.cap)
    assert not [outcome for outcome in outcomes if outcome.differences]
