"""What `publish` and `undo` share: a finished job's rows go to a switch; killed, it goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from models.wording import counted
from switch.cli.client import switch_client
from switch.cli.options import progress_bar

TIMEOUT_S: Final = 120.0


def send(
    folder: Path | str,
    url: str,
    key: str | None,
    as_json: bool,
    run: int | None,
    method: Callable[[Any], Any],
    undone: int = 0,
    patience_s: float | None = None,
) -> dict[str, Any]:
    """Send the rows of a finished job by a method of a client, and say what became of them. `run`: None for one that nobody has named."""
    from actors.process.tuning import session_gives_way
    from actors.rescore.job import RescoreRefused
    from actors.rescore.output import Output
    from actors.rescore.publication import Publication
    from actors.rescore.refusals import in_words
    from actors.rescore.run import read_manifest
    from actors.storage.place import folder_at
    from switch.client.calls import Call

    session_gives_way()
    output = Output(folder_at(folder, patience_s))
    output.folder.check()
    try:
        with in_words(output.folder):
            manifest = read_manifest(output)
            if manifest is None:
                raise click.ClickException(f"{folder} holds no finished job")
            due = sum(part.rows for part in manifest.parts)
            publication = Publication(output, manifest, url, run, undone)
            with (
                switch_client(str(output.folder), url, key, TIMEOUT_S, as_json) as client,
                progress_bar("undoing" if undone else "publishing", "rows") as bar,
            ):
                client.send(Call("GET", "/readyz"))
                sent = publication.send(method(client), lambda rows: bar(rows, due))
    except RescoreRefused as error:
        raise click.ClickException(str(error)) from None
    return {"run": sent.run, "rows": sent.rows, **msgspec.to_builtins(sent)}


def show(sent: dict[str, Any]) -> None:
    """What became of the rows of a run, for people."""
    click.echo("\n".join(f"{code}: {counted(rows, 'row')}" for code, rows in sent["codes"].items()))
    if sent["replayed"]:
        click.echo(f"{counted(sent['replayed'], 'row')} had a score of run {sent['run']} already and kept it")


def end(sent: dict[str, Any]) -> None:
    """Exit code 1 when the switch did not take some rows."""
    if set(sent["codes"]) - {"ok"}:
        raise click.exceptions.Exit(1)
