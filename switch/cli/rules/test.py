"""`shardpay rules test`: the tests that stand in a pack, run."""

import sys
from pathlib import Path

import click

from switch.cli.options import as_text, json_option
from switch.cli.rules.files import CARDS, PACK, read, refused


@click.command("test", epilog="Example: shardpay rules test pack.yaml")
@PACK
@CARDS
@json_option
def rules_test(file: Path, cards: tuple[Path, ...], as_json: bool) -> None:
    """Run the tests that stand in a pack; exit code 1 if one fails or the pack does not check."""
    from rules.decisions.pack import Decider
    from rules.language.cases import run_cases
    from rules.language.problems import PackError

    try:
        document, pack = read(file, cards, need_card=True)
    except PackError as error:
        refused(file, error, as_json)
    outcomes = run_cases(document.tests, Decider(pack))
    failed = [outcome for outcome in outcomes if outcome.differences]
    if as_json:
        click.echo(as_text({"file": str(file), "ok": not failed, "tests": outcomes}))
    else:
        for outcome in failed:
            click.echo(f"{file}:{outcome.line}: {outcome.name}")
            for difference in outcome.differences:
                click.echo(f"    {difference}")
        click.echo(f"{file}: {len(outcomes) - len(failed)} of {len(outcomes)} tests passed")
    if failed:
        sys.exit(1)
