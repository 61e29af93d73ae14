"""`shardpay lists remove`: an entry that matches nothing from the next payment on."""

import sys

import click
from msgspec import to_builtins

from switch.cli.client import PUBLISH_TIMEOUT_S, switch_client, switch_options
from switch.cli.options import as_text, json_option


@click.command("remove", epilog="Example: shardpay lists remove stolen-devices phone-1")
@click.argument("name")
@click.argument("value")
@switch_options
@json_option
def lists_remove(name: str, value: str, url: str, key: str | None, as_json: bool) -> None:
    """Remove an entry from a list that the switch keeps.

    The key in SHARDPAY_API_KEY needs the scope analyst or admin. Exit code 1 when there is none, or when a scorer has not been told yet.
    """
    with switch_client(value, url, key, PUBLISH_TIMEOUT_S, as_json) as client:
        done = to_builtins(client.lists.remove_entry(name, value))
    scorers = done["scorers"]
    known = f"{scorers['active']} of {scorers['scorers']} scorers"
    click.echo(as_text(done) if as_json else f"{done['value']} is off {name}, which {known} know")
    if scorers["waiting"]:
        sys.exit(1)
