"""`shardpay keys`: make, list and revoke API keys."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import click

from actors.stores.scopes import BOUND_SCOPES, SCOPES
from switch.cli.options import as_text, json_option, storage_options


@click.group("keys")
def keys_group() -> None:
    """Make, list and revoke API keys."""


@keys_group.command(
    "create", epilog="Example: shardpay keys create --scope pay --scope read --name shop --owner shop-17"
)
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help=f"What the key may do; may be repeated. Bound accounts: {' and '.join(BOUND_SCOPES)}.",
)
@click.option("--name", default="default", show_default=True, help="Account: keys of one name are one caller.")
@click.option(
    "--wallet", "wallets", multiple=True, metavar="ID", help="Bind the account to this wallet; may be repeated."
)
@click.option("--owner", "owners", multiple=True, help="Bind it to all wallets of this owner; may be repeated.")
@json_option
@storage_options
def create(
    scopes: tuple[str, ...],
    name: str,
    wallets: tuple[str, ...],
    owners: tuple[str, ...],
    as_json: bool,
    data: Path,
    database: str | None,
) -> None:
    """Make a key. It is shown once and kept only as a hash.

    The first key of a name says whether the account is bound: a bound one sees and moves only its wallets, any other all. docs/access.md
    has the rules.
    """

    async def run(store: Any, secret: Any) -> Any:
        return await store.create(name, scopes, addresses(secret, wallets), owners)

    created = asyncio.run(_with_keys(data, database, run))
    click.echo(as_text(created) if as_json else created.key)


def addresses(secret: Any, wallets: Sequence[str]) -> list[int]:
    """Addresses of wallet ids. Raises BadParameter for one that this cluster did not make."""
    from actors.records.ids import decode_wallet

    found = [decode_wallet(secret, wallet) for wallet in wallets]
    for wallet, address in zip(wallets, found, strict=True):
        if address == 0:
            raise click.BadParameter(f"{wallet} is no wallet of this switch", param_hint="--wallet")
    return found


@keys_group.command("list", epilog="Example: shardpay keys list --json")
@json_option
@storage_options
def list_keys(as_json: bool, data: Path, database: str | None) -> None:
    """Show all keys, without their secret, and what their accounts are bound to."""

    async def run(store: Any, secret: Any) -> Any:
        return await store.list(secret)

    found = asyncio.run(_with_keys(data, database, run))
    if as_json:
        click.echo(as_text(found))
        return
    for key in found:
        state = "revoked" if key.revoked_at else "active"
        bound = "" if key.bound is None else f"  bound to {', '.join((*key.bound.wallets, *key.bound.owners))}"
        click.echo(f"{key.id}  {state:8}{key.name:16}{' '.join(key.scopes)}{bound}")


@keys_group.command("revoke", epilog="Example: shardpay keys revoke 0b5c0a52-...")
@click.argument("identity", metavar="ID")
@storage_options
def revoke(identity: str, data: Path, database: str | None) -> None:
    """End a key's life; within two seconds no front door takes it any more."""

    async def run(store: Any, secret: Any) -> Any:
        return await store.revoke(identity)

    if not asyncio.run(_with_keys(data, database, run)):
        raise click.ClickException(f"there is no key {identity}")
    click.echo(f"revoked {identity}")


async def _with_keys(data: Path, database: str | None, use: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """What `use` gives, called with the keys and the cluster's secret."""
    from actors.database.locate import opened
    from actors.database.pool import Pool
    from actors.stores.api_keys import KeyStore
    from actors.stores.topology import cluster_secret

    async with opened(data, database) as url:
        pool = await Pool.open(url, name="shardpay-keys")
        try:
            return await use(KeyStore(pool), await cluster_secret(url))
        finally:
            await pool.close()
