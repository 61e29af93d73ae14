"""Groups load a command when it is called, and show an expected error as one line."""

import sys
import types
from typing import Any

import click
import pytest
from click.testing import CliRunner

from switch.cli import lazy
from switch.cli.lazy import Command, Commands, LazyGroup


@click.command("good", help="Do good.")
def good() -> None:
    click.echo("done")


@click.command("bad")
def bad() -> None:
    raise LookupError("nothing is there")


@click.command("silent")
def silent() -> None:
    raise LookupError


@click.command("ended")
def ended() -> None:
    raise click.exceptions.Exit(3)


TABLE = {
    "good": Command("of_tests:good", "Do good."),
    "bad": Command("of_tests:bad", "Do bad."),
    "silent": Command("of_tests:silent", "Say nothing."),
    "ended": Command("of_tests:ended", "End."),
    "away": Command("no.such.module:command", "Cannot be loaded."),
    "other": Command("", "Of another distribution."),
}


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Any = types.ModuleType("of_tests")
    found.good, found.bad, found.silent, found.ended = good, bad, silent, ended
    monkeypatch.setitem(sys.modules, "of_tests", found)


def group(kind: type[LazyGroup] = Commands) -> LazyGroup:
    option = click.Option(["--debug"], is_flag=True)
    return kind("all", table=TABLE, params=[option], callback=lambda debug: None)


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(group(), words)
    return done.exit_code, done.stdout, done.stderr


def test_help_comes_from_the_table_and_loads_nothing() -> None:
    code, shown, _ = run("--help")
    assert code == 0 and "Cannot be loaded." in shown and "no.such.module" not in sys.modules


def test_a_command_is_loaded_when_it_is_called() -> None:
    assert run("good") == (0, "done\n", "")
    assert run("goood")[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("bad",), 1, "Error: nothing is there"),
        (("silent",), 1, "Error: LookupError()"),
        (("away",), 1, "Error: No module named 'no'"),
        (("ended",), 3, ""),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(words: tuple[str, ...], code: int, line: str) -> None:
    ended_with, _, stderr = run(*words)
    assert (ended_with, stderr.strip()) == (code, line)


def test_with_debug_an_error_keeps_its_traceback() -> None:
    done = CliRunner().invoke(group(), ["--debug", "bad"])
    assert isinstance(done.exception, LookupError)


class _Entry:
    name = "other"

    def load(self) -> click.Command:
        return good


def test_what_another_distribution_brings_is_there_when_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "_entries", lambda: [])
    assert "other" not in run("--help")[1] and run("other")[0] == 2
    monkeypatch.setattr(lazy, "_entries", lambda: [_Entry()])
    assert "Of another distribution." in run("--help")[1] and run("other") == (0, "done\n", "")
