"""`shardpay labels table`: labelled payments of an export, each with what its decision saw."""

from pathlib import Path

import click

from models.wording import counted
from switch.cli.options import as_text, json_option
from switch.cli.table_options import refuse_writing_over

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("table", epilog="Example: shardpay labels table --input ./lake --output labelled.parquet")
@click.option(
    "--input",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="An export from the beginning.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A Parquet file.")
@click.option(
    "--labels", type=_FILE, help="Parquet or CSV: id (a transfer), label; they go before those of the export."
)
@click.option("--config", type=_FILE, help="The TOML file of serve, if its capacity was changed.")
@json_option
def labels_table(folder: Path, output: Path, labels: Path | None, config: Path | None, as_json: bool) -> None:
    """Write labelled payments of an export as a table to train a card on: a row each, with the columns that its decision saw and its label.

    Then: shardpay train --input labelled.parquet --target fraud --time effective_time --output card.json
    """
    from actors.backtest.labelled import write_table
    from actors.backtest.labels import BadLabels, read_labels
    from actors.backtest.run import NO_LABELS
    from actors.export.reader import Unreadable
    from actors.ledger.rebuilding import Contradiction
    from switch.node.settings import ConfigFile, read_config

    refuse_writing_over([output], [labels])
    capacity = (ConfigFile() if config is None else read_config(config)).capacity
    try:
        given = NO_LABELS if labels is None else read_labels(labels)
        done = write_table(folder, output, given, capacity)
    except (Unreadable, Contradiction, BadLabels) as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        as_text(done)
        if as_json
        else f"{counted(done.payments, 'labelled payment')}, {done.fraud:,} of them fraud, in {output}"
    )
