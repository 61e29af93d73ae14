"""One table of commands: help reads it alone, and each line says what the command says of itself."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from switch.cli.lazy import LazyGroup
from switch.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
LOADED = """
import sys
from switch.cli.main import cli
cli(sys.argv[1:], standalone_mode=False)
packages = ("ray", "numba", "numpy", "aiohttp", "asyncpg", "pyarrow", "rich", "msgspec")
print(sorted(name for name in packages if name in sys.modules))
"""

EVERY_HELP = """
import contextlib, io, json, sys
def packages():
    return {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
loaded, first = packages(), {}
from switch.cli.main import cli
for words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        cli([*words, "--help"], standalone_mode=False)
    assert shown.getvalue().startswith("Usage: "), words
    first[" ".join(words)] = sorted(packages() - loaded)
    loaded |= packages()
print(json.dumps(first))
"""
"""Shows the help of every command and tells for each the packages that it was the first to load."""
NEEDED_FOR_HELP = {"switch", "actors", "bench", "models", "rules", "click", "msgspec", "typing_extensions", "urllib3"}
"""What help may load: our own packages, the parser of the command line, the client of the API with its types. All others,
such as Numba, pyarrow, Ray or aiohttp, are imported in the function that needs them."""


def _run(*words: str) -> tuple[str, str]:
    """What a command shows, and which packages were loaded for it."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    shown, _, packages = done.stdout.rstrip().rpartition("\n")
    return shown, packages


def _commands(group: click.Group, names: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found += _commands(command, (*names, name)) if isinstance(command, click.Group) else [((*names, name), command)]
    return found


ALL = _commands(cli)


def test_help_loads_no_library_but_click() -> None:
    shown, packages = _run("--help")
    assert packages == "[]"
    for name, command in COMMANDS.items():
        assert f"  {name} " in shown and command.summary.split()[0] in shown


@pytest.mark.parametrize("words", [("wallets", "create"), ("events", "list"), ("transfers", "explain")])
def test_a_call_of_the_api_loads_what_its_client_needs_alone(words: tuple[str, ...]) -> None:
    assert _run(*words, "--help")[1] == "['msgspec']"


def test_the_help_of_no_command_loads_what_only_its_work_needs() -> None:
    words = [list(names) for names, _ in ALL] + [[name] for name in COMMANDS]
    done = subprocess.run(
        [sys.executable, "-c", EVERY_HELP],
        cwd=ROOT, input=json.dumps(words), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loaded = {name: set(packages) - NEEDED_FOR_HELP for name, packages in json.loads(done.stdout).items()}
    assert {name: packages for name, packages in loaded.items() if packages} == {}


WITHOUT_KERNELS = """
import sys
from switch.cli.main import cli
try:
    cli(sys.argv[1:], standalone_mode=False)
except (Exception, SystemExit) as error:
    print(error)
print("numba" in sys.modules)
"""


NOWHERE = ("--database", "postgresql://127.0.0.1:1/none")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("keys", "create", "--scope", "pay", *NOWHERE), "127.0.0.1"),
        (("keys", "list", *NOWHERE), "127.0.0.1"),
        (("cards", "check", "models/credit/cards/wallet-without-relations.json"), "SHA-256 of its canonical text"),
        (("doctor", "--port", "0", *NOWHERE), "machine code          kept in "),
    ],
    ids=lambda words: " ".join(words[:2]) if isinstance(words, tuple) else "",
)
def test_who_needs_no_kernel_does_not_load_their_compiler(words: tuple[str, ...], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERNELS, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert says in done.stdout and done.stdout.endswith("False\n")


def _lines(group: LazyGroup, names: tuple[str, ...] = ()) -> list[tuple[str, click.Command, str]]:
    """Each command of a group and of the groups in it, with the line that help shows of it."""
    found = []
    for name, line in group.table.items():
        command = group.get_command(click.Context(group), name)
        assert command is not None
        found.append((" ".join((*names, name)), command, line.summary))
        if isinstance(command, LazyGroup):
            found += _lines(command, (*names, name))
    return found


LINES = _lines(cli)


@pytest.mark.parametrize(("name", "command", "line"), LINES, ids=[name for name, _, _ in LINES])
def test_the_line_of_a_command_is_how_its_own_help_begins(name: str, command: click.Command, line: str) -> None:
    assert command.help is not None
    assert " ".join(command.help.split()).startswith(line.rstrip("."))


@pytest.mark.parametrize(("names", "command"), ALL, ids=[" ".join(names) for names, _ in ALL])
def test_every_command_shows_an_example_that_it_takes(names: tuple[str, ...], command: click.Command) -> None:
    assert command.epilog is not None and f"shardpay {' '.join(names)}" in command.epilog
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert option.help, (names, option.name)
