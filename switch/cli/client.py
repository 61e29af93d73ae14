"""Commands that ask a running switch: one client, one way to show what the switch refuses."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from switch.cli.options import as_text

if TYPE_CHECKING:
    from switch.client import Client

F = TypeVar("F", bound=Callable[..., Any])

PUBLISH_TIMEOUT_S: Final = 120.0
"""A large pack is compiled before the switch answers."""
RETRY_S: Final = 5.0
"""A person waits: a switch that is away for longer is reported at once."""


def switch_options(command: F) -> F:
    """--url, and the key from the environment."""
    command = click.option("--key", envvar="SHARDPAY_API_KEY", hidden=True)(command)
    return click.option(
        "--url", envvar="SHARDPAY_URL", default="http://127.0.0.1:8080", show_default=True, help="The switch."
    )(command)


def in_words(error: Exception) -> str:
    """What an error says, and where to look when nothing answers."""
    from switch.client.calls import NO_CONNECTION

    hint = ". Is a switch running there? --url or SHARDPAY_URL names another" if NO_CONNECTION in str(error) else ""
    return f"{error}{hint}"


@contextmanager
def switch_client(file: Path | str, url: str, key: str | None, timeout_s: float, as_json: bool) -> "Iterator[Client]":
    """A client that waits `timeout_s` for an answer; a refusal of `file`, or a switch that is away, ends the command."""
    from switch.client import Client, ProblemError, ShardpayError

    try:
        with Client(url, key, timeout_s=timeout_s, retry_s=RETRY_S) as client:
            yield client
    except ProblemError as error:
        show_refusal(file, error.problem, as_json, str(error))
    except ShardpayError as error:
        raise click.ClickException(f"the switch cannot be reached: {in_words(error)}") from None


def show_refusal(file: Path | str, problem: dict[str, Any], as_json: bool, text: str) -> NoReturn:
    """Show a problem, each error at its place in `file` or `text` where none has one, and end with exit code 1."""
    from rules.language.problems import Problem

    if as_json:
        click.echo(as_text({"ok": False, **problem}))
        sys.exit(1)
    placed = [each for each in problem.get("errors", ()) if "line" in each]
    for each in placed:
        fields = {name: each[name] for name in ("line", "column", "message", "text", "hint", "width") if name in each}
        click.echo(Problem(**fields).render(str(file)), err=True)
    if not placed:
        click.echo(f"{file}: {text}", err=True)
    sys.exit(1)
