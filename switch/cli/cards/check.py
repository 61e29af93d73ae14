"""`shardpay cards check`: a scorecard's hash and range, or what is wrong with it."""

import sys
from pathlib import Path
from typing import Any

import click

from models.wording import counted
from switch.cli.options import as_text, json_option


@click.command("check", epilog="Example: shardpay cards check card.json")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def cards_check(file: Path, as_json: bool) -> None:
    """Check a scorecard; exit code 1 when something is wrong with it, which is named by its path."""
    from models.scorecard import CardError, canonical, card_hash, parse

    text = file.read_bytes()
    try:
        card = parse(text)
    except CardError as error:
        if as_json:
            click.echo(as_text({"ok": False, "errors": [{"field": error.field, "message": error.message}]}))
        else:
            click.echo(f"{file}: {error}", err=True)
        sys.exit(1)
    found: dict[str, Any] = {
        "ok": True,
        "name": card.name,
        "version": card.version,
        "hash": card_hash(card),
        "canonical": text.strip() == canonical(card),
        "worst": card.worst,
        "best": card.best,
        "characteristics": len(card.characteristics),
        "dimensions": card.dimensions,
        "bands": card.bands or (),
        "overrides": card.overrides or (),
    }
    if as_json:
        click.echo(as_text(found))
        return
    click.echo(
        f"{card.name} version {card.version}: {counted(len(card.characteristics), 'characteristic')}, {card.worst} to {card.best}"
    )
    click.echo(f"SHA-256 of its canonical text: {found['hash']}")
    for override in found["overrides"]:
        click.echo(f"uses the prohibited input {override.feature}: {override.because}")
