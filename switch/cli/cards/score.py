"""`shardpay cards score`: score a file's rows, with bands and reasons.

A batch at a time, and all of it or nothing.
"""

from pathlib import Path
from typing import Any, Final

import click

from models.wording import counted
from switch.cli.options import as_text, json_option, progress_bar
from switch.cli.table_options import INPUT_FILE, csv_options, refuse_writing_over, table_format

BATCH_ROWS: Final = 65_536
"""A batch of a Parquet file: some MB."""


@click.command("score", epilog="Example: shardpay cards score --input loans.csv --card card.json --output scored.csv")
@click.option("--input", "source", type=INPUT_FILE, required=True, help="Parquet, or CSV with a line of names.")
@click.option("--card", "card_file", type=INPUT_FILE, required=True, help="The scorecard.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Parquet if its name ends in .parquet, else CSV.",
)
@click.option(
    "--keep", metavar="COLUMN", multiple=True, help="Keep this column of the input, not all; may be repeated."
)
@csv_options
@json_option
def cards_score(
    source: Path, card_file: Path, output: Path, keep: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Score a file: its columns, then score, band, subtotals and up to four reasons with the points that each cost."""
    from models.scorecard import CardError, parse
    from models.table import Batches
    from models.table_scores import TableScorer

    refuse_writing_over((output,), (source, card_file))
    batches = Batches(source, table_format(options), BATCH_ROWS)
    try:
        scorer = TableScorer(parse(card_file.read_bytes()), batches.nulls)
    except CardError as error:
        raise click.ClickException(f"{card_file}: {error}") from None
    part = output.with_name(f"{output.name}.part")
    try:
        with progress_bar("scoring", "rows") as progress:
            _score(scorer, batches, source, part, keep, progress)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    found = scorer.summary()
    for note in (*batches.notes, *found.notes):
        click.echo(note, err=True)
    if as_json:
        click.echo(as_text(found))
        return
    click.echo(
        f"{output}: {counted(found.rows, 'row')}, {found.lowest} to {found.highest}, {found.mean:.1f} in the mean"
    )
    for band, rows in found.bands.items():
        click.echo(f"band {band}: {counted(rows, 'row')}")


def _score(scorer: Any, batches: Any, source: Path, part: Path, keep: tuple[str, ...], progress: Any) -> None:
    import pyarrow as pa

    from models.table_scores import added_to

    writer = None
    done = 0
    parquet = part.suffixes[-2:] == [".parquet", ".part"]
    try:
        with open(part, "wb") as file:
            for batch in batches.tables():
                scored = added_to(batch, scorer, keep, source)
                writer = writer or _writer(file, scored.schema, parquet)
                writer.write_table(scored)
                done += scored.num_rows
                progress(done, batches.rows or done)
            if writer is not None:
                writer.close()
    except pa.ArrowException as error:
        raise click.ClickException(f"{source}: {error}") from None


def _writer(file: Any, schema: Any, parquet: bool) -> Any:
    import pyarrow.csv as pv
    import pyarrow.parquet as pq

    return pq.ParquetWriter(file, schema) if parquet else pv.CSVWriter(file, schema)
