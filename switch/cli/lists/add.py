"""`shardpay lists add`: an entry that decides from the next payment on. Twice is harmless."""

import sys

import click
from msgspec import UNSET, to_builtins

from switch.cli.client import PUBLISH_TIMEOUT_S, switch_client, switch_options
from switch.cli.options import as_text, json_option


@click.command("add", epilog='Example: shardpay lists add stolen-devices phone-1 --reason "reported by the holder"')
@click.argument("name")
@click.argument("value")
@click.option("--reason", required=True, help="Why it is there.")
@click.option("--expires-at", metavar="T", help="RFC 3339 time: payments of an earlier effective time are meant.")
@switch_options
@json_option
def lists_add(
    name: str, value: str, reason: str, expires_at: str | None, url: str, key: str | None, as_json: bool
) -> None:
    """Add an entry to a list that the switch keeps. VALUE is a wallet's id, a device's name or a country, as the list's type says.

    The key in SHARDPAY_API_KEY needs the scope analyst or admin. Exit code 1 when a scorer has not been told yet.
    """
    with switch_client(value, url, key, PUBLISH_TIMEOUT_S, as_json) as client:
        end = UNSET if expires_at is None else expires_at
        done = to_builtins(client.lists.add_entry(name, value, reason=reason, expires_at=end))
    scorers = done["scorers"]
    known = f"{scorers['active']} of {scorers['scorers']} scorers"
    click.echo(as_text(done) if as_json else f"{done['value']} is on {name}, which {known} know")
    if scorers["waiting"]:
        sys.exit(1)
