"""`shardpay rules check`: what is wrong with a pack or a scenario, before anybody publishes it."""

from pathlib import Path

import click

from models.wording import counted
from switch.cli.options import as_text, json_option
from switch.cli.rules.files import CARDS, PACK, Checked, read, refused, scenario_in


@click.command("check", epilog="Example: shardpay rules check pack.yaml")
@PACK
@CARDS
@json_option
def rules_check(file: Path, cards: tuple[Path, ...], as_json: bool) -> None:
    """Read a pack, with the lists beside it, or a credit scenario, and say what is wrong at its line and column.

    Exit code 1 if anything is.

    A card that the pack names and that is not given here is not looked at.
    """
    from rules.language.problems import PackError

    try:
        found = scenario_in(file)
        if found is None:
            found, _ = read(file, cards, need_card=False)
            rules, size = len(found.rules), counted(len(found.rules), "rule")
        else:
            rules, size = len(found.requirements), f"a condition of {counted(len(found.requirements), 'part')}"
    except PackError as error:
        refused(file, error, as_json)
    if as_json:
        checked = Checked(file=str(file), ok=True, rules=rules, tests=len(found.tests), notes=found.notes)
        click.echo(as_text(checked))
        return
    for note in found.notes:
        click.echo(note.render(str(file)))
    click.echo(f"{file}: {found.name} with {size} and {counted(len(found.tests), 'test')} is fine")
