"""Scripts outside the project rely on the names of commands and options: each is there."""

import click
import pytest

from switch.cli.main import cli

COMMANDS = {
    "serve": "--host --port --shards --scorers --front-doors --data --database --ray --config --sample",
    "import": "--format --url --concurrency --rate",
    "audit": "--data --database",
    "export": "--output --since",
    "features": "--output --as-of --data --database --input --ray",
    "population": "--output --people --seed",
    "demo": "",
    "rescore": "--input --card --output --ray --canary --max-bad --publish --url",
    "rescore status": "",
    "train": "--input --target --output",
    "rules check": "",
    "rules test": "",
    "rules backtest": "--input",
    "rules publish": "--mode --url",
    "cards check": "",
    "cards publish": "--url",
    "backup": "--output",
    "restore": "--input",
    "keys create": "--scope --name",
    "keys list": "",
    "keys revoke": "",
    "bench": "--quick --peers --output",
}


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_takes_its_options(words: str) -> None:
    command: click.Command = cli
    for word in words.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None, f"there is no command {word}"
        command = found
    taken = {name for parameter in command.params for name in parameter.opts}
    assert set(COMMANDS[words].split()) <= taken
    assert "Example: " in (command.epilog or "") or isinstance(command, click.Group)
