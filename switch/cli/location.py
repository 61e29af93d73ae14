"""Where a command reads and writes: a path, or the URL of a folder in an object store."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import click

P = ParamSpec("P")
R = TypeVar("R")


class Location(click.ParamType[Any]):
    """A path, which is made absolute, or a URL, which is refused where no store of its kind is known."""

    name = "location"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A Path, or the URL as it is."""
        if isinstance(value, Path):
            return value
        if "://" not in value:
            return Path(value).resolve()
        from actors.storage.interface import StorageRefused
        from actors.storage.place import folder_at

        try:
            folder_at(value)
        except StorageRefused as error:
            self.fail(str(error), param, ctx)
        return value


LOCATION: Final = Location()


def store_refusals(command: Callable[P, R]) -> Callable[P, R]:
    """Ends the command in words where an object store refuses something or is away."""

    @wraps(command)
    def wrapped(*arguments: P.args, **options: P.kwargs) -> R:
        from actors.storage.interface import StorageRefused

        try:
            return command(*arguments, **options)
        except StorageRefused as error:
            raise click.ClickException(str(error)) from None

    return wrapped
