"""One page writes packs and cards: what was written is kept, beside what is wrong with it."""

import pytest

from switch.console.writing import CARD, PACK, Written, writing
from switch.problems.table import FieldError, ProblemError


@pytest.mark.parametrize(("kind", "new"), [(PACK, "New rule pack"), (CARD, "New scorecard")])
def test_a_new_document_and_the_next_version_of_one(kind: Written, new: str) -> None:
    view = writing(kind, "", 0, "text")
    assert (view.title, view.status, view.template) == (new, 200, "write.html")
    assert view.data["kind"]["place"] == kind.place and view.data["problem"] is None
    assert writing(kind, "own", 3, "text").title == "Edit own"


def test_what_is_wrong_stands_beside_the_text_that_is_kept() -> None:
    problem = ProblemError("invalid_rule_pack", errors=(FieldError("text", "no", line=2, column=3),))
    view = writing(PACK, "own", 3, "kept", of="7", problem=problem)
    assert (view.status, view.data["text"], view.data["of"]) == (422, "kept", "7")
    assert view.data["problem"]["errors"] == ({"field": "text", "message": "no", "line": 2, "column": 3},)
