"""A place is a path, made absolute, or the URL of a store that is known; what a store refuses ends a command in words."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from actors.storage.interface import StorageRefused
from switch.cli.location import LOCATION, store_refusals


@click.command()
@click.option("--at", type=LOCATION, default=Path("here"))
def command(at: Path | str) -> None:
    click.echo(f"{type(at).__name__} {at}")


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, words)
    return done.exit_code, done.output.strip()


def test_a_path_is_made_absolute_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for given in ("a/../b", "./b"):
        code, shown = run("--at", given)
        assert code == 0 and shown.endswith(f" {tmp_path / 'b'}")
    assert run()[1].endswith(" here"), "a default is what it is"


def test_a_url_of_a_known_store_stays_as_it_is() -> None:
    assert run("--at", "s3://bucket/prefix") == (0, "str s3://bucket/prefix")


@pytest.mark.parametrize("url", ["ftp://host/folder", "s3://", "://x"])
def test_a_url_of_no_store_is_bad_usage(url: str) -> None:
    code, shown = run("--at", url)
    assert code == 2 and "--at" in shown


def test_what_a_store_refuses_is_one_line_and_what_is_a_fault_stays_one() -> None:
    @store_refusals
    def refused() -> None:
        raise StorageRefused("s3://bucket: there is no such bucket")

    @store_refusals
    def broken() -> None:
        raise KeyError("a fault")

    @store_refusals
    def doubled(number: int, *, more: int) -> int:
        return 2 * number + more

    with pytest.raises(click.ClickException, match="no such bucket"):
        refused()
    with pytest.raises(KeyError):
        broken()
    assert doubled(4, more=1) == 9 and doubled.__name__ == "doubled"
