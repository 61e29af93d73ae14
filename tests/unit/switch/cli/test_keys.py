"""A scope that does not exist is an error of the command line, which names those that do; no command is registered twice."""

from pathlib import Path

from click.testing import CliRunner

from actors.stores.scopes import SCOPES
from switch.cli.main import cli

ROOT = Path(__file__).parents[4]


def test_help_names_every_scope() -> None:
    told = CliRunner().invoke(cli, ["keys", "create", "--help"])
    assert told.exit_code == 0 and all(scope in told.stdout for scope in SCOPES)


def test_an_unknown_scope_is_a_wrong_command_line() -> None:
    done = CliRunner().invoke(cli, ["keys", "create", "--scope", "root"])
    assert done.exit_code == 2 and all(scope in done.stderr for scope in SCOPES)


def test_every_command_is_registered_once() -> None:
    for path in (ROOT / "switch").glob("*.py"):
        added = [line for line in path.read_text().splitlines() if ".add_command(" in line]
        assert len(added) == len(set(added)), path
