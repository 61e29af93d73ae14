"""`shardpay lists create`: a list that packs can name. Twice is harmless."""

import click
from msgspec import to_builtins

from switch.cli.client import RETRY_S, switch_client, switch_options
from switch.cli.options import as_text, json_option


@click.command("create", epilog="Example: shardpay lists create stolen-devices --type device")
@click.argument("name")
@click.option(
    "--type", "type_", type=click.Choice(["wallet", "device", "country"]), required=True, help="Of its values."
)
@switch_options
@json_option
def lists_create(name: str, type_: str, url: str, key: str | None, as_json: bool) -> None:
    """Make a list that the switch keeps; a pack looks into it as NAME: {kept: NAME}.

    The key in SHARDPAY_API_KEY needs the scope analyst or admin. A list that is there keeps its type.
    """
    with switch_client(name, url, key, 2 * RETRY_S, as_json) as client:
        done = to_builtins(client.lists.create(name, type=type_))
    click.echo(as_text(done) if as_json else f"{done['name']} holds values of the type {done['type']}")
