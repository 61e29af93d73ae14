"""`shardpay cards`: its commands."""

from typing import Final

from switch.cli.lazy import Command, LazyGroup

COMMANDS: Final = {
    "check": Command("switch.cli.cards.check:cards_check", "Check a scorecard."),
    "publish": Command(
        "switch.cli.cards.publish:cards_publish",
        "Publish a scorecard under its own name and version, which is the next one.",
    ),
    "score": Command(
        "switch.cli.cards.score:cards_score",
        "Score a file: its columns, then score, band, subtotals and up to four reasons.",
    ),
}

cards_group: Final = LazyGroup(
    "cards",
    table=COMMANDS,
    help="Look at scorecards and publish them. docs/reference/scorecards.md describes the document.",
)
