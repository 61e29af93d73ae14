"""The table of pages, and which of them the navigation names."""

from typing import Final, NamedTuple

from switch.console import (
    admin_log,
    audit,
    bench_reports,
    credit,
    credit_reviews,
    disputes,
    events,
    health,
    keys,
    lists,
    overview,
    proposals,
    rescoring,
    reviews,
    rule_packs,
    scenarios,
    scorecards,
    snoozes,
    transfers,
    wallets,
    webhooks,
)
from switch.console.page import PROPOSALS, Page
from switch.console.sessions import HOME

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *transfers.PAGES,
    *wallets.PAGES,
    *reviews.PAGES,
    *credit_reviews.PAGES,
    *rule_packs.PAGES,
    *snoozes.PAGES,
    *lists.PAGES,
    *proposals.PAGES,
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
    other pages of the same matter begin; `four_eyes`: it is of no use without."""

    path: str
    title: str
    route: tuple[str, str] | None = None
    parts: tuple[str, ...] = ()
    four_eyes: bool = False

    def holds(self, path: str) -> bool:
        """Whether a page is of this matter."""
        if self.path == HOME:
            return path == HOME
        return path.startswith((self.path, *self.parts))


CREDIT_PARTS: Final = (
    "/console/consents",
    "/console/orders",
    "/console/disputes",
    "/console/credit-reviews",
    "/console/rescoring",
)
NAVIGATION: Final = (
    Place("/console", "Overview"),
    Place("/console/reviews", "Reviews", ("GET", reviews.REVIEWS)),
    Place("/console/rule-packs", "Rule packs", ("GET", rule_packs.PACKS), ("/console/new-rule-pack",)),
    Place("/console/lists", "Lists", ("GET", lists.LISTS)),
    Place("/console/proposals", "Proposals", ("GET", PROPOSALS), four_eyes=True),
    Place("/console/scorecards", "Scorecards", ("GET", scorecards.CARDS), ("/console/new-scorecard",)),
    Place("/console/scenarios", "Credit", ("GET", scenarios.SCENARIOS), CREDIT_PARTS),
    Place("/console/events", "Events", ("GET", events.EVENTS)),
    Place("/console/webhooks", "Webhooks", ("GET", webhooks.ENDPOINTS)),
    Place("/console/audit", "Audit", ("GET", audit.HEADS), (admin_log.PLACE,)),
    Place("/console/keys", "Keys", ("GET", keys.KEYS)),
    Place("/console/bench", "Bench", ("GET", bench_reports.REPORTS)),
    Place("/console/health", "Health"),
)
