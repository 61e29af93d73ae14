"""`shardpay rescore undo`: the scores before a published run hold again; killed, it goes on."""

from operator import attrgetter
from pathlib import Path

import click

from switch.cli.client import switch_options
from switch.cli.location import LOCATION, store_refusals
from switch.cli.options import as_text, json_option
from switch.cli.rescore.publish import RUN
from switch.cli.rescore.sending import end, send, show


@click.command("undo", epilog="Example: shardpay rescore undo ./scores --run 7 --as 8")
@click.argument("folder", metavar="DIR", type=LOCATION)
@click.option("--run", "undone", type=RUN, required=True, help="The run that is undone.")
@click.option("--as", "number", type=RUN, required=True, help="A run above all others: the scores before.")
@switch_options
@json_option
@store_refusals
def rescore_undo(folder: Path | str, undone: int, number: int, url: str, key: str | None, as_json: bool) -> None:
    """Undo a published run: the scores before it hold again; run the same command again after a kill, and it goes on.

    Nothing is taken out of the journal: the scores before are published as a run of their own. A wallet that had none has the cause
    withdrawn; one that the run did not score keeps its score. The key in SHARDPAY_API_KEY needs the scope credit. Exit code 1 when a later
    run has scored some wallets, which are counted.
    """
    if number <= undone:
        raise click.UsageError(f"--as is a run above {undone}")
    sent = send(folder, url, key, as_json, number, attrgetter("undo_scores"), undone)
    if as_json:
        click.echo(as_text(sent))
    else:
        show({**sent, "replayed": None})
    end(sent)
