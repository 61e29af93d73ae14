"""Options of commands that read tables.

They give the format of a CSV file, and refuse outputs that would overwrite an input.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

INPUT_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


def csv_options(command: F) -> F:
    """--separator and --encoding."""
    command = click.option("--encoding", metavar="NAME", help="Of a CSV file, as utf-8 or cp1252 [default: found].")(
        command
    )
    help_text = "Of a CSV file's fields, or tab [default: found]."
    return click.option("--separator", metavar="CHARACTER", callback=_separator, help=help_text)(command)


def table_format(options: Mapping[str, Any]) -> Any:
    """The format that those options give."""
    from models.table import Format

    return Format(separator=options["separator"], encoding=options["encoding"])


def refuse_writing_over(outputs: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Raises UsageError where an output is one of the inputs, by whatever path, or has no folder to lie in."""
    read = [path.resolve() for path in inputs if path is not None]
    for output in outputs:
        if not output.parent.is_dir():
            raise click.UsageError(f"there is no folder {output.parent}")
        if output.resolve() in read or (output.exists() and any(output.samefile(path) for path in read)):
            raise click.UsageError(f"{output} would be written over the file that is read; give --output another name")


def _separator(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    character = "\t" if value in ("tab", "\\t") else value
    if len(character) != 1 or character in '"\r\n':
        raise click.BadParameter("give one character, as ';', or tab")
    return character
