"""Runs that published scores, as the newest scores tell of them."""

from typing import Any, Final

from switch.console.page import Page, Shown, View, Visit

EVENTS: Final = "/v1/events"
SCORES: Final = "100"
"""As many as a page of events has."""


async def rescoring(visit: Visit) -> Shown:
    """GET /console/rescoring."""
    page = await visit.get(EVENTS, {"after": "last", "types": "credit.score", "limit": SCORES})
    data = {"runs": runs_of(page["data"]), "scores": len(page["data"]), "limit": int(SCORES)}
    return View(template="rescoring.html", title="Rescoring", data=data)


def runs_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By run, the newest first: wallets, those with a score, and their scores. A wallet is scored once by a run."""
    runs: dict[int, dict[str, Any]] = {}
    for event in events:
        score = event["data"]
        run = runs.setdefault(
            score["run"],
            {"run": score["run"], "as_of": score["as_of"], "first": event["created_at"], "wallets": 0, "scores": []},
        )
        run["last"] = event["created_at"]
        run["wallets"] += 1
        run["scores"] += [score["score"]] if "score" in score else []
    return [_run(run, run.pop("scores")) for _, run in sorted(runs.items(), reverse=True)]


def _run(run: dict[str, Any], scores: list[int]) -> dict[str, Any]:
    if not scores:
        return {**run, "scored": 0, "lowest": None, "mean": None, "highest": None}
    mean = round(sum(scores) / len(scores))
    return {**run, "scored": len(scores), "lowest": min(scores), "mean": mean, "highest": max(scores)}


PAGES: Final = (Page("GET", "/console/rescoring", rescoring),)
