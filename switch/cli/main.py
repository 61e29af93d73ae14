"""The command line, `shardpay`: one table of commands, one module each."""

from typing import Final

import click

from switch.cli.call_table import CALLS
from switch.cli.lazy import Command, Commands

COMMANDS: Final = {
    "audit": Command("switch.cli.audit:audit_command", "Recompute everything from the journal alone."),
    "backup": Command(
        "switch.cli.backup:backup_command", "Copy everything as of one instant, also while the switch runs."
    ),
    "bench": Command("", "Measure this machine."),
    "cards": Command("switch.cli.cards.group:cards_group", "Look at scorecards and publish them."),
    "demo": Command(
        "switch.cli.demo:demo_command", "Show payment credit on a population, from its payments to a paid order."
    ),
    "doctor": Command(
        "switch.cli.doctor:doctor_command", "Say what is wrong with this machine, configuration and database."
    ),
    "export": Command(
        "switch.cli.export:export_command", "Write the journal as Parquet, partitioned by day and shard."
    ),
    "features": Command(
        "switch.cli.features:features_command", "Compute credit features of every wallet as of a time, as Parquet."
    ),
    "import": Command(
        "switch.cli.import_files:import_command",
        "Send historical payments through a running switch, and compare every balance afterwards.",
    ),
    "keys": Command(
        "switch.cli.keys.group:keys_group", "Make, list, rotate and revoke API keys, where the database is."
    ),
    "population": Command(
        "switch.cli.population:population_command",
        "Make up people, a year of their payments, and who defaults after it.",
    ),
    "rescore": Command(
        "switch.cli.rescore.group:rescore_group",
        "Score every wallet in a folder of Parquet files; run the same command again after a kill, and it goes on.",
    ),
    "restore": Command("switch.cli.restore:restore_command", "Fill an empty database from a backup, then audit it."),
    "rules": Command(
        "switch.cli.rules.group:rules_group", "Check rule packs, run their tests, try them on history, publish them."
    ),
    "serve": Command(
        "switch.cli.serve:serve_command", "Run a switch: PostgreSQL, Ray, shards, scorers and front doors."
    ),
    "train": Command("switch.cli.train:train_command", "Train a scorecard."),
    **{name: Command(f"switch.cli.calls:{name.replace('-', '_')}", line) for name, line in CALLS.items()},
}
"""What each needs takes up to a second to load, so help reads this table alone. `bench` stands above this layer: it is found by its entry
point."""


@click.group(cls=Commands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="shardpay")
def cli(debug: bool) -> None:
    """A payment switch that scores every payment before money moves."""


def main() -> None:
    """Entry point."""
    cli(prog_name="shardpay")
