"""What `publish` and `undo` share: a finished job's rows go to a switch; killed, it goes on."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from models.wording import counted
from switch.cli.client import switch_client
from switch.cli.options import as_text, progress_bar

TIMEOUT_S: Final = 120.0


def send(
    folder: Path | str,
    url: str,
    key: str | None,
    as_json: bool,
    run: int,
    method: Callable[[Any], Any],
    undone: int = 0,
) -> None:
    """Send the rows of a finished job by a method of a client, and say what became of them. Exit code 1 when the switch did not take some
    rows."""
    from actors.process.tuning import session_gives_way
    from actors.rescore.job import RescoreRefused
    from actors.rescore.output import Output
    from actors.rescore.publishing import note_of
    from actors.rescore.run import read_manifest
    from actors.storage.place import folder_at

    session_gives_way()
    output = Output(folder_at(folder))
    output.folder.check()
    manifest = read_manifest(output)
    if manifest is None:
        raise click.ClickException(f"{folder} holds no finished job")
    try:
        with switch_client(str(output.folder), url, key, TIMEOUT_S, as_json) as client:
            codes = _sent(output, manifest, note_of(output, url, run, undone), method(client))
    except RescoreRefused as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(as_text({"rows": sum(codes.values()), "codes": codes}))
    else:
        click.echo("\n".join(f"{code}: {counted(rows, 'row')}" for code, rows in codes.items()))
    if set(codes) - {"ok"}:
        raise click.exceptions.Exit(1)


def _sent(output: Any, manifest: Any, note: Any, call: Callable[[Any], Any]) -> dict[str, int]:
    """Rows by what became of them, those of earlier calls among them."""
    import pyarrow.compute as pc

    from actors.rescore.publishing import answered, batches, keep_note

    due = sum(part.rows for part in manifest.parts)
    with progress_bar("undoing" if note.undone else "publishing", "rows") as bar:
        for batch, answer in answered(batches(output, manifest, note), call):
            found = pc.value_counts(answer.column("code")).to_pylist()
            codes = dict(Counter(note.codes) + Counter({each["values"]: each["counts"] for each in found}))
            note = msgspec.structs.replace(note, parts=batch.parts, rows=batch.rows, codes=codes)
            keep_note(output, note)
            bar(sum(codes.values()), due)
    return dict(note.codes)
