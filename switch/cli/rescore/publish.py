"""`shardpay rescore publish`: a finished job's scores go to a running switch; killed, it goes on."""

from operator import attrgetter
from pathlib import Path
from typing import Final

import click

from switch.cli.client import switch_options
from switch.cli.location import LOCATION, store_refusals
from switch.cli.options import as_text, json_option
from switch.cli.rescore.sending import end, send, show

RUN: Final = click.IntRange(1, 2**32 - 1)
"""A record has 32 bits for the number of a run."""
RUN_HELP: Final = (
    "Number of the run, above those before [default: seconds since 1970, or the run that is gone on with]."
)


@click.command("publish", epilog="Example: shardpay rescore publish ./scores --run 1")
@click.argument("folder", metavar="DIR", type=LOCATION)
@click.option("--run", "number", type=RUN, help=RUN_HELP)
@switch_options
@json_option
@store_refusals
def rescore_publish(folder: Path | str, number: int | None, url: str, key: str | None, as_json: bool) -> None:
    """Publish the scores of a finished job to a switch; run the same command again after a kill, and it goes on.

    The key in SHARDPAY_API_KEY needs the scope credit, and the switch the card. A run scores a wallet once, however often it is sent.
    Exit code 1 when the switch did not take some rows, which are counted by what is wrong with them.
    """
    sent = send(folder, url, key, as_json, number, attrgetter("publish_scores"))
    if as_json:
        click.echo(as_text(sent))
    else:
        if number is None:
            click.echo(f"run {sent['run']}")
        show(sent)
    end(sent)
