"""`shardpay audit`: recompute everything from the journal alone."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from switch.cli.options import as_text, json_option, storage_options


@click.command("audit", epilog="Example: shardpay audit --data ./data")
@json_option
@storage_options
def audit_command(as_json: bool, data: Path, database: str | None) -> None:
    """Recompute everything from the journal alone; exit code 1 on any difference."""
    from actors.audit.audit import audit_database, render
    from actors.database.locate import opened

    async def run() -> Any:
        async with opened(data, database) as url:
            return await audit_database(url)

    report = asyncio.run(run())
    click.echo(as_text(report) if as_json else render(report))
    if report.differences:
        sys.exit(1)
