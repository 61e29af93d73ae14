"""`shardpay lists remove` asks the switch that it is given, and says so in one line when it is away; test_add.py has the rest."""

from click.testing import CliRunner

from switch.cli.main import cli


def test_a_switch_that_is_away_is_one_line() -> None:
    arguments = ["lists", "remove", "stolen", "x"]
    done = CliRunner().invoke(cli, [*arguments, "--url", "http://127.0.0.1:9", "--key", "k"])
    assert done.exit_code == 1 and "the switch cannot be reached" in done.output + done.stderr
