"""The navigation names places that there are, and marks the one that a page belongs to."""

import pytest

from switch.console.pages import NAVIGATION, PAGES


def test_every_place_is_a_page() -> None:
    paths = {page.path for page in PAGES if page.method == "GET"}
    assert {place.path for place in NAVIGATION} <= paths
    assert {part for place in NAVIGATION for part in place.parts} <= paths


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/console", "Overview"),
        ("/console/orders/o", "Credit"),
        ("/console/scorecards/a/edit", "Scorecards"),
        ("/console/rule-packs", "Rule packs"),
        ("/console/find", None),
    ],
)
def test_a_page_belongs_to_one_place_or_none(path: str, title: str | None) -> None:
    assert [place.title for place in NAVIGATION if place.holds(path)] == ([title] if title else [])
