"""Groups of commands that load a command when it is called, and none to show their help."""

import select
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from typing import Any, Final, NamedTuple

import click

STDOUT: Final = 1


class Command(NamedTuple):
    """A command's `place`, as `module:attribute`, and the line that help shows of it."""

    place: str
    summary: str


class LazyGroup(click.Group):
    """The commands of a table."""

    def __init__(self, *args: Any, table: Mapping[str, Command], **options: Any) -> None:
        super().__init__(*args, **options)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, loaded."""
        if cmd_name not in self.table:
            return None
        module, _, name = self.table[cmd_name].place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their lines, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name].summary) for name in self.list_commands(ctx)])


class Commands(LazyGroup):
    """All of `shardpay`. Shows an expected error as one line and exit code 1; with --debug its traceback. bench/ is above this layer, so it
    is found by its entry point."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands that are installed."""
        found = {entry.name for entry in _entries()}
        return [name for name in super().list_commands(ctx) if self.table[name].place or name in found]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, loaded."""
        if cmd_name in self.table and not self.table[cmd_name].place:
            return next((entry.load() for entry in _entries() if entry.name == cmd_name), None)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does it, with errors made short."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug") or (isinstance(error, BrokenPipeError) and _nobody_reads()):
                raise  # the latter is what `head` does when it has enough: click ends the command without a word
            raise click.ClickException(str(error) or repr(error)) from error


def _nobody_reads() -> bool:
    """Whether what reads our output has ended."""
    poll = select.poll()
    poll.register(STDOUT, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _entries() -> EntryPoints:
    return entry_points(group="shardpay.bench")
