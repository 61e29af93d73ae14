"""`shardpay` itself: its table names what there is, its exit codes are those of the contract, and it knows its version."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from switch.cli.main import COMMANDS, cli
from switch.reference.commands import _all

CONTRACT = (
    *("serve", "import", "audit", "export", "features", "population", "demo", "rescore", "train", "rules", "cards"),
    *("backup", "restore", "keys", "bench"),
)
"""Scripts outside rely on these names."""


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, words)
    return done.exit_code, done.stdout, done.stderr


def test_every_command_of_the_contract_is_there() -> None:
    assert set(CONTRACT) <= set(COMMANDS)


def test_the_version_is_the_distributions() -> None:
    code, shown, _ = run("--version")
    assert code == 0 and version("shardpay") in shown


@pytest.mark.parametrize("words", [("-h",), ("--help",), ("keys", "-h")])
def test_help_is_asked_for_in_two_ways(words: tuple[str, ...]) -> None:
    assert run(*words)[0] == 0


def _unbounded() -> Iterator[str]:
    for name, command in _all():
        for option in command.params:
            kind = option.type
            if kind is click.INT or (isinstance(kind, click.IntRange) and None in (kind.min, kind.max)):
                yield f"{name} {option.name}"


def test_every_whole_number_that_is_typed_has_bounds() -> None:
    """One that no table and no kernel takes ended in Python's words for it."""
    assert list(_unbounded()) == []
    code, _, printed = run("wallets", "list", "--rows", "9" * 30)
    assert code == 2 and "Invalid value for '--rows'" in printed and "0<=x<=2147483647" in printed
    code, _, printed = run("wallets", "update", "W", "--tier", "9" * 30)
    assert code == 2 and "Invalid value for '--tier'" in printed and "is no number of 64 bits" in printed


@pytest.mark.parametrize("words", [("nothing",), ("--nothing",), ("keys", "nothing"), ("cards", "check")])
def test_bad_usage_is_exit_code_2(words: tuple[str, ...]) -> None:
    code, _, printed = run(*words)
    assert code == 2 and "Error:" in printed and "Traceback" not in printed


def test_a_failure_is_exit_code_1_in_one_line_and_with_debug_its_traceback() -> None:
    words = ("audit", "--database", "postgres://127.0.0.1:9/nowhere")
    code, shown, printed = run(*words)
    assert (code, shown, printed.count("\n")) == (1, "", 1) and printed.startswith("Error: ")
    done = CliRunner().invoke(cli, ["--debug", *words])
    assert done.exit_code == 1 and done.exception is not None and not isinstance(done.exception, SystemExit)


def test_whoever_has_read_enough_of_a_commands_output_sees_no_error() -> None:
    """As `shardpay wallets list | head -1`."""
    command = [sys.executable, "-m", "switch", "transfers", "create", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 1
