"""The command line, `shardpay`. Commands parse, call and print; what they do lives elsewhere."""

import asyncio
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any, Final

import click

from switch.cli.options import as_text, json_option, storage_options

ELSEWHERE: Final = {
    "export": "switch.cli.data:export_command",
    "backup": "switch.cli.data:backup_command",
    "restore": "switch.cli.data:restore_command",
    "rules": "switch.cli.rules:rules_group",
    "cards": "switch.cli.cards:cards_group",
    "keys": "switch.cli.keys:keys_group",
    "train": "switch.cli.train:train_command",
    "import": "switch.cli.import_files:import_command",
}
"""Commands that live in other modules, loaded when they are called: what one needs takes up to a second to load."""


class Commands(click.Group):
    """Shows an expected error as one line and exit code 1; with --debug its traceback. bench/ is above this layer, so it is found by its
    entry point."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return sorted({*super().list_commands(ctx), *ELSEWHERE, *(entry.name for entry in _entries())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name."""
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in ELSEWHERE:
            module, _, name = ELSEWHERE[cmd_name].partition(":")
            found = getattr(import_module(module), name)
        return found or next((entry.load() for entry in _entries() if entry.name == cmd_name), None)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does it, with errors made short."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(str(error) or repr(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="shardpay")
def cli(debug: bool) -> None:
    """A payment switch that scores every payment before money moves."""


@cli.command(epilog="Example: shardpay serve --sample --port 8080")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; ::1 and other IPv6 too.")
@click.option("--port", default=8080, show_default=True, help="Port to listen on.")
@click.option(
    "--shards", type=click.IntRange(1, 1024), help="Shards of a new database [default: one for two cores, at most 8]."
)
@click.option(
    "--scorers", type=click.IntRange(0, 64), default=1, show_default=True, help="Scoring actors; 0: unscored."
)
@click.option(
    "--front-doors", type=click.IntRange(1, 64), help="HTTP processes [default: 1, on a Ray cluster one a node]."
)
@storage_options
@click.option("--ray", metavar="ADDRESS", help="Join this Ray cluster instead of starting one; needs --database.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True),
    help="TOML file: daily_limits, review_expires_in, capacity.",
)
@click.option(
    "--drain-grace",
    "drain_grace_s",
    type=click.FloatRange(0, 3600),
    default=3.0,
    show_default=True,
    help="Seconds after SIGTERM in which /readyz already fails and connections are still taken, so that load balancers can turn away.",
)
@click.option("--sample", is_flag=True, help="Make sample wallets and print a first payment.")
def serve(**options: Any) -> None:
    """Run a switch: PostgreSQL, Ray, shards, scorers and front doors. Ctrl-C drains at once, SIGTERM after a grace."""
    from switch.node.listening import bare_host
    from switch.node.settings import Settings, read_config
    from switch.node.supervisor import serve as run

    if options["ray"] and not options["database"]:
        raise click.UsageError("--ray needs --database: other machines cannot reach the embedded one")
    sample = options.pop("sample")
    config = options.pop("config")
    if config is not None:
        file = read_config(config)
        options.update(review_expires_in_s=file.review_expires_in)
        options.update(daily_limits=file.daily_limits, capacity=file.capacity, checkpoints=file.checkpoints)
        options.update(allow_unsafe=file.allow_unsafe_database)
    options["data"] = options["data"].resolve()
    options["host"] = bare_host(options["host"])
    settings = Settings(bootstrap_key=os.environ.get("SHARDPAY_API_KEY"), **options)
    run(settings, _say, _welcome(settings, sample))


def _say(text: str) -> None:
    click.secho(f"· {text}", dim=True, err=True)


def _welcome(settings: Any, sample: bool) -> Callable[[str, str], Any]:
    async def welcome(base_url: str, database: str) -> None:
        click.secho(f"Shardpay is ready on {base_url}", bold=True)
        if sample:
            from switch.cli.sample import first_payment, make_sample, sample_key

            key = await sample_key(database, settings.data)
            ids = await make_sample(base_url, key)
            click.echo("\nA first payment, to paste into another terminal:\n")
            click.echo(first_payment(base_url, key, ids))
        click.echo("\nCtrl-C drains and stops.")

    return welcome


@cli.command(epilog="Example: shardpay audit --data ./data")
@json_option
@storage_options
def audit(as_json: bool, data: Path, database: str | None) -> None:
    """Recompute everything from the journal alone; exit code 1 on any difference."""
    from actors.audit.audit import audit_database, render

    async def run() -> Any:
        from actors.database.locate import opened

        async with opened(data, database) as url:
            return await audit_database(url)

    report = asyncio.run(run())
    click.echo(as_text(report) if as_json else render(report))
    if report.differences:
        sys.exit(1)


def _entries() -> EntryPoints:
    return entry_points(group="shardpay.bench")


def main() -> None:
    """Entry point."""
    cli(prog_name="shardpay")


if __name__ == "__main__":
    main()
