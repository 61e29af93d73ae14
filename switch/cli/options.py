"""What the commands of the command line have in common."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import click
from click.core import ParameterSource

from rules.vocabulary.times import time_ms

DATA_HELP: Final = "Directory of the embedded database, logs and checkpoints."
DATABASE_HELP: Final = "Use this PostgreSQL (15 or later) instead of the embedded one."

COUNT_MAX: Final = 2**31 - 1
"""Of rows or payments: more is a slip of the finger."""
DAYS_MAX: Final = 36_500
WORKERS_MAX: Final = 4_096

F = TypeVar("F", bound=Callable[..., Any])


class LocalPath(click.Path):
    """A path of this machine. A URL is refused: as a path it would be a folder here that is called `s3:`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, as click.Path has it."""
        if "://" in os.fspath(value):
            self.fail(f"{value} is a URL, and a path of this machine is needed; only `rescore` takes URLs", param, ctx)
        return super().convert(value, param, ctx)


def _unless_data_is_typed(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """SHARDPAY_DATABASE is for commands that say nothing else: who types --data means the database in it."""
    typed = ctx.get_parameter_source("data") is ParameterSource.COMMANDLINE
    return None if typed and ctx.get_parameter_source("database") is ParameterSource.ENVIRONMENT else value


def storage_options(command: F, *, both: bool = False) -> F:
    """--data and --database, as every command that looks at a database has them. `both`: it uses the two together."""
    callback = None if both else _unless_data_is_typed
    command = click.option(
        "--database", metavar="URL", envvar="SHARDPAY_DATABASE", help=DATABASE_HELP, callback=callback
    )(command)
    return click.option(
        "--data",
        type=LocalPath(path_type=Path, file_okay=False),
        envvar="SHARDPAY_DATA",
        default=Path("data"),
        help=DATA_HELP,
    )(command)


def json_option(command: F) -> F:
    """--json, as every command that prints figures has it."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


class _Duration(click.ParamType[timedelta]):
    """A length of time: a whole number and s, m, h or d."""

    name = "duration"
    _UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The duration that a text says."""
        if isinstance(value, timedelta):
            return value
        number, unit = value[:-1], value[-1:]
        if not (number.isascii() and number.isdecimal()) or unit not in self._UNITS:
            self.fail(f"{value!r} is no duration: a whole number and s, m, h or d, such as 24h", param, ctx)
        seconds = int(number) * self._UNITS[unit]
        if not 0 < seconds <= DAYS_MAX * 86_400:
            self.fail(f"{value} is not between 1s and {DAYS_MAX}d", param, ctx)
        return timedelta(seconds=seconds)


DURATION: Final = _Duration()
"""A length of time as an option's value."""


class _Life(click.ParamType[timedelta | Literal["never"]]):
    """In how long something ends."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | Literal["never"]:
        """The duration that a text says, or `never`."""
        return "never" if value == "never" else DURATION.convert(value, param, ctx)


LIFE: Final = _Life()
"""In how long something ends, as an option's value: a length of time, or `never`."""


def as_text(value: Any) -> str:
    """A result as JSON for people and programs."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value)).decode()


@contextmanager
def progress_bar(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, drawn only on a terminal; call what it gives with what is done and what is due."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn(what),
        BarColumn(bar_width=24),
        TextColumn(f"{{task.completed:,.0f}} of {{task.total:,.0f}} {unit}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1)
        yield lambda done, due: progress.update(task, completed=done, total=max(due, 1))


def as_time(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Callback of an option that is an RFC 3339 time: milliseconds since 1970."""
    try:
        return None if value is None else time_ms(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
