"""Commands that ask a running switch: one session, one way to send, one way to show what it refuses."""

import asyncio
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import aiohttp
import click
import msgspec

from switch.cli.options import as_text

F = TypeVar("F", bound=Callable[..., Any])

PUBLISH_TIMEOUT_S: Final = 120.0
"""A large pack is compiled before the switch answers."""


class Refused(Exception):
    """The switch answered with a problem."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail", ""))
        self.problem = problem


def switch_options(command: F) -> F:
    """--url, and the key from the environment."""
    command = click.option("--key", envvar="SHARDPAY_API_KEY", hidden=True)(command)
    return click.option(
        "--url", envvar="SHARDPAY_URL", default="http://127.0.0.1:8080", show_default=True, help="The switch."
    )(command)


def switch_session(url: str, key: str | None, timeout_s: float) -> aiohttp.ClientSession:
    """A session that sends JSON with this key."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    return aiohttp.ClientSession(url.rstrip("/"), headers=headers, timeout=aiohttp.ClientTimeout(total=timeout_s))


async def send(session: aiohttp.ClientSession, method: str, path: str, body: Any) -> Any:
    """The JSON that a call answers. Raises Refused, or ClickException when this is no switch."""
    async with session.request(method, path, data=io.BytesIO(msgspec.json.encode(body))) as response:
        try:
            answer = msgspec.json.decode(await response.read())
        except msgspec.DecodeError:
            raise click.ClickException(f"{method} {path}: {response.status}, and no JSON: is this a switch?") from None
        if response.status >= 400:
            raise Refused(answer)
        return answer


def run_or_show(run: Callable[[], Any], file: Path, as_json: bool) -> Any:
    """What calls give; a refusal of `file`, or a switch that is away, ends the command."""
    try:
        return asyncio.run(run())
    except Refused as error:
        show_refusal(file, error.problem, as_json)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise click.ClickException(f"the switch cannot be reached: {error or type(error).__name__}") from None


def show_refusal(file: Path, problem: dict[str, Any], as_json: bool) -> NoReturn:
    """Show a problem, each error at its place in `file`, and end with exit code 1."""
    from rules.language.problems import Problem

    if as_json:
        click.echo(as_text({"ok": False, **problem}))
        sys.exit(1)
    placed = [each for each in problem.get("errors", ()) if "line" in each]
    for each in placed:
        fields = {name: each[name] for name in ("line", "column", "message", "text", "hint", "width") if name in each}
        click.echo(Problem(**fields).render(str(file)), err=True)
    if not placed:
        click.echo(f"{file}: {problem['detail']}", err=True)
    sys.exit(1)
