"""Options of tables: one character separates, and no file that is read is written over, by whatever path."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from switch.cli.table_options import csv_options, refuse_writing_over, table_format


@click.command()
@csv_options
def command(**options: Any) -> None:
    found = table_format(options)
    click.echo(f"{found.separator!r} {found.encoding!r}")


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, words)
    return done.exit_code, done.output.strip()


@pytest.mark.parametrize(
    ("given", "read"), [(";", "';'"), ("tab", "'\\t'"), ("\\t", "'\\t'"), ("\t", "'\\t'"), ("§", "'§'"), (" ", "' '")]
)
def test_a_separator_is_one_character_or_tab(given: str, read: str) -> None:
    assert run("--separator", given) == (0, f"{read} None")


@pytest.mark.parametrize("given", ["", "ab", '"', "\n", "\r", "tabs"])
def test_what_separates_nothing_is_bad_usage(given: str) -> None:
    code, shown = run("--separator", given)
    assert code == 2 and "one character" in shown


def test_what_is_not_given_is_found_in_the_file() -> None:
    assert run() == (0, "None None")
    assert run("--encoding", "cp1252") == (0, "None 'cp1252'")


def test_an_output_is_refused_when_it_is_an_input_by_name_link_or_way_around(tmp_path: Path) -> None:
    source, linked, twin = tmp_path / "in.csv", tmp_path / "link.csv", tmp_path / "twin.csv"
    source.write_text("a\n1\n")
    linked.symlink_to(source)
    twin.hardlink_to(source)
    (tmp_path / "sub").mkdir()
    for output in (source, linked, twin, tmp_path / "sub" / ".." / "in.csv"):
        with pytest.raises(click.UsageError, match="would be written over"):
            refuse_writing_over([tmp_path / "out.csv", output], [None, source])
    refuse_writing_over([tmp_path / "out.csv"], [None, source])


def test_an_output_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=r"there is no folder .*nowhere"):
        refuse_writing_over([tmp_path / "nowhere" / "out.csv"], [])
