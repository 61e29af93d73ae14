"""`shardpay rules check`: what is wrong with a pack, before anybody publishes it."""

from pathlib import Path

import click

from switch.cli.options import as_text, json_option
from switch.cli.rules.files import CARDS, PACK, Checked, read, refused


@click.command("check", epilog="Example: shardpay rules check pack.yaml")
@PACK
@CARDS
@json_option
def rules_check(file: Path, cards: tuple[Path, ...], as_json: bool) -> None:
    """Read a pack, with the lists beside it, and say what is wrong at its line and column; exit code 1 if anything is.

    A card that the pack names and that is not given here is not looked at.
    """
    from rules.language.problems import PackError

    try:
        document, _ = read(file, cards, need_card=False)
    except PackError as error:
        refused(file, error, as_json)
    if as_json:
        click.echo(
            as_text(
                Checked(
                    file=str(file),
                    ok=True,
                    rules=len(document.rules),
                    tests=len(document.tests),
                    notes=document.notes,
                )
            )
        )
        return
    for note in document.notes:
        click.echo(note.render(str(file)))
    click.echo(f"{file}: {document.name} with {len(document.rules)} rules and {len(document.tests)} tests is fine")
