"""`shardpay lists`: its commands."""

from typing import Final

from switch.cli.lazy import Command, LazyGroup

COMMANDS: Final = {
    "add": Command("switch.cli.lists.add:lists_add", "Add an entry to a list that the switch keeps."),
    "create": Command("switch.cli.lists.create:lists_create", "Make a list that the switch keeps."),
    "remove": Command("switch.cli.lists.remove:lists_remove", "Remove an entry from a list that the switch keeps."),
    "show": Command("switch.cli.lists.show:lists_show", "Show the entries of a list, newest first, or all lists."),
}

lists_group: Final = LazyGroup("lists", table=COMMANDS, help="Change and show lists that the switch keeps.")
