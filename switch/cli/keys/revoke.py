"""`shardpay keys revoke`: end a key's life."""

import asyncio
from pathlib import Path
from typing import Any

import click

from switch.cli.keys.store import with_keys
from switch.cli.options import storage_options


@click.command("revoke", epilog="Example: shardpay keys revoke 0b5c0a52-...")
@click.argument("identity", metavar="ID")
@storage_options
def keys_revoke(identity: str, data: Path, database: str | None) -> None:
    """End a key's life; within a second no front door takes it any more."""

    async def run(store: Any, secret: Any) -> Any:
        from actors.stores.admin_log import by_command

        return await store.revoke(identity, also=by_command("keys revoke", {}))

    if not asyncio.run(with_keys(data, database, run)):
        raise click.ClickException(f"there is no key {identity}")
    click.echo(f"revoked {identity}")
