"""`shardpay lists show`: what is on a list, and why."""

import click
from msgspec import to_builtins

from switch.cli.client import RETRY_S, switch_client, switch_options
from switch.cli.options import as_text, json_option


@click.command("show", epilog="Example: shardpay lists show stolen-devices")
@click.argument("name", required=False)
@switch_options
@json_option
def lists_show(name: str | None, url: str, key: str | None, as_json: bool) -> None:
    """Show the entries of a list, newest first, or all lists.

    The key in SHARDPAY_API_KEY needs the scope read, analyst or admin.
    """
    with switch_client(name or "lists", url, key, 2 * RETRY_S, as_json) as client:
        if name is None:
            found = [to_builtins(each) for each in client.lists.list().data]
            lines = [f"{each['name']}  {each['type']}  {each['entries']:,} entries" for each in found]
        else:
            found = [to_builtins(each) for each in client.lists.entries(name)]
            lines = [
                f"{each['value']}  until {each['expires_at'] or 'removed'}  {each['made_by']}: {each['reason']}"
                for each in found
            ]
    click.echo(as_text(found) if as_json else "\n".join(lines) or "nothing")
