"""Commands run as the command line runs them, beside an event loop."""

import asyncio

from click.testing import CliRunner, Result

from switch.cli.main import cli
from tests.front_door import RunningSwitch


async def run(*words: object, **environment: str) -> Result:
    """What a command printed, and its exit code."""
    return await asyncio.to_thread(CliRunner().invoke, cli, [str(word) for word in words], env=environment)


async def at(switch: RunningSwitch, *words: object, key: str | None = None) -> Result:
    """The same of a command that calls a running switch."""
    return await run(*words, SHARDPAY_URL=switch.base, SHARDPAY_API_KEY=key or switch.key)
