"""`shardpay keys create`: make a key, which is shown once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import click

from actors.stores.scopes import BOUND_SCOPES, SCOPES
from switch.cli.keys.made import show_made
from switch.cli.keys.store import with_keys
from switch.cli.options import LIFE, json_option, storage_options


@click.command("create", epilog="Example: shardpay keys create --scope pay --scope read --name shop --owner shop-17")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help=f"What the key may do; may be repeated. Bound accounts: {', '.join(BOUND_SCOPES)}.",
)
@click.option("--name", default="default", show_default=True, help="Account: keys of one name are one caller.")
@click.option(
    "--wallet", "wallets", multiple=True, metavar="ID", help="Bind the account to this wallet; may be repeated."
)
@click.option("--owner", "owners", multiple=True, help="Bind it to all wallets of this owner; may be repeated.")
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME",
    callback=lambda _, __, names: scenario_names(names),
    help="Bind it to asking in this credit scenario; may be repeated, with --scope merchant.",
)
@click.option(
    "--expires-in",
    "life",
    type=LIFE,
    default="never",
    show_default=True,
    help="The key works for so long, such as 90d, or never ends.",
)
@json_option
@storage_options
def keys_create(
    scopes: tuple[str, ...],
    name: str,
    life: timedelta | Literal["never"],
    as_json: bool,
    data: Path,
    database: str | None,
    **bound: tuple[str, ...],
) -> None:
    """Make a key. It is shown once and kept only as a hash. stderr says when it ends.

    The first key of a name says whether the account is bound: a bound one sees and moves only its wallets and asks only in its
    scenarios, any other all.
    docs/reference/access.md has the rules.
    """
    wallets, owners, scenarios = (bound[each] for each in ("wallets", "owners", "scenarios"))

    async def run(store: Any, secret: Any) -> Any:
        from actors.stores.admin_log import by_command
        from actors.stores.api_keys import Binding

        binding = Binding(wallets=addresses(secret, wallets), owners=owners, scenarios=scenarios)
        entry = by_command("keys create", {"name": name, "scopes": scopes})
        return await store.create(name, scopes, binding, None if life == "never" else life, also=entry)

    show_made(asyncio.run(with_keys(data, database, run)), as_json=as_json)


def addresses(secret: Any, wallets: Sequence[str]) -> list[int]:
    """Addresses of wallet ids. Raises BadParameter for one that this cluster did not make."""
    from actors.records.ids import decode_wallet

    found = [decode_wallet(secret, wallet) for wallet in wallets]
    for wallet, address in zip(wallets, found, strict=True):
        if address == 0:
            raise click.BadParameter(f"{wallet} is no wallet of this switch", param_hint="--wallet")
    return found


def scenario_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of scenarios. Raises BadParameter for what is none."""
    from rules.language.reading import NAME

    for name in names:
        if NAME.fullmatch(name) is None:
            raise click.BadParameter(f"{name} is no name of a scenario", param_hint="--scenario")
    return names
