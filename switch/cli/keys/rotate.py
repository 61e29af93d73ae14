"""`shardpay keys rotate`: a new key in place of another."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import click

from switch.cli.keys.made import show_made
from switch.cli.keys.store import with_keys
from switch.cli.options import DURATION, LIFE, json_option, storage_options


@click.command("rotate", epilog="Example: shardpay keys rotate 0b5c0a52-... --overlap 24h")
@click.argument("identity", metavar="ID")
@click.option("--overlap", type=DURATION, default="24h", show_default=True, help="How long the old key works on.")
@click.option(
    "--expires-in",
    "life",
    type=LIFE,
    help="The new key works for so long, such as 90d, or `never` ends; by default it ends when the old key would have.",
)
@json_option
@storage_options
def keys_rotate(
    identity: str,
    overlap: timedelta,
    life: timedelta | Literal["never"] | None,
    as_json: bool,
    data: Path,
    database: str | None,
) -> None:
    """Make a new key in place of another, which works on for a while. Account, scopes and end stay, so payments and retries go on.

    The new key is shown once and kept only as a hash. stderr says when it ends.
    """

    async def run(store: Any, secret: Any) -> Any:
        from msgspec import UNSET

        from actors.stores.admin_log import by_command
        from actors.stores.api_keys import KeyRefused

        ends = UNSET if life is None else None if life == "never" else life
        entry = by_command("keys rotate", {"id": identity, "overlap_s": int(overlap.total_seconds())})
        try:
            return await store.rotate(identity, overlap, ends, entry)
        except KeyRefused as error:
            raise click.ClickException(str(error)) from None

    show_made(asyncio.run(with_keys(data, database, run)), as_json=as_json, as_before=life is None)
