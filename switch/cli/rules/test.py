"""`shardpay rules test`: the tests that stand in a pack or a scenario, run."""

import sys
from pathlib import Path
from typing import Any

import click

from models.wording import counted
from switch.cli.options import as_text, json_option
from switch.cli.rules.files import CARDS, PACK, read, refused, scenario_in


@click.command("test", epilog="Example: shardpay rules test pack.yaml")
@PACK
@CARDS
@json_option
def rules_test(file: Path, cards: tuple[Path, ...], as_json: bool) -> None:
    """Run the tests that stand in a pack or a credit scenario; exit code 1 if one fails or the document does not check."""
    from rules.language.problems import PackError

    try:
        outcomes = _outcomes(file, cards)
    except PackError as error:
        refused(file, error, as_json)
    failed = [outcome for outcome in outcomes if outcome.differences]
    if as_json:
        click.echo(as_text({"file": str(file), "ok": not failed, "tests": outcomes}))
    else:
        for outcome in failed:
            click.echo(f"{file}:{outcome.line}: {outcome.name}")
            for difference in outcome.differences:
                click.echo(f"    {difference}")
        click.echo(f"{file}: {len(outcomes) - len(failed)} of {counted(len(outcomes), 'test')} passed")
    if failed:
        sys.exit(1)


def _outcomes(file: Path, cards: tuple[Path, ...]) -> Any:
    """What became of each test. Raises PackError."""
    from rules.decisions.pack import Decider
    from rules.language.cases import run_cases
    from rules.scenarios.cases import run_cases as run_scenario_cases

    scenario = scenario_in(file)
    if scenario is not None:
        return run_scenario_cases(scenario.tests, scenario.evaluator(), scenario.reasons, scenario.terms.cap)
    document, pack = read(file, cards, need_card=True)
    return run_cases(document.tests, Decider(pack))
