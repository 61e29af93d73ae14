"""`shardpay doctor`: what is wrong with this machine, this database, this configuration."""

import asyncio
import sys
from functools import partial
from pathlib import Path

import click

from switch.cli.options import as_text, json_option, storage_options


@click.command("doctor", epilog="Example: shardpay doctor --data ./data")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that serve would listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8080, show_default=True, help="Port that serve would listen on."
)
@click.option("--config", type=click.Path(path_type=Path, exists=True), help="The TOML file of serve.")
@json_option
@partial(storage_options, both=True)
def doctor_command(host: str, port: int, config: Path | None, as_json: bool, data: Path, database: str | None) -> None:
    """Say what is wrong with this machine, configuration and database, and what to do. It changes nothing.

    It takes the options of serve, also while that runs. Exit code 1 when serve could not work; warnings alone are 0.
    """
    from switch.node.diagnosis import diagnose, render
    from switch.node.listening import bare_host

    findings = asyncio.run(diagnose(data, database, config, bare_host(host), port))
    click.echo(as_text(findings) if as_json else render(findings))
    if any(each.state == "failure" for each in findings):
        sys.exit(1)
