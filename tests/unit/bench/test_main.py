"""`shardpay bench`: what it wants is there before it measures anything."""

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.__main__ import BENCHMARKS, DEVELOPED, PEERS, main


@pytest.mark.parametrize("words", [("rescore",), ("rules", "--peers"), ("kernel", "cards", "--peers")])
def test_what_is_not_installed_is_told_before_anything_is_measured(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = CliRunner().invoke(main, [*words, "--output", str(tmp_path / "results")])
    assert done.exit_code == 1 and "make develop" in done.stderr and not (tmp_path / "results").exists()
    wanted = [each for name in words for each in (*DEVELOPED.get(name, ()), *PEERS.get(name, ()))]
    assert any(each in done.stderr for each in wanted)


def test_all_that_a_benchmark_wants_is_what_developers_have() -> None:
    assert {*DEVELOPED, *PEERS} <= set(BENCHMARKS)
    for names in (*DEVELOPED.values(), *PEERS.values()):
        assert all(importlib.util.find_spec(name) is not None for name in names), names
