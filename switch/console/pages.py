"""The table of pages, and which of them the navigation names."""

from typing import Final, NamedTuple

from switch.console import (
    admin_log,
    audit,
    bench_reports,
    credit,
    disputes,
    events,
    health,
    keys,
    overview,
    rescoring,
    reviews,
    rule_packs,
    scenarios,
    scorecards,
    transfers,
    wallets,
    webhooks,
)
from switch.console.page import Page
from switch.console.sessions import HOME

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *transfers.PAGES,
    *wallets.PAGES,
    *reviews.PAGES,
    *rule_packs.PAGES,
    *scorecards.PAGES,
    *scenarios.PAGES,
    *credit.PAGES,
    *disputes.PAGES,
    *rescoring.PAGES,
    *events.PAGES,
    *webhooks.PAGES,
    *audit.PAGES,
    *admin_log.PAGES,
    *keys.PAGES,
    *bench_reports.PAGES,
    *health.PAGES,
)
"""All that needs a session."""


class Place(NamedTuple):
    """A page that the navigation names; `route`: of the API, which the key must be let into for the page to be of any use; `parts`: where
    other pages of the same matter begin."""

    path: str
    title: str
    route: tuple[str, str] | None = None
    parts: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether a page is of this matter."""
        if self.path == HOME:
            return path == HOME
        return path.startswith((self.path, *self.parts))


CREDIT_PARTS: Final = ("/console/consents", "/console/orders", "/console/disputes", "/console/rescoring")
NAVIGATION: Final = (
    Place("/console", "Overview"),
    Place("/console/reviews", "Reviews", ("GET", reviews.REVIEWS)),
    Place("/console/rule-packs", "Rule packs", ("GET", rule_packs.PACKS)),
    Place("/console/scorecards", "Scorecards", ("GET", scorecards.CARDS)),
    Place("/console/scenarios", "Credit", ("GET", scenarios.SCENARIOS), CREDIT_PARTS),
    Place("/console/events", "Events", ("GET", events.EVENTS)),
    Place("/console/webhooks", "Webhooks", ("GET", webhooks.ENDPOINTS)),
    Place("/console/audit", "Audit", ("GET", audit.HEADS), (admin_log.PLACE,)),
    Place("/console/keys", "Keys", ("GET", keys.KEYS)),
    Place("/console/bench", "Bench", ("GET", bench_reports.REPORTS)),
    Place("/console/health", "Health"),
)
