"""The page on which a document is written, previewed and published: a rule pack or a scorecard."""

from typing import Any, Final

import msgspec

from switch.console.page import View, problem_shown
from switch.console.previews import OF_PAYMENTS, USUAL
from switch.problems.table import PROBLEMS, ProblemError


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of document: where its pages are, what it is called, and in which form it is written."""

    place: str
    one: str
    many: str
    form: str


PACK: Final = Written(place="/console/rule-packs", one="rule pack", many="Rule packs", form="Text, as YAML")
CARD: Final = Written(place="/console/scorecards", one="scorecard", many="Scorecards", form="The card, as JSON")


def writing(
    kind: Written,
    name: str,
    base: int,
    text: str,
    *,
    of: str = USUAL,
    preview: Any = None,
    problem: ProblemError | None = None,
) -> View:
    """`base`: the version that it follows, 0 for a new document; `of`: which payments the preview is of; `problem`: it is shown beside the
    text, which is kept."""
    return View(
        template="write.html",
        title=f"Edit {name}" if name else f"New {kind.one}",
        data={
            "kind": msgspec.to_builtins(kind),
            "name": name,
            "base": base,
            "text": text,
            "of": of,
            "spans": OF_PAYMENTS,
            "preview": preview,
            "problem": None if problem is None else problem_shown(problem),
        },
        status=200 if problem is None else PROBLEMS[problem.code].status,
    )
