"""`shardpay lists create` asks for a type that there is; test_add.py makes one."""

import pytest
from click.testing import CliRunner

from switch.cli.main import cli


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("stolen",), 2, "Missing option '--type'"),
        (("stolen", "--type", "email"), 2, "'email' is not one of 'wallet', 'device', 'country'"),
        (
            ("stolen", "--type", "device", "--url", "http://127.0.0.1:9", "--key", "k"),
            1,
            "the switch cannot be reached",
        ),
    ],
)
def test_what_is_wrong_is_one_line(arguments: tuple[str, ...], code: int, message: str) -> None:
    done = CliRunner().invoke(cli, ["lists", "create", *arguments])
    assert (done.exit_code, message in done.output + done.stderr) == (code, True), done.output
