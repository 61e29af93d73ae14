"""docs/reference/rules.md is up to date, and its example is a pack that checks and passes its own tests."""

import re
from pathlib import Path

from rules.compile.compiler import compile_pack
from rules.decisions.pack import Decider
from rules.language.cases import run_cases
from rules.language.document import read_pack
from rules.language.reference import updated
from rules.vocabulary.catalogue import INPUTS
from rules.vocabulary.columns import COLUMNS
from tests.small_pack import PACK

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")


def test_the_reference_is_what_the_catalogue_says() -> None:
    assert updated(PAGE) == PAGE, "run: python -m rules.language.reference docs/reference/rules.md"


def test_every_column_is_a_field_or_a_window() -> None:
    assert {field.column for field in INPUTS.values()} == set(COLUMNS)


def test_the_example_of_the_guide_checks_and_passes() -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    document = read_pack(example[1], {"mules.txt": "# known\nA\n"}.__getitem__)
    assert document.card is not None and PACK.card is not None
    pack = compile_pack(document, {document.card.reference: PACK.card}, 2, 1)
    assert [outcome.differences for outcome in run_cases(document.tests, Decider(pack))] == [()]
    assert document.notes == ()
