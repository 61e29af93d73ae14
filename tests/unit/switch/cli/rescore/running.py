"""A rescoring job of the small card, its workers in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from switch.cli.main import cli
from switch.cli.rescore import group
from tests.rescore_files import write_card, write_wallets
from tests.unit.actors.rescore.inline_pool import InlinePool


@contextmanager
def _inline(_: Any) -> Iterator[tuple[Any, int]]:
    yield partial(InlinePool), 1


def rescore(monkeypatch: pytest.MonkeyPatch, *words: object) -> Result:
    """What the command printed, and its exit code."""
    monkeypatch.setattr(group, "_pools", _inline)
    return CliRunner().invoke(cli, ["rescore", *(str(word) for word in words)])


def job(folder: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> Path:
    """The output of a job over so many rows."""
    source, card = write_wallets(folder / "in", rows, 1, 500), write_card(folder / "card.json")
    done = rescore(monkeypatch, "--input", source, "--card", card, "--output", folder / "out")
    assert done.exit_code == 0, done.output
    return folder / "out"
