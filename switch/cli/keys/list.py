"""`shardpay keys list`: all keys, without their secret."""

import asyncio
from pathlib import Path
from typing import Any

import click

from switch.cli.keys.store import with_keys
from switch.cli.options import as_text, json_option, storage_options


@click.command("list", epilog="Example: shardpay keys list --json")
@json_option
@storage_options
def keys_list(as_json: bool, data: Path, database: str | None) -> None:
    """Show all keys, without their secret, and what their accounts are bound to."""

    async def run(store: Any, secret: Any) -> Any:
        return await store.list(secret)

    found = asyncio.run(with_keys(data, database, run))
    if as_json:
        click.echo(as_text(found))
        return
    for key in found:
        bound = (
            ""
            if key.bound is None
            else f"  bound to {', '.join((*key.bound.wallets, *key.bound.owners, *key.bound.scenarios))}"
        )
        click.echo(f"{key.id}  {key.state:7} {key.name:15} {' '.join(key.scopes)}{bound}{_times(key)}")


def _times(key: Any) -> str:
    used = "never used" if key.last_used_at is None else f"last used {key.last_used_at:%Y-%m-%d %H:%M} UTC"
    ends = "" if key.expires_at is None else f", ends {key.expires_at:%Y-%m-%d %H:%M} UTC"
    return f"  {used}{ends}"
