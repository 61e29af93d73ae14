"""`shardpay rules check` and `rules test`: what is wrong with a pack, before anybody publishes it."""

import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.cli.backtest import backtest_command
from switch.cli.options import as_text, json_option
from switch.cli.publish import rules_publish

CARDS_HELP: Final = "A scorecard (JSON) that the pack names; may be repeated."
_PACK = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
_CARDS = click.option(
    "--card", "cards", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True, help=CARDS_HELP
)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What `rules check` prints as JSON."""

    file: str
    ok: bool
    rules: int = 0
    tests: int = 0
    problems: tuple[Any, ...] = ()
    notes: tuple[Any, ...] = ()


@click.group("rules")
def rules_group() -> None:
    """Check rule packs, run their tests, try them on history, publish them."""


rules_group.add_command(backtest_command)
rules_group.add_command(rules_publish)


@rules_group.command("check", epilog="Example: shardpay rules check pack.yaml")
@_PACK
@_CARDS
@json_option
def rules_check(file: Path, cards: tuple[Path, ...], as_json: bool) -> None:
    """Read a pack, with the lists beside it, and say what is wrong at its line and column; exit code 1 if anything is.

    A card that the pack names and that is not given here is not looked at.
    """
    from rules.language.problems import PackError

    try:
        document, _ = _read(file, cards, need_card=False)
    except PackError as error:
        _refused(file, error, as_json)
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


@rules_group.command("test", epilog="Example: shardpay rules test pack.yaml")
@_PACK
@_CARDS
@json_option
def rules_test(file: Path, cards: tuple[Path, ...], as_json: bool) -> None:
    """Run the tests that stand in a pack; exit code 1 if one fails or the pack does not check."""
    from rules.decisions.pack import Decider
    from rules.language.cases import run_cases
    from rules.language.problems import PackError

    try:
        document, pack = _read(file, cards, need_card=True)
    except PackError as error:
        _refused(file, error, as_json)
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


def _read(file: Path, cards: tuple[Path, ...], *, need_card: bool) -> tuple[Any, Any]:
    """The document, and the pack unless its card is not at hand and not needed."""
    from models.scorecard import parse
    from rules.compile.compiler import compile_pack
    from rules.language.document import read_pack
    from rules.language.files import pack_text, reader_beside

    known = {f"{card.name}@{card.version}": card for card in (parse(path.read_bytes()) for path in cards)}
    document = read_pack(pack_text(file), reader_beside(file))
    named = document.card
    if not need_card and named is not None and named.card is None and named.reference not in known:
        return document, None
    return document, compile_pack(document, known, 0, 0)


def _refused(file: Path, error: Any, as_json: bool) -> Any:
    if as_json:
        click.echo(as_text(Checked(file=str(file), ok=False, problems=error.problems)))
    else:
        click.echo("\n".join(problem.render(str(file)) for problem in error.problems))
    sys.exit(1)
