"""`shardpay rules`: its commands."""

from typing import Final

from switch.cli.lazy import Command, LazyGroup

COMMANDS: Final = {
    "backtest": Command(
        "switch.cli.rules.backtest:rules_backtest",
        "Decide every payment of an export, or of a running switch, anew, with what its decision saw, and count what changes.",
    ),
    "check": Command(
        "switch.cli.rules.check:rules_check",
        "Read a pack, with the lists beside it, or a credit scenario, and say what is wrong at its line and column.",
    ),
    "publish": Command(
        "switch.cli.rules.publish:rules_publish",
        "Publish a pack, with the lists beside it, as the next version of its name.",
    ),
    "test": Command("switch.cli.rules.test:rules_test", "Run the tests that stand in a pack or a credit scenario."),
}

rules_group: Final = LazyGroup(
    "rules", table=COMMANDS, help="Check rule packs, run their tests, try them on history, publish them."
)
