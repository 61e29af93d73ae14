"""The table of pages, and which of them the navigation names."""

from typing import Final, NamedTuple

from switch.console import events, health, overview, reviews, rule_packs, scenarios, transfers, wallets, webhooks
from switch.console.page import Page

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *transfers.PAGES,
    *wallets.PAGES,
    *reviews.PAGES,
    *rule_packs.PAGES,
    *scenarios.PAGES,
    *events.PAGES,
    *webhooks.PAGES,
    *health.PAGES,
)
"""All that needs a session."""


class Place(NamedTuple):
    """A page that the navigation names; `route`: of the API, which the key must be let into for the page to be of any use."""

    path: str
    title: str
    route: tuple[str, str] | None = None


NAVIGATION: Final = (
    Place("/console", "Overview"),
    Place("/console/reviews", "Reviews", ("GET", reviews.REVIEWS)),
    Place("/console/rule-packs", "Rule packs", ("GET", rule_packs.PACKS)),
    Place("/console/scenarios", "Scenarios", ("GET", scenarios.SCENARIOS)),
    Place("/console/events", "Events", ("GET", events.EVENTS)),
    Place("/console/webhooks", "Webhooks", ("GET", webhooks.ENDPOINTS)),
    Place("/console/health", "Health"),
)
