"""The page of health shows the figures that probes and metrics tell."""

from switch.console.health import PAGES, health
from switch.console.page import View
from tests.unit.switch.console.figures_of_tests import FIGURES
from tests.unit.switch.console.visiting import Answers, visit


async def test_figures_are_shown_as_they_are() -> None:
    shown = await health(visit(Answers({}, figures=FIGURES)))
    assert isinstance(shown, View) and shown.data["figures"]["why"] == FIGURES.why
    assert shown.data["figures"]["shards"][0]["stops"] == ["its journal is being read"]


async def test_whoever_signs_in_may_look_and_asks_nothing_of_the_api() -> None:
    api = Answers({}, figures=FIGURES)
    await health(visit(api))
    assert api.calls == [] and [page.path for page in PAGES] == ["/console/health"]
