"""`shardpay rescore publish`: a finished job's scores go to a running switch; killed, it goes on."""

from collections import Counter
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.cli.client import switch_client, switch_options
from switch.cli.location import LOCATION, store_refusals
from switch.cli.options import as_text, json_option, progress_bar

TIMEOUT_S: Final = 120.0


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
    from actors.rescore.job import RescoreRefused
    from actors.rescore.output import Output
    from actors.rescore.run import read_manifest
    from actors.storage.place import folder_at

    output = Output(folder_at(folder))
    output.folder.check()
    manifest = read_manifest(output)
    if manifest is None:
        raise click.ClickException(f"{folder} holds no finished job")
    try:
        codes = _published(output, manifest, number, url, key, as_json)
    except RescoreRefused as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(as_text({"rows": sum(codes.values()), "codes": codes}))
    else:
        click.echo("\n".join(f"{code}: {rows:,} rows" for code, rows in codes.items()))
    if set(codes) - {"ok"}:
        raise click.exceptions.Exit(1)


def _published(output: Any, manifest: Any, number: int, url: str, key: str | None, as_json: bool) -> dict[str, int]:
    """Rows by what became of them, those of earlier calls among them."""
    from actors.rescore.publishing import batches, keep_note, note_of

    note = note_of(output, url, number)
    due = sum(part.rows for part in manifest.parts)
    with (
        switch_client(str(output.folder), url, key, TIMEOUT_S, as_json) as client,
        progress_bar("publishing", "rows") as bar,
    ):
        for batch in batches(output, manifest, note):
            published = client.publish_scores(batch.table).column("code").to_pylist()
            codes = dict(Counter(note.codes) + Counter(published))
            note = msgspec.structs.replace(note, parts=batch.parts, rows=batch.rows, codes=codes)
            keep_note(output, note)
            bar(sum(codes.values()), due)
    return dict(note.codes)
