"""`shardpay rescore publish`: a finished job's scores go to a running switch; killed, it goes on."""

from operator import attrgetter
from pathlib import Path

import click

from switch.cli.client import switch_options
from switch.cli.location import LOCATION, store_refusals
from switch.cli.options import json_option
from switch.cli.rescore.sending import send


@click.command("publish", epilog="Example: shardpay rescore publish ./scores --run 1")
@click.argument("folder", metavar="DIR", type=LOCATION)
@click.option("--run", "number", type=click.IntRange(1), required=True, help="Higher than that of the run before.")
@switch_options
@json_option
@store_refusals
def rescore_publish(folder: Path | str, number: int, url: str, key: str | None, as_json: bool) -> None:
    """Publish the scores of a finished job to a switch; run the same command again after a kill, and it goes on.

    The key in SHARDPAY_API_KEY needs the scope credit, and the switch the card. A run scores a wallet once, however often it is sent.
    Exit code 1 when the switch did not take some rows, which are counted by what is wrong with them.
    """
    send(folder, url, key, as_json, number, attrgetter("publish_scores"))
