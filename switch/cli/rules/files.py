"""Rule packs on disk as the commands take them.

They are read with their cards, refused with what is wrong, made a request's body.
"""

import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.cli.options import as_text

CARDS_HELP: Final = "A scorecard (JSON) that the pack names; may be repeated."
PACK: Final = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
CARDS: Final = click.option(
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


def read(file: Path, cards: tuple[Path, ...], *, need_card: bool) -> tuple[Any, Any]:
    """The document, and the pack unless its card is not at hand and not needed."""
    from rules.compile.compiler import compile_pack
    from rules.language.document import read_pack
    from rules.language.files import pack_text, reader_beside

    known = {f"{card.name}@{card.version}": card for card in map(_card, cards)}
    document = read_pack(pack_text(file), reader_beside(file))
    named = document.card
    if not need_card and named is not None and named.card is None and named.reference not in known:
        return document, None
    return document, compile_pack(document, known, 0, 0)


def _card(path: Path) -> Any:
    from models.scorecard import CardError, parse

    try:
        return parse(path.read_bytes())
    except CardError as error:
        raise click.ClickException(f"{path}: {error}") from None


def scenario_in(file: Path) -> Any:
    """The scenario that a file holds, None when it is a pack. Raises PackError."""
    from rules.language.files import pack_text
    from rules.scenarios.document import is_scenario, read_scenario

    text = pack_text(file)
    return read_scenario(text) if is_scenario(text) else None


def refused(file: Path, error: Any, as_json: bool) -> Any:
    if as_json:
        click.echo(as_text(Checked(file=str(file), ok=False, problems=error.problems)))
    else:
        click.echo("\n".join(problem.render(str(file)) for problem in error.problems))
    sys.exit(1)


def pack_body(file: Path, as_json: bool) -> tuple[str, dict[str, Any]]:
    """Name and JSON body of a pack; what is wrong with it is seen before it is sent."""
    from rules.language.document import read_pack
    from rules.language.files import pack_text, reader_beside
    from rules.language.problems import PackError
    from switch.cli.client import show_refusal

    try:
        document = read_pack(pack_text(file), reader_beside(file))
    except PackError as error:
        errors = [{"field": "text", **msgspec.to_builtins(problem)} for problem in error.problems]
        show_refusal(file, {"code": "invalid_rule_pack", "detail": str(error), "errors": errors}, as_json, str(error))
    return document.name, {"text": document.text, **({"files": document.files} if document.files else {})}
