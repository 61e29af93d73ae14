"""Values of options: lengths of time and times, and what wrong ones are answered."""

from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from switch.cli.main import cli
from switch.cli.options import DURATION, LocalPath, as_text, as_time, json_option, progress_bar, storage_options


@click.command()
@click.option("--life", type=DURATION)
@click.option("--from", "since", callback=as_time)
@json_option
@storage_options
def command(life: timedelta | None, since: int | None, as_json: bool, data: Path, database: str | None) -> None:
    seconds = None if life is None else life.total_seconds()
    click.echo(as_text({"life": seconds, "since": since, "json": as_json, "data": str(data), "database": database}))


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(arguments), env=environment)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90m", 5_400), ("24h", 86_400), ("90d", 7_776_000), ("36500d", 3_153_600_000)]
)
def test_a_length_of_time_is_a_whole_number_and_its_unit(text: str, seconds: int) -> None:
    code, output = run("--life", text)
    assert code == 0 and f'"life": {seconds}.0' in output


@pytest.mark.parametrize("text", ["", "5", "h", "0s", "-1d", "1.5h", "1w", "36501d", "٣d", " 1d", "1D"])
def test_no_length_of_time_is_refused_with_what_is_possible(text: str) -> None:
    code, output = run("--life", text)
    assert code == 2 and ("s, m, h or d" in output or "is not between 1s and 36500d" in output)


def test_a_time_is_milliseconds_and_a_wrong_one_is_refused() -> None:
    assert '"since": 1795521600000' in run("--from", "2026-11-24T12:00:00Z")[1]
    assert run("--from", "yesterday")[0] == 2 and '"since": null' in run()[1]


def test_where_the_data_lie_comes_from_the_options_or_the_environment() -> None:
    assert '"data": "data"' in run()[1] and '"database": null' in run()[1]
    assert '"database": "postgres://x"' in run(SHARDPAY_DATABASE="postgres://x")[1]
    assert '"data": "a"' in run("--data", "a", SHARDPAY_DATA="b")[1] and '"json": true' in run("--json")[1]


def test_a_directory_that_is_typed_goes_before_the_database_of_the_environment() -> None:
    everywhere = {"SHARDPAY_DATABASE": "postgres://x"}
    assert '"database": null' in run("--data", "try", **everywhere)[1]
    assert '"database": "postgres://y"' in run("--data", "try", "--database", "postgres://y", **everywhere)[1]
    assert '"database": "postgres://y"' in run("--database", "postgres://y", "--data", "try", **everywhere)[1]
    assert '"database": "postgres://x"' in run(SHARDPAY_DATA="b", **everywhere)[1]


def test_progress_is_drawn_on_a_terminal_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar("reading", "rows") as progress:
        progress(1, 0)
    assert capfd.readouterr() == ("", "")


@click.command()
@click.option("--output", type=LocalPath(path_type=Path, file_okay=False), default=Path("results"))
def writing(output: Path) -> None:
    click.echo(f"{type(output).__name__} {output.name}")


@pytest.mark.parametrize("url", ["s3://bureau/features", "file:///tmp/x"])
def test_a_url_is_no_path_of_this_machine(url: str) -> None:
    refused = CliRunner().invoke(writing, ["--output", url])
    assert refused.exit_code == 2 and f"{url} is a URL" in refused.stderr
    for words, name in (([], "results"), (["--output", "./a:b"], "a:b")):
        assert CliRunner().invoke(writing, words).stdout == f"PosixPath {name}\n"


@pytest.mark.parametrize(
    "words", [("features", "--output"), ("export", "--output"), ("backup", "--output"), ("serve", "--data")]
)
def test_a_command_that_writes_a_folder_makes_none_that_is_called_as_a_url(
    words: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(cli, [*words, "s3://bureau/x"])
    assert refused.exit_code == 2 and "is a URL" in refused.stderr and not list(tmp_path.iterdir())
