"""What is printed of a new key: the key on stdout, and on stderr when it ends."""

from typing import Any

import click

from switch.cli.options import as_text


def show_made(created: Any, *, as_json: bool, as_before: bool = False) -> None:
    """Print a CreatedKey; as JSON it has its end. `as_before`: its end is that of the key whose place it took, since none was asked for."""
    if as_json:
        click.echo(as_text(created))
        return
    click.echo(created.key)
    if created.expires_at is None:
        click.echo("it never ends", err=True)
        return
    why = ", when the old key would have: --expires-in gives another end" if as_before else ""
    click.echo(f"it ends at {created.expires_at:%Y-%m-%d %H:%M} UTC{why}", err=True)
