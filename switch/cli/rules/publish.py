"""`shardpay rules publish`: a pack goes to a running switch, which checks it. Twice is harmless."""

import sys
from pathlib import Path
from typing import Any

import click
from msgspec import UNSET, to_builtins

from models.wording import counted
from switch.cli.client import PUBLISH_TIMEOUT_S, switch_client, switch_options
from switch.cli.options import as_text, json_option
from switch.cli.rules.files import PACK, pack_body


@click.command("publish", epilog="Example: shardpay rules publish pack.yaml --mode shadow")
@PACK
@click.option(
    "--mode",
    type=click.Choice(["live", "shadow", "challenger", "off"]),
    required=True,
    help="off: publish only; challenger: decides for a share of the wallets.",
)
@click.option("--share", type=click.IntRange(1, 1000), help="Of the wallets, in per mille; with --mode challenger.")
@switch_options
@json_option
def rules_publish(file: Path, mode: str, share: int | None, url: str, key: str | None, as_json: bool) -> None:
    """Publish a pack, with the lists beside it, as the next version of its name, and say what it does from now on.

    The key in SHARDPAY_API_KEY needs the scope analyst or admin. Exit code 1 when the pack does not check, or when a scorer has not
    changed over.
    """
    if (mode == "challenger") != (share is not None):
        raise click.UsageError("--share goes with --mode challenger")
    name, body = pack_body(file, as_json)
    with switch_client(file, url, key, PUBLISH_TIMEOUT_S, as_json) as client:
        made = client.rule_packs.publish(name, **body)
        if mode == "off" and made.mode == "off":
            done: Any = {"name": name, "version": made.version, "mode": mode, "scorers": None}
        else:
            wanted = UNSET if share is None else share
            done = to_builtins(client.rule_packs.deploy(name, mode=mode, version=made.version, share=wanted))
    scorers = done["scorers"]
    if as_json:
        click.echo(as_text(done))
    elif scorers is None:
        click.echo(f"{name}@{done['version']} is published and off")
    else:
        click.echo(
            f"{name}@{done['version']} is {mode} on {scorers['active']} of {counted(scorers['scorers'], 'scorer')}"
        )
        for each in scorers["waiting"]:
            click.echo(f"scorer {each['scorer']} has not changed over: {each['error'] or 'no answer'}", err=True)
    if scorers is not None and scorers["waiting"]:
        sys.exit(1)
