"""`shardpay labels put-file`: labels out of a file go to a running switch. Twice is harmless."""

from pathlib import Path

import click

from models.wording import counted
from switch.cli.client import switch_client, switch_options
from switch.cli.options import as_text, json_option


@click.command("put-file", epilog="Example: shardpay labels put-file labels.csv")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@switch_options
@json_option
def labels_put(file: Path, url: str, key: str | None, as_json: bool) -> None:
    """Tell a running switch which payments were fraud. The file is Parquet or CSV: id (a transfer), label (true or false, 1 or 0).

    The key in SHARDPAY_API_KEY needs the scope analyst or admin. What was put before the switch refuses something stays.
    """
    from actors.backtest.labels import BadLabels, read_labels_by_id
    from switch.client import ShardpayError
    from switch.http.schema import LABELS_MAX

    try:
        labels = read_labels_by_id(file)
    except BadLabels as error:
        raise click.ClickException(str(error)) from None
    with switch_client(file, url, key, 60.0, as_json) as client:
        for start in range(0, len(labels), LABELS_MAX):
            try:
                client.labels.put_many(labels=labels[start : start + LABELS_MAX])
            except ShardpayError:
                click.echo(
                    f"the first {start:,} of {counted(len(labels), 'payment')} are labelled, the others are not",
                    err=True,
                )
                raise
    frauds = sum(each["label"] for each in labels)
    done = {"labels": len(labels), "fraud": frauds}
    click.echo(
        as_text(done)
        if as_json
        else f"{counted(len(labels), 'payment is', 'payments are')} labelled, {frauds:,} of them fraud"
    )
