"""The page of audit and backups is what the API knows of the journals, and no more."""

from typing import Any

from switch.console.audit import audit
from tests.unit.switch.console.visiting import Answers, visit


async def test_the_heads_are_the_apis() -> None:
    heads = {"taken_at": "t", "heads": []}
    shown: Any = await audit(visit(Answers({"GET /v1/journal/heads": heads})))
    assert (shown.template, shown.data) == ("audit.html", heads)
