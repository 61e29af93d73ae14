"""`shardpay keys`: its commands."""

from typing import Final

from switch.cli.lazy import Command, LazyGroup

COMMANDS: Final = {
    "create": Command("switch.cli.keys.create:keys_create", "Make a key."),
    "list": Command(
        "switch.cli.keys.list:keys_list", "Show all keys, without their secret, and what their accounts are bound to."
    ),
    "rotate": Command(
        "switch.cli.keys.rotate:keys_rotate", "Make a new key in place of another, which works on for a while."
    ),
    "revoke": Command("switch.cli.keys.revoke:keys_revoke", "End a key's life."),
}

keys_group: Final = LazyGroup(
    "keys", table=COMMANDS, help="Make, list, rotate and revoke API keys, where the database is."
)
