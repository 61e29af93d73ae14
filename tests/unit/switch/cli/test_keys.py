"""A scope that does not exist is an error of the command line, which names those that do; no command is registered twice."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from actors.stores.scopes import SCOPES
from switch.cli.main import cli
from switch.cli.options import DURATION

ROOT = Path(__file__).parents[4]


def test_help_names_every_scope() -> None:
    shown = CliRunner().invoke(cli, ["keys", "create", "--help"])
    assert shown.exit_code == 0 and all(scope in shown.stdout for scope in SCOPES)


def test_an_unknown_scope_is_a_wrong_command_line() -> None:
    done = CliRunner().invoke(cli, ["keys", "create", "--scope", "root"])
    assert done.exit_code == 2 and all(scope in done.stderr for scope in SCOPES)


def test_every_command_is_registered_once() -> None:
    for path in (ROOT / "switch").glob("*.py"):
        added = [line for line in path.read_text().splitlines() if ".add_command(" in line]
        assert len(added) == len(set(added)), path


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("30m", 1_800), ("24h", 86_400), ("90d", 7_776_000)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert DURATION.convert(text, None, None).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "h", "1", "1w", "-1h", "0s", "1.5h", "99999d", "²h"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"such as 24h|is not between"):
        DURATION.convert(text, None, None)
