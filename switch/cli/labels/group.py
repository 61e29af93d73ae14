"""`shardpay labels`: its commands."""

from typing import Final

from switch.cli.lazy import Command, LazyGroup

COMMANDS: Final = {
    "put": Command("switch.cli.labels.put:labels_put", "Tell a running switch which payments were fraud."),
    "table": Command(
        "switch.cli.labels.table:labels_table", "Write labelled payments of an export as a table to train a card on."
    ),
}

labels_group: Final = LazyGroup("labels", table=COMMANDS, help="Label payments, and train on labelled ones.")
