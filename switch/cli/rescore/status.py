"""`shardpay rescore status`: how far a job is, from any terminal that sees its output."""

from pathlib import Path
from typing import Any

import click

from models.wording import counted
from switch.cli.location import LOCATION, store_refusals
from switch.cli.options import as_text, json_option


@click.command("status", epilog="Example: shardpay rescore status ./scores")
@click.argument("folder", metavar="DIR", type=LOCATION)
@json_option
@store_refusals
def rescore_status(folder: Path | str, as_json: bool) -> None:
    """Say how far a job is, from any terminal that sees its output."""
    from actors.rescore.job import RescoreRefused
    from actors.rescore.output import Output
    from actors.rescore.refusals import in_words
    from actors.rescore.run import read_manifest
    from actors.storage.place import folder_at

    output = Output(folder_at(folder))
    output.folder.check()
    try:
        with in_words(output.folder):
            status, owner, manifest = output.read_status(), output.owner(), read_manifest(output)
    except RescoreRefused as error:
        raise click.ClickException(str(error)) from None
    if status is None and manifest is None:
        raise click.ClickException(f"{folder} holds no job")
    state = "done" if manifest else status.state if owner and status else "stopped"
    found: dict[str, Any] = {"state": state, "owner": owner}
    if manifest is not None:
        found |= {name: getattr(manifest, name) for name in ("rows", "scored", "bad", "not_available")}
    elif status is not None:
        found |= {name: getattr(status, name) for name in status.__struct_fields__ if name != "state"}
    if as_json:
        click.echo(as_text(found))
        return
    click.echo(_sentence(found))


def _sentence(found: dict[str, Any]) -> str:
    counts = f"{found['scored']:,} scored, {found['not_available']:,} not available, {found['bad']:,} bad"
    if found["state"] == "done":
        return f"done: {counted(found['rows'], 'row')}, {counts}"
    left = "" if found["eta_s"] is None or found["state"] == "stopped" else f", {found['eta_s']:,.0f} s left"
    rate = f"{found['rows_per_s']:,.0f} rows/s{left}"
    return f"{found['state']}: {found['rows_done']:,} of {counted(found['rows_total'], 'row')} ({counts}), {rate}, as of {found['at']}"
