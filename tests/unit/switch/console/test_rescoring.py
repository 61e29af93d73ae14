"""Runs are told by the scores that they published: how many wallets, how many with a score, and how they lie."""

from typing import Any

from switch.console.rescoring import rescoring, runs_of
from tests.unit.switch.console.visiting import Answers, visit


def event(run: int, at: str, score: int | None = None) -> dict[str, Any]:
    data = {"run": run, "as_of": "t", **({} if score is None else {"score": score})}
    return {"created_at": at, "data": data}


def test_runs_are_apart_and_the_newest_is_first() -> None:
    old, new = event(1, "a", 600), [event(2, "b", 500), event(2, "c"), event(2, "d", 801)]
    later, earlier = runs_of([old, *new])
    assert (later["run"], later["wallets"], later["scored"]) == (2, 3, 2)
    assert (later["lowest"], later["mean"], later["highest"]) == (500, 650, 801)
    assert (later["first"], later["last"]) == ("b", "d")
    assert (earlier["run"], earlier["scored"]) == (1, 1)


def test_a_run_without_scores_that_may_be_seen_has_no_figures() -> None:
    (run,) = runs_of([event(1, "a")])
    assert (run["scored"], run["lowest"], run["mean"], run["highest"]) == (0, None, None, None)
    assert "scores" not in run and runs_of([]) == []


async def test_the_newest_scores_are_asked_for() -> None:
    api = Answers({"GET /v1/events": {"data": [event(1, "a", 600)]}})
    shown: Any = await rescoring(visit(api))
    assert api.asked == [("GET /v1/events", {"query": {"after": "last", "types": "credit.score", "limit": "100"}})]
    assert (shown.data["scores"], len(shown.data["runs"])) == (1, 1)
